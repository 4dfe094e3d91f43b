"""Mail on paper: one message, or a conversation, as a document of its own with nothing of the application around it.

The documents are foreign, so they stand behind the policy of a message: no script, nothing remote. Each text has a shadow
root of its own, so that the styles of one mail reach neither another nor who it says it is from.
"""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe

from webmail.errors import MailError
from webmail.mime.headers import display_text
from webmail.models import Message

from . import pictures, reader
from .access import conversation_of, message_of, user_of
from .people import own_addresses
from .place import place_of
from .policy import PRINT_POLICY
from .when import Clock, clock_of

MOST = 100
INSIDE = mark_safe(
    "<style>:host{all:initial;display:block;color:#000;font:13px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',"
    "sans-serif;overflow-wrap:anywhere}img,table,td,th{max-width:100%!important}img{height:auto}pre{white-space:pre-wrap;"
    "font:12px/1.5 ui-monospace,'DejaVu Sans Mono',monospace}a{color:#2b5fc7}blockquote{margin:8px 0;padding:0 0 0 12px;"
    "border-left:2px solid #cfcfca}</style>"
)


@login_required
@require_safe
def message_print(request: HttpRequest, message_id: int) -> HttpResponse:
    message = message_of(request, message_id)
    return _document(request, [message], message.subject)


@login_required
@require_safe
def conversation_print(request: HttpRequest, folder_id: int, conversation_id: int) -> HttpResponse:
    """What the reader shows of it, oldest first; of more than a hundred messages the newest."""
    place = place_of(request, folder_id)
    messages = reader.shown(conversation_of(request, conversation_id), place.here).messages
    if not messages:
        raise Http404
    return _document(request, messages[-MOST:], messages[0].subject)


def _document(request: HttpRequest, messages: list[Message], subject: str) -> HttpResponse:
    own, clock = own_addresses(user_of(request).pk), clock_of(request)
    context = {
        "subject": display_text(subject).strip() or "(no subject)",
        "letters": [(_head(message, own, clock), _text(request, message)) for message in messages],
    }
    response = HttpResponse(render_to_string("mailbox/print.html", context))
    response.headers["Content-Security-Policy"] = PRINT_POLICY
    response.headers["X-DNS-Prefetch-Control"] = "off"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _head(message: Message, own: frozenset[str], clock: Clock) -> reader.Card:
    return reader.card(message, frozenset({message.shown_in_id or 0}), own, clock, is_open=True)


def _text(request: HttpRequest, message: Message) -> SafeString:
    """The sanitised text inside a shadow root. What it is cannot close the template: the sanitiser lets none through."""
    try:
        body, _ = pictures.content(request, message)
    except MailError as error:
        return format_html('<p class="missing">{}</p>', error.sentence)
    inside = mark_safe(f"{INSIDE}{body.written}{body.quoted}")  # noqa: S308 - came out of the sanitiser
    return format_html('<div><template shadowrootmode="open">{}</template></div>', inside)

"""One message: its card, the document of its frame, its parts, its source."""

from contextlib import suppress

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webmail.errors import GiveUp, MailError
from webmail.mime.preview import preview_of
from webmail.models import Message
from webmail.sync import afterwards, bodies, pieces

from . import frame, pictures, reader, senders
from .access import message_of, user_of
from .parts import begun, download, ranged, unavailable
from .people import own_addresses
from .policy import MESSAGE_POLICY
from .when import clock_of

SHOWN_INLINE = frozenset({"picture", "pdf", "audio", "video"})


@login_required
@require_safe
def message_card(request: HttpRequest, message_id: int) -> HttpResponse:
    message = message_of(request, message_id)
    if "sender" in request.GET:
        with suppress(MailError):
            message.sender_check = bodies.sender_check(message)
    here = frozenset({message.shown_in_id or message.folder_id})
    own = own_addresses(user_of(request).pk)
    lists = senders.left_lists(user_of(request).pk, [message])
    card = reader.card(message, here, own, clock_of(request), is_open=True, lists=lists)
    return render(request, "mailbox/_card.html", {"card": card})


@login_required
@require_safe
def message_body(request: HttpRequest, message_id: int) -> HttpResponse:
    """The document inside the frame. A body that cannot be had is a sentence in it, never an error page."""
    message = message_of(request, message_id)
    with afterwards.put_off() as works:
        response = _Answer(_document(request, message), works)
    response.headers["Content-Security-Policy"] = MESSAGE_POLICY
    # A name that is looked up tells its owner that the mail was opened.
    response.headers["X-DNS-Prefetch-Control"] = "off"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


class _Answer(HttpResponse):
    """Once it is out, what was put off is done."""

    def __init__(self, document: str, works: list[afterwards.Work]) -> None:
        super().__init__(document)
        self._works = works

    def close(self) -> None:
        afterwards.settle(self._works)
        super().close()


def _document(request: HttpRequest, message: Message) -> str:
    theme = user_of(request).theme
    try:
        body, shown_by = pictures.content(request, message)
    except MailError as error:
        again = not isinstance(error, GiveUp)
        return frame.problem(error.sentence, request.path if again else "", theme=theme)
    return frame.document(
        body.written,
        body.quoted,
        remote=body.remote,
        too_complex=body.too_complex,
        theme=theme,
        on=request.GET.get("on", ""),
        shown_by=shown_by,
        trackers=body.trackers,
    )


@login_required
@require_safe
def message_part(request: HttpRequest, message_id: int, section: str) -> HttpResponseBase:
    """A download in pieces, or a range of it; ``inline=1`` shows what a browser only paints or plays."""
    message = message_of(request, message_id)
    try:
        content = pieces.open_content(message, section)
        part = content.part
        found = preview_of(part)
        inline = "inline" in request.GET and found.kind in SHOWN_INLINE
        kind = found.type if inline else "application/octet-stream"
        name = part.filename or reader.NAMELESS.get(part.type, f"part-{section}")
        return ranged(request, content, kind, name, f'"{message.pk}-{section}-{content.size}"', inline=inline)
    except MailError as error:
        return unavailable(request, error)


@login_required
@require_safe
def message_source(request: HttpRequest, message_id: int) -> HttpResponseBase:
    """The whole message as it came, as a file."""
    message = message_of(request, message_id)
    try:
        octets = begun(bodies.source(message))
    except MailError as error:
        return unavailable(request, error)
    return download(octets, "application/octet-stream", f"{_title(message)[:80]}.eml")


def _title(message: Message) -> str:
    return message.subject.strip() or "message"

"""The reader."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webmail.mime.headers import display_text

from . import reader
from .access import conversation_of, folder_of, user_of
from .mailbox import list_context, page_context
from .people import own_addresses
from .when import clock_of


@login_required
@require_safe
def conversation(request: HttpRequest, folder_id: int, conversation_id: int) -> HttpResponse:
    """The whole page with the list beside it; for htmx the reader alone. Reading changes nothing: the page asks to."""
    clock = clock_of(request)
    own = own_addresses(user_of(request).pk)
    htmx = bool(request.htmx)  # type: ignore[attr-defined]
    context = {} if htmx else page_context(request, folder_id, clock, own=own, opened=conversation_id)
    folder = folder_of(request, folder_id) if htmx else context["folder"]
    found = conversation_of(request, conversation_id)
    messages = reader.messages_of(found, folder)
    if not messages:
        raise Http404
    here = [message for message in messages if message.shown_in_id == folder.pk]
    subject = (here or messages)[0].subject
    context |= {
        "folder": folder,
        "folder_url": request.path.partition("conversation/")[0],
        "conversation": found,
        "subject": display_text(subject).strip() or "(no subject)",
        "cards": reader.cards(messages, folder, own, clock),
        "newest": messages[-1],
        "unread_ids": ",".join(str(message.pk) for message in messages if not message.seen),
        "flagged": any(message.flagged for message in here),
        **list_context(folder),
    }
    return render(request, "mailbox/_reader.html" if htmx else "mailbox/page.html", context)

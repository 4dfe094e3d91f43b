"""The reader."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webmail.mime.headers import display_text
from webmail.models import Conversation

from . import reader
from .access import conversation_of, user_of
from .mailbox import list_context, page_context
from .people import own_addresses
from .place import Place, place_of
from .when import Clock, clock_of


@login_required
@require_safe
def conversation(request: HttpRequest, conversation_id: int, folder_id: int | None = None) -> HttpResponse:
    """The whole page with the list beside it; for htmx the reader alone. Reading changes nothing: the page asks to.

    Without ``folder_id`` it is read in the unified inbox.
    """
    clock = clock_of(request)
    own = own_addresses(user_of(request).pk)
    htmx = bool(request.htmx)  # type: ignore[attr-defined]
    context = {} if htmx else page_context(request, folder_id, clock, own=own, opened=conversation_id)
    place = place_of(request, folder_id) if htmx else context["place"]
    context |= read(conversation_of(request, conversation_id), place, place.here, own, clock)
    return render(request, "mailbox/_reader.html" if htmx else "mailbox/page.html", context)


def read(found: Conversation, place: Place, here: frozenset[int], own: frozenset[str], clock: Clock) -> dict[str, Any]:
    """What the reader shows of a conversation that stands in the folders ``here``; 404 when nothing of it is left."""
    shown = reader.shown(found, here)
    messages = shown.messages
    if not messages:
        raise Http404
    subject = next((message for message in messages if message.shown_in_id in here), messages[0]).subject
    return {
        "place": place,
        "key": str(found.pk),
        "marks": [mark for pk, mark in place.marks.items() if pk in {message.shown_in_id for message in shown.here}],
        "conversation": found,
        "subject": display_text(subject).strip() or "(no subject)",
        "cards": reader.cards(messages, here, own, clock),
        "newest": messages[-1],
        "unread_ids": ",".join(str(pk) for pk in shown.unread),
        "flagged": any(message.flagged for message in shown.here),
        **list_context(place),
    }

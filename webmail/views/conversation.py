"""The reader."""

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from webmail.mime.headers import display_text
from webmail.models import Conversation, Message
from webmail.sync import rendering

from . import reader, senders
from .access import conversation_of, message_of, user_of
from .mailbox import list_context, page_context
from .people import own_addresses
from .place import Place, place_of
from .when import Clock, clock_of

# Connections for what a person waits for are few.
MOST_EARLY = 2


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
    found = conversation_of(request, conversation_id)
    context |= read(found, place, place.here, own, clock, newest_first=user_of(request).newest_first)
    return render(request, "mailbox/_reader.html" if htmx else "mailbox/page.html", context)


@login_required
@require_safe
def single_message(request: HttpRequest, message_id: int, folder_id: int | None = None) -> HttpResponse:
    """One message in the reader, where conversations are switched off; 404 unless it stands in the place."""
    clock = clock_of(request)
    own = own_addresses(user_of(request).pk)
    htmx = bool(request.htmx)  # type: ignore[attr-defined]
    message = message_of(request, message_id)
    name = f"m{message.pk}"
    opened = f"{message.shown_in_id}-{name}" if folder_id is None else name
    context = {} if htmx else page_context(request, folder_id, clock, own=own, opened=opened)
    place = place_of(request, folder_id) if htmx else context["place"]
    if message.shown_in_id not in place.here:
        raise Http404
    _ask_early([message])
    lists = senders.left_lists(user_of(request).pk, [message])
    card = reader.card(message, place.here, own, clock, is_open=True, lists=lists)
    context |= {
        "place": place,
        "key": name,
        "marks": [mark for pk, mark in place.marks.items() if pk == message.shown_in_id],
        "conversation": message,
        "subject": display_text(message.subject).strip() or "(no subject)",
        "groups": [reader.Group([card])],
        "newest": message,
        "to_all": card.to_all,
        "unread_ids": "" if message.seen else str(message.pk),
        "flagged": message.flagged,
        **list_context(place),
    }
    return render(request, "mailbox/_reader.html" if htmx else "mailbox/page.html", context)


def _ask_early(messages: list[Message]) -> None:
    """While the page is made the texts come that it will ask for: of the newest that stand open and were never here."""
    newest = messages[-1].pk
    opened = [message for message in messages if not message.seen or message.pk == newest]
    rendering.begin([each.pk for each in opened if not each.draft and not senders.is_known(each)][-MOST_EARLY:])


def _older(conversation: Conversation) -> str:
    """Where what is too much for one page can be found; "" without a subject."""
    subject = conversation.base_subject.replace('"', " ").strip()
    query = urlencode({"q": f'subject:"{subject}"'})
    return f"{reverse('search')}?{query}" if subject else ""


def read(
    found: Conversation,
    place: Place,
    here: frozenset[int],
    own: frozenset[str],
    clock: Clock,
    *,
    newest_first: bool = False,
) -> dict[str, Any]:
    """What the reader shows of a conversation that stands in the folders ``here``; 404 when nothing of it is left."""
    shown = reader.shown(found, here)
    messages = shown.messages
    if not messages:
        raise Http404
    _ask_early(messages)
    lists = senders.left_lists(found.user_id, messages)
    subject = next((message for message in messages if message.shown_in_id in here), messages[0]).subject
    cards = reader.cards(messages, here, own, clock, lists)
    # What is begun answers the one before.
    newest = next((card for card in reversed(cards) if not card.message.draft), cards[-1])
    return {
        "place": place,
        "key": str(found.pk),
        "marks": [mark for pk, mark in place.marks.items() if pk in {message.shown_in_id for message in shown.here}],
        "conversation": found,
        "subject": display_text(subject).strip() or "(no subject)",
        "groups": reader.groups(cards, newest_first=newest_first),
        "newest_first": newest_first,
        "several": len(messages) > 1,
        "more": shown.more,
        "older": _older(found) if shown.more else "",
        "muted": found.muted_at is not None,
        "newest": newest.message,
        "to_all": newest.to_all,
        "unread_ids": ",".join(str(pk) for pk in shown.unread),
        "flagged": any(message.flagged for message in shown.here),
        **list_context(place),
    }

"""Messages answered and passed on: each makes a draft and opens it."""

from collections.abc import Callable

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST

from webmail.errors import MailError
from webmail.mime.parts import Part
from webmail.mime.routing import Routing, routing
from webmail.models import Message, OutgoingMessage
from webmail.outbox import answering, drafts, letter, quoted, reply
from webmail.sync.bodies import headers, text_parts
from webmail.sync.server_drafts import edit_draft as edit_draft_of

from .access import message_of, user_of
from .compose_actions import opened
from .organise import PlaceOf, refused
from .place import place_of
from .selection import selected
from .when import zone_of

MOST_FORWARDED = 50
private = cache_control(private=True, no_store=True)


def _from_message(request: HttpRequest, message_id: int, make: Callable[[Message], OutgoingMessage]) -> HttpResponse:
    message = message_of(request, message_id)
    try:
        return opened(request, make(message))
    except MailError as problem:
        sentence = problem.sentence
        if not isinstance(problem, answering.NoList):
            sentence = f"The message could not be fetched to be quoted. {sentence}"
        if request.headers.get("HX-Request") == "true":
            return HttpResponse(sentence, status=503, content_type="text/plain; charset=utf-8")
        toasts.error(request, sentence)
        return redirect("conversation", message.shown_in_id, message.conversation_id)


def _answer(request: HttpRequest, message_id: int, mode: answering.Mode) -> HttpResponse:
    user, zone = user_of(request), zone_of(request)
    selection = request.POST.get("selection", "").strip()[: quoted.LARGEST_QUOTE]

    def make(row: Message) -> OutgoingMessage:
        found = _routing(row, mode)
        # What was selected in the message is quoted alone; it needs no fetching.
        parts = [(Part(section="", type="text/html"), selection)] if selection else text_parts(row)
        return reply.reply(user, row, parts, zone=zone, mode=mode, found=found)

    return _from_message(request, message_id, make)


def _routing(row: Message, mode: answering.Mode) -> Routing | None:
    """What the header says, where the rest does not tell enough: the body's own fetch stays the only one otherwise."""
    if mode != "list" and answering.written_to(row) is not None:
        return None
    try:
        return routing(headers(row))
    except MailError:
        if mode == "list":
            raise
        return None


@login_required
@require_POST
@private
def answer(request: HttpRequest, message_id: int) -> HttpResponse:
    return _answer(request, message_id, "sender")


@login_required
@require_POST
@private
def answer_all(request: HttpRequest, message_id: int) -> HttpResponse:
    return _answer(request, message_id, "all")


@login_required
@require_POST
@private
def answer_list(request: HttpRequest, message_id: int) -> HttpResponse:
    return _answer(request, message_id, "list")


@login_required
@require_POST
@private
def forward(request: HttpRequest, message_id: int) -> HttpResponse:
    user, zone = user_of(request), zone_of(request)
    return _from_message(request, message_id, lambda row: reply.forward(user, row, text_parts(row), zone=zone))


@login_required
@require_POST
@private
def forward_whole(request: HttpRequest, message_id: int) -> HttpResponse:
    user = user_of(request)
    return _from_message(request, message_id, lambda row: reply.forward_whole(user, [row]))


@login_required
@require_POST
@private
def forward_selected(request: HttpRequest, folder_id: int | None = None, find: PlaceOf = place_of) -> HttpResponse:
    """The messages that are selected in a list, as files of one draft; without ``folder_id`` as ``organise`` has it."""
    user, place = user_of(request), find(request, folder_id)
    selection = selected(request)
    if selection.everything or not selection:
        return refused(
            request, "Select the messages to forward one by one." if selection else "Select a message first.", place
        )
    named = selection.rows(user, place, newest_only=False)
    if not named:
        return refused(request, "What you selected is no longer here.", place)
    if len(named) > MOST_FORWARDED:
        return refused(request, f"At most {MOST_FORWARDED} messages can be forwarded at once.", place)
    rows = Message.objects.select_related("account").filter(pk__in=[row.pk for row in named])
    return opened(request, reply.forward_whole(user, list(rows.order_by("internaldate", "pk"))))


@login_required
@require_POST
@private
def edit_draft(request: HttpRequest, message_id: int) -> HttpResponse:
    message = message_of(request, message_id)
    known = drafts.draft_of(message)
    if known is not None and known.state not in letter.EDITABLE:
        return redirect("outbox")
    return _from_message(request, message_id, edit_draft_of)

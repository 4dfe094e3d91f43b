"""Answers that are waited for: the conversation again, a second letter, or no more waiting."""

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_POST

from webmail.errors import GiveUp
from webmail.models import Reminder
from webmail.sync import reminders

from .access import message_of, reminder_of
from .answering import answer_all
from .organise import back, refused, told
from .when import clock_of

private = cache_control(private=True, no_store=True)
DAYS = 3
NOT_HERE = "The message you sent is not in this mailbox, or not yet."


@login_required
@require_GET
@private
def reminder(request: HttpRequest, reminder_id: int) -> HttpResponse:
    message = reminders.sent_message(reminder_of(request, reminder_id))
    if message is None:
        toasts.info(request, NOT_HERE)
        return redirect("outbox")
    return redirect("conversation", message.shown_in_id, message.conversation_id)


@login_required
@require_POST
@private
def message_remind(request: HttpRequest, message_id: int) -> HttpResponse:
    """For a message the person sent some time ago; asked twice, it is moved. GiveUp's sentence where there is no use in it."""
    message = message_of(request, message_id)
    try:
        found = reminders.remind_of(message, DAYS, timezone.now())
    except GiveUp as problem:
        return refused(request, problem.sentence, None)
    when = clock_of(request).ahead(found.due_at)
    return told(request, f"You are reminded on {when} if nobody answers.", None, place=None)


@login_required
@require_POST
@private
def reminder_write(request: HttpRequest, reminder_id: int) -> HttpResponse:
    """To the same people once more, with what was written quoted."""
    message = reminders.sent_message(reminder_of(request, reminder_id))
    if message is None:
        toasts.info(request, NOT_HERE)
        return redirect("outbox")
    return answer_all(request, message.pk)


@login_required
@require_POST
@private
def reminder_dismiss(request: HttpRequest, reminder_id: int) -> HttpResponse:
    """Dismissing twice is harmless."""
    found = reminder_of(request, reminder_id)
    reminders.settle(found, Reminder.State.DISMISSED)
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse()
    toasts.success(request, f"You are not reminded of “{found}” any more.")
    return redirect(back(request, None))

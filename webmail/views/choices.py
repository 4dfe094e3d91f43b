"""What a person does to one message of a conversation: split off, unread from here on."""

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from webmail.errors import GiveUp
from webmail.models import Message
from webmail.sync import actions, choices

from .access import message_of, user_of
from .organise import refused, told
from .reader import ASIDE


@login_required
@require_POST
def message_split(request: HttpRequest, message_id: int) -> HttpResponse:
    """A conversation of its own, copies of the message in other folders included."""
    message = message_of(request, message_id)
    try:
        done = choices.split(user_of(request), message)
    except GiveUp as error:
        return refused(request, error.sentence, None)
    return told(request, done.text, done.batch, place=None)


@login_required
@require_POST
def message_unread_from(request: HttpRequest, message_id: int) -> HttpResponse:
    """This message and what came after it in the conversation."""
    message = message_of(request, message_id)
    beside = Q(shown_in=message.shown_in) | ~Q(shown_in__special_use__in=ASIDE)
    later = Message.objects.filter(
        beside,
        conversation_id=message.conversation_id,
        shown_in__isnull=False,
        internaldate__gte=message.internaldate,
    ).exclude(internaldate=message.internaldate, pk__lt=message.pk)
    done = actions.store(user_of(request), later, "seen", value=False)
    return told(
        request, done.text if done.count else "Nothing to change", done.batch if done.count else None, place=None
    )

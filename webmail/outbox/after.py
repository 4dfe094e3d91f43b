"""What follows once a message was taken: the original is marked, the copies are due."""

import logging
import uuid

from django.db import transaction

from webmail.contacts import collect
from webmail.models import Message, OutgoingMessage, PendingAction
from webmail.models.mirror import change

from .drafts import server_copies
from .wake import ask_worker

logger = logging.getLogger(__name__)
FORWARDED = "$Forwarded"  # RFC 5788


def sent(outgoing: OutgoingMessage) -> None:
    """Never raises: the message is out, whatever goes wrong here."""
    try:
        with change(outgoing.user_id) as changed:
            for message, flag in _marks(outgoing):
                if _mark(message, flag):
                    changed.message(message)
                    ask_worker(message.account_id)
            for message in server_copies(outgoing):
                Message.objects.filter(pk=message.pk).update(shown_in=None)
                changed.message(message)
            ask_worker(outgoing.account_id)
    except Exception:
        logger.exception("message %s was sent, but what follows was not recorded", outgoing.pk)
    try:
        with transaction.atomic():
            collect.sent(outgoing)
    except Exception:
        logger.exception("message %s was sent, but its recipients were not collected", outgoing.pk)


def _marks(outgoing: OutgoingMessage) -> list[tuple[Message, str]]:
    """What was answered or passed on, in its text or whole as a file."""
    whole = outgoing.attachments.filter(section="", message__isnull=False).select_related("message")
    passed_on = {row.message.pk: row.message for row in whole if row.message is not None}
    if outgoing.forwards is not None:
        passed_on.setdefault(outgoing.forwards.pk, outgoing.forwards)
    marks = [(message, FORWARDED) for message in passed_on.values()]
    return [(outgoing.answers, "answered"), *marks] if outgoing.answers is not None else marks


def _mark(message: Message, flag: str) -> bool:
    """Set a flag in the mirror and in the journal; False if it stands already or the message is gone."""
    with transaction.atomic():
        if flag == "answered":
            if message.answered:
                return False
            message.answered = True
        else:
            if flag in message.keywords:
                return False
            message.keywords = sorted({*message.keywords, flag})
        if not Message.objects.filter(pk=message.pk, shown_in__isnull=False).update(
            answered=message.answered, keywords=message.keywords
        ):
            return False
        PendingAction.objects.create(
            account_id=message.account_id,
            kind=PendingAction.Kind.STORE,
            batch=uuid.uuid4(),
            message=message,
            source_id=message.shown_in_id,
            flag=flag,
            value=True,
        )
    return True

"""What follows once a message was taken: the original is marked, the copies are due."""

import logging
import uuid
from collections.abc import Sequence
from itertools import chain

from django.db import transaction

from webmail.contacts import collect
from webmail.models import Message, OutgoingAttachment, OutgoingMessage, PendingAction
from webmail.models.mirror import change

from .drafts import server_copies
from .wake import ask_worker

logger = logging.getLogger(__name__)
FORWARDED = "$Forwarded"  # RFC 5788


def sent(rows: Sequence[OutgoingMessage]) -> None:
    """For messages of one person. Never raises: they are out, whatever goes wrong here."""
    if not rows:
        return
    numbers = ", ".join(str(row.pk) for row in rows)
    try:
        with change(rows[0].user_id) as changed:
            for message, flag in _marks(rows):
                if _mark(message, flag):
                    changed.message(message)
                    ask_worker(message.account_id)
            for message in chain.from_iterable(map(server_copies, rows)):
                Message.objects.filter(pk=message.pk).update(shown_in=None)
                changed.message(message)
            for account_id in {row.account_id for row in rows}:
                ask_worker(account_id)
    except Exception:
        logger.exception("messages %s were sent, but what follows was not recorded", numbers)
    try:
        with transaction.atomic():
            collect.sent(rows)
    except Exception:
        logger.exception("messages %s were sent, but their recipients were not collected", numbers)


def _marks(rows: Sequence[OutgoingMessage]) -> list[tuple[Message, str]]:
    """What was answered or passed on, in its text or whole as a file."""
    whole = OutgoingAttachment.objects.filter(outgoing__in=rows, section="", message__isnull=False)
    passed_on = {row.message.pk: row.message for row in whole.select_related("message") if row.message is not None}
    for row in rows:
        if row.forwards is not None:
            passed_on.setdefault(row.forwards.pk, row.forwards)
    answered = [(row.answers, "answered") for row in rows if row.answers is not None]
    return [*answered, *((message, FORWARDED) for message in passed_on.values())]


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

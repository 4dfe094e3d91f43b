"""What follows once a message was taken: the original is marked, its recipients are remembered, the copies are due.

The row says ``follow_up`` from the moment that its sending is recorded, and no longer in the transaction that writes all this
down: it is done once, and by the next worker where this one dies before.
"""

import logging
import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import chain

from django.db import DatabaseError, OperationalError, transaction
from django.db.models import Q
from django.utils import timezone

from webmail.contacts import collect
from webmail.models import Message, OutgoingAttachment, OutgoingMessage, PendingAction
from webmail.models.mirror import change

from .drafts import server_copies
from .wake import ask_worker

logger = logging.getLogger(__name__)
FORWARDED = "$Forwarded"  # RFC 5788
AT_ONCE = 50
# Who has sent a message does this within seconds, for several together.
LEFT = timedelta(seconds=30)


def sent(rows: Sequence[OutgoingMessage]) -> None:
    """For messages of one person. Never raises: they are out, whatever goes wrong here."""
    if not rows:
        return
    numbers = [row.pk for row in rows]
    try:
        with change(rows[0].user_id) as changed:
            owing = OutgoingMessage.objects.filter(pk__in=numbers, follow_up=True)
            still = set(owing.values_list("pk", flat=True))
            owing.update(follow_up=False)
            rows = [row for row in rows if row.pk in still]
            for message, flag in _marks(rows):
                if mark(message, flag):
                    changed.message(message)
                    ask_worker(message.account_id)
            for message in chain.from_iterable(map(server_copies, rows)):
                Message.objects.filter(pk=message.pk).update(shown_in=None)
                changed.message(message)
            for account_id in {row.account_id for row in rows}:
                ask_worker(account_id)
            _collect(rows)
    except Exception as problem:
        logger.exception("messages %s were sent, but what follows was not recorded", numbers)
        if len(numbers) == 1 and not isinstance(problem, OperationalError):
            # It would fail the same again.
            with suppress(DatabaseError):
                OutgoingMessage.objects.filter(pk__in=numbers).update(follow_up=False)


def left() -> int:
    """Do what a worker that is gone has left undone; return for how many messages."""
    now = timezone.now()
    long_ago = Q(sent_at__lt=now - LEFT) | Q(sent_at__gt=now)
    rows = OutgoingMessage.objects.filter(long_ago, follow_up=True)
    found = list(rows.order_by("sent_at")[:AT_ONCE])
    for row in found:
        sent([row])
    return len(found)


def _collect(rows: Sequence[OutgoingMessage]) -> None:
    try:
        with transaction.atomic():
            # Who gets a receipt was not written to.
            collect.sent([row for row in rows if row.envelope_from])
    except OperationalError:
        raise
    except Exception:
        logger.exception("the recipients of messages %s were not collected", [row.pk for row in rows])


def _marks(rows: Sequence[OutgoingMessage]) -> list[tuple[Message, str]]:
    """What was answered or passed on, in its text or whole as a file."""
    whole = OutgoingAttachment.objects.filter(outgoing__in=rows, section="", message__isnull=False)
    passed_on = {row.message.pk: row.message for row in whole.select_related("message") if row.message is not None}
    for row in rows:
        if row.forwards is not None:
            passed_on.setdefault(row.forwards.pk, row.forwards)
    answered = [(row.answers, "answered") for row in rows if row.answers is not None]
    return [*answered, *((message, FORWARDED) for message in passed_on.values())]


def mark(message: Message, flag: str) -> bool:
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

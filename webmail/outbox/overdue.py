"""What should have been sent long ago, and was not because the program did not run, or was put back to an earlier day.

After a restored backup the rows say "waiting" of messages that are out (fault F55). So what is late when a worker begins is
looked for in Sent by its Message-ID before it is sent, and what is more than a day late waits for the person's word.
"""

import logging
from datetime import datetime, timedelta

from django.utils import timezone

from webmail.models import Notice, OutgoingMessage
from webmail.models.mirror import announce

from .wake import ask_worker

logger = logging.getLogger(__name__)
State, Held = OutgoingMessage.State, OutgoingMessage.Held
LATE = timedelta(minutes=15)
TOO_LATE = timedelta(days=1)
AT_ONCE = 200


def hold_overdue(*, starting: bool) -> int:
    """Keep from being sent what needs a look first; return of how many messages. ``starting``: the worker has just begun."""
    now = timezone.now()
    held = 0
    waiting = OutgoingMessage.objects.filter(state=State.QUEUED, send_after__lt=now - TOO_LATE)
    for row in waiting.exclude(held=Held.ASK)[:AT_ONCE]:
        if waiting.filter(pk=row.pk).exclude(held=Held.ASK).update(held=Held.ASK):
            held += 1
            logger.warning("message %s was due at %s and waits for the person", row.pk, row.send_after)
            text = f"“{row}” should have been sent more than a day ago and was not. Decide in the outbox what becomes of it."
            Notice.objects.create(user_id=row.user_id, text=text[:1000])
            announce(row.user_id)
    if starting:
        held += _look_first(now)
    return held


def _look_first(now: datetime) -> int:
    late = OutgoingMessage.objects.filter(
        state=State.QUEUED, held=Held.NO, send_after__lt=now - LATE, send_after__gte=now - TOO_LATE
    )
    accounts = set(late.order_by().values_list("account_id", flat=True).distinct())
    held = late.update(held=Held.LOOK)
    for account_id in accounts:
        ask_worker(account_id)
    return held

"""Asking the account's worker for its turn."""

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from accounts.models import MailAccount
from webmail.errors import Reason
from webmail.models import SyncState

QUIET = timedelta(seconds=2)  # after the last keystroke, before the draft goes to the server
SOONEST = timedelta(seconds=1)
DISCARD_KEPT = timedelta(seconds=15)  # until the server's copy goes, too


def ask_worker(account_id: int, after: timedelta = timedelta(0)) -> None:
    """Make the account due once ``after`` has passed; announce() and the clock wake the worker."""
    when = timezone.now() + after
    states = SyncState.objects.filter(account_id=account_id, due_at__gt=when)
    # A server that is being left alone after a failure stays so, however often the draft is saved. Mail that lives here
    # needs no server.
    failing = Q(status__in=[SyncState.Status.WAITING, SyncState.Status.BLOCKED]) | Q(reason=Reason.LIMIT)
    left_alone = failing & Q(account__kind=MailAccount.Kind.IMAP)
    if not states.exclude(left_alone).update(due_at=when):
        SyncState.objects.get_or_create(account_id=account_id, defaults={"due_at": when})


def come_back(account_id: int, when: datetime) -> None:
    """What a pass under way asks of the next one: its server answers, so there is nothing to leave alone."""
    when = max(when, timezone.now() + SOONEST)
    SyncState.objects.filter(account_id=account_id, due_at__gt=when).update(due_at=when)

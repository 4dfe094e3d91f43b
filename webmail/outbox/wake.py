"""Asking the account's worker for its turn."""

from datetime import timedelta

from django.utils import timezone

from webmail.errors import Reason
from webmail.models import SyncState

QUIET = timedelta(seconds=2)  # after the last keystroke, before the draft goes to the server
DISCARD_KEPT = timedelta(seconds=15)  # until the server's copy goes, too


def ask_worker(account_id: int, after: timedelta = timedelta(0)) -> None:
    """Make the account due once ``after`` has passed; announce() and the clock wake the worker."""
    when = timezone.now() + after
    states = SyncState.objects.filter(account_id=account_id, due_at__gt=when)
    # A server that is being left alone after a failure stays so, however often the draft is saved.
    left_alone = [SyncState.Status.WAITING, SyncState.Status.BLOCKED]
    if not states.exclude(status__in=left_alone).exclude(reason=Reason.LIMIT).update(due_at=when):
        SyncState.objects.get_or_create(account_id=account_id, defaults={"due_at": when})

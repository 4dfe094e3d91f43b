"""Asking the worker to look at an account."""

from datetime import timedelta

from django.utils import timezone

from webmail.models import SyncState

WATCH_SECONDS = 90


def ask(account_id: int) -> None:
    """Make the account due now. The worker wakes at the commit that ``mirror.announce`` marks."""
    now = timezone.now()
    if not SyncState.objects.filter(account_id=account_id).update(due_at=now):
        SyncState.objects.get_or_create(account_id=account_id, defaults={"due_at": now})


def watch(user_id: int) -> None:
    """A browser of this person is open: keep the folders it does not look at fresh, too."""
    now = timezone.now()
    SyncState.objects.filter(account__user_id=user_id).update(watched_until=now + timedelta(seconds=WATCH_SECONDS))

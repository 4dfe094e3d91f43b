"""Which worker looks after which account: claimed by a conditional UPDATE, held by a lease that has to be renewed."""

import os
import secrets
import socket
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from accounts.models import MailAccount
from webmail.models import SyncState

LEASE = timedelta(seconds=60)


def worker_name() -> str:
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}"


def _free(owner: str) -> Q:
    return Q(lease_until__isnull=True) | Q(lease_until__lt=timezone.now()) | Q(lease_owner=owner)


def _wanted() -> Q:
    """Where mail lives here, a pause stops the fetching only: what the person does is settled all the same."""
    return Q(account__paused=False) | Q(account__kind=MailAccount.Kind.POP3)


def claim_due(owner: str, busy: set[int], limit: int) -> list[int]:
    """Take up to ``limit`` accounts that are due; two workers never get the same one."""
    if limit <= 0:
        return []
    # Whose worker died in the middle of a pass is due when its lease ends.
    now_due = Q(due_at__lte=timezone.now()) | Q(due_at=SyncState.UNDER_WAY)
    due = SyncState.objects.filter(_free(owner), _wanted(), now_due)
    due = due.filter(account__user__is_active=True)
    candidates = due.exclude(pk__in=busy).order_by("due_at").values_list("pk", flat=True)[:limit]
    return [account_id for account_id in list(candidates) if claim(owner, account_id)]


def claim(owner: str, account_id: int) -> bool:
    mine = SyncState.objects.filter(_free(owner), pk=account_id)
    return bool(mine.update(lease_owner=owner, lease_until=timezone.now() + LEASE))


def renew(owner: str, account_ids: set[int]) -> set[int]:
    """Extend the leases; return those that were lost to another worker."""
    if not account_ids:
        return set()
    held = SyncState.objects.filter(pk__in=account_ids, lease_owner=owner)
    held.update(lease_until=timezone.now() + LEASE)
    return account_ids - set(held.values_list("pk", flat=True))


def release(owner: str, account_id: int | None = None) -> None:
    held = SyncState.objects.filter(lease_owner=owner)
    if account_id is not None:
        held = held.filter(pk=account_id)
    held.update(lease_owner="", lease_until=None)


def next_due(busy: set[int]) -> float:
    """Seconds until an account that is not being looked at becomes due; at most 5."""
    first = (
        SyncState.objects.filter(_wanted(), account__user__is_active=True)
        .exclude(pk__in=busy)
        .order_by("due_at")
        .values_list("due_at", flat=True)
        .first()
    )
    if first is None:
        return 5.0
    return min(5.0, max(0.0, (first - timezone.now()).total_seconds()))

"""Which worker looks after which account: claimed by a conditional UPDATE, held by a lease that has to be renewed."""

import os
import secrets
import socket
from collections import Counter
from collections.abc import Collection
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from accounts.models import MailAccount
from webmail.models import SyncState

LEASE = timedelta(seconds=60)
# Nobody writes times as far ahead: they were written before the clock was set back.
LONGEST_LEASE, LONGEST_PAUSE = timedelta(minutes=10), timedelta(hours=2)


def worker_name() -> str:
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}"


def _free(owner: str) -> Q:
    now = timezone.now()
    ended = Q(lease_until__isnull=True) | Q(lease_until__lt=now) | Q(lease_until__gt=now + LONGEST_LEASE)
    return ended | Q(lease_owner=owner)


def _wanted() -> Q:
    """Where mail lives here, a pause stops the fetching only: what the person does is settled all the same."""
    return Q(account__paused=False) | Q(account__kind=MailAccount.Kind.POP3)


def claim_due(
    owner: str, busy: Collection[int], limit: int, *, full: Collection[str] = (), each: int = 0
) -> dict[int, str]:
    """Take up to ``limit`` accounts that are due, with their hosts; two workers never get the same one.

    None of the hosts that are ``full``, and of every other at most ``each``, where that is not 0.
    """
    if limit <= 0:
        return {}
    now = timezone.now()
    # Whose worker died in the middle of a pass is due when its lease ends.
    late = Q(due_at__gt=now + LONGEST_PAUSE, account__kind=MailAccount.Kind.IMAP)
    now_due = Q(due_at__lte=now) | Q(due_at=SyncState.UNDER_WAY) | late
    due = SyncState.objects.filter(_free(owner), _wanted(), now_due).exclude(account__imap_host__in=full)
    due = due.filter(account__user__is_active=True).exclude(pk__in=busy).order_by("due_at")
    claimed: dict[int, str] = {}
    hosts: Counter[str] = Counter()
    for account_id, host in due.values_list("pk", "account__imap_host")[:limit]:
        if not (each and host and hosts[host] >= each) and claim(owner, account_id):
            claimed[account_id] = host
            hosts[host] += 1
    return claimed


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


def next_due(owner: str, busy: Collection[int], full: Collection[str]) -> float:
    """Seconds until an account that nobody looks at and whose host is not ``full`` becomes due; at most 5."""
    first = (
        SyncState.objects.filter(_free(owner), _wanted(), account__user__is_active=True)
        .exclude(pk__in=busy)
        .exclude(account__imap_host__in=full)
        .order_by("due_at")
        .values_list("due_at", flat=True)
        .first()
    )
    if first is None:
        return 5.0
    return min(5.0, max(0.0, (first - timezone.now()).total_seconds()))

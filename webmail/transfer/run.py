"""Which transfer is next: waiting → running, claimed by one conditional UPDATE and held by a lease that the worker renews."""

from collections.abc import Callable
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from webmail.models import Transfer

from .job import LEASE, Job

KEPT = timedelta(days=30)
FILE_KEPT = timedelta(days=7)
State = Transfer.State


def run_due(owner: str, should_stop: Callable[[], bool]) -> int:
    """Carry out what is due, one slice of each; return how many were looked at."""
    done = 0
    while not should_stop() and (transfer := _claim(owner)) is not None:
        Job(transfer, owner, should_stop).go()
        done += 1
    return done


def renew(owner: str) -> None:
    """The worker is alive; called more often than ``LEASE``."""
    Transfer.objects.filter(lease_owner=owner, state=State.RUNNING).update(lease_until=timezone.now() + LEASE)


def tidy() -> None:
    """Finished transfers are forgotten after a while, their files sooner."""
    now = timezone.now()
    over = Transfer.objects.filter(state__in=[State.DONE, State.FAILED, State.CANCELLED])
    for transfer in over.filter(finished_at__lt=now - FILE_KEPT).exclude(file="")[:100]:
        transfer.file.delete(save=True)
    for transfer in over.filter(finished_at__lt=now - KEPT)[:100]:
        transfer.delete()


def _claim(owner: str) -> Transfer | None:
    now = timezone.now()
    due = Q(state=State.WAITING, next_at__lte=now) | Q(state=State.RUNNING, lease_until__lt=now)
    rows = Transfer.objects.filter(due, user__is_active=True)
    for pk in list(rows.order_by("next_at", "id").values_list("pk", flat=True)[:10]):
        if rows.filter(pk=pk).update(state=State.RUNNING, lease_owner=owner, lease_until=now + LEASE):
            transfer = Transfer.objects.select_related("target__user", "source").get(pk=pk)
            if transfer.started_at is None:
                transfer.started_at = now
                Transfer.objects.filter(pk=pk).update(started_at=now)
            return transfer
    return None

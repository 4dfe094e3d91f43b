"""The worker's part of bulk actions: apply what waits, end what every server has answered for."""

from collections.abc import Callable

from django.db.models import Exists, OuterRef
from django.utils import timezone

from webmail.models import BulkAction, PendingAction
from webmail.models.mirror import change

from . import bulk, bulk_undo

State = BulkAction.State
UNDER_WAY = [PendingAction.State.PENDING, PendingAction.State.RUNNING]


def run_due(should_stop: Callable[[], bool]) -> None:
    """A piece of each in turn, oldest first."""
    busy = True
    while busy:
        busy = False
        waiting = BulkAction.objects.filter(state=State.APPLYING).order_by("pk")
        for pk, user_id, undoes in list(waiting.values_list("pk", "user_id", "undoes")):
            if should_stop():
                return
            busy |= bulk_undo.step(pk, user_id) if undoes else bulk.step(pk, user_id)
    finish()


def finish() -> None:
    """Those with nothing under way any more have come to their end."""
    under_way = PendingAction.objects.filter(bulk=OuterRef("pk"), state__in=UNDER_WAY)
    for ended in BulkAction.objects.filter(~Exists(under_way), state=State.SENDING):
        with change(ended.user_id) as changed:
            sending = BulkAction.objects.filter(pk=ended.pk, state=State.SENDING)
            changed.silent = not sending.update(state=State.DONE, finished_at=timezone.now())

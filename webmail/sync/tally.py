"""What became of the messages of a bulk action, counted in the transaction that settles them."""

from collections import Counter
from collections.abc import Iterable

from django.db.models import F

from webmail.models import BulkAction, PendingAction


def confirmed(actions: Iterable[PendingAction]) -> None:
    _count(actions, "confirmed")


def missed(actions: Iterable[PendingAction]) -> None:
    _count(actions, "missed")


def refused(actions: Iterable[PendingAction], error: str) -> None:
    for bulk_id in _count(actions, "refused"):
        BulkAction.objects.filter(pk=bulk_id).update(error=error[:500])


def _count(actions: Iterable[PendingAction], column: str) -> list[int]:
    by_bulk = Counter(action.bulk_id for action in actions if action.bulk_id is not None)
    for bulk_id, count in by_bulk.items():
        BulkAction.objects.filter(pk=bulk_id).update(**{column: F(column) + count})
    return list(by_bulk)

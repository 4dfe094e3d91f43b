"""Bulk actions as the person sees them: begun by a click, a line of progress, an end that says what became of it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from webmail.models import BulkAction, BulkFolder, SyncState
from webmail.models.mirror import announce
from webmail.models.prepared import Prepared, Slot

from .access import user_of

LINES_SHOWN = 5
SHOWN_AFTERWARDS = timedelta(minutes=10)
LATE = [SyncState.Status.WAITING, SyncState.Status.BLOCKED]
State, Verb = BulkAction.State, BulkAction.Verb
LATELY = Q(finished_at__isnull=True) | Q(finished_at__gt=Slot("since")) | Q(refused__gt=0)
# One that was taken back is told by what takes it back.
OPEN = Prepared(
    lambda: (
        BulkAction.objects.filter(LATELY, user_id=Slot("user"), dismissed_at__isnull=True)
        .exclude(state=State.STOPPED)
        .order_by("-pk")[:LINES_SHOWN]
    )
)


@dataclass(frozen=True, slots=True)
class Line:
    """``notes`` say what did not go as meant."""

    bulk: BulkAction
    text: str
    notes: Sequence[str]

    @property
    def done(self) -> int:
        return self.bulk.confirmed + self.bulk.refused + self.bulk.missed

    @property
    def can_be_undone(self) -> bool:
        bulk = self.bulk
        return bulk.undoes_id is None and (bulk.state == State.APPLYING or bulk.applied > bulk.refused)


def open_lines(user_id: int) -> list[Line]:
    """What is under way and what ended lately; refusals stay until they are dismissed.

    One query, and another one while something is under way.
    """
    found = OPEN(user=user_id, since=timezone.now() - SHOWN_AFTERWARDS)
    late = _kept_waiting([bulk for bulk in found if bulk.active])
    return [line(bulk, late.get(bulk.pk, ())) for bulk in found]


def _kept_waiting(bulks: list[BulkAction]) -> dict[int, list[str]]:
    """The accounts whose server cannot be reached now."""
    if not bulks:
        return {}
    by_folders = {bulk.undoes_id or bulk.pk: bulk.pk for bulk in bulks}
    late = BulkFolder.objects.filter(bulk__in=list(by_folders), folder__account__sync__status__in=LATE)
    found: dict[int, list[str]] = defaultdict(list)
    for pk, address in late.order_by().values_list("bulk_id", "folder__account__address").distinct():
        found[by_folders[pk]].append(address)
    return found


def line(bulk: BulkAction, late: Sequence[str] = ()) -> Line:
    what = _what(bulk)
    if bulk.active:
        text = f"{bulk.confirmed:,} of {bulk.total:,} {what}"
    elif bulk.confirmed == bulk.total:
        text = f"{_messages(bulk.total)} {what}"
    else:
        text = f"{bulk.confirmed:,} of {_messages(bulk.total)} {what}"
    notes = [f"Waiting for the server of {address}." for address in late]
    if bulk.refused:
        notes.append(f"{bulk.refused:,} refused by the server and back where they were. {bulk.error}")
    if bulk.missed:
        notes.append(f"{bulk.missed:,} no longer there.")
    return Line(bulk, text, notes)


@login_required
@require_POST
def bulk_dismiss(request: HttpRequest, bulk_id: int) -> HttpResponse:
    """404 for somebody else's; what is under way stays shown."""
    user_id = user_of(request).pk
    mine = BulkAction.objects.filter(pk=bulk_id, user_id=user_id)
    if not mine.exists():
        raise Http404
    ended = mine.filter(dismissed_at__isnull=True, state__in=[State.DONE, State.STOPPED])
    if ended.update(dismissed_at=timezone.now()):
        announce(user_id)
    return HttpResponse() if request.htmx else redirect("home")  # type: ignore[attr-defined]


def _what(bulk: BulkAction) -> str:
    if bulk.verb == Verb.MOVE:
        return f"moved to {bulk.target_title}"
    return Verb(bulk.verb).label


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count:,} messages"

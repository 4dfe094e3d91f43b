"""What another client changed: flags, and messages that are no longer there."""

from collections.abc import Iterable

from django.db.models import Model
from django.utils import timezone

from webmail.imap.types import FlagUpdate
from webmail.models import Folder, Message, OutgoingAttachment, OutgoingMessage, PendingAction
from webmail.models.mirror import IDS_PER_QUERY, Change, change

from .folders import save
from .insert import LINKED, SYSTEM_FLAGS, alike, pending_flags, pending_places, split_flags, take_place

COLUMNS = [*SYSTEM_FLAGS.values(), "keywords"]
HANGING: list[tuple[type[Model], str]] = [
    (PendingAction, "message"),
    (OutgoingMessage, "answers"),
    (OutgoingMessage, "forwards"),
    (OutgoingMessage, "draft_message"),
    (OutgoingAttachment, "message"),
]


def apply_flags(folder: Folder, uidvalidity: int, updates: list[FlagUpdate]) -> int:
    """Bring flags in line with the server, except those the person changed meanwhile. Return how many rows changed."""
    count = 0
    for start in range(0, len(updates), IDS_PER_QUERY):
        chunk = {update.uid: update for update in updates[start : start + IDS_PER_QUERY]}
        with change(folder.account.user_id) as changed:
            rows = (
                Message.objects.filter(folder=folder, uidvalidity=uidvalidity, uid__in=list(chunk))
                .only("pk", "uid", "conversation_id", *COLUMNS)
                .select_for_update()
            )
            dirty = _changed_rows(list(rows), chunk)
            Message.objects.bulk_update(dirty, COLUMNS, batch_size=300)
            changed.messages(dirty)
            changed.silent = not dirty
            count += len(dirty)
    return count


def flags_differ(rows: list[Message], updates: dict[int, FlagUpdate]) -> set[int]:
    """The uids of rows, which must not be saved after this, that differ from what the server says of them."""
    return {row.uid for row in _changed_rows(rows, updates) if row.uid is not None}


def _changed_rows(rows: list[Message], updates: dict[int, FlagUpdate]) -> list[Message]:
    waiting = pending_flags(row.pk for row in rows)
    dirty = []
    for row in rows:
        columns, keywords = split_flags(updates[row.uid or 0].flags)
        before = tuple(getattr(row, column) for column in COLUMNS)
        for column, value in columns.items():
            if (row.pk, column) not in waiting:
                setattr(row, column, value)
        own = {flag for flag in row.keywords if (row.pk, flag) in waiting}
        row.keywords = sorted({flag for flag in keywords if (row.pk, flag) not in waiting} | own)
        if before != tuple(getattr(row, column) for column in COLUMNS):
            dirty.append(row)
    return dirty


def vanish(folder: Folder, uids: Iterable[int]) -> int:
    """The server has these no longer. Where the same message stands elsewhere, this row is it; otherwise it is hidden
    now and deleted later, in case the folder it was moved to has not been looked into yet.
    """
    gone = sorted(uids)
    count = 0
    for start in range(0, len(gone), IDS_PER_QUERY):
        with change(folder.account.user_id) as changed:
            rows = list(
                Message.objects.filter(folder=folder, uid__in=gone[start : start + IDS_PER_QUERY]).select_for_update()
            )
            _take_new_places(changed, folder, rows)
            changed.messages(rows)
            count += len(rows)
    return count


def settle_unplaced(folder: Folder) -> None:
    """After a complete look. What was moved here under an unknown uid and is not here was never moved: another client had
    taken it away before. It is where it turned up meanwhile, or it has vanished.
    """
    unplaced = Message.objects.filter(folder=folder, uid__isnull=True, missing_since__isnull=True)
    if not unplaced.exists():
        return
    with change(folder.account.user_id) as changed:
        rows = list(unplaced.select_for_update())
        _take_new_places(changed, folder, rows)
        changed.messages(rows)


def _take_new_places(changed: Change, folder: Folder, rows: list[Message]) -> None:
    now = timezone.now()
    twins: dict[tuple[int, int], list[Message]] = {}
    found = Message.objects.filter(
        account_id=folder.account_id, message_key__in={row.message_key for row in rows}, uid__isnull=False
    ).exclude(pk__in=[row.pk for row in rows])
    for twin in found.order_by("pk"):
        twins.setdefault((twin.message_key, twin.size), []).append(twin)
    placed = pending_places(row.pk for row in rows)
    flags_waiting = pending_flags(row.pk for row in rows)
    replaced: dict[int, int] = {}
    for row in rows:
        # Only a twin that came later can be the place it was moved to; an older one is a copy with a life of its own.
        same = (twin for twin in twins.get((row.message_key, row.size), []) if row.message_id and alike(row, twin))
        newer = [twin for twin in same if twin.pk > row.pk]
        if newer and newer[0].internaldate == row.internaldate and (newer[0].folder_id != folder.pk or row.uid is None):
            twin = twins[row.message_key, row.size].pop(twins[row.message_key, row.size].index(newer[0]))
            replaced[twin.pk] = row.pk
            changed.message(twin)
            take_place(row, twin, placed=placed, flags_waiting=flags_waiting)
            if row.pk not in placed:
                # Where the person has put the newer row.
                row.shown_in_id = twin.shown_in_id
        else:
            row.uid = row.uidvalidity = None
            row.shown_in = None
            row.missing_since = now
    hand_over(replaced)
    changed.delete(replaced)
    Message.objects.bulk_update(rows, LINKED, batch_size=200)


def hand_over(replaced: dict[int, int]) -> None:
    """What hangs on rows that are about to go, by those that stand for the same messages from now on: what the person has
    done and the server was not told, drafts that answer or forward them.
    """
    for model, name in HANGING:
        rows = model._default_manager.filter(**{f"{name}__in": list(replaced)})  # noqa: SLF001 - Django documents it
        for pk, message_id in rows.values_list("pk", name):
            model._default_manager.filter(pk=pk).update(**{name: replaced[message_id]})  # noqa: SLF001


def forget_uids(folder: Folder, uidvalidity: int) -> None:
    """UIDVALIDITY is another one: every uid is dead. The rows wait, hidden, to be found again by what they are.

    In pieces, the folder's own numbers first: cut short anywhere, the next look goes on.
    """
    save(
        folder,
        uidvalidity=None,
        uidnext=None,
        backfill_uid=None,
        highestmodseq=None,
        compared_at=None,
        doubted_at=None,
        flags_scanned_uid=None,
        verify_uid=None,
    )
    forget_dead(folder, uidvalidity)


def forget_dead(folder: Folder, uidvalidity: int) -> None:
    """Rows from before this UIDVALIDITY wait to be found again."""
    dead = Message.objects.filter(folder=folder, uid__isnull=False).exclude(uidvalidity=uidvalidity)
    while ids := list(dead.values_list("pk", flat=True)[:IDS_PER_QUERY]):
        with change(folder.account.user_id) as changed:
            rows = Message.objects.filter(pk__in=ids)
            changed.conversations.update(rows.values_list("conversation_id", flat=True).distinct())
            changed.folders.add(folder.pk)
            rows.update(uid=None, uidvalidity=None, shown_in=None, missing_since=timezone.now())

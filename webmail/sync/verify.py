"""Proof that a mirrored folder is what the server has: every uid and every flag, window by window; and its repair.

A pass believes counters and mod-sequences; this believes nothing. Ghosts, rows that no server has, and messages that no row
shows are found whatever made them.
"""

import logging
from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from webmail.imap.connection import MailConnection
from webmail.models import Folder, ListRow, Message, SpecialUse
from webmail.models.mirror import IDS_PER_QUERY, change

from .changes import apply_flags, flags_differ, forget_dead, settle_unplaced, vanish
from .folders import save
from .insert import pending_places
from .messages import fetch_missing

logger = logging.getLogger(__name__)

WINDOW = 5000  # uids compared at once
EVERY = timedelta(days=7)


@dataclass
class Findings:
    """What was not as the server has it. ``reset``: UIDVALIDITY is another one, so nothing can be compared."""

    ghosts: set[int] = field(default_factory=set)
    missing: set[int] = field(default_factory=set)
    flags: set[int] = field(default_factory=set)
    unplaced: int = 0
    misplaced: int = 0
    counts: bool = False
    reset: bool = False

    def __bool__(self) -> bool:
        rows = self.ghosts or self.missing or self.flags or self.unplaced or self.misplaced
        return bool(rows or self.counts or self.reset)

    def __str__(self) -> str:
        if self.reset:
            return "its uids are no longer valid"
        parts = [
            (len(self.ghosts), "shown here and not on the server"),
            (len(self.missing), "on the server and not here"),
            (len(self.flags), "with other flags"),
            (self.unplaced, "without a place"),
            (self.misplaced, "shown where they are not"),
        ]
        said = [f"{count:,} {what}" for count, what in parts if count]
        return ", ".join([*said, *(["counts that do not add up"] if self.counts else [])])


def verify(connection: MailConnection, folder: Folder, *, repair: bool) -> Findings:
    """The whole folder as far as it is mirrored. Raise MailError; what was found until then is repaired."""
    found = Findings()
    save(folder, verify_uid=None)
    while verify_window(connection, folder, found, repair=repair):
        pass
    return found


def verify_window(connection: MailConnection, folder: Folder, found: Findings, *, repair: bool) -> bool:
    """The next window from the newest down; return whether there is another. ``found`` grows by what it shows."""
    if folder.uidvalidity is None or folder.backfill_uid is None:
        return False
    selected = connection.select(folder.name, uidvalidity=None)
    if selected.uidvalidity != folder.uidvalidity:
        found.reset = True
        return False
    lowest, end = folder.backfill_uid, folder.uidnext or 1
    high = min(folder.verify_uid or end, end) - 1
    low = max(lowest, high - WINDOW + 1)
    if high >= low:
        _compare(connection, folder, (low, high), found, repair=repair)
    if low > lowest:
        save(folder, verify_uid=low)
        return True
    _whole(connection, folder, found, repair=repair)
    save(folder, verify_uid=None, verified_at=timezone.now())
    return False


def _compare(
    connection: MailConnection, folder: Folder, window: tuple[int, int], found: Findings, *, repair: bool
) -> None:
    low, high = window
    asked = f"{low}:{high}"
    there = {update.uid: update for update in connection.fetch_flags(asked)}
    rows = {row.uid or 0: row for row in _mirrored(folder).filter(uid__range=window)}
    moving = pending_places(row.pk for row in rows.values())
    ghosts = {uid for uid, row in rows.items() if uid not in there and row.pk not in moving}
    if ghosts:
        # Said twice, the second time by another command.
        connection.noop()
        ghosts -= connection.uids(asked)
    missing = there.keys() - rows.keys()
    differing = flags_differ([row for uid, row in rows.items() if uid in there], there)
    found.ghosts |= ghosts
    found.missing |= missing
    found.flags |= differing
    if repair:
        if ghosts:
            vanish(folder, ghosts)
        if missing:
            fetch_missing(connection, folder, list(missing))
        apply_flags(folder, folder.uidvalidity or 0, [there[uid] for uid in sorted(differing)])


def _mirrored(folder: Folder) -> QuerySet[Message]:
    rows = Message.objects.filter(folder=folder, uidvalidity=folder.uidvalidity, uid__isnull=False)
    return rows.only("pk", "uid", "conversation_id", "seen", "flagged", "answered", "draft", "keywords")


def _whole(connection: MailConnection, folder: Folder, found: Findings, *, repair: bool) -> None:
    """What no window shows: rows outside of what is mirrored, rows without a place, counts."""
    rows = Message.objects.filter(folder=folder, uid__isnull=False)
    dead = {uid or 0 for uid in rows.exclude(uidvalidity=folder.uidvalidity).values_list("uid", flat=True)}
    beyond = rows.filter(Q(uid__lt=folder.backfill_uid) | Q(uid__gte=folder.uidnext), uidvalidity=folder.uidvalidity)
    outside = {uid or 0 for uid in beyond.values_list("uid", flat=True)}
    ghosts = outside - connection.uids(outside)
    unplaced = Message.objects.filter(folder=folder, uid__isnull=True, missing_since__isnull=True).count()
    shown = Message.objects.filter(shown_in=folder)
    folder.refresh_from_db(fields=["total", "unread"])
    counts = (shown.count(), shown.filter(seen=False).count()) != (folder.total, folder.unread)
    lines = ListRow.objects.filter(folder=folder).values("conversation").distinct().count()
    counts |= lines != shown.values("conversation").distinct().count()
    found.ghosts |= ghosts | dead
    misplaced = _misplaced(folder)
    found.unplaced += unplaced
    found.misplaced += len(misplaced)
    found.counts |= counts
    if not repair:
        return
    if dead:
        forget_dead(folder, folder.uidvalidity or 0)
    if ghosts:
        vanish(folder, ghosts)
    if unplaced:
        settle_unplaced(folder)
    if misplaced:
        _show_where_they_are(folder)
    if counts:
        _count_again(folder)


def _misplaced(folder: Folder) -> list[Message]:
    """Shown in another folder, or in none, although nothing that would bring them there is under way."""
    rows = Message.objects.filter(folder=folder, uid__isnull=False, missing_since__isnull=True).exclude(shown_in=folder)
    if folder.special_use == SpecialUse.DRAFTS:
        # The composer hides what it is about to remove.
        rows = rows.filter(shown_in__isnull=False)
    found = list(rows.only("pk", "conversation_id"))
    moving = pending_places(row.pk for row in found)
    return [row for row in found if row.pk not in moving]


def _show_where_they_are(folder: Folder) -> None:
    with change(folder.account.user_id) as changed:
        rows = _misplaced(folder)
        changed.messages(rows)
        for start in range(0, len(rows), IDS_PER_QUERY):
            ids = [row.pk for row in rows[start : start + IDS_PER_QUERY]]
            Message.objects.filter(pk__in=ids).update(shown_in=folder)


def _count_again(folder: Folder) -> None:
    with change(folder.account.user_id) as changed:
        shown = Message.objects.filter(shown_in=folder)
        rows = ListRow.objects.filter(folder=folder)
        changed.conversations.update(shown.values_list("conversation_id", flat=True).distinct())
        changed.conversations.update(rows.values_list("conversation_id", flat=True))
        # The lines are made anew: what is counted are their differences.
        rows.delete()
        Folder.objects.filter(pk=folder.pk).update(total=0, unread=0)
        changed.folders.add(folder.pk)


def due(folders: list[Folder]) -> Folder | None:
    """The mirrored folder whose last comparison is longest ago, if that is long enough; one under way goes first."""
    before = timezone.now() - EVERY
    waiting = [
        folder
        for folder in folders
        if folder.backfilled and (folder.verify_uid or folder.verified_at is None or folder.verified_at < before)
    ]
    return min(waiting, key=lambda folder: (not folder.verify_uid, str(folder.verified_at or "")), default=None)

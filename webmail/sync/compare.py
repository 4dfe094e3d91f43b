"""What the mirror has and the server has not, and the other way round. A row goes only when that was said often enough."""

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import MailAccount
from webmail.errors import MailError
from webmail.imap.connection import MailConnection
from webmail.imap.types import Selected
from webmail.models import Folder, Message

from .changes import vanish
from .folders import save
from .foreground import open_connection

logger = logging.getLogger(__name__)

AT_ONCE = 50_000  # rows compared at once
COMPARE_EVERY = timedelta(hours=6)
MANY_GONE, SHARE_GONE = 50, 0.2  # more than both: asked a second time
MOST_GONE, MOST_SHARE = 20, 0.5  # more than both: a second connection has to say the same


def doubted(account: MailAccount) -> bool:
    """Whether much of a folder seems gone and nothing has confirmed it."""
    return Folder.objects.filter(account=account, doubted_at__isnull=False).exists()


@dataclass
class _Window:
    """What a range of uids holds: how many rows, and the uids that only one of the two sides has."""

    here: int
    gone: set[int]
    missing: set[int]
    empty: bool

    def much(self, number: int, share: float) -> bool:
        return len(self.gone) > max(number, share * self.here)


def missing_and_vanished(connection: MailConnection, folder: Folder, selected: Selected) -> list[int]:
    """Let go of what the selected folder has no longer; return the uids that were overlooked, newest first.

    Where all was compared not long ago, newest windows come first, and as soon as the numbers are explained it ends.
    """
    low, high = folder.backfill_uid or 1, (folder.uidnext or 1) - 1
    rows = Message.objects.filter(folder=folder, uidvalidity=selected.uidvalidity, uid__isnull=False)
    count = rows.count()
    fresh = folder.compared_at is not None and timezone.now() - folder.compared_at < COMPARE_EVERY
    numbers_tell = low <= 1 and fresh and folder.doubted_at is None
    if numbers_tell and count == selected.exists:
        return []
    if high < low:
        return []
    windows: list[_Window] = []
    difference = selected.exists - count
    for bottom, top in _ranges(rows, low, high):
        windows.append(window := _compared(connection, rows, bottom, top))
        difference += len(window.gone) - len(window.missing)
        if numbers_tell and not difference:
            break
    missing: set[int] = set().union(*(window.missing for window in windows))
    unsure = False
    if any(window.much(MANY_GONE, SHARE_GONE) or (window.gone and window.empty) for window in windows):
        # Servers have answered with half a mailbox before: a large disappearance must be said twice.
        connection.noop()
        again = connection.select(folder.name, uidvalidity=selected.uidvalidity)
        _take_back(windows, connection.uids(_gone(windows)))
        left = sum(window.here - len(window.gone) for window in windows)
        whole = low <= 1 and sum(window.here for window in windows) == count
        unsure = whole and again.exists > left + len(missing) + MANY_GONE
    gone = _gone(windows)
    if not unsure and any(window.much(MOST_GONE, MOST_SHARE) for window in windows):
        elsewhere = _said_elsewhere(connection, folder, gone)
        unsure = elsewhere is None or bool(gone & elsewhere)
    if unsure:
        logger.warning("folder %s: %s of %s messages seem gone; that is doubted", folder.pk, len(gone), count)
        save(folder, doubted_at=folder.doubted_at or timezone.now())
        return []
    if gone:
        vanish(folder, gone)
    if not numbers_tell or difference:
        save(folder, compared_at=timezone.now(), doubted_at=None)
    return sorted(missing, reverse=True)


def _ranges(rows: QuerySet[Message], low: int, high: int) -> Iterator[tuple[int, int]]:
    """From the newest down, as many rows in each as are held at once; uids may lie far apart."""
    while high >= low:
        below = rows.filter(uid__lte=high).order_by("-uid").values_list("uid", flat=True)[AT_ONCE : AT_ONCE + 1]
        bottom = max([low, *(uid + 1 for uid in below if uid is not None)])
        yield bottom, high
        high = bottom - 1


def _compared(connection: MailConnection, rows: QuerySet[Message], low: int, high: int) -> _Window:
    there = connection.uids(f"{low}:{high}")
    here = {uid for uid in rows.filter(uid__range=(low, high)).values_list("uid", flat=True) if uid is not None}
    return _Window(len(here), here - there, there - here, not there)


def _gone(windows: list[_Window]) -> set[int]:
    return set().union(*(window.gone for window in windows))


def _take_back(windows: list[_Window], there: set[int]) -> None:
    for window in windows:
        window.gone -= there


def _said_elsewhere(connection: MailConnection, folder: Folder, uids: set[int]) -> set[int] | None:
    """What a new connection sees; None when there is none to be had, or it sees another folder.

    Where a server allows no second one, this one speaks for it if it was opened after the doubt arose.
    """
    if folder.doubted_at is not None and connection.opened_at > folder.doubted_at:
        return set()
    try:
        with closing(open_connection(folder.account)) as other:
            other.select(folder.name, uidvalidity=folder.uidvalidity)
            return other.uids(uids)
    except MailError as problem:
        logger.info("folder %s: nothing confirms that messages are gone: %s", folder.pk, problem)
        return None

"""One folder, remote → mirror.

    never seen ──newest page──> backfilling ──every chunk committed──> complete
         ^                           │                                    │
         └────── UIDVALIDITY changed (every uid is dead, rows wait to be found again)

The mirror holds every message whose uid lies in [backfill_uid, uidnext). ``look`` brings that window up to date: new
messages, changed flags, vanished ones. ``backfill`` moves its lower end down, newest first. UIDVALIDITY is compared at
every SELECT (RFC 3501 section 2.3.1.1) and nothing from before it changed is ever mixed with what came after.
"""

import logging
from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from webmail.errors import GiveUp, Reason
from webmail.imap.connection import MailConnection
from webmail.imap.types import RemoteMessage, Selected
from webmail.models import Folder, Message
from webmail.models.mirror import change

from .changes import apply_flags, forget_uids, settle_unplaced, vanish
from .insert import insert
from .push import uid_set

logger = logging.getLogger(__name__)

FIRST_PAGE = 50
CHUNK = 250
WINDOW = 20_000  # uids asked for at once when looking for what is below the window
FLAG_TAIL = 1000  # newest uids whose flags are read at every look where CONDSTORE is missing
FLAG_WINDOW = 5000  # and how many older ones in turn
COMPARE_EVERY = timedelta(hours=6)
MANY_GONE = 50
SHARE_GONE = 0.2


def look(connection: MailConnection, folder: Folder, *, should_stop: Callable[[], bool]) -> bool:
    """Bring what is mirrored of the folder up to date; return whether it has to be looked at again soon."""
    selected = connection.select(folder.name, uidvalidity=None)
    if not selected.uidvalidity:
        raise GiveUp(Reason.UNSUPPORTED, f"The server does not number the messages of “{folder.title}” reliably.")
    if folder.uidvalidity is not None and folder.uidvalidity != selected.uidvalidity:
        logger.warning("folder %s: UIDVALIDITY %s → %s", folder.pk, folder.uidvalidity, selected.uidvalidity)
        forget_uids(folder)
    if folder.backfill_uid is None or folder.uidvalidity is None:
        _first_page(connection, folder, selected)
        return True
    more = _new_messages(connection, folder, selected, should_stop)
    _changed_flags(connection, folder, selected)
    _vanished(connection, folder, selected)
    if not more:
        settle_unplaced(folder)
        _save(folder, server_messages=selected.exists, read_only=selected.read_only)
    return more


def backfill(connection: MailConnection, folder: Folder, *, should_stop: Callable[[], bool]) -> bool:
    """Mirror one window of older messages; return whether there is more. Every chunk is committed and resumable."""
    connection.select(folder.name, uidvalidity=folder.uidvalidity)
    width = WINDOW
    while folder.backfill_uid is not None and folder.backfill_uid > 1:
        high = folder.backfill_uid - 1
        low = max(1, high - width + 1)
        uids = sorted(connection.uids(f"{low}:{high}"), reverse=True)
        width = width * 4 if not uids else WINDOW
        for start in range(0, len(uids), CHUNK):
            if should_stop():
                return True
            chunk = uids[start : start + CHUNK]
            _fetch_into(connection, folder, chunk, backfill_uid=min(chunk))
        if should_stop() and low > 1:
            _save(folder, backfill_uid=low)
            return True
        _save(folder, backfill_uid=low)
    return False


def _first_page(connection: MailConnection, folder: Folder, selected: Selected) -> None:
    found: list[RemoteMessage] = []
    if selected.exists:
        low = max(1, selected.exists - FIRST_PAGE + 1)
        found = connection.fetch_envelopes(None, sequence=f"{low}:*")
    uids = [message.uid for message in found]
    complete = selected.exists <= FIRST_PAGE
    with change(folder.account.user_id) as changed:
        insert(changed, folder, selected.uidvalidity, found)
        _save(
            folder,
            uidvalidity=selected.uidvalidity,
            uidnext=max([selected.uidnext or 1, *(uid + 1 for uid in uids)]),
            backfill_uid=1 if complete or not uids else min(uids),
            highestmodseq=selected.highestmodseq,
            server_messages=selected.exists,
            read_only=selected.read_only,
            compared_at=timezone.now(),
        )
        changed.folders.add(folder.pk)


def _new_messages(
    connection: MailConnection, folder: Folder, selected: Selected, should_stop: Callable[[], bool]
) -> bool:
    known_next = folder.uidnext or 1
    if selected.uidnext is not None and selected.uidnext <= known_next:
        return False
    uids = sorted((uid for uid in connection.uids(f"{known_next}:*") if uid >= known_next), reverse=True)
    for start in range(0, len(uids), CHUNK):
        if start and should_stop():
            return True
        _fetch_into(connection, folder, uids[start : start + CHUNK])
    _save(folder, uidnext=max([selected.uidnext or known_next, *(uid + 1 for uid in uids[:1])]))
    return False


def _fetch_into(connection: MailConnection, folder: Folder, uids: list[int], **columns: int) -> None:
    """Parsing happens before the transaction begins: the database is locked for the writing alone."""
    found = connection.fetch_envelopes(uid_set(uids), sequence=None)
    with change(folder.account.user_id) as changed:
        insert(changed, folder, folder.uidvalidity or 0, found)
        if columns:
            _save(folder, **columns)


def _changed_flags(connection: MailConnection, folder: Folder, selected: Selected) -> None:
    low, high = folder.backfill_uid or 1, (folder.uidnext or 1) - 1
    if high < low:
        _save(folder, highestmodseq=selected.highestmodseq)
        return
    if selected.highestmodseq is not None and folder.highestmodseq is not None:
        if selected.highestmodseq != folder.highestmodseq:
            since = min(folder.highestmodseq, selected.highestmodseq)
            updates = connection.fetch_flags(f"{low}:{high}", changed_since=since)
            apply_flags(folder, selected.uidvalidity, updates)
            _save(folder, highestmodseq=selected.highestmodseq)
        return
    _scan_flags(connection, folder, selected, low, high)


def _scan_flags(connection: MailConnection, folder: Folder, selected: Selected, low: int, high: int) -> None:
    """No CONDSTORE: the newest at every look, the older ones window by window."""
    tail = max(low, high - FLAG_TAIL + 1)
    updates = connection.fetch_flags(f"{tail}:{high}", changed_since=None)
    reached = min(folder.flags_scanned_uid or tail, tail)
    if reached > low:
        start = max(low, reached - FLAG_WINDOW)
        updates += connection.fetch_flags(f"{start}:{reached - 1}", changed_since=None)
        reached = start
    else:
        reached = tail
    apply_flags(folder, selected.uidvalidity, updates)
    _save(folder, flags_scanned_uid=reached, highestmodseq=selected.highestmodseq)


def _vanished(connection: MailConnection, folder: Folder, selected: Selected) -> None:
    low, high = folder.backfill_uid or 1, (folder.uidnext or 1) - 1
    rows = Message.objects.filter(folder=folder, uidvalidity=selected.uidvalidity, uid__isnull=False)
    fresh = folder.compared_at is not None and timezone.now() - folder.compared_at < COMPARE_EVERY
    if low <= 1 and fresh and rows.count() == selected.exists:
        return
    if high < low:
        return
    there = connection.uids(f"{low}:{high}")
    here = set(rows.filter(uid__lte=high).values_list("uid", flat=True))
    gone = {uid for uid in here - there if uid is not None}
    if len(gone) > max(MANY_GONE, SHARE_GONE * len(here)) or (gone and not there):
        # Servers have answered with half a mailbox before: a large disappearance must be said twice.
        connection.noop()
        again = connection.select(folder.name, uidvalidity=selected.uidvalidity)
        gone -= connection.uids(f"{low}:{high}")
        if again.exists > len(here - gone) + len(there - here) + CHUNK:
            logger.warning("folder %s: EXISTS %s contradicts the uids listed", folder.pk, again.exists)
            return
    if gone:
        vanish(folder, gone)
    overlooked = sorted(there - here, reverse=True)
    for start in range(0, len(overlooked), CHUNK):
        _fetch_into(connection, folder, overlooked[start : start + CHUNK])
    _save(folder, compared_at=timezone.now())


def _save(folder: Folder, **columns: object) -> None:
    for name, value in columns.items():
        setattr(folder, name, value)
    Folder.objects.filter(pk=folder.pk).update(**columns)

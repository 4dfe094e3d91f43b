"""One folder, remote → mirror.

    never seen ──newest page──> backfilling ──every chunk committed──> complete
         ^                           │                                    │
         └────── UIDVALIDITY changed (every uid is dead, rows wait to be found again)

The mirror holds every message whose uid lies in [backfill_uid, uidnext). ``look`` brings that window up to date: new
messages, changed flags, vanished ones. ``backfill`` moves its lower end down, newest first. UIDVALIDITY is compared at
every SELECT (RFC 3501 section 2.3.1.1) and nothing from before it changed is ever mixed with what came after.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby

from django.utils import timezone

from webmail.errors import GiveUp, Reason, RetryLater
from webmail.imap.connection import MailConnection
from webmail.imap.reading import Asked
from webmail.imap.types import RemoteMessage, Selected
from webmail.models import Folder, Message
from webmail.models.mirror import change

from . import stumbling
from .changes import forget_uids, settle_unplaced
from .compare import missing_and_vanished
from .flags import changed_flags, scan_marks
from .folders import save
from .insert import as_row, insert, insert_rows

logger = logging.getLogger(__name__)

FIRST_PAGE = 50
CHUNK = 250
WINDOW = 20_000  # uids asked for at once when looking for what is below the window


def look(
    connection: MailConnection, folder: Folder, *, should_stop: Callable[[], bool], doubt_flags: bool = False
) -> bool:
    """Bring what is mirrored of the folder up to date; return whether it has to be looked at again soon.

    ``doubt_flags``: the server's counters say that flags changed where its mod-sequences do not.
    """
    selected = connection.select(folder.name, uidvalidity=None)
    if not selected.uidvalidity:
        save(folder, read_only=True)
        raise GiveUp(Reason.UNSUPPORTED, f"The server does not number the messages of “{folder.title}” reliably.")
    if folder.uidvalidity is not None and folder.uidvalidity != selected.uidvalidity:
        logger.warning("folder %s: UIDVALIDITY %s → %s", folder.pk, folder.uidvalidity, selected.uidvalidity)
    if folder.uidvalidity != selected.uidvalidity:
        forget_uids(folder, selected.uidvalidity)
    if folder.backfill_uid is None or folder.uidvalidity is None:
        _first_page(connection, folder, selected)
        return True
    more = _new_messages(connection, folder, selected, should_stop)
    changed_flags(connection, folder, selected)
    if doubt_flags:
        scan_marks(connection, folder)
    overlooked = missing_and_vanished(connection, folder, selected)
    if not _fetch_all(connection, folder, overlooked, should_stop=should_stop):
        # The next look has to find out once more what is missing: by a count that the server will not say.
        save(folder, server_messages=selected.exists + 1, compared_at=None)
        return True
    if not more:
        settle_unplaced(folder)
        save(folder, server_messages=selected.exists, read_only=selected.read_only)
    return more


def backfill(connection: MailConnection, folder: Folder, *, should_stop: Callable[[], bool]) -> bool:
    """Mirror older messages, at least one chunk; return whether there is more. Every chunk is committed and resumable."""
    connection.select(folder.name, uidvalidity=folder.uidvalidity)
    width = WINDOW
    while folder.backfill_uid is not None and folder.backfill_uid > 1:
        high = folder.backfill_uid - 1
        low = max(1, high - width + 1)
        uids = sorted(connection.uids(f"{low}:{high}"), reverse=True)
        width = width * 4 if not uids else WINDOW
        if not _fetch_all(connection, folder, uids, should_stop=should_stop, moves_down=True):
            return True
        save(folder, backfill_uid=low)
        if should_stop() and low > 1:
            return True
    return False


def fetch_missing(connection: MailConnection, folder: Folder, uids: list[int]) -> None:
    """Messages of the selected folder that the mirror should have and has not."""
    _fetch_all(connection, folder, sorted(uids, reverse=True), should_stop=lambda: False)


def _first_page(connection: MailConnection, folder: Folder, selected: Selected) -> None:
    found: list[RemoteMessage] = []
    # Where the server breaks off at one of them, they are asked for like older ones, fewer and fewer at a time.
    stumbled = bool(stumbling.suspects(folder.pk))
    if selected.exists and not stumbled:
        low = max(1, selected.exists - FIRST_PAGE + 1)
        with _noting_what_breaks(folder, []):
            found = connection.fetch_envelopes(None, sequence=f"{low}:*")
    uids = [message.uid for message in found]
    complete = selected.exists <= FIRST_PAGE and not stumbled
    uidnext = max([selected.uidnext or 1, *(uid + 1 for uid in uids)])
    lowest = min(uids, default=uidnext if stumbled else 1)
    now = timezone.now()
    with change(folder.account.user_id) as changed:
        insert(changed, folder, selected.uidvalidity, found)
        save(
            folder,
            uidvalidity=selected.uidvalidity,
            uidnext=uidnext,
            backfill_uid=1 if complete else lowest,
            highestmodseq=selected.highestmodseq,
            server_messages=selected.exists,
            read_only=selected.read_only,
            compared_at=now,
            verified_at=now,
            verify_uid=None,
        )
        changed.folders.add(folder.pk)


def _new_messages(
    connection: MailConnection, folder: Folder, selected: Selected, should_stop: Callable[[], bool]
) -> bool:
    known_next = folder.uidnext or 1
    # A UIDNEXT that stands still while messages come is a lie that servers tell (fault F09).
    if selected.uidnext <= known_next and selected.exists <= folder.server_messages:
        return False
    few = 0 < selected.uidnext - known_next <= CHUNK
    uids = set(range(known_next, selected.uidnext)) if few else connection.uids(f"{known_next}:*")
    here = Message.objects.filter(folder=folder, uidvalidity=selected.uidvalidity, uid__gte=known_next)
    wanted = sorted((uid for uid in uids - set(here.values_list("uid", flat=True)) if uid >= known_next), reverse=True)
    if not _fetch_all(connection, folder, wanted, should_stop=should_stop):
        return True
    # Cut short before what vanished is looked for, with as many messages as the last time, nothing else would tell of it:
    # until the look is over the count is one that the server will not say.
    known_next = max([selected.uidnext, known_next, *(uid + 1 for uid in uids)])
    save(folder, uidnext=known_next, server_messages=selected.exists + 1)
    return False


def _fetch_all(
    connection: MailConnection,
    folder: Folder,
    uids: list[int],
    *,
    should_stop: Callable[[], bool],
    moves_down: bool = False,
) -> bool:
    """In chunks, in this order, each committed; the server prepares the next one meanwhile. False when it was stopped.

    Parsing happens before a transaction begins: the database is locked for the writing alone. Where the connection breaks
    each time, one of the messages may be why: it is searched for in smaller chunks, and then listed as unreadable.
    """
    chunks = list(_chunks(uids, stumbling.suspects(folder.pk)))
    ahead = not stumbling.suspects(folder.pk)
    asked: Asked | None = None
    for position, chunk in enumerate(chunks):
        if position and asked is None and (ahead or should_stop()):
            return False
        if chunk == [stumbling.culprit(folder.pk)]:
            logger.warning(
                "folder %s: the server breaks off at uid %s, which is listed as unreadable", folder.pk, chunk
            )
            found = connection.fetch_unread(chunk)
        else:
            with _noting_what_breaks(folder, chunk):
                found = connection.take_envelopes(asked or connection.ask_envelopes(chunk))
        going_on = ahead and position + 1 < len(chunks) and not should_stop()
        asked = connection.ask_envelopes(chunks[position + 1]) if going_on else None
        rows = [as_row(folder, folder.uidvalidity or 0, message) for message in found]
        with change(folder.account.user_id) as changed:
            insert_rows(changed, folder, folder.uidvalidity or 0, rows)
            if moves_down:
                save(folder, backfill_uid=min(chunk))
        stumbling.came(folder.pk, chunk)
    return True


def _chunks(uids: list[int], suspects: frozenset[int]) -> Iterator[list[int]]:
    """In their order; suspects by themselves, fewer at a time."""
    for suspected, group in groupby(uids, suspects.__contains__):
        together = list(group)
        size = max(1, len(suspects) // 4) if suspected else CHUNK
        yield from (together[start : start + size] for start in range(0, len(together), size))


@contextmanager
def _noting_what_breaks(folder: Folder, uids: list[int]) -> Iterator[None]:
    try:
        yield
    except RetryLater as problem:
        if problem.reason != Reason.LIMIT:
            stumbling.broke_at(folder.pk, uids)
        raise

"""Flags that another client changed: by CONDSTORE (RFC 7162) where the server has it, else by looking, within bounds."""

import time
from collections.abc import Callable

from django.db.models import Q

from webmail.imap.connection import MailConnection
from webmail.imap.types import Selected
from webmail.models import Folder, Message

from .changes import apply_flags
from .folders import save

FLAG_TAIL = 1000  # newest uids whose flags are read at every look where CONDSTORE is missing
FLAG_WINDOW = 5000  # and how many older ones in turn


SCANNED_AT_ONCE = 6  # folders per pass
SCAN_SECONDS = 20.0
_scanned: dict[int, float] = {}  # when, by folder; a worker that starts anew only begins with another one


def scan_in_turn(connection: MailConnection, folders: list[Folder], *, should_stop: Callable[[], bool]) -> None:
    """Where counters tell nothing of a flag and the server keeps no mod-sequences: a few folders, longest ago first."""
    before = time.monotonic() - SCAN_SECONDS
    waiting = [each for each in folders if each.uidvalidity and each.uidnext and _scanned.get(each.pk, 0.0) < before]
    for folder in sorted(waiting, key=lambda each: _scanned.get(each.pk, 0.0))[:SCANNED_AT_ONCE]:
        if should_stop():
            return
        _scanned[folder.pk] = time.monotonic()
        if folder.server_messages:
            connection.select(folder.name, uidvalidity=folder.uidvalidity)
            scan_marks(connection, folder)


def changed_flags(connection: MailConnection, folder: Folder, selected: Selected) -> None:
    """Of the selected folder, as far as it is mirrored."""
    low, high = folder.backfill_uid or 1, (folder.uidnext or 1) - 1
    if high < low:
        save(folder, highestmodseq=selected.highestmodseq)
        return
    if selected.highestmodseq is not None and folder.highestmodseq is not None:
        if selected.highestmodseq != folder.highestmodseq:
            since = min(folder.highestmodseq, selected.highestmodseq)
            updates = connection.fetch_flags(f"{low}:{high}", changed_since=since)
            apply_flags(folder, selected.uidvalidity, updates)
            save(folder, highestmodseq=selected.highestmodseq)
        return
    _read_in_turn(connection, folder, selected, low, high)
    scan_marks(connection, folder)
    _scanned[folder.pk] = time.monotonic()


def _read_in_turn(connection: MailConnection, folder: Folder, selected: Selected, low: int, high: int) -> None:
    """All flags, keywords too: the newest at every look, the older ones window by window."""
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
    save(folder, flags_scanned_uid=reached, highestmodseq=selected.highestmodseq)


def scan_marks(connection: MailConnection, folder: Folder) -> int:
    """The flags that lists show, of all mirrored messages of the selected folder: SEARCH names them in a few kilobytes where
    FETCH would take megabytes. Only what differs is read. Return how many rows changed.
    """
    low, high = folder.backfill_uid or 1, (folder.uidnext or 1) - 1
    if high < low or folder.uidvalidity is None:
        return 0
    marked = connection.marked(f"{low}:{high}")
    if marked is None:
        return 0
    rows = Message.objects.filter(folder=folder, uidvalidity=folder.uidvalidity, uid__range=(low, high))
    here: dict[str, set[int]] = {name: set() for name in marked}
    noted = rows.filter(Q(seen=False) | Q(flagged=True) | Q(answered=True))
    for uid, seen, flagged, answered in noted.values_list("uid", "seen", "flagged", "answered").iterator():
        for name, value in (("UNSEEN", not seen), ("FLAGGED", flagged), ("ANSWERED", answered)):
            if value:
                here[name].add(uid or 0)
    different = set().union(*(there ^ here[name] for name, there in marked.items()))
    return apply_flags(folder, folder.uidvalidity, connection.fetch_flags(different)) if different else 0

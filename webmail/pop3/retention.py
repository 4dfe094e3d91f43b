"""What is deleted on the server, and when it is safe to: the bytes are here, whole and on the disk.

have → deleting, committed before DELE is sent → gone, once QUIT is confirmed. What is found ``deleting`` later is looked
up in the next listing.
"""

import hashlib
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from django.core.files.storage import default_storage
from django.db import connection as database
from django.db.models import Q
from django.utils import timezone

from webmail.errors import GiveUp
from webmail.models import Download, LedgerEntry, StoredContent
from webmail.pop3.client import PopConnection
from webmail.pop3.ledger import chunks, header_hash
from webmail.pop3.progress import Progress
from webmail.sync.stored import PIECE

logger = logging.getLogger(__name__)
State = LedgerEntry.State
Policy = Download.Policy


class Retention:
    """The deletions of one session: ``mark`` before QUIT, ``confirmed`` after the server's +OK to it."""

    def __init__(self, download: Download, connection: PopConnection, progress: Progress) -> None:
        self.more = False
        self._download = download
        self._connection = connection
        self._progress = progress
        self._marked: list[int] = []

    def mark(self, known: dict[int, int], compared: dict[int, int], enough: Callable[[int], bool]) -> None:
        """DELE for what is due, until ``enough`` says so of their number.

        ``known`` and ``compared`` map numbers to ledger entries; the content of the latter was seen in this session, the
        others are compared by their header, because an id may have been given to another message meanwhile.
        """
        if self._download.policy == Policy.KEEP:
            return
        places = {pk: number for number, pk in {**compared, **known}.items()}
        seen = set(compared.values())
        for part in chunks(places):
            if enough(len(self._marked)):
                self.more = True
                break
            safe = {}
            for entry in self._due(part):
                self._progress.pulse()
                if entry.wanted_gone or content_is_safe(entry):
                    safe[places[entry.pk]] = entry
            certain = [number for number, entry in safe.items() if entry.pk in seen or not entry.header_sha256]
            certain += self._unchanged({number: entry for number, entry in safe.items() if number not in set(certain)})
            self._delete({number: safe[number].pk for number in certain})

    def confirmed(self) -> None:
        for part in chunks(self._marked):
            LedgerEntry.objects.filter(pk__in=part, state=State.DELETING).update(state=State.GONE)

    def _due(self, ids: list[int]) -> Iterator[LedgerEntry]:
        entries = LedgerEntry.objects.filter(pk__in=ids, state=State.HAVE)
        if self._download.policy == Policy.FOLLOW:
            entries = entries.filter(wanted_gone=True)
        else:
            entries = entries.filter(Q(wanted_gone=True) | Q(message__isnull=False))
        if self._download.policy == Policy.AFTER_DAYS:
            entries = entries.filter(fetched_at__lte=timezone.now() - timedelta(days=self._download.days))
        return entries.order_by("pk").iterator(chunk_size=500)

    def _unchanged(self, entries: dict[int, LedgerEntry]) -> list[int]:
        if not entries or self._connection.has_top is False:
            return list(entries)
        same: list[int] = []
        other: list[int] = []
        try:
            for number, raw in self._connection.headers(entries):
                self._progress.pulse()
                if isinstance(raw, bytes):
                    (same if header_hash(raw) == entries[number].header_sha256 else other).append(number)
                elif not isinstance(raw, GiveUp):
                    raise raw
        except GiveUp:
            if self._connection.has_top is not False:
                raise
            return list(entries)
        # Not what was fetched under this id: the next session fetches it and compares the content.
        LedgerEntry.objects.filter(pk__in=[entries[number].pk for number in other]).update(
            state=State.GONE, header_sha256=""
        )
        return same

    def _delete(self, numbers: dict[int, int]) -> None:
        if not numbers:
            return
        with on_disk():
            LedgerEntry.objects.filter(pk__in=list(numbers.values())).update(state=State.DELETING)
        refused = self._connection.delete(numbers)
        if refused:
            logger.info("the server does not delete %d messages: %s", len(refused), next(iter(refused.values())).detail)
            kept = [numbers[number] for number in refused]
            LedgerEntry.objects.filter(pk__in=kept).update(state=State.HAVE)
        self._marked += [pk for number, pk in numbers.items() if number not in refused]


def content_is_safe(entry: LedgerEntry) -> bool:
    """Read back what is stored and compare it; what is damaged is marked, and fetched once more. Never raises."""
    content = StoredContent.objects.filter(message=entry.message).first()
    if content is None or content.damaged:
        return False
    try:
        sha256 = hash_of(content.file.name or "", durable=True)
    except OSError as error:
        problem = f"could not be read: {error}"
    else:
        if sha256 == entry.sha256:
            return True
        problem = "is not what was fetched"
    logger.error("stored content %s %s", content.pk, problem)
    StoredContent.objects.filter(pk=content.pk).update(damaged=problem[:200])
    return False


def hash_of(name: str, *, durable: bool = False) -> str:
    """SHA-256 of a stored file. ``durable``: on a file system, wait until it would survive a power cut. Raises OSError."""
    digest = hashlib.sha256()
    with default_storage.open(name, "rb") as stream:
        while piece := stream.read(PIECE):
            digest.update(piece)
    if durable:
        try:
            path = Path(default_storage.path(name))
        except NotImplementedError:
            return digest.hexdigest()
        for place in (path, path.parent, path.parent.parent, path.parent.parent.parent):
            descriptor = os.open(place, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    return digest.hexdigest()


@contextmanager
def on_disk() -> Iterator[None]:
    """What is committed inside, and all before it, survives a power cut: SQLite does not wait for the disk otherwise."""
    waits = database.vendor != "sqlite" or database.in_atomic_block
    if waits:
        yield
        return
    with database.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=FULL")
        try:
            yield
        finally:
            cursor.execute("PRAGMA synchronous=NORMAL")

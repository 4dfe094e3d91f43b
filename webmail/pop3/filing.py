"""From a message on the wire to a row in a folder: bytes first, then row and ledger entry in one commit.

Messages are committed in small groups, because a commit costs more than a small message. A group never waits for a long
one: half a second after its first message arrived it is filed, even while the next is still coming in.
"""

import contextlib
import logging
import mmap
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, BinaryIO, cast

from django.db import DataError
from django.utils import timezone

from webmail.errors import Reason, RetryLater
from webmail.mime.mapped import MappedFile
from webmail.mime.parts import Octets
from webmail.mime.summary import Summary, summarise
from webmail.models import Download, Folder, LedgerEntry, Message, StoredContent
from webmail.models.mirror import change
from webmail.models.pop3 import delete_files, discard_files
from webmail.pop3 import marks
from webmail.pop3.ledger import header_hash
from webmail.pop3.progress import Progress
from webmail.pop3.types import Listed, Retrieved
from webmail.sync import stored
from webmail.sync.local import Letter, file_letters

logger = logging.getLogger(__name__)
IN_MEMORY = 512 * 1024  # of one message; what is larger waits in a file
GROUP_MESSAGES = 50
GROUP_OCTETS = 4 * 1024 * 1024
GROUP_SECONDS = 0.5
State = LedgerEntry.State


@dataclass(eq=False, slots=True)
class Arrived:
    """A whole message that is not filed yet."""

    listed: Listed
    content: Retrieved
    stream: IO[bytes]
    summary: Summary
    header_sha256: str
    name: str = ""  # of the file it was written to

    @property
    def key(self) -> tuple[str, int]:
        return self.content.sha256, self.content.size


@dataclass(slots=True)
class Filed:
    """What became of the messages of a session."""

    entries: dict[int, int] = field(default_factory=dict)  # number → ledger entry, content compared in this session
    new: int = 0
    known: int = 0  # the content had been here before
    renamed: int = 0  # of these: under another id, which the server no longer lists
    came_back: int = 0  # of these: the server had confirmed their deletion
    too_old: int = 0


class Filer:
    """One session's messages. ``sink`` takes each as it comes, ``arrived`` takes it over, ``flush`` files what waits."""

    def __init__(self, download: Download, folder: Folder, progress: Progress, listed_ids: set[str]) -> None:
        self.filed = Filed()
        self._download = download
        self._account = download.account
        self._folder = folder
        self._progress = progress
        self._listed_ids = listed_ids
        self._flags = frozenset({download.tag} if download.tag else ())
        self._group: list[Arrived] = []
        self._octets = 0
        self._taken: set[int] = set()
        self._begun = 0.0
        self._incoming: IO[bytes] | None = None
        self.incoming_number: int | None = None

    @contextmanager
    def sink(self, number: int) -> Iterator[BinaryIO]:
        """Where ``retrieve_many`` puts a message. Raises RetryLater when there is no room for it."""
        self.incoming_number = number
        self._incoming = cast(IO[bytes], tempfile.SpooledTemporaryFile(max_size=IN_MEMORY))  # noqa: SIM115
        try:
            yield cast(BinaryIO, self)
        except BaseException:
            self._incoming.close()
            raise

    def write(self, piece: bytes) -> int:
        assert self._incoming is not None  # noqa: S101 - sink() comes first
        try:
            self._incoming.write(piece)
        except OSError as error:
            raise no_room(error) from error
        self._progress.octets_done += len(piece)
        if self._group and time.monotonic() - self._begun > GROUP_SECONDS:
            self.flush()
        self._progress.pulse()
        return len(piece)

    def arrived(self, listed: Listed, content: Retrieved) -> None:
        stream, self._incoming, self.incoming_number = self._incoming, None, None
        if stream is None:
            raise RuntimeError("no message has come in")
        with _mapped(stream) as raw:
            summary, header = summarise(raw), header_hash(raw)  # type: ignore[arg-type]
        if not self._group:
            self._begun = time.monotonic()
        self._group.append(Arrived(listed, content, stream, summary, header))
        self._octets += content.size
        if (
            len(self._group) >= GROUP_MESSAGES
            or self._octets >= GROUP_OCTETS
            or time.monotonic() - self._begun > GROUP_SECONDS
        ):
            self.flush()

    def flush(self) -> None:
        """Commit what has arrived. Raises RetryLater when there is no room, or the maildrop was lost."""
        group, self._group, self._octets = self._group, [], 0
        try:
            while group:
                # The same content twice in one group: the second finds the first in the ledger.
                first = list({each.key: each for each in reversed(group)}.values())[::-1]
                self._file_each(first)
                group = [each for each in group if each.listed.number not in self.filed.entries]
        except OSError as error:
            raise no_room(error) from error
        finally:
            for each in group:
                each.stream.close()

    def close(self) -> None:
        for each in self._group:
            each.stream.close()
        self._group = []

    def _file_each(self, group: list[Arrived]) -> None:
        try:
            self._file(group)
        except (DataError, ValueError) as error:
            # The database does not take something in one of the headers; the message is kept all the same.
            if len(group) > 1:
                for each in group:
                    self._file_each([each])
            elif group[0].summary != (plain := summarise(b"")):
                logger.warning("a header could not be stored: %s", error)
                group[0].summary = plain
                self._file_each(group)
            else:
                raise

    def _file(self, group: list[Arrived]) -> None:
        twins = self._twins(group)
        fresh = [each for each in group if each.key not in twins and not self._too_old(each)]
        repairs = [each for each in group if each.key in twins and _damaged(twins[each.key])]
        replaced: list[str] = []
        filed = Filed()
        try:
            for each in fresh + repairs:
                each.name, sha256, size = stored.keep(cast(BinaryIO, each.stream))
                if (sha256, size) != each.key:
                    raise OSError("what was written is not what came in")
            with change(self._account.user_id) as changed:
                changed.silent = True
                self._progress.fence()
                entries = {each.listed.number: self._entry(each, twins.get(each.key, []), filed) for each in group}
                letters = [self._letter(each, entries[each.listed.number]) for each in fresh]
                if letters:
                    file_letters(self._folder, letters)
                for each in group:
                    if not each.name or each in repairs:
                        self._link(entries[each.listed.number], twins.get(each.key, []))
                replaced = [name for each in repairs for name in _repair(each, twins[each.key])]
                self._retire(entries)
                self._progress.filed(len(fresh))
        except BaseException as error:
            with contextlib.suppress(OSError):
                discard_files([each.name for each in fresh + repairs if each.name], error)
            for each in fresh + repairs:
                each.name = ""
            raise
        delete_files(replaced)
        self._count(filed, fresh, entries)
        for each in group:
            each.stream.close()

    def _twins(self, group: list[Arrived]) -> dict[tuple[str, int], list[LedgerEntry]]:
        found: dict[tuple[str, int], list[LedgerEntry]] = {}
        entries = LedgerEntry.objects.filter(account=self._account, sha256__in=[each.content.sha256 for each in group])
        for entry in entries.exclude(state=State.SKIPPED).order_by("pk"):
            found.setdefault((entry.sha256, entry.size), []).append(entry)
        strange = [each for each in group if each.key not in found]
        by_id = marks.with_id(self._account.pk, {each.listed.uidl for each in strange} & self._listed_ids)
        for each in strange:
            if each.listed.uidl in self._listed_ids:
                known = by_id.get(each.listed.uidl, [])
            else:
                known = marks.with_message_id(self._account.pk, each.summary.message_id)
            if known:
                with _mapped(each.stream) as raw:
                    same = [entry for entry in known if marks.is_same(entry, each.header_sha256, raw)]
                if same:
                    found[each.key] = same
        return found

    def _entry(self, each: Arrived, twins: list[LedgerEntry], filed: Filed) -> LedgerEntry:
        """The ledger entry of this message of the maildrop, not saved: the one it has, or a new one."""
        listed = each.listed
        too_old = not twins and self._too_old(each)
        own = next((twin for twin in twins if twin.uidl == listed.uidl and twin.pk not in self._taken), None)
        if too_old:
            left = LedgerEntry.objects.filter(account=self._account, state=State.SKIPPED, uidl=listed.uidl)
            own = left.filter(sha256=each.content.sha256, size=each.content.size).exclude(pk__in=self._taken).first()
        if own is not None:
            filed.came_back += own.state == State.GONE
            entry = own
        else:
            entry = LedgerEntry(account=self._account, uidl=listed.uidl, fetched_at=timezone.now())
            if twins:
                entry.fetched_at = twins[0].fetched_at
                filed.renamed += bool(listed.uidl) and not any(twin.uidl in self._listed_ids for twin in twins)
        entry.listed_size, entry.header_sha256 = listed.size, each.header_sha256
        entry.sha256, entry.size = each.key
        entry.state = State.HAVE
        if too_old:
            entry.state = State.SKIPPED
            entry.fetched_at = each.summary.received or each.summary.date or entry.fetched_at
        return entry

    def _letter(self, each: Arrived, entry: LedgerEntry) -> Letter:
        sha256, size = each.key
        return Letter(each.name, sha256, size, each.summary, self._flags, ledger=entry)

    def _link(self, entry: LedgerEntry, twins: list[LedgerEntry]) -> None:
        """Known content: the entry stands for the same message, or for the same removal of it."""
        if twins:
            # That of what is here, where the server has marked it anew.
            entry.sha256, entry.size = twins[0].sha256, twins[0].size
        if entry.pk is None and twins:
            alive = LedgerEntry.objects.filter(pk__in=[twin.pk for twin in twins], message__isnull=False).first()
            if alive is not None:
                entry.message_id = alive.message_id
            else:
                entry.wanted_gone = any(twin.wanted_gone for twin in twins)
        if entry.pk is None:
            entry.save()
        else:
            entry.save(update_fields=["state", "listed_size", "header_sha256"])

    def _retire(self, entries: dict[int, LedgerEntry]) -> None:
        """An id names one message: what it named before is no longer in the maildrop."""
        ids = {entry.uidl for entry in entries.values() if entry.uidl in self._listed_ids}
        before = LedgerEntry.objects.filter(account=self._account, uidl__in=ids).exclude(state=State.GONE)
        before.exclude(pk__in=[entry.pk for entry in entries.values()]).update(state=State.GONE)

    def _too_old(self, each: Arrived) -> bool:
        since, when = self._download.since, each.summary.received or each.summary.date
        return since is not None and when is not None and when.date() < since

    def _count(self, filed: Filed, fresh: list[Arrived], entries: dict[int, LedgerEntry]) -> None:
        total = self.filed
        total.new += len(fresh)
        total.came_back += filed.came_back
        total.renamed += filed.renamed
        skipped = sum(entry.state == State.SKIPPED for entry in entries.values())
        total.too_old += skipped
        total.known += len(entries) - len(fresh) - skipped
        total.entries.update({number: entry.pk for number, entry in entries.items()})
        self._taken.update(entry.pk for entry in entries.values())


def no_room(error: OSError) -> RetryLater:
    sentence = "There is no room left to keep mail here, so nothing more is fetched. It is tried again."
    return RetryLater(Reason.BUSY, sentence, detail=str(error))


def _damaged(twins: list[LedgerEntry]) -> list[Message]:
    ids = {twin.message_id for twin in twins if twin.message_id is not None}
    return list(Message.objects.filter(pk__in=ids).exclude(stored__damaged=""))


def _repair(each: Arrived, twins: list[LedgerEntry]) -> list[str]:
    """Put the bytes where they are missing; return the files that are no longer referred to."""
    broken = _damaged(twins)
    sha256, size = each.key
    if not broken:
        return [each.name]
    replaced = [row.file.name or "" for row in StoredContent.objects.filter(message=broken[0])]
    StoredContent.objects.update_or_create(
        message=broken[0], defaults={"file": each.name, "sha256": sha256, "size": size, "damaged": ""}
    )
    return replaced


@contextmanager
def _mapped(stream: IO[bytes]) -> Iterator[Octets]:
    """The whole message; one that is too large for the memory where it lies in its file."""
    stream.flush()
    stream.seek(0)
    if not getattr(stream, "_rolled", True):
        yield stream.read()
        return
    try:
        view = MappedFile(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except ValueError:  # empty
        yield b""
        return
    with view:
        yield view

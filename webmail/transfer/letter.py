"""One message on its way: its octets on disk, and what identifies it."""

import hashlib
import mmap
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, cast

from webmail.errors import GiveUp, Reason
from webmail.imap.types import RemoteMessage
from webmail.mime.summary import Summary, summarise
from webmail.models import Folder
from webmail.sync.conversations import hash_key
from webmail.sync.insert import as_row

IN_MEMORY = 1024 * 1024
EPOCH_YEAR = 1970


@dataclass(frozen=True, slots=True)
class Outgoing:
    """``message_key`` and ``size`` say whether two messages are the same one; ``flags`` are those of IMAP."""

    key: str
    name: str
    stream: BinaryIO
    size: int
    summary: Summary
    message_key: int
    flags: frozenset[str]
    date: datetime | None

    @property
    def message_id(self) -> str:
        return self.summary.message_id[:998]

    def sha256(self) -> str:
        self.stream.seek(0)
        digest = hashlib.file_digest(self.stream, "sha256")  # type: ignore[arg-type]
        self.stream.seek(0)
        return digest.hexdigest()

    @property
    def internaldate(self) -> datetime | None:
        found = self.date or self.summary.received or self.summary.date
        # Servers refuse what lies before their epoch.
        return found if found is not None and found.year >= EPOCH_YEAR else None


@contextmanager
def spooled(
    key: str,
    name: str,
    pieces: Iterable[bytes],
    *,
    flags: frozenset[str],
    date: datetime | None,
    largest: int,
) -> Iterator[Outgoing]:
    """Raise GiveUp for an empty message or one of more than ``largest`` octets, and what ``pieces`` raises."""
    with tempfile.TemporaryFile() as file:
        size = 0
        for piece in pieces:
            size += file.write(piece)
            if size > largest:
                raise GiveUp(Reason.TOO_LARGE, f"It is larger than {largest // 1_000_000} MB.")
        if not size:
            raise GiveUp(Reason.GONE, "It is empty.")
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as raw:
            summary = summarise(raw)
        file.seek(0)
        stream = cast(BinaryIO, file)
        yield Outgoing(key, name, stream, size, summary, _message_key(summary, size), flags, date)


def _message_key(summary: Summary, size: int) -> int:
    """As the mirror computes it for the same message on the server."""
    if summary.message_id:
        return hash_key(summary.message_id[:998])
    found = RemoteMessage(
        uid=0,
        flags=frozenset(),
        modseq=None,
        internaldate=summary.date or datetime.fromtimestamp(0).astimezone(),
        size=size,
        subject=summary.subject,
        from_=summary.from_,
        to=[],
        cc=[],
        bcc=[],
        reply_to=[],
        sender=[],
        message_id="",
        in_reply_to=[],
        references=[],
        date=summary.date,
        structure=summary.structure,
    )
    return key_of(found)


def key_of(found: RemoteMessage) -> int:
    return as_row(Folder(), 0, found).message_key

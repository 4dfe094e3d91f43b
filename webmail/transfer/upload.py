"""The messages of a file that somebody uploaded: an mbox, a zip archive of either, or one message."""

import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, cast

from django.conf import settings

from webmail.errors import GiveUp, Reason

from . import mbox, zipread
from .lines import crlf
from .names import safe_name
from .zipwrite import PIECE

LARGEST_MESSAGE = 256 * 1024 * 1024
INFLATED = 4  # how many times the largest upload an archive may unpack to in all
COMMENT = b"webmail 1; "
_HEADER = re.compile(rb"(?:[!-9;-~]{1,200}[ \t]*:[^\r\n]*\r?\n)")
_FLAG = re.compile(r"\\?[A-Za-z0-9$_.-]{1,100}\Z")
_MESSAGE_NAMES = (".eml", ".mbox", ".mbx", ".mboxrd", ".msg", ".txt", "")


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message of the file. ``key`` finds it again; ``position``: octets of the file up to its end.

    ``open`` gives its octets with CR LF and the flags found with it, or raises GiveUp with the reason why not.
    """

    key: str
    name: str
    position: int
    open: Callable[[], tuple[Iterator[bytes], frozenset[str]]]
    date: datetime | None = None


class Expunged(GiveUp):
    """The program that wrote the mbox had deleted this message already and not yet compacted the file."""


def kind_of(stream: BinaryIO) -> str:
    """``zip``, ``mbox`` or ``eml``. Raise GiveUp for anything else, and for an archive that cannot be read."""
    stream.seek(0)
    beginning = stream.read(64 * 1024)
    if beginning.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        next(zipread.entries(stream), None)
        return "zip"
    if mbox.is_mbox(beginning):
        return "mbox"
    if _HEADER.match(beginning.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")):
        return "eml"
    raise GiveUp(Reason.REFUSED, "This is neither an mbox, nor a zip archive, nor a message (.eml).")


def messages(stream: BinaryIO, filename: str) -> Iterator[Incoming]:
    """In the order of the file. Raise GiveUp when the file as a whole cannot be read (on)."""
    kind = kind_of(stream)
    if kind == "zip":
        yield from _of_zip(stream)
    elif kind == "mbox":
        yield from _of_mbox(stream, safe_name(filename), "", None)
    else:
        size = stream.seek(0, 2)
        yield Incoming("0", safe_name(filename), size, lambda: (crlf(_pieces(stream)), frozenset()))


def comment_of(flags: frozenset[str], date: datetime) -> bytes:
    """What a zip entry says beside its octets, so that an export can be imported with dates and flags."""
    words = " ".join(sorted(flag for flag in flags if _FLAG.match(flag)))
    return COMMENT + f"{date.astimezone(UTC).isoformat(timespec='seconds')}; {words}".encode()


def read_comment(comment: bytes) -> tuple[frozenset[str], datetime | None]:
    if not comment.startswith(COMMENT):
        return frozenset(), None
    date, _, words = comment[len(COMMENT) :].decode("ascii", "replace").partition("; ")
    flags = frozenset(word for word in words.split()[:100] if _FLAG.match(word))
    try:
        found = datetime.fromisoformat(date)
    except ValueError:
        return flags, None
    return flags, found if found.tzinfo is not None else None


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    at = 0
    while True:
        stream.seek(at)
        piece = stream.read(PIECE)
        if not piece:
            return
        at += len(piece)
        yield piece


def _of_mbox(stream: BinaryIO, name: str, prefix: str, position: int | None) -> Iterator[Incoming]:
    for number, found in enumerate(mbox.split(stream), start=1):

        def opened(found: mbox.Found = found) -> tuple[Iterator[bytes], frozenset[str]]:
            if found.end - found.start > LARGEST_MESSAGE:
                raise GiveUp(Reason.TOO_LARGE, f"It is larger than {LARGEST_MESSAGE // 1_000_000} MB.")
            flags, expunged, pieces = mbox.without_status(mbox.unquoted(stream, found))
            if expunged:
                raise Expunged(Reason.GONE, "It had been deleted.")
            return pieces, flags

        at = found.next if position is None else position
        yield Incoming(f"{prefix}{found.start}", f"{name}, message {number:,}", at, opened, found.date)


def _of_zip(stream: BinaryIO) -> Iterator[Incoming]:
    allowed = INFLATED * settings.MAX_IMPORT_BYTES
    inflated = position = 0
    for entry in zipread.entries(stream):
        position += entry.packed
        name = entry.name.replace("\\", "/").rpartition("/")[2]
        if entry.is_folder or name.startswith(".") or "__MACOSX/" in entry.name:
            continue
        ending = name[name.rfind(".") :].lower() if "." in name else ""
        if ending not in _MESSAGE_NAMES or entry.size == 0:
            continue
        inflated += entry.size
        if inflated > allowed:
            raise GiveUp(Reason.TOO_LARGE, f"The archive unpacks to more than {allowed // 1_000_000_000:,} GB.")
        yield from _of_entry(stream, entry, safe_name(name), position, allowed)


def _of_entry(stream: BinaryIO, entry: zipread.Entry, name: str, position: int, allowed: int) -> Iterator[Incoming]:
    # What is declared was counted; an entry that holds more than it declares is refused while it is read.
    limit = min(allowed, entry.size)
    try:
        beginning = next(zipread.content(stream, entry, limit), b"")
    except GiveUp as problem:
        yield Incoming(str(entry.index), name, position, _refusing(problem))
        return
    if mbox.is_mbox(beginning):
        with tempfile.TemporaryFile() as copy:
            try:
                for piece in zipread.content(stream, entry, limit):
                    copy.write(piece)
            except GiveUp as problem:
                yield Incoming(str(entry.index), name, position, _refusing(problem))
                return
            yield from _of_mbox(cast(BinaryIO, copy), name, f"{entry.index}:", position)
        return
    if not _HEADER.match(beginning.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")):
        yield Incoming(str(entry.index), name, position, _refusing(GiveUp(Reason.REFUSED, "It is not a message.")))
        return
    flags, date = read_comment(entry.comment)

    def opened() -> tuple[Iterator[bytes], frozenset[str]]:
        return crlf(zipread.content(stream, entry, min(limit, LARGEST_MESSAGE))), flags

    yield Incoming(str(entry.index), name, position, opened, date)


def _refusing(problem: GiveUp) -> Callable[[], tuple[Iterator[bytes], frozenset[str]]]:
    def refuse() -> tuple[Iterator[bytes], frozenset[str]]:
        raise problem

    return refuse

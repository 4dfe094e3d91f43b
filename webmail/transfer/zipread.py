"""Reading a zip archive that somebody uploaded: one entry at a time, and never more than what was allowed.

The directory is not loaded, what it declares is not believed, and what an entry inflates to is counted as it comes.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from webmail.errors import GiveUp, Reason

from .zipwrite import CENTRAL, DEFLATED, END, END_64, LIMIT_16, LIMIT_32, LOCAL, LOCATOR, PIECE, STORED, UTF8

MOST_ENTRIES = 1_000_000
LARGEST_RATIO = 200
RATIO_FROM = 8 * 1024 * 1024  # octets; below this a well-packed message is no bomb
ENCRYPTED = 0x0001
_LONGEST_COMMENT = 0xFFFF


@dataclass(frozen=True, slots=True)
class Entry:
    """What the directory says of one file. ``name`` is for people only; nothing is ever written under it."""

    index: int
    name: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    comment: bytes

    @property
    def is_folder(self) -> bool:
        return self.name.endswith(("/", "\\"))


def entries(stream: BinaryIO) -> Iterator[Entry]:
    """Raise GiveUp when this is no archive, or one with too many entries."""
    count, at = _directory(stream)
    if count > MOST_ENTRIES:
        raise GiveUp(Reason.TOO_LARGE, f"The archive holds more than {MOST_ENTRIES:,} files.")
    for index in range(count):
        stream.seek(at)
        head = stream.read(CENTRAL.size)
        if len(head) < CENTRAL.size or not head.startswith(b"PK\x01\x02"):
            raise GiveUp(Reason.REFUSED, "The archive is damaged: its directory ends too early.")
        fields = CENTRAL.unpack(head)
        flags, method, crc, packed, size = fields[5], fields[6], fields[9], fields[10], fields[11]
        name, extra, comment = (stream.read(length) for length in fields[12:15])
        size, packed, offset = _large(extra, size, packed, fields[18])
        at += CENTRAL.size + len(name) + len(extra) + len(comment)
        text = name.decode("utf-8" if flags & UTF8 else "cp437", "replace")
        yield Entry(index, text, flags, method, crc, packed, size, offset, comment)


def content(stream: BinaryIO, entry: Entry, limit: int) -> Iterator[bytes]:
    """What the entry holds, in pieces. Raise GiveUp for more than ``limit`` octets, an absurd ratio, damage."""
    if entry.flags & ENCRYPTED:
        raise GiveUp(Reason.UNSUPPORTED, "It is encrypted.")
    if entry.method not in {STORED, DEFLATED}:
        raise GiveUp(Reason.UNSUPPORTED, "It is packed in a way that cannot be read here.")
    if entry.offset > stream.seek(0, 2):
        raise GiveUp(Reason.REFUSED, "The archive is damaged.")
    stream.seek(entry.offset)
    head = stream.read(LOCAL.size)
    if len(head) < LOCAL.size or not head.startswith(b"PK\x03\x04"):
        raise GiveUp(Reason.REFUSED, "The archive is damaged.")
    at = entry.offset + LOCAL.size + sum(LOCAL.unpack(head)[9:11])
    crc = size = 0
    for piece in _inflated(stream, at, entry):
        size += len(piece)
        if size > limit:
            raise GiveUp(Reason.TOO_LARGE, f"It is larger than {limit // 1_000_000:,} MB.")
        if size > RATIO_FROM and size > LARGEST_RATIO * max(1, entry.packed):
            raise GiveUp(Reason.TOO_LARGE, "It unpacks to far more than a message would.")
        crc = zlib.crc32(piece, crc)
        yield piece
    if crc != entry.crc:
        raise GiveUp(Reason.REFUSED, "It is damaged: its checksum is wrong.")


def _inflated(stream: BinaryIO, at: int, entry: Entry) -> Iterator[bytes]:
    inflate = zlib.decompressobj(-zlib.MAX_WBITS) if entry.method == DEFLATED else None
    left = entry.packed
    while left:
        stream.seek(at)
        piece = stream.read(min(PIECE, left))
        if not piece:
            return
        at, left = at + len(piece), left - len(piece)
        if inflate is None:
            yield piece
            continue
        try:
            while piece:
                yield inflate.decompress(piece, PIECE)
                piece = inflate.unconsumed_tail
        except zlib.error as error:
            raise GiveUp(Reason.REFUSED, "It is damaged.", detail=str(error)) from error
    while inflate is not None and not inflate.eof:
        rest = inflate.decompress(inflate.unconsumed_tail, PIECE)
        if not rest:
            return
        yield rest


def _directory(stream: BinaryIO) -> tuple[int, int]:
    """(number of entries, where the directory begins)."""
    size = stream.seek(0, 2)
    start = max(0, size - END.size - _LONGEST_COMMENT)
    stream.seek(start)
    tail = stream.read()
    found = tail.rfind(b"PK\x05\x06")
    # The comment behind the record may hold anything, also what looks like one.
    while found >= 0 and found + END.size + int.from_bytes(tail[found + 20 : found + 22], "little") != len(tail):
        found = tail.rfind(b"PK\x05\x06", 0, found)
    if found < 0:
        raise GiveUp(Reason.REFUSED, "This zip archive is incomplete: its end is missing.")
    _, _, _, _, count, length, at, _ = END.unpack_from(tail, found)
    if count == LIMIT_16 or LIMIT_32 in {length, at}:
        stream.seek(max(0, start + found - LOCATOR.size))
        locator = stream.read(LOCATOR.size)
        if locator.startswith(b"PK\x06\x07"):
            stream.seek(min(LOCATOR.unpack(locator)[2], size))
            record = stream.read(END_64.size)
            if len(record) < END_64.size or not record.startswith(b"PK\x06\x06"):
                raise GiveUp(Reason.REFUSED, "The archive is damaged: its end cannot be read.")
            count, at = END_64.unpack(record)[7], END_64.unpack(record)[9]
    if at > size:
        raise GiveUp(Reason.REFUSED, "The archive is damaged: its directory is not there.")
    return count, at


def _large(extra: bytes, size: int, packed: int, offset: int) -> tuple[int, int, int]:
    """The zip64 field holds, in this order, what did not fit."""
    values = [size, packed, offset]
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            numbers = extra[at + 4 : at + 4 + length]
            for index, value in enumerate(values):
                if value == LIMIT_32 and len(numbers) >= 8:
                    values[index] = struct.unpack_from("<Q", numbers)[0]
                    numbers = numbers[8:]
        at += 4 + length
    return values[0], values[1], values[2]

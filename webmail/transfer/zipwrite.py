"""A zip archive as a stream: any number of files of any size, nothing held but the one being written (zip64).

The standard library's writer keeps an object per file until the end, which a mailbox of a million messages does not allow.
"""

import struct
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO

PIECE = 256 * 1024
IN_MEMORY = 1024 * 1024
LIMIT_32, LIMIT_16 = 0xFFFFFFFF, 0xFFFF
UTF8, DESCRIPTOR = 0x0800, 0x0008
STORED, DEFLATED = 0, 8
LEVEL = 3
LOCAL = struct.Struct("<4s5H3L2H")
CENTRAL = struct.Struct("<4s4B4H3L5H2L")
DESCRIPTOR_64 = struct.Struct("<4sLQQ")
END = struct.Struct("<4s4H2LH")
END_64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR = struct.Struct("<4sLQL")


@dataclass(slots=True)
class _File:
    """What local header and directory both say. ``flags``: DESCRIPTOR where the sizes follow the file."""

    name: str
    when: datetime
    flags: int = 0
    crc: int = 0
    packed: int = 0
    size: int = 0
    offset: int = 0
    comment: bytes = b""


class ZipWriter:
    """Every method yields octets that have to be written, in order."""

    def __init__(self) -> None:
        self.offset = 0
        self.count = 0
        self._directory: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115

    def entry(self, name: str, pieces: Iterable[bytes], when: datetime, comment: bytes = b"") -> Iterator[bytes]:
        """A file. An error of ``pieces`` comes before anything of the file was written."""
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as packed:
            deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
            file = _File(name, when, comment=comment)
            for piece in pieces:
                file.crc, file.size = zlib.crc32(piece, file.crc), file.size + len(piece)
                packed.write(deflate.compress(piece))
            packed.write(deflate.flush())
            file.packed, file.offset = packed.tell(), self.offset
            if max(file.size, file.packed) >= LIMIT_32:
                raise ValueError("a message of more than 4 GB")
            yield self._count(_local(file))
            packed.seek(0)
            while piece := packed.read(PIECE):
                yield self._count(piece)
        self._note(file)

    def stream(self, name: str, pieces: Iterable[bytes], when: datetime) -> Iterator[bytes]:
        """A file of unknown length, written as it comes; its sizes follow it (zip64 data descriptor)."""
        file = _File(name, when, DESCRIPTOR, offset=self.offset)
        yield self._count(_local(file))
        deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        begun = self.offset
        for piece in pieces:
            file.crc, file.size = zlib.crc32(piece, file.crc), file.size + len(piece)
            if packed := deflate.compress(piece):
                yield self._count(packed)
        yield self._count(deflate.flush())
        file.packed = self.offset - begun
        yield self._count(DESCRIPTOR_64.pack(b"PK\x07\x08", file.crc, file.packed, file.size))
        self._note(file)

    def finish(self) -> Iterator[bytes]:
        start, size = self.offset, self._directory.tell()
        self._directory.seek(0)
        while piece := self._directory.read(PIECE):
            yield self._count(piece)
        self._directory.close()
        if self.count >= LIMIT_16 or start >= LIMIT_32 or size >= LIMIT_32:
            at = self.offset
            yield self._count(
                END_64.pack(b"PK\x06\x06", END_64.size - 12, 45, 45, 0, 0, self.count, self.count, size, start)
            )
            yield self._count(LOCATOR.pack(b"PK\x06\x07", 0, at, 1))
        count = min(self.count, LIMIT_16)
        yield self._count(END.pack(b"PK\x05\x06", 0, 0, count, count, min(size, LIMIT_32), min(start, LIMIT_32), 0))

    def _count(self, octets: bytes) -> bytes:
        self.offset += len(octets)
        return octets

    def _note(self, file: _File) -> None:
        values = (file.size, file.packed, file.offset)
        large = [value for value in values if value >= LIMIT_32]
        extra = struct.pack(f"<HH{len(large)}Q", 1, 8 * len(large), *large) if large else b""
        size, packed, offset = (min(value, LIMIT_32) for value in values)
        encoded = file.name.encode()
        version = 45 if large or file.flags & DESCRIPTOR else 20
        lengths = (len(encoded), len(extra), len(file.comment), 0, 0)
        head = CENTRAL.pack(
            b"PK\x01\x02", *(45, 3, version, 0), *(UTF8 | file.flags, DEFLATED, *_dos(file.when)),
            *(file.crc, packed, size), *lengths, *(0o100600 << 16, offset),
        )  # fmt: skip
        self._directory.write(head + encoded + extra + file.comment)
        self.count += 1


def _local(file: _File) -> bytes:
    encoded = file.name.encode()
    late = bool(file.flags & DESCRIPTOR)
    extra = struct.pack("<HHQQ", 1, 16, 0, 0) if late else b""
    sizes = (LIMIT_32, LIMIT_32) if late else (file.packed, file.size)
    head = LOCAL.pack(
        b"PK\x03\x04", *(45 if late else 20, UTF8 | file.flags, DEFLATED, *_dos(file.when)),
        *(0 if late else file.crc, *sizes), *(len(encoded), len(extra)),
    )  # fmt: skip
    return head + encoded + extra


def _dos(when: datetime) -> tuple[int, int]:
    """Time and date of MS-DOS: from 1980 on, in steps of two seconds."""
    utc = when.astimezone(UTC)
    if not 1980 <= utc.year <= 2107:
        return 0, 0x21
    return utc.hour << 11 | utc.minute << 5 | utc.second // 2, (utc.year - 1980) << 9 | utc.month << 5 | utc.day

"""The mbox format: written with mboxrd quoting (RFC 4155 with reversible ``>From``), read as tolerantly as it has to be.

Files come with CR LF or LF, without the blank line before ``From ``, with bare ``From `` lines in bodies, and larger than
memory: messages are found as offsets, and read in pieces.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO

from .lines import crlf, whole_lines

BLOCK = 1024 * 1024
_AHEAD = 1500  # octets after a candidate that say whether it is one
_BEHIND = 3
_LONGEST_FROM = 1000
_HEADER_LIMIT = 256 * 1024
_FROM = re.compile(rb"^(?=>*From )", re.MULTILINE)
_QUOTED_FROM = re.compile(rb"^>(?=>*From )", re.MULTILINE)
_FIELD = re.compile(rb"[!-9;-~]{1,200}[ \t]*:|>From ")
_ASCTIME = re.compile(
    rb"(?:^|\s)(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s+(\d{1,2})\s+"
    rb"(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\s+([+-]\d{4}|[A-Z]{1,5}))?\s+(\d{4})(?:\s+([+-]\d{4}))?\s*$"
)
_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_DAYS = (b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun")
_KEPT_BY_PROGRAMS = re.compile(
    rb"^(Status|X-Status|X-Keywords|X-Mozilla-Status2?|X-Mozilla-Keys):[ \t]*([^\n]*)\n(?:[ \t][^\n]*\n)*",
    re.MULTILINE | re.IGNORECASE,
)
_LETTERS = {"R": "\\Seen", "F": "\\Flagged", "A": "\\Answered", "T": "\\Draft"}
_MOZILLA = {0x0001: "\\Seen", 0x0002: "\\Answered", 0x0004: "\\Flagged"}
_MOZILLA_EXPUNGED = 0x0008
_KEYWORD = re.compile(r"[A-Za-z0-9$_.-]{1,100}\Z")


# --- writing


def separator(sender: str, when: datetime) -> bytes:
    """The ``From `` line: address and date in UTC, as ctime writes it."""
    address = re.sub(rb"[^!-~]", b"", sender.encode("ascii", "replace"))[:200] or b"MAILER-DAEMON"
    utc = when.astimezone(UTC)
    day, month = _DAYS[utc.weekday()], _MONTHS[utc.month - 1]
    return b"From %s %s %s %2d %02d:%02d:%02d %04d\n" % (
        address, day, month, utc.day, utc.hour, utc.minute, utc.second, utc.year,
    )  # fmt: skip


def status_fields(flags: Iterable[str]) -> bytes:
    """Flags and keywords as the header fields that mbox programs keep them in."""
    known = {flag.lower(): flag for flag in flags}
    status = b"RO" if "\\seen" in known else b"O"
    marks = b"".join(letter.encode() for letter, flag in _LETTERS.items() if letter != "R" and flag.lower() in known)
    keywords = sorted(flag for flag in known.values() if _KEYWORD.match(flag))
    fields = b"Status: " + status + b"\n"
    if marks:
        fields += b"X-Status: " + marks + b"\n"
    if keywords:
        fields += b"X-Keywords: " + " ".join(keywords).encode() + b"\n"
    return fields


def quoted(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """A message's octets with LF line ends and ``From `` quoted, and the blank line that ends it."""
    last = b"\n"
    for octets, begun in whole_lines(pieces):
        lines = octets.replace(b"\r\n", b"\n")
        head = b""
        if begun:
            first, end, lines = lines.partition(b"\n")
            head = first + end
        changed = head + _FROM.sub(b">", lines)
        last = changed[-1:] or last
        yield changed
    yield b"\n" if last == b"\n" else b"\n\n"


# --- reading


@dataclass(frozen=True, slots=True)
class Found:
    """Where a message's octets are in the file, and what its ``From `` line says of when it arrived."""

    start: int
    end: int
    next: int
    date: datetime | None


def is_mbox(beginning: bytes) -> bool:
    """Whether a file that begins so is an mbox."""
    text = beginning.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    return text.startswith(b"From ") and _begins(text, 0, after_blank=True)


def split(stream: BinaryIO) -> Iterator[Found]:
    """The messages of a file, in order. ``stream`` may be read elsewhere between two of them."""
    open_at: tuple[int, datetime | None] | None = None
    for at, blank, line in _separators(stream):
        if open_at is not None:
            yield Found(open_at[0], max(open_at[0], at - blank), at, open_at[1])
        open_at = at + len(line), _date(line)
    if open_at is not None:
        size = stream.seek(0, 2)
        stream.seek(max(open_at[0], size - _BEHIND))
        yield Found(open_at[0], max(open_at[0], size - _blank(stream.read(_BEHIND))), size, open_at[1])


def unquoted(stream: BinaryIO, found: Found) -> Iterator[bytes]:
    """The message as it was before it was put into the mbox, with CR LF."""

    def pieces() -> Iterator[bytes]:
        at = found.start
        while at < found.end:
            stream.seek(at)
            piece = stream.read(min(BLOCK, found.end - at))
            if not piece:
                return
            at += len(piece)
            yield piece

    def lines() -> Iterator[bytes]:
        for octets, begun in whole_lines(pieces()):
            head, rest = b"", octets
            if begun:
                first, end, rest = octets.partition(b"\n")
                head = first + end
            yield head + _QUOTED_FROM.sub(b"", rest)

    return crlf(lines())


def without_status(pieces: Iterator[bytes]) -> tuple[frozenset[str], bool, Iterator[bytes]]:
    """(flags, expunged, the message without the fields that mbox programs keep them in)."""
    head = b""
    for piece in pieces:
        head += piece
        if b"\r\n\r\n" in head or len(head) > _HEADER_LIMIT:
            break
    end = head.find(b"\r\n\r\n")
    header, body = (head[: end + 2], head[end + 2 :]) if end >= 0 else (head, b"")
    flags: set[str] = set()
    expunged = False
    for name, value in ((found[1].lower(), found[2].decode("ascii", "replace").strip())
                        for found in _KEPT_BY_PROGRAMS.finditer(header)):  # fmt: skip
        if name in {b"status", b"x-status"}:
            flags |= {_LETTERS[letter] for letter in value if letter in _LETTERS}
        elif name == b"x-keywords":
            flags |= {word for word in value.split()[:50] if _KEYWORD.match(word)}
        elif name == b"x-mozilla-status" and re.fullmatch(r"[0-9A-Fa-f]{1,8}", value):
            number = int(value, 16)
            flags |= {flag for bit, flag in _MOZILLA.items() if number & bit}
            expunged = bool(number & _MOZILLA_EXPUNGED)
    cleaned = _KEPT_BY_PROGRAMS.sub(b"", header)

    def whole() -> Iterator[bytes]:
        yield cleaned + body
        yield from pieces

    return frozenset(flags), expunged, whole()


def _separators(stream: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """(offset, octets of the blank line before it, the ``From `` line)."""
    base, buffer, ended = 0, b"", False
    at = 0  # where to look on, in the buffer
    while not ended:
        stream.seek(base + len(buffer))
        block = stream.read(BLOCK)
        buffer += block
        ended = not block
        limit = len(buffer) if ended else len(buffer) - _AHEAD
        while (found := _next_from(buffer, at, first=base == 0)) is not None and found < max(limit, 0):
            blank = _blank(buffer[max(0, found - _BEHIND) : found])
            at = found + 5
            if _begins(buffer, found, after_blank=bool(blank) or (base == 0 and not buffer[:found].strip(_BLANKS))):
                line_end = buffer.find(b"\n", found) + 1 or len(buffer)
                yield base + found, blank, buffer[found:line_end]
                at = line_end - 1
        at = max(at, limit, 0)
        drop = max(0, at - _BEHIND - 1)
        buffer, base, at = buffer[drop:], base + drop, at - drop


_BLANKS = b"\xef\xbb\xbf\r\n"


def _next_from(buffer: bytes, at: int, *, first: bool) -> int | None:
    if first and at == 0:
        start = len(buffer) - len(buffer.lstrip(_BLANKS))
        if buffer.startswith(b"From ", start):
            return start
    found = buffer.find(b"\nFrom ", max(0, at - 1))
    return found + 1 if found >= 0 else None


def _begins(buffer: bytes, at: int, *, after_blank: bool) -> bool:
    """A blank line before it and a header field or a date; without the blank line, both (bodies say "From " too)."""
    line_end = buffer.find(b"\n", at, at + _LONGEST_FROM)
    if line_end < 0:
        return False
    dated = _ASCTIME.search(buffer[at:line_end].rstrip(b"\r")) is not None
    headed = _FIELD.match(buffer, line_end + 1) is not None
    return (dated or headed) if after_blank else (dated and headed)


def _blank(before: bytes) -> int:
    """Octets of the blank line that ``before`` ends with."""
    return 2 if before.endswith(b"\n\r\n") else 1 if before.endswith(b"\n\n") else 0


def _date(line: bytes) -> datetime | None:
    found = _ASCTIME.search(line.rstrip(b"\r\n"))
    if found is None:
        return None
    zone = found[6] if found[6] and found[6][:1] in b"+-" else found[8]
    try:
        local = datetime(
            int(found[7]), _MONTHS.index(found[1]) + 1, int(found[2]), int(found[3]), int(found[4]), int(found[5] or 0),
            tzinfo=UTC,
        )  # fmt: skip
        if zone:
            local = datetime.strptime(f"{local:%Y-%m-%d %H:%M:%S} {zone.decode()}", "%Y-%m-%d %H:%M:%S %z")
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None

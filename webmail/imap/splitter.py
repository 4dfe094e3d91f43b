"""Octets from a server cut into responses: lines with the literals in them (RFC 3501 section 4.3). Pure, bounded."""

import re

# A list of 100,000 parts or 10,000 recipients is one line of several megabytes, and lawful.
LINE_LIMIT = 16 * 1024 * 1024
LITERAL_LIMIT = 256 * 1024 * 1024
RESPONSE_LIMIT = 384 * 1024 * 1024

_LITERAL = re.compile(rb"~?\{(\d{1,20})\+?\}$")
# Free text may end in something that looks like a literal; it never announces one.
_FREE_TEXT = re.compile(rb"(?:\+|\* (?:OK|NO|BAD|BYE|PREAUTH)\b|[^*+ ]+ )", re.IGNORECASE)
_COMPACT_AT = 1024 * 1024

# Text and literals in turn: the even entries are pieces of the line, the odd ones the literals between them.
Response = tuple[bytes, ...]


class Nonsense(Exception):
    """What the server sent is no IMAP, or passes every sensible limit; the connection is of no further use."""


class Splitter:
    """Feed octets in, take whole responses out."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._start = 0
        self._searched = 0
        self._pieces: list[bytes] = []
        self._size = 0
        self._wanted = -1

    @property
    def pending(self) -> int:
        """Octets received and not yet taken."""
        return len(self._buffer) - self._start + self._size

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def take(self) -> Response | None:
        """The next whole response without its line end, or None until more has come; raises Nonsense."""
        while True:
            if self._wanted >= 0:
                if len(self._buffer) - self._start < self._wanted:
                    return None
                self._keep(self._start + self._wanted)
                self._wanted = -1
            end = self._buffer.find(b"\n", max(self._searched, self._start))
            if end < 0:
                self._searched = len(self._buffer)
                if len(self._buffer) - self._start > LINE_LIMIT:
                    raise Nonsense("a line without an end")
                return None
            line = self._line(end)
            announced = self._announced(line)
            if announced is None:
                response = (*self._pieces, line)
                self._pieces, self._size = [], 0
                return response
            self._pieces.append(line)
            self._size += len(line)
            self._wanted = announced
            if self._size + announced > RESPONSE_LIMIT:
                raise Nonsense("a response without an end")

    def _line(self, end: int) -> bytes:
        stop = end - 1 if end > self._start and self._buffer[end - 1] == 13 else end
        if stop - self._start > LINE_LIMIT:
            raise Nonsense("a line that is too long")
        line = bytes(self._buffer[self._start : stop])
        self._advance(end + 1)
        return line

    def _keep(self, end: int) -> None:
        self._pieces.append(bytes(memoryview(self._buffer)[self._start : end]))
        self._size += end - self._start
        self._advance(end)

    def _advance(self, to: int) -> None:
        self._start = to
        self._searched = to
        if to == len(self._buffer) or to > _COMPACT_AT:
            del self._buffer[:to]
            self._start = self._searched = 0

    def _announced(self, line: bytes) -> int | None:
        if not line.endswith(b"}") or (not self._pieces and _FREE_TEXT.match(line)):
            return None
        found = _LITERAL.search(line)
        if found is None:
            if re.search(rb"\{-\d+\}$", line):
                raise Nonsense("a literal of negative size")
            return None
        size = int(found[1])
        if size > LITERAL_LIMIT:
            raise Nonsense("a literal that is too large")
        return size

"""Takes the dots out of a multi-line answer (RFC 1939 section 3). Pure, and flat in memory whatever the lines' length."""

import re

_CRLF_END, _LF_END = re.compile(rb"\r\n\.\r\n"), re.compile(rb"\n\.\r?\n")


class Unstuffer:
    """Feed octets in, take the content out. ``line_end`` is CR LF, or LF for servers that end their own lines so.

    With CR LF a lone LF or CR is content, as the standard has it: a message that holds LF "." LF neither ends there nor
    loses its dot.
    """

    def __init__(self, line_end: bytes = b"\r\n") -> None:
        self._end = _CRLF_END if line_end == b"\r\n" else _LF_END
        self._line_end = line_end
        self._stuffed = line_end + b"."
        self._beginnings = tuple((line_end + b".\r\n")[:length] for length in range(len(line_end) + 2, 0, -1))
        # The answer begins at the start of a line: the line end before it is imagined here and left out again below.
        self._held = line_end
        self._imagined = len(line_end)

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        """The content that is certain by now, and what follows the final dot: None until that has come."""
        data = self._held + data
        found = self._end.search(data)
        if found is not None:
            return self._content(data[: found.start() + len(self._line_end)]), data[found.end() :]
        self._held = next((each for each in self._beginnings if data.endswith(each)), b"")
        return self._content(data[: len(data) - len(self._held)]), None

    def _content(self, data: bytes) -> bytes:
        content = data.replace(self._stuffed, self._line_end)
        if self._imagined and content:
            content, self._imagined = content[self._imagined :], 0
        return content

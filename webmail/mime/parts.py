"""A whole message as the tree of its parts, and the octets of each (RFC 2045, 2046; sections as in RFC 3501)."""

import re
from dataclasses import dataclass
from mmap import mmap

from webmail.mime.body import Body, choose
from webmail.mime.headers import decode, first, parse_header_block
from webmail.mime.params import filename, media_type, parse_value, token
from webmail.mime.structure import DEPTH_LIMIT, PART_LIMIT, Part
from webmail.mime.transfer import decode_transfer

__all__ = [
    "DEPTH_LIMIT",
    "PART_LIMIT",
    "Body",
    "Part",
    "choose",
    "decode_transfer",
    "from_bytes",
    "locate",
    "part_bytes",
]

# A message of hundreds of megabytes is read where it lies in its file.
Octets = bytes | mmap

_EMPTY_LINE = re.compile(rb"\n\r?\n")
_CONTENT_ID_LIMIT = 998
_WINDOW = 1024 * 1024
_HEADER_USUALLY = 16 * 1024


@dataclass(slots=True)
class _Span:
    """Where a part lies in the message: its header from ``start``, its body from ``body`` to ``end``."""

    part: Part
    start: int
    body: int
    end: int
    boundary: bytes = b""


def from_bytes(raw: Octets) -> Part:
    """The tree an IMAP server would report as BODYSTRUCTURE of ``raw``; never raises.

    Nesting stops at 100 levels and counting at 10,000 parts: what lies beyond stays inside the last part as its content.
    """
    return _scan(raw)[0].part


def part_bytes(raw: bytes, section: str) -> bytes | None:
    """The content of one section of a whole message, transfer encoding undone; None when there is no such section.

    The section "" is the whole message; that of a multipart is its body as it stands.
    """
    if section == "":
        return raw
    found = locate(raw, section)
    if found is None:
        return None
    part, start, end = found
    data = raw[start:end]
    return data if part.is_multipart else decode_transfer(data, part.encoding)


def locate(raw: Octets, section: str) -> tuple[Part, int, int] | None:
    """The part of a section and where its content, still encoded, begins and ends in ``raw``."""
    span: _Span | None = _read(raw, 0, len(raw), "text/plain")
    if span is not None:
        span.part.section = "" if span.part.is_multipart else "1"
    for _ in range(DEPTH_LIMIT + 1):
        if span is None or span.part.section == section:
            break
        span = _child_towards(raw, span, section)
    return (span.part, span.body, span.end) if span is not None and span.part.section == section else None


def _child_towards(raw: Octets, span: _Span, section: str) -> _Span | None:
    """The child that is the part of ``section`` or holds it; none of the others is read."""
    prefix, default, ranges = _inside(raw, span, PART_LIMIT)
    number = section.removeprefix(prefix).partition(".")[0]
    if not section.startswith(prefix) or not number.isascii() or not number.isdigit() or len(number) > 6:
        return None
    place = int(number) - 1
    if not 0 <= place < len(ranges) or str(place + 1) != number:
        return None
    child = _read(raw, *ranges[place], default)
    child.part.section = f"{prefix}{number}"
    return child


def _scan(raw: Octets) -> list[_Span]:
    """The spans of all parts, the root first."""
    root = _read(raw, 0, len(raw), "text/plain")
    root.part.section = "" if root.part.is_multipart else "1"
    spans = [root]
    stack = [(root, 0)]
    while stack:
        span, depth = stack.pop()
        if depth >= DEPTH_LIMIT:
            continue
        children = _children(raw, span, PART_LIMIT - len(spans))
        spans.extend(children)
        span.part.children = [child.part for child in children]
        stack.extend((child, depth + 1) for child in children)
    return spans


def _read(raw: Octets, start: int, end: int, default: str) -> _Span:
    """One entity: its header read, its body located."""
    body = _body_start(raw, start, end)
    fields = parse_header_block(raw[start:body])
    value, params = parse_value(first(fields, "content-type"))
    disposition, disposition_params = parse_value(first(fields, "content-disposition"))
    kind = media_type(value, default if not value else "text/plain")
    boundary = params.get("boundary", "")
    if kind.startswith("multipart/") and not boundary:
        # A multipart that cannot be taken apart is shown as the text it is.
        kind = "text/plain"
    part = Part(
        section="",
        type=kind,
        disposition=token(disposition),
        params={name: text for name, text in params.items() if name not in {"boundary", "charset", "name"}},
    )
    if not part.is_multipart:
        part.charset = params.get("charset", "").lower()[:60]
        part.encoding = token(first(fields, "content-transfer-encoding")) or "7bit"
        part.size = end - body
        part.filename = filename(params, disposition_params)
        part.content_id = decode(first(fields, "content-id")).strip("<> ")[:_CONTENT_ID_LIMIT]
        if kind.startswith("text/") or kind == "message/rfc822":
            # In pieces: a slice of a mapped file is a copy in memory.
            part.lines = sum(raw[at : min(at + _WINDOW, end)].count(b"\n") for at in range(body, end, _WINDOW))
    return _Span(part, start, body, end, boundary.rstrip().encode("utf-8", "replace"))


def _body_start(raw: Octets, start: int, end: int) -> int:
    for empty in (b"\n", b"\r\n"):
        if raw[start : start + len(empty)] == empty:
            return min(start + len(empty), end)
    at, window = start, _HEADER_USUALLY
    while at < end:
        # In pieces: a header without an end may lie in a file of any size.
        found = _EMPTY_LINE.search(raw[at : min(at + window + 2, end)])
        if found is not None:
            return at + found.end()
        at, window = at + window, min(2 * window, _WINDOW)
    line_end = raw.find(b"\n", start, end)
    head = raw[start : line_end if line_end >= 0 else end]
    # Without an empty line it is all header, unless the first line cannot be one.
    return end if parse_header_block(head) else start


def _inside(raw: Octets, span: _Span, room: int) -> tuple[str, str, list[tuple[int, int]]]:
    """What the sections of a part's children begin with, their type where they name none, and where they lie."""
    part = span.part
    if part.is_multipart:
        default = "message/rfc822" if part.type == "multipart/digest" else "text/plain"
        prefix = f"{part.section}." if part.section else ""
        return prefix, default, _pieces(raw, span.body, span.end, span.boundary, room)
    if part.type == "message/rfc822" and part.encoding not in {"base64", "quoted-printable"} and room > 0:
        enclosed = _read(raw, span.body, span.end, "text/plain")
        if enclosed.part.is_multipart:
            # IMAP gives the enclosed message's multipart no section of its own.
            default = "message/rfc822" if enclosed.part.type == "multipart/digest" else "text/plain"
            ranges = _pieces(raw, enclosed.body, enclosed.end, enclosed.boundary, room)
            return f"{part.section}.", default, ranges
        return f"{part.section}.", "text/plain", [(span.body, span.end)]
    return "", "", []


def _children(raw: Octets, span: _Span, room: int) -> list[_Span]:
    prefix, default, ranges = _inside(raw, span, room)
    children = [_read(raw, start, end, default) for start, end in ranges]
    for number, child in enumerate(children, 1):
        child.part.section = f"{prefix}{number}"
    return children


def _pieces(raw: Octets, start: int, end: int, boundary: bytes, room: int) -> list[tuple[int, int]]:
    """The ranges between the delimiter lines of a multipart body (RFC 2046 section 5.1.1), at most ``room``."""
    delimiter = b"--" + boundary
    pieces: list[tuple[int, int]] = []
    begin = -1
    at = start
    while len(pieces) < room:
        at = raw.find(delimiter, at, end)
        if at < 0:
            break
        after = at + len(delimiter)
        if at != start and raw[at - 1 : at] != b"\n":
            at = after
            continue
        line_end = raw.find(b"\n", after, end)
        line_end = end if line_end < 0 else line_end + 1
        rest = raw[after : min(line_end, after + 200)]
        closing = rest.startswith(b"--")
        if rest.strip() and not closing:
            at = after
            continue
        if begin >= 0:
            pieces.append((begin, max(begin, _before_line_end(raw, at))))
        begin = -1 if closing else line_end
        if closing:
            return pieces
        at = line_end
    if begin >= 0 and len(pieces) < room:
        pieces.append((begin, end))
    return pieces


def _before_line_end(raw: Octets, at: int) -> int:
    """The line end before a delimiter belongs to the delimiter."""
    return at - 2 if raw[at - 2 : at] == b"\r\n" else at - 1

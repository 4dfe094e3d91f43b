"""Files and armour inside plain text, from before MIME or in spite of it: uuencode, yEnc, OpenPGP."""

import re
import zlib
from dataclasses import dataclass, field

from webmail.mime.params import safe_filename
from webmail.mime.transfer import decode_transfer

FILES = 100
_UU_BEGIN = re.compile(rb"^begin(?P<base64>-base64)? [0-7]{3,4} (?P<name>[^\r\n]{1,300})\r?\n", re.MULTILINE)
_UU_END = re.compile(rb"^(?:end|====)[ \t]*\r?$", re.MULTILINE)
_UU_LINE = re.compile(rb"[\x20-\x60]{2,100}\Z")
_Y_BEGIN = re.compile(rb"^=ybegin [^\r\n]{0,500}? ?name=(?P<name>[^\r\n]{1,300})\r?\n", re.MULTILINE)
_Y_PART = re.compile(rb"=ypart [^\r\n]{0,300}\r?\n")
_Y_END = re.compile(rb"^=yend[ \t]([^\r\n]{0,300})\r?$", re.MULTILINE)
_CRC = re.compile(rb"\bcrc32=([0-9a-fA-F]{1,8})\b")
_PART_CRC = re.compile(rb"\bpcrc32=([0-9a-fA-F]{1,8})\b")
_Y_TABLE = bytes((octet - 42) % 256 for octet in range(256))
_Y_ESCAPE = re.compile(rb"=(.)", re.DOTALL)
_ARMOUR = re.compile(
    rb"^-----BEGIN PGP (?P<what>MESSAGE|SIGNED MESSAGE|PUBLIC KEY BLOCK|SIGNATURE)-----[ \t]*\r?$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Found:
    """A file that stood in a text; ``damaged`` when its own check says that it is not whole."""

    name: str
    content: bytes
    damaged: bool = False


@dataclass(slots=True)
class Text:
    """``text`` without the files that stood in it."""

    text: bytes
    files: list[Found] = field(default_factory=list)


def split(data: bytes) -> Text:
    """The octets of a text/plain part parted into text and the files inside it; at most 100. Linear; never raises."""
    if b"begin" not in data:
        return Text(data)
    kept: list[bytes] = []
    files: list[Found] = []
    at = 0
    uu, y = _UU_BEGIN.search(data), _Y_BEGIN.search(data)
    while (uu or y) and len(files) < FILES:
        first = min(filter(None, (uu, y)), key=lambda found: found.start())
        taken = _uu(data, first) if first is uu else _yenc(data, first)
        if taken is not None:
            kept.append(data[at : first.start()])
            files.append(taken[0])
            at = taken[1]
        after = max(at, first.end())
        uu = _UU_BEGIN.search(data, after) if uu and uu.start() < after else uu
        y = _Y_BEGIN.search(data, after) if y and y.start() < after else y
    kept.append(data[at:])
    return Text(b"".join(kept), files)


def _uu(data: bytes, begin: re.Match[bytes]) -> tuple[Found, int] | None:
    base64 = begin["base64"] is not None
    line_end = data.find(b"\n", begin.end())
    line = data[begin.end() : line_end if line_end >= 0 else len(data)].rstrip(b"\r")
    # "begin 644 the day with a smile" is a sentence: its next line is no line of uuencode.
    if not base64 and not (_UU_LINE.match(line) or line in {b"`", b" ", b"", b"end"}):
        return None
    end = _UU_END.search(data, begin.end())
    stop, after = (end.start(), end.end()) if end else (len(data), len(data))
    inner = data[begin.end() : stop]
    content = decode_transfer(inner, "base64") if base64 else decode_transfer(begin[0] + inner, "x-uuencode")
    return Found(_name(begin), content, damaged=end is None), after


def _yenc(data: bytes, begin: re.Match[bytes]) -> tuple[Found, int] | None:
    start = begin.end()
    if (part := _Y_PART.match(data, start)) is not None:
        start = part.end()
    end = _Y_END.search(data, start)
    stop, after = (end.start(), end.end()) if end else (len(data), len(data))
    content = _y_decoded(data[start:stop])
    said = (_PART_CRC.search(end[1]) if part else _CRC.search(end[1])) if end else None
    damaged = end is None or (said is not None and int(said[1], 16) != zlib.crc32(content))
    return Found(_name(begin), content, damaged), after


def _y_decoded(data: bytes) -> bytes:
    """The octets behind yEnc: each moved by 42, and by 64 more after the sign of escape."""
    data = data.replace(b"\r", b"").replace(b"\n", b"")
    if b"=" in data:
        data = _Y_ESCAPE.sub(lambda found: bytes([(found[1][0] - 64) % 256]), data)
    return data.translate(_Y_TABLE)


def _name(begin: re.Match[bytes]) -> str:
    return safe_filename(begin["name"].decode("utf-8", "replace")) or "file"


def armour(data: bytes) -> str:
    """What OpenPGP armour (RFC 9580 section 6.2) ``data`` holds: encrypted, signed, key, signature or ""."""
    found = _ARMOUR.search(data)
    if found is None:
        return ""
    kinds = {
        b"MESSAGE": "encrypted",
        b"SIGNED MESSAGE": "signed",
        b"PUBLIC KEY BLOCK": "key",
        b"SIGNATURE": "signature",
    }
    return kinds[found["what"]]

"""What Outlook packs into winmail.dat: files and text in the Transport Neutral Encapsulation Format (MS-OXTNEF)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from webmail.mime.charset import decode_charset
from webmail.mime.params import media_type, safe_filename
from webmail.mime.rtf import decompress

SIGNATURE = 0x223E9F78
FILES = 1_000
_ATTRIBUTES = 20_000
_PROPERTIES = 2_000

_BODY = 0x0002800C
_TITLE = 0x00018010
_DATA = 0x0006800F
_RENDERING = 0x00069002
_FILE_PROPERTIES = 0x00069005
_MESSAGE_PROPERTIES = 0x00069003
_CODEPAGE = 0x00069007

# Property ids of MAPI (MS-OXPROPS).
_PLAIN, _RTF, _HTML = 0x1000, 0x1009, 0x1013
_LONG_NAME, _SHORT_NAME, _DISPLAY_NAME = 0x3707, 0x3704, 0x3001
_MEDIA_TYPE, _CONTENT_ID, _OBJECT = 0x370E, 0x3712, 0x3701
# Octets of the types of fixed length; each takes up a multiple of four.
_FIXED = {0x0002: 2, 0x0003: 4, 0x0004: 4, 0x0005: 8, 0x0006: 8, 0x0007: 8, 0x000A: 4, 0x000B: 2, 0x0014: 8}
_FIXED |= {0x0040: 8, 0x0048: 16}
_COUNTED = {0x001E, 0x001F, 0x0102, 0x000D}
_TEXT8, _TEXT16, _EMBEDDED = 0x001E, 0x001F, 0x000D


@dataclass(slots=True)
class File:
    name: str = ""
    type: str = "application/octet-stream"
    content_id: str = ""
    content: bytes = b""


@dataclass(slots=True)
class Packed:
    """``html`` and ``rtf`` are octets as packed; ``text`` is decoded."""

    text: str = ""
    html: bytes = b""
    rtf: bytes = b""
    files: list[File] = field(default_factory=list)


def unpack(data: bytes) -> Packed | None:
    """The content of a TNEF stream, as far as it can be read; None when it is none. Never raises."""
    if len(data) < 6 or struct.unpack_from("<I", data)[0] != SIGNATURE:
        return None
    found = Packed()
    charset = "cp1252"
    for what, value in _attributes(data):
        if what == _CODEPAGE and len(value) >= 4:
            charset = f"cp{struct.unpack_from('<I', value)[0] % 100_000}"
        elif what == _BODY:
            found.text = found.text or decode_charset(value.rstrip(b"\0"), charset)
        elif what == _MESSAGE_PROPERTIES:
            _message(found, value, charset)
        elif what == _RENDERING:
            if len(found.files) >= FILES:
                break
            found.files.append(File())
        elif found.files:
            _file(found.files[-1], what, value, charset)
    found.files = [each for each in found.files if each.content or each.name]
    return found


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tags and values. What is cut off at the end is given as far as it is there."""
    at = 6
    for _ in range(_ATTRIBUTES):
        if at + 9 > len(data):
            return
        what, length = struct.unpack_from("<II", data, at + 1)
        yield what, data[at + 9 : at + 9 + length]
        at += 9 + length + 2


def _message(found: Packed, value: bytes, charset: str) -> None:
    for what, kind, content in _properties(value):
        if what == _PLAIN:
            found.text = _text(kind, content, charset) or found.text
        elif what == _HTML:
            # As text it is in the code page or UTF-16, as octets in what it declares itself.
            found.html = content if kind == 0x0102 else _text(kind, content, charset).encode("utf-8", "replace")
        elif what == _RTF:
            found.rtf = decompress(content)


def _file(file: File, what: int, value: bytes, charset: str) -> None:
    if what == _TITLE:
        file.name = file.name or safe_filename(decode_charset(value.rstrip(b"\0"), charset))
    elif what == _DATA:
        file.content = value
    elif what == _FILE_PROPERTIES:
        names: dict[int, str] = {}
        for number, kind, content in _properties(value):
            if number in {_LONG_NAME, _SHORT_NAME, _DISPLAY_NAME}:
                names[number] = safe_filename(_text(kind, content, charset))
            elif number == _MEDIA_TYPE:
                file.type = media_type(_text(kind, content, charset), file.type)
            elif number == _CONTENT_ID:
                file.content_id = _text(kind, content, charset).strip("<> ")[:200]
            elif number == _OBJECT and not file.content:
                # A message inside a message: sixteen octets of interface id, then TNEF again.
                file.content = content[16:] if kind == _EMBEDDED else content
                if file.content[:4] == struct.pack("<I", SIGNATURE):
                    file.type = "application/ms-tnef"
        file.name = names.get(_LONG_NAME) or file.name or names.get(_SHORT_NAME) or names.get(_DISPLAY_NAME) or ""


def _text(kind: int, content: bytes, charset: str) -> str:
    if kind == _TEXT16:
        return decode_charset(content, "utf-16-le").rstrip("\0")
    return decode_charset(content.rstrip(b"\0"), charset)


def _properties(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Ids, types and values of a list of MAPI properties (MS-OXTNEF section 2.1.3.4), up to the first that is damaged."""
    if len(data) < 4:
        return
    count = min(struct.unpack_from("<I", data)[0], _PROPERTIES)
    at = 4
    try:
        for _ in range(count):
            kind, number = struct.unpack_from("<HH", data, at)
            at += 4
            if number >= 0x8000:
                at = _after_name(data, at)
            many = bool(kind & 0x1000)
            kind &= 0x0FFF
            values = 1
            if many or kind in _COUNTED:
                values = struct.unpack_from("<I", data, at)[0]
                at += 4
            for index in range(min(values, _PROPERTIES)):
                if kind in _COUNTED:
                    length = struct.unpack_from("<I", data, at)[0]
                    at += 4
                elif kind in _FIXED:
                    length = _FIXED[kind]
                else:
                    return
                if at > len(data):
                    return
                if index == 0:
                    yield number, kind, data[at : at + length]
                at += length + -length % 4
    except struct.error:
        return


def _after_name(data: bytes, at: int) -> int:
    """Behind the name of a named property: its set, and a number or a string."""
    kind = struct.unpack_from("<I", data, at + 16)[0]
    at += 20
    length = struct.unpack_from("<I", data, at)[0]
    return at + 4 if kind == 0 else at + 4 + length + -length % 4

"""Encoded words (RFC 2047), as written and as found."""

import binascii
import re

from webmail.mime.charset import decode_charset, storable, try_decode, western

HEADER_LIMIT = 262_144
_TEXT_LIMIT = 65_536

# The text of a word may hold spaces and question marks: both are forbidden and both are common.
_WORD = re.compile(r"=\?([^?\s*]{1,60})(?:\*[^?\s]{0,40})?\?([bBqQ])\?([^\r\n]{0,1000}?)\?=")
_FOLD = re.compile(r"[ \t]*[\r\n]+[ \t]*|\t+")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_Q_OCTET = re.compile(rb"=([0-9A-Fa-f]{2})")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")


def to_text(raw: bytes | str | None) -> str:
    """Header octets as text: UTF-8 (RFC 6532) where they are that, else Windows-1252; whitespace and controls kept."""
    if not raw:
        return ""
    if isinstance(raw, str):
        text = raw[:HEADER_LIMIT]
        # compat32 carries raw octets as surrogate escapes; anything else that is no scalar value is damage.
        try:
            raw = text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return storable(text)
    raw = raw[:HEADER_LIMIT]
    decoded = try_decode(raw, "utf-8")
    if decoded is None:
        decoded = decode_charset(raw) if b"\x1b" in raw else western(raw)
    return storable(decoded)


def tidy(text: str) -> str:
    """``text`` on one line: folding undone, controls and NUL removed, surrogates replaced, ends stripped."""
    return storable(_CONTROLS.sub("", _FOLD.sub(" ", text))).strip()


def decode(raw: bytes | str | None) -> str:
    """The readable value of an unstructured field: one line, storable, at most 65,536 characters."""
    text = to_text(raw)[:_TEXT_LIMIT]
    if "=?" not in text:
        return tidy(text)
    return tidy(decode_words(_FOLD.sub(" ", text)))


def decode_words(text: str) -> str:
    """``text`` with its encoded words replaced.

    White space between two words is dropped (RFC 2047 section 6.2), and neighbours of one charset are joined before
    they are decoded, because senders split characters over words although section 5 forbids it.
    """
    out: list[str] = []
    pending: list[bytes] = []
    charset = ""
    end = 0
    for found in _WORD.finditer(text):
        between = text[end : found.start()]
        adjacent = end > 0 and not between.strip()
        octets = _octets(found[2], found[3])
        label = found[1].lower()
        if not (adjacent and label == charset):
            if pending:
                out.append(decode_charset(b"".join(pending), charset))
            pending = []
            if not adjacent:
                out.append(between)
        charset = label
        pending.append(octets)
        end = found.end()
    if pending:
        out.append(decode_charset(b"".join(pending), charset))
    out.append(text[end:])
    return "".join(out)


def _octets(encoding: str, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if encoding in "qQ":
        return _Q_OCTET.sub(lambda found: bytes.fromhex(found[1].decode("ascii")), data.replace(b"_", b" "))
    data = _NOT_BASE64.sub(b"", data)
    if len(data) % 4 == 1:
        data = data[:-1]
    try:
        return binascii.a2b_base64(data + b"=" * (-len(data) % 4))
    except binascii.Error:
        return b""

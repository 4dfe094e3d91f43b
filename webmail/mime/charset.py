"""Octets of any declared, misdeclared or undeclared charset to text a database can store."""

import codecs
import re
from functools import lru_cache

from charset_normalizer import from_bytes as guess

SAMPLE = 16_384

# The labels mail uses for charsets that are in truth a wider one (WHATWG Encoding, section 4.2).
_WIDER = {
    "ascii": "utf-8",
    "us-ascii": "utf-8",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "iso-8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb_2312-80": "gb18030",
    "x-gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "ksc5601": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "iso-2022-jp": "iso2022_jp_ext",
    "big5": "big5hkscs",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "x-mac-ce": "mac_latin2",
    "x-mac-cyrillic": "mac_cyrillic",
    "x-mac-greek": "mac_greek",
    "x-mac-turkish": "mac_turkish",
    "x-mac-icelandic": "mac_iceland",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "x-user-defined": "cp1252",
    "unicode-1-1-utf-7": "utf-7",
}
# Codecs of Python that are not charsets of text, or that can be made to grow without bound.
_NOT_TEXT = re.compile(
    r"(?:base64|bz2|hex|quopri|rot13|uu|zlib|zip|idna|punycode|unicode_escape|undefined|mbcs|oem)", re.IGNORECASE
)
_META = re.compile(rb"<meta\b[^<>]{0,500}?\bcharset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_MARKS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_UNNAMED = frozenset({"", "ascii", "us-ascii"})
_BEYOND_ASCII = bytes(range(0x80, 0x100))
_NUL_AND_SURROGATES = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """``text`` as UTF-8 and PostgreSQL can hold it: NUL removed, lone surrogates replaced by U+FFFD."""
    if not _NUL_AND_SURROGATES.search(text):
        return text
    return _NUL_AND_SURROGATES.sub(lambda found: "" if found[0] == "\x00" else "\ufffd", text)


@lru_cache(maxsize=512)
def codec_name(charset: str) -> str:
    """Python's codec for a MIME charset label, or "" when the label names none that yields text."""
    label = charset.strip().strip("\"'").lower()
    label = _WIDER.get(label, label)
    if not label or len(label) > 40 or _NOT_TEXT.search(label):
        return ""
    try:
        info = codecs.lookup(label)
    except (LookupError, ValueError, UnicodeError):
        return ""
    return info.name if getattr(info, "_is_text_encoding", True) else ""


def try_decode(data: bytes, charset: str) -> str | None:
    """``data`` by the codec of ``charset``, or None when it does not fit."""
    name = codec_name(charset)
    if not name:
        return None
    try:
        return data.decode(name)
    except (UnicodeError, LookupError, ValueError):
        return None


def western(data: bytes) -> str:
    """``data`` as Windows-1252, its five undefined octets as ISO 8859-1 has them: fits every input."""
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def decode_text(data: bytes, kind: str, charset: str) -> str:
    """The text of a part of type ``kind``. HTML is believed about its charset where the part names none and it is not UTF-8.

    A server says US-ASCII of a part that names none (RFC 2045 section 5.2).
    """
    if kind == "text/html" and charset.lower() in _UNNAMED and (data.isascii() or try_decode(data, "utf-8") is None):
        charset = markup_charset(data) or charset
    return decode_charset(data, charset)


def decode_charset(data: bytes, charset: str = "") -> str:
    """The text of ``data``: by its declared charset, else UTF-8, Windows-1252, a guess on a sample; never raises.

    A declared multi-octet charset with a few broken sequences is still that charset: the broken ones become U+FFFD. A mark of
    the order of octets at the beginning says more than any declaration (WHATWG Encoding, section 4.2).
    """
    text = _marked(data)
    if text is None and charset:
        text = try_decode(data, charset)
    if (text is None or codec_name(charset) == "utf-8") and b"\x1b$" in data:
        # ISO-2022-JP is pure ASCII by its octets: undeclared it would pass for UTF-8.
        text = try_decode(data, "iso-2022-jp") or text
    if text is None:
        text = try_decode(data, "utf-8")
    if text is None:
        text = _damaged(data, charset)
    if text is None:
        text = _guessed(data)
    return storable(text.removeprefix("\ufeff"))


def _marked(data: bytes) -> str | None:
    """``data`` by the mark it begins with, if it is nearly all of that; only the end may be cut off."""
    name = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "")
    if not name:
        return None
    text = codecs.getincrementaldecoder(name)("replace").decode(data)
    return text if text.count("\ufffd") * 50 <= len(text) else None


def markup_charset(data: bytes) -> str:
    """The charset that HTML declares in its own head, or ""; it counts where the part names none."""
    found = _META.search(data[:2_000])
    name = found[1].decode("ascii").lower() if found else ""
    # Who could read that could not be reading UTF-16 (HTML, section 13.2.3.2).
    return "utf-8" if name.startswith(("utf-16", "utf16", "ucs-2")) else name


def _damaged(data: bytes, charset: str) -> str | None:
    """``data`` by its declared or a Unicode charset when only a small share of it does not fit."""
    declared = codec_name(charset)
    for name in dict.fromkeys(filter(None, (declared, "utf-8"))):
        if (text := _cut_off(data, name)) is not None:
            return text
        text = data.decode(name, "replace")
        wrong = text.count("\ufffd")
        beyond_ascii = sum(text.count(character) for character in set(text) if character > "\x7f")
        if wrong * 10 <= beyond_ascii - wrong:
            return text
    return None


def _cut_off(data: bytes, name: str) -> str | None:
    """``data`` without the unfinished character at its end, if that is all that is wrong with it."""
    try:
        text = codecs.getincrementaldecoder(name)().decode(data, final=False)
    except (UnicodeError, LookupError, ValueError):
        return None
    # Without another character of several octets that one may as well be whole, and of another charset.
    return None if text.isascii() else text


def _guessed(data: bytes) -> str:
    sample = data[:SAMPLE]
    beyond_ascii = len(sample) - len(sample.translate(None, _BEYOND_ASCII))
    letters = beyond_ascii + sum(chr(octet).isalpha() for octet in sample if octet < 0x80)
    # Western text has few letters beyond ASCII, and on a handful of octets the detector does worse than chance.
    if beyond_ascii < 12 or beyond_ascii * 3 < letters:
        return western(data)
    try:
        best = guess(sample).best()
        if best is not None and codec_name(best.encoding):
            return data.decode(codec_name(best.encoding), "replace")
    except Exception:  # noqa: S110 - the detector runs third-party heuristics over hostile octets
        pass
    return western(data)

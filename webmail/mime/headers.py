"""Header fields (RFC 5322 section 2.2) to decoded, bounded, storable values; nothing here raises."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_tz

from webmail.mime.address import Address, addresses
from webmail.mime.words import HEADER_LIMIT, decode, decode_words, to_text

__all__ = [
    "HEADER_LIMIT",
    "Address",
    "addresses",
    "decode",
    "display_text",
    "first",
    "message_ids",
    "parse_date",
    "parse_header_block",
]

_IDS = 100
_FIELDS = 5_000
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:(.*)", re.DOTALL)
_UNFOLD = re.compile(rb"\r?\n(?=[ \t])")
_LINE_END = re.compile(rb"\r?\n")
_END = re.compile(rb"\n\r?\n")
_BRACKETED = re.compile(r"<([^<>]{1,1100})>")
_UNPRINTED = re.compile("[\x00-\x20\x7f-\x9f]+")
# Controls of direction and fillers without a glyph. ZWJ and ZWNJ stay: emoji, Persian and Indic scripts need them.
_TRICKS = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_MARKS = 4
_COMMENT = re.compile(r"\([^()]*\)")


def parse_header_block(data: bytes) -> list[tuple[str, bytes]]:
    """The fields of a header block in order, unfolded, names as written; up to the first empty line or 256 kB.

    Lines that are no field are skipped, as mail servers do; at most 5,000 fields.
    """
    data = data[:HEADER_LIMIT]
    if data.startswith((b"\n", b"\r\n")):
        return []
    if (end := _END.search(data)) is not None:
        data = data[: end.start()]
    fields: list[tuple[str, bytes]] = []
    for line in _LINE_END.split(_UNFOLD.sub(b"", data)):
        if (found := _FIELD.match(line)) is not None:
            fields.append((found[1].decode("ascii"), found[2].strip()))
            if len(fields) >= _FIELDS:
                break
    return fields


def first(fields: list[tuple[str, bytes]], name: str) -> bytes | None:
    """The raw value of the first field called ``name`` (any case), or None."""
    wanted = name.lower()
    return next((value for field, value in fields if field.lower() == wanted), None)


def message_ids(raw: bytes | str | None) -> list[str]:
    """The ids of a Message-ID, In-Reply-To or References field (RFC 5322 section 3.6.4) without their brackets.

    Each at most 998 characters without white space or controls, none twice; of more than 100 the first and the newest.
    """
    text = to_text(raw)
    if "=?" in text:
        text = decode_words(text)
    found = _BRACKETED.findall(text) if "<" in text else []
    if not found:
        found = [word.strip("<>,;") for word in text.split() if "@" in word]
    ids = list(
        dict.fromkeys(cleaned for each in found if (cleaned := _UNPRINTED.sub("", each)) and len(cleaned) <= 998)
    )
    return ids if len(ids) <= _IDS else [ids[0], *ids[-(_IDS - 1) :]]


def parse_date(raw: bytes | str | None) -> datetime | None:
    """The instant of a Date field (RFC 5322 section 3.3 and its obsolete forms, ISO 8601) in UTC, or None.

    None too for what lies outside the years 1970 to 2100. An impossible zone counts as UTC.
    """
    text = _COMMENT.sub(" ", decode(raw)[:200]).strip()
    if not text:
        return None
    try:
        moment = _from_fields(text) or _from_iso(text)
    except (ValueError, OverflowError, IndexError, TypeError, AttributeError):
        return None
    return moment if moment is not None and 1970 <= moment.year <= 2100 else None


def _from_fields(text: str) -> datetime | None:
    parsed = parsedate_tz(text)
    if parsed is None:
        return None
    year, month, day, hour, minute, second = parsed[:6]
    offset = parsed[9] or 0
    if abs(offset) > 16 * 3600:
        offset = 0
    return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC) - timedelta(seconds=offset)


def _from_iso(text: str) -> datetime | None:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _combining() -> str:
    """A character class of everything that stands on the character before it."""
    points = [point for point in range(0x300, 0x20000) if unicodedata.combining(chr(point))]
    return "[" + "".join(map(re.escape, map(chr, points))) + "]"


_TOWERS = re.compile(_combining() + f"{{{_MARKS + 1},}}")


def display_text(text: str) -> str:
    """``text`` for our own pages: no control of direction, nothing invisible, no line breaks, no towers of marks."""
    if text.isascii() and text.isprintable():
        return text
    text = _BREAKS.sub(" ", _TRICKS.sub("", text))
    if text.isascii():
        return text
    return _TOWERS.sub(lambda run: run[0][:_MARKS], text)

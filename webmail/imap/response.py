"""One pass over a response: parenthesised lists, strings, literals, atoms (RFC 3501 section 9). Pure.

A list page and a first sync parse every message of a folder, so this is a single loop over a regular expression.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from webmail.imap.splitter import Response

DEPTH_LIMIT = 5_000

# Quoted string | atom, which may hold BODY[...] with spaces in the brackets | parenthesis | a quote that never closes.
# Possessive, so that no input costs more than its length.
_TOKEN = re.compile(
    rb'[ \t]*+("(?:[^"\\]++|\\.)*+"'
    rb'|[^ \t()"\[]*+\[[^\[\]]{0,1000}+\][^ \t()"]*+|[^ \t()"]++'
    rb'|[()]|".*+)',
    re.DOTALL,
)
_QUOTED = re.compile(rb'"(?:[^"\\]++|\\.)*+"\Z', re.DOTALL)
_QUOTE, _OPEN, _CLOSE = b'"()'
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_NIL = frozenset({b"NIL", b"nil", b"Nil"})
_MARK = re.compile(rb"~?\{\d+\+?\}$")
_FETCH = re.compile(rb"\* (\d{1,10}) FETCH +(?=\()", re.IGNORECASE)
_NUMBER = re.compile(rb"\* (\d{1,10}) ([A-Za-z]+)")
_DATE = re.compile(rb" ?(\d{1,2})-([A-Za-z]{3})-(\d{4}) (\d{2}):(\d{2}):(\d{2})(?: ([+-])(\d{2})(\d{2}))?")
_MONTHS = {
    name: number
    for number, name in enumerate(
        (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"), 1
    )
}


class Unreadable(ValueError):
    """This response does not follow the grammar. Its end is known, so the connection is still in step."""


def parse(response: Response, start: int = 0) -> list[Any]:
    """The tokens from ``start`` of the first piece on: bytes, None for NIL, lists. Raises Unreadable."""
    root: list[Any] = []
    current = root
    stack: list[list[Any]] = []
    last = len(response) - 1
    for index, piece in enumerate(response):
        if index & 1:
            current.append(piece)
            continue
        end = len(piece)
        if index < last:
            mark = _MARK.search(piece)
            end = mark.start() if mark else end
        tokens = _TOKEN.findall(piece, start if index == 0 else 0, end)
        for token in tokens:
            kind = token[0]
            if kind == _QUOTE:
                current.append(_ESCAPED.sub(rb"\1", token[1:-1]) if b"\\" in token else token[1:-1])
            elif kind == _OPEN:
                stack.append(current)
                inner: list[Any] = []
                current.append(inner)
                current = inner
            elif kind == _CLOSE:
                if not stack:
                    raise Unreadable("a closing parenthesis too many")
                current = stack.pop()
            else:
                current.append(None if token in _NIL else token)
        if len(stack) > DEPTH_LIMIT:
            raise Unreadable("nested too deeply")
        if tokens and tokens[-1][0] == _QUOTE and not _QUOTED.match(tokens[-1]):
            raise Unreadable("a string without an end")
    if stack:
        raise Unreadable("a closing parenthesis is missing")
    return root


def fetch_items(response: Response) -> tuple[int, dict[bytes, Any]] | None:
    """Sequence number and items of a FETCH response, item names in upper case; None for any other response."""
    head = _FETCH.match(response[0])
    if head is None:
        return None
    tokens = parse(response, head.end())
    items = tokens[0] if tokens else None
    if not isinstance(items, list) or len(items) % 2:
        raise Unreadable("FETCH without pairs")
    found: dict[bytes, Any] = {}
    for position in range(0, len(items), 2):
        name = items[position]
        if not isinstance(name, bytes):
            raise Unreadable("an item without a name")
        found[name.upper()] = items[position + 1]
    return int(head[1]), found


def numbered(response: Response) -> tuple[int, bytes] | None:
    """``(12, b"EXISTS")`` of an untagged response that begins with a number, else None."""
    found = _NUMBER.match(response[0])
    return (int(found[1]), found[2].upper()) if found else None


def number(value: object) -> int | None:
    """A token as a number of at most 63 bits, or None. A list of one, as in ``MODSEQ (5)``, counts as its member."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bytes) and value.isdigit() and len(value) <= 19:
        found = int(value)
        return found if found < 2**63 else None
    return None


def internaldate(value: object) -> datetime | None:
    """INTERNALDATE (RFC 3501 section 9, date-time) in UTC, or None."""
    found = _DATE.match(value) if isinstance(value, bytes) else None
    if found is None:
        return None
    day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = found.groups()
    try:
        moment = datetime(
            int(year), _MONTHS[month.lower()], int(day), int(hour), int(minute), min(int(second), 59), tzinfo=UTC
        )
        if sign:
            offset = timedelta(hours=int(zone_hours), minutes=int(zone_minutes))
            moment = moment + offset if sign == b"-" else moment - offset
    except (ValueError, KeyError, OverflowError):
        return None
    return moment if 1970 <= moment.year <= 2100 else None

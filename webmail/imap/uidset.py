"""Sets of UIDs as IMAP writes them: "5:90,93,100:*" (RFC 3501 section 9, sequence-set)."""

import re
from collections.abc import Iterable, Iterator

HIGHEST = 4_294_967_295
# More UIDs than any folder holds; a server that claims them is lying.
EXPANSION_LIMIT = 5_000_000
_FORM = re.compile(r"(?:\d{1,10}|\*)(?::(?:\d{1,10}|\*))?(?:,(?:\d{1,10}|\*)(?::(?:\d{1,10}|\*))?)*\Z")

UidSet = str | Iterable[int]
Range = tuple[int, int]


def parse(text: str) -> list[Range]:
    """The ranges in the order written, each low to high; ``*`` counts as the highest UID. ValueError if it is no set."""
    if not _FORM.match(text):
        raise ValueError("not a set of UIDs")
    ranges = []
    for piece in text.split(","):
        low, _, high = piece.partition(":")
        first = HIGHEST if low == "*" else int(low)
        last = first if not high else HIGHEST if high == "*" else int(high)
        if not (0 < first <= HIGHEST and 0 < last <= HIGHEST):
            raise ValueError("a UID outside 1..4294967295")
        ranges.append((min(first, last), max(first, last)))
    return ranges


def normal(uids: UidSet) -> str:
    """A set in writing, from a set in writing or from numbers; ValueError when it is neither. "" for no numbers."""
    if isinstance(uids, str):
        parse(uids)
        return uids
    return compact(uids)


def compact(uids: Iterable[int]) -> str:
    """The shortest writing of these numbers, ascending."""
    pieces: list[str] = []
    first = last = 0
    for uid in sorted(set(uids)):
        if not 0 < uid <= HIGHEST:
            raise ValueError("a UID outside 1..4294967295")
        if uid == last + 1 and first:
            last = uid
            continue
        if first:
            pieces.append(_written(first, last))
        first = last = uid
    if first:
        pieces.append(_written(first, last))
    return ",".join(pieces)


def _written(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}:{'*' if last == HIGHEST else last}"


def expand(ranges: Iterable[Range]) -> Iterator[int]:
    """Every number in order; ValueError when there are more than any folder holds."""
    total = 0
    for low, high in ranges:
        total += high - low + 1
        if total > EXPANSION_LIMIT:
            raise ValueError("more UIDs than any folder holds")
        yield from range(low, high + 1)


def contains(ranges: list[Range], number: int) -> bool:
    return any(low <= number <= high for low, high in ranges)


def chunks(text: str, most: int = 1000, length: int = 4000) -> Iterator[str]:
    """The same set in pieces: at most ``most`` UIDs each where ranges end in a number, at most ``length`` characters.

    Some servers cut what is larger (RFC 9738), others refuse long command lines.
    """
    pieces: list[str] = []
    count = size = 0
    for low, high in parse(text):
        while low <= high:
            stop = high if high == HIGHEST else min(high, low + most - count - 1)
            piece = "*" if low == HIGHEST else _written(low, stop)
            pieces.append(piece)
            size += len(piece) + 1
            count += 1 if stop == HIGHEST else stop - low + 1
            low = stop + 1  # noqa: PLW2901 - the rest of the range goes into the next piece
            if count >= most or size >= length:
                yield ",".join(pieces)
                pieces, count, size = [], 0, 0
    if pieces:
        yield ",".join(pieces)

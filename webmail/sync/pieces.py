"""The content of a part from any place in it, in pieces: for films that are wound on, for downloads of any size.

A connection is held for one piece at a time: who looks at a film, or downloads over a slow line, keeps nobody waiting.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.core.cache import cache

from webmail.errors import GiveUp, Reason, RetryLater
from webmail.mime.parts import Part, locate
from webmail.mime.ranges import PROBE, Layout, layout_of, tail_at
from webmail.mime.unpack import INSIDE
from webmail.models import Message

from . import bodies, foreground, stored
from .part_cache import LARGEST_CACHED

# The first piece comes quickly, the further ones cost few round trips.
FIRST_PIECE, PIECE = 192 * 1024, 768 * 1024
LAYOUT_SECONDS = 3600
_UNKNOWN = "unknown"
Fetch = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class Content:
    """``size`` in decoded octets; None where it is known only at the end, and then only the whole can be had."""

    part: Part
    size: int | None
    read: Callable[[int, int | None], Iterator[bytes]]


def open_content(message: Message, section: str) -> Content:
    """Raise GiveUp when there is no such part, MailError when it is not here and cannot be fetched."""
    part = bodies.find_part(message, section)
    if INSIDE in section or part.size <= LARGEST_CACHED:
        return _held(part, b"".join(bodies.open_part(message, section)[1]))
    layout = _layout(message, part)
    if layout is None:
        return Content(part, None, lambda start, stop: bodies.open_part(message, section)[1])
    return Content(part, layout.size, lambda start, stop: _pieces(message, part, layout, start, stop))


def _held(part: Part, whole: bytes) -> Content:
    return Content(part, len(whole), lambda start, stop: iter([whole[start:stop]]))


def _pieces(message: Message, part: Part, layout: Layout, start: int, stop: int | None) -> Iterator[bytes]:
    stop = layout.size if stop is None else min(stop, layout.size)
    # From one to the next at a multiple of three, where base64 has its seams.
    step = FIRST_PIECE
    with _source(message, part.section) as fetch:
        while start < stop:
            end = min(stop, (start + step) // 3 * 3)
            first, last = layout.window(start, end)
            try:
                yield layout.decode(fetch(first, last - first), start, end)
            except ValueError as error:
                # Written otherwise in the middle than at its ends: the next time it is read from its beginning.
                cache.set(_layout_key(message, part), _UNKNOWN, LAYOUT_SECONDS)
                sentence = "The file changed while it was read. Try again."
                raise RetryLater(Reason.PROTOCOL, sentence, detail=str(error)) from error
            start, step = end, PIECE


def _layout(message: Message, part: Part) -> Layout | None:
    """Asked for once: what a message holds never changes."""
    key = _layout_key(message, part)
    known = cache.get(key)
    if known is None:
        with _source(message, part.section) as fetch:
            head, tail = fetch(0, PROBE), fetch(tail_at(part.size), 2 * PROBE)
        known = layout_of(part.encoding, part.size, head, tail) or _UNKNOWN
        cache.set(key, known, LAYOUT_SECONDS)
    return known if isinstance(known, Layout) else None


def _layout_key(message: Message, part: Part) -> str:
    return f"layout:{message.pk}:{message.uidvalidity}:{message.uid}:{part.section}"


@contextmanager
def _source(message: Message, section: str) -> Iterator[Fetch]:
    """Octets of a part as it is written, by offset and length. Where the message lives here its place is looked up once."""
    if not message.account.is_local:
        yield lambda offset, length: _fetched(message, section, offset, length)
        return
    with stored.mapped(message) as raw:
        found = locate(raw, section)
        start, end = (found[1], found[2]) if found else (0, 0)
        yield lambda offset, length: bytes(raw[min(end, start + offset) : min(end, start + offset + length)])


def _fetched(message: Message, section: str, offset: int, length: int) -> bytes:
    if message.uid is None:
        raise GiveUp(Reason.GONE, "The message is being moved. Try again in a moment.")
    with foreground.connection(message.account) as connection:
        selected = connection.selected
        if selected is None or (selected.name, selected.uidvalidity) != (message.folder.name, message.uidvalidity):
            connection.select(message.folder.name, uidvalidity=message.uidvalidity)
        return connection.fetch_section(message.uid, section, offset=offset, length=length)

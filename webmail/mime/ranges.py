"""Pieces of a part by their place in its decoded content, while only its encoded form can be asked for by place."""

import binascii
import re
from dataclasses import dataclass

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*\Z", re.IGNORECASE)
_ALPHABET = re.compile(rb"[A-Za-z0-9+/]*+={0,2}+\Z")
_LINE_END = re.compile(rb"\r?\n")
_PLAIN = frozenset({"", "7bit", "8bit", "binary"})
PROBE = 4096  # octets looked at at the beginning and at the end


class Unsatisfiable(ValueError):
    """The range begins behind the end (RFC 9110 section 15.5.17)."""


def asked_for(header: str, size: int) -> tuple[int, int] | None:
    """The single range of a Range field as (start, stop); None for what is to be ignored: no range, several, nonsense.

    Raise Unsatisfiable (RFC 9110 section 14.1.2).
    """
    found = _RANGE.match(header)
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        last = int(found[2])
        if not last or not size:
            raise Unsatisfiable
        return max(0, size - last), size
    start, stop = int(found[1]), int(found[2]) + 1 if found[2] else size
    if found[2] and stop <= start:
        return None
    if start >= size:
        raise Unsatisfiable
    return start, min(stop, size)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a part is written: ``size`` octets when decoded; in base64 ``line`` characters on each line (0: all on one).

    ``ending`` ends a line. A piece that is not written as the part begins and ends is refused by
    :meth:`decode`.
    """

    size: int
    base64: bool = False
    line: int = 0
    ending: bytes = b""

    def window(self, start: int, stop: int) -> tuple[int, int]:
        """Where the encoded octets of the decoded ones from ``start`` to ``stop`` begin and end. In whole groups."""
        if not self.base64:
            return start, stop
        first, last = self._characters(start, stop)
        return self._place(first), self._place(last - 1) + 1 if last > first else self._place(first)

    def decode(self, octets: bytes, start: int, stop: int) -> bytes:
        """The decoded octets from ``start`` to ``stop`` of what stands in that window. Raise ValueError if it does not fit."""
        if not self.base64:
            if len(octets) != stop - start:
                raise ValueError("shorter than it was")
            return octets
        first, last = self._characters(start, stop)
        text = octets.translate(None, b"\r\n")
        if len(text) != last - first or not _regular(octets, self._place(first), self.line, self.ending):
            raise ValueError("not written as it begins and ends")
        decoded = binascii.a2b_base64(text)
        skip = start - first // 4 * 3
        found = decoded[skip : skip + stop - start]
        if len(found) != stop - start:
            raise ValueError("padded in the middle")
        return found

    def _characters(self, start: int, stop: int) -> tuple[int, int]:
        return start // 3 * 4, -(-stop // 3) * 4 if stop > start else start // 3 * 4

    def _place(self, character: int) -> int:
        return character + (character // self.line * len(self.ending) if self.line else 0)


def layout_of(encoding: str, size: int, head: bytes, tail: bytes) -> Layout | None:
    """Told from the first ``PROBE`` octets of a part of ``size`` encoded octets and from those from ``tail_at`` on.

    ``tail`` was asked for with more octets than there should be: ``size`` is only what the server says. None where
    pieces cannot be found by their place.
    """
    at = tail_at(size)
    if at + len(tail) != size or head[at:] != tail[: max(0, len(head) - at)]:
        return None
    if encoding.lower() in _PLAIN:
        return Layout(size)
    return _base64_layout(size, head, tail) if encoding.lower() == "base64" else None


def _base64_layout(size: int, head: bytes, tail: bytes) -> Layout | None:
    if not head.strip(b"\r\n \t"):
        return Layout(0, True) if len(head) == size else None
    at = tail_at(size)
    found = _LINE_END.search(head)
    line, ending = (found.start(), found[0]) if found else (0, b"")
    if found and (not line or line % 4):
        return None
    text = tail.rstrip(b"\r\n \t")
    end = at + len(text)
    characters = end - ((end - 1) // (line + len(ending)) * len(ending) if line and end else 0)
    layout = Layout(characters // 4 * 3 - text[-2:].count(b"="), True, line, ending)
    if characters % 4 or layout.size < 0:
        return None
    return layout if _regular(head[:end], 0, line, ending) and _regular(text, at, line, ending) else None


def tail_at(size: int) -> int:
    return max(0, size - PROBE)


def _regular(octets: bytes, at: int, line: int, ending: bytes) -> bool:
    """Whether lines end where they should, and nowhere else, in ``octets``, which stand at ``at``."""
    text = octets.translate(None, b"\r\n")
    breaks = 0
    for place, octet in enumerate(ending, line):
        found = octets[(place - at) % (line + len(ending)) :: line + len(ending)]
        if found.strip(bytes([octet])):
            return False
        breaks += len(found)
    return len(octets) - len(text) == breaks and _ALPHABET.match(text) is not None

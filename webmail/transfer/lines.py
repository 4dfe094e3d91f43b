"""Octets in pieces of whole lines, with the line endings of mail or of files; memory stays flat whatever the lines are."""

from collections.abc import Iterable, Iterator

LONG_LINE = 64 * 1024


def whole_lines(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """(octets, begun): pieces that end with a line, or cut a very long one; ``begun`` says that a line goes on in it."""
    held, begun = b"", False
    for piece in pieces:
        held += piece
        cut = held.rfind(b"\n") + 1
        if not cut and len(held) > LONG_LINE:
            # A CR stays with what follows: an LF may be next.
            cut = len(held) - held.endswith(b"\r")
        if cut:
            yield held[:cut], begun
            begun = held[cut - 1] != 0x0A
            held = held[cut:]
    if held:
        yield held, begun


def crlf(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Every line ends with CR LF (RFC 5322 section 2.1), the last one, too."""
    last = b"\n"
    for octets, _ in whole_lines(pieces):
        changed = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        last = changed[-1:]
        yield changed
    if last != b"\n":
        yield b"\r\n" if last != b"\r" else b"\n"

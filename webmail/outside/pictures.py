"""Pictures that foreign mail names, and nothing else that a server may send in their place."""

import re
import time
from dataclasses import dataclass
from urllib.parse import urljoin

from webmail.mime import trackers

from .address import Refused
from .request import asked, read

MOST_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = {
    "User-Agent": "Mozilla/5.0 (compatible; picture proxy of a mail server)",
    "Accept": "image/avif,image/webp,image/png,image/jpeg,image/gif,image/bmp;q=0.9",
}
# RIFF and ISO containers hold sounds and films as well: their brands decide.
_KINDS = [
    (kind, re.compile(pattern, re.DOTALL))
    for kind, pattern in (
        ("image/png", rb"\x89PNG\r\n\x1a\n"),
        ("image/jpeg", rb"\xff\xd8\xff"),
        ("image/gif", rb"GIF8[79]a"),
        ("image/webp", rb"RIFF.{4}WEBP"),
        ("image/bmp", rb"BM.{4}\0{4}.{16}"),
        ("image/x-icon", rb"\0\0[\1\2]\0(?!\0\0).{18}"),
        ("image/avif", rb".{4}ftypavi[fs]"),
    )
]


@dataclass(frozen=True, slots=True)
class Picture:
    type: str
    content: bytes


def fetch(url: str, *, limit: int, seconds: float) -> Picture:
    """At most ``limit`` octets within ``seconds`` over all redirects together. Raise Refused; each hop is checked anew."""
    deadline = time.monotonic() + seconds
    for _ in range(MOST_REDIRECTS + 1):
        if trackers.is_known(url):
            raise Refused("a tracker")
        with asked(url, deadline, _HEADERS) as answer:
            if answer.status in _REDIRECTS and (location := answer.getheader("Location")):
                url = urljoin(url, location)
                continue
            if answer.status != 200:
                raise Refused(f"status {answer.status}")
            if answer.getheader("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
                # Unpacking what was not asked for is how a small answer fills the memory.
                raise Refused("packed")
            content = read(answer, limit, deadline)
        kind = kind_of(content)
        if not kind:
            raise Refused("not a picture")
        return Picture(kind, content)
    raise Refused("too many redirects")


def kind_of(content: bytes) -> str:
    """The type by the first octets; "" for what is no picture a browser only paints. SVG is a document, not a picture."""
    return next((kind for kind, pattern in _KINDS if pattern.match(content)), "")

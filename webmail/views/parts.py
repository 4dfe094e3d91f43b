"""Files out of messages as answers: in pieces, under a safe name, with a range of theirs where one is asked for."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from webmail.errors import GiveUp, MailError
from webmail.mime.params import safe_filename
from webmail.mime.ranges import Unsatisfiable, asked_for
from webmail.sync.pieces import Content

from . import frame
from .access import user_of
from .policy import DOWNLOAD_POLICY, NOTE_POLICY, PDF_POLICY

BLOCK = 256 * 1024
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
_NOT_ASCII = re.compile(r"[^\x20-\x7e]|[%;']")
# Names that Windows keeps for devices, whatever their ending.
_DEVICE = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])(?:\.|\Z)",
    re.IGNORECASE,
)
# Longer than any system takes for one name, with its ending kept by safe_filename().
_LONGEST = 180


def begun(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Fetch the first piece now, so that a failure is still an answer and not a broken download."""
    iterator = iter(pieces)
    first = next(iterator, b"")
    return chain([first], iterator)


def file_name(name: str, fallback: str = "attachment") -> str:
    """One name for every system: no path, no controls, no tricks of direction, no device, nothing at its ends."""
    name = _UNSAFE.sub("_", safe_filename(name)).strip(" .")
    while len(name.encode()) > _LONGEST:
        stem, dot, ending = name.rpartition(".")
        name = f"{stem[:-1]}{dot}{ending}" if dot and len(stem) > 1 and len(ending) <= 16 else name[:-1]
    return (f"_{name}" if _DEVICE.match(name) else name) or fallback


def disposition(name: str, *, inline: bool = False) -> str:
    """Content-Disposition in both forms (RFC 6266 appendix D): plain for old programs, RFC 8187 beside it where needed."""
    name = file_name(name)
    plain = _NOT_ASCII.sub("_", name)
    encoded = f"; filename*=UTF-8''{quote(name, safe='')}" if plain != name else ""
    return f'{"inline" if inline else "attachment"}; filename="{plain}"{encoded}'


def download(pieces: Iterator[bytes], kind: str, name: str, *, inline: bool = False) -> HttpResponseBase:
    return _fenced(StreamingHttpResponse(blocks(pieces), content_type=kind), kind, name, inline=inline)


def ranged(request: HttpRequest, content: Content, kind: str, name: str, tag: str, *, inline: bool) -> HttpResponseBase:
    """The whole, or the range that is asked for (RFC 9110 section 14). Raise MailError before anything is sent."""
    size = content.size
    if size is None:
        return download(
            begun(content.read(0, None)) if request.method != "HEAD" else iter(()), kind, name, inline=inline
        )
    status, start, stop = 200, 0, size
    if request.method == "GET" and request.headers.get("If-Range", tag) == tag:
        try:
            found = asked_for(request.headers.get("Range", ""), size)
        except Unsatisfiable:
            response: HttpResponseBase = HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
            return _fenced(response, "text/plain", name, inline=inline)
        if found is not None:
            status, (start, stop) = 206, found
    pieces = begun(content.read(start, stop)) if request.method != "HEAD" and start < stop else iter(())
    response = StreamingHttpResponse(blocks(pieces), content_type=kind, status=status)
    response.headers["Content-Length"] = str(stop - start)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["ETag"] = tag
    if status == 206:
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return _fenced(response, kind, name, inline=inline)


def _fenced(response: HttpResponseBase, kind: str, name: str, *, inline: bool) -> HttpResponseBase:
    response.headers["Content-Disposition"] = disposition(name, inline=inline)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = PDF_POLICY if kind == "application/pdf" else DOWNLOAD_POLICY
    return response


def blocks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Pieces of at least ``BLOCK`` octets: each one handed to the server costs a thread switch."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= BLOCK:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def unavailable(request: HttpRequest, error: MailError) -> HttpResponse:
    """The sentence, and the way to try again: 404 for what is gone, 503 for what may come back."""
    status = 404 if isinstance(error, GiveUp) else 503
    again = "" if isinstance(error, GiveUp) else request.get_full_path()
    response = HttpResponse(frame.problem(error.sentence, again, theme=user_of(request).theme), status=status)
    response.headers["Content-Security-Policy"] = NOTE_POLICY
    return response

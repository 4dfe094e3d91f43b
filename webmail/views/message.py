"""One message: its card, the document of its frame, its parts, its source."""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from webmail.errors import GiveUp, MailError
from webmail.models import Message
from webmail.sync import bodies

from . import frame, pictures, reader, senders
from .access import message_of, user_of
from .people import own_addresses
from .policy import DOWNLOAD_POLICY, MESSAGE_POLICY, NOTE_POLICY, PDF_POLICY
from .when import clock_of

BLOCK = 256 * 1024
UNSAFE_IN_NAME = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')


@login_required
@require_safe
def message_card(request: HttpRequest, message_id: int) -> HttpResponse:
    message = message_of(request, message_id)
    if "sender" in request.GET:
        with suppress(MailError):
            message.sender_check = bodies.sender_check(message)
    here = frozenset({message.shown_in_id or message.folder_id})
    own = own_addresses(user_of(request).pk)
    lists = senders.left_lists(user_of(request).pk, [message])
    card = reader.card(message, here, own, clock_of(request), is_open=True, lists=lists)
    return render(request, "mailbox/_card.html", {"card": card})


@login_required
@require_safe
def message_body(request: HttpRequest, message_id: int) -> HttpResponse:
    """The document inside the frame. A body that cannot be had is a sentence in it, never an error page."""
    message = message_of(request, message_id)
    theme = user_of(request).theme
    try:
        body, shown_by = pictures.content(request, message)
    except MailError as error:
        again = not isinstance(error, GiveUp)
        document = frame.problem(error.sentence, request.path if again else "", theme=theme)
    else:
        document = frame.document(
            body.written,
            body.quoted,
            remote=body.remote,
            too_complex=body.too_complex,
            theme=theme,
            on=request.GET.get("on", ""),
            shown_by=shown_by,
            trackers=body.trackers,
        )
    response = HttpResponse(document)
    response.headers["Content-Security-Policy"] = MESSAGE_POLICY
    # A name that is looked up tells its owner that the mail was opened.
    response.headers["X-DNS-Prefetch-Control"] = "off"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@login_required
@require_safe
def message_part(request: HttpRequest, message_id: int, section: str) -> HttpResponseBase:
    """A download in pieces; ``inline=1`` shows a picture or PDF of a harmless type."""
    message = message_of(request, message_id)
    try:
        part, pieces = bodies.open_part(message, section)
        pieces = begun(pieces)
    except MailError as error:
        return unavailable(request, error)
    inline = "inline" in request.GET and part.type in reader.INLINE_TYPES
    kind = part.type if inline else "application/octet-stream"
    return download(pieces, kind, part.filename or reader.NAMELESS.get(part.type, f"part-{section}"), inline=inline)


@login_required
@require_safe
def message_source(request: HttpRequest, message_id: int) -> HttpResponseBase:
    """The whole message as it came, as a file."""
    message = message_of(request, message_id)
    try:
        pieces = begun(bodies.source(message))
    except MailError as error:
        return unavailable(request, error)
    return download(pieces, "application/octet-stream", f"{_title(message)[:80]}.eml")


@login_required
@require_safe
def message_headers(request: HttpRequest, message_id: int) -> HttpResponse:
    message = message_of(request, message_id)
    try:
        raw = bodies.headers(message)
    except MailError as error:
        return unavailable(request, error)
    response = HttpResponse(frame.plain(_title(message), raw.decode("utf-8", "replace"), theme=user_of(request).theme))
    response.headers["Content-Security-Policy"] = MESSAGE_POLICY
    return response


def begun(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Fetch the first piece now, so that a failure is still an answer and not a broken download."""
    iterator = iter(pieces)
    first = next(iterator, b"")
    return chain([first], iterator)


def download(pieces: Iterator[bytes], kind: str, name: str, *, inline: bool = False) -> HttpResponseBase:
    response = StreamingHttpResponse(blocks(pieces), content_type=kind)
    disposition = content_disposition_header(not inline, UNSAFE_IN_NAME.sub("_", name)[:200] or "attachment")
    response.headers["Content-Disposition"] = disposition or "attachment"
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


def _title(message: Message) -> str:
    return message.subject.strip() or "message"

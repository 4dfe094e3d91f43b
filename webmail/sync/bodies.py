"""Bodies: from the cache when they are here, over a foreground connection when not; and the worker's prefetch."""

import logging
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.models import Sum
from django.urls import reverse
from django.utils import timezone

from webmail.errors import GiveUp, MailError, Reason
from webmail.mime import html as mime_html
from webmail.mime.parts import Part, choose, decode_transfer
from webmail.mime.quote import split_quote
from webmail.mime.text import decode_charset, html_to_text, preview, text_to_html
from webmail.models import CachedPart, Message, RenderedBody
from webmail.models.mirror import change

from . import foreground
from .local import AnyMailbox

logger = logging.getLogger(__name__)

LARGEST_TEXT = 1024 * 1024  # octets of one text part that are shown
LARGEST_CACHED = 512 * 1024
PREVIEW_OCTETS = 2048
DEFLATE_ABOVE = 512
STREAM_CHUNK = 256 * 1024
TAIL = "\0"  # before the quoted tail where a rendered body is kept; no sanitised text holds it


@dataclass(frozen=True)
class Rendered:
    """The sanitised content of a message's frame: what was written, and the quoted tail that is folded away."""

    written: str
    quoted: str
    remote: int
    too_complex: bool


def structure(message: Message) -> Part:
    return Part.from_json(message.structure)


def displayed(message: Message) -> list[Part]:
    """The text parts a reader sees, in order; HTML where there is some."""
    return choose(structure(message)).shown


def text_parts(message: Message) -> list[tuple[Part, str]]:
    """Decoded text of the displayed parts. Raise MailError when they are not here and cannot be fetched."""
    parts = displayed(message)
    content = load_parts(message, parts)
    return [(part, decode_charset(content[part.section], part.charset)) for part in parts if part.section in content]


def load_parts(message: Message, parts: list[Part]) -> dict[str, bytes]:
    """Decoded bytes by section."""
    found = {
        row.section: zlib.decompress(row.content) if row.deflated else bytes(row.content)
        for row in CachedPart.objects.filter(message=message, section__in=[part.section for part in parts])
    }
    wanted = [part for part in parts if part.section not in found]
    if wanted:
        with foreground.connection(message.account) as connection:
            _select(connection, message)
            uid = message.uid or 0
            raw = connection.fetch_sections([(uid, part.section) for part in wanted], LARGEST_TEXT)
        if not any((uid, part.section) in raw for part in wanted):
            raise GiveUp(Reason.GONE, "The message is no longer there.")
        fetched = {part.section: raw[uid, part.section] for part in wanted if (uid, part.section) in raw}
        content = {
            part.section: decode_transfer(fetched[part.section], part.encoding)
            for part in wanted
            if part.section in fetched
        }
        _keep(message, {section: data for section, data in content.items() if len(fetched[section]) < LARGEST_TEXT})
        found |= content
    return found


def rendered(message: Message) -> Rendered:
    """Kept once made. Raise MailError when the text is not here and cannot be fetched."""
    kept = RenderedBody.objects.filter(message=message, policy=mime_html.POLICY_VERSION).first()
    if kept is not None:
        written, _, quoted = zlib.decompress(kept.html).decode().partition(TAIL)
        return Rendered(written, quoted, kept.remote, kept.too_complex)
    result = render(message, text_parts(message))
    _keep_rendered(message, result)
    return result


def render(message: Message, parts: list[tuple[Part, str]]) -> Rendered:
    body = choose(structure(message))
    sections = {content_id: part.section for content_id, part in body.inline.items()}

    def cid_url(content_id: str) -> str | None:
        section = sections.get(content_id)
        return reverse("message-part", args=[message.pk, section]) + "?inline=1" if section else None

    pieces, remote, too_complex = [], 0, False
    for part, text in parts:
        if part.type == "text/html":
            clean = mime_html.sanitise(text, cid_url=cid_url)
            remote += clean.remote
            if clean.too_complex:
                too_complex = True
                pieces.append(str(text_to_html(html_to_text(text))))
            else:
                pieces.append(clean.html)
        else:
            flowed = part.params.get("format", "").lower() == "flowed"
            delsp = part.params.get("delsp", "").lower() == "yes"
            pieces.append(str(text_to_html(text, flowed=flowed, delsp=delsp)))
    return Rendered(*split_quote("\n<hr>\n".join(pieces)), remote, too_complex)


def find_part(message: Message, section: str) -> Part:
    """Raise GiveUp if the message has no such part."""
    for part in structure(message).walk():
        if part.section == section and section:
            return part
    raise GiveUp(Reason.GONE, "The message has no such attachment.")


def open_part(message: Message, section: str) -> tuple[Part, Iterator[bytes]]:
    """Decoded bytes in pieces; a large attachment never stands in memory whole."""
    part = find_part(message, section)
    kept = CachedPart.objects.filter(message=message, section=section).first()
    if kept is not None:
        content = zlib.decompress(kept.content) if kept.deflated else bytes(kept.content)
        return part, iter([content])
    if part.size <= LARGEST_CACHED:
        return part, iter([load_parts(message, [part])[section]])
    return part, decoded_stream(_stream(message, section), part.encoding)


def source(message: Message) -> Iterator[bytes]:
    return _stream(message, "")


def headers(message: Message) -> bytes:
    kept = CachedPart.objects.filter(message=message, section="HEADER").first()
    if kept is not None:
        return zlib.decompress(kept.content) if kept.deflated else bytes(kept.content)
    with foreground.connection(message.account) as connection:
        _select(connection, message)
        content = connection.fetch_section(message.uid or 0, "HEADER")
    _keep(message, {"HEADER": content})
    return content


def decoded_stream(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Base64 is decoded group by group; the other encodings keep lines together (RFC 2045 section 6)."""
    if encoding.lower() not in {"base64", "quoted-printable"}:
        yield from pieces
        return
    base64 = encoding.lower() == "base64"
    rest = b""
    for piece in pieces:
        rest += piece.translate(None, b"\r\n \t") if base64 else piece
        cut = len(rest) - len(rest) % 4 if base64 else rest.rfind(b"\n") + 1
        if cut:
            yield decode_transfer(rest[:cut], encoding)
            rest = rest[cut:]
    if rest:
        yield decode_transfer(rest, encoding)


def prefetch(connection: AnyMailbox, messages: list[Message], *, whole: bool) -> None:
    """Previews, and with ``whole`` the displayed text itself, for messages of the folder that is selected."""
    wanted: list[tuple[Message, list[Part], Part | None]] = []
    sections: list[tuple[int, str]] = []
    for message in messages:
        body = choose(structure(message))
        shown = displayed(message)
        source_part = body.text or (body.texts[0] if body.texts else body.html)
        parts = [part for part in shown if whole and part.size <= LARGEST_CACHED]
        if source_part is not None and source_part not in parts:
            parts.append(source_part)
        wanted.append((message, parts, source_part))
        sections += [(message.uid or 0, part.section) for part in parts]
    raw = connection.fetch_sections(sections, LARGEST_CACHED if whole else PREVIEW_OCTETS)
    keep: list[tuple[Message, Part, bytes]] = []
    for message, parts, source_part in wanted:
        content = {
            part.section: decode_transfer(raw[message.uid or 0, part.section], part.encoding)
            for part in parts
            if (message.uid or 0, part.section) in raw
        }
        if source_part is not None and source_part.section in content:
            text = decode_charset(content[source_part.section], source_part.charset)
            message.preview = preview(html_to_text(text) if source_part.type == "text/html" else text)[:300]
        message.preview_known = True
        if whole:
            keep += [(message, part, content[part.section]) for part in parts if part.section in content]
    if not wanted:
        return
    with change(wanted[0][0].account.user_id) as changed:
        Message.objects.bulk_update(messages, ["preview", "preview_known"], batch_size=200)
        changed.folders.update(message.shown_in_id for message in messages if message.shown_in_id)
        CachedPart.objects.bulk_create(
            [_cached(message, part.section, content) for message, part, content in keep], ignore_conflicts=True
        )


def prerender(messages: Iterable[Message]) -> None:
    """Sanitise ahead of the click; a message that cannot be is left for the click to explain."""
    for message in messages:
        try:
            parts = displayed(message)
            sections = {part.section for part in parts}
            if CachedPart.objects.filter(message=message, section__in=sections).count() == len(sections):
                rendered(message)
        except MailError:
            logger.info("message %s could not be rendered ahead", message.pk)


def trim_cache(limit: int) -> None:
    """Drop the least recently kept bodies beyond ``limit`` octets."""
    total = CachedPart.objects.aggregate(size=Sum("size"))["size"] or 0
    if total <= limit:
        return
    surplus, ids = total - int(limit * 0.9), []
    for pk, size in CachedPart.objects.order_by("used_at").values_list("pk", "size").iterator(chunk_size=1000):
        ids.append(pk)
        surplus -= size
        if surplus <= 0:
            break
    for start in range(0, len(ids), 500):
        CachedPart.objects.filter(pk__in=ids[start : start + 500]).delete()


def _stream(message: Message, section: str) -> Iterator[bytes]:
    with foreground.connection(message.account) as connection:
        _select(connection, message)
        yield from connection.stream_section(message.uid or 0, section, STREAM_CHUNK)


def _select(connection: AnyMailbox, message: Message) -> None:
    if message.uid is None:
        raise GiveUp(Reason.GONE, "The message is being moved. Try again in a moment.")
    connection.select(message.folder.name, uidvalidity=message.uidvalidity)


def _cached(message: Message, section: str, content: bytes) -> CachedPart:
    deflated = len(content) > DEFLATE_ABOVE
    stored = zlib.compress(content, 3) if deflated else content
    return CachedPart(
        message=message, section=section, content=stored, deflated=deflated, size=len(stored), used_at=timezone.now()
    )


def _keep(message: Message, content: dict[str, bytes]) -> None:
    rows = [_cached(message, section, data) for section, data in content.items() if len(data) <= LARGEST_CACHED]
    CachedPart.objects.bulk_create(rows, ignore_conflicts=True)


def _keep_rendered(message: Message, result: Rendered) -> None:
    RenderedBody.objects.update_or_create(
        message=message,
        defaults={
            "policy": mime_html.POLICY_VERSION,
            "html": zlib.compress(f"{result.written}{TAIL}{result.quoted}".encode("utf-8", "replace"), 3),
            "remote": result.remote,
            "too_complex": result.too_complex,
        },
    )

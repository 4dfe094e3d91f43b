"""What stands in a message's frame: its texts made safe once, and kept."""

import logging
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from django.core import signing
from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from webmail.errors import MailError
from webmail.mime import clock, embedded, links
from webmail.mime import html as mime_html
from webmail.mime.headers import display_text
from webmail.mime.parts import Body, Part, choose
from webmail.mime.preview import label_of
from webmail.mime.quote import split_quote
from webmail.mime.text import NOTICE, html_to_text, text_to_html
from webmail.mime.unpack import INSIDE
from webmail.models import CachedPart, Message, RenderedBody
from webmail.models.prepared import Prepared, Slot

from . import afterwards, bodies
from .room import room

logger = logging.getLogger(__name__)

# Of these, what has no text here.
NOT_HERE = Prepared(
    lambda: (
        Message.objects.select_related("account", "folder")
        .filter(~Exists(CachedPart.objects.filter(message=OuterRef("pk"))), pk__in=[Slot("ids")])
        .order_by("id")
    )
)
RENDERED = Prepared(lambda: RenderedBody.objects.filter(message_id=Slot("message"), policy=Slot("policy")))
LINK_SALT = "webmail.link"
LONGEST_TOKEN = 3_500  # characters; web servers read lines of about four thousand
MOST_LINKS = 50
LARGEST_SHOWN = 4_000_000  # characters; no further text of the same message is shown beyond that
TAIL = "\0"  # before the quoted tail where a rendered body is kept; no sanitised text holds it
MORE = '<p class="note">There is more text than can be shown. Download the message to read all of it.</p>'
ARMOUR = {
    "encrypted": "This text is encrypted with OpenPGP. It can be read only with the key of whom it was written to.",
    "signed": "This text carries an OpenPGP signature, which has not been checked.",
    "signature": "This text carries an OpenPGP signature, which has not been checked.",
    "key": "This text holds an OpenPGP key.",
}


@dataclass(frozen=True)
class Rendered:
    """The sanitised content of a message's frame: what was written, and the quoted tail that is folded away."""

    written: str
    quoted: str
    remote: int
    too_complex: bool
    trackers: tuple[str, ...] = ()
    doubtful: bool = False  # made without what may work the next time


def rendered(message: Message) -> Rendered:
    """Kept once made. Raise MailError when the text is not here and cannot be fetched."""
    kept = RENDERED.first(message=message.pk, policy=mime_html.POLICY_VERSION)
    if kept is not None:
        try:
            written, _, quoted = zlib.decompress(kept.html).decode().partition(TAIL)
            return Rendered(written, quoted, kept.remote, kept.too_complex, tuple(kept.trackers))
        except (zlib.error, UnicodeDecodeError):
            logger.warning("what was kept of message %s is damaged and made anew", message.pk)
    with room(bodies.octets_to_read(message)):
        result = render(message, bodies.text_parts(message))
    if not result.doubtful:
        afterwards.do(partial(_keep_rendered, message, result))
    return result


def rendered_enclosed(message: Message, section: str) -> Rendered:
    """The content of the frame of a message inside this one. Raise MailError as :func:`rendered` does."""
    body = choose(bodies.enclosed(message, section)[1])
    with room(sum(part.size for part in body.shown)):
        return render_of(message, body, bodies.texts_of(message, body.shown))


def render(message: Message, parts: list[tuple[Part, str]], remote_url: mime_html.RemoteUrl | None = None) -> Rendered:
    return render_of(message, choose(bodies.opened(message)), parts, remote_url)


def render_of(
    message: Message, body: Body, parts: list[tuple[Part, str]], remote_url: mime_html.RemoteUrl | None = None
) -> Rendered:
    """``parts`` are the texts of ``body``, that of the message itself or of one inside it."""
    sections = {content_id: part.section for content_id, part in body.inline.items()}

    def cid_url(content_id: str) -> str | None:
        section = sections.get(content_id)
        return reverse("message-part", args=[message.pk, section]) + "?inline=1" if section else None

    with clock.message():
        result = _rendered(message, parts, cid_url, remote_url)
    html = "".join(text for part, text in parts if part.type == "text/html") if body.inline else ""
    # Pictures that are said to stand in the text, while nothing in it shows them.
    lost = _files(message, body.unreferenced(html)) if html else ""
    return replace(result, written=result.written + lost) if lost else result


def _rendered(
    message: Message, parts: list[tuple[Part, str]], cid_url: mime_html.CidUrl, remote_url: mime_html.RemoteUrl | None
) -> Rendered:
    pieces: list[str] = []
    remote, too_complex = 0, False
    trackers: list[str] = []
    share = bodies.share([part for part, _ in parts])
    for part, text in parts:
        if clock.spent() or sum(map(len, pieces)) > LARGEST_SHOWN:
            pieces.append(MORE)
            break
        if part.type == "text/html":
            clean = mime_html.sanitise(text, cid_url=cid_url, remote_url=remote_url)
            remote += clean.remote
            trackers += clean.trackers
            if clean.too_complex:
                too_complex = True
                piece = _as_text(html_to_text(text))
            else:
                piece = clean.html
        else:
            flowed = part.params.get("format", "").lower() == "flowed"
            delsp = part.params.get("delsp", "").lower() == "yes"
            piece = (
                _armour(text)
                + _as_text(text, flowed=flowed, delsp=delsp)
                + _files(message, bodies.files_in_text(message, part))
            )
        if part.size > share and INSIDE not in part.section and not piece.endswith(f"{NOTICE}</p>"):
            piece += MORE
        pieces.append(clock.counted(partial(links.mark, piece, ask_first)))
    written, quoted = split_quote("\n<hr>\n".join(pieces))
    return Rendered(written, quoted, remote, too_complex, tuple(trackers), clock.doubtful())


def ask_first(url: str, named: str) -> str | None:
    """Our page that shows where a link goes before it is followed. Signed, so that it cannot be made to show anything; for
    nobody in particular, so that what is kept of a message can hold it.
    """
    token = signing.dumps([url, named], salt=LINK_SALT, compress=True)
    return reverse("link", args=[token]) if len(token) <= LONGEST_TOKEN else None


def way(url: str) -> str | None:
    """What a link of our own pages to a foreign place holds: ``url``, or our page where something speaks against it."""
    return ask_first(url, "") if links.dangers(links.target(url)) else url


def asked(token: str) -> tuple[str, str] | None:
    """The target and the host its text names; None for what was not made here."""
    try:
        url, named = signing.loads(token, salt=LINK_SALT)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return str(url), str(named)


def _as_text(text: str, *, flowed: bool = False, delsp: bool = False) -> str:
    return clock.counted(lambda: str(text_to_html(text, flowed=flowed, delsp=delsp)))


def _armour(text: str) -> str:
    kind = embedded.armour(text.encode("utf-8", "replace")) if "-----BEGIN PGP" in text else ""
    return format_html('<p class="note">{}</p>', ARMOUR[kind]) if kind else ""


def _files(message: Message, files: list[Part]) -> str:
    """Links to files that stood in the text, or belong to it and have no place in it.

    The frame may start no download, so each opens for itself.
    """
    links = [
        (
            reverse("part-view", args=[message.pk, file.section]),
            display_text(file.filename) or f"{label_of(file)} {file.section}",
        )
        for file in files[:MOST_LINKS]
    ]
    if not links:
        return ""
    return format_html(
        '<p class="files">{}</p>',
        format_html_join(" ", '<a class="button" target="_blank" rel="noopener noreferrer" href="{}">{}</a>', links),
    )


def begin(ids: list[int]) -> None:
    """Ask for those texts that are not here, which a page is about to show."""
    for message in NOT_HERE(ids=ids):
        bodies.begin(message)


def prerender(messages: Iterable[Message]) -> None:
    """Sanitise ahead of the click; a message that cannot be is left for the click to explain."""
    for message in messages:
        try:
            if bodies.is_wrapped(message):
                continue
            sections = {part.section for part in bodies.displayed(message)}
            if CachedPart.objects.filter(message=message, section__in=sections).count() == len(sections):
                rendered(message)
        except MailError:
            logger.info("message %s could not be rendered ahead", message.pk)


def _keep_rendered(message: Message, result: Rendered) -> None:
    RenderedBody.objects.update_or_create(
        message=message,
        defaults={
            "policy": mime_html.POLICY_VERSION,
            "html": zlib.compress(f"{result.written}{TAIL}{result.quoted}".encode("utf-8", "replace"), 3),
            "remote": result.remote,
            "too_complex": result.too_complex,
            "trackers": list(result.trackers),
            "pictured": None,
        },
    )

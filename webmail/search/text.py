"""The words of a message, as far as it is here: header fields, names of attachments, and the text or its beginning."""

import logging
import zlib
from collections.abc import Sequence
from itertools import chain

from webmail.errors import GiveUp
from webmail.mime.charset import decode_text
from webmail.mime.folding import first_words
from webmail.mime.parts import Part, choose, decode_transfer, locate
from webmail.mime.text import html_to_text
from webmail.models import CachedPart, Message, RenderedBody
from webmail.models.content import intact
from webmail.sync import stored

from .store import MOST_WORDS, Words

logger = logging.getLogger(__name__)

LARGEST = 256 * 1024  # octets of one text part that are read
MOST_PARTS = 8
MOST_FILES = 100


def words_of(message: Message, docid: int) -> Words:
    """Never asks a mail server; what cannot be read is left out."""
    structure = Part.from_json(message.structure)
    body = choose(structure)
    names = [part.filename for part in body.attachments[:MOST_FILES]]
    pieces = list(chain(names, _texts(message, body.shown[:MOST_PARTS])))
    if len(pieces) == len(names):
        pieces.append(message.preview)
    return Words(
        docid,
        subject=first_words(message.subject, MOST_WORDS["subject"]),
        sender=first_words(f"{message.from_name} {message.from_address}", MOST_WORDS["sender"]),
        recipients=first_words(" ".join(_recipients(message)), MOST_WORDS["recipients"]),
        text=first_words("\n".join(pieces), MOST_WORDS["text"]),
    )


def _recipients(message: Message) -> list[str]:
    fields = message.recipients if isinstance(message.recipients, dict) else {}
    found: list[str] = []
    for name in ("to", "cc", "bcc"):
        for pair in fields.get(name) or ():
            found += [str(each or "") for each in pair[:2]]
    return found


def _texts(message: Message, parts: Sequence[Part]) -> list[str]:
    read = _stored if message.account.is_local else _cached
    try:
        content = read(message, parts)
    except (GiveUp, OSError) as problem:
        logger.info("the text of message %s is not indexed: %s", message.pk, problem)
        return []
    found = [_text(part, content[part.section]) for part in parts if part.section in content]
    if len(found) < len(parts) and (shown := _shown(message)):
        return [shown]
    return found


def _shown(message: Message) -> str:
    """The text as it was shown once: it is kept for longer than the parts it was made of."""
    row: RenderedBody | None = getattr(message, "rendered", None)
    try:
        html = zlib.decompress(row.html).decode() if row is not None else ""
    except (zlib.error, UnicodeDecodeError):
        return ""
    return html_to_text(html[:LARGEST].replace("\0", " "))


def _text(part: Part, content: bytes) -> str:
    text = decode_text(content[:LARGEST], part.type, part.charset)
    return html_to_text(text) if part.type == "text/html" else text


def _cached(message: Message, parts: Sequence[Part]) -> dict[str, bytes]:
    rows = CachedPart.objects.filter(message=message, section__in=[part.section for part in parts])
    return {section: content for (_, section), content in intact(rows).items()}


def _stored(message: Message, parts: Sequence[Part]) -> dict[str, bytes]:
    """Read where it lies: the mail of a POP3 account is all here."""
    found = {}
    with stored.mapped(message) as raw:
        for part in parts:
            place = locate(raw, part.section)
            if place is not None:
                found[part.section] = decode_transfer(
                    bytes(raw[place[1] : min(place[2], place[1] + LARGEST)]), part.encoding
                )
    return found

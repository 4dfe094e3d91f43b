"""Where a message says what was looked for: a line out of its text, for hits that neither subject nor preview shows."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from django.core.files.storage import default_storage

from webmail.mime.charset import decode_text
from webmail.mime.folding import spans
from webmail.mime.parts import Part, choose, decode_transfer, locate
from webmail.mime.text import html_to_text
from webmail.models import CachedPart, Message, StoredContent
from webmail.models.content import intact

from .query import Term

LARGEST = 96 * 1024  # octets of one part that are looked through
WHOLE = 512 * 1024  # octets of a message that lives here that are read
BEFORE, LENGTH = 16, 200


def passages(message_ids: Collection[int], terms: Sequence[Term]) -> dict[int, str]:
    """By message, where its text is here and holds one of the terms. Three queries, however many messages."""
    cached: dict[int, dict[str, bytes]] = defaultdict(dict)
    rows = CachedPart.objects.filter(message_id__in=message_ids, size__lte=LARGEST)
    for (message_id, section), octets in intact(rows).items():
        cached[message_id][section] = octets
    files = dict(StoredContent.objects.filter(message_id__in=message_ids).values_list("message_id", "file"))
    found = {}
    for pk, structure in Message.objects.filter(pk__in=message_ids).values_list("pk", "structure"):
        parts = choose(Part.from_json(structure)).shown
        content = _stored(files[pk], parts) if pk in files else cached[pk]
        for part in parts:
            if part.section in content and (line := _line(part, content[part.section][:LARGEST], terms)):
                found[pk] = line
                break
    return found


def _stored(name: str, parts: Sequence[Part]) -> dict[str, bytes]:
    try:
        with default_storage.open(name, "rb") as stream:
            raw = stream.read(WHOLE)
    except OSError:
        return {}
    places = {part.section: locate(raw, part.section) for part in parts[:2]}
    return {
        section: decode_transfer(raw[place[1] : min(place[2], place[1] + LARGEST)], place[0].encoding)
        for section, place in places.items()
        if place is not None
    }


def _line(part: Part, content: bytes, terms: Sequence[Term]) -> str:
    text = decode_text(content, part.type, part.charset)
    # Without the signs of quoted lines.
    whole = html_to_text(text) if part.type == "text/html" else text
    text = " ".join(word for word in whole.split() if word.strip(">"))
    exact = {term.words[0] for term in terms}
    # Of a phrase only its first word is looked for: the line is a help, the mark on it is exact.
    begun = tuple(term.words[0] for term in terms if term.prefix and len(term.words) == 1)
    for start, _, words in spans(text):
        if any(word in exact or word.startswith(begun) for word in words if word):
            first = text.rfind(" ", 0, max(0, start - BEFORE)) + 1 if start > BEFORE else 0
            return ("… " if first else "") + text[first : first + LENGTH]
    return ""

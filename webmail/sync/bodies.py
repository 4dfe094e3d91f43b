"""Bodies: from the cache when they are here, over a foreground connection when not; and the worker's prefetch."""

import logging
from collections.abc import Iterator
from dataclasses import replace

from webmail.errors import GiveUp, Reason
from webmail.mime import embedded, unpack
from webmail.mime.charset import decode_text
from webmail.mime.headers import HEADER_LIMIT
from webmail.mime.parts import Part, choose, decode_transfer
from webmail.mime.summary import header_of
from webmail.mime.text import html_to_text, preview
from webmail.mime.transfer import decoded_stream
from webmail.mime.unpack import INSIDE
from webmail.models import CachedPart, Message, SenderCheck
from webmail.models.mirror import change

from . import afterwards, early, foreground, part_cache, senders
from .local import AnyMailbox
from .part_cache import LARGEST_CACHED
from .room import room

logger = logging.getLogger(__name__)

LARGEST_TEXT = 1024 * 1024  # octets of one text part that are shown
LARGEST_WHOLE = 8 * 1024 * 1024  # of all its text parts together; where they are more, of each its share
LARGEST_AHEAD = 2 * 1024 * 1024  # of the texts of one message that nobody has asked for yet
PREVIEW_OCTETS = 2048
STREAM_CHUNK = 256 * 1024


def structure(message: Message) -> Part:
    return Part.from_json(message.structure)


def displayed(message: Message) -> list[Part]:
    """The text parts a reader sees, in order; HTML where there is some. As the structure says it: nothing is fetched."""
    return choose(structure(message)).shown


def opened(message: Message) -> Part:
    """The structure with what is wrapped up unwrapped: opaque S/MIME, and winmail.dat where it is all there is.

    Raise MailError when that is not here and cannot be fetched.
    """
    root = structure(message)
    has_text = bool(choose(root).shown)
    outermost = Part(section="", type="multipart/mixed", children=[root])
    stack = [outermost]
    while stack:
        parent = stack.pop()
        for place, part in enumerate(parent.children):
            kind = unpack.kind_of(part)
            if (kind == "smime" or (kind == "tnef" and not has_text)) and (
                found := unpacked(message, part)
            ) is not None:
                parent.children[place] = unpack.graft(part, found)
            elif part.is_multipart:
                stack.append(part)
    return outermost.children[0]


def octets_to_read(message: Message) -> int:
    """Before its text is known: those of its texts, and of the parts that have to be unwrapped for it."""
    texts = displayed(message)
    wrapped = [part for part in structure(message).walk() if unpack.kind_of(part)] if not texts else []
    return sum(part.size for part in texts or wrapped)


def is_wrapped(message: Message) -> bool:
    """Whether the text can be known only from a part that holds others."""
    return not displayed(message) and any(unpack.kind_of(part) for part in structure(message).walk())


def unpacked(message: Message, part: Part) -> unpack.Unpacked | None:
    """What a part holds inside; kept with the object ``message``, because a page asks for several things of it."""
    if part.size > unpack.LARGEST or part.section.count(INSIDE) >= unpack.DEPTH:
        return None
    kept = _unpacked(message)
    if part.section not in kept:
        with room(part.size):
            kept[part.section] = unpack.unpack(part, content(message, part))
    return kept[part.section]


def _unpacked(message: Message) -> dict[str, unpack.Unpacked | None]:
    return vars(message).setdefault("_unpacked", {})


def files_in_text(message: Message, part: Part) -> list[Part]:
    """The files that stood in a text of :func:`texts_of`, their sections as seen from the whole."""
    found = _unpacked(message).get(part.section)
    return unpack.graft(part, found).children if found is not None and part.type == "text/plain" else []


def content(message: Message, part: Part) -> bytes:
    """The decoded bytes of a part that is not too large to be held; it may lie inside another."""
    outer, inside, section = part.section.rpartition(INSIDE)
    if not inside:
        return b"".join(open_part(message, part.section)[1])
    found = unpacked(message, find_part(message, outer))
    octets = found.content(section) if found is not None else None
    if octets is None:
        raise GiveUp(Reason.GONE, "The message has no such attachment.")
    return octets


def text_parts(message: Message) -> list[tuple[Part, str]]:
    """Decoded text of the displayed parts. Raise MailError when they are not here and cannot be fetched."""
    return texts_of(message, choose(opened(message)).shown)


def texts_of(message: Message, parts: list[Part]) -> list[tuple[Part, str]]:
    outside = [part for part in parts if INSIDE not in part.section]
    found = load_parts(message, outside) if outside else {}
    found |= {part.section: content(message, part) for part in parts if INSIDE in part.section}
    return [(part, _text(message, part, found[part.section])) for part in parts if part.section in found]


def _text(message: Message, part: Part, data: bytes) -> str:
    return decode_text(_without_files(message, part, data), part.type, part.charset)


def _without_files(message: Message, part: Part, data: bytes) -> bytes:
    if part.type != "text/plain":
        return data
    text = embedded.split(data)
    _unpacked(message)[part.section] = unpack.of_text(text)
    return text.text


def enclosed(message: Message, section: str) -> tuple[bytes, Part]:
    """The header and the tree of a message inside this one, sections as seen from the whole.

    Raise GiveUp if the part is no message, MailError when it is not here and cannot be fetched.
    """
    part = find_part(message, section)
    if part.type not in {"message/rfc822", "message/global"}:
        raise GiveUp(Reason.GONE, "The message has no such message inside.")
    if INSIDE in section or unpack.kind_of(part):
        header = header_of(content(message, part))
    else:
        header = enclosed_headers(message, [section])[section]
    found = unpacked(message, part) if unpack.kind_of(part) else None
    if found is not None:
        return header, unpack.graft(part, found)
    return header, unpack.enclosed_root(header, part)


def enclosed_headers(message: Message, sections: list[str]) -> dict[str, bytes]:
    """The headers of messages that stand unencoded inside this one; "" for one the server does not hand out."""
    names = {f"{section}.HEADER": section for section in sections}
    kept = part_cache.kept(message, names)
    found = {names[name]: data for name, data in kept.items()}
    if wanted := [section for section in sections if section not in found]:
        # The beginning of the part: its HEADER by name is what servers disagree about.
        raw = _fetched(message, wanted, HEADER_LIMIT // 4)
        fetched = {section: header_of(raw.get(section, b"")) for section in wanted}
        part_cache.keep(message, {f"{section}.HEADER": data for section, data in fetched.items() if data})
        found |= fetched
    return found


def load_parts(message: Message, parts: list[Part]) -> dict[str, bytes]:
    """Decoded bytes by section."""
    found = part_cache.kept(message, [part.section for part in parts])
    wanted = [part for part in parts if part.section not in found]
    if wanted:
        sections, most = _flight(wanted, judged=senders.judged(message) is not None)
        raw = _fetched(message, sections, most)
        fetched = {part.section: raw[part.section] for part in wanted if part.section in raw}
        if not fetched:
            raise GiveUp(Reason.GONE, "The message is no longer there.")
        encodings = {part.section: part.encoding for part in wanted}
        content = {section: decode_transfer(data, encodings[section]) for section, data in fetched.items()}
        header = [(message, raw[senders.SECTION])] if senders.SECTION in raw else []

        whole = {section: data for section, data in content.items() if len(fetched[section]) < most}
        # The verdict first: the card asks for it as soon as the frame is there.
        afterwards.do(lambda: senders.keep(senders.examine(message.account, header)))
        afterwards.do(lambda: part_cache.keep(message, whole))
        found |= content
    return found


def begin(message: Message) -> None:
    """Ask for the text already: :func:`load_parts` is about to. With its account and folder; nothing of it is here."""
    parts = displayed(message)
    if parts and message.uid is not None and not message.account.is_local and octets_to_read(message) <= LARGEST_CACHED:
        sections, most = _flight(parts, judged=False)
        early.texts.begin(_early_key(message, sections), lambda: _brought(message, sections, most))


def _flight(parts: list[Part], *, judged: bool) -> tuple[list[str], int]:
    """The sections that are fetched together, and how much of each.

    The header comes along where the sender has not been judged yet: it costs no further round trip.
    """
    return [*(part.section for part in parts), *([] if judged else [senders.SECTION])], share(parts)


def share(parts: list[Part]) -> int:
    """Octets of each part that are fetched, as transferred."""
    together = sum(min(part.size, LARGEST_TEXT) for part in parts)
    return LARGEST_TEXT if together <= LARGEST_WHOLE else LARGEST_WHOLE // len(parts)


def sender_check(message: Message) -> SenderCheck | None:
    """What the header says of the sender; None where it holds nothing. Raise MailError when it cannot be fetched."""
    known = senders.judged(message)
    if known is None:
        made = senders.examine(message.account, [(message, headers(message))])
        senders.keep(made)
        known = made[0] if made else None
    return known


def find_part(message: Message, section: str) -> Part:
    """Raise GiveUp if the message has no such part."""
    outer, inside, rest = section.rpartition(INSIDE)
    if inside:
        found = unpacked(message, find_part(message, outer))
        part = found.root.find(rest) if found is not None and rest else None
        if part is not None:
            return replace(part, section=section)
    elif section and (part := structure(message).find(section)) is not None:
        return part
    raise GiveUp(Reason.GONE, "The message has no such attachment.")


def open_part(message: Message, section: str) -> tuple[Part, Iterator[bytes]]:
    """Decoded bytes in pieces; a large attachment never stands in memory whole."""
    part = find_part(message, section)
    if INSIDE in section:
        return part, iter([content(message, part)])
    kept = part_cache.kept(message, [section])
    if kept:
        return part, iter([kept[section]])
    if part.size <= LARGEST_CACHED:
        return part, iter([load_parts(message, [part])[section]])
    return part, decoded_stream(_stream(message, section), part.encoding)


def source(message: Message) -> Iterator[bytes]:
    return _stream(message, "")


def beginning(message: Message, octets: int) -> bytes:
    """The first octets of the message as it came."""
    with foreground.connection(message.account) as connection:
        _select(connection, message)
        return connection.fetch_section(message.uid or 0, "", offset=0, length=octets)


def headers(message: Message) -> bytes:
    if kept := part_cache.kept(message, ["HEADER"]):
        return kept["HEADER"]
    content = _fetched(message, ["HEADER"], None).get("HEADER")
    if content is None:
        raise GiveUp(Reason.GONE, "The message is no longer there.")
    part_cache.keep(message, {"HEADER": content})
    return content


def prefetch(connection: AnyMailbox, messages: list[Message], *, whole: bool) -> None:
    """Previews, and with ``whole`` the displayed text itself, for messages of the folder that is selected."""
    wanted: list[tuple[Message, list[Part], Part | None]] = []
    sections: list[tuple[int, str]] = []
    for message in messages:
        body = choose(structure(message))
        source_part = body.text or (body.texts[0] if body.texts else body.html)
        parts = [part for part in body.shown if whole and part.size <= LARGEST_CACHED]
        if sum(part.size for part in parts) > LARGEST_AHEAD:
            parts = []
        if source_part is not None and source_part not in parts:
            parts.append(source_part)
        wanted.append((message, parts, source_part))
        sections += [(message.uid or 0, part.section) for part in parts]
        if whole and _header_octets(message) <= senders.OCTETS:
            sections.append((message.uid or 0, senders.SECTION))
    raw = connection.fetch_sections(sections, LARGEST_CACHED if whole else PREVIEW_OCTETS)
    keep: list[tuple[Message, Part, bytes]] = []
    for message, parts, source_part in wanted:
        content = {
            part.section: decode_transfer(raw[message.uid or 0, part.section], part.encoding)
            for part in parts
            if (message.uid or 0, part.section) in raw
        }
        if source_part is not None and source_part.section in content:
            text = decode_text(content[source_part.section], source_part.type, source_part.charset)
            message.preview = preview(html_to_text(text) if source_part.type == "text/html" else text)[:300]
        message.preview_known = True
        if whole:
            keep += [(message, part, content[part.section]) for part in parts if part.section in content]
    if not wanted:
        return
    account = wanted[0][0].account
    headed = [(message, raw.get((message.uid or 0, senders.SECTION), b"")) for message in messages]
    checks = senders.examine(account, headed) if whole else []
    with change(account.user_id) as changed:
        Message.objects.bulk_update(messages, ["preview", "preview_known"], batch_size=200)
        changed.folders.update(message.shown_in_id for message in messages if message.shown_in_id)
        CachedPart.objects.bulk_create(
            [part_cache.row(message, part.section, content) for message, part, content in keep], ignore_conflicts=True
        )
        senders.keep(checks)


def _header_octets(message: Message) -> int:
    """About how long the header is: what the parts leave of the message."""
    if message.size <= senders.OCTETS:
        return message.size
    return message.size - sum(part.size for part in structure(message).walk() if not part.is_multipart)


def _stream(message: Message, section: str) -> Iterator[bytes]:
    begun = False
    try:
        for piece in _streamed(message, section):
            begun = True
            yield piece
    except GiveUp as problem:
        if begun or problem.reason != Reason.GONE or not _moved_meanwhile(message):
            raise
        yield from _streamed(message, section)


def _streamed(message: Message, section: str) -> Iterator[bytes]:
    with foreground.connection(message.account) as connection:
        _select(connection, message)
        yield from connection.stream_section(message.uid or 0, section, STREAM_CHUNK)


def _fetched(message: Message, sections: list[str], limit: int | None) -> dict[str, bytes]:
    """As transferred, in one round trip. What the server does not have is missing."""
    try:
        begun = early.texts.taken(_early_key(message, sections))
        found = begun if begun is not None else _brought(message, sections, limit)
    except GiveUp as problem:
        if problem.reason != Reason.GONE or not _moved_meanwhile(message):
            raise
        return _brought(message, sections, limit)
    return _brought(message, sections, limit) if not found and _moved_meanwhile(message) else found


def _moved_meanwhile(message: Message) -> bool:
    """Whether it is at another place than its row said when it was read: a click moves it within moments."""
    before = message.folder_id, message.uidvalidity, message.uid
    place = Message.objects.filter(pk=message.pk, uid__isnull=False).values_list("folder", "uidvalidity", "uid").first()
    if place is None or place == before:
        return False
    message.folder_id, message.uidvalidity, message.uid = place
    return True


def _brought(message: Message, sections: list[str], limit: int | None) -> dict[str, bytes]:
    uid = _uid(message)
    wanted = [(uid, section) for section in sections]
    with foreground.connection(message.account) as connection:
        raw = connection.open_and_fetch(message.folder.name, wanted, limit, uidvalidity=message.uidvalidity)
    return {section: raw[uid, section] for section in sections if (uid, section) in raw}


def _early_key(message: Message, sections: list[str]) -> tuple[object, ...]:
    return message.pk, message.folder_id, message.uidvalidity, message.uid, tuple(sections)


def _select(connection: AnyMailbox, message: Message) -> None:
    _uid(message)
    connection.select(message.folder.name, uidvalidity=message.uidvalidity)


def _uid(message: Message) -> int:
    if message.uid is None:
        raise GiveUp(Reason.GONE, "The message is being moved. Try again in a moment.")
    return message.uid

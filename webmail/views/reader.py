"""A conversation made ready for the reader."""

from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from django.conf import settings

from accounts.pictures import domain_key
from webmail.mime.findings import is_explained
from webmail.mime.headers import display_text
from webmail.mime.parts import Part, choose
from webmail.mime.preview import label_of, preview_of
from webmail.models import Conversation, Message, SpecialUse, Unsubscribed
from webmail.models.prepared import Prepared, Slot
from webmail.outbox.answering import answers_more
from webmail.outbox.unsubscribe import Key

from . import senders
from .people import full_name, names_line, pairs
from .when import Clock

ASIDE = (SpecialUse.TRASH, SpecialUse.JUNK)
# A runaway thread is shown from its newest end.
MOST_CARDS = 200
Lists = dict[Key, Unsubscribed]
# Read messages that stand side by side are folded into one line from this many on.
LEAST_TUCKED = 3
# Of the files of one message; the rest come with its source.
MOST_FILES = 200
# A picture that is larger is fetched when it is opened, not to be shown small.
LARGEST_THUMBNAIL = 700_000
SHOWN = Prepared(
    lambda: (
        Message.objects.filter(conversation_id=Slot("conversation"), shown_in__isnull=False)
        .select_related("shown_in", "sender_check")
        .defer("references")
        .order_by("-internaldate", "-id")[: MOST_CARDS * 2]
    )
)


@dataclass(slots=True)
class Attachment:
    """``label`` is its kind in a word; ``kind`` how it can be looked at; ``thumbnail`` whether a small picture is shown."""

    section: str
    name: str
    type: str
    size: str
    icon: str
    label: str
    kind: str
    thumbnail: bool


@dataclass(slots=True)
class Card:
    message: Message
    sender: str
    address: str
    initial: str
    hue: int
    to: str
    lines: list[tuple[str, list[tuple[str, str]]]]
    short: str
    full: str
    iso: str
    preview: str
    open: bool
    mine: bool
    elsewhere: str
    explained: bool
    checked: senders.Shown
    pictures: bool
    picture_domain: str
    more_files: int = 0
    attachments: list[Attachment] = field(default_factory=list)
    to_all: bool = False  # there is somebody else to answer
    to_list: bool = False  # a list brought it that may be written to


@dataclass(frozen=True, slots=True)
class Group:
    """Cards that stand side by side; ``tucked`` away behind one line."""

    cards: list[Card]
    tucked: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """``messages`` oldest first, each once; ``here`` is what stands in the place itself, copies and all."""

    messages: list[Message]
    here: list[Message]
    more: bool = False  # older ones are left out

    @property
    def unread(self) -> list[int]:
        """Ids of what is read by looking at it: a copy that is not shown has been read with the one that is."""
        return sorted({message.pk for message in self.messages + self.here if not message.seen})


def shown(conversation: Conversation, here: frozenset[int]) -> Shown:
    """What stands in the folders ``here``, and what stands elsewhere but in Trash or Junk."""
    found = SHOWN(conversation=conversation.pk)
    found.sort(key=lambda message: message.shown_in_id not in here)
    best: dict[int, Message] = {}
    for message in found:
        aside = message.shown_in is not None and message.shown_in.special_use in ASIDE
        if message.shown_in_id in here or not aside:
            best.setdefault(message.message_key, message)
    messages = sorted(best.values(), key=lambda message: (message.internaldate, message.pk))
    more = len(messages) > MOST_CARDS or len(found) == MOST_CARDS * 2
    return Shown(messages[-MOST_CARDS:], [message for message in found if message.shown_in_id in here], more)


def cards(messages: list[Message], here: frozenset[int], own: frozenset[str], clock: Clock, lists: Lists) -> list[Card]:
    last = messages[-1].pk if messages else 0
    return [
        card(message, here, own, clock, is_open=not message.seen or message.pk == last, lists=lists)
        for message in messages
    ]


def groups(found: list[Card], *, newest_first: bool = False) -> list[Group]:
    """``found`` as :func:`cards` makes them, in the order they are shown in; of many read ones in a row the first and
    the last stay in sight.
    """
    ordered = found[::-1] if newest_first else found
    grouped: list[Group] = []
    for is_open, run in groupby(ordered, key=lambda each: each.open):
        side_by_side = list(run)
        inner = side_by_side[1:-1]
        if is_open or len(inner) < LEAST_TUCKED:
            grouped.append(Group(side_by_side))
        else:
            grouped += [Group(side_by_side[:1]), Group(inner, tucked=True), Group(side_by_side[-1:])]
    return grouped


def card(
    message: Message,
    here: frozenset[int],
    own: frozenset[str],
    clock: Clock,
    *,
    is_open: bool,
    lists: Lists | None = None,
) -> Card:
    """``lists``: those that were left."""
    sender = full_name(message.from_name, message.from_address)
    recipients: dict[str, Any] = message.recipients if isinstance(message.recipients, dict) else {}
    everyone = pairs(recipients.get("to")) + pairs(recipients.get("cc"))
    when = clock.label(message.date or message.internaldate)
    root = Part.from_json(message.structure)
    files = choose(root).attachments if message.has_attachment or is_open else []
    elsewhere = message.shown_in is not None and message.shown_in_id not in here
    return Card(
        message=message,
        sender=sender,
        address=display_text(message.from_address),
        initial=next((char for char in sender if char.isalnum()), "?").upper(),
        hue=sum(message.from_address.lower().encode()) * 47 % 360,
        to=names_line(everyone, own) or "(nobody)",
        lines=[
            (label, [(display_text(name), display_text(address)) for name, address in pairs(recipients.get(key))])
            for label, key in (("Reply to", "reply_to"), ("To", "to"), ("Cc", "cc"), ("Bcc", "bcc"))
            if pairs(recipients.get(key))
        ],
        short=clock.long(message.date or message.internaldate),
        full=when.full,
        iso=when.iso,
        preview=display_text(message.preview),
        open=is_open,
        mine=message.from_address.lower() in own,
        elsewhere=display_text(message.shown_in.title) if elsewhere and message.shown_in is not None else "",
        explained=is_explained(root),
        checked=senders.shown(message, clock, lists or {}, mine=message.from_address.lower() in own),
        attachments=[attachment_of(part) for part in files[:MOST_FILES]],
        pictures=settings.IMAGE_PROXY,
        picture_domain=domain_key(message.from_address)[1:],
        more_files=max(0, len(files) - MOST_FILES),
        to_all=answers_more(message, set(own)),
        to_list=_to_list(message, own, everyone),
    )


def _to_list(message: Message, own: frozenset[str], everyone: list[tuple[str, str]]) -> bool:
    """As its header says; while that is not known, whether it names nobody here: a list brought it, or a blind copy."""
    if senders.is_known(message):
        return bool(senders.mailing_of(message).post)
    return bool(everyone) and own.isdisjoint({message.from_address.lower(), *(each.lower() for _, each in everyone)})


def attachment_of(part: Part) -> Attachment:
    kind = preview_of(part).kind
    return Attachment(
        section=part.section,
        name=display_text(part.filename) or _nameless(part),
        type=part.type,
        size=human_size(_decoded_size(part)),
        icon=ICONS.get(kind) or _icon(part.type),
        label=label_of(part),
        kind=kind,
        thumbnail=kind == "picture" and part.size <= LARGEST_THUMBNAIL,
    )


ICONS = {
    "picture": "file-image",
    "audio": "file-audio",
    "video": "file-video",
    "mail": "mail",
    "table": "file-spreadsheet",
}
NAMELESS = {
    "message/rfc822": "Message.eml",
    "message/global": "Message.eml",
    "message/delivery-status": "Delivery report.txt",
    "message/disposition-notification": "Receipt.txt",
    "message/feedback-report": "Complaint.txt",
    "text/rfc822-headers": "Headers.txt",
    "text/calendar": "Invitation.ics",
    "text/vcard": "Card.vcf",
    "text/x-vcard": "Card.vcf",
    "text/directory": "Card.vcf",
    "application/pgp-signature": "signature.asc",
}


def _nameless(part: Part) -> str:
    return NAMELESS.get(part.type, f"Part {part.section}")


def _decoded_size(part: Part) -> int:
    return part.size * 3 // 4 if part.encoding.lower() == "base64" else part.size


def human_size(octets: int) -> str:
    if octets < 1000:
        return f"{octets} B"
    if octets < 999_500:
        return f"{octets / 1000:.0f} kB"
    return f"{octets / 1_000_000:.1f} MB"


def _icon(kind: str) -> str:
    main, _, sub = kind.partition("/")
    if "zip" in sub or "compressed" in sub or sub in {"x-tar", "gzip"}:
        return "file-archive"
    if "sheet" in sub or "excel" in sub or sub == "csv":
        return "file-spreadsheet"
    return "file-text" if main == "text" or sub in {"pdf", "msword"} or "document" in sub else "file"

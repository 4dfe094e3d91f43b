"""What a message holds beside its text: reports in words, invitations, business cards, enclosed mail, packed files."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from webmail.errors import GiveUp, MailError, Reason
from webmail.mime import findings, invitation, pkcs7, report, vcard
from webmail.mime.charset import decode_charset
from webmail.mime.findings import remarks
from webmail.mime.headers import addresses, decode, display_text, first, parse_date, parse_header_block
from webmail.mime.parts import Part, choose
from webmail.mime.text import preview
from webmail.mime.unpack import graft, kind_of
from webmail.models import InvitationAnswer, Message
from webmail.outbox.invitation import GIVEN, answers_to
from webmail.sync import bodies
from webmail.sync.rendering import way

from .people import full_name
from .reader import Attachment, attachment_of
from .when import Clock

LARGEST = 2_000_000  # octets of a part that is explained
ENCLOSED_SHOWN = 20
METHODS = {
    "REQUEST": "Invitation",
    "CANCEL": "Cancelled",
    "REPLY": "Answer to an invitation",
    "COUNTER": "Proposal of another time",
    "DECLINECOUNTER": "Proposal declined",
    "REFRESH": "Request for the current version",
    "ADD": "Additional date",
    "PUBLISH": "Calendar entry",
}
STATUSES = {
    "accepted": "accepted",
    "declined": "declined",
    "tentative": "accepted tentatively",
    "delegated": "delegated",
    "needs-action": "has not answered",
}


@dataclass(slots=True)
class Enclosed:
    """A message inside the message."""

    section: str
    sender: str
    subject: str
    when: str
    full: str


@dataclass(slots=True)
class Entry:
    """An event as a page shows it; ``given`` is what was answered, ``answerable`` whether it can be."""

    title: str
    event: invitation.Event
    when: str
    original: str
    description: str
    guests: list[tuple[str, str]]
    reply: str
    answerable: bool
    given: InvitationAnswer | None
    outcome: str
    section: str
    index: int
    link: str = ""


@dataclass(slots=True)
class Findings:
    reports: list[report.Report] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    cards: list[tuple[str, vcard.BusinessCard]] = field(default_factory=list)
    enclosed: list[Enclosed] = field(default_factory=list)
    packed: list[tuple[str, list[Attachment]]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def find(message: Message, clock: Clock) -> Findings:
    """Everything there is to say. What cannot be fetched or read is said too; nothing here raises MailError."""
    root = bodies.structure(message)
    found = Findings(remarks=remarks(root))
    parts = findings.explained(root)
    _reports(message, found, [part for part in parts if findings.kind(part) == "report"])
    _entries(message, found, [part for part in parts if findings.kind(part) == "calendar"], clock)
    for part in parts:
        kind = findings.kind(part)
        if kind == "vcard" and (data := _content(message, part, found)) is not None:
            found.cards += [(part.section, card) for card in vcard.read(data, part.charset)]
        elif kind in {"tnef", "smime"}:
            _packed(message, found, part, kind)
    _enclosed(message, found, [part for part in parts if findings.kind(part) == "message"], clock)
    return found


def _content(message: Message, part: Part, found: Findings) -> bytes | None:
    if part.size > LARGEST:
        return None
    try:
        return bodies.content(message, part)
    except MailError as error:
        found.remarks.append(error.sentence)
        return None


def _reports(message: Message, found: Findings, parts: list[Part]) -> None:
    for part in parts:
        data = _content(message, part, found)
        told = report.READERS[part.type](data) if data is not None else None
        if told is not None:
            found.reports.append(told)


def _packed(message: Message, found: Findings, part: Part, kind: str) -> None:
    try:
        inside = bodies.unpacked(message, part)
        wrapped = pkcs7.unwrap(bodies.content(message, part)).kind if kind == "smime" and inside is None else "signed"
    except MailError as error:
        found.remarks.append(error.sentence)
        return
    if kind == "smime":
        if wrapped == "signed":
            found.remarks.append("This message was signed with S/MIME. The signature has not been checked.")
        elif wrapped == "encrypted":
            found.remarks.append(
                "This message is encrypted with S/MIME. It can be read only with the key it was written to."
            )
        else:
            found.remarks.append("This message is wrapped in S/MIME in a way that cannot be unwrapped here.")
    if inside is not None:
        files = [attachment_of(each) for each in choose(graft(part, inside)).attachments]
        if files:
            found.packed.append((display_text(part.filename) or "the wrapping", files))


def _enclosed(message: Message, found: Findings, parts: list[Part], clock: Clock) -> None:
    shown = parts[:ENCLOSED_SHOWN]
    plain = [part.section for part in shown if not kind_of(part)]
    try:
        headers = bodies.enclosed_headers(message, plain) if plain else {}
        for part in shown:
            header = headers[part.section] if part.section in headers else bodies.enclosed(message, part.section)[0]
            found.enclosed.append(enclosed_card(part.section, header, clock))
    except MailError as error:
        found.remarks.append(error.sentence)
    if len(parts) > len(shown):
        found.remarks.append(f"{len(parts) - len(shown)} more messages are inside; they are among the attachments.")


def is_message(part: Part) -> bool:
    return findings.kind(part) == "message"


def enclosed_card(section: str, header: bytes, clock: Clock) -> Enclosed:
    fields = parse_header_block(header)
    people = addresses(first(fields, "from"))
    moment = parse_date(first(fields, "date"))
    when = clock.label(moment).full if moment else ""
    return Enclosed(
        section=section,
        sender=full_name(people[0].name, people[0].address) if people else "(unknown sender)",
        subject=display_text(decode(first(fields, "subject"))) or "(no subject)",
        when=clock.long(moment) if moment else "",
        full=when,
    )


def calendar_text(message: Message, section: str) -> tuple[Part, str]:
    """Raise GiveUp if the part is no calendar of a size that is read."""
    part = bodies.find_part(message, section)
    if findings.kind(part) != "calendar" or part.size > LARGEST:
        raise GiveUp(Reason.GONE, "The message has no such invitation.")
    return part, decode_charset(bodies.content(message, part), part.charset)


def read_calendar(message: Message, part: Part, text: str) -> invitation.Invitation | None:
    return invitation.read(text, part.params.get("method", ""))


def _entries(message: Message, found: Findings, parts: list[Part], clock: Clock) -> None:
    read: list[tuple[Part, invitation.Invitation]] = []
    for part in parts:
        data = _content(message, part, found)
        calendar = read_calendar(message, part, decode_charset(data, part.charset)) if data is not None else None
        # The same calendar stands twice in most invitations: as a form of the text and as a file.
        if calendar is not None and calendar not in [other for _, other in read]:
            read.append((part, calendar))
    given = answers_to(message, [event for _, calendar in read for event in calendar.events])
    for part, calendar in read:
        for index, event in enumerate(calendar.events):
            answer = given.get((event.uid, event.recurrence_id))
            found.entries.append(_entry((part.section, index), calendar.method, event, answer, clock))
        if calendar.more:
            found.remarks.append(f"The calendar holds {calendar.more} more entries; download it to see them.")


def _entry(
    place: tuple[str, int], method: str, event: invitation.Event, answer: InvitationAnswer | None, clock: Clock
) -> Entry:
    cancelled = method == "CANCEL" or event.status == "CANCELLED"
    outgoing = answer.outgoing if answer is not None else None
    stands = answer is not None and outgoing is not None and outgoing.state in GIVEN and not outgoing.discarded
    return Entry(
        title=METHODS["CANCEL" if cancelled else method],
        event=event,
        when=span(event, clock),
        original=_original(event, clock),
        description=preview(event.description, 1_000) if event.description else "",
        guests=[
            (
                full_name(guest.name, guest.address),
                STATUSES.get(guest.status, "") or ("optional" if guest.optional else ""),
            )
            for guest in event.guests
        ],
        reply=_reply(event) if method == "REPLY" else "",
        answerable=method == "REQUEST" and not cancelled and event.organizer is not None and bool(event.uid),
        given=answer if stands else None,
        outcome=_outcome(event, answer) if answer is not None and stands else "",
        section=place[0],
        index=place[1],
        link=(way(event.link) or "") if event.link else "",
    )


def _outcome(event: invitation.Event, answer: InvitationAnswer) -> str:
    words = {"accepted": "You accepted", "tentative": "You accepted tentatively", "declined": "You declined"}
    older = " an earlier version of this" if answer.sequence < event.sequence else ""
    return f"{words[answer.choice]}{older}."


def _reply(event: invitation.Event) -> str:
    if not event.guests:
        return ""
    guest = event.guests[0]
    return f"{full_name(guest.name, guest.address)} {STATUSES.get(guest.status, 'answered')}."


def span(event: invitation.Event, clock: Clock) -> str:
    """When, in the person's zone: one day or one evening is not told twice."""
    if event.start is None:
        return "No time given"
    if event.all_day:
        last = event.end - timedelta(days=1) if isinstance(event.end, date) else event.start
        first_day = _day(event.start)
        return first_day if last <= event.start else f"{first_day} – {_day(last)}"
    start = _local(event.start, clock)
    if not isinstance(event.end, datetime):
        return f"{_day(start)}, {start:%H:%M}{_floating(event.start)}"
    end = _local(event.end, clock)
    until = f"{end:%H:%M}" if end.date() == start.date() else f"{_day(end)}, {end:%H:%M}"
    return f"{_day(start)}, {start:%H:%M} – {until}{_floating(event.start)}"


def _local(moment: date, clock: Clock) -> datetime:
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001 - a day has no zone
    try:
        return moment.astimezone(clock.zone) if moment.tzinfo else moment
    except (OverflowError, ValueError):
        return moment


def _day(moment: date) -> str:
    return f"{moment:%A}, {moment.day} {moment:%B} {moment.year}"


def _floating(moment: date) -> str:
    return "" if not isinstance(moment, datetime) or moment.tzinfo else " (local time wherever you are)"


def _original(event: invitation.Event, clock: Clock) -> str:
    """The time where the event was planned, if the clock shows another there."""
    start = event.start
    if not isinstance(start, datetime) or start.tzinfo is None:
        return ""
    local = _local(start, clock)
    if start.utcoffset() == local.utcoffset() or not start.utcoffset():
        return ""
    zone = str(getattr(start.tzinfo, "key", "") or "")
    return f"{start:%H:%M} {display_text(zone.replace('_', ' '))[:60] or 'where it was planned'}"

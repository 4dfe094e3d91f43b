"""Invitations and other calendar entries in mail (RFC 5545, RFC 5546, RFC 6047), and the answer to them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from webmail.mime.charset import storable
from webmail.mime.headers import Address, display_text
from webmail.mime.recurrence import in_words

if TYPE_CHECKING:
    from icalendar.cal.component import Component

LARGEST = 512_000
EVENTS_SHOWN = 20
PEOPLE_SHOWN = 200
_LINE = re.compile(r"\r\n|\r|\n")
_CONTENT_LINE = re.compile(r"[A-Za-z0-9-]+(?:;[^\x00-\x08\x0a-\x1f]*)?:", re.DOTALL)
_NESTING = 4
_MAILTO = re.compile(r"mailto:", re.IGNORECASE)
_COMPONENTS = ("VEVENT", "VTODO", "VJOURNAL")
METHODS = frozenset({"REQUEST", "CANCEL", "REPLY", "PUBLISH", "COUNTER", "DECLINECOUNTER", "ADD", "REFRESH"})
ANSWERS = {"accepted": "ACCEPTED", "tentative": "TENTATIVE", "declined": "DECLINED"}


@dataclass(frozen=True, slots=True)
class Guest:
    name: str
    address: str
    status: str = ""  # PARTSTAT in lower case
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """One entry. Times are aware, or dates where the entry is for whole days, or naive where it names no zone.

    ``end`` is exclusive, as written. ``recurrence_id`` names the one meeting of a series that this is about.
    """

    uid: str
    summary: str
    start: datetime | date | None
    end: datetime | date | None
    location: str = ""
    link: str = ""
    description: str = ""
    organizer: Guest | None = None
    guests: list[Guest] = field(default_factory=list)
    repeats: str = ""
    status: str = ""
    sequence: int = 0
    recurrence_id: str = ""
    kind: str = "VEVENT"

    @property
    def all_day(self) -> bool:
        return self.start is not None and not isinstance(self.start, datetime)


@dataclass(frozen=True, slots=True)
class Invitation:
    """``method`` is that of RFC 5546 in upper case, PUBLISH where none is named."""

    method: str
    events: list[Event]
    more: int = 0


def read(data: str, method: str = "") -> Invitation | None:
    """The entries of a text/calendar part; None when there is none that can be read. Never raises.

    ``method`` is the parameter of the part, which counts where the calendar itself names none.
    """
    calendar = _parsed(data)
    if calendar is None:
        return None
    found = [each for each in _walk(calendar) if each.name in _COMPONENTS]
    try:
        events = [_event(each) for each in found[:EVENTS_SHOWN]]
    except Exception:  # the library's values fail in ways of their own when they are looked at
        return None
    if not events:
        return None
    named = (_string(calendar, "METHOD", 40) or method).upper()
    return Invitation(named if named in METHODS else "PUBLISH", events, len(found) - len(events))


def _parsed(data: str) -> Component | None:
    """The calendar of ``data`` without the lines that are none, which would spoil the rest."""
    text = storable(data[:LARGEST])
    start = text.upper().find("BEGIN:VCALENDAR")
    if start < 0:
        return None
    # Loaded here: most mail holds no invitation, and the library takes a quarter of a second.
    from icalendar import Calendar  # noqa: PLC0415

    try:
        found = Calendar.from_ical("\r\n".join(_balanced(_unfolded(text[start:]))) + "\r\n", multiple=True)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError, OverflowError, OSError):
        return None
    return found[0] if found else None


def _unfolded(text: str) -> list[str]:
    lines: list[list[str]] = []
    for line in _LINE.split(text):
        if line[:1] in {" ", "\t"} and lines:
            lines[-1].append(line[1:])
        else:
            lines.append([line])
    return ["".join(pieces) for pieces in lines]


def _balanced(lines: list[str]) -> list[str]:
    """Content lines alone, every component ended, up to the end of the first calendar; nothing nests deeper than four."""
    out: list[str] = []
    open_: list[str] = []
    skipped = 0
    for line in lines:
        if _CONTENT_LINE.match(line) is None:
            continue
        name, _, value = line.partition(":")
        what, value = name.upper(), value.strip().upper()
        if what == "BEGIN":
            if skipped or len(open_) >= _NESTING:
                skipped += 1
                continue
            open_.append(value)
        elif what == "END":
            if skipped:
                skipped -= 1
                continue
            if value not in open_:
                continue
            while open_[-1] != value:
                out.append(f"END:{open_.pop()}")
            open_.pop()
        elif skipped:
            continue
        out.append(line)
        if not open_:
            break
    return out + [f"END:{name}" for name in reversed(open_)]


def _walk(calendar: Component) -> list[Component]:
    return [calendar, *calendar.subcomponents]


def _one(component: Component, name: str) -> Any:
    value = component.get(name)
    return value[0] if isinstance(value, list) and value else value


def _string(component: Component, name: str, limit: int) -> str:
    value = _one(component, name)
    return storable(str(value))[:limit].strip() if value is not None else ""


def _value(component: Component, name: str) -> Any:
    """The date, instant or length of time of a property; None for one that is broken."""
    try:
        return getattr(_one(component, name), "dt", None)
    except ValueError:
        return None


def _moment(component: Component, name: str) -> datetime | date | None:
    value = _value(component, name)
    if not isinstance(value, date):
        return None
    try:
        # A zone may still refuse the instant at the edges of the calendar.
        return value.astimezone(UTC) and value if isinstance(value, datetime) and value.tzinfo else value
    except (OverflowError, ValueError, OSError):
        return None


def _end(component: Component, start: datetime | date | None) -> datetime | date | None:
    end = _moment(component, "DTEND") or _moment(component, "DUE")
    if end is not None or start is None:
        return end
    length = _value(component, "DURATION")
    try:
        return start + length if isinstance(length, timedelta) else None
    except OverflowError:
        return None


def _event(component: Component) -> Event:
    start = _moment(component, "DTSTART")
    attendees = component.get("ATTENDEE") or []
    attendees = attendees if isinstance(attendees, list) else [attendees]
    people = [guest for each in attendees[:PEOPLE_SHOWN] if (guest := _guest(each)) is not None]
    organizer = _guest(_one(component, "ORGANIZER"))
    recurrence = _one(component, "RECURRENCE-ID")
    sequence = _one(component, "SEQUENCE")
    return Event(
        uid=_string(component, "UID", 500),
        summary=display_text(_string(component, "SUMMARY", 500)),
        start=start,
        end=_end(component, start),
        location=display_text(_string(component, "LOCATION", 1_000)),
        link=_link(component),
        description=_string(component, "DESCRIPTION", 20_000),
        organizer=organizer,
        guests=people,
        repeats=in_words(_one(component, "RRULE")),
        status=_string(component, "STATUS", 40).upper(),
        sequence=sequence if isinstance(sequence, int) and 0 <= sequence < 2**31 else 0,
        recurrence_id=_written(recurrence)[:100],
        kind=str(component.name),
    )


def _written(value: Any) -> str:
    """A property's value as it stood, or ""."""
    if value is None:
        return ""
    try:
        raw = value.to_ical()
        return storable(raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw))
    except (AttributeError, ValueError, TypeError):
        return ""


def _guest(value: Any) -> Guest | None:
    if value is None:
        return None
    address = _MAILTO.sub("", storable(str(value)), count=1).strip()
    params = getattr(value, "params", {})
    name = storable(str(params.get("CN", ""))).strip().strip('"')
    if not address and not name:
        return None
    return Guest(
        display_text(name)[:200],
        display_text(address)[:320],
        str(params.get("PARTSTAT", "")).lower()[:40],
        optional=str(params.get("ROLE", "")).upper() in {"OPT-PARTICIPANT", "NON-PARTICIPANT"},
    )


_MEETING_LINKS = ("X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL", "CONFERENCE", "URL")


def _link(component: Component) -> str:
    """The address of an online meeting, if it is one of the web."""
    for name in _MEETING_LINKS:
        value = _string(component, name, 2_000)
        if re.fullmatch(r"https?://[^\s<>\"']{1,1990}", value, re.IGNORECASE):
            return value
    return ""


def answer(data: str, event: Event, guest: Address, choice: str, *, now: datetime) -> bytes:
    """The iMIP reply of ``guest`` to ``event`` of the calendar ``data`` (RFC 5546 section 3.2.3); CRLF, UTF-8.

    ``choice`` is accepted, tentative or declined. Raises ValueError for another, and when the event is not in ``data``
    or nobody organises it.
    """
    from icalendar import Calendar, vBroken, vCalAddress  # noqa: PLC0415
    from icalendar import Event as Entry  # noqa: PLC0415

    calendar = _parsed(data)
    entries = [] if calendar is None else [each for each in _walk(calendar) if each.name == "VEVENT"]
    for source in entries:
        found = _event(source)
        if (found.uid, found.recurrence_id) == (event.uid, event.recurrence_id) and found.organizer is not None:
            break
    else:
        raise ValueError("no such event, or nobody to answer")
    entry = Entry()
    for name in ("UID", "RECURRENCE-ID", "DTSTART", "DTEND", "DURATION", "SUMMARY", "ORGANIZER"):
        value = _one(source, name)
        if value is not None and not isinstance(value, vBroken):
            entry.add(name, value, encode=False)
    entry.add("SEQUENCE", found.sequence)
    entry.add("DTSTAMP", now.astimezone(UTC).replace(microsecond=0))
    attendee = vCalAddress(f"mailto:{guest.address}")
    attendee.params["PARTSTAT"] = ANSWERS[choice] if choice in ANSWERS else _refuse(choice)
    if guest.name:
        attendee.params["CN"] = re.sub(r'["\x00-\x1f\x7f]', "", guest.name)
    entry.add("ATTENDEE", attendee, encode=False)
    reply = Calendar()
    reply.add("PRODID", "-//webmail//EN")
    reply.add("VERSION", "2.0")
    reply.add("METHOD", "REPLY")
    zones = [] if calendar is None else [each for each in _walk(calendar) if each.name == "VTIMEZONE"]
    for zone in zones[:10]:
        reply.add_component(zone)
    reply.add_component(entry)
    return bytes(reply.to_ical())


def _refuse(choice: str) -> str:
    raise ValueError(f"no answer: {choice}")

"""What a person typed, understood: words, phrases, fields, filters. Pure, and never raises.

Words stand in a list of alternatives each (``a b OR c`` is a and (b or c)); filters are judged on the message's row.
"""

import re
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Literal

from webmail.mime.folding import first_words, is_unspaced

LONGEST = 300
MOST_TERMS = 24
WORDS_PER_TERM = 12
FIELDS: dict[str, str] = {
    "from": "sender",
    "to": "recipients",
    "cc": "recipients",
    "bcc": "recipients",
    "subject": "subject",
}
FLAGS = {
    "unread": ("seen", False),
    "read": ("seen", True),
    "seen": ("seen", True),
    "unseen": ("seen", False),
    "flagged": ("flagged", True),
    "starred": ("flagged", True),
    "unflagged": ("flagged", False),
    "answered": ("answered", True),
    "replied": ("answered", True),
    "unanswered": ("answered", False),
    "draft": ("draft", True),
}
HAS = frozenset({"attachment", "attachments"})
OPERATORS = (
    "from", "to", "cc", "bcc", "subject", "has", "is", "in", "account",
    "before", "after", "on", "older_than", "newer_than", "larger", "smaller",
)  # fmt: skip
UNITS = {"": 1, "b": 1, "k": 1000, "kb": 1000, "m": 1_000_000, "mb": 1_000_000, "g": 1_000_000_000, "gb": 1_000_000_000}
DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}

Kind = Literal["flag", "attachment", "folder", "account", "since", "until", "day", "larger", "smaller"]
_PIECE = re.compile(r'-?[A-Za-z_]+:"[^"]*"?|-?"[^"]*"?|\S+')
_OPERATOR = re.compile(r"(-?)([A-Za-z_]+):(.*)\Z", re.DOTALL)
_SIZE = re.compile(r"(\d{1,9}(?:[.,]\d{1,3})?)([a-z]{0,2})\Z", re.ASCII)
_AGE = re.compile(r"(\d{1,4})([dwmy])\Z", re.ASCII)
_DAY = re.compile(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Term:
    """Words that follow one another, in one field or anywhere. ``prefix``: the last may go on; ``literal`` as typed."""

    words: tuple[str, ...]
    field: str = ""
    prefix: bool = False
    negated: bool = False
    literal: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """``value``: (column, bool) of a flag, a date or two, octets, or the name of a folder or account as typed."""

    kind: Kind
    value: object
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Chip:
    """A piece of the query that stands for itself; without it the query is ``rest``."""

    text: str
    rest: str


@dataclass(frozen=True)
class Query:
    """``alternatives``: each list has to hold, by any one of its terms. ``problems``: sentences for the person."""

    text: str
    alternatives: tuple[tuple[Term, ...], ...] = ()
    filters: tuple[Filter, ...] = ()
    chips: tuple[Chip, ...] = ()
    problems: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.alternatives or self.filters)

    @property
    def terms(self) -> list[Term]:
        """What a hit holds: the terms that are not excluded."""
        return [term for group in self.alternatives for term in group if not term.negated]

    def of(self, *kinds: str) -> list[Filter]:
        return [each for each in self.filters if each.kind in kinds]


@dataclass(slots=True)
class _Reading:
    """A query being read."""

    today: date
    groups: list[list[Term]] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    joined: bool = False  # OR came last

    def add(self, term: Term) -> None:
        if not term.words:
            return
        if sum(map(len, self.groups)) >= MOST_TERMS:
            self.say(f"Only the first {MOST_TERMS} words are searched for.")
        elif self.joined and self.groups:
            self.groups[-1].append(term)
        else:
            self.groups.append([term])
        self.joined = False

    def say(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


def parse(text: str, today: date) -> Query:
    """``today`` in the person's time zone."""
    text = " ".join(text.replace("\0", " ").split())
    reading = _Reading(today)
    if len(text) > LONGEST:
        text = text[:LONGEST]
        reading.say(f"Only the first {LONGEST} characters are searched for.")
    found = list(_PIECE.finditer(text))
    chips = [
        Chip(piece[0], " ".join((text[: piece.start()] + text[piece.end() :]).split()))
        for piece in found
        if _read(reading, piece[0], last=piece.end() == len(text))
    ]
    if reading.joined:
        reading.say("OR stands between two words.")
    return Query(
        text,
        tuple(tuple(group) for group in reading.groups),
        tuple(reading.filters),
        tuple(chips),
        tuple(reading.problems),
    )


def _read(reading: _Reading, piece: str, *, last: bool) -> bool:
    """Take one piece in; True if it is an operator that was understood."""
    if piece == "OR":
        reading.joined = True
        return False
    operator = _OPERATOR.match(piece)
    if operator is not None and not operator[3].startswith("//"):
        return _operate(reading, operator[2].lower(), operator[3], bool(operator[1]))
    negated = len(piece) > 1 and piece.startswith("-")
    literal = piece[1:] if negated else piece
    reading.add(_term(literal, "", negated=negated, prefix=last and '"' not in literal))
    return False


def _term(value: str, column: str, *, negated: bool, prefix: bool) -> Term:
    found = first_words(value, WORDS_PER_TERM)
    # One letter would stand for a part of the whole alphabet; a character of a script without blanks is a word already.
    prefix = prefix and bool(found) and len(found[-1]) > 1 and not is_unspaced(found[-1])
    return Term(tuple(found), column, prefix, negated, value.replace('"', " ").strip())


def _operate(reading: _Reading, name: str, value: str, negated: bool) -> bool:
    quoted = '"' in value
    value = value.replace('"', " ").strip()
    if name not in OPERATORS:
        reading.say(f"“{name}:” is not known here; its words were searched for.")
        reading.add(_term(f"{name} {value}", "", negated=negated, prefix=False))
        return False
    if not value:
        reading.say(f"“{name}:” needs something after the colon.")
        return False
    if name in FIELDS:
        term = _term(value, FIELDS[name], negated=negated, prefix=not quoted)
        if not term.words:
            reading.say(f"“{value}” holds nothing that can be searched for.")
            return False
        reading.add(term)
        return True
    if reading.joined:
        reading.say("OR joins words, not filters; all filters have to fit.")
        reading.joined = False
    made = _filter(name, value, reading.today)
    if isinstance(made, str):
        reading.say(made)
        return False
    reading.filters.append(replace(made, negated=negated))
    return True


def _filter(name: str, value: str, today: date) -> Filter | str:  # noqa: PLR0911 - one for each kind
    """What an operator asks for, or what is wrong with it."""
    lower = value.lower()
    if name == "is":
        return Filter("flag", FLAGS[lower]) if lower in FLAGS else f"“is:{value}” is not known: {_list(FLAGS)}."
    if name == "has":
        return Filter("attachment", True) if lower in HAS else f"“has:{value}” is not known: has:attachment."
    if name == "in":
        return Filter("folder", value)
    if name == "account":
        return Filter("account", value)
    if name in {"larger", "smaller"}:
        octets = _octets(lower)
        wrong = f"“{value}” is no size; write 500k or 5M."
        return wrong if octets is None else Filter("larger" if name == "larger" else "smaller", octets)
    if name in {"older_than", "newer_than"}:
        age = _AGE.match(lower)
        if age is None:
            return f"“{value}” is no length of time; write 7d, 2w, 3m or 1y."
        day = _before(today, int(age[1]) * DAYS[age[2]])
        return Filter("until" if name == "older_than" else "since", day)
    days = _days(lower, today)
    if days is None:
        return f"“{value}” is no date; write 2026-11-22, 2026-11 or 2026."
    first, after = days
    if name == "before":
        return Filter("until", first)
    return Filter("since", first) if name == "after" else Filter("day", (first, after))


def _list(names: dict[str, tuple[str, bool]]) -> str:
    return ", ".join(f"is:{name}" for name in names if name in {"unread", "read", "flagged", "answered", "draft"})


def _octets(value: str) -> int | None:
    found = _SIZE.match(value)
    if found is None or found[2] not in UNITS:
        return None
    return int(float(found[1].replace(",", ".")) * UNITS[found[2]])


def _before(today: date, days: int) -> date:
    return date.min + timedelta(days=max(0, today.toordinal() - 1 - days))


def _days(value: str, today: date) -> tuple[date, date] | None:
    """The first day that is meant, and the first after it."""
    if value in {"today", "yesterday"}:
        first = _before(today, int(value == "yesterday"))
        return first, first + timedelta(days=1)
    found = _DAY.match(value)
    if found is None:
        return None
    year, month, day = int(found[1]), int(found[2] or 1), int(found[3] or 1)
    try:
        first = date(year, month, day)
        if found[3]:
            return first, first + timedelta(days=1)
        if found[2]:
            return first, date(year + month // 12, month % 12 + 1, 1)
        return first, date(year + 1, 1, 1)
    except (ValueError, OverflowError):
        return None

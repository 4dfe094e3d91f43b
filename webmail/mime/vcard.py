"""Business cards in mail (vCard 2.1, RFC 2426, RFC 6350) as what a person reads of them."""

import re
from dataclasses import dataclass, field

from webmail.mime.charset import storable
from webmail.mime.headers import display_text
from webmail.mime.vcard_lines import Property, cards, decoded, fields, unescape

LARGEST = 1_000_000
CARDS_SHOWN = 50
_LINES_READ = 20_000
_LINES_SHOWN = 30
_SCHEME = re.compile(r"^(?:mailto|tel):", re.IGNORECASE)
_LABELS = {
    "EMAIL": "Mail",
    "TEL": "Telephone",
    "ADR": "Address",
    "URL": "Web",
    "BDAY": "Birthday",
    "TITLE": "Title",
    "ROLE": "Role",
    "NOTE": "Note",
    "IMPP": "Chat",
}


@dataclass(frozen=True, slots=True)
class BusinessCard:
    """``lines`` are labels and values in order; all fit for a page."""

    name: str
    organisation: str = ""
    lines: list[tuple[str, str]] = field(default_factory=list)


def read(data: bytes, charset: str = "") -> list[BusinessCard]:
    """The cards of a text/vcard part, at most 50. Never raises."""
    found: list[BusinessCard] = []
    for properties in cards(decoded(data[:LARGEST], charset), _LINES_READ):
        found.append(_card(properties))
        if len(found) >= CARDS_SHOWN:
            break
    return found


def _plain(text: str) -> str:
    """One component as text on one line."""
    return display_text(storable(text)).strip()[:500]


def _joined(value: str, separator: str) -> str:
    return separator.join(filter(None, map(_plain, fields(value))))


def _card(properties: list[Property]) -> BusinessCard:
    by_name: dict[str, list[str]] = {}
    for each in properties:
        by_name.setdefault(each.name, []).append(each.value)
    first = {name: values[0] for name, values in by_name.items()}
    family, given, *_ = [*map(_plain, fields(first.get("N", ""))), "", ""]
    organisation = _joined(first.get("ORG", ""), ", ")
    lines: list[tuple[str, str]] = []
    for name, label in _LABELS.items():
        for value in by_name.get(name, [])[:10]:
            shown = _joined(value, ", ") if name == "ADR" else _plain(unescape(value))
            if shown := _SCHEME.sub("", shown):
                lines.append((label, shown))
    name = _plain(unescape(first.get("FN", ""))) or f"{given} {family}".strip() or organisation
    return BusinessCard(name or "Unnamed card", organisation, lines[:_LINES_SHOWN])

"""Business cards in mail (vCard 2.1, RFC 2426, RFC 6350) as what a person reads of them."""

import re
from dataclasses import dataclass, field

from webmail.mime.charset import decode_charset, storable
from webmail.mime.headers import display_text
from webmail.mime.transfer import decode_transfer

LARGEST = 1_000_000
CARDS_SHOWN = 50
_LINES_READ = 20_000
_LINES_SHOWN = 30
_LINE = re.compile(r"\r\n|\r|\n")
_PROPERTY = re.compile(
    r"(?:[\w-]{1,40}\.)?(?P<name>[A-Za-z-]{1,40})(?P<params>(?:;[^:\"]*(?:\"[^\"]*\"[^:\"]*)*)?):(?P<value>.*)",
    re.DOTALL,
)
_FIELD = re.compile(r"(?<!\\);")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
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
    text = decode_charset(data[:LARGEST], charset)
    cards: list[BusinessCard] = []
    properties: dict[str, list[str]] | None = None
    for line in _logical_lines(text):
        found = _PROPERTY.match(line)
        if found is None:
            continue
        name, value = found["name"].upper(), found["value"]
        if name in {"BEGIN", "END"}:
            if value.strip().upper() != "VCARD":
                continue
            if properties:
                cards.append(_card(properties))
            properties = {} if name == "BEGIN" else None
        elif properties is not None and len(cards) < CARDS_SHOWN:
            properties.setdefault(name, []).append(_decoded(found["params"].upper(), value))
    if properties:
        cards.append(_card(properties))
    return cards[:CARDS_SHOWN]


def _logical_lines(text: str) -> list[str]:
    """Lines unfolded, those of quoted-printable (vCard 2.1) by their soft ends too."""
    lines: list[list[str]] = []
    soft = False
    for line in _LINE.split(text, maxsplit=_LINES_READ)[:_LINES_READ]:
        if soft and lines:
            lines[-1].append("\n" + line)
        elif line[:1] in {" ", "\t"} and lines:
            lines[-1].append(line[1:])
        else:
            lines.append([line])
        soft = line.endswith("=") and "QUOTED-PRINTABLE" in lines[-1][0].upper()
    return ["".join(pieces) for pieces in lines]


def _decoded(params: str, value: str) -> str:
    if "QUOTED-PRINTABLE" not in params:
        return value
    charset = re.search(r"CHARSET=\"?([\w.:-]{1,40})", params)
    octets = decode_transfer(value.encode("utf-8", "replace"), "quoted-printable")
    return decode_charset(octets, charset[1].lower() if charset else "")


def _plain(value: str) -> str:
    """One component as text: escapes undone, on one line."""
    unescaped = _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], value)
    return display_text(storable(unescaped)).strip()[:500]


def _joined(value: str, separator: str) -> str:
    return separator.join(filter(None, map(_plain, _FIELD.split(value, maxsplit=20))))


def _card(properties: dict[str, list[str]]) -> BusinessCard:
    first = {name: values[0] for name, values in properties.items()}
    family, given, *_ = [*map(_plain, _FIELD.split(first.get("N", ""), maxsplit=20)), "", ""]
    organisation = _joined(first.get("ORG", ""), ", ")
    lines: list[tuple[str, str]] = []
    for name, label in _LABELS.items():
        for value in properties.get(name, [])[:10]:
            shown = _joined(value, ", ") if name == "ADR" else _plain(value)
            if shown := _SCHEME.sub("", shown):
                lines.append((label, shown))
    name = _plain(first.get("FN", "")) or f"{given} {family}".strip() or organisation
    return BusinessCard(name or "Unnamed card", organisation, lines[:_LINES_SHOWN])

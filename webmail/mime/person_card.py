"""A person as a vCard says them (RFC 6350, RFC 2426, vCard 2.1): read into fields and written again, nothing lost.

What has no field is kept as it stands and written again. Labels of one's own are those of Apple and Google: the property is
in a group with an X-ABLabel.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from webmail.mime.headers import display_text
from webmail.mime.vcard_lines import Property, cards, decoded, fields, listed, unescape

LARGEST = 10_000_000  # octets of a file
MOST_CARDS = 10_000
MOST_LINES = 1_000_000
MOST_EACH = 30  # addresses, numbers, …, of one person
MOST_CATEGORIES = 100
LONGEST_NOTE = 10_000
MOST_KEPT, LARGEST_KEPT = 100, 300_000
KINDS = {"home", "work", "mobile", "fax", "pager", "video", "text", "car", "main"}
_OTHER_NAMES = {"cell": "mobile", "iphone": "mobile"}
_SAYS_NOTHING = {"pref", "internet", "voice", "msg", "x400", "other", "dom", "intl", "postal", "parcel"}
_LABEL = re.compile(r"^_\$!<(.*)>!\$_$")
_DATE = re.compile(r"(?:(\d{4})|-)-?(\d{2})-?(\d{2})(?:T.*)?$", re.IGNORECASE)
_MADE_ANEW = {"VERSION", "PRODID", "REV"}
PLACE_FIELDS = ("street", "city", "region", "code", "country")

Pair = tuple[str, str]
Place = tuple[str, str, str, str, str, str]


@dataclass(slots=True)
class PersonCard:
    """Texts fit for the database. Pairs are kind and value; a place is its kind and PLACE_FIELDS.

    A kind is words of KINDS, or a label somebody wrote. ``members`` are the uids of a card that stands for a group.
    """

    uid: str = ""
    name: str = ""
    prefix: str = ""
    given: str = ""
    middle: str = ""
    family: str = ""
    suffix: str = ""
    nickname: str = ""
    organisation: str = ""
    title: str = ""
    birthday: str = ""
    note: str = ""
    addresses: list[Pair] = field(default_factory=list)
    phones: list[Pair] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    links: list[Pair] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
    kept: list[Property] = field(default_factory=list)
    is_group: bool = False
    members: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read(data: bytes) -> Iterator[PersonCard]:
    """Every card of a file. Never raises; what a card loses stands among its problems."""
    return map(_read, cards(decoded(data[:LARGEST]), MOST_LINES))


def line(text: str, most: int) -> str:
    """Text for a field of one line."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()[:most].strip()
    return " ".join(display_text(text).split())[:most].strip()


def as_kind(label: str) -> str:
    """Known kinds alike however they are written."""
    words = [_OTHER_NAMES.get(word, word) for word in label.lower().split()]
    return " ".join(dict.fromkeys(words)) if words and set(words) <= KINDS else line(label, 60)


def as_birthday(text: str) -> str:
    """1985-04-12 or --04-12; "" for anything else."""
    found = _DATE.match(text.strip())
    if found is None or not ("01" <= found[2] <= "12" and "01" <= found[3] <= "31"):
        return ""
    return f"{found[1] or '-'}-{found[2]}-{found[3]}"


def _read(properties: list[Property]) -> PersonCard:
    card = PersonCard()
    labels = {each.group: unescape(each.value) for each in properties if each.name == "X-ABLABEL" and each.group}
    used: set[str] = set()
    # What is preferred comes first.
    for each in sorted(properties, key=lambda each: not each.preferred):
        if each.name in _MANY and _several(card, each, labels.get(each.group, "")):
            used.add(each.group)
        elif not _single(card, each) and each.name not in _MADE_ANEW and each.name != "X-ABLABEL":
            _keep(card, each)
    for each in properties:
        if each.name == "X-ABLABEL" and each.group not in used:
            _keep(card, each)
    if not card.name:
        parts = (card.prefix, card.given, card.middle, card.family, card.suffix)
        card.name = line(" ".join(filter(None, parts)), 300)
    return card


def _several(card: PersonCard, each: Property, label: str) -> bool:
    """Take a property of which a person may have many; False if it is too much or unfit to be taken."""
    kind = _kind(each, label)
    value = line(unescape(each.value), 500)
    if each.name == "EMAIL":
        address = re.sub(r"^mailto:", "", value, flags=re.IGNORECASE)
        return _add(card.addresses, (kind, address)) if len(address) <= 320 else False
    if each.name == "TEL":
        return _add(card.phones, (kind, re.sub(r"^tel:", "", value, flags=re.IGNORECASE)[:100]))
    if each.name == "URL":
        return _add(card.links, (kind, value))
    if each.name == "ADR":
        box, extended, street, city, region, code, country, *_ = [*fields(each.value), *[""] * 7]
        street = ", ".join(filter(None, (line(part, 200) for part in (street, extended, box))))
        rest = (line(part, 200) for part in (city, region, code, country))
        place = (kind, street[:300], *rest)
        return _add(card.places, place)
    card.members.append(value)
    return len(card.members) <= MOST_CARDS


def _add(found: list[Any], entry: tuple[str, ...]) -> bool:
    if len(found) >= MOST_EACH:
        return False
    if any(entry[1:]) and all(entry[1:] != other[1:] for other in found):
        found.append(entry)
    return True


def _kind(each: Property, label: str) -> str:
    if label:
        wrapped = _LABEL.match(label)
        kind = as_kind(wrapped[1] if wrapped else label)
        return "" if kind.lower() in _SAYS_NOTHING else kind
    return as_kind(" ".join(word for word in each.types if word not in _SAYS_NOTHING))


def _single(card: PersonCard, each: Property) -> bool:
    """Take a property of which a person has one; the first counts, a further one is kept."""
    name, text = each.name, unescape(each.value)
    if name in _SINGLE:
        attribute, most = _SINGLE[name]
        return _set(card, attribute, line(text, most))
    if name == "N":
        return _name(card, each)
    if name == "ORG":
        units = (line(part, 150).replace(";", ",") for part in fields(each.value))
        return _set(card, "organisation", "; ".join(filter(None, units))[:300])
    if name == "BDAY":
        omitted = each.param("X-APPLE-OMIT-YEAR")
        day = as_birthday(text.replace(omitted[0], "-", 1) if omitted else text)
        return bool(day) and _set(card, "birthday", day)
    if name == "NOTE":
        parts = (display_text(part).rstrip() for part in text.splitlines())
        return _set(card, "note", "\n".join(parts)[:LONGEST_NOTE].strip())
    return _set_aside(card, each, text)


def _name(card: PersonCard, each: Property) -> bool:
    family, given, middle, prefix, suffix = [line(part, 200) for part in [*fields(each.value), *[""] * 5][:5]]
    if card.family or card.given:
        return False
    card.family, card.given, card.middle, card.prefix, card.suffix = family, given, middle, prefix[:100], suffix[:100]
    return True


def _set_aside(card: PersonCard, each: Property, text: str) -> bool:
    """What tells of groups."""
    if each.name == "CATEGORIES":
        card.categories += [word for word in (line(part, 100) for part in listed(each.value)) if word]
        del card.categories[MOST_CATEGORIES:]
    elif each.name in {"KIND", "X-ADDRESSBOOKSERVER-KIND"} and text.strip().lower() == "group":
        card.is_group = True
    else:
        return False
    return True


def _set(card: PersonCard, attribute: str, text: str) -> bool:
    if text and not getattr(card, attribute):
        setattr(card, attribute, text)
        return True
    return not text or getattr(card, attribute) == text


def _keep(card: PersonCard, each: Property) -> None:
    if len(each.value) > LARGEST_KEPT:
        what = "A picture" if each.name == "PHOTO" else f"The entry {each.name}"
        card.problems.append(f"{what} is too large and is left out.")
    elif len(card.kept) >= MOST_KEPT:
        if len(card.kept) == MOST_KEPT and not card.problems:
            card.problems.append(
                f"More than {MOST_KEPT} entries of kinds that are not shown here; the rest is left out."
            )
    else:
        card.kept.append(each)


_MANY = {"EMAIL", "TEL", "URL", "ADR", "MEMBER", "X-ADDRESSBOOKSERVER-MEMBER"}
_SINGLE = {"FN": ("name", 300), "NICKNAME": ("nickname", 200), "TITLE": ("title", 200), "UID": ("uid", 255)}

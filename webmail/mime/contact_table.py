"""Contacts in a table of comma-separated values, as Google and Outlook write them (RFC 4180). Never raises."""

import csv
import io
import re
from collections.abc import Iterator

from webmail.mime.charset import decode_charset, storable
from webmail.mime.headers import display_text
from webmail.mime.person_card import (
    LARGEST,
    LONGEST_NOTE,
    MOST_EACH,
    PersonCard,
    as_birthday,
    as_kind,
    line,
)

MOST_COLUMNS = 500
_SINGLE = {
    "name": "name",
    "display name": "name",
    "full name": "name",
    "first name": "given",
    "given name": "given",
    "middle name": "middle",
    "additional name": "middle",
    "last name": "family",
    "family name": "family",
    "surname": "family",
    "title": "prefix",
    "name prefix": "prefix",
    "suffix": "suffix",
    "name suffix": "suffix",
    "nickname": "nickname",
    "company": "organisation",
    "organization": "organisation",
    "organization name": "organisation",
    "organization 1 - name": "organisation",
    "job title": "title",
    "organization title": "title",
    "organization 1 - title": "title",
    "birthday": "birthday",
    "notes": "note",
    "note": "note",
}
_ADDRESS = re.compile(r"e-?mail(?: (?P<number>\d+))?(?: ?address)?(?: - value)?$|e-?mail(?P<other>\d)? address$")
_PHONE = re.compile(
    r"(?:phone (?P<number>\d+) - value|(?P<kind>home|business|mobile|work|other|primary|car|company main) "
    r"(?:phone|fax)(?: \d)?|(?:phone|telephone|mobile))$"
)
_PLACE = {"street": 1, "city": 2, "state": 3, "postal code": 4, "country/region": 5, "country": 5}
_KINDS = {"business": "work", "company main": "work", "other": "", "primary": ""}
_GROUPS = {"group membership", "labels", "categories"}


def read(data: bytes) -> Iterator[PersonCard]:
    """A card for each row, if the first row names columns that say whose they are."""
    text = storable(decode_charset(data[:LARGEST])).lstrip("\ufeff")
    head = text[:10_000].partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    columns = [" ".join(each.lower().split()) for each in next(_readable(rows), None) or []][:MOST_COLUMNS]
    if not any(each in _SINGLE for each in columns) and not any(map(_ADDRESS.match, columns)):
        return
    for row in _readable(rows):
        if row is None:
            yield PersonCard(problems=[f"What ends in line {rows.line_num} cannot be read and is left out."])
        elif any(each.strip() for each in row):
            yield _card(dict(zip(columns, row, strict=False)))


def _readable(rows: Iterator[list[str]]) -> Iterator[list[str] | None]:
    """The rows, None in place of one that is none: a quote that never ends takes no other with it."""
    while True:
        try:
            yield next(rows)
        except csv.Error:
            yield None
        except StopIteration:
            return


def _card(row: dict[str, str]) -> PersonCard:
    card = PersonCard()
    places: dict[str, list[str]] = {}
    for column, value in row.items():
        if not value.strip():
            continue
        text = line(value, 300)
        if column in _SINGLE:
            _set(card, _SINGLE[column], value)
        elif _ADDRESS.match(column):
            kind = _label(row, column)
            card.addresses += [(kind, line(each, 320)) for each in value.split(":::")][:MOST_EACH]
        elif found := _PHONE.match(column):
            kind = _kind(found["kind"] or ("mobile" if column == "mobile" else "")) or _label(row, column)
            kind = f"{kind} fax".strip() if column.endswith("fax") else kind
            card.phones += [(kind, line(each, 100)) for each in value.split(":::")][:MOST_EACH]
        elif column in _GROUPS:
            card.categories += [line(each, 100) for each in re.split(r":::|;", value) if each.strip()]
        elif column.startswith(("web page", "website")) and "label" not in column and "type" not in column:
            card.links.append(("", text))
        else:
            kind, _, part = column.partition(" ")
            if kind in {"home", "business", "other"} and part in _PLACE:
                places.setdefault(kind, [""] * 6)[_PLACE[part]] = text
    card.places = [(_kind(kind), *place[1:]) for kind, place in places.items()]  # type: ignore[misc]
    if not card.name:
        card.name = line(" ".join(filter(None, (card.prefix, card.given, card.middle, card.family, card.suffix))), 300)
    return card


def _label(row: dict[str, str], column: str) -> str:
    """Google says in a column beside it what a value is."""
    column = column.removesuffix(" - value")
    return _kind(row.get(f"{column} - label") or row.get(f"{column} - type") or "")


def _kind(label: str) -> str:
    label = label.strip("* ").lower()
    return as_kind(_KINDS.get(label, label))


def _set(card: PersonCard, attribute: str, value: str) -> None:
    if attribute == "note":
        value = "\n".join(display_text(part) for part in value.splitlines())[:LONGEST_NOTE].strip()
    elif attribute == "birthday":
        value = as_birthday(value)
    else:
        value = line(value, 100 if attribute in {"prefix", "suffix"} else 200)
    if not getattr(card, attribute):
        setattr(card, attribute, value)

"""A file of contacts read once: what it says of whom, kept until the person has looked at it."""

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from webmail.errors import GiveUp, Reason
from webmail.mime import contact_table, person_card
from webmail.mime.person_card import PersonCard
from webmail.outbox.letter import is_address

from .book import card_from, said_by

# Of Google's own, in every card of its export.
NO_GROUPS = {"mycontacts", "my contacts", "* mycontacts", "* my contacts", "starred", "* starred"}
_BESIDE = ("uid", "addresses", "categories", "is_group", "members")


@dataclass(slots=True)
class Contents:
    """``problems``: what could not be taken from the file, as sentences, in the order of its entries."""

    cards: list[PersonCard] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read(data: bytes) -> Contents:
    """The people and groups of a vCard file or a table. Raise GiveUp if it is too large or there are none."""
    if len(data) > person_card.LARGEST:
        raise GiveUp(Reason.TOO_LARGE, f"The file is larger than {person_card.LARGEST // 1_000_000} MB.")
    made = Contents()
    found = _cards(data)
    number = 0
    for number, card in enumerate(islice(found, person_card.MOST_CARDS), start=1):
        _take(made, card, number)
    if not number:
        sentence = (
            "No contacts were found in this file. It should be a vCard (.vcf) or a table (.csv) with columns for names."
        )
        raise GiveUp(Reason.UNSUPPORTED, sentence)
    if next(found, None) is not None:
        sentence = f"Only the first {person_card.MOST_CARDS:,} entries are taken. Put the others into another file."
        made.problems.insert(0, sentence)
    return made


def packed(contents: Contents) -> bytes:
    cards = [{**said_by(card), **{name: getattr(card, name) for name in _BESIDE}} for card in contents.cards]
    return zlib.compress(json.dumps([contents.problems, cards]).encode(), 1)


def unpacked(octets: bytes) -> Contents:
    """The inverse of ``packed``."""
    content = zlib.decompress(octets)
    try:
        problems, cards = json.loads(content)
    except ValueError:
        # Put aside by an earlier version, which kept the file itself.
        return read(content)
    return Contents([_card(each) for each in cards], problems)


def _card(values: dict[str, Any]) -> PersonCard:
    card = card_from(values, values["addresses"], values["categories"])
    card.is_group, card.members = values["is_group"], values["members"]
    return card


def _cards(data: bytes) -> Iterator[PersonCard]:
    vcard = b"BEGIN:VCARD" in data[:200_000].replace(b"\0", b"")[:100_000].upper()
    return person_card.read(data) if vcard else contact_table.read(data)


def _take(made: Contents, card: PersonCard, number: int) -> None:
    name = card.name or card.organisation or f"Entry {number}"
    made.problems += [f"{name}: {problem}" for problem in card.problems]
    if card.is_group:
        made.cards.append(card)
        return
    for kind, address in list(card.addresses):
        if not is_address(address):
            card.addresses.remove((kind, address))
            made.problems.append(f"{name}: “{address[:100]}” is not a mail address and is left out.")
    card.categories = [each for each in card.categories if each.casefold() not in NO_GROUPS]
    if card.name or card.organisation or card.addresses or card.phones:
        made.cards.append(card)
    elif not card.problems:
        made.problems.append(f"{name} has neither a name nor an address and is left out.")

"""Two descriptions of one person made one. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from webmail.mime.person_card import LONGEST_NOTE, PersonCard

from .words import folded_key

SINGLE = ("nickname", "organisation", "title", "birthday")
_PARTS = ("prefix", "given", "middle", "family", "suffix")
_SAID = {
    "name": "Name",
    "nickname": "Nickname",
    "organisation": "Organisation",
    "title": "Title",
    "birthday": "Birthday",
}


def completed(known: PersonCard, found: PersonCard) -> PersonCard:
    """What ``known`` does not say taken from ``found``; nothing it says is changed."""
    made = _added(known, found)
    made.name = known.name or found.name
    made.note = known.note or found.note
    return made


def joined(cards: Sequence[PersonCard]) -> PersonCard:
    """Everything all of them say; where the first says something else, the other word goes into the note."""
    first, *others = cards
    made = first
    for other in others:
        differing = [
            f"{said}: {getattr(other, name)}"
            for name, said in _SAID.items()
            if getattr(made, name) and getattr(other, name) and getattr(made, name) != getattr(other, name)
        ]
        name, note = made.name or other.name, _note([made.note, other.note, *differing])
        made = _added(made, other)
        made.name, made.note = name, note
    return made


def _added(known: PersonCard, found: PersonCard) -> PersonCard:
    made = replace(known)
    if not any(getattr(known, part) for part in _PARTS):
        for part in _PARTS:
            setattr(made, part, getattr(found, part))
    for name in SINGLE:
        setattr(made, name, getattr(known, name) or getattr(found, name))
    made.addresses = _union(known.addresses, found.addresses, lambda pair: folded_key(pair[1]))
    made.phones = _union(known.phones, found.phones, lambda pair: _digits(pair[1]))
    made.places = _union(known.places, found.places, lambda place: tuple(part.casefold() for part in place[1:]))
    made.links = _union(known.links, found.links, lambda pair: pair[1])
    made.categories = _union(known.categories, found.categories, lambda name: name.casefold())
    has = {each.name for each in known.kept}
    made.kept = [*known.kept, *(each for each in found.kept if each.name not in has)]
    return made


def _union(one: Iterable[Any], other: Iterable[Any], key: Any) -> list[Any]:
    found: dict[Any, Any] = {}
    for each in [*one, *other]:
        found.setdefault(key(each), each)
    return list(found.values())


def _digits(number: str) -> str:
    return "".join(char for char in number if char.isalnum() or char == "+").casefold()


def _note(parts: list[str]) -> str:
    return "\n".join(dict.fromkeys(part for part in parts if part))[:LONGEST_NOTE]

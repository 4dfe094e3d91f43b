"""Two descriptions of one person made one. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from webmail.mime.person_card import LONGEST_NOTE, MOST_KEPT, PersonCard

from .words import folded_key

SINGLE = ("nickname", "organisation", "title", "birthday")
# Addresses, numbers, places, links or groups that a file can bring one contact to.
MOST_TOGETHER = 100
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
    for name in _SEVERAL:
        setattr(made, name, getattr(made, name)[: max(MOST_TOGETHER, len(getattr(known, name)))])
    made.kept = made.kept[: max(MOST_KEPT, len(known.kept))]
    return made


def left_out(found: PersonCard, made: PersonCard) -> bool:
    """Whether ``made``, completed from ``found``, had no room for something of it."""
    return any(
        len(getattr(made, name)) >= MOST_TOGETHER
        and not {key(each) for each in getattr(found, name)} <= {key(each) for each in getattr(made, name)}
        for name, key in _SEVERAL.items()
    ) or (len(made.kept) >= MOST_KEPT and not {each.name for each in found.kept} <= {each.name for each in made.kept})


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
    for name, key in _SEVERAL.items():
        setattr(made, name, _union(getattr(known, name), getattr(found, name), key))
    has = {each.name for each in known.kept}
    made.kept = [*known.kept, *(each for each in found.kept if each.name not in has)]
    return made


def _union(one: Sequence[Any], other: Sequence[Any], key: Callable[[Any], Any]) -> list[Any]:
    if not other:
        return list(one)
    found: dict[Any, Any] = {}
    for each in [*one, *other]:
        found.setdefault(key(each), each)
    return list(found.values())


def _digits(number: str) -> str:
    return "".join(char for char in number if char.isalnum() or char == "+").casefold()


def _note(parts: list[str]) -> str:
    return "\n".join(dict.fromkeys(part for part in parts if part))[:LONGEST_NOTE]


_SEVERAL: dict[str, Callable[[Any], Any]] = {
    "addresses": lambda pair: folded_key(pair[1]),
    "phones": lambda pair: _digits(pair[1]),
    "places": lambda place: tuple(part.casefold() for part in place[1:]),
    "links": lambda pair: pair[1],
    "categories": str.casefold,
}

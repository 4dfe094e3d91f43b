"""A person written as a vCard, version 4.0 (RFC 6350) or 3.0 (RFC 2426)."""

import re
from collections.abc import Iterable, Iterator

from webmail.mime.person_card import KINDS, PersonCard
from webmail.mime.vcard_lines import Property, escape, written

PRODUCT = "-//Webmail//Contacts//EN"
NO_YEAR = "1604"  # of birthdays without one in vCard 3.0, as Apple writes it
_DATA = re.compile(r"data:image/(?P<type>[\w.+-]+);base64,(?P<data>[A-Za-z0-9+/=]*)$")
_BINARY = {"PHOTO", "LOGO"}
_GROUP = re.compile(r"item(\d+)$")


def write(card: PersonCard, version: str = "4.0") -> bytes:
    return written(_properties(card, version))


def _properties(card: PersonCard, version: str) -> Iterator[Property]:
    yield Property("VERSION", version)
    yield Property("PRODID", PRODUCT)
    if card.uid:
        yield Property("UID", escape(card.uid))
    shown = card.name or card.organisation or next((address for _, address in card.addresses), "")
    yield Property("FN", escape(shown or "Unnamed"))
    if card.is_group:
        yield Property("KIND" if version == "4.0" else "X-ADDRESSBOOKSERVER-KIND", "group")
    parts = (card.family, card.given, card.middle, card.prefix, card.suffix)
    if any(parts) or version == "3.0":
        yield Property("N", ";".join(map(escape, parts)))
    for name, text in (("NICKNAME", card.nickname), ("TITLE", card.title), ("NOTE", card.note)):
        if text:
            yield Property(name, escape(text))
    if card.organisation:
        yield Property("ORG", ";".join(escape(part.strip()) for part in card.organisation.split(";")))
    if card.birthday:
        yield _birthday(card.birthday, version)
    yield from _several(card, version)
    if card.categories:
        yield Property("CATEGORIES", ",".join(map(escape, card.categories)))
    member = "MEMBER" if version == "4.0" else "X-ADDRESSBOOKSERVER-MEMBER"
    yield from (Property(member, escape(uid)) for uid in card.members)
    yield from (_in_version(each, version) for each in card.kept)


def _birthday(day: str, version: str) -> Property:
    if version == "4.0":
        return Property("BDAY", day.replace("-", "") if day[0] != "-" else "--" + day[2:].replace("-", ""))
    if day[0] == "-":
        return Property("BDAY", NO_YEAR + day[1:], params=(("X-APPLE-OMIT-YEAR", (NO_YEAR,)),))
    return Property("BDAY", day)


def _several(card: PersonCard, version: str) -> Iterator[Property]:
    entries: list[tuple[str, str, str]] = [
        *(("EMAIL", kind, escape(address)) for kind, address in card.addresses),
        *(("TEL", kind, escape(number)) for kind, number in card.phones),
        *(("ADR", place[0], ";;" + ";".join(map(escape, place[1:]))) for place in card.places),
        *(("URL", kind, escape(link)) for kind, link in card.links),
    ]
    number = _last_group(card.kept)
    for name, kind, value in entries:
        words = kind.split()
        if not words or set(words) <= KINDS:
            types = tuple("cell" if word == "mobile" else word for word in words)
            yield Property(name, value, params=(("TYPE", types),) if types else ())
        else:
            number += 1
            yield Property(name, value, f"item{number}")
            yield Property("X-ABLabel", escape(kind), f"item{number}")


def _last_group(kept: Iterable[Property]) -> int:
    return max((int(found[1][:9]) for each in kept if (found := _GROUP.match(each.group))), default=0)


def _in_version(each: Property, version: str) -> Property:
    """Pictures are octets in one version and an address of data in the other."""
    if each.name not in _BINARY:
        return each
    params = tuple(
        (name, values) for name, values in each.params if name not in {"ENCODING", "TYPE", "VALUE", "MEDIATYPE"}
    )
    if version == "4.0" and each.param("ENCODING"):
        kind = next(iter(each.types), "jpeg")
        return Property(each.name, f"data:image/{kind};base64,{each.value}", each.group, params)
    if version == "3.0" and (found := _DATA.match(each.value)):
        params = (("ENCODING", ("b",)), ("TYPE", (found["type"].upper(),)), *params)
        return Property(each.name, found["data"], each.group, params)
    return each

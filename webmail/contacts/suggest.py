"""Whom somebody begins to type: contacts, groups and collected addresses, the likeliest first."""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.db.models import QuerySet

from accounts.models import Identity
from webmail.mime.address import Address
from webmail.models import CollectedAddress, CollectedCode, Contact, ContactAddress, ContactGroup
from webmail.models.prepared import Prepared, Slot

from . import weight
from .words import asked, code_range, folded_key, of_address, searchable

SHOWN = 8
# An address collected in several accounts comes several times, one that is a contact's is not shown again.
LOOKED_AT = 4 * SHOWN
GROUPS_LOOKED_AT, GROUPS_SHOWN, MEMBERS_SHOWN = 500, 3, 200
BEGINS = 1.0  # what is typed begins the name or the address: as if mail had been twice as frequent

MANY = 300
BEGINNING = Prepared(
    lambda: CollectedCode.objects.filter(
        user_id=Slot("user"), code__gte=Slot("low"), code__lt=Slot("high")
    ).values_list("collected_id")[:MANY]
)
GROUPS = Prepared(
    lambda: ContactGroup.objects.filter(user_id=Slot("user")).values_list("pk", "name")[:GROUPS_LOOKED_AT]
)
MEMBERS = Prepared(
    lambda: (
        Contact.objects.filter(groups__pk__in=[Slot("groups")], removed_at__isnull=True, addresses__isnull=False)
        .order_by("sort_key", "pk", "addresses__pk")
        .values_list("groups__pk", "pk", "name", "addresses__address")
    )
)
IDENTITIES = Prepared(
    lambda: Identity.objects.order_by("pk").filter(account__user_id=Slot("user")).values_list("name", "address")
)


@dataclass(slots=True)
class Suggestion:
    """``kind`` is contact, group, collected or own; ``pk`` of the row behind it. A group has members and no address."""

    kind: str
    name: str
    address: str
    detail: str = ""
    pk: int = 0
    rank: float = weight.NONE
    members: list[Address] = field(default_factory=list)


def suggest(user_id: int, text: str, limit: int = SHOWN) -> list[Suggestion]:
    """People and groups one of whose words begins with each piece of ``text``; the person's own addresses come last."""
    pieces = asked(text)
    if not pieces:
        return []
    values: dict[str, Any] = {"user": user_id, **{f"piece{number}": piece for number, piece in enumerate(pieces)}}
    own = {folded_key(address): (name, address) for name, address in IDENTITIES(user=user_id)}
    found: dict[str, Suggestion] = {}
    for pk, name, organisation, address, key, rank in _contacts(len(pieces))(**values):
        if key not in found and key not in own:
            detail = organisation if name and organisation != name else ""
            found[key] = Suggestion("contact", name or organisation, address, detail, pk, rank + weight.CONTACT)
    for pk, name, address, key, rank in _collected(user_id, pieces, values):
        known = found.get(key)
        if known is None and key not in own:
            found[key] = Suggestion("collected", name, address, pk=pk, rank=rank)
        elif known is not None and known.kind == "collected":
            known.rank = weight.together(known.rank, rank)
            known.name = known.name or name
    ranked = sorted(found.values(), key=lambda each: -_with_beginning(each, pieces[0]))
    groups = _groups(user_id, pieces)
    # A group is many people: it comes first only where its whole name is typed, and always finds a place.
    named = [each for each in groups if searchable(each.name) == searchable(text)]
    others = [each for each in groups if each not in named]
    mine = [Suggestion("own", *each) for each in own.values() if _has(of_address(*each), pieces)]
    return [*named, *ranked[: limit - len(groups)], *others, *mine][:limit]


def _with_beginning(each: Suggestion, piece: str) -> float:
    begins = searchable(each.name).startswith(piece) or searchable(each.address).startswith(piece)
    return each.rank + (BEGINS if begins else 0)


def _groups(user_id: int, pieces: list[str]) -> list[Suggestion]:
    fitting = [(pk, name) for pk, name in GROUPS(user=user_id) if _has(searchable(name), pieces)][:GROUPS_SHOWN]
    groups = {pk: Suggestion("group", name, "", pk=pk) for pk, name in fitting}
    seen = set()
    for group, contact, name, address in MEMBERS(groups=list(groups)):
        members = groups[group].members
        # The first address of each.
        if (group, contact) not in seen and len(members) < MEMBERS_SHOWN:
            seen.add((group, contact))
            members.append(Address(name, address))
    for each in groups.values():
        each.detail = f"{len(each.members)} people" if len(each.members) > 1 else "1 person"
    return [each for each in groups.values() if each.members]


def _has(text: str, pieces: list[str]) -> bool:
    return all(piece in text for piece in pieces)


@cache
def _contacts(pieces: int) -> Prepared[Any]:
    def build() -> Any:
        rows = _fitting(ContactAddress.objects.filter(user_id=Slot("user"), contact__removed_at__isnull=True), pieces)
        columns = ("contact_id", "contact__name", "contact__organisation", "address", "key", "rank")
        return rows.order_by("-rank").values_list(*columns)[:LOOKED_AT]

    return Prepared(build)


def _collected(user_id: int, pieces: list[str], values: dict[str, Any]) -> list[Any]:
    """What few addresses begin with leads straight to them; what many begin with is soon found on the way down."""
    for low, high in sorted(map(code_range, pieces), key=lambda each: each[1] - each[0]):
        rows = BEGINNING(user=user_id, low=low, high=high)
        if len(rows) < MANY:
            return _these(len(pieces))(ids=sorted({pk for (pk,) in rows}), **values)
    return _all(len(pieces))(**values)


@cache
def _these(pieces: int) -> Prepared[Any]:
    return Prepared(lambda: _likeliest(CollectedAddress.objects.filter(pk__in=[Slot("ids")]), pieces))


@cache
def _all(pieces: int) -> Prepared[Any]:
    return Prepared(lambda: _likeliest(CollectedAddress.objects.all(), pieces))


def _likeliest(rows: QuerySet[CollectedAddress], pieces: int) -> QuerySet[CollectedAddress, Any]:
    rows = _fitting(rows.filter(user_id=Slot("user"), hidden=False), pieces)
    return rows.order_by("-rank").values_list("pk", "name", "address", "key", "rank")[:LOOKED_AT]


def _fitting(rows: QuerySet[Any], pieces: int) -> QuerySet[Any]:
    """The index holds the words behind the rank: both databases walk it until enough is found."""
    for number in range(pieces):
        rows = rows.filter(search__contains=Slot(f"piece{number}"))
    return rows

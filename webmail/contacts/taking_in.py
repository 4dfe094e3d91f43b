"""A file of contacts taken in: what is new is added, what is known completed, nothing doubled and nothing overwritten."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db import transaction

from accounts.models import User
from webmail.errors import GiveUp, Reason
from webmail.mime.folding import fold
from webmail.mime.person_card import PersonCard
from webmail.models import Contact, ContactAddress, ContactGroup, ContactImport

from . import file
from .book import LISTS, MOST_GROUPS, TEXTS, card_from, group_key, group_named
from .joining import completed, left_out
from .many import AT_ONCE, Row, add_many, join, rewrite_many
from .words import folded_key

SAID = (*TEXTS, *LISTS, "kept")
PROBLEMS_TOLD = 100
MOST_WAITING = 5  # files of one person that are put aside


@dataclass(slots=True)
class Entry:
    """One person of the file: ``contact`` is who it is here already, ``changes`` whether there is anything to write."""

    card: PersonCard
    contact: Row | None = None
    changes: bool = True
    planned: bool = False


@dataclass(slots=True)
class Plan:
    entries: list[Entry] = field(default_factory=list)
    groups: list[PersonCard] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    by_file_uid: dict[str, Entry] = field(default_factory=dict)

    @property
    def new(self) -> list[Entry]:
        return [each for each in self.entries if each.contact is None]

    @property
    def completed(self) -> list[Entry]:
        return [each for each in self.entries if each.contact is not None and each.changes]

    @property
    def known(self) -> list[Entry]:
        return [each for each in self.entries if not each.changes]


def keep(user: User, data: bytes, filename: str) -> ContactImport:
    """Put a file aside until it was looked at. Raise GiveUp if it is too large or holds no contacts."""
    content = file.packed(file.read(data))
    kept = ContactImport.objects.create(user=user, filename=filename[:255], content=content)
    own = ContactImport.objects.filter(user=user).order_by("-pk").values_list("pk", flat=True)
    ContactImport.objects.filter(pk__in=list(own[MOST_WAITING:])).delete()
    return kept


def plan(user: User, kept: ContactImport) -> Plan:
    """What taking the file in would do."""
    return _planned(user, file.unpacked(bytes(kept.content)))


def _planned(user: User, contents: file.Contents) -> Plan:
    made, groups = Plan(problems=contents.problems), _Groups(user)
    people = [card for card in contents.cards if not card.is_group]
    for card in people:
        card.categories = [each for each in card.categories if groups.take(each)]
    made.groups = [card for card in contents.cards if card.is_group and groups.take(card.name or "Group")]
    made.problems += groups.problems
    known = _Known(user, people)
    for card in people:
        entry = known.entry(card, made)
        if card.uid:
            made.by_file_uid[_bare(card.uid)] = entry
    if len(made.problems) > PROBLEMS_TOLD:
        more = len(made.problems) - PROBLEMS_TOLD
        made.problems = [*made.problems[:PROBLEMS_TOLD], f"And {more:,} more like these."]
    return made


def take_in(user: User, kept: ContactImport) -> tuple[int, int]:
    """Write what is planned; how many are new and how many completed. The file goes. Raise GiveUp if it is gone."""
    contents = file.unpacked(bytes(kept.content))
    with transaction.atomic():
        # One file at a time: two that name the same people must see each other.
        User.objects.select_for_update().get(pk=user.pk)
        if ContactImport.objects.select_for_update().filter(pk=kept.pk).first() is None:
            raise GiveUp(Reason.GONE, "This file has been taken in already.")
        done = _write(user, _planned(user, contents))
        kept.delete()
    return done


def _write(user: User, made: Plan) -> tuple[int, int]:
    new, changed = made.new, made.completed
    rewrite_many(user, [(each.contact, each.card) for each in changed if each.contact is not None])
    ids = {id(each): each.contact["pk"] for each in made.entries if each.contact is not None}
    ids |= zip(map(id, new), add_many(user, [each.card for each in new]), strict=True)
    for card in made.groups:
        group = group_named(user, card.name or "Group")
        members = (made.by_file_uid.get(_bare(uid)) for uid in card.members)
        join([(contact, group.pk) for contact in sorted({ids[id(each)] for each in members if each is not None})])
    return len(new), len(changed)


def _bare(uid: str) -> str:
    return uid.lower().removeprefix("urn:uuid:")


class _Groups:
    """For which groups there is room; those left out are told of once."""

    def __init__(self, user: User) -> None:
        self.keys = set(ContactGroup.objects.filter(user=user).values_list("key", flat=True))
        self.problems: list[str] = []
        self._left_out: set[str] = set()

    def take(self, name: str) -> bool:
        key = group_key(name)
        if key not in self.keys and len(self.keys) < MOST_GROUPS:
            self.keys.add(key)
        elif key not in self.keys and key not in self._left_out:
            self._left_out.add(key)
            self.problems.append(f"The group “{name}” is left out, because there can be {MOST_GROUPS} groups.")
        return key in self.keys


class _Known:
    """The person's contacts that the file speaks of, and those of the file that came before, by what tells them apart."""

    def __init__(self, user: User, cards: list[PersonCard]) -> None:
        self.entries: dict[object, Entry] = {}
        places = _places(user)
        wanted = {places[key] for card in cards for key in _keys(card) if key in places}
        entries = {row["pk"]: Entry(card, row, changes=False) for row, card in _loaded(sorted(wanted))}
        for key, pk in places.items():
            if pk in entries:
                self.entries[key] = entries[pk]

    def entry(self, card: PersonCard, made: Plan) -> Entry:
        """The entry for ``card``, joined with one that is the same person; in the plan once."""
        known = next((self.entries[key] for key in _keys(card) if key in self.entries), None)
        if known is None:
            known = Entry(card)
        else:
            joined = completed(known.card, card)
            if left_out(card, joined):
                who = joined.name or joined.organisation or "An entry"
                made.problems.append(f"{who} has very many addresses, numbers or other entries; not all are taken in.")
            if joined != known.card:
                known.card, known.changes = joined, True
        if not known.planned:
            known.planned = True
            made.entries.append(known)
        for key in _keys(known.card):
            self.entries[key] = known
        return known


def _places(user: User) -> dict[object, int]:
    """Which contact each key stands for, the oldest of several. Without joins, which nothing plans well after an import."""
    own = list(
        Contact.objects.order_by("-pk")
        .filter(user=user, removed_at__isnull=True)
        .values_list("pk", "uid", "name", "organisation", "phones")
    )
    here = {row[0] for row in own}
    addresses = ContactAddress.objects.order_by("-contact_id").filter(user=user).values_list("key", "contact_id")
    written = [(key, pk) for key, pk in addresses if pk in here]
    reached = {pk for _, pk in written}
    found: dict[object, int] = {
        _name_key(name or organisation, phones): pk for pk, _, name, organisation, phones in own if pk not in reached
    }
    found.update((("address", key), pk) for key, pk in written)
    found.update((("uid", _bare(uid)), pk) for pk, uid, *_ in own if uid)
    return found


def _loaded(ids: list[int]) -> Iterator[tuple[Row, PersonCard]]:
    """Past the ORM's objects, which cost several times what the database takes."""
    members = ContactGroup.members.through.objects.order_by("contactgroup__key")
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        addresses: dict[int, list[tuple[str, str]]] = defaultdict(list)
        written = ContactAddress.objects.filter(contact__in=some)
        for pk, kind, address in written.values_list("contact_id", "kind", "address"):
            addresses[pk].append((kind, address))
        groups: dict[int, list[str]] = defaultdict(list)
        for pk, name in members.filter(contact__in=some).values_list("contact_id", "contactgroup__name"):
            groups[pk].append(name)
        for row in Contact.objects.filter(pk__in=some).values("pk", "uid", "created_at", *SAID):
            yield row, card_from(row, addresses[row["pk"]], groups[row["pk"]])


def _keys(card: PersonCard) -> list[object]:
    """The surest first. Who has no address is told apart by name and first number."""
    keys: list[object] = [("uid", _bare(card.uid))] if card.uid else []
    keys += [("address", folded_key(address)) for _, address in card.addresses]
    if not card.addresses:
        keys.append(_name_key(card.name or card.organisation, card.phones))
    return keys


def _name_key(name: str, phones: list[tuple[str, str]]) -> object:
    return "name", fold(name), "".join(filter(str.isdigit, phones[0][1])) if phones else ""

"""A file of contacts taken in: what is new is added, what is known completed, nothing doubled and nothing overwritten."""

import uuid
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import transaction

from accounts.models import User
from webmail.errors import GiveUp, Reason
from webmail.mime import contact_table, person_card
from webmail.mime.folding import fold
from webmail.mime.person_card import PersonCard
from webmail.models import Contact, ContactImport
from webmail.outbox.letter import is_address

from .book import add_many, card_of, group_named, save
from .joining import completed
from .words import folded_key

# Of Google's own, in every card of its export.
NO_GROUPS = {"mycontacts", "my contacts", "* mycontacts", "* my contacts", "starred", "* starred"}
PROBLEMS_TOLD = 100


@dataclass(slots=True)
class Entry:
    """One person of the file: ``contact`` is who it is here already, ``changes`` whether there is anything to write."""

    card: PersonCard
    contact: Contact | None = None
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
    if len(data) > person_card.LARGEST:
        raise GiveUp(Reason.TOO_LARGE, f"The file is larger than {person_card.LARGEST // 1_000_000} MB.")
    if next(iter(_cards(data)), None) is None:
        sentence = (
            "No contacts were found in this file. It should be a vCard (.vcf) or a table (.csv) with columns for names."
        )
        raise GiveUp(Reason.UNSUPPORTED, sentence)
    return ContactImport.objects.create(user=user, filename=filename[:255], content=zlib.compress(data))


def plan(user: User, kept: ContactImport) -> Plan:
    """What taking the file in would do."""
    made = Plan()
    known = _Known(user)
    for number, card in enumerate(_cards(zlib.decompress(bytes(kept.content))), start=1):
        name = card.name or card.organisation or f"Entry {number}"
        made.problems += [f"{name}: {problem}" for problem in card.problems]
        if card.is_group:
            made.groups.append(card)
            continue
        for kind, address in list(card.addresses):
            if not is_address(address):
                card.addresses.remove((kind, address))
                made.problems.append(f"{name}: “{address[:100]}” is not a mail address and is left out.")
        card.categories = [each for each in card.categories if each.casefold() not in NO_GROUPS]
        if not (card.name or card.organisation or card.addresses or card.phones):
            made.problems.append(f"{name} has neither a name nor an address and is left out.")
            continue
        entry = known.entry(card, made.entries)
        if card.uid:
            made.by_file_uid[_bare(card.uid)] = entry
    if len(made.problems) > PROBLEMS_TOLD:
        more = len(made.problems) - PROBLEMS_TOLD
        made.problems = [*made.problems[:PROBLEMS_TOLD], f"And {more:,} more like these."]
    return made


@transaction.atomic
def take_in(user: User, kept: ContactImport) -> tuple[int, int]:
    """Write what is planned; how many are new and how many completed. The file goes. Raise GiveUp if it is gone."""
    if ContactImport.objects.select_for_update().filter(pk=kept.pk).first() is None:
        raise GiveUp(Reason.GONE, "This file has been taken in already.")
    made = plan(user, kept)
    new, changed = len(made.new), len(made.completed)
    batch = uuid.uuid4()
    added = made.new
    for entry in made.completed:
        save(user, entry.card, entry.contact)
    for entry, contact in zip(added, add_many(user, [each.card for each in added], batch), strict=True):
        entry.contact = contact
    for card in made.groups:
        group = group_named(user, card.name or "Group")
        members = (made.by_file_uid.get(_bare(uid)) for uid in card.members)
        group.members.add(*(each.contact for each in members if each is not None and each.contact is not None))
    kept.delete()
    return new, changed


def _cards(data: bytes) -> Iterable[PersonCard]:
    return (
        person_card.read(data)
        if b"BEGIN:VCARD" in data.replace(b"\0", b"")[:100_000].upper()
        else contact_table.read(data)
    )


def _bare(uid: str) -> str:
    return uid.lower().removeprefix("urn:uuid:")


class _Known:
    """The person's contacts, and those of the file that came before, by what tells them apart."""

    def __init__(self, user: User) -> None:
        self.entries: dict[object, Entry] = {}
        contacts = Contact.objects.filter(user=user, removed_at__isnull=True)
        for contact in contacts.prefetch_related("addresses", "groups").order_by("-pk"):
            self._learn(Entry(card_of(contact), contact, changes=False))

    def entry(self, card: PersonCard, entries: list[Entry]) -> Entry:
        """The entry for ``card``, joined with one that is the same person; in ``entries`` once."""
        known = next((self.entries[key] for key in _keys(card) if key in self.entries), None)
        if known is None:
            known = Entry(card)
        else:
            made = completed(known.card, card)
            if made != known.card:
                known.card, known.changes = made, True
        if not known.planned:
            known.planned = True
            entries.append(known)
        self._learn(known)
        return known

    def _learn(self, entry: Entry) -> None:
        for key in _keys(entry.card):
            self.entries[key] = entry


def _keys(card: PersonCard) -> list[object]:
    """The surest first. Who has no address is told apart by name and first number."""
    keys: list[object] = [("uid", _bare(card.uid))] if card.uid else []
    keys += [("address", folded_key(address)) for _, address in card.addresses]
    if not card.addresses:
        number = "".join(filter(str.isdigit, card.phones[0][1])) if card.phones else ""
        keys.append(("name", fold(card.name or card.organisation), number))
    return keys

"""The address book: contacts written, taken away, joined, and put back. Everything inside one person's own."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from webmail.errors import GiveUp, Reason
from webmail.mime.folding import fold
from webmail.mime.person_card import PersonCard
from webmail.mime.vcard_lines import Property
from webmail.models import Contact, ContactAddress, ContactGroup
from webmail.models.inserting import bulk_insert

from .collected import take_ranks
from .joining import joined
from .words import folded_key, searchable

MOST_CONTACTS = 20_000
MOST_GROUPS = 200
LONGEST_SEARCH = 2_000
EDITED = timedelta(seconds=1)  # between the two times of a contact that was written once
TEXTS = (
    *("name", "prefix", "given", "middle", "family", "suffix", "nickname", "organisation", "title", "birthday", "note"),
)
LISTS = ("phones", "places", "links")
ADDRESS_COLUMNS = ("user_id", "contact_id", "kind", "address", "key", "rank", "search")


@transaction.atomic
def save(user: User, card: PersonCard, contact: Contact | None = None, *, batch: uuid.UUID | None = None) -> Contact:
    """Write ``card`` as a new contact or in place of what ``contact`` says; categories become groups.

    ``batch`` names the step that makes it, for undo. Raise GiveUp if there are too many.
    """
    if contact is None:
        check_room(user, 1)
        contact = Contact(user=user, uid=_free_uid(user, card.uid), made_by=batch)
    for name, value in columns_of(card).items():
        setattr(contact, name, value)
    contact.save()
    contact.addresses.all().delete()
    bulk_insert(ContactAddress, ADDRESS_COLUMNS, address_rows(user.pk, contact.pk, card))
    take_ranks(contact.addresses.order_by())
    contact.groups.set([group_named(user, name) for name in card.categories])
    return contact


def check_room(user: User, more: int) -> None:
    if Contact.objects.filter(user=user, removed_at__isnull=True).count() + more > MOST_CONTACTS:
        raise GiveUp(Reason.LIMIT, f"An address book holds {MOST_CONTACTS:,} contacts. Remove some first.")


def columns_of(card: PersonCard) -> dict[str, Any]:
    """What a card says in the columns of its contact."""
    first = card.addresses[0][1] if card.addresses else ""
    search = searchable(
        *(card.name, card.given, card.family, card.nickname, card.organisation, card.title),
        *(value for _, value in card.addresses + card.phones),
        most=LONGEST_SEARCH,
    )
    return {
        **said_by(card),
        "sort_key": fold(card.name or card.organisation or first)[:200],
        "search": search,
    }


def said_by(card: PersonCard) -> dict[str, Any]:
    """The part of them that ``card_from`` reads back, fit for JSON."""
    return {
        **{name: getattr(card, name) for name in TEXTS},
        **{name: [list(entry) for entry in getattr(card, name)] for name in LISTS},
        "kept": [
            [each.group, each.name, [[key, list(values)] for key, values in each.params], each.value]
            for each in card.kept
        ],
    }


def address_rows(user_id: int, contact_id: int, card: PersonCard) -> list[tuple[object, ...]]:
    """Values of ``ADDRESS_COLUMNS``, each address once, whatever the case it is written in."""
    kinds: dict[str, tuple[str, str]] = {}
    for kind, address in card.addresses:
        kinds.setdefault(folded_key(address), (kind, address))
    names = (card.name, card.nickname, card.organisation)
    return [
        (user_id, contact_id, kind, address, key, 0.0, searchable(*names, address))
        for key, (kind, address) in kinds.items()
    ]


def _free_uid(user: User, wanted: str) -> str:
    taken = wanted and Contact.objects.filter(user=user, uid=wanted, removed_at__isnull=True).exists()
    return wanted if wanted and not taken else f"urn:uuid:{uuid.uuid4()}"


def card_of(contact: Contact) -> PersonCard:
    """With its addresses and groups, which are best fetched before."""
    addresses = [(each.kind, each.address) for each in contact.addresses.all()]
    return card_from(vars(contact), addresses, [group.name for group in contact.groups.all()])


def card_from(columns: Mapping[str, Any], addresses: Iterable[Sequence[str]], categories: Iterable[str]) -> PersonCard:
    """The inverse of ``said_by``, with ``uid`` among the columns and what does not stand in them."""
    return PersonCard(
        uid=columns["uid"],
        **{name: columns[name] for name in TEXTS},
        addresses=[(kind, address) for kind, address in addresses],
        phones=[(kind, value) for kind, value in columns["phones"]],
        places=[
            (kind, street, city, region, code, country)
            for kind, street, city, region, code, country in columns["places"]
        ],
        links=[(kind, value) for kind, value in columns["links"]],
        categories=list(categories),
        kept=[
            Property(name, value, group, tuple((key, tuple(values)) for key, values in params))
            for group, name, params, value in columns["kept"]
        ],
    )


def group_name(name: str) -> str:
    return " ".join(name.split())[:100]


def group_key(name: str) -> str:
    return fold(group_name(name))[:200]


def group_named(user: User, name: str) -> ContactGroup:
    """The group of that name, made where there is none. Raise GiveUp if there are too many."""
    name = group_name(name)
    key = group_key(name)
    group = ContactGroup.objects.filter(user=user, key=key).first()
    if group is None:
        if ContactGroup.objects.filter(user=user).count() >= MOST_GROUPS:
            raise GiveUp(Reason.LIMIT, f"There can be {MOST_GROUPS} groups. Remove some first.")
        group = ContactGroup.objects.create(user=user, name=name, key=key)
    return group


@transaction.atomic
def remove(user: User, contacts: Iterable[Contact], batch: uuid.UUID | None = None) -> uuid.UUID:
    """Take contacts away; for a while ``undo`` brings them back."""
    batch = batch or uuid.uuid4()
    own = Contact.objects.filter(user=user, pk__in=[each.pk for each in contacts], removed_at__isnull=True)
    own.update(removed_at=timezone.now(), batch=batch)
    return batch


@transaction.atomic
def merge(user: User, contacts: Sequence[Contact]) -> tuple[Contact, uuid.UUID]:
    """One contact in place of several, with everything they say."""
    batch = uuid.uuid4()
    card = joined([card_of(each) for each in contacts])
    remove(user, contacts, batch)
    return save(user, card, batch=batch), batch


@transaction.atomic
def undo(user: User, batch: uuid.UUID) -> str | None:
    """Take back a step; what was done, or None if the address book knows no such step.

    Raise GiveUp if what it made has been changed since.
    """
    made = list(Contact.objects.filter(user=user, made_by=batch, removed_at__isnull=True))
    gone = list(Contact.objects.filter(user=user, batch=batch, removed_at__isnull=False))
    if not made and not gone:
        return None
    if gone and any(each.updated_at > each.created_at + EDITED for each in made):
        raise GiveUp(Reason.GONE, "The contact has been changed since, so it was left as it is.")
    Contact.objects.filter(pk__in=[each.pk for each in made]).update(removed_at=timezone.now(), batch=None)
    for each in gone:
        # A contact of the same uid may have been imported meanwhile.
        each.uid = _free_uid(user, each.uid)
        each.removed_at, each.batch = None, None
        each.save(update_fields=["uid", "removed_at", "batch"])
    if not gone:
        return "Removed from your contacts"
    return "Contact put back" if len(gone) == 1 else f"{len(gone)} contacts put back"

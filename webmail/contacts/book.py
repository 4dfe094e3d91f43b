"""The address book: contacts written, taken away, joined, and put back. Everything inside one person's own."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from webmail.errors import GiveUp, Reason
from webmail.mime.folding import fold
from webmail.mime.person_card import PersonCard
from webmail.mime.vcard_lines import Property
from webmail.models import Contact, ContactAddress, ContactGroup

from .collected import take_ranks
from .joining import joined
from .words import folded_key, searchable

MOST_CONTACTS = 20_000
MOST_GROUPS = 200
AT_ONCE = 500
LONGEST_SEARCH = 2_000
EDITED = timedelta(seconds=1)  # between the two times of a contact that was written once
TEXTS = (
    *("name", "prefix", "given", "middle", "family", "suffix", "nickname", "organisation", "title", "birthday", "note"),
)
LISTS = ("phones", "places", "links")


@transaction.atomic
def save(user: User, card: PersonCard, contact: Contact | None = None, *, batch: uuid.UUID | None = None) -> Contact:
    """Write ``card`` as a new contact or in place of what ``contact`` says; categories become groups.

    ``batch`` names the step that makes it, for undo. Raise GiveUp if there are too many.
    """
    if contact is None:
        _check_room(user, 1)
        contact = Contact(user=user, uid=_free_uid(user, card.uid), made_by=batch)
    _fill(contact, card)
    contact.save()
    contact.addresses.all().delete()
    ContactAddress.objects.bulk_create(_addresses(contact, card))
    take_ranks(contact.addresses.order_by())
    contact.groups.set([group_named(user, name) for name in card.categories])
    return contact


@transaction.atomic
def add_many(user: User, cards: Sequence[PersonCard], batch: uuid.UUID) -> list[Contact]:
    """New contacts, in a few statements. Raise GiveUp if there are too many."""
    _check_room(user, len(cards))
    taken = set(Contact.objects.filter(user=user, removed_at__isnull=True).values_list("uid", flat=True))
    contacts = []
    for card in cards:
        uid = card.uid if card.uid and card.uid not in taken else f"urn:uuid:{uuid.uuid4()}"
        taken.add(uid)
        contact = Contact(user=user, uid=uid, made_by=batch)
        _fill(contact, card)
        contacts.append(contact)
    Contact.objects.bulk_create(contacts, batch_size=AT_ONCE)
    rows = [row for contact, card in zip(contacts, cards, strict=True) for row in _addresses(contact, card)]
    ContactAddress.objects.bulk_create(rows, batch_size=AT_ONCE)
    take_ranks(ContactAddress.objects.order_by().filter(user=user, contact__made_by=batch))
    groups = {
        name: group_named(user, name).pk for name in dict.fromkeys(name for card in cards for name in card.categories)
    }
    through = Contact.groups.through
    members = {
        (contact.pk, groups[name]) for contact, card in zip(contacts, cards, strict=True) for name in card.categories
    }
    through.objects.bulk_create(
        (through(contact_id=contact, contactgroup_id=group) for contact, group in sorted(members)), batch_size=AT_ONCE
    )
    return contacts


def _check_room(user: User, more: int) -> None:
    if Contact.objects.filter(user=user, removed_at__isnull=True).count() + more > MOST_CONTACTS:
        raise GiveUp(Reason.LIMIT, f"An address book holds {MOST_CONTACTS:,} contacts. Remove some first.")


def _fill(contact: Contact, card: PersonCard) -> None:
    for name in TEXTS:
        setattr(contact, name, getattr(card, name))
    for name in LISTS:
        setattr(contact, name, [list(entry) for entry in getattr(card, name)])
    contact.kept = [
        [each.group, each.name, [[key, list(values)] for key, values in each.params], each.value] for each in card.kept
    ]
    first = card.addresses[0][1] if card.addresses else ""
    contact.sort_key = fold(card.name or card.organisation or first)[:200]
    contact.search = searchable(
        *(card.name, card.given, card.family, card.nickname, card.organisation, card.title),
        *(value for _, value in card.addresses + card.phones),
        most=LONGEST_SEARCH,
    )


def _addresses(contact: Contact, card: PersonCard) -> list[ContactAddress]:
    """Each once, whatever the case it is written in."""
    kinds: dict[str, tuple[str, str]] = {}
    for kind, address in card.addresses:
        kinds.setdefault(folded_key(address), (kind, address))
    return [
        ContactAddress(
            user_id=contact.user_id,
            contact=contact,
            kind=kind,
            address=address,
            key=key,
            search=searchable(card.name, card.nickname, card.organisation, address),
        )
        for key, (kind, address) in kinds.items()
    ]


def _free_uid(user: User, wanted: str) -> str:
    taken = wanted and Contact.objects.filter(user=user, uid=wanted, removed_at__isnull=True).exists()
    return wanted if wanted and not taken else f"urn:uuid:{uuid.uuid4()}"


def card_of(contact: Contact) -> PersonCard:
    """With its addresses and groups, which are best fetched before."""
    return PersonCard(
        uid=contact.uid,
        **{name: getattr(contact, name) for name in TEXTS},
        addresses=[(each.kind, each.address) for each in contact.addresses.all()],
        phones=[(kind, value) for kind, value in contact.phones],
        places=[
            (kind, street, city, region, code, country) for kind, street, city, region, code, country in contact.places
        ],
        links=[(kind, value) for kind, value in contact.links],
        categories=[group.name for group in contact.groups.all()],
        kept=[
            Property(name, value, group, tuple((key, tuple(values)) for key, values in params))
            for group, name, params, value in contact.kept
        ],
    )


def group_named(user: User, name: str) -> ContactGroup:
    """The group of that name, made where there is none. Raise GiveUp if there are too many."""
    name = " ".join(name.split())[:100]
    key = fold(name)[:200]
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

"""Many contacts written in a few statements, as a file of thousands of people asks for."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from webmail.mime.person_card import PersonCard
from webmail.models import Contact, ContactAddress
from webmail.models.inserting import bulk_insert

from .book import ADDRESS_COLUMNS, LISTS, TEXTS, address_rows, check_room, columns_of, group_named
from .collected import take_ranks

AT_ONCE = 500
WRITTEN = (*TEXTS, *LISTS, "kept", "sort_key", "search", "updated_at")
COLUMNS = ("user_id", "uid", "created_at", *WRITTEN)
MEMBER_COLUMNS = ("contact_id", "contactgroup_id")
Row = dict[str, Any]  # of a contact, by the names of its columns


@transaction.atomic
def add_many(user: User, cards: Sequence[PersonCard]) -> list[int]:
    """New contacts; their ids in the order of the cards. Raise GiveUp if there are too many."""
    check_room(user, len(cards))
    taken = set(Contact.objects.filter(user=user, removed_at__isnull=True).values_list("uid", flat=True))
    now, rows = timezone.now(), []
    for card in cards:
        uid = card.uid if card.uid and card.uid not in taken else f"urn:uuid:{uuid.uuid4()}"
        taken.add(uid)
        rows.append((user.pk, uid, now, *_written(card, now)))
    ids = bulk_insert(Contact, COLUMNS, rows, ids=True)
    _write_parts(user, list(zip(ids, cards, strict=True)))
    return ids


@transaction.atomic
def rewrite_many(user: User, changed: Sequence[tuple[Row, PersonCard]]) -> None:
    """Write each card in place of what a contact (``pk``, ``uid``, ``created_at``) says; the groups it is in stay."""
    now = timezone.now()
    rows = [(row["pk"], user.pk, row["uid"], row["created_at"], *_written(card, now)) for row, card in changed]
    bulk_insert(Contact, ("id", *COLUMNS), rows, unique=["id"], update=WRITTEN)
    written = [(int(row["pk"]), card) for row, card in changed]
    for start in range(0, len(written), AT_ONCE):
        ContactAddress.objects.filter(contact__in=[pk for pk, _ in written[start : start + AT_ONCE]]).delete()
    _write_parts(user, written)


def _written(card: PersonCard, now: datetime) -> list[object]:
    columns = {**columns_of(card), "updated_at": now}
    return [columns[name] for name in WRITTEN]


def _write_parts(user: User, written: Sequence[tuple[int, PersonCard]]) -> None:
    """Addresses and memberships."""
    rows = [row for pk, card in written for row in address_rows(user.pk, pk, card)]
    bulk_insert(ContactAddress, ADDRESS_COLUMNS, rows)
    for start in range(0, len(written), AT_ONCE):
        some = [pk for pk, _ in written[start : start + AT_ONCE]]
        take_ranks(ContactAddress.objects.order_by().filter(contact__in=some))
    names = dict.fromkeys(name for _, card in written for name in card.categories)
    groups = {name: group_named(user, name).pk for name in names}
    join(sorted({(pk, groups[name]) for pk, card in written for name in card.categories}))


def join(members: Sequence[tuple[int, int]]) -> None:
    """Contacts, by id, into groups, by id; who is in one already stays in it once."""
    through = Contact.groups.through
    bulk_insert(through, MEMBER_COLUMNS, members, unique=MEMBER_COLUMNS, update=MEMBER_COLUMNS[:1])

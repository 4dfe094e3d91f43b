"""Contacts that may be one person: they share an address or a name."""

from collections import defaultdict

from django.db.models import Count

from accounts.models import User
from webmail.models import Contact, ContactAddress

SHOWN, LOOKED_AT, TOGETHER = 20, 200, 100


def duplicates(user: User) -> list[list[Contact]]:
    """Contacts that share an address or a name, at most ``SHOWN`` sets of ``TOGETHER``, each contact in one set."""
    own = Contact.objects.filter(user=user, removed_at__isnull=True).order_by()
    addresses = ContactAddress.objects.filter(user=user, contact__removed_at__isnull=True).order_by()
    shared = addresses.values("key").annotate(many=Count("contact")).filter(many__gt=1).values("key")[:LOOKED_AT]
    named = own.exclude(name="").values("sort_key").annotate(many=Count("pk")).filter(many__gt=1)
    alike = own.exclude(name="").filter(sort_key__in=named.values("sort_key")[:LOOKED_AT])
    sets: dict[str, list[int]] = defaultdict(list)
    for key, pk in addresses.filter(key__in=shared).values_list("key", "contact_id"):
        sets[f"@{key}"].append(pk)
    for name, pk in alike.values_list("sort_key", "pk"):
        sets[f"={name}"].append(pk)
    found: list[set[int]] = []
    for each in sets.values():
        together = set(each)
        apart = [other for other in found if not other & together]
        found = [*apart, together.union(*(other for other in found if other & together))]
    wanted = [sorted(each)[:TOGETHER] for each in found if len(each) > 1][:SHOWN]
    contacts = own.prefetch_related("addresses").in_bulk([pk for each in wanted for pk in each])
    return [[contacts[pk] for pk in each if pk in contacts] for each in wanted]

"""Whether a person knows an address: it is one of a contact, or they wrote to it."""

from collections.abc import Iterable

from webmail.models import CollectedAddress, ContactAddress
from webmail.models.prepared import Prepared, Slot

from .words import folded_key

KNOWN = Prepared(
    lambda: (
        CollectedAddress.objects.order_by()
        .filter(user_id=Slot("user"), key__in=[Slot("keys")], written__gt=0)
        .values_list("key")
        .union(
            ContactAddress.objects.order_by()
            .filter(user_id=Slot("user"), key__in=[Slot("keys")], contact__removed_at__isnull=True)
            .values_list("key"),
            all=True,
        )
    )
)
MOST = 200


def knows(user_id: int, addresses: Iterable[str]) -> set[str]:
    """Which of ``addresses``, as given, the person knows; one query, of the first 200 alone."""
    keys: dict[str, list[str]] = {}
    for address in addresses:
        keys.setdefault(folded_key(address), []).append(address)
    known = KNOWN(user=user_id, keys=[key for key in keys if key][:MOST])
    return {address for (key,) in known for address in keys[key]}

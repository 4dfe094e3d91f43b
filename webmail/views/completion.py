"""People to write to, found in the mail a person has: whom they wrote to first, then who wrote to them."""

from collections import Counter

from django.core.cache import cache

from accounts.models import User
from webmail.mime.address import Address
from webmail.models import Folder, Message, SpecialUse
from webmail.outbox.letter import is_address
from webmail.outbox.reply import own_addresses

FROM_SENT, FROM_RECEIVED = 1500, 1500
MOST_FOLDERS = 12
SHOWN = 8
KEPT_SECONDS = 300
WRITTEN_TO = 5  # having written to somebody weighs as much as so many messages from them

Person = tuple[str, str]


def matching(user: User, asked: str) -> list[Address]:
    """Whose name or address has a word that begins with ``asked``, the likeliest first."""
    words = asked.casefold().split()
    found = []
    for name, address in known_people(user):
        haystack = f"{name} {address} {address.partition('@')[2]}".casefold()
        pieces = haystack.replace("@", " ").replace(".", " ").replace("-", " ").split()
        if all(any(piece.startswith(word) for piece in pieces) or haystack.startswith(word) for word in words) or (
            "@" in asked and address.casefold().startswith(asked.casefold())
        ):
            found.append(Address(name, address))
            if len(found) >= SHOWN:
                break
    return found


def known_people(user: User) -> list[Person]:
    """Ranked; kept for some minutes, for its own person only."""
    key = f"people:{user.pk}"
    known = cache.get(key)
    if known is None:
        known = _gather(user)
        cache.set(key, known, KEPT_SECONDS)
    return list(known)


def _gather(user: User) -> list[Person]:
    weight: Counter[str] = Counter()
    names: dict[str, Person] = {}
    uses = [SpecialUse.SENT, SpecialUse.INBOX, SpecialUse.ARCHIVE]
    folders = Folder.objects.filter(account__user=user, special_use__in=uses).order_by("special_use", "pk")
    for folder in folders[:MOST_FOLDERS]:
        sent = folder.special_use == SpecialUse.SENT
        rows = Message.objects.filter(shown_in=folder).order_by("-internaldate", "-id")
        rows = rows[: FROM_SENT if sent else FROM_RECEIVED]
        if sent:
            for recipients in rows.values_list("recipients", flat=True):
                for field in ("to", "cc", "bcc"):
                    for name, address in recipients.get(field, []):
                        _count(weight, names, name, address, WRITTEN_TO)
        else:
            for name, address in rows.values_list("from_name", "from_address"):
                _count(weight, names, name, address, 1)
    own = own_addresses(user)
    return [names[key] for key, _ in weight.most_common() if key not in own and is_address(names[key][1])]


def _count(weight: Counter[str], names: dict[str, Person], name: str, address: str, by: int) -> None:
    key = address.casefold()
    if not key:
        return
    weight[key] += by
    if key not in names or (name and not names[key][0]):
        names[key] = (name, address)

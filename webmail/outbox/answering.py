"""Who gets an answer, and as whom it is written."""

from collections.abc import Iterable
from typing import Literal

from accounts.models import Identity, User
from webmail.errors import GiveUp, Reason
from webmail.mime.address import Address
from webmail.mime.routing import Routing
from webmail.models import Message

from .letter import default_identity
from .quoted import people_in

Mode = Literal["sender", "all", "list"]


class NoList(GiveUp):
    """The message names no list that could be written to."""

    def __init__(self) -> None:
        super().__init__(Reason.ADDRESS, "This message names no list to write to. Use Reply or Reply all.")


def own_addresses(user: User) -> set[str]:
    addresses = set(user.mail_accounts.values_list("address", flat=True))
    addresses |= set(Identity.objects.filter(account__user=user).values_list("address", flat=True))
    return {address.casefold() for address in addresses}


def is_own(address: str, own: set[str]) -> bool:
    """Whether mail for ``address`` comes to the person; name+tag@host is name@host (RFC 5233)."""
    key = address.casefold()
    return key in own or without_tag(key) in own


def without_tag(address: str) -> str:
    local, at, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}{at}{domain}"


def written_to(message: Message) -> Identity | None:
    """The identity named in the message: that it is from, or to; of its own account if possible."""
    rows = list(Identity.objects.filter(account__user_id=message.account.user_id).select_related("account"))
    rows.sort(key=lambda row: (row.account_id != message.account_id, not row.is_default, row.pk))
    named = [Address("", message.from_address), *people_in(message, "to"), *people_in(message, "cc")]
    return _first_of(rows, [person.address for person in named])


def identity_for(message: Message, found: Routing | None = None) -> Identity | None:
    """As whom to answer; ``found`` is what the header says where nothing else tells."""
    named = written_to(message)
    if named is None and found is not None:
        named = _first_of(list(message.account.identities.all()), found.delivered_to)
    return named or default_identity(message.account)


def _first_of(rows: list[Identity], addresses: list[str]) -> Identity | None:
    for exact in (True, False):
        for row in rows:
            mine = row.address.casefold()
            for address in addresses:
                if mine == (address.casefold() if exact else without_tag(address.casefold())):
                    return row
    return None


def recipients(
    message: Message, own: set[str], mode: Mode, found: Routing | None = None
) -> tuple[list[Address], list[Address]]:
    """To and Cc of an answer. Raise NoList if it shall go to a list and there is none.

    What the person wrote goes to whom it went before; Reply-To and Mail-Followup-To are followed; one's own addresses
    never get it, unless there is nobody else.
    """
    if mode == "list":
        if found is None or not found.list_post:
            raise NoList
        return [Address("", found.list_post)], []
    writer = Address(message.from_name, message.from_address)
    mine = is_own(message.from_address, own)
    to = people_in(message, "to") if mine else _without(people_in(message, "reply_to"), own) or [writer]
    cc: list[Address] = []
    if mode == "all":
        if found is not None and found.followup_to and not mine:
            return _without(found.followup_to, own) or [writer], []
        others = [] if mine else people_in(message, "to")
        # Where answers go elsewhere (a list), the writer is still one of "all".
        cc = [*([] if mine else [writer]), *others, *people_in(message, "cc")]
    kept = _without(to, own) or _without(to, set())
    return kept, _without(cc, own | {person.address.casefold() for person in kept})


def answers_more(message: Message, own: set[str]) -> bool:
    """Whether an answer to all goes to anybody whom an answer does not go to."""
    return bool(recipients(message, own, "all")[1])


def _without(people: Iterable[Address], taken: set[str]) -> list[Address]:
    found: dict[str, Address] = {}
    for person in people:
        key = person.address.casefold()
        if key and not is_own(key, taken):
            found.setdefault(key, person)
    return list(found.values())

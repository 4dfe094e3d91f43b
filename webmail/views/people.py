"""Names of people, short enough for a line."""

from collections.abc import Iterable, Sequence

from accounts.models import MailAccount
from webmail.mime.headers import display_text
from webmail.models.prepared import Prepared, Slot

NAMED_IN_ROW = 3
OWN_ADDRESSES = Prepared(
    lambda: MailAccount.objects.order_by().filter(user_id=Slot("user")).values_list("address", "identities__address")
)


def own_addresses(user_id: int) -> frozenset[str]:
    """Every address the person writes as, lower case; one query."""
    return frozenset(address.lower() for pair in OWN_ADDRESSES(user=user_id) for address in pair if address)


def full_name(name: str, address: str) -> str:
    return display_text(name).strip() or address or "(no sender)"


def short_name(name: str, address: str) -> str:
    """``Ann`` of “Ann Smith” and of “Smith, Ann”; the local part where there is no name."""
    name = display_text(name).strip(" \"'")
    if not name:
        return address.partition("@")[0] or "(no sender)"
    last, comma, first = name.partition(",")
    words = (first if comma and first.strip() else last).split()
    return words[0] if words else name


def pairs(value: object) -> list[tuple[str, str]]:
    """[name, address] pairs of a JSON column, whatever else it may hold left out."""
    if not isinstance(value, list):
        return []
    return [
        (str(item[0] or ""), str(item[1] or "")) for item in value if isinstance(item, list | tuple) and len(item) == 2
    ]


def people_line(people: Sequence[tuple[str, str]], own: frozenset[str], *, alone: str = "(no sender)") -> str:
    """“Alice, me, Bob”; one person with the full name, more than three shortened in the middle."""
    if not people:
        return alone
    if len(people) == 1:
        name, address = people[0]
        return "me" if address.lower() in own else full_name(name, address)
    shown = people if len(people) <= NAMED_IN_ROW else [people[0], *people[1 - NAMED_IN_ROW :]]
    names = ["me" if address.lower() in own else short_name(name, address) for name, address in shown]
    if len(people) > NAMED_IN_ROW:
        names.insert(1, "…")
    return ", ".join(names).replace(", …,", " …")


def names_line(people: Iterable[tuple[str, str]], own: frozenset[str]) -> str:
    """All of them with full names, for the head of a message."""
    return ", ".join("me" if address.lower() in own else full_name(name, address) for name, address in people)

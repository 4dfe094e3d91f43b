"""Collected addresses as rows: what a batch of mail says of them is added to what is known."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.models import MailAccount
from webmail.mime.headers import display_text
from webmail.models import CollectedAddress, CollectedCode, ContactAddress
from webmail.models.inserting import bulk_insert

from . import weight
from .words import codes, folded_key, of_address

AT_ONCE = 400
COLUMNS = (
    *("user_id", "account_id", "key", "address", "name", "named_at", "heard", "written"),
    *("last_heard", "last_written", "rank", "search", "hidden"),
)
CODE_COLUMNS = ("user_id", "code", "collected_id")


@dataclass(slots=True)
class Met:
    """What is said of one address in one account."""

    user_id: int
    address: str
    name: str = ""
    named_at: datetime | None = None
    heard: int = 0
    written: int = 0
    last_heard: datetime | None = None
    last_written: datetime | None = None
    rank: float = weight.NONE
    hidden: bool = False

    def named(self, name: str, moment: datetime | None) -> None:
        """The newest name counts."""
        if name and moment and (self.named_at is None or moment >= self.named_at):
            self.name, self.named_at = display_text(name).strip()[:300], moment

    def wrote(self, moment: datetime, now: datetime) -> None:
        self.written += 1
        self.last_written = _later(self.last_written, moment)
        self.rank = weight.together(self.rank, weight.of_mail(weight.WRITTEN, moment, now))

    def was_heard(self, moment: datetime, now: datetime) -> None:
        self.heard += 1
        self.last_heard = _later(self.last_heard, moment)
        self.rank = weight.together(self.rank, weight.of_mail(weight.HEARD, moment, now))

    def add(self, known: CollectedAddress, *, counted: bool) -> None:
        self.address = known.address
        self.named(known.name, known.named_at)
        # Who is written to anew is suggested anew.
        newly = self.last_written is not None and (not known.last_written or self.last_written > known.last_written)
        self.hidden = known.hidden and not newly
        self.heard += known.heard
        self.written += known.written
        self.last_heard = _later(self.last_heard, known.last_heard)
        self.last_written = _later(self.last_written, known.last_written)
        self.rank = weight.together(self.rank, known.rank) if counted else max(self.rank, known.rank)


Batch = dict[tuple[int, str], Met]


def write(met: Batch, *, counted: bool = True) -> None:
    """Add ``met`` to the rows, inside the caller's transaction; not ``counted`` is what will be told of again."""
    own = own_addresses({one.user_id for one in met.values()})
    # In one order, so that two workers wait for each other and never in a circle.
    entries = sorted((key, one) for key, one in met.items() if key[1] not in own[one.user_id])
    for start in range(0, len(entries), AT_ONCE):
        _write(dict(entries[start : start + AT_ONCE]), counted=counted)


def _write(met: Batch, *, counted: bool) -> None:
    keys = sorted({key for _, key in met})
    known = CollectedAddress.objects.filter(account_id__in={account for account, _ in met}, key__in=keys)
    searched = {}
    for row in known.order_by("account_id", "key").select_for_update():
        if one := met.get((row.account_id, row.key)):
            one.add(row, counted=counted)
            searched[row.account_id, row.key] = row.search
    rows, changed = [], {}
    for (account_id, key), one in met.items():
        search = of_address(one.name, one.address)
        if search != searched.get((account_id, key)):
            changed[account_id, key] = one.user_id, search
        rows.append(
            (
                *(one.user_id, account_id, key, one.address, one.name, one.named_at, one.heard, one.written),
                *(one.last_heard, one.last_written, one.rank, search, one.hidden),
            )
        )
    bulk_insert(CollectedAddress, COLUMNS, rows, unique=["account_id", "key"], update=COLUMNS[3:])
    if changed:
        _encode(changed)
    take_ranks(ContactAddress.objects.filter(user_id__in={one.user_id for one in met.values()}, key__in=keys))


def _encode(changed: dict[tuple[int, str], tuple[int, str]]) -> None:
    """Codes of a name that is no longer the newest may stay: they lead to a row that does not fit."""
    found = CollectedAddress.objects.filter(
        account_id__in={account for account, _ in changed}, key__in={key for _, key in changed}
    )
    rows = []
    for pk, account_id, key in found.values_list("pk", "account_id", "key"):
        user_id, search = changed.get((account_id, key), (0, ""))
        rows += [(user_id, code, pk) for code in codes(search)]
    bulk_insert(CollectedCode, CODE_COLUMNS, sorted(rows), unique=CODE_COLUMNS, update=["code"])


def take_ranks(addresses: QuerySet[ContactAddress]) -> None:
    """Let addresses of contacts weigh what their mail weighs."""
    collected = CollectedAddress.objects.filter(user_id=OuterRef("user_id"), key=OuterRef("key"), rank__gt=0)
    addresses.update(rank=Coalesce(Subquery(collected.order_by("-rank").values("rank")[:1]), 0.0))


def own_addresses(user_ids: Collection[int]) -> dict[int, set[str]]:
    """What each person writes as; one query."""
    found: dict[int, set[str]] = {user_id: set() for user_id in user_ids}
    accounts = (
        MailAccount.objects.order_by().filter(user_id__in=list(user_ids)) if user_ids else MailAccount.objects.none()
    )
    for user_id, address, identity in accounts.values_list("user_id", "address", "identities__address"):
        found[user_id].update(folded_key(each) for each in (address, identity) if each)
    return found


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(one, other) if one and other else one or other

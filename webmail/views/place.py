"""What a list shows: one folder, or all inboxes of a person as one."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from django.http import HttpRequest
from django.urls import reverse

from accounts.models import MailAccount
from webmail.models import Folder, SpecialUse
from webmail.models.prepared import Prepared, Slot

from .access import folder_of, user_of

UNIFIED = "inbox"
UNIFIED_TITLE = "All inboxes"
INBOXES = Prepared(
    lambda: (
        Folder.objects.filter(account__user_id=Slot("user"), special_use=SpecialUse.INBOX, hidden=False)
        .select_related("account")
        .order_by("account__position", "account_id", "pk")
    )
)


@dataclass(frozen=True, slots=True)
class AccountMark:
    """Which account a row of the unified inbox belongs to; ``label`` is short and says it among this person's own."""

    account_id: int
    label: str
    address: str
    word: str = "Account"


@dataclass(frozen=True)
class Place:
    """``folders`` come with their accounts; exactly one unless ``unified``. ``single``: its rows are messages, not
    conversations.
    """

    user_id: int
    folders: tuple[Folder, ...]
    unified: bool = False
    single: bool = False

    @property
    def key(self) -> str:
        """What the browser knows it by."""
        return UNIFIED if self.unified else str(self.folders[0].pk)

    @cached_property
    def url(self) -> str:
        return reverse("unified-inbox") if self.unified else reverse("folder", args=[self.folders[0].pk])

    @property
    def searched(self) -> bool:
        """Rows are hits of a search."""
        return False

    @property
    def path(self) -> str:
        """What the addresses of its actions and conversations begin with; they end in ``query``."""
        return self.url

    @property
    def query(self) -> str:
        return ""

    @property
    def more(self) -> str:
        """The address of a further page, up to its cursor."""
        return f"{self.url}?after="

    @property
    def title(self) -> str:
        return UNIFIED_TITLE if self.unified else self.folders[0].title

    @property
    def window_title(self) -> str:
        return UNIFIED_TITLE if self.unified else f"{self.title} · {self.folders[0].account.address}"

    @property
    def special_use(self) -> SpecialUse:
        return SpecialUse.INBOX if self.unified else SpecialUse(self.folders[0].special_use)

    @property
    def account_id(self) -> int | None:
        """None where rows are of several."""
        return None if self.unified else self.folders[0].account_id

    @cached_property
    def here(self) -> frozenset[int]:
        """The ids of its folders."""
        return frozenset(folder.pk for folder in self.folders)

    @property
    def trash(self) -> frozenset[int]:
        """Its folders out of which deleting is for good."""
        return frozenset(folder.pk for folder in self.folders if folder.special_use == SpecialUse.TRASH)

    @property
    def total(self) -> int:
        return sum(folder.total for folder in self.folders)

    @property
    def shown_total(self) -> int:
        return sum(folder.shown_total for folder in self.folders)

    @property
    def shown_unread(self) -> int:
        return sum(folder.shown_unread for folder in self.folders)

    @property
    def leaving_to(self) -> int | None:
        """Everything up to this message id is being taken away from all of its folders."""
        marks = [folder.leaving_to for folder in self.folders if folder.leaving_to is not None]
        return min(marks) if marks and len(marks) == len(self.folders) else None

    @cached_property
    def marks(self) -> dict[int, AccountMark]:
        """By folder; empty where all rows are of one account anyway."""
        if not self.unified:
            return {}
        labels = account_labels(folder.account for folder in self.folders)
        return {
            folder.pk: AccountMark(folder.account_id, labels[folder.account_id], folder.account.address)
            for folder in self.folders
        }


def place_of(request: HttpRequest, folder_id: int | None) -> Place:
    """The folder, if it is the person's own, or without one all their inboxes; one query."""
    user = user_of(request)
    single = not user.show_conversations
    if folder_id is not None:
        return Place(user.pk, (folder_of(request, folder_id),), single=single)
    return Place(user.pk, tuple(INBOXES(user=user.pk)), unified=True, single=single)


def account_labels(accounts: Iterable[MailAccount]) -> dict[int, str]:
    """By account: its label, else as much of the address as tells it from the others."""
    known = {account.pk: account for account in accounts}
    locals_ = Counter(account.address.partition("@")[0].lower() for account in known.values())
    domains = Counter(account.address.partition("@")[2].lower() for account in known.values())
    return {pk: _label(account, locals_, domains) for pk, account in known.items()}


def _label(account: MailAccount, locals_: Counter[str], domains: Counter[str]) -> str:
    if account.name:
        return account.name
    local, _, domain = account.address.partition("@")
    if domain and domains[domain.lower()] == 1:
        return domain
    return local if locals_[local.lower()] == 1 else account.address

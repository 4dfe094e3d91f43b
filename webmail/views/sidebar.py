"""The sidebar: accounts, their folder trees and how each account fares, what is still to be sent; three queries."""

from collections import defaultdict
from dataclasses import dataclass, field

from django.db.models import Count, Exists, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from accounts.models import MailAccount, User
from webmail.icons import icon
from webmail.mime.headers import display_text
from webmail.models import Folder, OutgoingMessage, Reminder, SpecialUse, SyncState, UserStamp
from webmail.models.prepared import Prepared, Slot
from webmail.outbox import drafts

from .sidebar_html import tree_html
from .when import Clock

ORDER: dict[str, int] = {
    use: rank
    for rank, use in enumerate(
        [
            SpecialUse.INBOX,
            SpecialUse.FLAGGED,
            SpecialUse.IMPORTANT,
            SpecialUse.DRAFTS,
            SpecialUse.SENT,
            SpecialUse.ARCHIVE,
            SpecialUse.ALL,
            SpecialUse.JUNK,
            SpecialUse.TRASH,
        ]
    )
}
ICONS: dict[str, str] = {
    SpecialUse.INBOX: "inbox",
    SpecialUse.FLAGGED: "star",
    SpecialUse.IMPORTANT: "bookmark",
    SpecialUse.DRAFTS: "file-pen-line",
    SpecialUse.SENT: "send",
    SpecialUse.ARCHIVE: "archive",
    SpecialUse.ALL: "mails",
    SpecialUse.JUNK: "octagon-alert",
    SpecialUse.TRASH: "trash-2",
}
NAMED_BY_SERVER = frozenset({SpecialUse.FLAGGED, SpecialUse.IMPORTANT, SpecialUse.ALL})
State = OutgoingMessage.State
UNSENT = (State.QUEUED, State.SENDING, State.REJECTED, State.UNCLEAR)
# Their number is of no interest: what lies there has been dealt with.
QUIET = frozenset({SpecialUse.SENT, SpecialUse.TRASH, SpecialUse.ARCHIVE, SpecialUse.ALL})

ACCOUNTS = Prepared(
    lambda: (
        MailAccount.objects.filter(user_id=Slot("user"))
        .select_related("sync", "user__stamp")
        .defer("password", "smtp_password", "sync__capabilities")
    )
)
FOLDERS = Prepared(lambda: Folder.objects.filter(account__user_id=Slot("user"), hidden=False))
# How much is still to be sent, whether an answer is waited for and a draft kept here alone: all stand in the outbox.
OUTBOX = Prepared(
    lambda: (
        User.objects.filter(pk=Slot("user"))
        .annotate(
            unsent=Coalesce(
                Subquery(
                    OutgoingMessage.objects.filter(user_id=OuterRef("pk"), state__in=UNSENT, discarded=False)
                    .order_by()
                    .values("user_id")
                    .annotate(number=Count("pk"))
                    .values("number")
                ),
                0,
            ),
            awaited=Exists(Reminder.objects.filter(user_id=OuterRef("pk"), state=Reminder.State.WAITING)),
            kept=Exists(OutgoingMessage.objects.filter(drafts.only_here(Slot("before")), user_id=OuterRef("pk"))),
        )
        .values_list("unsent", "awaited", "kept")
    )
)


@dataclass(slots=True)
class Entry:
    """One line of the tree."""

    folder: Folder
    title: str
    depth: int
    icon: SafeString
    url: str
    badge: str
    takes_mail: bool
    current: bool = False

    @property
    def indent(self) -> int:
        return min(self.depth, 6) * 14


@dataclass(slots=True)
class AccountView:
    account: MailAccount
    state: str
    tone: str
    sentence: str
    entries: list[Entry] = field(default_factory=list)
    progress: int = -1

    @property
    def tree(self) -> SafeString:
        return tree_html(self.entries)

    @property
    def needs_person(self) -> bool:
        return self.tone == "danger"


@dataclass(slots=True)
class Sidebar:
    accounts: list[AccountView]
    folders: dict[int, Folder]
    unsent: int = 0
    awaited: bool = False
    kept: bool = False
    at_unified: bool = False
    revision: int = 0

    @property
    def several(self) -> bool:
        """More than one account: there is an inbox of all of them."""
        return len(self.accounts) > 1

    def inbox(self) -> Folder | None:
        """Where a person lands: the first account's inbox, else its first folder."""
        for account in self.accounts:
            for entry in account.entries:
                if entry.takes_mail:
                    return entry.folder
        return None

    @property
    def unread(self) -> int:
        """Of the inboxes; the number in the window's title."""
        return sum(f.shown_unread for f in self.folders.values() if f.special_use == SpecialUse.INBOX)


def build(user_id: int, clock: Clock, *, current: int | None = None, at_unified: bool = False) -> Sidebar:
    accounts = ACCOUNTS(user=user_id)
    folders = FOLDERS(user=user_id)
    by_account: dict[int, list[Folder]] = defaultdict(list)
    known = {account.pk: account for account in accounts}
    for folder in folders:
        if folder.account_id in known:
            folder.account = known[folder.account_id]
            by_account[folder.account_id].append(folder)
    views = []
    for account in accounts:
        view = state_of(account, by_account[account.pk], clock)
        view.entries = tree(by_account[account.pk], current)
        views.append(view)
    before = timezone.now() - drafts.TAKEN_WITHIN
    unsent, awaited, kept = OUTBOX.first(user=user_id, before=before) or (0, False, False)
    by_id = {folder.pk: folder for folder in folders}
    return Sidebar(
        views, by_id, unsent, awaited=awaited, kept=kept, at_unified=at_unified, revision=_revision(accounts)
    )


def _revision(accounts: list[MailAccount]) -> int:
    """Of what the page shows at least: its rows are read after this."""
    stamp: UserStamp | None = getattr(accounts[0].user, "stamp", None) if accounts else None
    return stamp.revision if stamp is not None else 0


def tree(folders: list[Folder], current: int | None = None, *, everything: bool = False) -> list[Entry]:
    """Special folders first, then by name; each folder below its parent. Unsubscribed ones only with ``everything``."""
    # Where nothing is subscribed, subscriptions are simply not used.
    used = not everything and any(folder.subscribed and not folder.special_use for folder in folders)
    shown = [folder for folder in folders if not used or folder.subscribed or folder.special_use]
    by_name = {folder.name: folder for folder in shown}
    children: dict[str, list[Folder]] = defaultdict(list)
    prefix = _inbox_prefix(shown)
    for folder in shown:
        children[_parent(folder, by_name, prefix)].append(folder)
    start = reverse("folder", args=[0])[: -len("0/")]
    entries: list[Entry] = []
    stack = [(folder, 0) for folder in reversed(_sorted(children[""]))]
    while stack:
        folder, depth = stack.pop()
        entries.append(_entry(folder, depth, start=start, by_name=by_name, prefix=prefix, current=current))
        stack += [(child, depth + 1) for child in reversed(_sorted(children.get(folder.name, [])))]
    return entries


def _sorted(folders: list[Folder]) -> list[Folder]:
    return sorted(folders, key=lambda folder: (ORDER.get(folder.special_use, 99), folder.name.casefold()))


def _inbox_prefix(folders: list[Folder]) -> str:
    """``INBOX.`` where a server keeps every folder below INBOX: nobody wants to see that level."""
    others = [folder for folder in folders if folder.name.upper() != "INBOX"]
    delimiter = others[0].delimiter if others else ""
    below = f"INBOX{delimiter}"
    return below if delimiter and all(folder.name.upper().startswith(below) for folder in others) else ""


def _parent(folder: Folder, by_name: dict[str, Folder], prefix: str) -> str:
    """The nearest folder above that is shown; "" for the top."""
    name = folder.parent_name
    while name and not (prefix and name.upper() == "INBOX"):
        if name in by_name and name != folder.name:
            return name
        name = name.rpartition(folder.delimiter)[0]
    return ""


def _entry(
    folder: Folder, depth: int, *, start: str, by_name: dict[str, Folder], prefix: str, current: int | None
) -> Entry:
    use = folder.special_use
    if use in ORDER and use not in NAMED_BY_SERVER:
        title = folder.title
    else:
        parent = _parent(folder, by_name, prefix)
        title = folder.name[len(parent) + len(folder.delimiter) :] if parent else folder.name[len(prefix) :]
    unread = 0 if use in QUIET else folder.shown_unread
    return Entry(
        folder=folder,
        title=display_text(title),
        depth=depth,
        icon=icon(ICONS.get(use, "folder")),
        url=f"{start}{folder.pk}/",
        badge=str((folder.shown_total if use == SpecialUse.DRAFTS else unread) or ""),
        takes_mail=folder.selectable,
        current=folder.pk == current,
    )


def state_of(account: MailAccount, folders: list[Folder], clock: Clock) -> AccountView:
    """How the account fares, in words."""
    sync: SyncState | None = getattr(account, "sync", None)
    if account.paused:
        return AccountView(account, "Paused", "muted", "")
    status = sync.status if sync is not None else SyncState.Status.NEW
    if sync is not None and status == SyncState.Status.BLOCKED:
        return AccountView(account, "Needs you", "danger", sync.sentence)
    if sync is not None and status == SyncState.Status.WAITING:
        since = f"since {clock.label(sync.last_pass_at).short}, trying again" if sync.last_pass_at else "trying again"
        return AccountView(account, f"Waiting for the server — {since}", "warn", sync.sentence)
    behind = [folder for folder in folders if folder.selectable and not folder.backfilled]
    wanted = sum(folder.server_messages for folder in folders if folder.selectable)
    have = sum(min(f.total, f.server_messages) if f in behind else f.server_messages for f in folders if f.selectable)
    if behind and wanted > have:
        text = f"Catching up — {have:,} of {wanted:,}"
        return AccountView(account, text, "muted", "", progress=have * 100 // wanted)
    if status == SyncState.Status.NEW:
        return AccountView(account, "Getting your mail…", "muted", "")
    return AccountView(account, "Up to date", "ok", "")

"""What a person does to messages: the mirror changes at once, the journal remembers what the server must be told.

Both happen in one transaction. Opposite actions that the worker has not begun cancel out. ``undo`` applies the inverse
through the same doors, so it works before, while and after the server was told.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeGuard

from django.db import transaction
from django.utils import timezone

from accounts.models import MailAccount, User
from webmail.errors import GiveUp, Reason
from webmail.models import BulkAction, Folder, Message, PendingAction, SpecialUse, SyncState
from webmail.models.inserting import bulk_insert
from webmail.models.mirror import IDS_PER_QUERY, Change, change
from webmail.models.prepared import Prepared, PreparedUpdate, Slot

from . import attention

Kind, State = PendingAction.Kind, PendingAction.State
MOVES = frozenset({Kind.MOVE, Kind.CARRY})
PLACING = MOVES | {Kind.EXPUNGE}
FLAG_COLUMNS = frozenset({"seen", "flagged", "answered"})
COLUMNS = [field.attname for field in PendingAction._meta.concrete_fields if not field.primary_key]  # noqa: SLF001
CURRENT = Prepared(
    lambda: Message.objects.filter(pk__in=[Slot("ids")], account__user_id=Slot("user"), shown_in__isnull=False).defer(
        "structure", "recipients", "references"
    )
)
WAITING = Prepared(
    lambda: (
        PendingAction.objects.order_by()
        .filter(message__pk__in=[Slot("ids")], kind__in=[Slot("kinds")], flag=Slot("flag"), state=State.PENDING)
        .values_list("pk", "message_id", "attempts")
    )
)
MEANT = Message.objects.filter(pk__in=[Slot("ids")])
SET = {flag: PreparedUpdate(lambda: MEANT, **{flag: Slot("value")}) for flag in FLAG_COLUMNS}
SHOW = PreparedUpdate(lambda: MEANT, shown_in=Slot("folder"))


@dataclass(frozen=True)
class Done:
    """``text`` is what the toast says; ``batch`` is what undo takes."""

    batch: uuid.UUID
    count: int
    text: str


def store(user: User, messages: Iterable[Message], flag: str, value: bool, *, batch: uuid.UUID | None = None) -> Done:
    """Set or clear ``seen``, ``flagged``, ``answered`` or a keyword (RFC 3501 section 2.3.2)."""
    batch = batch or uuid.uuid4()
    with change(user.pk) as changed:
        rows = [row for row in _current(user, messages) if has_flag(row, flag) != value]
        set_flag(rows, flag, value)
        changed.messages(rows)
        journal(rows, Kind.STORE, batch, changed, flag=flag, value=value)
    return Done(batch, len(rows), _flag_text(flag, value, len(rows)))


def move(user: User, messages: Iterable[Message], target: Folder, *, batch: uuid.UUID | None = None) -> Done:
    """Raise GiveUp if the target takes no messages."""
    batch = batch or uuid.uuid4()
    with change(user.pk) as changed:
        check_target(target)
        rows = [row for row in _current(user, messages) if row.shown_in_id != target.pk]
        changed.messages(rows)
        place(rows, target, batch, changed)
    where = place_name(target, (row.account_id for row in rows))
    return Done(batch, len(rows), f"{_messages(len(rows))} moved to {where}")


def archive(user: User, messages: Iterable[Message], *, batch: uuid.UUID | None = None) -> Done:
    return _to_special(user, messages, SpecialUse.ARCHIVE, "archived", batch=batch)


def junk(user: User, messages: Iterable[Message]) -> Done:
    return _to_special(user, messages, SpecialUse.JUNK, "marked as junk")


def not_junk(user: User, messages: Iterable[Message]) -> Done:
    return _to_special(user, messages, SpecialUse.INBOX, "moved to Inbox")


def delete(user: User, messages: Iterable[Message]) -> Done:
    """To Trash; what already is in Trash is deleted for good."""
    batch = uuid.uuid4()
    with transaction.atomic():
        rows = list(_current(user, messages))
        uses = dict(Folder.objects.filter(pk__in={row.shown_in_id for row in rows}).values_list("pk", "special_use"))
        final = [row for row in rows if uses.get(row.shown_in_id or 0) == SpecialUse.TRASH]
        gone = expunge(user, final, batch=batch).count if final else 0
        rest = [row for row in rows if uses.get(row.shown_in_id or 0) != SpecialUse.TRASH]
        moved = _to_special(user, rest, SpecialUse.TRASH, "deleted", batch=batch).count if rest else 0
    text = f"{_messages(moved)} moved to Trash" if moved else f"{_messages(gone)} deleted for good"
    return Done(batch, moved + gone, text)


def expunge(user: User, messages: Iterable[Message], *, batch: uuid.UUID | None = None) -> Done:
    """Delete for good. It can be undone only until the worker begins."""
    batch = batch or uuid.uuid4()
    with change(user.pk) as changed:
        rows = _current(user, messages)
        changed.messages(rows)
        journal(rows, Kind.EXPUNGE, batch, changed)
        show(rows, None)
    return Done(batch, len(rows), f"{_messages(len(rows))} deleted for good")


def empty(user: User, folder: Folder) -> Done:
    return expunge(user, Message.objects.filter(shown_in=folder, account__user=user))


def undo(user: User, batch: uuid.UUID) -> Done:
    """Take a batch back. Raise GiveUp if nothing of it can be."""
    taken_back = uuid.uuid4()
    count = 0
    with transaction.atomic():
        actions = list(
            PendingAction.objects.filter(batch=batch, account__user=user, message__isnull=False)
            .exclude(state=State.REFUSED)
            .select_related("message", "source")
        )
        moves: dict[Folder, list[Message]] = defaultdict(list)
        flags: dict[tuple[str, bool], list[Message]] = defaultdict(list)
        for action in actions:
            if action.kind in MOVES and action.source is not None:
                moves[action.source].append(action.message)  # type: ignore[arg-type]
            elif action.kind == Kind.STORE:
                flags[action.flag, not action.value].append(action.message)  # type: ignore[arg-type]
        for folder, messages in moves.items():
            count += move(user, messages, folder, batch=taken_back).count
        for (flag, value), messages in flags.items():
            count += store(user, messages, flag, value, batch=taken_back).count
        with change(user.pk) as changed:
            kept, _ = keep([action for action in actions if action.kind == Kind.EXPUNGE], taken_back, changed)
        count += kept
    if not count:
        raise GiveUp(Reason.GONE, "It is too late to undo this.")
    return Done(taken_back, count, "Undone")


def special_folder(account: MailAccount, use: SpecialUse) -> Folder:
    """The account's folder for a purpose, created (here and in the journal) where it has none."""
    usable = Folder.objects.filter(account=account, selectable=True, hidden=False).order_by("pk")
    folder = usable.filter(special_use=use).first()
    if folder is None and use == SpecialUse.ARCHIVE and _has_labels(account):
        folder = usable.filter(special_use=SpecialUse.ALL).first()
    if folder is None:
        from .folder_actions import create_folder  # noqa: PLC0415 - the two call each other

        folder = create_folder(account.user, account, use.label, special_use=use)
    return folder


def _has_labels(account: MailAccount) -> bool:
    """Gmail: what loses its label stays in All Mail, and that is what archiving means there."""
    offered = SyncState.objects.filter(pk=account.pk).values_list("capabilities", flat=True).first()
    return "X-GM-EXT-1" in (offered or ())


def check_target(folder: Folder) -> None:
    """Raise GiveUp if it takes no messages."""
    if not takes(folder):
        raise GiveUp(Reason.REFUSED, f"“{folder.title}” cannot hold messages.")


def place_name(folder: Folder, from_accounts: Iterable[int]) -> str:
    """With its account where messages come from another one."""
    same = all(account_id == folder.account_id for account_id in from_accounts)
    return folder.title if same else f"{folder.title} of {folder.account}"


def has_flag(message: Message, flag: str) -> bool:
    return bool(getattr(message, flag)) if flag in FLAG_COLUMNS else flag in message.keywords


def set_flag(messages: list[Message], flag: str, value: bool) -> None:
    """In the mirror alone; the caller holds the gate."""
    if flag in FLAG_COLUMNS:
        for ids in _chunks(messages):
            SET[flag](ids=ids, value=value)
        for row in messages:
            setattr(row, flag, value)
        return
    for row in messages:
        row.keywords = sorted({*row.keywords, flag} if value else set(row.keywords) - {flag})
    Message.objects.bulk_update(messages, ["keywords"], batch_size=300)


def _current(user: User, messages: Iterable[Message]) -> list[Message]:
    """The rows as they stand now that the person's lock is held; what is no longer shown is left out."""
    ids = [message.pk for message in messages]
    found: list[Message] = []
    for start in range(0, len(ids), IDS_PER_QUERY):
        found += CURRENT(ids=ids[start : start + IDS_PER_QUERY], user=user.pk)
    return found


def place(
    rows: list[Message], target: Folder, batch: uuid.UUID, changed: Change, *, bulk: BulkAction | None = None
) -> int:
    """Show them in ``target``; its own server moves them there, those of another account are carried over."""
    own = [row for row in rows if row.account_id == target.account_id]
    others = [row for row in rows if row.account_id != target.account_id]
    settled = journal(own, Kind.MOVE, batch, changed, target=target, bulk=bulk) if own else 0
    settled += journal(others, Kind.CARRY, batch, changed, target=target, bulk=bulk) if others else 0
    show(rows, target)
    return settled


def journal(
    rows: list[Message],
    kind: PendingAction.Kind,
    batch: uuid.UUID,
    changed: Change,
    *,
    flag: str = "",
    value: bool = True,
    target: Folder | None = None,
    bulk: BulkAction | None = None,
) -> int:
    """Write one action per message; an opposite one that has not begun is settled instead of being sent.

    Return how many were settled so.
    """
    now = timezone.now()
    superseded = _superseded(rows, kind, flag)
    if superseded and kind != Kind.STORE:
        # What is under way may have been carried out already: then the message is no longer where its row says.
        superseded -= _under_way(superseded)
    actions = []
    settled = 0
    for row in rows:
        cancels = row.pk in superseded and (kind == Kind.STORE or (target is not None and target.pk == row.folder_id))
        settled += cancels
        actions.append(
            PendingAction(
                account_id=row.account_id,
                kind=kind,
                batch=batch,
                bulk=bulk,
                message=row,
                source_id=row.shown_in_id,
                target=target,
                flag=flag,
                value=value,
                state=State.DONE if cancels else State.PENDING,
                created_at=now,
                finished_at=now if cancels else None,
            )
        )
    bulk_insert(PendingAction, COLUMNS, [tuple(map(action.__dict__.get, COLUMNS)) for action in actions])
    for account_id in {row.account_id for row in rows}:
        attention.ask(account_id)
    changed.folders.update(row.shown_in_id for row in rows if row.shown_in_id)
    return settled


def _superseded(rows: list[Message], kind: PendingAction.Kind, flag: str) -> set[int]:
    """Messages whose action of the same kind was still waiting; it is settled here and never sent.

    Not those of which a mark was tried before: nobody knows whether the server has set it, so the opposite is sent.
    """
    kinds = [Kind.STORE] if kind == Kind.STORE else sorted(MOVES)
    found: set[int] = set()
    for ids in _chunks(rows):
        here = WAITING(ids=ids, kinds=kinds, flag=flag)
        if here:
            waiting = PendingAction.objects.filter(pk__in=[pk for pk, _, _ in here], state=State.PENDING)
            waiting.update(state=State.DONE, finished_at=timezone.now())
            tried = {message_id for _, message_id, attempts in here if attempts and kind == Kind.STORE}
            found.update({message_id for _, message_id, _ in here if message_id} - tried)
    return found


def _under_way(message_ids: set[int]) -> set[int]:
    running = PendingAction.objects.filter(message__in=message_ids, kind__in=sorted(PLACING), state=State.RUNNING)
    return set(running.values_list("message_id", flat=True))


def keep(
    expunged: list[PendingAction], batch: uuid.UUID, changed: Change, *, bulk: BulkAction | None = None
) -> tuple[int, int]:
    """What the worker has not begun to delete is shown where it was; how many, and of how many the server need not be told.

    Deleting had settled a move there that was never sent: then that is made after all.
    """
    waiting = PendingAction.objects.filter(pk__in=[action.pk for action in expunged], state=State.PENDING)
    alive = set(waiting.select_for_update().values_list("pk", flat=True))
    PendingAction.objects.filter(pk__in=alive).update(state=State.DONE, finished_at=timezone.now())
    kept = [action for action in expunged if action.pk in alive and action.message is not None]
    ids = [action.message_id for action in kept]
    running = PendingAction.objects.filter(message__in=ids, kind__in=sorted(MOVES), state=State.RUNNING)
    bound = dict(running.values_list("message_id", "target_id"))
    places: dict[Folder, list[Message]] = defaultdict(list)
    for action in kept:
        message: Message = action.message  # type: ignore[assignment]
        shown = action.source if takes(action.source) else message.folder
        places[shown].append(message)
    settled = 0
    for folder, rows in places.items():
        changed.messages(rows)
        there = [row for row in rows if bound.get(row.pk, row.folder_id) == folder.pk]
        settled += len(there) + place([row for row in rows if row not in there], folder, batch, changed, bulk=bulk)
        show(there, folder)
    return len(kept), settled


def takes(folder: Folder | None) -> TypeGuard[Folder]:
    """Whether messages can be put into it."""
    return folder is not None and folder.selectable and not folder.hidden


def _to_special(
    user: User, messages: Iterable[Message], use: SpecialUse, verb: str, *, batch: uuid.UUID | None = None
) -> Done:
    batch = batch or uuid.uuid4()
    by_account: dict[MailAccount, list[Message]] = defaultdict(list)
    count = 0
    with transaction.atomic():
        rows = list(messages)
        accounts = MailAccount.objects.select_related("user").in_bulk({row.account_id for row in rows})
        for row in rows:
            by_account[accounts[row.account_id]].append(row)
        for account, own in by_account.items():
            count += move(user, own, special_folder(account, use), batch=batch).count
    return Done(batch, count, f"{_messages(count)} {verb}")


def show(rows: list[Message], folder: Folder | None) -> None:
    for ids in _chunks(rows):
        SHOW(ids=ids, folder=folder.pk if folder is not None else None)
    for row in rows:
        row.shown_in = folder


def _chunks(rows: list[Message]) -> Iterable[list[int]]:
    return ([row.pk for row in rows[start : start + IDS_PER_QUERY]] for start in range(0, len(rows), IDS_PER_QUERY))


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count:,} messages"


FLAG_TEXTS: dict[tuple[str, bool], Callable[[str], str]] = {
    ("seen", True): lambda what: f"{what} marked as read",
    ("seen", False): lambda what: f"{what} marked as unread",
    ("flagged", True): lambda what: f"{what} starred",
    ("flagged", False): lambda what: f"Star removed from {what}",
}


def _flag_text(flag: str, value: bool, count: int) -> str:
    text = FLAG_TEXTS.get((flag, value), lambda what: f"{what} changed")
    return text(_messages(count))

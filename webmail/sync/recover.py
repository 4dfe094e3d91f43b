"""Actions whose outcome is unknown: the server is looked at before anything is repeated (faults F03, F04, F07)."""

from collections import defaultdict
from datetime import timedelta

from django.utils import timezone

from accounts.models import MailAccount
from webmail.errors import FolderReset, GiveUp, OutcomeUnknown, RetryLater
from webmail.imap.connection import MailConnection
from webmail.imap.types import MoveResult
from webmail.models import Folder, Message, PendingAction

from .insert import alike, as_row
from .local import AnyMailbox, LocalMailbox
from .results import expunged, moved, put_back
from .stumbling import concerns_one

Kind, State = PendingAction.Kind, PendingAction.State
LONGEST_UNKNOWN = timedelta(hours=1)


def settle_cut_short(connection: AnyMailbox, account: MailAccount) -> set[int]:
    """Decide every running action; return ids of folders to look into."""
    # What is carried to another account is looked after there.
    running = PendingAction.objects.filter(account=account, state=State.RUNNING).exclude(kind=Kind.CARRY)
    # Setting a flag twice is setting it once; folder actions look for themselves.
    running.exclude(kind__in=[Kind.MOVE, Kind.EXPUNGE]).update(state=State.PENDING)
    # A look at what was moved there was cut short or never came.
    unplaced = Message.objects.filter(folder__account=account, uid__isnull=True, missing_since__isnull=True)
    touched: set[int] = set(unplaced.values_list("folder_id", flat=True))
    groups: dict[tuple[int, int | None, str, int | None], list[PendingAction]] = defaultdict(list)
    for action in running.select_related("message__folder", "target").order_by("id"):
        message = action.message
        if message is None:
            continue
        if message.uid is None or (action.target_id is not None and message.folder_id == action.target_id):
            PendingAction.objects.filter(pk=action.pk).update(state=State.PENDING)
            continue
        groups[message.folder_id, message.uidvalidity, action.kind, action.target_id].append(action)
    for actions in groups.values():
        try:
            touched |= _settle(connection, account, actions)
        except OutcomeUnknown:
            raise
        except RetryLater as problem:
            if not concerns_one(problem, connection):
                raise
            # It stays running, for nothing is known of it; when that has been so for long, the server's view counts.
            late = [action for action in actions if action.created_at < timezone.now() - LONGEST_UNKNOWN]
            if late:
                put_back(account, late, GiveUp(problem.reason, problem.sentence, detail=problem.detail))
    return touched


def _settle(connection: AnyMailbox, account: MailAccount, actions: list[PendingAction]) -> set[int]:
    folder = actions[0].message.folder  # type: ignore[union-attr]
    target = actions[0].target
    try:
        connection.select(folder.name, uidvalidity=actions[0].message.uidvalidity)  # type: ignore[union-attr]
    except (FolderReset, GiveUp) as refusal:
        put_back(account, actions, refusal)
        return {folder.pk}
    uids = sorted(action.message.uid for action in actions if action.message is not None and action.message.uid)
    still_there = connection.uids(",".join(str(uid) for uid in uids))
    gone = [action for action in actions if action.message is not None and action.message.uid not in still_there]
    waiting = [action for action in actions if action.message is not None and action.message.uid in still_there]
    if gone:
        if actions[0].kind == Kind.EXPUNGE:
            expunged(account, gone)
        elif target is not None:
            # The uid in the target is not known; the look into it re-identifies the message.
            moved(account, gone, target, MoveResult(None, None))
    if waiting and target is not None and not connection.has("MOVE"):
        waiting = _finish_half_moves(connection, account, waiting)
    PendingAction.objects.filter(pk__in=[action.pk for action in waiting]).update(state=State.PENDING)
    return {folder.pk, *([target.pk] if target is not None else [])}


def _finish_half_moves(
    connection: AnyMailbox, account: MailAccount, actions: list[PendingAction]
) -> list[PendingAction]:
    """Without MOVE the copy may stand in the target already: then only the original is still to be removed."""
    target, folder = actions[0].target, actions[0].message.folder  # type: ignore[union-attr]
    if target is None or isinstance(connection, LocalMailbox):
        return actions
    connection.select(target.name, uidvalidity=None)
    copied: dict[int, int] = {}
    for action in actions:
        message = action.message
        if message is None or message.uid is None or not message.message_id:
            continue
        new = _copies(connection, target, message) - set(copied.values())
        if new:
            copied[message.uid] = max(new)
    selected = connection.select(target.name, uidvalidity=None)
    finished = [action for action in actions if action.message is not None and action.message.uid in copied]
    if finished:
        connection.select(folder.name, uidvalidity=finished[0].message.uidvalidity)  # type: ignore[union-attr]
        connection.expunge(sorted(copied))
        moved(account, finished, target, MoveResult(copied, selected.uidvalidity))
    return [action for action in actions if action not in finished]


def _copies(connection: MailConnection, target: Folder, message: Message) -> set[int]:
    """Uids in the folder that is open, its target, under which nothing is mirrored and the server has this very message: the
    original goes for it, and a Message-ID alone can be anybody's.
    """
    found = connection.find_message_id(message.message_id)
    known = Message.objects.filter(folder=target, uid__in=found).values_list("uid", flat=True)
    new = set(found) - set(known)
    rows = [as_row(target, 0, each) for each in connection.fetch_envelopes(new)] if new else []
    return {row.uid or 0 for row in rows if row.size == message.size and alike(row, message)}

"""Taking a bulk action back: what it changed and nobody has changed since, piece by piece like the action itself."""

import uuid
from collections import defaultdict

from django.db.models import QuerySet

from accounts.models import User
from webmail.errors import GiveUp, Reason
from webmail.models import BulkAction, Folder, Message, PendingAction
from webmail.models.mirror import Change, change

from . import actions, bulk

Kind, State, Verb = PendingAction.Kind, BulkAction.State, BulkAction.Verb


def undo(user: User, batch: uuid.UUID) -> BulkAction | None:
    """None if the batch is not of a bulk action. Raise GiveUp if there is nothing to take back any more."""
    with change(user.pk) as changed:
        original = BulkAction.objects.filter(batch=batch, user=user).first()
        if original is None:
            changed.silent = True
            return None
        taken = BulkAction.objects.filter(undoes=original).first()
        if taken is not None:
            return taken
        left = _left(original, 0)
        if original.undoes_id is not None or not (original.state == State.APPLYING or left.exists()):
            raise GiveUp(Reason.GONE, "It is too late to undo this.")
        bulk.stop(original, changed)
        taken = BulkAction.objects.create(
            user=user, verb=Verb.UNDO, undoes=original, total=max(0, original.applied - original.refused)
        )
        _take_back(taken, changed, bulk.AT_ONCE)
    return taken


def step(bulk_id: int, user_id: int) -> bool:
    """One piece; False when it is not to be carried on."""
    with change(user_id) as changed:
        taken = BulkAction.objects.select_related("undoes").filter(pk=bulk_id, state=State.APPLYING).first()
        if taken is None:
            changed.silent = True
            return False
        if not _take_back(taken, changed, bulk.CHUNK):
            BulkAction.objects.filter(pk=bulk_id).update(state=State.SENDING, total=taken.applied)
    return True


def _left(original: BulkAction, after: int) -> QuerySet[PendingAction]:
    return PendingAction.objects.filter(bulk=original, pk__gt=after).exclude(state=PendingAction.State.REFUSED)


def _take_back(taken: BulkAction, changed: Change, limit: int) -> bool:
    if taken.undoes is None:
        return False
    done = list(
        _left(taken.undoes, taken.undone_to)
        .select_related("message", "source")
        .defer("message__structure", "message__recipients", "message__references")
        .order_by("pk")[:limit]
    )
    if not done:
        return False
    count, settled = 0, 0
    moves: dict[Folder, list[Message]] = defaultdict(list)
    flags: dict[tuple[str, bool], list[Message]] = defaultdict(list)
    for action in done:
        message = action.message
        if message is None:
            continue
        if action.kind == Kind.STORE and actions.has_flag(message, action.flag) == action.value:
            flags[action.flag, not action.value].append(message)
        # Whoever has moved it since, here or in another client, has decided where it is.
        elif action.kind in actions.MOVES and message.shown_in_id == action.target_id and actions.takes(action.source):
            moves[action.source].append(message)
    for folder, rows in moves.items():
        changed.messages(rows)
        settled += actions.place(rows, folder, taken.batch, changed, bulk=taken)
        count += len(rows)
    for (flag, value), rows in flags.items():
        changed.messages(rows)
        actions.set_flag(rows, flag, value)
        settled += actions.journal(rows, Kind.STORE, taken.batch, changed, flag=flag, value=value, bulk=taken)
        count += len(rows)
    deleted = [action for action in done if action.kind == Kind.EXPUNGE]
    kept, untold = actions.keep(deleted, taken.batch, changed, bulk=taken)
    bulk.note_applied(taken, count + kept, settled + untold)
    taken.undone_to = done[-1].pk
    BulkAction.objects.filter(pk=taken.pk).update(undone_to=taken.undone_to)
    return True

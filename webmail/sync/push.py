"""The journal, carried out on the server: oldest first, in groups of one kind on one folder.

An action is *running* from before its command is sent until its result stands in the database. A row found running was
cut short by a crash or a lost reply, so its outcome is looked up before anything is repeated. Nothing is ever addressed
by a uid whose UIDVALIDITY was not checked in the same SELECT.
"""

import logging
from collections.abc import Callable, Iterator
from itertools import islice

from django.db.models import Case, IntegerField, When
from django.utils import timezone

from accounts.models import MailAccount
from webmail.errors import FolderReset, GiveUp, OutcomeUnknown, RetryLater
from webmail.models import Folder, PendingAction
from webmail.models.mirror import change

from .folder_push import push_folder_action
from .local import AnyMailbox
from .recover import settle_cut_short
from .results import expunged, moved, put_back

logger = logging.getLogger(__name__)
GROUP = 500
LOOK_AHEAD = 2000
Kind, State = PendingAction.Kind, PendingAction.State
MESSAGE_KINDS = (Kind.STORE, Kind.MOVE, Kind.EXPUNGE)
# The tree first, because rows already bear the new names; folders go last, after what was moved out of them.
TURN = Case(
    When(kind__in=[Kind.CREATE_FOLDER, Kind.RENAME_FOLDER, Kind.SUBSCRIBE], then=0),
    When(kind=Kind.DELETE_FOLDER, then=2),
    default=1,
    output_field=IntegerField(),
)
WIRE_FLAGS = {"seen": "\\Seen", "flagged": "\\Flagged", "answered": "\\Answered"}


def push(connection: AnyMailbox, account: MailAccount, *, should_stop: Callable[[], bool]) -> set[int]:
    """Carry out what is waiting; return the ids of folders whose content changed on the server.

    Raises RetryLater or AskUser when the connection or the account, not the action, is at fault.
    """
    touched: set[int] = set()
    skipped: set[int] = set()
    touched |= settle_cut_short(connection, account)
    while not should_stop():
        group = _next_group(account, skipped)
        if not group:
            break
        if group[0].kind in MESSAGE_KINDS:
            touched |= _push_group(connection, account, group, skipped)
        else:
            push_folder_action(connection, account, group[0])
    return touched


def _next_group(account: MailAccount, skipped: set[int]) -> list[PendingAction]:
    """The longest run, from the oldest action whose turn it is on, that one command can carry out."""
    waiting = (
        PendingAction.objects.filter(account=account, state=State.PENDING)
        .exclude(pk__in=skipped)
        .select_related("message__folder", "target", "source")
        .defer("message__structure", "message__recipients", "message__references")
        .annotate(turn=TURN)
        .order_by("turn", "id")
    )
    group: list[PendingAction] = []
    seen: set[int] = set()
    for action in islice(waiting.iterator(chunk_size=GROUP), LOOK_AHEAD):
        if not group:
            group.append(action)
            if action.kind not in MESSAGE_KINDS:
                break
        elif len(group) < GROUP and _same(group[0], action) and action.message_id not in seen:
            group.append(action)
        else:
            break
        seen.add(action.message_id or 0)
    return group


def _same(first: PendingAction, other: PendingAction) -> bool:
    if first.message is None or other.message is None:
        return False
    return (first.kind, first.flag, first.value, first.target_id) == (
        other.kind,
        other.flag,
        other.value,
        other.target_id,
    ) and (first.message.folder_id, first.message.uidvalidity) == (other.message.folder_id, other.message.uidvalidity)


def _push_group(
    connection: AnyMailbox, account: MailAccount, group: list[PendingAction], skipped: set[int]
) -> set[int]:
    unknown = [action for action in group if action.message is None or action.message.uid is None]
    if unknown:
        # The server did not say where its last move put them; the next look into that folder will.
        skipped.update(action.pk for action in unknown)
        return {action.message.folder_id for action in unknown if action.message is not None}
    claimed = _claim(group)
    if not claimed:
        return set()
    folder = claimed[0].message.folder  # type: ignore[union-attr]
    try:
        connection.select(folder.name, uidvalidity=claimed[0].message.uidvalidity)  # type: ignore[union-attr]
        return _carry_out(connection, account, folder, claimed)
    except OutcomeUnknown:
        raise
    except RetryLater:
        _release(claimed)
        raise
    except (FolderReset, GiveUp) as refusal:
        put_back(account, claimed, refusal)
        return {folder.pk}


def _claim(group: list[PendingAction]) -> list[PendingAction]:
    """Mark running what the person has not taken back in the meantime."""
    ids = [action.pk for action in group]
    with change(group[0].account.user_id) as changed:
        changed.silent = True
        alive = set(
            PendingAction.objects.filter(pk__in=ids, state=State.PENDING)
            .select_for_update()
            .values_list("pk", flat=True)
        )
        for action in group:
            action.attempts += 1
        PendingAction.objects.filter(pk__in=alive).update(state=State.RUNNING, attempts=group[0].attempts)
    return [action for action in group if action.pk in alive]


def _release(actions: list[PendingAction]) -> None:
    PendingAction.objects.filter(pk__in=[action.pk for action in actions], state=State.RUNNING).update(
        state=State.PENDING
    )


def _carry_out(connection: AnyMailbox, account: MailAccount, folder: Folder, actions: list[PendingAction]) -> set[int]:
    first = actions[0]
    uids = uid_set(_uids(actions))
    if first.kind == Kind.STORE:
        flag = WIRE_FLAGS.get(first.flag, first.flag)
        connection.store(uids, [flag] if first.value else [], [] if first.value else [flag])
        _done(account, actions)
        return set()
    if first.kind == Kind.MOVE and first.target is not None:
        result = connection.move(uids, first.target.name)
        moved(account, actions, first.target, result)
        return {folder.pk, first.target.pk}
    connection.expunge(_uids(actions))
    expunged(account, actions)
    return {folder.pk}


def _done(account: MailAccount, actions: list[PendingAction]) -> None:
    with change(account.user_id) as changed:
        PendingAction.objects.filter(pk__in=[action.pk for action in actions]).update(
            state=State.DONE, finished_at=timezone.now()
        )
        # The lists mark what is not confirmed yet: an open one has to hear that it is.
        changed.folders.update(
            action.message.shown_in_id
            for action in actions
            if action.message is not None and action.message.shown_in_id
        )


def _uids(actions: list[PendingAction]) -> list[int]:
    return sorted(action.message.uid for action in actions if action.message is not None and action.message.uid)


def uid_set(uids: list[int]) -> str:
    """``[1, 2, 3, 7]`` → ``1:3,7`` (RFC 3501 section 9, sequence-set)."""
    return ",".join(f"{low}:{high}" if high > low else str(low) for low, high in _ranges(sorted(uids)))


def _ranges(uids: list[int]) -> Iterator[tuple[int, int]]:
    start = previous = None
    for uid in uids:
        if start is None or previous is None:
            start = previous = uid
        elif uid == previous + 1:
            previous = uid
        else:
            yield start, previous
            start = previous = uid
    if start is not None and previous is not None:
        yield start, previous

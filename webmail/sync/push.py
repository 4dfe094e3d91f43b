"""The journal, carried out on the server: oldest first, in groups of one kind on one folder.

An action is *running* from before its command is sent until its result stands in the database. A row found running was
cut short by a crash or a lost reply, so its outcome is looked up before anything is repeated. Nothing is ever addressed
by a uid whose UIDVALIDITY was not checked in the same SELECT.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import islice

from django.db.models import Case, F, IntegerField, When
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts.models import MailAccount
from webmail.errors import GiveUp, OutcomeUnknown, Reason, RetryLater
from webmail.models import Folder, PendingAction
from webmail.models.mirror import change

from .folder_push import folder_refused, push_folder_action
from .folders import behind
from .local import AnyMailbox
from .overtaken import passed_over, wait_for_new_places
from .recover import settle_cut_short
from .refusal import refused, still_there
from .results import expunged, finish, moved, put_back
from .stumbling import concerns_one

logger = logging.getLogger(__name__)
GROUP = 500
LOOK_AHEAD = 2000
TOGETHER = 3  # tries in a group; from then on each goes alone, so that one that fails holds up no other
# With errors of the server itself, before they count as a refusal: it may be ill as a whole, and recover.
PATIENCE = timedelta(hours=1)
MOST_PUT_OFF = 50  # in a row: then it is not the messages, but the server
Kind, State = PendingAction.Kind, PendingAction.State
MESSAGE_KINDS = (Kind.STORE, Kind.MOVE, Kind.EXPUNGE)
# The tree first, because rows already bear the new names; folders go last, after what was moved out of them.
TURN = Case(
    When(kind__in=[Kind.CREATE_FOLDER, Kind.RENAME_FOLDER, Kind.SUBSCRIBE], then=0),
    When(kind=Kind.DELETE_FOLDER, then=3),
    # A single click does not wait behind ten thousand messages.
    When(bulk__isnull=False, then=2),
    default=1,
    output_field=IntegerField(),
)
_STUMBLES = "It answers with an error of its own each time."
WIRE_FLAGS = {"seen": "\\Seen", "flagged": "\\Flagged", "answered": "\\Answered"}


@dataclass
class Pushed:
    """``touched``: ids of the folders whose content changed on the server. ``put_off``: ids of actions that nothing can be done
    about in this pass. ``passed``: of those that wait until it is known where their messages are.
    """

    touched: set[int] = field(default_factory=set)
    put_off: set[int] = field(default_factory=set)
    passed: set[int] = field(default_factory=set)


def push(connection: AnyMailbox, account: MailAccount, *, should_stop: Callable[[], bool]) -> Pushed:
    """Carry out what is waiting.

    Raises RetryLater or AskUser when the connection or the account, not the action, is at fault.
    """
    done = Pushed(settle_cut_short(connection, account))
    skipped: set[int] = set()
    in_a_row = 0
    while not should_stop():
        group = _next_group(account, skipped)
        if not group:
            break
        try:
            if group[0].kind in MESSAGE_KINDS:
                done.touched |= _push_group(connection, account, group, skipped, done)
            else:
                push_folder_action(connection, account, group[0])
            in_a_row = 0
        except OutcomeUnknown:
            raise
        except RetryLater as problem:
            in_a_row += 1
            if not concerns_one(problem, connection) or in_a_row > MOST_PUT_OFF:
                raise
            skipped |= {action.pk for action in group}
            done.put_off |= _wait_or_give_up(account, group, problem)
    return done


def _wait_or_give_up(account: MailAccount, actions: list[PendingAction], problem: RetryLater) -> set[int]:
    """The server answers these with an error of its own. Return those that need not be tried again at once."""
    logger.info("%s actions of account %s wait: %s", len(actions), account.pk, problem.detail)
    late = timezone.now() - PATIENCE
    alone = [action for action in actions if action.attempts > TOGETHER]
    for action in alone:
        if action.created_at < late:
            refusal = GiveUp(problem.reason, f"{_STUMBLES} {problem.detail}".strip())
            if action.kind in MESSAGE_KINDS:
                put_back(account, [action], refusal)
            else:
                folder_refused(account, action, refusal)
    return {action.pk for action in alone}


def _next_group(account: MailAccount, skipped: set[int]) -> list[PendingAction]:
    """The longest run, from the oldest action whose turn it is on, that one command can carry out."""
    waiting = (
        PendingAction.objects.filter(account=account, state=State.PENDING)
        .exclude(kind=Kind.CARRY)
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
    if first.message is None or other.message is None or max(first.attempts, other.attempts) >= TOGETHER:
        return False
    return (first.kind, first.flag, first.value, first.target_id) == (
        other.kind,
        other.flag,
        other.value,
        other.target_id,
    ) and (first.message.folder_id, first.message.uidvalidity) == (other.message.folder_id, other.message.uidvalidity)


def _push_group(
    connection: AnyMailbox, account: MailAccount, group: list[PendingAction], skipped: set[int], done: Pushed
) -> set[int]:
    unknown = [action for action in group if action.message is None or action.message.uid is None]
    if unknown:
        # The server did not say where its last move put them; the next look into that folder will.
        skipped.update(action.pk for action in unknown)
        return {action.message.folder_id for action in unknown if action.message is not None}
    claimed = _claim(group)
    # Taken back meanwhile, or on its way to another account.
    unclaimed = {action.pk for action in group} - {action.pk for action in claimed}
    skipped |= unclaimed
    done.put_off |= unclaimed
    if not claimed:
        return set()
    folder = claimed[0].message.folder  # type: ignore[union-attr]
    if claimed[0].kind == Kind.MOVE and claimed[0].target_id == folder.pk:
        # Another client had the same idea.
        _done(account, claimed)
        return set()
    try:
        news = _open(connection, folder, claimed[0])
        touched = _carry_out(connection, account, folder, claimed) | ({folder.pk} if news else set())
        passed = {action.pk for action in claimed if action.state == State.PENDING}
        skipped |= passed
        done.passed |= passed
        return touched
    except OutcomeUnknown:
        raise
    except RetryLater as problem:
        if concerns_one(problem, connection) and connection.selected is not None and claimed[0].kind == Kind.MOVE:
            claimed = still_there(connection, account, claimed)
        _release(claimed)
        raise
    except GiveUp as refusal:
        return refused(connection, account, claimed, refusal, partial(_carry_out, connection, account, folder))


def _open(connection: AnyMailbox, folder: Folder, action: PendingAction) -> bool:
    """Return whether opening the folder told of something new: it is not told again.

    A folder that is open keeps its UIDVALIDITY until it is left (RFC 3501 section 2.3.1.1), and a flag needs no more. Moving
    asks for a view that is up to date: servers refuse a whole set for one message that is gone.
    """
    selected, uidvalidity = connection.selected, action.message.uidvalidity  # type: ignore[union-attr]
    opened = selected is not None and selected.name == folder.name and selected.uidvalidity == uidvalidity
    if opened and action.kind == Kind.STORE:
        return False
    return behind(folder, connection.select(folder.name, uidvalidity=uidvalidity))


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
        carried = PendingAction.objects.filter(
            message__in=[action.message_id for action in group], kind=Kind.CARRY, state=State.RUNNING
        )
        away = set(carried.values_list("message_id", flat=True))
        alive -= {action.pk for action in group if action.message_id in away}
        for action in group:
            action.attempts += 1
            action.state = State.RUNNING
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
        add, remove = ([flag], []) if first.value else ([], [flag])
        try:
            answered = connection.store(uids, add, remove)
        except GiveUp as refusal:
            if refusal.reason != Reason.GONE:
                raise
            connection.select(folder.name, uidvalidity=first.message.uidvalidity)  # type: ignore[union-attr]
            answered = connection.store(uids, add, remove)
        missed = passed_over(connection, folder, actions, answered)
        _done(account, [action for action in actions if action not in missed])
        if missed:
            wait_for_new_places(folder, missed)
            return {folder.pk}
        return _know_own_change(folder, first, answered, len(actions))
    if first.kind == Kind.MOVE and first.target is not None:
        result = connection.move(uids, first.target.name)
        moved(account, actions, first.target, result)
        return {folder.pk, first.target.pk}
    connection.expunge(_uids(actions))
    expunged(account, actions)
    return {folder.pk}


def _know_own_change(folder: Folder, action: PendingAction, answered: dict[int, int], count: int) -> set[int]:
    """Our own STORE is no news: the next mod-sequence is ours, so nothing of another client lies between (RFC 7162).

    Any other mod-sequence says that there is more to learn; without CONDSTORE the counters tell.
    """
    if folder.highestmodseq is not None and not answered:
        return set()
    unseen = (-1 if action.value else 1) * (len(answered) or count) if action.flag == "seen" else 0
    values: dict[str, object] = {"server_unseen": Greatest(0, F("server_unseen") + unseen)}
    known = Folder.objects.filter(pk=folder.pk)
    if folder.highestmodseq is not None:
        if set(answered.values()) != {folder.highestmodseq + 1}:
            return {folder.pk}
        values["highestmodseq"] = folder.highestmodseq + 1
        known = known.filter(highestmodseq=folder.highestmodseq)
    known.update(**values)
    return set()


def _done(account: MailAccount, actions: list[PendingAction]) -> None:
    with change(account.user_id) as changed:
        finish(actions, timezone.now())
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

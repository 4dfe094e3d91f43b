"""What the server answered, written into the mirror."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection
from django.utils import timezone

from accounts.models import MailAccount
from webmail.errors import MailError
from webmail.imap.types import MoveResult
from webmail.models import Folder, Message, Notice, PendingAction
from webmail.models.mirror import change

from . import tally
from .changes import hand_over

Kind, State = PendingAction.Kind, PendingAction.State


def moved(account: MailAccount, actions: list[PendingAction], target: Folder, result: MoveResult) -> None:
    """The messages are in ``target`` now; COPYUID (RFC 4315) says under which uids, or the next look into it will."""
    now = timezone.now()
    with change(account.user_id) as changed:
        # The lists mark what is not confirmed yet: an open one has to hear that it is.
        changed.folders.add(target.pk)
        rows, vanished = [], []
        for action in actions:
            message = action.message
            if message is None or message.uid is None:
                continue
            uid = result.mapping.get(message.uid) if result.mapping is not None else None
            changed.message(message)
            if result.mapping is not None and uid is None:
                # Not among what was moved: another client took it away first. It may turn up in another folder.
                vanished.append(action)
                continue
            message.folder = target
            message.uid = uid
            message.uidvalidity = result.target_uidvalidity if uid is not None else None
            rows.append(message)
        known: dict[int | None, int] = {
            message.uid: message.pk for message in rows if message.uid is not None and message.uidvalidity
        }
        # The look into the target may have been quicker than this.
        twins = Message.objects.filter(folder=target, uidvalidity=result.target_uidvalidity, uid__in=list(known))
        replaced = {pk: known[uid] for pk, uid in twins.values_list("pk", "uid") if known[uid] != pk}
        hand_over(replaced)
        changed.delete(replaced)
        _vanish([action.message_id or 0 for action in vanished])
        _place(rows)
        finish(actions, now, missed=vanished)


def _place(rows: list[Message]) -> None:
    """What bulk_update does, without the one large expression that takes longer to build than all else."""
    table = connection.ops.quote_name(Message._meta.db_table)  # noqa: SLF001 - its name
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {table} SET folder_id = %s, uid = %s, uidvalidity = %s WHERE id = %s",  # noqa: S608 - a constant
            [(row.folder_id, row.uid, row.uidvalidity, row.pk) for row in rows],
        )


def expunged(account: MailAccount, actions: list[PendingAction]) -> None:
    with change(account.user_id) as changed:
        messages = [action.message for action in actions if action.message is not None]
        changed.messages(messages)
        finish(actions, timezone.now())
        changed.delete(message.pk for message in messages)


def put_back(account: MailAccount, actions: list[PendingAction], refusal: MailError) -> None:
    """The server said no: what is shown follows the server again, and the person is told."""
    with change(account.user_id) as changed:
        changed.messages(action.message for action in actions if action.message is not None)
        for flag, value in {(action.flag, action.value) for action in actions if action.kind == Kind.STORE}:
            same = [action for action in actions if (action.flag, action.value) == (flag, value)]
            undo_flag([action.message for action in same if action.message is not None], flag, value)
        placing = [action for action in actions if action.kind != Kind.STORE]
        onward = _moving_on(placing)
        rows = [action.message for action in placing if action.message is not None and action.pk not in onward]
        for message in rows:
            message.shown_in_id = message.folder_id
        Message.objects.bulk_update(rows, ["shown_in"], batch_size=300)
        PendingAction.objects.filter(pk__in=[action.pk for action in actions]).update(
            state=State.REFUSED, finished_at=timezone.now(), error=f"{refusal.sentence} {refusal.detail}"[:1000]
        )
        tally.refused(actions, refusal.sentence)
        # A bulk action tells it in its own line.
        alone = [action for action in actions if action.bulk_id is None]
        if alone:
            Notice.objects.create(user_id=account.user_id, text=_refusal_text(alone, refusal)[:1000])


def undo_flag(messages: list[Message], flag: str, value: bool) -> None:
    from .actions import set_flag  # noqa: PLC0415 - actions is a stage above in this package

    set_flag(messages, flag, not value)


def _moving_on(actions: list[PendingAction]) -> set[int]:
    """Those after which a later action of the person decides where the message is shown."""
    first = min((action.pk for action in actions), default=0)
    later = PendingAction.objects.filter(
        message__in=[action.message_id for action in actions],
        kind__in=[Kind.MOVE, Kind.CARRY, Kind.EXPUNGE],
        state=State.PENDING,
        pk__gt=first,
    )
    last: dict[int, int] = {}
    for message_id, pk in later.values_list("message_id", "pk"):
        last[message_id or 0] = max(pk, last.get(message_id or 0, 0))
    return {action.pk for action in actions if last.get(action.message_id or 0, 0) > action.pk}


def _vanish(message_ids: list[int]) -> None:
    Message.objects.filter(pk__in=message_ids).update(
        uid=None, uidvalidity=None, shown_in=None, missing_since=timezone.now()
    )


def finish(actions: list[PendingAction], now: datetime, *, missed: Sequence[PendingAction] = ()) -> None:
    """The server has answered for them; the caller holds the gate."""
    PendingAction.objects.filter(pk__in=[action.pk for action in actions]).update(state=State.DONE, finished_at=now)
    tally.missed(missed)
    away = {action.pk for action in missed}
    tally.confirmed(action for action in actions if action.pk not in away)


def _refusal_text(actions: list[PendingAction], refusal: MailError) -> str:
    first = actions[0]
    what = f"“{first.message}”" if len(actions) == 1 and first.message is not None else f"{len(actions):,} messages"
    return f"The server did not {first.get_kind_display()} {what}: {refusal.sentence} It is back where it was."

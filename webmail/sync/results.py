"""What the server answered, written into the mirror."""

from datetime import datetime

from django.utils import timezone

from accounts.models import MailAccount
from webmail.errors import MailError
from webmail.imap.types import MoveResult
from webmail.models import Folder, Message, Notice, PendingAction
from webmail.models.mirror import change

Kind, State = PendingAction.Kind, PendingAction.State


def moved(account: MailAccount, actions: list[PendingAction], target: Folder, result: MoveResult) -> None:
    """The messages are in ``target`` now; COPYUID (RFC 4315) says under which uids, or the next look into it will."""
    now = timezone.now()
    with change(account.user_id) as changed:
        # The lists mark what is not confirmed yet: an open one has to hear that it is.
        changed.folders.add(target.pk)
        rows = []
        for action in actions:
            message = action.message
            if message is None or message.uid is None:
                continue
            uid = result.mapping.get(message.uid) if result.mapping is not None else None
            if result.mapping is not None and uid is None:
                # Not among what was moved: another client took it away first. It may turn up in another folder.
                _vanish(message)
                changed.message(message)
                continue
            if uid is not None and result.target_uidvalidity is not None:
                # The look into the target may have been quicker than this.
                twins = Message.objects.filter(folder=target, uidvalidity=result.target_uidvalidity, uid=uid)
                for twin in twins.exclude(pk=message.pk):
                    changed.message(twin)
                    twin.delete()
            message.folder = target
            message.uid = uid
            message.uidvalidity = result.target_uidvalidity if uid is not None else None
            rows.append(message)
        Message.objects.bulk_update(rows, ["folder", "uid", "uidvalidity"], batch_size=300)
        changed.messages(rows)
        _finish(actions, now)


def expunged(account: MailAccount, actions: list[PendingAction]) -> None:
    with change(account.user_id) as changed:
        messages = [action.message for action in actions if action.message is not None]
        changed.messages(messages)
        _finish(actions, timezone.now())
        Message.objects.filter(pk__in=[message.pk for message in messages]).delete()


def put_back(account: MailAccount, actions: list[PendingAction], refusal: MailError) -> None:
    """The server said no: what is shown follows the server again, and the person is told."""
    with change(account.user_id) as changed:
        rows = []
        for action in actions:
            message = action.message
            if message is None:
                continue
            changed.message(message)
            if action.kind == Kind.STORE:
                undo_flag(message, action.flag, action.value)
            elif not _moves_on(action):
                message.shown_in_id = message.folder_id
                rows.append(message)
        Message.objects.bulk_update(rows, ["shown_in"], batch_size=300)
        PendingAction.objects.filter(pk__in=[action.pk for action in actions]).update(
            state=State.REFUSED, finished_at=timezone.now(), error=f"{refusal.sentence} {refusal.detail}"[:1000]
        )
        Notice.objects.create(user_id=account.user_id, text=_refusal_text(actions, refusal)[:1000])


def undo_flag(message: Message, flag: str, value: bool) -> None:
    from .actions import set_flag  # noqa: PLC0415 - actions is a stage above in this package

    set_flag([message], flag, not value)


def _moves_on(action: PendingAction) -> bool:
    """A later action of the person decides where the message is shown."""
    return (
        PendingAction.objects.filter(
            message=action.message_id, kind__in=[Kind.MOVE, Kind.EXPUNGE], state=State.PENDING, pk__gt=action.pk
        )
    ).exists()


def _vanish(message: Message) -> None:
    Message.objects.filter(pk=message.pk).update(
        uid=None, uidvalidity=None, shown_in=None, missing_since=timezone.now()
    )


def _finish(actions: list[PendingAction], now: datetime) -> None:
    PendingAction.objects.filter(pk__in=[action.pk for action in actions]).update(state=State.DONE, finished_at=now)


def _refusal_text(actions: list[PendingAction], refusal: MailError) -> str:
    first = actions[0]
    what = f"“{first.message}”" if len(actions) == 1 and first.message is not None else f"{len(actions):,} messages"
    return f"The server did not {first.get_kind_display()} {what}: {refusal.sentence} It is back where it was."

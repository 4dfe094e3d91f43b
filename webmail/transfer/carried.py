"""A message of another account has its copy in the target: found there if the answer was lost, and made known to the mirror."""

from django.utils import timezone

from webmail.imap.types import Appended
from webmail.models import Folder, LedgerEntry, Message, PendingAction, StoredContent
from webmail.models.mirror import change
from webmail.sync import attention, results
from webmail.sync.local import LocalMailbox

from .letter import Outgoing, key_of
from .target import WINDOW, Target

Kind, State = PendingAction.Kind, PendingAction.State
OPEN = [State.PENDING, State.RUNNING]


def landed(target: Target, action: PendingAction, letter: Outgoing) -> Appended | None:
    """The copy that an earlier try has written, if it has: not older than the first try, and nobody else's. Raise MailError."""
    connection = target.connection
    if action.uidnext is None or isinstance(connection, LocalMailbox):
        return None
    connection.noop()
    selected = connection.select(target.name, uidvalidity=None)
    since = action.uidnext if action.uidvalidity == selected.uidvalidity else 1
    if letter.message_id:
        uids = [uid for uid in connection.find_message_id(letter.message_id) if uid >= since]
        rows = connection.fetch_envelopes(uids) if uids else []
        # Some servers count octets otherwise.
        found = [row.uid for row in rows if row.size == letter.size] or (uids if len(uids) == 1 else [])
    else:
        found = []
        for start in range(since, selected.uidnext, WINDOW):
            rows = connection.fetch_envelopes(f"{start}:{min(selected.uidnext, start + WINDOW) - 1}")
            found += [row.uid for row in rows if (key_of(row), row.size) == (letter.message_key, letter.size)]
    others = Message.objects.filter(folder=action.target_id, uidvalidity=selected.uidvalidity, uid__in=found)
    taken = others.filter(actions__kind=Kind.CARRY, actions__target=action.target_id, actions__state=State.DONE)
    free = sorted(set(found) - set(taken.values_list("uid", flat=True)))
    return Appended(free[0], selected.uidvalidity) if free else None


def commit(action: PendingAction, folder: Folder, copy: Appended, size: int) -> None:
    """The row of the message goes over to the copy; what is left at the source is to be expunged there."""
    now = timezone.now()
    with change(action.account.user_id) as changed:
        row = Message.objects.select_for_update().filter(pk=action.message_id or 0).first()
        if row is None or not PendingAction.objects.filter(pk=action.pk, state=State.RUNNING).exists():
            return
        left = Message.objects.get(pk=row.pk)
        twins = list(
            Message.objects.filter(folder=folder, uidvalidity=copy.uidvalidity, uid=copy.uid).exclude(pk=row.pk)
        )
        _make_room(twins)
        row.account_id, row.folder, row.uidvalidity, row.uid = folder.account_id, folder, copy.uidvalidity, copy.uid
        row.size, row.missing_since = size, None
        row.save(update_fields=["account", "folder", "uidvalidity", "uid", "size", "missing_since"])
        _leave(left, row)
        for twin in twins:
            # The look into the target may have been quicker than this, and what is filed here has its content with it.
            StoredContent.objects.filter(message=twin).update(message=row)
        changed.delete(twin.pk for twin in twins)
        _follow(row)
        results.finish([action], now)
        changed.message(row)
        changed.folders.update({folder.pk, left.folder_id})
        attention.ask(left.account_id)
        attention.ask(folder.account_id)


def _make_room(twins: list[Message]) -> None:
    Message.objects.filter(pk__in=[twin.pk for twin in twins]).update(uid=None)


def _leave(left: Message, row: Message) -> None:
    """A row for what still lies at the source, shown nowhere."""
    if left.uid is None:
        return
    left.pk = None
    left._state.adding = True  # noqa: SLF001 - how Django copies a row
    left.shown_in, left.missing_since = None, None
    left.save()
    StoredContent.objects.filter(message=row).update(message=left)
    LedgerEntry.objects.filter(message=row).update(message=left)
    PendingAction.objects.create(account_id=left.account_id, kind=Kind.EXPUNGE, message=left, source_id=left.folder_id)


def _follow(row: Message) -> None:
    """What the person did since goes where the message is now."""
    waiting = PendingAction.objects.filter(message=row, state=State.PENDING).select_related("target")
    for action in waiting:
        if action.kind in {Kind.MOVE, Kind.CARRY} and action.target is not None:
            action.kind = Kind.MOVE if action.target.account_id == row.account_id else Kind.CARRY
        action.account_id = row.account_id
        action.save(update_fields=["kind", "account"])

"""Folder operations of the journal, carried out on the server."""

from django.utils import timezone

from accounts.models import MailAccount
from webmail.errors import GiveUp, RetryLater
from webmail.models import Folder, Notice, PendingAction
from webmail.models.mirror import change

from .deleting import HoldsMore, refuse_what_was_not_seen
from .local import AnyMailbox

Kind, State = PendingAction.Kind, PendingAction.State


def push_folder_action(connection: AnyMailbox, account: MailAccount, action: PendingAction) -> None:
    """Each operation is tried again after a lost reply: what already is as wanted counts as done."""
    action.attempts += 1
    waiting = PendingAction.objects.filter(pk=action.pk, state=State.PENDING)
    if not waiting.update(state=State.RUNNING, attempts=action.attempts):
        return
    try:
        _perform(connection, action)
    except RetryLater:
        PendingAction.objects.filter(pk=action.pk).update(state=State.PENDING)
        raise
    except GiveUp as refusal:
        folder_refused(account, action, refusal)
        return
    with change(account.user_id) as changed:
        if action.kind == Kind.DELETE_FOLDER and action.source is not None:
            from .folders import remove_folder  # noqa: PLC0415 - folders looks at the journal, too

            remove_folder(changed, action.source)
        PendingAction.objects.filter(pk=action.pk).update(state=State.DONE, finished_at=timezone.now())


def _perform(connection: AnyMailbox, action: PendingAction) -> None:
    names = {folder.name for folder in connection.list_folders()}
    # Servers end the session of whoever has a folder open that is renamed or deleted.
    connection.select("INBOX", uidvalidity=None)
    if action.kind == Kind.CREATE_FOLDER:
        if action.name not in names:
            connection.create_folder(action.name)
        connection.subscribe(action.name)
    elif action.kind == Kind.RENAME_FOLDER:
        if action.old_name in names or action.name not in names:
            connection.rename_folder(action.old_name, action.name)
        connection.subscribe(action.name)
    elif action.kind == Kind.DELETE_FOLDER:
        if action.name in names:
            refuse_what_was_not_seen(connection, action)
            connection.select("INBOX", uidvalidity=None)
            connection.unsubscribe(action.name)
            connection.delete_folder(action.name)
    elif action.value:
        connection.subscribe(action.name)
    else:
        connection.unsubscribe(action.name)


def _give_old_name_back(account: MailAccount, action: PendingAction, folder: Folder) -> None:
    """To it and the folders below. Where the person has used the name again meanwhile the tree is left to the next LIST: under
    either name there is another folder then, and what was in it is found again by what it is.
    """
    names = {other.name: other.pk for other in Folder.objects.filter(account=account)}
    inside = action.name + folder.delimiter
    moved = {name: pk for name, pk in names.items() if name == action.name or name.startswith(inside)}
    restored = {action.old_name + name[len(action.name) :]: pk for name, pk in moved.items()}
    if not restored.keys() & (names.keys() - moved.keys()):
        for name, pk in restored.items():
            Folder.objects.filter(pk=pk).update(name=name)


def folder_refused(account: MailAccount, action: PendingAction, refusal: GiveUp) -> None:
    """Put the tree back as the server has it; the next LIST would say the same."""
    folder = action.source
    with change(account.user_id) as changed:
        if folder is not None:
            if action.kind == Kind.DELETE_FOLDER:
                Folder.objects.filter(pk=folder.pk).update(hidden=False)
            elif action.kind == Kind.SUBSCRIBE:
                Folder.objects.filter(pk=folder.pk).update(subscribed=not action.value)
            elif action.kind == Kind.RENAME_FOLDER:
                _give_old_name_back(account, action, folder)
            changed.folders.add(folder.pk)
        PendingAction.objects.filter(pk=action.pk).update(
            state=State.REFUSED, finished_at=timezone.now(), error=f"{refusal.sentence} {refusal.detail}"[:1000]
        )
        text = f"The server did not {action.get_kind_display()} “{action.name}”: {refusal.sentence}"
        if isinstance(refusal, HoldsMore):
            text = f"“{action.name}” was not deleted: {refusal.sentence}"
        Notice.objects.create(user_id=account.user_id, text=text[:1000])

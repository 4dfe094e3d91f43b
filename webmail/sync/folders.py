"""The tree of folders: what LIST says, brought into the mirror."""

from collections import Counter
from collections.abc import Iterable
from typing import cast

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts.models import MailAccount
from webmail.imap.types import FolderStatus, RemoteFolder, Selected
from webmail.imap.types import SpecialUse as RemoteUse
from webmail.models import Folder, Message, PendingAction, SpecialUse
from webmail.models.mirror import Change, change

FOLDER_KINDS = (
    PendingAction.Kind.CREATE_FOLDER,
    PendingAction.Kind.RENAME_FOLDER,
    PendingAction.Kind.DELETE_FOLDER,
    PendingAction.Kind.SUBSCRIBE,
)
OPEN = [PendingAction.State.PENDING, PendingAction.State.RUNNING]
MOST_FOLDERS = 10_000
LONGEST_NAME = 1000


def refresh_folders(account: MailAccount, remote: list[RemoteFolder]) -> None:
    """Create, update and remove folder rows after LIST; a rename by another client keeps the row and its messages.

    A folder that another client deletes or renames while others are below it stays as a name that holds nothing (\\Noselect,
    RFC 3501 section 6.3.4): what was in it has gone as with any other, and the name is another folder.
    While the person's own folder actions are waiting the tree stays as the person made it: the server's answer
    is then older than what is shown.
    """
    wanted = {folder.name: folder for folder in remote[:MOST_FOLDERS] if _storable(folder.name)}
    if not wanted:
        return  # A server always has INBOX; an empty answer is not a reason to drop a mirror.
    known = {folder.name: folder for folder in Folder.objects.filter(account=account)}
    if known.keys() == wanted.keys() and not any(_differing(known[name], wanted[name]) for name in wanted):
        return  # Whoever writes holds up a click.
    with change(account.user_id) as changed:
        if _folder_actions_waiting(account):
            changed.silent = True
            return
        known = {folder.name: folder for folder in Folder.objects.filter(account=account)}
        ended = [name for name, folder in known.items() if name not in wanted or _emptied(folder, wanted[name])]
        missing = [known.pop(name) for name in ended]
        fresh = [folder for name, folder in wanted.items() if name not in known]
        for folder, found in _renamed(missing, fresh, [*known.values()], wanted.values()):
            folder.name, folder.delimiter = found.name, found.delimiter or ""
            folder.save(update_fields=["name", "delimiter"])
            known[found.name] = folder
            missing.remove(folder)
            fresh.remove(found)
            changed.folders.add(folder.pk)
        for folder in missing:
            _set_aside(changed, folder)
            remove_folder(changed, folder)
        created = Folder.objects.bulk_create([_new(account, found) for found in fresh])
        changed.folders.update(folder.pk for folder in created)
        for name, folder in known.items():
            if _update(folder, wanted[name]):
                changed.special_use(folder.pk)
        changed.silent = not changed.folders


def as_listed(folder: Folder, status: FolderStatus) -> RemoteFolder:
    """A folder of which LIST says nothing, as it was known before."""
    return RemoteFolder(
        name=folder.name,
        raw_name=b"",
        delimiter=folder.delimiter or None,
        flags=frozenset(),
        special_use=cast(RemoteUse, folder.special_use),
        subscribed=folder.subscribed,
        status=status,
    )


def note_status(folder: Folder, status: FolderStatus) -> bool:
    """Keep what STATUS said; return whether the folder has to be looked into."""
    differs = (
        folder.uidnext is None
        or folder.doubted_at is not None
        or status.uidvalidity not in (None, folder.uidvalidity)
        or (status.uidnext is not None and status.uidnext > (folder.uidnext or 0))
        or status.messages != folder.server_messages
        or unseen_differs(folder, status)
        or (status.highestmodseq is not None and status.highestmodseq != folder.highestmodseq)
    )
    folder.server_uidnext = status.uidnext
    return differs


def unseen_differs(folder: Folder, status: FolderStatus) -> bool:
    """Neither what STATUS said last nor what the mirror shows."""
    return status.unseen not in (folder.server_unseen, folder.unread)


def behind(folder: Folder, selected: Selected) -> bool:
    """Whether SELECT told of something that the mirror does not have yet."""
    return (
        selected.uidvalidity != folder.uidvalidity
        or selected.exists != folder.server_messages
        or selected.uidnext > (folder.uidnext or 0)
        or (selected.highestmodseq or 0) > (folder.highestmodseq or 0)
    )


def _emptied(folder: Folder, found: RemoteFolder) -> bool:
    return folder.selectable and not found.selectable and folder.special_use != SpecialUse.INBOX


def _set_aside(changed: Change, folder: Folder) -> None:
    """Another client renamed the folder on a server that numbers it anew then (Courier), or moved its messages out first:
    the rows wait, hidden, below INBOX to be found again by what they are.
    """
    inbox = Folder.objects.filter(account=folder.account_id, special_use=SpecialUse.INBOX).exclude(pk=folder.pk).first()
    rows = Message.objects.filter(folder=folder, uid__isnull=False)
    if inbox is None:
        return
    changed.conversations.update(rows.values_list("conversation_id", flat=True).distinct())
    gone = {"uid": None, "uidvalidity": None, "shown_in": None, "missing_since": timezone.now()}
    # What the person is doing to them goes along, and is done where they are found.
    under_way = PendingAction.objects.filter(message=OuterRef("pk"), state__in=OPEN)
    rows.filter(Q(shown_in__isnull=False) | Exists(under_way)).update(folder=inbox, **gone)


def remove_folder(changed: Change, folder: Folder) -> None:
    """The server has it no longer. What the person was moving into it goes back to where the server has it."""
    for message in Message.objects.filter(shown_in=folder).exclude(folder=folder):
        Message.objects.filter(pk=message.pk).update(shown_in=message.folder_id)
        changed.message(message)
    changed.conversations.update(
        Message.objects.filter(folder=folder).values_list("conversation_id", flat=True).distinct()
    )
    # A message on its way out of the folder may have arrived elsewhere; it is found there again by its Message-ID.
    changed.delete(Message.objects.filter(folder=folder).exclude(shown_in=folder).values_list("pk", flat=True))
    PendingAction.objects.filter(source=folder, message__isnull=True).delete()
    folder.delete()
    changed.silent = False


def _storable(name: str) -> bool:
    """Names are the server's: PostgreSQL refuses NUL, and a column has an end."""
    return 0 < len(name) <= LONGEST_NAME and not any(ord(char) < 32 for char in name)


def _folder_actions_waiting(account: MailAccount) -> bool:
    return PendingAction.objects.filter(account=account, kind__in=FOLDER_KINDS, state__in=OPEN).exists()


def _renamed(
    missing: list[Folder], fresh: list[RemoteFolder], staying: list[Folder], listed: Iterable[RemoteFolder]
) -> list[tuple[Folder, RemoteFolder]]:
    """A folder that vanished and one that appeared with the same UIDVALIDITY and no smaller UIDNEXT are one folder.

    Not on servers that number all folders alike (DavMail): there it says nothing, and the uids name other messages.
    """
    pairs = []
    taken: set[str] = set()
    elsewhere = {folder.uidvalidity for folder in staying}
    numbers = Counter(found.status.uidvalidity for found in listed if found.status is not None)
    for folder in missing:
        if folder.uidvalidity is None or folder.special_use == SpecialUse.INBOX:
            continue
        if folder.uidvalidity in elsewhere or numbers[folder.uidvalidity] > 1:
            continue
        matches = [
            found
            for found in fresh
            if found.status is not None
            and found.name not in taken
            and found.status.uidvalidity == folder.uidvalidity
            and (found.status.uidnext or 0) >= (folder.uidnext or 0)
        ]
        if len(matches) == 1 and matches[0].status is not None and (folder.uidnext or 0) > 1:
            pairs.append((folder, matches[0]))
            taken.add(matches[0].name)
    return pairs


def _new(account: MailAccount, found: RemoteFolder) -> Folder:
    return Folder(
        account=account,
        name=found.name,
        delimiter=found.delimiter or "",
        special_use=found.special_use,
        selectable=found.selectable,
        subscribed=found.subscribed,
        server_messages=(found.status.messages or 0) if found.status else 0,
        server_unseen=(found.status.unseen or 0) if found.status else 0,
    )


def _update(folder: Folder, found: RemoteFolder) -> bool:
    values = _differing(folder, found)
    if values:
        Folder.objects.filter(pk=folder.pk).update(**values)
    return bool(values)


def _differing(folder: Folder, found: RemoteFolder) -> dict[str, object]:
    values = {
        "delimiter": found.delimiter or "",
        "special_use": found.special_use,
        "selectable": found.selectable,
        "subscribed": found.subscribed,
    }
    # A folder created here for a purpose keeps it on servers that know no SPECIAL-USE.
    if not found.special_use:
        values["special_use"] = folder.special_use
    return {name: value for name, value in values.items() if getattr(folder, name) != value}


def save(folder: Folder, **columns: object) -> None:
    """These columns, in the database and in the object."""
    for name, value in columns.items():
        setattr(folder, name, value)
    Folder.objects.filter(pk=folder.pk).update(**columns)

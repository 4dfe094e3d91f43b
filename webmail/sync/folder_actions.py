"""What a person does to folders: the mirror changes at once, the journal tells the server."""

import unicodedata

from django.utils import timezone

from accounts.models import MailAccount, User
from webmail.errors import GiveUp, Reason
from webmail.models import Folder, PendingAction, SpecialUse
from webmail.models.mirror import change

from . import attention

LONGEST_NAME = 200  # octets of one level; servers end between 240 and 255
WILDCARDS = frozenset("*%")

Kind = PendingAction.Kind


def create_folder(
    user: User,
    account: MailAccount,
    name: str,
    parent: Folder | None = None,
    *,
    special_use: SpecialUse = SpecialUse.NONE,
) -> Folder:
    """Raise GiveUp with a sentence for the field if the name cannot be."""
    with change(user.pk) as changed:
        delimiter = parent.delimiter if parent is not None else hierarchy_delimiter(account)
        leaf = checked_leaf(name, delimiter)
        if parent is not None and (parent.account_id != account.pk or not parent.delimiter):
            raise GiveUp(Reason.REFUSED, "A folder cannot be created there.")
        full = f"{parent.name}{delimiter}{leaf}" if parent is not None else f"{personal_prefix(account)}{leaf}"
        _refuse_taken(account, full)
        folder = Folder.objects.create(
            account=account, name=full, delimiter=delimiter, special_use=special_use, backfill_uid=1
        )
        _journal(folder, Kind.CREATE_FOLDER, name=full)
        changed.folders.add(folder.pk)
    return folder


def rename_folder(user: User, folder: Folder, name: str) -> None:
    """Change the last level of the name; the folders below follow (RFC 3501 section 6.3.5)."""
    with change(user.pk) as changed:
        _refuse_special(folder, "renamed")
        leaf = checked_leaf(name, folder.delimiter)
        old = folder.name
        new = f"{folder.parent_name}{folder.delimiter}{leaf}" if folder.parent_name else leaf
        if new == old:
            return
        _refuse_taken(folder.account, new)
        for below in _below(folder):
            Folder.objects.filter(pk=below.pk).update(name=new + below.name[len(old) :])
        Folder.objects.filter(pk=folder.pk).update(name=new)
        folder.name = new
        _journal(folder, Kind.RENAME_FOLDER, name=new, old_name=old)
        changed.folders.add(folder.pk)


def delete_folder(user: User, folder: Folder) -> None:
    """The folder and its messages disappear here at once, on the server with the next pass."""
    with change(user.pk) as changed:
        _refuse_special(folder, "deleted")
        if _below(folder):
            raise GiveUp(Reason.REFUSED, f"“{folder.title}” has folders inside. Delete or move them first.")
        Folder.objects.filter(pk=folder.pk).update(hidden=True)
        _journal(folder, Kind.DELETE_FOLDER, name=folder.name)
        changed.folders.add(folder.pk)


def subscribe(user: User, folder: Folder, value: bool) -> None:
    with change(user.pk) as changed:
        Folder.objects.filter(pk=folder.pk).update(subscribed=value)
        waiting = PendingAction.objects.filter(source=folder, kind=Kind.SUBSCRIBE, state=PendingAction.State.PENDING)
        waiting.update(state=PendingAction.State.DONE, finished_at=timezone.now())
        _journal(folder, Kind.SUBSCRIBE, name=folder.name, value=value)
        changed.folders.add(folder.pk)


def hierarchy_delimiter(account: MailAccount) -> str:
    known = Folder.objects.filter(account=account).exclude(delimiter="").values_list("delimiter", flat=True).first()
    return known or "/"


def personal_prefix(account: MailAccount) -> str:
    """``INBOX.`` on servers that keep every folder below INBOX (Courier), else nothing (RFC 2342)."""
    names = list(Folder.objects.filter(account=account).values_list("name", "delimiter"))
    others = [(name, delimiter) for name, delimiter in names if name.upper() != "INBOX"]
    delimiter = others[0][1] if others else ""
    below = f"INBOX{delimiter}"
    return below if delimiter and all(name.upper().startswith(below.upper()) for name, _ in others) else ""


def checked_leaf(name: str, delimiter: str) -> str:
    leaf = unicodedata.normalize("NFC", name).strip()
    if not leaf:
        raise GiveUp(Reason.REFUSED, "Give the folder a name.")
    if any(unicodedata.category(char) in {"Cc", "Cs", "Co", "Cn"} for char in leaf):
        raise GiveUp(Reason.REFUSED, "The name contains characters that cannot be used.")
    if len(leaf.encode("utf-8")) > LONGEST_NAME:
        raise GiveUp(Reason.REFUSED, "The name is too long.")
    if WILDCARDS & set(leaf) or (delimiter and delimiter in leaf):
        used = "“*”, “%”" + (f" or “{delimiter}”" if delimiter else "")
        raise GiveUp(Reason.REFUSED, f"The name cannot contain {used}.")
    return leaf


def _below(folder: Folder) -> list[Folder]:
    if not folder.delimiter:
        return []
    start = folder.name + folder.delimiter
    same_account = Folder.objects.filter(account=folder.account_id, hidden=False)
    return [other for other in same_account if other.name.startswith(start)]


def _refuse_taken(account: MailAccount, name: str) -> None:
    if name.upper() == "INBOX" or Folder.objects.filter(account=account, name=name).exists():
        raise GiveUp(Reason.REFUSED, f"There already is a folder “{name}”.")


def _refuse_special(folder: Folder, verb: str) -> None:
    if folder.special_use:
        raise GiveUp(Reason.REFUSED, f"“{folder.title}” has a purpose of its own and cannot be {verb}.")


def _journal(folder: Folder, kind: Kind, *, name: str, old_name: str = "", value: bool = True) -> None:
    PendingAction.objects.create(
        account_id=folder.account_id,
        kind=kind,
        source=folder,
        name=name,
        old_name=old_name,
        value=value,
        uidvalidity=folder.uidvalidity,
        uidnext=folder.uidnext,
    )
    attention.ask(folder.account_id)

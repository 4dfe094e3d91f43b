"""What a person asks for: import a file, copy an account's folders, stop, go on."""

from dataclasses import dataclass
from typing import BinaryIO, cast

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import MailAccount, User
from webmail.errors import GiveUp, Reason
from webmail.models import Folder, Message, SpecialUse, Transfer, TransferFolder, TransferItem
from webmail.models.mirror import announce
from webmail.models.transfer import upload_path
from webmail.sync.folder_actions import checked_leaf, hierarchy_delimiter, personal_prefix

from . import upload
from .names import safe_name

State = Transfer.State
MANY_UPLOADS = 5


@dataclass(frozen=True, slots=True)
class Route:
    """A folder of the source and the name of the one in the target account that its messages go to."""

    source: Folder
    target_name: str


def import_file(user: User, folder: Folder, file: File, filename: str) -> Transfer:
    """Keep the file and let the worker read it. Raise GiveUp when it is none that could be read."""
    if folder.read_only or not folder.selectable:
        raise GiveUp(Reason.REFUSED, f"Nothing can be put into “{folder.title}”.")
    waiting = Transfer.objects.filter(user=user, kind=Transfer.Kind.UPLOAD, state__in=[State.WAITING, State.RUNNING])
    if waiting.count() >= MANY_UPLOADS:
        raise GiveUp(Reason.LIMIT, "Several imports are under way already. Wait until one of them is done.")
    stream = cast(BinaryIO, file)
    upload.kind_of(stream)
    stream.seek(0)
    name = default_storage.save(upload_path(Transfer(), filename), file)
    try:
        with transaction.atomic():
            transfer = Transfer.objects.create(
                user=user,
                kind=Transfer.Kind.UPLOAD,
                target=folder.account,
                file=name,
                filename=safe_name(filename, "file"),
                octets_total=default_storage.size(name),
            )
            TransferFolder.objects.create(transfer=transfer, target_name=folder.name)
            announce(user.pk)
    except BaseException:
        default_storage.delete(name)
        raise
    return transfer


def copy_account(user: User, source: MailAccount, target: MailAccount, routes: list[Route]) -> Transfer:
    """Raise GiveUp when there is nothing to copy, or another copy between the two is under way."""
    if source.pk == target.pk or not routes:
        raise GiveUp(Reason.REFUSED, "Choose at least one folder.")
    with transaction.atomic():
        # Two presses of the button are one wish.
        User.objects.select_for_update().filter(pk=user.pk).first()
        under_way = Transfer.objects.filter(user=user, source=source, state__in=[State.WAITING, State.RUNNING])
        if under_way.exists():
            raise GiveUp(Reason.REFUSED, "This account is being copied already.")
        transfer = Transfer.objects.create(
            user=user, kind=Transfer.Kind.COPY, source=source, source_name=str(source), target=target
        )
        for route in routes:
            TransferFolder.objects.create(
                transfer=transfer,
                source_folder=route.source.pk,
                source_name=route.source.name,
                target_name=route.target_name,
                total=Message.objects.filter(shown_in=route.source).count(),
            )
        sizes = Message.objects.filter(shown_in__in=[route.source.pk for route in routes]).values_list(
            "size", flat=True
        )
        transfer.octets_total = sum(sizes.iterator(chunk_size=5000))
        transfer.save(update_fields=["octets_total"])
        announce(user.pk)
    return transfer


class Naming:
    """Which folder of the target account a folder belongs into; ``known`` are the folders that are there."""

    def __init__(self, target: MailAccount, known: list[Folder]) -> None:
        self.known = known
        self.delimiter = hierarchy_delimiter(target)
        self.prefix = personal_prefix(target)

    def suggest(self, folder: Folder) -> str:
        """The one for the same purpose, of the same name, or a new one as the target's server would write it."""
        if folder.special_use:
            for other in self.known:
                if other.special_use == folder.special_use:
                    return other.name
        levels = folder.name.split(folder.delimiter) if folder.delimiter else [folder.name]
        return self.prefix + self.delimiter.join(_leaf(level, self.delimiter) for level in levels)


def _leaf(level: str, delimiter: str) -> str:
    for forbidden in (delimiter, "*", "%"):
        level = level.replace(forbidden, "_")
    try:
        return checked_leaf(level, delimiter)
    except GiveUp:
        return safe_name(level).replace(delimiter, "_")


def cancel(transfer: Transfer) -> None:
    """What was copied stays; the worker stops before the next message."""
    rows = Transfer.objects.filter(pk=transfer.pk, state__in=[State.WAITING, State.RUNNING])
    if rows.update(state=State.CANCELLED, lease_owner="", lease_until=None, finished_at=timezone.now()):
        announce(transfer.user_id)


def go_on(transfer: Transfer) -> None:
    """Continue where it was; messages that failed are tried again. Raise GiveUp when the file is gone."""
    if transfer.kind == Transfer.Kind.UPLOAD and not transfer.file:
        raise GiveUp(Reason.GONE, "The file is no longer kept here. Upload it again.")
    if transfer.kind == Transfer.Kind.COPY and transfer.source_id is None:
        raise GiveUp(Reason.GONE, "The account it was copied from is no longer here.")
    with transaction.atomic():
        rows = Transfer.objects.filter(pk=transfer.pk, state__in=[State.DONE, State.FAILED, State.CANCELLED])
        changed = rows.update(
            state=State.WAITING, next_at=timezone.now(), attempts=0, sentence="", detail="", failures=[],
            finished_at=None, octets_done=F("octets_done"),
        )  # fmt: skip
        if not changed:
            return
        for folder in transfer.folders.all():
            failed, _ = TransferItem.objects.filter(folder=folder, state=TransferItem.State.FAILED).delete()
            TransferFolder.objects.filter(pk=folder.pk).update(failed=F("failed") - failed, finished=False)
        announce(transfer.user_id)


def copies_of(account: MailAccount) -> Transfer | None:
    """The newest copy of an account into another one."""
    return Transfer.objects.filter(source=account, kind=Transfer.Kind.COPY).select_related("target").first()


def not_copied(account: MailAccount, folders: list[Folder]) -> int:
    """Messages in ``folders`` that no finished copy has settled: folders left out, what failed, what came later."""
    rows = TransferFolder.objects.filter(transfer__source=account, transfer__kind=Transfer.Kind.COPY, finished=True)
    settled: dict[int | None, int] = {}
    for row in rows:
        settled[row.source_folder] = max(settled.get(row.source_folder, 0), row.copied + row.skipped)
    return sum(max(0, folder.total - settled.get(folder.pk, 0)) for folder in folders)


def copyable(account: MailAccount) -> list[Folder]:
    """The folders that a copy can begin with, those people think of first in front."""
    order = [
        SpecialUse.INBOX,
        SpecialUse.SENT,
        SpecialUse.ARCHIVE,
        SpecialUse.DRAFTS,
        SpecialUse.JUNK,
        SpecialUse.TRASH,
    ]
    ranks = {str(use): rank for rank, use in enumerate(order)}
    found = Folder.objects.filter(account=account, hidden=False, selectable=True)
    return sorted(found, key=lambda folder: (ranks.get(folder.special_use, 2.5), folder.name.casefold()))

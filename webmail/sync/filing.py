"""Putting messages of ours into a folder of the server: which folder, the copy's uid, the files it carries."""

import tempfile
from hashlib import sha256
from typing import BinaryIO, cast

from django.utils import timezone

from accounts.models import MailAccount
from webmail.errors import GiveUp, Reason
from webmail.models import Folder, Notice, OutgoingAttachment, OutgoingMessage, SpecialUse
from webmail.models.mirror import announce
from webmail.outbox import attachments, letter

from . import bodies
from .actions import special_folder
from .local import AnyMailbox

SPOOL = 1024 * 1024


def select_special(connection: AnyMailbox, account: MailAccount, use: SpecialUse) -> tuple[Folder, int]:
    """The folder for a purpose, made if the account has none (fault F06)."""
    folder = special_folder(account, use)
    try:
        selected = connection.select(folder.name, uidvalidity=None)
    except GiveUp as problem:
        if problem.reason != Reason.GONE:
            raise
        connection.create_folder(folder.name)
        selected = connection.select(folder.name, uidvalidity=None)
    return folder, selected.uidvalidity


def append(connection: AnyMailbox, folder: Folder, raw: bytes, flags: list[str], message_id: str) -> int | None:
    """APPEND into the selected folder; the new UID, looked for where the server does not tell (no UIDPLUS)."""
    appended = connection.append(folder.name, raw, flags, timezone.now())
    if appended.uid is not None:
        return appended.uid
    connection.noop()
    found = connection.find_message_id(message_id)
    return max(found) if found else None


def tell(row: OutgoingMessage, text: str) -> None:
    Notice.objects.create(user_id=row.user_id, text=text[:1000])
    announce(row.user_id)


def update(row: OutgoingMessage, **values: object) -> None:
    OutgoingMessage.objects.filter(pk=row.pk).update(**values)
    for name, value in values.items():
        setattr(row, name, value)


def open_file(attachment: OutgoingAttachment) -> BinaryIO:
    if attachment.file:
        return letter.open_local(attachment)
    return _fetch(attachment)


def bring_files(row: OutgoingMessage) -> None:
    """Files that are named as parts of messages become files of the draft: their messages may be gone when it is sent.

    Raise MailError; GiveUp names a file that is gone.
    """
    for attachment in row.attachments.filter(file=""):
        with _fetch(attachment) as stream:
            attachments.adopt(attachment, stream)


def _fetch(attachment: OutgoingAttachment) -> BinaryIO:
    """The part an attachment names. Raise MailError; GiveUp names the file if it is gone."""
    gone = f"The file “{attachment.filename}” is gone with the message it came from."
    message = attachment.message
    if message is None:
        raise GiveUp(Reason.GONE, gone)
    spool = tempfile.SpooledTemporaryFile(max_size=SPOOL)  # noqa: SIM115 - whoever builds the message closes it
    octets = 0
    try:
        section = attachment.section
        pieces = bodies.open_part(message, section)[1] if section else bodies.source(message)
        for piece in pieces:
            octets += spool.write(piece)
    except GiveUp as error:
        raise GiveUp(Reason.GONE, gone, detail=error.detail) from error
    if not octets and attachment.size > 2:
        raise GiveUp(Reason.GONE, gone, detail=f"section {attachment.section} came back empty")
    spool.seek(0)
    return cast(BinaryIO, spool)


def digest_of(connection: AnyMailbox, uid: int) -> str:
    """SHA-256 of the octets of a message in the folder that is open."""
    digest = sha256()
    for piece in connection.stream_section(uid, ""):
        digest.update(piece)
    return digest.hexdigest()

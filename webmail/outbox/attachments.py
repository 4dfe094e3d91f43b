"""Files of a draft: uploaded, copied from another draft, or named as a part of a message until the draft is sent."""

import uuid
from typing import BinaryIO

from django.core.files.base import ContentFile, File
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from webmail.errors import GiveUp, Reason
from webmail.mime.params import media_type, safe_filename
from webmail.models import OutgoingAttachment, OutgoingMessage

from .letter import EDITABLE, OWN_PICTURE
from .place import size_limit
from .smtp_message import megabytes
from .wake import QUIET, ask_worker

MOST_ATTACHMENTS = 200
_PICTURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


def copy_attachments(source: OutgoingMessage, target: OutgoingMessage) -> None:
    """Each draft owns its files, so that removing one leaves the other whole. What is gone here is named at Send."""
    there = set(target.attachments.exclude(content_id="").values_list("content_id", flat=True))
    for row in source.attachments.exclude(content_id__in=there):
        copied = OutgoingAttachment(
            outgoing=target,
            filename=row.filename,
            content_type=row.content_type,
            size=row.size,
            content_id=row.content_id,
            of_signature=row.of_signature,
            message=row.message,
            section=row.section,
        )
        if row.file:
            try:
                with row.file.storage.open(str(row.file.name), "rb") as stream:
                    copied.file.save(uuid.uuid4().hex, File(stream), save=False)
            except OSError:
                copied.file.name = row.file.name
        copied.save()


def attach(
    outgoing: OutgoingMessage, stream: BinaryIO, filename: str, content_type: str, *, inline: bool = False
) -> OutgoingAttachment:
    """Keep an uploaded file with the draft. Raise GiveUp if all of them together are too large."""
    file = File(stream)
    already = outgoing.attachments.aggregate(octets=Sum("size"))["octets"] or 0
    most = size_limit(outgoing.account, outgoing.identity)
    if already + file.size > most:
        limit = megabytes(most)
        raise GiveUp(Reason.TOO_LARGE, f"“{safe_filename(filename)}” does not fit: a message can carry {limit}.")
    if outgoing.attachments.count() >= MOST_ATTACHMENTS:
        raise GiveUp(Reason.TOO_LARGE, f"A message can carry {MOST_ATTACHMENTS} files.")
    row = OutgoingAttachment(
        outgoing=outgoing,
        filename=(safe_filename(filename) or "attachment")[:255],
        content_type=media_type(content_type, "application/octet-stream")[:255],
        size=file.size,
        content_id=f"{uuid.uuid4().hex}{OWN_PICTURE}" if inline else "",
    )
    row.file.save(uuid.uuid4().hex, file, save=False)
    with transaction.atomic():
        if not touch(outgoing):
            row.file.delete(save=False)
            raise GiveUp(Reason.GONE, "This message is already on its way; nothing can be added to it.")
        row.save()
    return row


def keep_file(
    outgoing: OutgoingMessage, content: bytes, filename: str, content_type: str, *, content_id: str = ""
) -> OutgoingAttachment:
    """A file that came with a draft of another program."""
    row = OutgoingAttachment(
        outgoing=outgoing,
        filename=(safe_filename(filename) or "attachment")[:255],
        content_type=media_type(content_type, "application/octet-stream")[:255],
        size=len(content),
        content_id=content_id if len(content_id) <= 200 else "",
    )
    row.file.save(uuid.uuid4().hex, ContentFile(content), save=False)
    row.save()
    return row


def adopt(attachment: OutgoingAttachment, stream: BinaryIO) -> None:
    """What an attachment named as a part of a message is a file of the draft from now on."""
    file = File(stream)
    storage, field = attachment.file.storage, attachment.file.field
    name = storage.save(field.generate_filename(attachment, uuid.uuid4().hex), file)
    size = storage.size(name)
    if not OutgoingAttachment.objects.filter(pk=attachment.pk, file="").update(file=name, size=size):
        storage.delete(name)


def remove_attachment(outgoing: OutgoingMessage, attachment: OutgoingAttachment) -> None:
    with transaction.atomic():
        if not touch(outgoing):
            raise GiveUp(Reason.GONE, "This message is already on its way; nothing can be removed from it.")
        attachment.delete()
    if attachment.file:
        transaction.on_commit(lambda: attachment.file.storage.delete(str(attachment.file.name)))


def touch(outgoing: OutgoingMessage) -> bool:
    """Have the server's copy made anew; False if the draft can no longer be changed.

    The revision stays: it guards the text, and a file that arrives while the text is being saved is no conflict.
    """
    standing = OutgoingMessage.objects.filter(pk=outgoing.pk, state__in=EDITABLE)
    if not standing.update(saved_revision=0, updated_at=timezone.now()):
        return False
    ask_worker(outgoing.account_id, QUIET)
    return True


def delete_with_files(outgoing: OutgoingMessage) -> None:
    """As it was read: what somebody has taken back or written in since stays."""
    read = {name: getattr(outgoing, name) for name in ("pk", "state", "discarded", "revision", "updated_at")}
    with transaction.atomic():
        if OutgoingMessage.objects.select_for_update().filter(**read).first() is None:
            return
        names = [(row.file.storage, row.file.name) for row in outgoing.attachments.all() if row.file]
        if outgoing.raw:
            names.append((outgoing.raw.storage, outgoing.raw.name))
        outgoing.delete()
    for storage, name in names:
        storage.delete(str(name))


def picture_type(start: bytes) -> str:
    """The media type that the first octets of a file give away; "" unless browsers show it as a picture everywhere."""
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _PICTURES.items() if start.startswith(magic)), "")

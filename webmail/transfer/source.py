"""Where a transfer's messages come from: the folder of an account that lives here, or an uploaded file."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

from django.core.files.storage import default_storage
from django.db.models import Exists, OuterRef, Q, QuerySet

from webmail.errors import GiveUp, Reason
from webmail.models import Message, StoredContent, Transfer, TransferFolder, TransferItem
from webmail.sync import bodies, stored

from . import upload
from .letter import Outgoing, spooled
from .lines import crlf
from .upload import LARGEST_MESSAGE

PAGE = 200
PIECE = 256 * 1024
FLAGS = {"seen": "\\Seen", "flagged": "\\Flagged", "answered": "\\Answered", "draft": "\\Draft"}
Open = Callable[[], AbstractContextManager[Outgoing]]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message whose turn has come. ``octets`` is how far the whole source is read once it is settled, or what it adds."""

    key: str
    name: str
    open: Open
    position: int | None = None
    octets: int = 0


def flags_of(message: Message) -> frozenset[str]:
    return frozenset({flag for field, flag in FLAGS.items() if getattr(message, field)} | set(message.keywords))


def in_order(folder_id: int, after: Message | None = None) -> QuerySet[Message]:
    """The messages shown in a folder, oldest first; those behind ``after``."""
    rows = Message.objects.filter(shown_in_id=folder_id).select_related("account", "folder")
    if after is not None:
        later = Q(internaldate__gt=after.internaldate) | Q(internaldate=after.internaldate, pk__gt=after.pk)
        rows = rows.filter(later, internaldate__gte=after.internaldate)
    return rows.order_by("internaldate", "id").defer("structure", "recipients", "references")


def waiting(transfer: Transfer, folder: TransferFolder) -> Iterator[Waiting]:
    """What is still to be settled. Raise GiveUp when the source as a whole is gone or cannot be read."""
    if transfer.kind == Transfer.Kind.UPLOAD:
        yield from _of_file(transfer, folder)
    else:
        yield from _of_folder(folder)


def _of_folder(folder: TransferFolder) -> Iterator[Waiting]:
    settled = TransferItem.objects.filter(folder=folder, message_pk=OuterRef("pk"))
    settled = settled.exclude(state=TransferItem.State.TRYING)
    last: Message | None = None
    while True:
        rows = list(in_order(folder.source_folder or 0, last).filter(~Exists(settled))[:PAGE])
        for message in rows:
            yield Waiting(str(message.pk), str(message), opener(message), octets=message.size)
        if not rows:
            return
        last = rows[-1]


def opener(message: Message) -> Open:
    """Its octets as another server takes them."""

    @contextmanager
    def opened() -> Iterator[Outgoing]:
        pieces = crlf(_checked(message))
        name, flags = str(message), flags_of(message)
        with spooled(
            str(message.pk), name, pieces, flags=flags, date=message.internaldate, largest=LARGEST_MESSAGE
        ) as letter:
            yield letter

    return opened


def content(message: Message) -> Iterator[bytes]:
    """A message's octets. Raise MailError."""
    if not message.account.is_local:
        yield from bodies.source(message)
        return
    with stored.opened(message) as stream:
        while piece := stream.read(PIECE):
            yield piece


def _checked(message: Message) -> Iterator[bytes]:
    """The content, as long as it still is what was stored."""
    kept = StoredContent.objects.filter(message=message).first()
    digest = hashlib.sha256()
    for piece in content(message):
        digest.update(piece)
        yield piece
    if kept is not None and kept.sha256 != digest.hexdigest():
        raise GiveUp(Reason.GONE, "Its content is damaged here.")


def _of_file(transfer: Transfer, folder: TransferFolder) -> Iterator[Waiting]:
    settled = set(
        TransferItem.objects.filter(folder=folder)
        .exclude(state=TransferItem.State.TRYING)
        .values_list("key", flat=True)
    )
    try:
        stream = default_storage.open(transfer.file.name or "", "rb")
    except (OSError, ValueError) as error:
        raise GiveUp(Reason.GONE, "The file that was uploaded is no longer here. Upload it again.") from error
    with stream:
        for incoming in upload.messages(cast(BinaryIO, stream), transfer.filename):
            if incoming.key not in settled:
                yield Waiting(incoming.key, incoming.name, _incoming_opener(incoming), position=incoming.position)


def _incoming_opener(incoming: upload.Incoming) -> Open:
    @contextmanager
    def opened() -> Iterator[Outgoing]:
        pieces, flags = incoming.open()
        with spooled(
            incoming.key, incoming.name, pieces, flags=flags, date=incoming.date, largest=LARGEST_MESSAGE
        ) as letter:
            yield letter

    return opened

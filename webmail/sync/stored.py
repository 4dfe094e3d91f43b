"""The bytes of messages that live here: written before anything refers to them, read where they lie."""

import hashlib
import mmap
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from django.core.files.base import File
from django.core.files.storage import default_storage

from webmail.errors import GiveUp, Reason
from webmail.mime.mapped import MappedFile
from webmail.mime.parts import Octets
from webmail.models import Message, StoredContent
from webmail.models.pop3 import content_path

PIECE = 256 * 1024


def keep(stream: BinaryIO) -> tuple[str, str, int]:
    """Write a message's bytes to the storage; return name, SHA-256 and size. Raises OSError when there is no room."""
    digest, size = hashlib.sha256(), 0
    stream.seek(0)
    while piece := stream.read(PIECE):
        digest.update(piece)
        size += len(piece)
    stream.seek(0)
    name = default_storage.save(content_path(StoredContent(), ""), File(stream))
    if default_storage.size(name) != size:
        default_storage.delete(name)
        raise OSError(f"{size} octets were written, but {name} holds another number")
    return name, digest.hexdigest(), size


@contextmanager
def opened(message: Message) -> Iterator[BinaryIO]:
    """Raise GiveUp when the bytes are not where they were put."""
    stored = StoredContent.objects.filter(message=message).first()
    if stored is None:
        raise GiveUp(Reason.GONE, "The content of this message is no longer here.")
    try:
        stream = default_storage.open(stored.file.name or "", "rb")
    except OSError as error:
        raise GiveUp(Reason.GONE, "The content of this message could not be read here.", detail=str(error)) from error
    with stream:
        yield stream  # type: ignore[misc]


@contextmanager
def mapped(message: Message) -> Iterator[Octets]:
    """The whole message without holding it in memory."""
    with opened(message) as stream:
        try:
            descriptor = stream.fileno()
        except (OSError, AttributeError):
            # An object store gives a stream only.
            with tempfile.TemporaryFile() as copy:
                while piece := stream.read(PIECE):
                    copy.write(piece)
                copy.flush()
                yield from _map(copy.fileno())
            return
        yield from _map(descriptor)


def _map(descriptor: int) -> Iterator[Octets]:
    try:
        view = MappedFile(descriptor, 0, access=mmap.ACCESS_READ)
    except ValueError:  # empty
        yield b""
        return
    with view:
        yield view

"""A folder or an account as a download: a zip of .eml files, or mbox. Streamed; one message is held at a time.

A message whose content cannot be had is named in the archive itself; a server that does not answer ends the download as a
failure, because half a backup must not look like a whole one.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from django.utils import timezone

from accounts.models import MailAccount
from webmail.errors import GiveUp, RetryLater
from webmail.models import Backup, Folder, Message

from . import mbox
from .names import folder_path, safe_name, unique
from .source import content, flags_of, in_order
from .upload import comment_of
from .zipwrite import ZipWriter

Format = Literal["zip", "mbox"]
PAGE = 200
PIECE = 256 * 1024
IN_MEMORY = 1024 * 1024
TRIES = 3
REPORT = "NOT-EXPORTED.txt"


@dataclass
class Tally:
    messages: int = 0
    missing: list[str] = field(default_factory=list)

    def report(self) -> bytes:
        head = f"{len(self.missing)} of {self.messages + len(self.missing)} messages could not be exported:\r\n\r\n"
        return (head + "".join(f"{line}\r\n" for line in self.missing)).encode("utf-8", "replace")


def folder_archive(folder: Folder, kind: Format) -> Iterator[bytes]:
    tally = Tally()
    if kind == "mbox":
        yield from _mbox(folder, tally)
        if tally.missing:
            yield from _report_message(tally)
    else:
        writer = ZipWriter()
        yield from _eml_files(writer, folder, "", tally)
        yield from _finish(writer, tally)


def account_archive(account: MailAccount, kind: Format) -> Iterator[bytes]:
    """All folders in one zip archive: directories of .eml files, or one mbox each. At its end a Backup is recorded."""
    tally, writer, taken = Tally(), ZipWriter(), set[str]()
    for folder in Folder.objects.filter(account=account, hidden=False, selectable=True).order_by("name"):
        path = unique(folder_path(folder.name, folder.delimiter), taken)
        if kind == "mbox":
            yield from writer.stream(f"{path}.mbox", _mbox(folder, tally), timezone.now())
        else:
            yield from _eml_files(writer, folder, f"{path}/", tally)
    yield from _finish(writer, tally)
    Backup.objects.create(account=account, messages=tally.messages, missing=len(tally.missing))


def _finish(writer: ZipWriter, tally: Tally) -> Iterator[bytes]:
    if tally.missing:
        yield from writer.entry(REPORT, [tally.report()], timezone.now())
    yield from writer.finish()


def _eml_files(writer: ZipWriter, folder: Folder, path: str, tally: Tally) -> Iterator[bytes]:
    for number, message in enumerate(_messages(folder), start=1):
        title = safe_name(message.subject[:80], "no subject")
        name = f"{path}{number:06d} {message.internaldate:%Y-%m-%d} {title}.eml"
        comment = comment_of(flags_of(message), message.internaldate)

        def packed(message: Message = message, name: str = name, comment: bytes = comment) -> Iterator[bytes]:
            return writer.entry(name, content(message), message.internaldate, comment)

        yield from _once(packed, message, folder, tally)


def _mbox(folder: Folder, tally: Tally) -> Iterator[bytes]:
    for message in _messages(folder):

        def written(message: Message = message) -> Iterator[bytes]:
            # Whole before the first octet is handed on: a message cut off would run into the next one.
            with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as spool:
                spool.write(mbox.separator(message.from_address, message.internaldate))
                spool.write(mbox.status_fields(flags_of(message)))
                for piece in mbox.quoted(content(message)):
                    spool.write(piece)
                spool.seek(0)
                while piece := spool.read(PIECE):
                    yield piece

        yield from _once(written, message, folder, tally)


def _once(begin: Callable[[], Iterator[bytes]], message: Message, folder: Folder, tally: Tally) -> Iterator[bytes]:
    """The octets of one message, asked for again where its server only stumbled; a message that is gone is noted."""
    for left in reversed(range(TRIES)):
        pieces = begin()
        try:
            first = next(pieces, b"")
        except GiveUp as problem:
            tally.missing.append(f"{folder.name}: {message} ({message.internaldate:%Y-%m-%d}): {problem.sentence}")
            return
        except RetryLater:
            if not left:
                raise
            continue
        yield first
        yield from pieces
        tally.messages += 1
        return


def _messages(folder: Folder) -> Iterator[Message]:
    last: Message | None = None
    while rows := list(in_order(folder.pk, last)[:PAGE]):
        yield from rows
        last = rows[-1]


def _report_message(tally: Tally) -> Iterator[bytes]:
    now = timezone.now()
    head = (
        "From: Export <export@localhost>\r\nSubject: Messages that could not be exported\r\n"
        f"Date: {now:%a, %d %b %Y %H:%M:%S} +0000\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: 8bit\r\n\r\n"
    )
    yield mbox.separator("export@localhost", now)
    yield from mbox.quoted([head.encode(), tally.report()])

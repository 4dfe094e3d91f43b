"""A mailbox that lives here, in the place of a connection: what IMAP would do on its server is done in the database.

It offers the part of ``imap.connection.MailConnection`` that the journal, the drafts, the sent copies and the bodies use, so
that a POP3 account is read, organised and written from by the very same code.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import MailAccount
from webmail.errors import FolderReset, GiveUp, Reason
from webmail.imap.connection import MailConnection
from webmail.imap.types import Appended, MoveResult, RemoteFolder, RemoteMessage, Selected
from webmail.mime.parts import locate
from webmail.mime.summary import Summary, header_of, summarise
from webmail.models import Folder, LedgerEntry, Message, SpecialUse, StoredContent
from webmail.models.mirror import change
from webmail.models.pop3 import delete_files, discard_files

from . import stored
from .insert import insert

UIDVALIDITY = 1
STANDARD = {
    "INBOX": SpecialUse.INBOX,
    "Drafts": SpecialUse.DRAFTS,
    "Sent": SpecialUse.SENT,
    "Archive": SpecialUse.ARCHIVE,
    "Junk": SpecialUse.JUNK,
    "Trash": SpecialUse.TRASH,
}
PIECE = 256 * 1024


def ensure_folders(account: MailAccount) -> None:
    """The folders every mailbox has; a new local one gets its numbers."""
    if not Folder.objects.filter(account=account, special_use=SpecialUse.INBOX).exists():
        with change(account.user_id) as changed:
            rows = [
                Folder(account=account, name=name, delimiter="/", special_use=use) for name, use in STANDARD.items()
            ]
            Folder.objects.bulk_create(rows, ignore_conflicts=True)
            changed.folders.update(Folder.objects.filter(account=account).values_list("pk", flat=True))
    Folder.objects.filter(account=account, uidvalidity__isnull=True).update(
        uidvalidity=UIDVALIDITY, uidnext=1, backfill_uid=1, server_messages=0, server_unseen=0
    )


class LocalMailbox:
    """Nothing here waits for a network, and nothing is ever in doubt."""

    broken = False
    selected = None
    has_news = False
    capabilities = frozenset({"MOVE", "UIDPLUS"})

    def __init__(self, account: MailAccount) -> None:
        self.account = account
        self.folder: Folder | None = None
        ensure_folders(account)

    def has(self, capability: str) -> bool:
        return capability in self.capabilities

    def close(self) -> None:
        self.folder = None

    def noop(self) -> None:
        return None

    def list_folders(self) -> list[RemoteFolder]:
        return [
            RemoteFolder(folder.name, folder.name.encode(), folder.delimiter, frozenset(), special_use="")
            for folder in Folder.objects.filter(account=self.account)
        ]

    def select(self, name: str, *, uidvalidity: int | None) -> Selected:
        folder = Folder.objects.filter(account=self.account, name=name).first()
        if folder is None:
            raise GiveUp(Reason.GONE, f"There is no folder “{name}”.")
        if folder.uidvalidity is None:
            ensure_folders(self.account)
            folder.refresh_from_db()
        found = folder.uidvalidity or UIDVALIDITY
        if uidvalidity is not None and uidvalidity != found:
            raise FolderReset(uidvalidity, found)
        self.folder = folder
        flags = frozenset({"\\Seen", "\\Flagged", "\\Answered", "\\Draft", "\\Deleted"})
        return Selected(name, found, folder.uidnext or 1, folder.total, None, flags, False, True)

    # The tree is changed by the person's action itself.
    def create_folder(self, name: str) -> None:
        Folder.objects.get_or_create(
            account=self.account,
            name=name,
            defaults={"delimiter": "/", "uidvalidity": UIDVALIDITY, "uidnext": 1, "backfill_uid": 1},
        )

    def rename_folder(self, name: str, new_name: str) -> None: ...
    def delete_folder(self, name: str) -> None:
        rows = Message.objects.filter(folder__account=self.account, folder__name=name)
        delete_messages(self.account, list(rows.values_list("pk", flat=True)))

    def subscribe(self, name: str) -> None: ...
    def unsubscribe(self, name: str) -> None: ...
    def store(self, uid_set: str, add: Iterable[str] = (), remove: Iterable[str] = ()) -> dict[int, int]:
        return {}

    def uids(self, uid_set: str | Iterable[int] = "1:*") -> set[int]:
        rows = Message.objects.filter(folder=self._open, uid__isnull=False).values_list("uid", flat=True)
        there = {uid for uid in rows if uid is not None}
        return there if uid_set == "1:*" else there & _numbers(uid_set)

    def find_message_id(self, message_id: str) -> list[int]:
        rows = Message.objects.filter(folder=self._open, message_id=message_id, uid__isnull=False)
        return [uid for uid in rows.values_list("uid", flat=True) if uid is not None]

    def move(self, uid_set: str, target: str) -> MoveResult:
        folder = Folder.objects.filter(account=self.account, name=target).first()
        if folder is None:
            raise GiveUp(Reason.GONE, f"There is no folder “{target}”.")
        uids = sorted(self.uids(uid_set))
        first = take_uids(folder, len(uids))
        mapping = {uid: first + index for index, uid in enumerate(uids)}
        return MoveResult(mapping, folder.uidvalidity or UIDVALIDITY)

    def expunge(self, uids: Iterable[int], *, exact: bool = False) -> None:
        """The bytes go, the ledger stays: what was fetched once is not fetched again."""
        doomed = Message.objects.filter(folder=self._open, uid__in=list(uids))
        delete_messages(self.account, list(doomed.values_list("pk", flat=True)))

    def append(
        self, folder: str, raw: bytes, flags: Iterable[str] = (), internaldate: datetime | None = None
    ) -> Appended:
        place = Folder.objects.filter(account=self.account, name=folder).first()
        if place is None:
            raise GiveUp(Reason.GONE, f"There is no folder “{folder}”.")
        with tempfile.TemporaryFile() as stream:
            stream.write(raw)
            row = file_message(place, stream, summarise(raw), flags=flags, internaldate=internaldate)
        return Appended(row.uid, row.uidvalidity)

    def fetch_section(self, uid: int, section: str, *, offset: int | None = None, length: int | None = None) -> bytes:
        with self._content(uid) as raw:
            if section == "HEADER":
                start, end = 0, len(header_of(raw))
            elif section:
                found = locate(raw, section)
                start, end = (found[1], found[2]) if found else (0, 0)
            else:
                start, end = 0, len(raw)
            start = min(end, start + (offset or 0))
            return bytes(raw[start : end if length is None else min(end, start + length)])

    def fetch_sections(
        self, items: list[tuple[int, str]], max_octets: int | None = None
    ) -> dict[tuple[int, str], bytes]:
        found = {}
        for uid, section in items:
            try:
                found[uid, section] = self.fetch_section(uid, section, length=max_octets)
            except GiveUp:
                continue
        return found

    def open_and_fetch(
        self, name: str, items: list[tuple[int, str]], max_octets: int | None = None, *, uidvalidity: int | None
    ) -> dict[tuple[int, str], bytes]:
        self.select(name, uidvalidity=uidvalidity)
        return self.fetch_sections(items, max_octets)

    def stream_section(self, uid: int, section: str, chunk: int = PIECE) -> Iterator[bytes]:
        with self._content(uid) as raw:
            found = locate(raw, section) if section else None
            if section and found is None:
                return
            start, end = (found[1], found[2]) if found else (0, len(raw))
            for at in range(start, end, chunk):
                yield bytes(raw[at : min(end, at + chunk)])

    @property
    def _open(self) -> Folder:
        if self.folder is None:
            raise GiveUp(Reason.GONE, "No folder is open.")
        return self.folder

    def _content(self, uid: int) -> AbstractContextManager[bytes]:
        message = Message.objects.filter(folder=self._open, uid=uid).first()
        if message is None:
            raise GiveUp(Reason.GONE, "The message is no longer there.")
        return stored.mapped(message)  # type: ignore[return-value]


def take_uids(folder: Folder, count: int) -> int:
    """Reserve ``count`` uids; return the first."""
    with transaction.atomic():
        Folder.objects.filter(pk=folder.pk).update(uidnext=F("uidnext") + count)
        folder.refresh_from_db(fields=["uidnext", "uidvalidity"])
    return (folder.uidnext or 1) - count


@dataclass(frozen=True, slots=True)
class Letter:
    """A whole message whose bytes are in the storage already, and what is to stand in its row.

    ``received`` is the INTERNALDATE; without one it is the date of the newest Received field, or that of the message.
    """

    name: str
    sha256: str
    size: int
    summary: Summary
    flags: frozenset[str] = frozenset()
    received: datetime | None = None
    ledger: LedgerEntry | None = None


def file_message(
    folder: Folder,
    stream: BinaryIO,
    summary: Summary,
    *,
    flags: Iterable[str] = (),
    internaldate: datetime | None = None,
    ledger: LedgerEntry | None = None,
) -> Message:
    """Write the bytes, then commit the row that refers to them, and with it the ledger entry. Raises OSError."""
    name, sha256, size = stored.keep(stream)
    try:
        return file_letters(folder, [Letter(name, sha256, size, summary, frozenset(flags), internaldate, ledger)])[0]
    except BaseException as error:
        discard_files([name], error)
        raise


def file_letters(folder: Folder, letters: Sequence[Letter]) -> list[Message]:
    """Rows, references to the bytes and ledger entries in one transaction; the messages in the order of the letters."""
    with change(folder.account.user_id) as changed:
        first = take_uids(folder, len(letters))
        uidvalidity = folder.uidvalidity or UIDVALIDITY
        remote = [_as_remote(letter, first + place) for place, letter in enumerate(letters)]
        rows = {row.uid: row for row in insert(changed, folder, uidvalidity, remote)}
        # Those that only changed their place have kept their row, which is read again.
        linked = [message.uid for message in remote if message.uid not in rows]
        if linked:
            found = Message.objects.filter(folder=folder, uidvalidity=uidvalidity, uid__in=linked)
            rows.update({row.uid: row for row in found})
        messages = [rows[first + place] for place in range(len(letters))]
        StoredContent.objects.bulk_create(
            StoredContent(message=row, file=letter.name, sha256=letter.sha256, size=letter.size)
            for row, letter in zip(messages, letters, strict=True)
        )
        fresh: list[LedgerEntry] = []
        for row, letter in zip(messages, letters, strict=True):
            if (entry := letter.ledger) is not None:
                entry.message, entry.sha256, entry.size = row, letter.sha256, letter.size
                if entry.pk is None:
                    fresh.append(entry)
                else:
                    entry.save()
        LedgerEntry.objects.bulk_create(fresh)
    return messages


def _as_remote(letter: Letter, uid: int) -> RemoteMessage:
    summary = letter.summary
    return RemoteMessage(
        uid=uid,
        flags=letter.flags,
        modseq=None,
        internaldate=letter.received or summary.received or summary.date or timezone.now(),
        size=letter.size,
        subject=summary.subject,
        from_=summary.from_,
        to=summary.to,
        cc=summary.cc,
        bcc=summary.bcc,
        reply_to=summary.reply_to,
        sender=summary.sender,
        message_id=summary.message_id,
        in_reply_to=summary.in_reply_to,
        references=summary.references,
        date=summary.date,
        structure=summary.structure,
    )


def delete_messages(account: MailAccount, message_ids: list[int]) -> None:
    """Rows and bytes; the ledger remembers that the person wanted them gone."""
    for start in range(0, len(message_ids), 500):
        ids = message_ids[start : start + 500]
        with change(account.user_id) as changed:
            names = list(StoredContent.objects.filter(message__in=ids).values_list("file", flat=True))
            LedgerEntry.objects.filter(message__in=ids).update(wanted_gone=True)
            rows = Message.objects.filter(pk__in=ids)
            changed.conversations.update(rows.values_list("conversation_id", flat=True))
            changed.delete(ids)
            transaction.on_commit(lambda names=names: delete_files(names))  # type: ignore[misc]


def _numbers(uid_set: str | Iterable[int]) -> set[int]:
    if not isinstance(uid_set, str):
        return set(uid_set)
    found: set[int] = set()
    for piece in uid_set.split(","):
        low, _, high = piece.partition(":")
        found.update(range(int(low), int(high or low) + 1))
    return found


AnyMailbox = MailConnection | LocalMailbox

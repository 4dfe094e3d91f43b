"""One person with an account on any server, and the question that ends every test: does the mirror equal the server?"""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import MailAccount, Security, User
from tests.servers.any_mailbox import AnyMailbox
from webmail.errors import RetryLater
from webmail.imap.connection import MailConnection
from webmail.models import Folder, Message, OutgoingMessage, PendingAction, SyncState
from webmail.outbox import drafts
from webmail.sync.account import Pass
from webmail.sync.foreground import open_connection

_WIRE = {"seen": "\\Seen", "flagged": "\\Flagged", "answered": "\\Answered"}
_ATTEMPTS, _PASSES = 10, 50


def mail(number: int, body: str = "") -> bytes:
    return (
        f"From: Bob <bob@example.test>\r\nTo: Ada <ada@example.test>\r\nSubject: Letter {number}\r\n"
        f"Message-ID: <letter-{number}@example.test>\r\nDate: Fri, 20 Nov 2026 12:00:00 +0000\r\n"
        f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body or f'This is letter {number}.'}\r\n"
    ).encode()


def name_of(number: int) -> str:
    return f"letter-{number}@example.test"


class Person:
    """The account, its one connection, and passes until there is nothing more to do."""

    def __init__(self, mailbox: AnyMailbox) -> None:
        self.mailbox = mailbox
        account = MailAccount.objects.create(
            user=User.objects.create(username="ada"),
            address="ada@example.test",
            username=mailbox.address,
            password=mailbox.password,
            imap_host=mailbox.host,
            imap_port=mailbox.port,
            imap_security=Security.PLAIN,
            smtp_host="localhost",
        )
        SyncState.objects.create(account=account)
        self.account = MailAccount.objects.select_related("user").get(pk=account.pk)
        self.connection: MailConnection | None = None

    @property
    def user(self) -> User:
        return self.account.user

    def connected(self) -> MailConnection:
        if self.connection is None or not self.connection.alive:
            self.connection = open_connection(self.account)
            # As the worker notes them after a pass.
            SyncState.objects.update(capabilities=sorted(self.connection.capabilities))
        return self.connection

    def sync(self) -> None:
        """Passes until nothing is left, on a new connection after each that broke."""
        for _ in range(_ATTEMPTS):
            try:
                for _ in range(_PASSES):
                    if not Pass(self.connected(), self.account, lambda: False).run():
                        return
                pytest.fail("the passes do not come to an end")
            except RetryLater:
                self.close()
        pytest.fail("the account does not come to rest")

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def message(self, number: int) -> Message:
        return Message.objects.get(message_id=name_of(number), shown_in__isnull=False)

    def message_in_inbox(self, number: int) -> Message:
        return Message.objects.get(message_id=name_of(number), shown_in__special_use="inbox")

    def place(self, number: int) -> str:
        return str(self.message(number).shown_in.name)  # type: ignore[union-attr]

    def folder(self, name: str) -> Folder:
        return Folder.objects.get(name=self.mailbox.named(name))

    def write_draft(self, text: str) -> OutgoingMessage:
        """A draft that has been left alone long enough to be saved on the server."""
        return self.write_more(drafts.new_draft(self.user, self.account, drafts.Fields()), text)

    def write_more(self, row: OutgoingMessage, text: str) -> OutgoingMessage:
        given = drafts.Fields(to="bob@example.test", subject="Hello", text=text, plain=True)
        return self._quiet(drafts.save_draft(row, given, row.revision).outgoing)

    @staticmethod
    def _quiet(row: OutgoingMessage) -> OutgoingMessage:
        OutgoingMessage.objects.filter(pk=row.pk).update(updated_at=timezone.now() - timedelta(seconds=60))
        row.refresh_from_db()
        return row


def assert_like_the_server(person: Person) -> None:
    """Invariants I5 and I6: the same folders, under each uid the same message with the same flags, and no action left."""
    rows = {row.name: row for row in Folder.objects.filter(account=person.account)}
    assert set(rows) == person.mailbox.folders()
    for name, folder in rows.items():
        if not folder.selectable:
            continue
        shown = {}
        for row in Message.objects.filter(shown_in=folder):
            assert row.folder_id == folder.pk, f"{row.message_id} is still on its way to {name}"
            shown[row.uid] = (row.message_id, {_WIRE[each] for each in _WIRE if getattr(row, each)})
        found = person.mailbox.messages(person.mailbox.bare(name))
        there = {uid: (identity, flags & set(_WIRE.values())) for uid, (identity, flags) in found.items()}
        assert shown == there, f"{name} shows {shown}; the server has {there}"
        counted = (len(there), sum("\\Seen" not in flags for _, flags in there.values()))
        assert (folder.total, folder.unread) == counted, f"{name} counts {folder.total}, {folder.unread}, not {counted}"
    assert not PendingAction.objects.filter(state__in=["pending", "running"]).exists()

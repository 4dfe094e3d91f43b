"""A muted conversation on a real server: what arrives in it is moved by the worker, and nothing is split or joined again."""

import time

import pytest

from accounts.models import MailAccount, Security, User
from tests.servers.mailbox import Mailbox
from webmail.models import Folder, Message, PendingAction, SyncState
from webmail.sync import choices
from webmail.sync.account import Pass
from webmail.sync.foreground import open_connection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mailserver]


def letter(name: str, answers: str = "") -> bytes:
    fields = f"In-Reply-To: <{answers}@example.test>\r\n" if answers else ""
    subject = "Re: Plan" if answers else "Plan"
    return (
        f"From: Bob <bob@example.test>\r\nSubject: {subject}\r\nMessage-ID: <{name}@example.test>\r\n{fields}\r\nText.\r\n"
    ).encode()


def one_pass(account: MailAccount) -> None:
    connection = open_connection(account)
    try:
        while Pass(connection, account, lambda: False).run():
            pass
    finally:
        connection.close()


def test_the_server_follows_what_was_decided(mailbox: Mailbox) -> None:
    account = MailAccount.objects.create(
        user=User.objects.create(username="ada"),
        address=mailbox.address,
        username=mailbox.address,
        password=mailbox.password,
        imap_host="127.0.0.1",
        imap_port=mailbox.server.ports.imap,
        imap_security=Security.PLAIN,
        smtp_host="localhost",
    )
    SyncState.objects.create(account=account)
    account = MailAccount.objects.get(pk=account.pk)
    mailbox.deliver(letter("one"))
    mailbox.deliver(letter("two", answers="one"))
    one_pass(account)
    one, two = Message.objects.get(message_id="one@example.test"), Message.objects.get(message_id="two@example.test")
    assert one.conversation_id == two.conversation_id
    choices.split(account.user, two)
    choices.mute(account.user, [one])
    # Servers count whole seconds.
    time.sleep(1.1)
    mailbox.deliver(letter("three", answers="one"))
    mailbox.deliver(letter("four", answers="two"))
    one_pass(account)
    one_pass(account)
    three, four = (Message.objects.get(message_id=f"{name}@example.test") for name in ("three", "four"))
    one.refresh_from_db()
    two.refresh_from_db()
    archive = Folder.objects.get(account=account, special_use="archive")
    assert one.conversation_id == three.conversation_id != two.conversation_id == four.conversation_id
    assert {one.shown_in_id, one.folder_id, three.shown_in_id, three.folder_id} == {archive.pk}
    assert not three.seen
    assert not PendingAction.objects.filter(state__in=["pending", "running", "refused"]).exists()
    assert len(mailbox.uids("INBOX")) == 2
    assert len(mailbox.uids(archive.name)) == 2

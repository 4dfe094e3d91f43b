"""Connections that break at every step of an action, and servers that offer less (faults F03, F04, F07, F13)."""

from collections.abc import Iterator

import pytest

from accounts.models import MailAccount, Security, User
from tests.servers.fault_proxy import FaultProxy
from tests.servers.mailbox import Mailbox
from webmail.errors import RetryLater
from webmail.models import Folder, Message, PendingAction, SyncState
from webmail.sync import actions
from webmail.sync.account import Pass
from webmail.sync.foreground import open_connection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mailserver]

NO_MOVE = ("MOVE",)
BARE = (
    "MOVE",
    "UIDPLUS",
    "CONDSTORE",
    "ENABLE",
    "QRESYNC",
    "LIST-STATUS",
    "ESEARCH",
    "SPECIAL-USE",
    "LITERAL+",
    "NOTIFY",
)


def mail(number: int) -> bytes:
    return (
        f"From: Bob <bob@example.test>\r\nTo: ada@example.test\r\nSubject: Letter {number}\r\n"
        f"Message-ID: <letter-{number}@example.test>\r\n\r\nThis is letter {number}.\r\n"
    ).encode()


@pytest.fixture
def hidden() -> tuple[str, ...]:
    return ()


@pytest.fixture
def proxy(mailbox: Mailbox, hidden: tuple[str, ...]) -> Iterator[FaultProxy]:
    with FaultProxy("127.0.0.1", mailbox.server.ports.imap, hide=hidden) as proxy:
        yield proxy


@pytest.fixture
def account(mailbox: Mailbox, proxy: FaultProxy) -> MailAccount:
    account = MailAccount.objects.create(
        user=User.objects.create(username="ada"),
        address=mailbox.address,
        username=mailbox.address,
        password=mailbox.password,
        imap_host=proxy.host,
        imap_port=proxy.port,
        imap_security=Security.PLAIN,
        smtp_host="localhost",
    )
    SyncState.objects.create(account=account)
    return MailAccount.objects.get(pk=account.pk)


def settle(account: MailAccount) -> None:
    """Passes until there is nothing to do, with a new connection after each that broke."""
    for _ in range(20):
        try:
            connection = open_connection(account)
            while Pass(connection, account, lambda: False).run():
                pass
            connection.close()
        except RetryLater:
            continue
        return
    pytest.fail("it does not come to rest")


def assert_like_the_server(mailbox: Mailbox) -> None:
    """I5: every folder shows what the server has, flags included."""
    client = mailbox.imap()
    for folder in Folder.objects.filter(selectable=True):
        shown = {row.uid: row.seen for row in Message.objects.filter(shown_in=folder)}
        client.select_folder(folder.name, readonly=True)
        fetched = client.fetch(client.search("ALL"), ["FLAGS"])
        assert shown == {uid: b"\\Seen" in data[b"FLAGS"] for uid, data in fetched.items()}, folder.name
    client.logout()
    assert not Message.objects.filter(uid__isnull=True, missing_since__isnull=True).exists()


CUTS = [
    (hidden, command, action)
    for hidden, commands in (
        (NO_MOVE, ("COPY", "STORE", "EXPUNGE")),
        (BARE, ("COPY", "STORE", "EXPUNGE")),
        ((), ("MOVE",)),
    )
    for command in commands
    for action in ("cut_before", "cut_after")
]


@pytest.mark.parametrize(("hidden", "command", "action"), CUTS)
def test_a_move_that_breaks_anywhere_ends_with_one_copy_in_the_target(mailbox, account, proxy, command, action):
    for number in range(3):
        mailbox.append(mail(number))
    settle(account)
    rows = list(Message.objects.order_by("uid")[:2])
    actions.archive(account.user, rows)
    proxy.rule(command, action)
    settle(account)
    assert command in proxy.commands
    assert len(mailbox.uids()) == 1
    assert len(mailbox.uids("Archive")) == 2
    assert_like_the_server(mailbox)
    assert {row.pk for row in rows} == set(
        Message.objects.filter(shown_in__name="Archive").values_list("pk", flat=True)
    )
    assert not PendingAction.objects.exclude(state="done").exists()


@pytest.mark.parametrize("action", ["cut_before", "cut_after"])
@pytest.mark.parametrize("hidden", [(), BARE])
def test_a_flag_that_breaks_is_set_once_and_for_all(mailbox, account, proxy, action):
    mailbox.append(mail(1))
    settle(account)
    actions.store(account.user, Message.objects.all(), "seen", True)
    proxy.rule("STORE", action)
    settle(account)
    assert mailbox.flags(mailbox.uids()[0]) == {b"\\Seen"}
    assert_like_the_server(mailbox)


@pytest.mark.parametrize("hidden", [BARE])
def test_deleting_for_good_never_takes_what_another_client_marked(mailbox, account, proxy):
    uids = [mailbox.append(mail(number)) for number in range(2)]
    other = mailbox.imap()
    other.select_folder("INBOX")
    other.add_flags([uids[0]], [b"\\Deleted"])
    settle(account)
    actions.expunge(account.user, Message.objects.filter(uid=uids[1]))
    settle(account)
    assert mailbox.uids() == uids[:1]
    assert b"\\Deleted" in mailbox.flags(uids[0])
    other.logout()


@pytest.mark.parametrize("hidden", [BARE])
def test_a_server_that_offers_nothing_shows_the_same(mailbox, account, proxy):
    uids = [mailbox.append(mail(number)) for number in range(4)]
    settle(account)
    other = mailbox.imap()
    other.select_folder("INBOX")
    other.add_flags([uids[0]], [b"\\Seen"])
    other.copy([uids[1]], "Trash")
    other.delete_messages([uids[1]])
    other.expunge()
    other.logout()
    mailbox.append(mail(9))
    settle(account)
    assert_like_the_server(mailbox)
    assert Message.objects.filter(missing_since__isnull=True).count() == 5


@pytest.mark.parametrize("octets", [1, 200, 2000])
def test_a_fetch_cut_in_the_middle_leaves_nothing_half(mailbox, account, proxy, octets):
    """F01, F02"""
    for number in range(30):
        mailbox.append(mail(number))
    proxy.rule("FETCH", "cut_reply", octets=octets)
    settle(account)
    assert_like_the_server(mailbox)
    assert set(Message.objects.values_list("preview", flat=True)) == {
        f"This is letter {number}." for number in range(30)
    }

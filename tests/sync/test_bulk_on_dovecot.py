"""Bulk actions against a real server: cut in the middle, killed, refused in part, overlapping, taken back (F10, F45, F60)."""

from collections.abc import Iterator

import pytest

from accounts.models import MailAccount, Security, User
from tests.servers.fault_proxy import FaultProxy
from tests.servers.mailbox import Mailbox
from webmail.errors import RetryLater
from webmail.models import BulkAction, Folder, Message, PendingAction, SyncState
from webmail.sync import bulk, bulk_run, bulk_undo, push
from webmail.sync.account import Pass
from webmail.sync.foreground import open_connection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mailserver]


@pytest.fixture
def proxy(mailbox: Mailbox) -> Iterator[FaultProxy]:
    with FaultProxy("127.0.0.1", mailbox.server.ports.imap) as proxy:
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


def fill(mailbox: Mailbox, count: int) -> None:
    client = mailbox.imap()
    letters = [
        f"From: Bob <bob@example.test>\r\nSubject: Number {number}\r\nMessage-ID: <{number}@example.test>\r\n\r\nText.\r\n"
        for number in range(count)
    ]
    for start in range(0, count, 500):
        client.multiappend("INBOX", [letter.encode() for letter in letters[start : start + 500]])
    client.logout()


def one_pass(account: MailAccount) -> None:
    """Until there is nothing to do; raises what breaks the connection."""
    connection = open_connection(account)
    try:
        while Pass(connection, account, lambda: False).run():
            pass
    finally:
        connection.close()


def settle(account: MailAccount) -> None:
    for _ in range(20):
        try:
            one_pass(account)
        except RetryLater:
            continue
        bulk_run.run_due(lambda: False)
        if not PendingAction.objects.filter(state__in=["pending", "running"]).exists():
            return
    pytest.fail("it does not come to rest")


def inbox() -> Folder:
    return Folder.objects.select_related("account").get(name="INBOX")


def assert_like_the_server(mailbox: Mailbox) -> None:
    client = mailbox.imap()
    for folder in Folder.objects.filter(selectable=True):
        client.select_folder(folder.name, readonly=True)
        uids = client.search("ALL")
        shown = list(Message.objects.filter(shown_in=folder).values_list("uid", flat=True))
        assert (len(shown), set(shown)) == (len(uids), set(uids)), folder
        assert folder.total == len(uids)
    client.logout()


def test_two_thousand_are_moved_though_the_connection_breaks_and_the_worker_dies(mailbox, account, proxy):
    fill(mailbox, 2000)
    settle(account)
    identities = set(Message.objects.values_list("pk", flat=True))
    begun = bulk.begin(account.user, "archive", [inbox()])
    # The worker is stopped between two pieces, and another one carries on.
    calls = iter(range(100))
    bulk_run.run_due(lambda: next(calls) >= 2)
    begun.refresh_from_db()
    assert 0 < begun.applied < 2000
    mailbox.deliver(
        b"From: c@example.test\r\nSubject: After the click\r\nMessage-ID: <after@example.test>\r\n\r\nNew.\r\n"
    )
    bulk_run.run_due(lambda: False)
    # The second MOVE is carried out without an answer, the third never arrives.
    proxy.rule("MOVE", "cut_after", occurrence=2)
    with pytest.raises(RetryLater):
        one_pass(account)
    begun.refresh_from_db()
    assert (begun.state, begun.total, begun.confirmed) == ("sending", 2000, 500)
    proxy.rule("MOVE", "cut_before", occurrence=1)
    settle(account)
    begun.refresh_from_db()
    assert (begun.state, begun.confirmed, begun.refused, begun.missed) == ("done", 2000, 0, 0)
    assert (len(mailbox.uids()), len(mailbox.uids("Archive"))) == (1, 2000)
    assert_like_the_server(mailbox)
    assert identities == set(Message.objects.filter(shown_in__name="Archive").values_list("pk", flat=True))
    assert not Message.objects.filter(uid__isnull=True).exists()


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push, "GROUP", 20)
    monkeypatch.setattr(bulk, "CHUNK", 20)
    monkeypatch.setattr(bulk, "AT_ONCE", 5)


@pytest.mark.usefixtures("small_groups")
def test_a_mailbox_that_is_full_half_way_keeps_the_rest_at_its_source_and_says_how_many(mailbox, account, proxy):
    fill(mailbox, 100)
    settle(account)
    begun = bulk.begin(account.user, "archive", [inbox()])
    bulk_run.run_due(lambda: False)
    for occurrence in (3, 4):
        proxy.rule("MOVE", "answer", occurrence=occurrence, text=b"{tag} NO [OVERQUOTA] Mailbox is full\r\n")
    settle(account)
    begun.refresh_from_db()
    assert (begun.state, begun.total, begun.confirmed, begun.refused) == ("done", 100, 60, 40)
    assert begun.error
    assert (len(mailbox.uids()), len(mailbox.uids("Archive"))) == (40, 60)
    assert_like_the_server(mailbox)


@pytest.mark.usefixtures("small_groups")
def test_of_a_refused_group_only_the_refused_message_stays(mailbox, account, proxy):
    fill(mailbox, 20)
    settle(account)
    begun = bulk.begin(account.user, "archive", [inbox()])
    bulk_run.run_due(lambda: False)
    # The whole of it and then always one of the two halves: 20, 10, 5, 3, 2, 1. A rule does not see what one before it took.
    for occurrence in (1, 1, 2, 3, 4, 5):
        proxy.rule("MOVE", "answer", occurrence=occurrence, text=b"{tag} NO This one is held\r\n")
    settle(account)
    begun.refresh_from_db()
    assert (begun.confirmed, begun.refused, begun.error) == (19, 1, "The server does not move these messages.")
    assert (len(mailbox.uids()), len(mailbox.uids("Archive"))) == (1, 19)
    assert_like_the_server(mailbox)


@pytest.mark.usefixtures("small_groups")
def test_what_another_client_takes_away_meanwhile_is_counted_as_gone(mailbox, account):
    fill(mailbox, 40)
    settle(account)
    begun = bulk.begin(account.user, "archive", [inbox()])
    bulk_run.run_due(lambda: False)
    other = mailbox.imap()
    other.create_folder("Elsewhere")
    other.select_folder("INBOX")
    other.move(mailbox.uids()[:10], "Elsewhere")
    other.logout()
    settle(account)
    settle(account)
    begun.refresh_from_db()
    assert (begun.confirmed, begun.missed) == (30, 10)
    assert len(mailbox.uids("Archive")) == 30
    assert len(mailbox.uids("Elsewhere")) == 10
    assert_like_the_server(mailbox)


@pytest.mark.usefixtures("small_groups")
def test_undo_half_way_puts_back_what_was_moved_and_not_what_another_client_moved_on(mailbox, account, proxy):
    fill(mailbox, 100)
    settle(account)
    begun = bulk.begin(account.user, "archive", [inbox()])
    bulk_run.run_due(lambda: False)
    proxy.rule("MOVE", "cut_before", occurrence=3)
    with pytest.raises(RetryLater):
        one_pass(account)
    other = mailbox.imap()
    other.create_folder("Elsewhere")
    other.select_folder("Archive")
    other.move(mailbox.uids("Archive")[:7], "Elsewhere")
    other.logout()
    connection = open_connection(account)
    Pass(connection, account, lambda: False)._folders()
    connection.close()
    taken = bulk_undo.undo(account.user, begun.batch)
    assert taken is not None
    bulk_run.run_due(lambda: False)
    settle(account)
    settle(account)
    assert (len(mailbox.uids()), len(mailbox.uids("Archive")), len(mailbox.uids("Elsewhere"))) == (93, 0, 7)
    assert_like_the_server(mailbox)
    taken.refresh_from_db()
    assert (taken.state, taken.confirmed + taken.missed) == ("done", taken.total)


@pytest.mark.usefixtures("small_groups")
def test_overlapping_ones_and_a_second_folder_end_like_the_server(mailbox, account):
    fill(mailbox, 60)
    settle(account)
    read = bulk.begin(account.user, "seen", [inbox()])
    away = bulk.begin(account.user, "archive", [inbox()])
    thrown = bulk.begin(account.user, "delete", [inbox()])
    bulk_run.run_due(lambda: False)
    settle(account)
    assert {row.state for row in BulkAction.objects.all()} == {"done"}
    for each in (read, away, thrown):
        each.refresh_from_db()
    assert read.confirmed + away.confirmed + thrown.confirmed == read.applied + 60
    assert len(mailbox.uids("Archive")) + len(mailbox.uids("Trash")) == 60
    assert mailbox.uids() == []
    assert_like_the_server(mailbox)


@pytest.mark.usefixtures("small_groups")
def test_a_large_trash_is_emptied_and_mail_that_came_later_stays(mailbox, account):
    fill(mailbox, 60)
    settle(account)
    bulk.begin(account.user, "delete", [inbox()])
    bulk_run.run_due(lambda: False)
    settle(account)
    trash = Folder.objects.select_related("account").get(special_use="trash")
    bulk.begin(account.user, "expunge", [trash])
    mailbox.append(b"Subject: Later\r\nMessage-ID: <later@example.test>\r\n\r\nText.\r\n", "Trash")
    settle(account)
    bulk_run.run_due(lambda: False)
    settle(account)
    assert len(mailbox.uids("Trash")) == 1
    assert_like_the_server(mailbox)

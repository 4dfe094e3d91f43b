"""Messages moved to another account: one copy at the end, never none, whatever breaks in between (F05, F31, I1, I4)."""

import secrets
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import MailAccount, Security
from tests.servers.mailbox import Mailbox
from tests.transfer.conftest import mail, settle_local
from webmail.errors import RetryLater
from webmail.models import Folder, LedgerEntry, Message, Notice, PendingAction, StoredContent, SyncState
from webmail.sync import actions, bulk, bulk_run, bulk_undo
from webmail.sync.account import Pass
from webmail.sync.foreground import open_connection
from webmail.transfer import carry

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mailserver]
BARE = ("MOVE", "UIDPLUS", "CONDSTORE", "ENABLE", "QRESYNC", "LIST-STATUS", "ESEARCH", "NOTIFY")


@pytest.fixture
def second(remote: MailAccount, mailbox: Mailbox) -> Mailbox:
    """Another mailbox on the server."""
    address = f"other-{secrets.token_hex(4)}@{mailbox.server.domain}"
    mailbox.server.add_user(address, "secret-word")
    return Mailbox(mailbox.server, address, "secret-word")


@pytest.fixture
def other(remote: MailAccount, second: Mailbox) -> MailAccount:
    """The same person's account with it; reached directly, so that the proxy breaks the first one only."""
    account = MailAccount.objects.create(
        user=remote.user,
        address=second.address,
        username=second.address,
        password=second.password,
        imap_host="127.0.0.1",
        imap_port=second.server.ports.imap,
        imap_security=Security.PLAIN,
        smtp_host="localhost",
    )
    SyncState.objects.create(account=account)
    settle(account)
    return account


def settle(*accounts: MailAccount) -> None:
    """As the worker does: everything, again and again, with a new connection after each that broke."""
    for _ in range(30):
        carry._resting.clear()
        bulk_run.run_due(lambda: False)
        carry.run_due(lambda: False)
        for account in accounts:
            if account.is_local:
                settle_local(account)
                continue
            try:
                connection = open_connection(account)
                while Pass(connection, account, lambda: False).run():
                    pass
                connection.close()
            except RetryLater:
                pass
        bulk_run.run_due(lambda: False)
        if not PendingAction.objects.filter(state__in=["pending", "running"]).exists():
            return
    pytest.fail("it does not come to rest")


def inbox_of(account: MailAccount) -> Folder:
    return Folder.objects.select_related("account").get(account=account, special_use="inbox")


def only() -> Message:
    return Message.objects.get(shown_in__isnull=False)


def place(message: Message) -> tuple[int, int | None]:
    message.refresh_from_db()
    return message.account_id, message.shown_in_id


def raw_of(box: Mailbox) -> list[bytes]:
    return [box.raw(uid) for uid in box.uids()]


def test_it_goes_over_with_its_flags_and_date_and_keeps_its_row(mailbox: Mailbox, remote, other, second) -> None:
    uid = mailbox.append(mail(1), flags=(b"\\Flagged", b"\\Seen", b"$Work"))
    settle(remote)
    message = only()
    before = message.internaldate
    actions.move(remote.user, [message], inbox_of(other))
    assert place(message) == (remote.pk, inbox_of(other).pk)
    assert mailbox.raw(uid) == mail(1)
    settle(remote, other)
    assert place(message) == (other.pk, inbox_of(other).pk)
    assert (mailbox.uids(), raw_of(second)) == ([], [mail(1)])
    assert second.flags(second.uids()[0]) == {b"\\Flagged", b"\\Seen", b"$Work"}
    client = second.imap()
    client.select_folder("INBOX", readonly=True)
    [data] = client.fetch(second.uids(), ["INTERNALDATE"]).values()
    assert data[b"INTERNALDATE"].timestamp() == before.timestamp()
    client.logout()
    assert Message.objects.count() == 1
    assert not Notice.objects.exists()


def test_it_can_be_taken_back_before_and_afterwards(mailbox: Mailbox, remote, other, second) -> None:
    mailbox.append(mail(1))
    settle(remote)
    message = only()
    done = actions.move(remote.user, [message], inbox_of(other))
    actions.undo(remote.user, done.batch)
    assert not PendingAction.objects.filter(state="pending").exists()
    done = actions.move(remote.user, [message], inbox_of(other))
    settle(remote, other)
    actions.undo(remote.user, done.batch)
    settle(remote, other)
    assert place(message) == (remote.pk, inbox_of(remote).pk)
    assert (raw_of(mailbox), second.uids()) == ([mail(1)], [])


def test_mail_that_lives_here_goes_to_a_server(mailbox: Mailbox, local, remote, put) -> None:
    settle(remote)
    put(mail(1), flags=("\\Seen",))
    message = only()
    LedgerEntry.objects.create(account=local, message=message, uidl="x", size=1, fetched_at=timezone.now())
    actions.move(local.user, [message], inbox_of(remote))
    settle(local, remote)
    assert place(message) == (remote.pk, inbox_of(remote).pk)
    assert raw_of(mailbox) == [mail(1)]
    assert not StoredContent.objects.exists()
    assert LedgerEntry.objects.get().wanted_gone
    assert Message.objects.count() == 1


def test_mail_of_a_server_comes_to_live_here(mailbox: Mailbox, local, remote) -> None:
    mailbox.append(mail(1), flags=(b"\\Flagged",))
    settle(remote)
    message = only()
    actions.move(local.user, [message], inbox_of(local))
    settle(local, remote)
    assert place(message) == (local.pk, inbox_of(local).pk)
    assert mailbox.uids() == []
    assert StoredContent.objects.get().message == message
    assert StoredContent.objects.get().size == len(mail(1))
    assert Message.objects.get().flagged


CUTS = [
    (hidden, action, target_breaks)
    for hidden in ((), BARE)
    for action in ("cut_before", "cut_after")
    for target_breaks in (True, False)
]


@pytest.mark.parametrize(("hidden", "action", "target_breaks"), CUTS)
def test_a_connection_that_breaks_ends_with_one_copy(  # noqa: PLR0917
    mailbox: Mailbox, remote, other, second, proxy: Any, action, target_breaks
) -> None:
    source, target = (second, mailbox) if target_breaks else (mailbox, second)
    from_, to = (other, remote) if target_breaks else (remote, other)
    source.append(mail(1))
    source.append(mail(2))
    settle(remote, other)
    messages = list(Message.objects.filter(shown_in__isnull=False))
    proxy.rule("APPEND" if target_breaks else "FETCH", action)
    actions.move(remote.user, messages, inbox_of(to))
    settle(from_, to)
    assert source.uids() == []
    assert sorted(raw_of(target)) == [mail(1), mail(2)]
    assert {row.pk for row in messages} == set(Message.objects.values_list("pk", flat=True))
    assert {place(row) for row in messages} == {(to.pk, inbox_of(to).pk)}


@pytest.mark.parametrize("hidden", [(), BARE])
def test_a_worker_that_dies_after_writing_finds_its_copy(
    mailbox: Mailbox, remote, other, second, monkeypatch: pytest.MonkeyPatch
) -> None:
    second.append(mail(1))
    settle(remote, other)
    message = only()
    actions.move(remote.user, [message], inbox_of(remote))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(carry, "commit", die)
        with pytest.raises(KeyboardInterrupt):
            carry.run_due(lambda: False)
    # As a process leaves it that had no time to say so; meanwhile the look into the target has found the copy.
    PendingAction.objects.filter(kind="carry").update(state="running", lease_until="2026-01-01T00:00Z")
    connection = open_connection(remote)
    while Pass(connection, remote, lambda: False).run():
        pass
    connection.close()
    settle(other, remote)
    assert (second.uids(), raw_of(mailbox)) == ([], [mail(1)])
    assert place(message) == (remote.pk, inbox_of(remote).pk)
    assert Message.objects.count() == 1


def test_what_the_target_refuses_stays_at_its_source_and_is_said(
    mailbox: Mailbox, remote, other, second, proxy
) -> None:
    second.append(mail(1))
    settle(remote, other)
    message = only()
    proxy.rule("APPEND", "answer", text=b"{tag} NO [OVERQUOTA] Mailbox is full\r\n")
    actions.move(remote.user, [message], inbox_of(remote))
    settle(other, remote)
    assert place(message) == (other.pk, inbox_of(other).pk)
    assert (raw_of(second), mailbox.uids()) == ([mail(1)], [])
    assert "It is back where it was" in Notice.objects.get().text


def test_what_is_done_on_the_way_arrives(mailbox: Mailbox, remote, other, second) -> None:
    mailbox.append(mail(1))
    settle(remote)
    message = only()
    actions.move(remote.user, [message], inbox_of(other))
    actions.store(remote.user, [message], "flagged", True)
    PendingAction.objects.filter(kind="carry").update(state="running", lease_until="2126-01-01T00:00Z")
    # Meant for the message wherever it is going to be: its own server is not told while it is on its way.
    connection = open_connection(remote)
    Pass(connection, remote, lambda: False).run()
    connection.close()
    assert PendingAction.objects.get(kind="store").state == "pending"
    actions.archive(remote.user, [message])
    PendingAction.objects.filter(kind="carry", state="running").update(lease_until="2026-01-01T00:00Z")
    settle(remote, other)
    message.refresh_from_db()
    assert message.flagged
    assert Message.objects.count() == 1
    assert len(mailbox.uids()) + len(second.uids()) + sum(
        len(box.uids(folder.name))
        for box, account in ((mailbox, remote), (second, other))
        for folder in Folder.objects.filter(account=account, special_use="archive")
    ) == 1  # fmt: skip


def test_a_folder_goes_over_in_bulk_and_comes_back(mailbox: Mailbox, remote, other, second) -> None:
    for number in range(12):
        mailbox.append(mail(number))
    settle(remote)
    begun = bulk.begin(remote.user, "move", [inbox_of(remote)], inbox_of(other))
    settle(remote, other)
    begun.refresh_from_db()
    assert (begun.state, begun.confirmed) == ("done", 12)
    assert (len(mailbox.uids()), len(second.uids())) == (0, 12)
    taken = bulk_undo.undo(remote.user, begun.batch)
    settle(remote, other)
    assert taken is not None
    taken.refresh_from_db()
    assert (taken.state, taken.confirmed) == ("done", 12)
    assert (len(mailbox.uids()), len(second.uids())) == (12, 0)

"""One pass against Dovecot: what the server has is shown, what the person did is carried out, twice changes nothing."""

from collections.abc import Callable, Iterator

import pytest

from accounts.models import MailAccount, User
from tests.servers.mailbox import Mailbox
from webmail.errors import GiveUp
from webmail.imap.connection import MailConnection
from webmail.models import (
    CachedPart,
    Folder,
    Message,
    Notice,
    PendingAction,
    RenderedBody,
    SenderCheck,
    SyncState,
)
from webmail.sync import actions, bodies, folder_actions
from webmail.sync.account import Pass
from webmail.sync.foreground import open_connection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mailserver, pytest.mark.database]

Sync = Callable[[], None]


def mail(number: int, subject: str = "", extra: str = "") -> bytes:
    return (
        f"From: Bob <bob@example.test>\r\nTo: Ada <ada@example.test>\r\nSubject: {subject or f'Letter {number}'}\r\n"
        f"Message-ID: <letter-{number}@example.test>\r\nDate: Fri, 20 Nov 2026 12:00:00 +0000\r\n{extra}\r\n"
        f"This is letter {number}.\r\n"
    ).encode()


@pytest.fixture
def account(mailbox: Mailbox, settings) -> MailAccount:
    settings.TRUSTED_CA_FILE = str(mailbox.server.ca_file)
    account = MailAccount.objects.create(
        user=User.objects.create(username="ada"),
        address=mailbox.address,
        username=mailbox.address,
        password=mailbox.password,
        imap_host="localhost",
        imap_port=mailbox.server.ports.imaps,
        smtp_host="localhost",
    )
    SyncState.objects.create(account=account)
    return MailAccount.objects.get(pk=account.pk)


@pytest.fixture
def connection(account: MailAccount) -> Iterator[MailConnection]:
    connection = open_connection(account)
    yield connection
    connection.close()


@pytest.fixture
def sync(account: MailAccount, connection: MailConnection) -> Sync:
    def run() -> None:
        for _ in range(50):
            if not Pass(connection, account, lambda: False).run():
                return
        pytest.fail("the passes do not come to an end")

    return run


def shown(name: str) -> list[str]:
    rows = Message.objects.filter(shown_in__name=name).order_by("uid")
    return list(rows.values_list("subject", flat=True))


def test_the_first_pass_mirrors_every_folder(mailbox, sync):
    for number in range(60):
        mailbox.append(mail(number), flags=(b"\\Seen",) if number % 2 else ())
    mailbox.append(mail(99), folder="Work/Ünïcode")
    sync()
    inbox = Folder.objects.get(name="INBOX")
    assert (inbox.total, inbox.unread, inbox.backfilled) == (60, 30, True)
    assert shown("Work/Ünïcode") == ["Letter 99"]
    newest = Message.objects.get(subject="Letter 59")
    assert (newest.preview, newest.from_name) == ("This is letter 59.", "Bob")


def test_a_second_pass_changes_nothing(mailbox, sync, django_assert_max_num_queries, account):
    mailbox.append(mail(1))
    sync()
    before = list(Message.objects.values()), list(Folder.objects.values())
    stamp = account.user.stamp.revision
    sync()
    assert (list(Message.objects.values()), list(Folder.objects.values())) == before
    account.user.stamp.refresh_from_db()
    assert account.user.stamp.revision == stamp


def test_actions_reach_the_server(mailbox, sync, account):
    uids = [mailbox.append(mail(number)) for number in range(4)]
    sync()
    rows = {row.subject: row for row in Message.objects.all()}
    actions.store(account.user, [rows["Letter 0"]], "flagged", True)
    actions.archive(account.user, [rows["Letter 1"]])
    actions.delete(account.user, [rows["Letter 2"]])
    actions.expunge(account.user, [rows["Letter 3"]])
    sync()
    assert mailbox.uids() == uids[:1]
    assert mailbox.flags(uids[0]) == {b"\\Flagged"}
    assert len(mailbox.uids("Archive")) == len(mailbox.uids("Trash")) == 1
    archived = Message.objects.get(subject="Letter 1")
    assert archived.pk == rows["Letter 1"].pk
    assert (archived.folder.name, archived.uid) == ("Archive", mailbox.uids("Archive")[0])
    assert not Message.objects.filter(subject="Letter 3").exists()
    assert not PendingAction.objects.exclude(state="done").exists()


def test_what_another_client_does_is_followed_and_rows_keep_their_identity(mailbox, sync):
    uids = [mailbox.append(mail(number)) for number in range(4)]
    sync()
    moved = Message.objects.get(subject="Letter 1")
    other = mailbox.imap()
    other.select_folder("INBOX")
    other.add_flags([uids[0]], [b"\\Seen", b"$Label1"])
    other.move([uids[1]], "Trash")
    other.delete_messages([uids[2]])
    other.uid_expunge([uids[2]])
    other.create_folder("New")
    other.logout()
    mailbox.append(mail(7))
    sync()
    first = Message.objects.get(subject="Letter 0")
    assert (first.seen, first.keywords) == (True, ["$Label1"])
    moved.refresh_from_db()
    assert (str(moved.shown_in), moved.missing_since) == ("Trash", None)
    assert shown("INBOX") == ["Letter 0", "Letter 3", "Letter 7"]
    assert Folder.objects.filter(name="New").exists()


def test_a_move_seen_at_the_target_first_keeps_the_row(mailbox, sync, account, connection):
    mailbox.append(mail(1), folder="Zebra")
    sync()
    row = Message.objects.get()
    other = mailbox.imap()
    other.select_folder("Zebra")
    other.move(mailbox.uids("Zebra"), "INBOX")
    other.logout()
    sync()
    assert Message.objects.filter(missing_since__isnull=True).count() == 1
    assert Message.objects.get(missing_since__isnull=True).pk == row.pk


def test_a_folder_renamed_elsewhere_keeps_its_messages(mailbox, sync):
    mailbox.append(mail(1), folder="Work")
    sync()
    row = Message.objects.get()
    other = mailbox.imap()
    other.rename_folder("Work", "Jobs")
    other.logout()
    sync()
    row.refresh_from_db()
    assert str(row.shown_in) == "Jobs"
    assert not Folder.objects.filter(name="Work").exists()


def test_a_new_uidvalidity_rebuilds_and_finds_the_rows_again(mailbox, sync, account):
    """F08: uids from before are dead; what hangs on a message stays with it."""
    mailbox.append(mail(1), folder="Work")
    mailbox.append(mail(2), folder="Work")
    sync()
    before = {row.subject: row.pk for row in Message.objects.all()}
    actions.store(account.user, Message.objects.filter(subject="Letter 1"), "flagged", True)
    other = mailbox.imap()
    other.delete_folder("Work")
    other.logout()
    mailbox.append(mail(3), folder="Work")
    mailbox.append(mail(2), folder="Work")
    sync()
    assert shown("Work") == ["Letter 3", "Letter 2"]
    assert Message.objects.get(subject="Letter 2").pk == before["Letter 2"]
    assert not any(mailbox.flags(uid, "Work") for uid in mailbox.uids("Work"))
    assert "flag" in Notice.objects.get().text


def test_folder_actions_reach_the_server(mailbox, sync, account):
    sync()
    folder = folder_actions.create_folder(account.user, account, "Заметки")
    row_uid = mailbox.append(mail(1))
    sync()
    actions.move(account.user, Message.objects.filter(uid=row_uid), folder)
    folder_actions.rename_folder(account.user, folder, "Notes & more")
    sync()
    assert len(mailbox.uids("Notes & more")) == 1
    folder.refresh_from_db()
    folder_actions.delete_folder(account.user, folder)
    sync()
    client = mailbox.imap()
    assert not client.folder_exists("Notes & more")
    client.logout()
    assert not Folder.objects.filter(pk=folder.pk).exists()


def test_moving_into_a_folder_that_is_gone_puts_the_message_back_and_says_so(mailbox, sync, account):
    mailbox.append(mail(1), folder="Doomed")
    mailbox.append(mail(2))
    sync()
    actions.move(account.user, Message.objects.filter(subject="Letter 2"), Folder.objects.get(name="Doomed"))
    other = mailbox.imap()
    other.delete_folder("Doomed")
    other.logout()
    sync()
    assert shown("INBOX") == ["Letter 2"]
    assert Notice.objects.get().text.startswith("The server did not move “Letter 2”")


def test_a_click_during_a_pass_is_not_overwritten_by_older_news(mailbox, sync, account, monkeypatch):
    uid = mailbox.append(mail(1))
    sync()
    other = mailbox.imap()
    other.select_folder("INBOX")
    other.add_flags([uid], [b"\\Answered"])
    other.logout()
    real = MailConnection.fetch_flags

    def click_meanwhile(self, *args, **kwargs):
        found = real(self, *args, **kwargs)
        actions.store(account.user, Message.objects.all(), "seen", True)
        return found

    monkeypatch.setattr(MailConnection, "fetch_flags", click_meanwhile)
    sync()
    row = Message.objects.get()
    assert (row.seen, row.answered) == (True, True)
    monkeypatch.undo()
    sync()
    assert mailbox.flags(uid) == {b"\\Seen", b"\\Answered"}


def test_a_move_found_running_is_looked_up_not_repeated(mailbox, sync, account):
    """F03: the reply was lost after the server had moved the message."""
    uid = mailbox.append(mail(1))
    sync()
    row = Message.objects.get()
    actions.archive(account.user, [row])
    PendingAction.objects.update(state=PendingAction.State.RUNNING)
    other = mailbox.imap()
    other.select_folder("INBOX")
    other.move([uid], "Archive")
    other.logout()
    sync()
    row.refresh_from_db()
    assert (row.folder.name, row.uid) == ("Archive", mailbox.uids("Archive")[0])
    assert mailbox.uids() == []
    assert Message.objects.count() == 1


def test_a_large_mailbox_arrives_in_chunks_and_goes_on_where_it_was_cut(mailbox, account, connection, monkeypatch):
    monkeypatch.setattr("webmail.sync.messages.FIRST_PAGE", 10)
    monkeypatch.setattr("webmail.sync.messages.CHUNK", 7)
    client = mailbox.imap()
    for number in range(40):
        client.append("INBOX", mail(number))
    client.logout()
    calls = iter(range(1000))
    while Pass(connection, account, lambda: next(calls) % 9 == 8).run():
        inbox = Folder.objects.get(name="INBOX")
        mirrored = set(Message.objects.filter(folder=inbox).values_list("uid", flat=True))
        if inbox.backfill_uid is not None:
            assert mirrored >= set(range(inbox.backfill_uid, 41))
    assert Folder.objects.get(name="INBOX").total == 40


def test_a_body_that_is_gone_says_so_and_is_not_remembered_as_empty(mailbox, sync, account):
    uid = mailbox.append(mail(1))
    sync()
    CachedPart.objects.all().delete()
    other = mailbox.imap()
    other.select_folder("INBOX")
    other.delete_messages([uid])
    other.expunge()
    other.logout()
    with pytest.raises(GiveUp, match="no longer there"):
        bodies.text_parts(Message.objects.get())
    assert not CachedPart.objects.exists()


def test_who_sent_a_message_is_judged_with_the_text_that_is_fetched(mailbox, account, sync, monkeypatch):
    account.authserv_id = "mx.example.net"
    account.save()
    said = "Authentication-Results: mx.example.net; dmarc=pass header.from=example.test\r\n"
    mailbox.append(said.encode() + mail(1))
    sync()
    check = SenderCheck.objects.get()
    assert (check.result, check.method, check.domain) == ("verified", "dmarc", "example.test")
    SenderCheck.objects.all().delete()
    CachedPart.objects.all().delete()
    asked: list[list[str]] = []
    real = bodies._fetched

    def counted(message: Message, sections: list[str], most: int) -> dict[str, bytes]:
        asked.append(sections)
        return real(message, sections, most)

    monkeypatch.setattr(bodies, "_fetched", counted)
    bodies.text_parts(Message.objects.select_related("account", "folder").get())
    assert asked == [["1", "HEADER"]]
    assert SenderCheck.objects.get().result == "verified"
    CachedPart.objects.all().delete()
    bodies.text_parts(Message.objects.select_related("account", "folder").get())
    assert asked[1:] == [["1"]]


def test_a_text_is_asked_for_while_its_page_is_made_and_only_once(mailbox, account, sync, client, monkeypatch):
    mailbox.append(mail(1))
    sync()
    CachedPart.objects.all().delete()
    SenderCheck.objects.all().delete()
    RenderedBody.objects.all().delete()
    asked: list[list[str]] = []
    real = bodies._brought

    def counted(message: Message, sections: list[str], most: int) -> dict[str, bytes]:
        asked.append(sections)
        return real(message, sections, most)

    monkeypatch.setattr(bodies, "_brought", counted)
    client.force_login(account.user)
    message = Message.objects.get()
    client.get(f"/folder/{message.shown_in_id}/conversation/{message.conversation_id}/")
    assert "This is letter 1." in client.get(f"/message/{message.pk}/body/").text
    assert asked == [["1", "HEADER"]]
    assert SenderCheck.objects.exists()
    client.get(f"/folder/{message.shown_in_id}/conversation/{message.conversation_id}/")
    assert "This is letter 1." in client.get(f"/message/{message.pk}/body/").text
    assert len(asked) == 1

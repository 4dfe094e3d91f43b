"""What a pass asks the server for: little when nothing happened, only where something did; and the reasons to look again."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import MailAccount, Security, User
from tests.servers.fault_proxy import FaultProxy
from tests.servers.mailbox import Mailbox
from webmail.imap.connection import MailConnection
from webmail.imap.types import Hint
from webmail.models import Folder, Message, PendingAction, SyncState
from webmail.sync import actions, flags
from webmail.sync.account import Pass
from webmail.sync.foreground import open_connection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mailserver]

NO_CONDSTORE = ("CONDSTORE", "QRESYNC", "ENABLE")
Sync = Callable[[], None]


def mail(number: int) -> bytes:
    return (
        f"From: Bob <bob@example.test>\r\nTo: ada@example.test\r\nSubject: Letter {number}\r\n"
        f"Message-ID: <letter-{number}@example.test>\r\n\r\nThis is letter {number}.\r\n"
    ).encode()


def append(mailbox: Mailbox, count: int, folder: str = "INBOX", first: int = 0) -> None:
    client = mailbox.imap()
    if not client.folder_exists(folder):
        client.create_folder(folder)
    for number in range(first, first + count):
        client.append(folder, mail(number))
    client.logout()


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
    SyncState.objects.create(account=account, watched_until=timezone.now() + timedelta(hours=1))
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


@pytest.fixture
def asked(proxy: FaultProxy) -> Callable[[], list[str]]:
    """The commands since the last call."""
    seen = 0

    def since() -> list[str]:
        nonlocal seen
        new, seen = proxy.commands[seen:], len(proxy.commands)
        return new

    return since


def follow(connection: MailConnection, account: MailAccount, *hints: Hint) -> bool:
    return Pass(connection, account, lambda: False).follow(hints)


def test_a_quiet_pass_is_one_round_trip(mailbox, sync, asked):
    append(mailbox, 3)
    append(mailbox, 2, "Work")
    sync()
    asked()
    sync()
    # Both in flight at once.
    assert asked() == ["NOOP", "LIST"]


def test_a_flag_of_ours_costs_its_own_command_and_no_look(mailbox, sync, account, connection, asked):
    append(mailbox, 3)
    sync()
    actions.store(account.user, Message.objects.filter(subject="Letter 1"), "seen", True)
    asked()
    assert not follow(connection, account)
    assert asked() == ["STORE"]
    sync()
    assert asked() == ["NOOP", "LIST"]
    assert mailbox.flags(2) == {b"\\Seen"}
    assert not PendingAction.objects.exclude(state="done").exists()


def test_a_flag_of_ours_does_not_hide_one_of_another_client(mailbox, sync, account, connection):
    append(mailbox, 3)
    append(mailbox, 3, "Work")
    sync()
    other = mailbox.imap()
    other.select_folder("Work")
    other.add_flags([1], [b"\\Flagged"])
    other.logout()
    actions.store(account.user, Message.objects.filter(folder__name="Work", uid=2), "flagged", True)
    assert not follow(connection, account)
    flagged = Message.objects.filter(folder__name="Work", flagged=True).order_by("uid")
    assert list(flagged.values_list("uid", flat=True)) == [1, 2]


def test_after_a_move_only_the_two_folders_are_looked_into(mailbox, sync, account, connection, asked):
    append(mailbox, 3)
    append(mailbox, 2, "Work")
    sync()
    actions.archive(account.user, Message.objects.filter(folder__name="INBOX", uid=1))
    asked()
    assert not follow(connection, account)
    commands = asked()
    assert "LIST" not in commands
    assert "STATUS" not in commands
    assert commands.count("MOVE") == 1
    sync()
    assert asked() == ["NOOP", "LIST"]
    assert sorted(Message.objects.values_list("shown_in__name", "subject")) == [
        ("Archive", "Letter 0"),
        ("INBOX", "Letter 1"),
        ("INBOX", "Letter 2"),
        ("Work", "Letter 0"),
        ("Work", "Letter 1"),
    ]


def test_what_the_server_tells_is_looked_into_and_nothing_else(mailbox, sync, account, connection, asked):
    append(mailbox, 1)
    append(mailbox, 1, "Work")
    sync()
    append(mailbox, 1, "Work", first=7)
    asked()
    assert not follow(connection, account, Hint("folder", "Work"))
    assert Message.objects.filter(shown_in__name="Work", subject="Letter 7").exists()
    assert "LIST" not in asked()
    # Of a folder that is not known only a whole pass can tell.
    assert follow(connection, account, Hint("folder", "Fresh"))


@pytest.mark.parametrize("hidden", [NO_CONDSTORE])
def test_a_flag_told_between_two_commands_is_not_lost(mailbox, sync, account, connection):
    """The server tells it once, with the answer to whatever is asked next."""
    append(mailbox, 3)
    append(mailbox, 1, "Work")
    sync()
    other = mailbox.imap()
    other.select_folder("INBOX")
    other.add_flags([2], [b"$Label1"])
    other.logout()
    actions.store(account.user, Message.objects.filter(folder__name="INBOX", uid=3), "flagged", True)
    follow(connection, account)
    assert Message.objects.get(folder__name="INBOX", uid=2).keywords == ["$Label1"]


@pytest.mark.parametrize("hidden", [NO_CONDSTORE])
def test_flags_deep_in_a_folder_are_found_without_mod_sequences(mailbox, sync, account, monkeypatch):
    """No counter tells that another client flagged old messages: they are found all the same, by asking for what differs."""
    monkeypatch.setattr(flags, "FLAG_TAIL", 5)
    monkeypatch.setattr(flags, "FLAG_WINDOW", 5)
    monkeypatch.setattr(flags, "SCAN_SECONDS", 0.0)
    append(mailbox, 60, "Work")
    sync()
    other = mailbox.imap()
    other.select_folder("Work")
    other.add_flags([2, 9], [b"\\Flagged"])
    other.add_flags([3], [b"\\Answered"])
    other.logout()
    read: list[object] = []
    real = MailConnection.fetch_flags

    def counted(self, uids, **options):
        found = real(self, uids, **options)
        read.extend(found)
        return found

    monkeypatch.setattr(MailConnection, "fetch_flags", counted)
    sync()
    rows = Message.objects.filter(folder__name="Work")
    assert set(rows.filter(flagged=True).values_list("uid", flat=True)) == {2, 9}
    assert set(rows.filter(answered=True).values_list("uid", flat=True)) == {3}
    assert len(read) == 3


@pytest.mark.parametrize("hidden", [NO_CONDSTORE])
def test_marks_are_asked_for_once_in_a_look_without_mod_sequences(mailbox, sync, asked, monkeypatch):
    """Three questions; in a folder of half a million each has an answer of a megabyte."""
    append(mailbox, 5)
    sync()
    other = mailbox.imap()
    other.select_folder("INBOX")
    other.add_flags([2], [b"\\Seen"])
    other.logout()
    monkeypatch.setattr(flags, "_scanned", dict.fromkeys(Folder.objects.values_list("pk", flat=True), time.monotonic()))
    asked()
    sync()
    assert asked().count("SEARCH") == 3
    assert Message.objects.get(uid=2).seen


def test_changes_anywhere_in_a_folder_are_one_question_with_mod_sequences(mailbox, sync, account, asked, monkeypatch):
    append(mailbox, 40, "Work")
    sync()
    Folder.objects.filter(name="Work").update(uidnext=100_000)
    other = mailbox.imap()
    other.select_folder("Work")
    other.add_flags([2, 30], [b"\\Flagged"])
    other.logout()
    asked()
    sync()
    assert asked().count("FETCH") == 1
    assert set(Message.objects.filter(flagged=True).values_list("uid", flat=True)) == {2, 30}


def test_mod_sequences_that_stand_still_are_not_believed(mailbox, sync, account):
    """The server's unread count contradicts its mod-sequence: the flags themselves are asked for."""
    append(mailbox, 3, "Work")
    sync()
    other = mailbox.imap()
    other.select_folder("Work")
    other.add_flags([1], [b"\\Seen"])
    modseq = other.folder_status("INBOX", ["HIGHESTMODSEQ"])
    assert modseq
    other.unselect_folder()
    current = int(other.folder_status("Work", ["HIGHESTMODSEQ"])[b"HIGHESTMODSEQ"])
    other.logout()
    Folder.objects.filter(name="Work").update(highestmodseq=current)
    sync()
    assert Message.objects.get(folder__name="Work", uid=1).seen


def test_most_of_a_folder_gone_is_believed_when_a_new_connection_says_so(mailbox, sync, proxy):
    append(mailbox, 40, "Work")
    sync()
    other = mailbox.imap()
    other.select_folder("Work")
    other.delete_messages(list(range(1, 36)))
    other.expunge()
    other.logout()
    before = proxy.commands.count("LOGIN") + proxy.commands.count("AUTHENTICATE")
    sync()
    assert proxy.commands.count("LOGIN") + proxy.commands.count("AUTHENTICATE") == before + 1
    assert Message.objects.filter(shown_in__name="Work").count() == 5


def test_most_of_a_folder_gone_on_one_connection_alone_is_doubted(mailbox, sync, monkeypatch):
    """A server that answers with half a mailbox takes nothing away; the folder is looked into until it is known."""
    append(mailbox, 40, "Work")
    sync()
    real = MailConnection.uids
    lying: list[MailConnection] = []

    def half(self, uid_set="1:*"):
        found = real(self, uid_set)
        if not lying:
            lying.append(self)
        return {uid for uid in found if uid > 35} if self is lying[0] else found

    monkeypatch.setattr(MailConnection, "uids", half)
    Folder.objects.filter(name="Work").update(server_messages=1, compared_at=None)
    sync()
    work = Folder.objects.get(name="Work")
    assert (work.total, work.doubted_at is None) == (40, False)
    monkeypatch.undo()
    sync()
    work.refresh_from_db()
    assert (work.total, work.doubted_at) == (40, None)


def test_a_rebuild_cut_short_goes_on_and_keeps_every_row(mailbox, sync, monkeypatch):
    """F08: many rows of a folder whose UIDVALIDITY changed; copies of one message are told apart by their time."""
    monkeypatch.setattr("webmail.sync.changes.IDS_PER_QUERY", 4)
    append(mailbox, 10, "Work")
    mailbox.append(mail(3), folder="Work", when=timezone.now() - timedelta(days=9))
    sync()
    before = {(row.message_id, row.internaldate): row.pk for row in Message.objects.filter(folder__name="Work")}
    Folder.objects.filter(name="Work").update(uidvalidity=5)
    Message.objects.filter(folder__name="Work").update(uidvalidity=5)
    from webmail.sync import changes  # noqa: PLC0415 - replaced below

    real, calls = changes.change, []

    def breaking(user_id):
        calls.append(user_id)
        if len(calls) == 2:
            raise RuntimeError("killed")
        return real(user_id)

    monkeypatch.setattr(changes, "change", breaking)
    with pytest.raises(RuntimeError, match="killed"):
        sync()
    monkeypatch.setattr(changes, "change", real)
    sync()
    after = {(row.message_id, row.internaldate): row.pk for row in Message.objects.filter(shown_in__name="Work")}
    assert after == before


def test_what_vanished_lately_is_found_without_comparing_all(mailbox, sync, account, asked, monkeypatch):
    """Windows from the newest down, until the numbers are explained; uids may lie far apart."""
    monkeypatch.setattr("webmail.sync.compare.AT_ONCE", 8)
    append(mailbox, 40, "Work")
    sync()
    other = mailbox.imap()
    other.select_folder("Work")

    def searches_after(*uids: int) -> int:
        other.delete_messages(list(uids))
        other.uid_expunge(list(uids))
        asked()
        sync()
        left = {uid or 0 for uid in Message.objects.filter(shown_in__name="Work").values_list("uid", flat=True)}
        assert left == set(mailbox.uids("Work"))
        return asked().count("SEARCH")

    assert searches_after(38) == 1
    assert searches_after(39, 30) == 2
    assert searches_after(3) == 5
    Folder.objects.filter(name="Work").update(compared_at=timezone.now() - timedelta(days=1))
    Message.objects.filter(folder__name="Work", uid=20).update(uid=999_999)
    Folder.objects.filter(name="Work").update(uidnext=1_000_000, server_messages=0)
    sync()
    assert set(Message.objects.filter(shown_in__name="Work").values_list("uid", flat=True)) == set(mailbox.uids("Work"))
    other.logout()

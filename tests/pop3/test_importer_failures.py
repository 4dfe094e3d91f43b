"""What goes wrong on the way: nothing half is kept, nothing is lost, and the person is told when it is time to."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.core.files.storage import default_storage
from django.db import DataError
from django.utils import timezone

from accounts.models import DownloadRules, MailAccount
from accounts.register import look_again
from accounts.status import state_of
from tests.pop3.importing import contents, fetch, letter, states, stored
from tests.servers.scripted_pop3 import Cut, stuffed
from webmail.errors import AskUser, MailError, Reason, RetryLater
from webmail.models import Download, LedgerEntry, Message, Notice, StoredContent, SyncState
from webmail.pop3 import filing
from webmail.pop3.importer import run_import
from webmail.sync import attention
from webmail.sync import stored as stored_bytes
from webmail.worker.job import run_account

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]
Policy = Download.Policy


def fail(download: Download) -> MailError:
    Download.objects.update(next_at=timezone.now())
    with pytest.raises(MailError) as caught:
        run_import(download, lambda: False)
    download.refresh_from_db()
    return caught.value


def files() -> int:
    def count(directory: str) -> int:
        directories, names = default_storage.listdir(directory)
        return len(names) + sum(count(f"{directory}/{name}") for name in directories)

    return count("mail") if default_storage.exists("mail") else 0


@pytest.mark.parametrize("octets", [0, 1, 10, 100, 150, -1, -3, -5])
@pytest.mark.parametrize("capabilities", [("USER", "UIDL", "TOP", "PIPELINING"), ("USER", "UIDL")])
def test_a_message_cut_short_is_not_kept_and_comes_whole_next_time(scripted, pop3_account, octets, capabilities):
    """F26"""
    answer = b"+OK\r\n" + stuffed(letter(1, b"..\r\n.\r\n"))
    letters = [letter(1, b"..\r\n.\r\n"), letter(2)]
    server = scripted(letters, answers={"RETR 1": [Cut(answer[:octets]), b"default"]}, capabilities=capabilities)
    before = files()
    download = pop3_account(server, policy=Policy.DELETE)
    problem = fail(download)
    assert problem.reason == Reason.LOST
    assert contents() == [letter(2)]  # the newest came first, and stays
    assert server.deleted == set()
    assert download.failures == 0  # something came in
    fetch(download)
    assert contents() == sorted(letters)
    assert files() - before == 2
    assert server.deleted == {1, 2}


def test_a_connection_lost_between_dele_and_quit_deletes_next_time(scripted, pop3_account):
    """F27"""
    server = scripted([letter(1), letter(2)], answers={"DELE 2": [None, b"default"]})
    download = pop3_account(server, policy=Policy.DELETE)
    fail(download)
    assert server.deleted == set()
    assert len(stored()) == 2
    fetch(download)
    assert server.deleted == {1, 2}
    assert states() == ["gone", "gone"]
    assert len(server.commands("RETR")) == len(stored()) == 2


def test_after_five_failures_in_a_row_the_account_is_paused_and_the_person_told(scripted, pop3_account):
    server = scripted([letter(1)], answers={"PASS": b"-ERR [AUTH] wrong\r\n"})
    download = pop3_account(server)
    for number in range(1, 6):
        problem = fail(download)
        assert isinstance(problem, AskUser)
        assert MailAccount.objects.get().paused == (number == 5)
        assert download.next_at > timezone.now() + timedelta(minutes=9)
    notice = Notice.objects.get()
    assert "paused after five failures" in notice.text
    assert problem.sentence in notice.text
    assert "word" not in notice.text.replace("password", "")
    account = MailAccount.objects.get()
    assert download.failures == 5
    server.answers["PASS"] = b"default"
    MailAccount.objects.update(paused=False)
    look_again(account)
    assert fetch(download).failures == 0
    assert len(stored()) == 1


def test_the_page_says_why_it_was_paused(scripted, pop3_account):
    download = pop3_account(scripted([letter(1)], answers={"PASS": b"-ERR [AUTH] wrong\r\n"}))
    for _ in range(5):
        Download.objects.update(next_at=timezone.now())
        run_account(download.account_id, None, lambda: False)
    kind, sentence = state_of(MailAccount.objects.select_related("sync", "download").get())
    assert kind == "blocked"
    assert sentence.startswith("Paused after 5 failures in a row: ")
    assert "password" in sentence


def test_a_success_in_between_begins_the_count_anew(scripted, pop3_account):
    server = scripted([letter(1)], answers={"PASS": [None] * 4 + [b"default"]})
    download = pop3_account(server)
    for _ in range(4):
        fail(download)
    assert download.failures == 4
    assert fetch(download).failures == 0


@pytest.mark.parametrize(
    ("answer", "least", "most"),
    [
        (b"-ERR [IN-USE] locked\r\n", 60, 300),
        (b"-ERR [LOGIN-DELAY] too soon\r\n", 590, 610),
        (b"-ERR mailbox is locked by another session\r\n", 60, 300),
        (b"-ERR [SYS/TEMP] overload\r\n", 60, 300),
        (b"-ERR too many connections from your address\r\n", 60, 300),
    ],
)
def test_a_busy_server_is_waited_for_and_never_counted(scripted, pop3_account, answer, least, most):
    """F30"""
    server = scripted([letter(1)], answers={"PASS": answer})
    download = pop3_account(server)
    for _ in range(6):
        assert isinstance(fail(download), RetryLater)
    wait = (download.next_at - timezone.now()).total_seconds()
    assert least - 5 < wait < most
    assert (download.failures, MailAccount.objects.get().paused, Notice.objects.count()) == (0, False, 0)


def test_a_login_delay_is_kept_between_sessions(scripted, pop3_account, monkeypatch):
    monkeypatch.setattr("webmail.pop3.visit.SESSION_MESSAGES", 1)
    monkeypatch.setattr("webmail.pop3.visit.SESSION_SHARE", 100)
    server = scripted(
        [letter(number) for number in range(1, 15)], capabilities=("USER", "UIDL", "TOP", "LOGIN-DELAY 900")
    )
    download = pop3_account(server)
    run_import(download, lambda: False)
    download.refresh_from_db()
    assert len(stored()) == 10
    assert 890 < (download.next_at - timezone.now()).total_seconds() < 910
    assert download.finished_at is None


def test_without_room_nothing_is_deleted_and_it_goes_on_when_there_is_room(scripted, pop3_account, monkeypatch):
    """F32"""
    server = scripted([letter(1), letter(2)])
    download = pop3_account(server, policy=Policy.DELETE)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = files()
    monkeypatch.setattr(stored_bytes.default_storage, "save", full)
    for _ in range(6):
        assert "no room" in fail(download).sentence
    assert (Message.objects.count(), LedgerEntry.objects.count(), server.deleted) == (0, 0, set())
    assert not MailAccount.objects.get().paused
    monkeypatch.undo()
    fetch(download)
    assert len(stored()) == 2
    assert files() - before == 2
    assert server.deleted == {1, 2}


def test_a_file_that_holds_less_than_was_written_is_not_referred_to(scripted, pop3_account, monkeypatch):
    """F32"""
    server = scripted([letter(1)])
    download = pop3_account(server, policy=Policy.DELETE)
    really = default_storage.save
    monkeypatch.setattr(default_storage, "save", lambda name, _: really(name, BytesIO(b"half")))
    fail(download)
    assert not Message.objects.exists()
    assert server.deleted == set()


def test_a_header_the_database_refuses_does_not_keep_the_others_out(scripted, pop3_account, monkeypatch):
    """F33"""
    really = filing.file_letters

    def picky(folder, letters):
        if any(each.summary.subject == "Letter 2" for each in letters):
            raise DataError("not this one")
        return really(folder, letters)

    monkeypatch.setattr(filing, "file_letters", picky)
    letters = [letter(1), letter(2), letter(3)]
    fetch(pop3_account(scripted(letters)))
    assert contents() == letters
    assert sorted(Message.objects.values_list("subject", flat=True)) == ["", "Letter 1", "Letter 3"]


def test_a_message_the_server_will_not_hand_out_does_not_stop_the_others(scripted, pop3_account):
    server = scripted([letter(1), letter(2), letter(3)], answers={"RETR 2": [b"-ERR broken\r\n", b"default"]})
    download = fetch(pop3_account(server))
    assert sorted(stored()) == ["Letter 1", "Letter 3"]
    assert "1 message could not be fetched" in download.remark
    fetch(download)
    assert len(stored()) == 3
    assert download.remark == ""


def test_a_message_without_an_end_is_left_and_the_others_come(scripted, pop3_account, monkeypatch):
    monkeypatch.setattr(DownloadRules, "MEGABYTE", 100_000)
    DownloadRules.objects.create(pk=1, largest_mb=1)
    letters = [letter(1), letter(2, b"y" * 200_000 + b"\r\n"), letter(3, b"y" * 300_000 + b"\r\n"), letter(4)]
    sizes = [len(letters[0]), 50, 300_200, len(letters[3])]
    lie = b"+OK\r\n" + b"".join(b"%d %d\r\n" % pair for pair in enumerate(sizes, 1)) + b".\r\n"
    server = scripted(letters, answers={"LIST": lie})
    download = fetch(pop3_account(server, policy=Policy.DELETE))
    assert sorted(stored()) == ["Letter 1", "Letter 4"]
    assert server.deleted == {1, 4}
    fetch(download)
    assert len(server.commands("RETR 2")) == 1
    assert not server.commands("RETR 3")


class TestInTheWorker:
    def test_a_failure_is_the_accounts_status_until_the_server_is_asked_again(self, scripted, pop3_account):
        server = scripted([letter(1)], answers={"PASS": b"-ERR [AUTH] wrong\r\n"})
        download = pop3_account(server)
        account_id = download.account_id
        run_account(account_id, None, lambda: False)
        state = SyncState.objects.get()
        assert (state.status, state.reason) == ("blocked", "password")
        # What the person does meanwhile is settled, and the server is not bothered.
        asked = len(server.received)
        attention.ask(account_id)
        assert SyncState.objects.get().due_at <= timezone.now()
        run_account(account_id, None, lambda: False)
        state.refresh_from_db()
        assert (state.status, len(server.received)) == ("blocked", asked)
        download.refresh_from_db()
        assert state.due_at == download.next_at
        server.answers["PASS"] = b"default"
        Download.objects.update(next_at=timezone.now())
        run_account(account_id, None, lambda: False)
        state.refresh_from_db()
        assert (state.status, state.sentence) == ("ok", "")
        assert len(stored()) == 1

    def test_a_long_import_goes_on_from_session_to_session(self, scripted, pop3_account, monkeypatch):
        monkeypatch.setattr("webmail.pop3.visit.SESSION_MESSAGES", 4)
        server = scripted([letter(number) for number in range(1, 18)])
        download = pop3_account(server)
        run_account(download.account_id, None, lambda: False)
        assert len(stored()) == StoredContent.objects.count() == 17
        assert Message.objects.filter(preview="Hello.").count() == 17
        assert SyncState.objects.get().status == "ok"

"""An account's mail copied to a server: everything once, whatever breaks (faults F05, F31)."""

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.transfer.conftest import mail, numbers, upload, work
from webmail.errors import RetryLater
from webmail.models import Folder, Message, StoredContent, Transfer
from webmail.sync.account import Pass
from webmail.sync.foreground import open_connection
from webmail.sync.local import delete_messages
from webmail.transfer import export, job, jobs, run
from webmail.transfer.jobs import Route
from webmail.views.transfer_state import progress

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mailserver]

WHEN = datetime(2019, 5, 6, 7, 8, 9, tzinfo=UTC)
NO_UIDPLUS = ("UIDPLUS", "CONDSTORE", "MOVE")


Copy = Callable[..., Transfer]


@pytest.fixture
def copy(user, local, remote) -> Copy:
    """Begin to copy folders of the local account into those of the other: pairs of names."""

    def begin(*pairs: tuple[str, str]) -> Transfer:
        routes = [Route(Folder.objects.get(account=local, name=source), target) for source, target in pairs]
        return jobs.copy_account(user, local, remote, routes)

    return begin


def mirror(account) -> None:
    connection = open_connection(account)
    while Pass(connection, account, lambda: False).run():
        pass
    connection.close()


def test_dates_flags_and_octets_arrive_as_they_were(copy, mailbox, put):
    put(mail(1), flags=("\\Seen", "\\Flagged", "Work"), when=WHEN)
    put(mail(2), folder="Archive")
    transfer = work(copy(("INBOX", "INBOX"), ("Archive", "Old/Deep")))
    assert (transfer.state, numbers(transfer)) == ("done", [(1, 0, 0), (1, 0, 0)])
    (uid,) = mailbox.uids()
    assert mailbox.raw(uid) == mail(1)
    assert mailbox.flags(uid) == {b"\\Seen", b"\\Flagged", b"Work"}
    client = mailbox.imap()
    client.select_folder("INBOX", readonly=True)
    assert client.fetch([uid], ["INTERNALDATE"])[uid][b"INTERNALDATE"].astimezone(UTC) == WHEN
    client.logout()
    assert len(mailbox.uids("Old/Deep")) == 1
    first, second = transfer.folders.all()
    assert (first.total, first.target_before, first.target_after) == (1, 0, 1)
    assert second.finished


def test_what_is_there_already_is_skipped(copy, remote, mailbox, put):
    for number in range(3):
        put(mail(number))
    mailbox.append(mail(0))
    mirror(remote)
    mailbox.append(mail(1))  # not in the mirror yet
    assert numbers(work(copy(("INBOX", "INBOX")))) == [(1, 2, 0)]
    assert numbers(work(copy(("INBOX", "INBOX")))) == [(0, 3, 0)]
    assert len(mailbox.uids()) == 3


@pytest.mark.parametrize("hidden", [(), NO_UIDPLUS])
@pytest.mark.parametrize("cut", [(action, turn) for action in ("cut_before", "cut_after") for turn in (1, 2, 4)])
def test_an_append_whose_answer_is_lost_is_neither_doubled_nor_forgotten(copy, mailbox, put, proxy, cut):
    for number in range(4):
        put(mail(number))
    put(mail(2, "Another text under the same Message-ID."))
    proxy.rule("APPEND", cut[0], occurrence=cut[1])
    transfer = work(copy(("INBOX", "INBOX")))
    assert (transfer.state, numbers(transfer)) == ("done", [(5, 0, 0)])
    assert len(mailbox.uids()) == 5
    assert len({mailbox.raw(uid) for uid in mailbox.uids()}) == 5


@pytest.mark.parametrize("action", ["cut_before", "cut_after"])
def test_the_same_holds_for_messages_without_an_id(copy, mailbox, put, proxy, action):
    for number in range(3):
        put(mail(number).replace(b"Message-ID: <letter-%d@example.test>\r\n" % number, b""))
    proxy.rule("APPEND", action, occurrence=2)
    assert numbers(work(copy(("INBOX", "INBOX")))) == [(3, 0, 0)]
    assert len(mailbox.uids()) == 3


@pytest.mark.parametrize(
    "cut",
    [
        (command, action)
        for command in ("SELECT", "FETCH", "SEARCH", "CREATE")
        for action in ("cut_before", "cut_after")
    ],
)
def test_a_connection_that_breaks_elsewhere_is_opened_again(copy, mailbox, put, proxy, cut):
    for number in range(3):
        put(mail(number))
    mailbox.append(mail(9))
    proxy.rule(*cut)
    proxy.rule("APPEND", "cut_after", occurrence=2)
    transfer = work(copy(("INBOX", "INBOX"), ("Archive", "Fresh")))
    assert (transfer.state, numbers(transfer)) == ("done", [(3, 0, 0), (0, 0, 0)])
    assert len(mailbox.uids()) == 4


def test_a_worker_killed_between_the_append_and_its_record_does_not_append_again(copy, mailbox, put, monkeypatch):
    for number in range(3):
        put(mail(number))
    transfer = copy(("INBOX", "INBOX"))
    real = job.Job._settle

    class Killed(BaseException):
        pass

    def settle(self, *arguments):
        raise Killed

    monkeypatch.setattr(job.Job, "_settle", settle)
    with pytest.raises(Killed):
        run.run_due("worker", lambda: False)
    monkeypatch.setattr(job.Job, "_settle", real)
    assert len(mailbox.uids()) == 1
    assert numbers(work(transfer)) == [(3, 0, 0)]
    assert len(mailbox.uids()) == 3


def test_a_message_the_server_refuses_is_named_and_the_others_arrive(copy, mailbox, put, proxy):
    for number in range(3):
        put(mail(number))
    proxy.rule("APPEND", "answer", occurrence=2, text=b"{tag} NO [CANNOT] not this one\r\n")
    transfer = work(copy(("INBOX", "INBOX")))
    assert (transfer.state, numbers(transfer)) == ("done", [(2, 0, 1)])
    assert transfer.failures == [["Letter 1", "The server cannot do this."]]
    assert len(mailbox.uids()) == 2
    jobs.go_on(transfer)
    assert numbers(work(transfer)) == [(3, 0, 0)]
    assert len(mailbox.uids()) == 3


def test_a_throttled_server_is_waited_for(copy, mailbox, put, proxy):
    for number in range(3):
        put(mail(number))
    proxy.rule("APPEND", "answer", occurrence=2, text=b"{tag} NO [LIMIT] slow down\r\n")
    transfer = copy(("INBOX", "INBOX"))
    run.run_due("worker", lambda: False)
    transfer.refresh_from_db()
    assert (transfer.state, transfer.attempts, bool(transfer.sentence)) == ("waiting", 1, True)
    assert numbers(work(transfer)) == [(3, 0, 0)]
    assert len(mailbox.uids()) == 3


def test_damaged_content_is_not_copied(copy, mailbox, put):
    put(mail(1))
    put(mail(2))
    stored = StoredContent.objects.get(message__subject="Letter 1")
    with stored.file.storage.open(str(stored.file.name), "r+b") as file:
        file.write(b"X")
    transfer = work(copy(("INBOX", "INBOX")))
    assert (transfer.state, numbers(transfer)) == ("done", [(1, 0, 1)])
    assert transfer.failures == [["Letter 1", "Its content is damaged here."]]


def test_a_full_mailbox_stops_with_a_reason_and_goes_on_later(copy, mailbox, put, proxy):
    for number in range(3):
        put(mail(number))
    proxy.rule("APPEND", "answer", occurrence=2, text=b"{tag} NO [OVERQUOTA] full\r\n")
    transfer = work(copy(("INBOX", "INBOX")))
    assert (transfer.state, transfer.sentence) == ("failed", "The mailbox is full.")
    jobs.go_on(transfer)
    transfer = work(transfer)
    assert numbers(transfer) == [(3, 0, 0)]
    assert len(mailbox.uids()) == 3


def test_a_wrong_password_is_said_at_once(copy, remote, put):
    put(mail(1))
    transfer = copy(("INBOX", "INBOX"))
    type(remote).objects.filter(pk=remote.pk).update(password="wrong")
    assert work(transfer).state == "failed"
    assert transfer.sentence


def test_mail_that_comes_in_meanwhile_is_copied_too(copy, local, mailbox, put, monkeypatch):
    put(mail(1))
    transfer = copy(("INBOX", "INBOX"))
    real = job.Target.put

    def also(self, letter):
        real(self, letter)
        if Message.objects.filter(account=local).count() == 1:
            put(mail(2), when=WHEN)

    monkeypatch.setattr(job.Target, "put", also)
    assert numbers(work(transfer)) == [(2, 0, 0)]
    assert transfer.folders.get().total == 2


def test_pressing_twice_makes_one_copy(copy, put):
    put(mail(1))
    copy(("INBOX", "INBOX"))
    with pytest.raises(jobs.GiveUp):
        copy(("INBOX", "INBOX"))


def test_a_file_is_imported_into_a_folder_on_a_server(user, remote, mailbox):
    mirror(remote)
    inbox = Folder.objects.get(account=remote, name="INBOX")
    content = b"From a Mon Nov  2 07:05:09 2026\n" + mail(1).replace(b"\r\n", b"\n")
    transfer = work(upload(user, inbox, content))
    assert (transfer.state, numbers(transfer)) == ("done", [(1, 0, 0)])
    assert mailbox.raw(mailbox.uids()[0]) == mail(1)
    mirror(remote)
    assert Message.objects.get(account=remote).subject == "Letter 1"


def test_a_slice_that_is_stopped_gives_the_transfer_back(copy, mailbox, put):
    for number in range(3):
        put(mail(number))
    transfer = copy(("INBOX", "INBOX"))
    answers = iter([False, False, True, True, True])
    run.run_due("worker", lambda: next(answers))
    transfer.refresh_from_db()
    assert (transfer.state, transfer.lease_owner) == ("waiting", "")
    assert numbers(work(transfer)) == [(3, 0, 0)]


@pytest.mark.parametrize("action", ["cut_before", "cut_after"])
def test_a_folder_on_a_server_is_exported_though_the_connection_breaks(remote, mailbox, proxy, action):
    for number in range(3):
        mailbox.append(mail(number), flags=(b"\\Seen",), when=WHEN)
    mirror(remote)
    proxy.rule("FETCH", action, occurrence=2)
    inbox = Folder.objects.get(account=remote, name="INBOX")
    with zipfile.ZipFile(io.BytesIO(b"".join(export.folder_archive(inbox, "zip")))) as archive:
        assert [archive.read(name) for name in archive.namelist()] == [mail(number) for number in range(3)]


def test_an_export_breaks_off_when_the_server_stays_away(remote, mailbox, proxy):
    mailbox.append(mail(1))
    mirror(remote)
    for _ in range(10):
        proxy.rule("FETCH", "cut_before")
    with pytest.raises(RetryLater):
        b"".join(export.account_archive(remote, "zip"))
    assert not remote.backups.exists()


def test_a_message_deleted_before_its_turn_is_reported(copy, local, mailbox, put):
    put(mail(1))
    put(mail(2))
    transfer = copy(("INBOX", "INBOX"))
    delete_messages(local, [Message.objects.get(subject="Letter 1").pk])
    transfer = work(transfer)
    assert numbers(transfer) == [(1, 0, 0)]
    assert transfer.folders.get().total == 2
    found = progress(transfer)
    assert (found.complete, found.sentence) == (False, "Done, but 1 had gone from the source before their turn.")

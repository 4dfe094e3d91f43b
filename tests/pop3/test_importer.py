"""A maildrop is fetched: each message once, octet for octet, where the person wants it."""

from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from tests.pop3.importing import fetch, letter, states, stored
from webmail.errors import RetryLater
from webmail.models import Download, Folder, LedgerEntry, Maildrop, Message, StoredContent
from webmail.pop3.importer import run_import
from webmail.pop3.progress import Progress, maildrop_key
from webmail.sync import actions, folder_actions
from webmail.sync.account import LocalPass
from webmail.sync.local import delete_messages

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]
State = LedgerEntry.State
Policy = Download.Policy


def test_messages_come_as_they_are_and_once(scripted, pop3_account):
    letters = [
        letter(1),
        letter(2, b"x" * 3000 + b"\r\n.\r\n..\r\n"),
        letter(3, b"\x00\xff" * 400_000 + b"\r\n"),
        letter(4, b""),
    ]
    server = scripted(letters)
    download = pop3_account(server, tag="old-mail", every_minutes=30)
    fetch(download)
    assert stored() == {f"Letter {number}": raw for number, raw in enumerate(letters, 1)}
    assert set(Message.objects.values_list("folder__name", "seen")) == {("INBOX", False)}
    assert all(keywords == ["old-mail"] for keywords in Message.objects.values_list("keywords", flat=True))
    assert timedelta(minutes=29) < download.next_at - timezone.now() < timedelta(minutes=31)
    assert (download.messages_done, download.messages_total, download.imported) == (4, 4, 4)
    assert download.octets_done == download.octets_total == sum(map(len, letters))
    assert download.started_at < download.finished_at
    fetch(download)
    assert Message.objects.count() == len(server.commands("RETR")) == 4
    assert server.deleted == set()
    assert not Maildrop.objects.exists()


@pytest.mark.mailserver
def test_a_real_server_is_fetched_and_emptied(mailbox, pop3_account):
    letters = [letter(number, b".%d\r\n" % number * number) for number in range(1, 61)]
    for raw in letters:
        mailbox.deliver(raw)
    download = fetch(pop3_account(mailbox, policy=Policy.DELETE))
    assert mailbox.uids() == []
    found = stored()
    assert len(found) == 60
    assert all(found[f"Letter {number}"].endswith(raw) for number, raw in enumerate(letters, 1))
    assert states() == ["gone"] * 60
    mailbox.deliver(letter(61))
    fetch(download)
    assert Message.objects.count() == 61
    assert mailbox.uids() == []


def test_a_long_import_takes_several_sessions_and_goes_on_counting(scripted, pop3_account, monkeypatch):
    monkeypatch.setattr("webmail.pop3.visit.SESSION_MESSAGES", 7)
    server = scripted([letter(number) for number in range(1, 31)])
    download = fetch(pop3_account(server))
    assert len(server.commands("PASS")) == 5
    assert len(server.commands("RETR")) == 30
    assert (download.messages_done, download.messages_total) == (30, 30)
    assert len(stored()) == 30


def test_the_chosen_folder_takes_the_mail_and_the_inbox_where_it_is_gone(scripted, pop3_account):
    server = scripted([letter(1)])
    download = pop3_account(server)
    work = Folder.objects.create(account=download.account, name="Work", delimiter="/", uidvalidity=1, uidnext=1)
    Download.objects.update(folder=work)
    fetch(download)
    assert Message.objects.get().folder == work
    Folder.objects.filter(pk=work.pk).update(hidden=True)
    server.messages.append(letter(2))
    fetch(download)
    assert Message.objects.get(subject="Letter 2").folder.name == "INBOX"


def test_what_was_removed_here_does_not_come_back(scripted, pop3_account):
    server = scripted([letter(1), letter(2)])
    download = fetch(pop3_account(server))
    delete_messages(download.account, [Message.objects.get(subject="Letter 1").pk])
    fetch(download)
    assert list(stored()) == ["Letter 2"]
    assert len(server.commands("RETR")) == 2


def test_mail_of_a_removed_folder_counts_as_removed(scripted, pop3_account):
    server = scripted([letter(1)])
    download = pop3_account(server, policy=Policy.FOLLOW)
    folder = Folder.objects.create(account=download.account, name="Work", delimiter="/", uidvalidity=1, uidnext=1)
    Download.objects.update(folder=folder)
    fetch(download)
    name = StoredContent.objects.get().file.name
    folder_actions.delete_folder(download.account.user, folder)
    while LocalPass(download.account, lambda: False).run():
        pass
    assert LedgerEntry.objects.get().wanted_gone
    assert not default_storage.exists(str(name))
    fetch(download)
    assert server.deleted == {1}


def test_old_messages_stay_where_they_are(scripted, pop3_account):
    old = letter(1, when="Fri, 20 Nov 2020 12:00:00 +0000")
    server = scripted([old, letter(2)])
    download = fetch(pop3_account(server, since=date(2026, 1, 1), policy=Policy.DELETE))
    fetch(download)
    assert list(stored()) == ["Letter 2"]
    assert server.deleted == {2}
    assert b"RETR 1\r\n" not in server.received
    assert len(server.commands("TOP 1")) == 1
    Download.objects.update(since=date(2020, 1, 1))
    fetch(download)
    assert sorted(stored()) == ["Letter 1", "Letter 2"]


def test_old_messages_are_told_without_top_as_well(scripted, pop3_account):
    old = letter(1, when="Fri, 20 Nov 2020 12:00:00 +0000")
    server = scripted([old, letter(2)], capabilities=("USER", "UIDL"))
    download = fetch(pop3_account(server, since=date(2026, 1, 1), policy=Policy.DELETE))
    fetch(download)
    assert list(stored()) == ["Letter 2"]
    assert len(server.commands("RETR 1")) == 1
    assert server.deleted == {2}


class TestDeletion:
    def test_happens_once_fetched(self, scripted, pop3_account):
        server = scripted([letter(1), letter(2)], removes=True)
        fetch(pop3_account(server, policy=Policy.DELETE))
        assert server.messages == []
        assert states() == ["gone", "gone"]

    def test_happens_some_days_after_the_fetch(self, scripted, pop3_account):
        server = scripted([letter(1), letter(2)], removes=True)
        download = fetch(pop3_account(server, policy=Policy.AFTER_DAYS, days=3))
        LedgerEntry.objects.filter(uidl="id-2").update(fetched_at=timezone.now() - timedelta(days=3))
        server.uidls = [b"id-1", b"id-2"]
        fetch(download)
        assert server.messages == [letter(1)]
        assert len(server.commands("RETR")) == 2

    def test_follows_the_person(self, scripted, pop3_account):
        server = scripted([letter(1), letter(2)], removes=True)
        download = fetch(pop3_account(server, policy=Policy.FOLLOW))
        assert len(server.messages) == 2
        server.uidls = [b"id-1", b"id-2"]
        actions.expunge(download.account.user, [Message.objects.get(subject="Letter 2")])
        while LocalPass(download.account, lambda: False).run():
            pass
        fetch(download)
        assert server.messages == [letter(1)]

    def test_waits_for_whole_content_here_and_fetches_it_again(self, scripted, pop3_account):
        server = scripted([letter(1), letter(2)], uidls=[b"a", b"b"], removes=True)
        download = fetch(pop3_account(server))
        row = StoredContent.objects.get(message__subject="Letter 1")
        default_storage.delete(str(row.file.name))
        default_storage.save(row.file.name, BytesIO(b"damaged"))
        Download.objects.update(policy=Policy.DELETE)
        run_import(download, lambda: False)
        assert server.messages == [letter(1)]
        assert StoredContent.objects.exclude(damaged="").count() == 1
        fetch(download)
        assert stored() == {"Letter 1": letter(1), "Letter 2": letter(2)}
        assert server.messages == []

    def test_that_the_server_refuses_is_not_taken_for_done(self, scripted, pop3_account):
        server = scripted([letter(1), letter(2)], answers={"DELE 1": b"-ERR not this one\r\n"})
        fetch(pop3_account(server, policy=Policy.DELETE))
        assert dict(LedgerEntry.objects.values_list("uidl", "state")) == {"id-1": "have", "id-2": "gone"}

    def test_that_is_not_confirmed_is_looked_up(self, scripted, pop3_account):
        """F27"""
        server = scripted([letter(1), letter(2)], uidls=[b"a", b"b"], answers={"QUIT": [None, b"default"]})
        download = pop3_account(server, policy=Policy.DELETE)
        with pytest.raises(RetryLater):
            run_import(download, lambda: False)
        assert states() == ["deleting", "deleting"]
        server.messages, server.uidls = [letter(2)], [b"b"]  # it had deleted one of them
        fetch(download)
        assert states() == ["gone", "gone"]
        assert server.deleted == {1}
        assert len(server.commands("RETR")) == Message.objects.count() == 2

    def test_that_does_not_last_is_said_and_nothing_is_fetched_again(self, scripted, pop3_account):
        server = scripted([letter(1)])
        download = fetch(pop3_account(server, policy=Policy.DELETE))
        fetch(download)
        assert "still lists" in download.remark
        assert len(server.commands("RETR")) == 1

    def test_spares_a_new_message_under_an_old_id(self, scripted, pop3_account):
        server = scripted([letter(1, b"one\r\n")], uidls=[b"a"], removes=True)
        download = fetch(pop3_account(server, policy=Policy.AFTER_DAYS, days=1))
        LedgerEntry.objects.update(fetched_at=datetime(2026, 1, 1, tzinfo=UTC))
        server.messages = [letter(2, b"two\r\n")]  # the same id and the same size
        fetch(download)
        fetch(download)
        assert sorted(stored()) == ["Letter 1", "Letter 2"]
        assert server.messages == [letter(2, b"two\r\n")]


def test_one_session_at_a_time_is_in_a_maildrop(scripted, pop3_account):
    """F30"""
    server = scripted([letter(1)])
    first, second = pop3_account(server), pop3_account(server, "eve")
    assert maildrop_key(first) == maildrop_key(second)
    holder = Progress(first, lambda: False)
    holder.hold()
    with pytest.raises(RetryLater, match="Another account"):
        run_import(second, lambda: False)
    assert not server.commands("RETR")
    second.refresh_from_db()
    assert second.failures == 0
    assert second.next_at > timezone.now() + timedelta(seconds=30)
    holder.release()
    fetch(second)
    assert Message.objects.filter(account=second.account).count() == 1


def test_a_session_that_lost_the_maildrop_files_nothing_more(scripted, pop3_account, monkeypatch):
    """F30"""
    server = scripted([letter(1)])
    download = pop3_account(server)
    really = Progress.hold

    def hold(self: Progress) -> None:
        really(self)
        Maildrop.objects.update(token="somebody else's")

    monkeypatch.setattr(Progress, "hold", hold)
    with pytest.raises(RetryLater):
        run_import(download, lambda: False)
    assert not Message.objects.exists()
    assert not LedgerEntry.objects.exists()
    monkeypatch.undo()
    fetch(download)
    assert len(stored()) == 1


def test_stopping_takes_effect_between_messages_and_nothing_is_in_doubt(scripted, pop3_account):
    server = scripted([letter(number) for number in range(1, 101)], capabilities=("USER", "UIDL", "TOP"))
    download = pop3_account(server)
    run_import(download, lambda: len(server.commands("RETR")) >= 10)
    assert len(server.commands("RETR")) < 15
    assert Message.objects.count() == LedgerEntry.objects.count() == len(stored()) >= 10
    fetch(download)
    assert len(stored()) == 100


def test_a_paused_account_is_left_alone(scripted, pop3_account):
    server = scripted([letter(1)])
    download = pop3_account(server)
    type(download.account).objects.update(paused=True)
    run_import(download, lambda: False)
    assert server.received == []
    download.refresh_from_db()
    assert download.next_at > timezone.now()

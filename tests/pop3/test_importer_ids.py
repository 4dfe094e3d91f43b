"""Ids lie: whatever a server does with them, different content is kept and the same content is kept once."""

import pytest

from tests.pop3.importing import contents, fetch, letter, states, stored
from webmail.models import Download, LedgerEntry, Message, StoredContent
from webmail.sync.local import delete_messages

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]
ALIKE = [letter(1, b"one\r\n"), letter(1, b"two\r\n")]  # header and size are the same
NO_TOP = ("USER", "UIDL", "PIPELINING")


@pytest.mark.parametrize("capabilities", [("USER", "UIDL", "TOP"), NO_TOP, None], ids=["TOP", "no TOP", "no CAPA"])
@pytest.mark.parametrize(
    "uidls",
    [[b"same", b"same", b"same"], [b"", b"", b""], [b"x" * 80, b"x" * 80, b"b"], None, [b"a", b"", b"a"]],
    ids=["shared", "blank", "too long", "none", "mixed"],
)
def test_different_messages_are_all_kept_whatever_their_ids(scripted, pop3_account, uidls, capabilities):
    """F28"""
    letters = [letter(1), letter(2), letter(3)]
    server = scripted(letters, uidls=uidls, capabilities=capabilities)
    download = fetch(pop3_account(server))
    assert contents() == letters
    fetch(download)
    fetch(download)
    assert contents() == letters
    assert LedgerEntry.objects.count() == 3
    if capabilities and "TOP" in capabilities:
        assert len(server.commands("RETR")) == 3


@pytest.mark.parametrize("uidls", [[b"same", b"same"], None], ids=["shared id", "no ids"])
def test_messages_alike_in_header_and_size_are_told_apart_by_their_content(scripted, pop3_account, uidls):
    server = scripted(ALIKE[:1], uidls=uidls and uidls[:1])
    download = fetch(pop3_account(server))
    server.messages, server.uidls = list(reversed(ALIKE)), uidls
    fetch(download)
    assert contents() == ALIKE
    fetch(download)
    assert contents() == ALIKE


def test_an_id_used_again_brings_the_new_message(scripted, pop3_account):
    """F28"""
    server = scripted([letter(1)], uidls=[b"1"])
    download = fetch(pop3_account(server))
    server.messages = [letter(2, b"longer than the first\r\n")]
    fetch(download)
    fetch(download)
    assert sorted(stored()) == ["Letter 1", "Letter 2"]
    assert states() == ["gone", "have"]
    assert len(server.commands("RETR")) == 2


def test_an_id_used_again_after_a_deletion_brings_the_new_message_even_of_the_same_size(scripted, pop3_account):
    """F28"""
    server = scripted([letter(1)], uidls=[b"1"], removes=True)
    download = fetch(pop3_account(server, policy=Download.Policy.DELETE))
    server.messages, server.uidls = [letter(2)], [b"1"]
    fetch(download)
    assert sorted(stored()) == ["Letter 1", "Letter 2"]
    assert server.messages == []


def test_ids_given_to_other_messages_by_position_lose_nothing(scripted, pop3_account):
    letters = [letter(number, b"x" * number + b"\r\n") for number in range(1, 5)]
    server = scripted(letters, uidls=[b"1", b"2", b"3", b"4"])
    download = fetch(pop3_account(server))
    server.messages = [*letters[1:], letter(5)]
    fetch(download)
    assert contents() == sorted([*letters, letter(5)])


def test_new_ids_for_everything_file_nothing_twice_and_are_said(scripted, pop3_account):
    """F28"""
    letters = [letter(number) for number in range(1, 6)]
    server = scripted(letters)
    download = fetch(pop3_account(server))
    delete_messages(download.account, [Message.objects.get(subject="Letter 3").pk])
    server.uidls = [b"new-%d" % number for number in range(1, 6)]
    fetch(download)
    assert sorted(stored()) == ["Letter 1", "Letter 2", "Letter 4", "Letter 5"]
    assert "new ids to 5 messages" in download.remark
    entries = LedgerEntry.objects.filter(uidl__startswith="new-")
    assert entries.filter(message__isnull=False).count() == 4
    assert entries.get(message=None).wanted_gone
    fetched = len(server.commands("RETR"))
    fetch(download)
    assert len(server.commands("RETR")) == fetched


def test_the_same_content_under_two_ids_is_kept_once_and_deleted_twice(scripted, pop3_account):
    server = scripted([letter(1), letter(1)], removes=True)
    fetch(pop3_account(server, policy=Download.Policy.DELETE))
    assert list(stored()) == ["Letter 1"]
    assert server.messages == []


def test_a_size_that_changes_from_visit_to_visit_files_nothing_twice(scripted, pop3_account):
    server = scripted([letter(1)], answers={"LIST": [b"+OK\r\n1 10\r\n.\r\n", b"+OK\r\n1 999999\r\n.\r\n"]})
    download = fetch(pop3_account(server))
    fetch(download)
    fetch(download)
    assert contents() == [letter(1)]
    assert len(server.commands("RETR")) == 2


def test_a_server_without_ids_and_top_is_understood_and_described(scripted, pop3_account, monkeypatch):
    """F28"""
    monkeypatch.setattr("webmail.pop3.visit.SESSION_MESSAGES", 2)
    letters = [letter(number, b"x" * number + b"\r\n") for number in range(1, 8)]
    server = scripted(letters, uidls=None, capabilities=None)
    download = fetch(pop3_account(server))
    assert contents() == sorted(letters)
    assert "no ids" in download.remark
    server.messages = letters = [*letters[3:], letter(8)]
    fetch(download)
    assert Message.objects.count() == 8


def test_a_restored_database_fetches_what_it_forgot_and_doubles_nothing(scripted, pop3_account):
    """F55"""
    server = scripted([letter(1), letter(2), letter(3)])
    download = fetch(pop3_account(server))
    # Yesterday there was one message.
    forgotten = Message.objects.exclude(subject="Letter 1")
    LedgerEntry.objects.filter(message__in=forgotten).delete()
    StoredContent.objects.filter(message__in=forgotten).delete()
    forgotten.delete()
    fetch(download)
    assert sorted(stored()) == ["Letter 1", "Letter 2", "Letter 3"]


def test_a_listing_that_was_cut_forgets_nothing(scripted, pop3_account, monkeypatch):
    monkeypatch.setattr("webmail.pop3.ledger.FEW", 2)
    server = scripted([letter(number) for number in range(1, 11)], answers={"UIDL": b"default", "LIST": b"default"})
    download = fetch(pop3_account(server))
    server.answers["LIST"] = b"+OK\r\n.\r\n"
    server.answers["UIDL"] = b"+OK\r\n.\r\n"
    fetch(download)
    assert states() == ["have"] * 10

"""Folders as servers list them: names of any script, attributes, counters, and what became of a folder meanwhile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.imap.conftest import Connect
from tests.servers.mailbox import Mailbox
from tests.servers.scripted_imap import ScriptedImap
from webmail.errors import FolderReset, GiveUp, Reason
from webmail.imap.arguments import decode_folder, encode_folder
from webmail.imap.connection import MailConnection
from webmail.imap.special_use import special_uses
from webmail.imap.types import Endpoint, Hint, RemoteFolder

pytestmark = pytest.mark.mailserver


def listed(lines: bytes, capability: bytes = b"IMAP4rev1") -> dict[str, RemoteFolder]:
    """The folders a scripted server lists, by name."""
    answers = {
        "CAPABILITY": b"* CAPABILITY " + capability + b"\r\n{tag} OK done\r\n",
        "LIST": lines + b"{tag} OK done\r\n",
        "LSUB": b"{tag} OK done\r\n",
    }
    with ScriptedImap(answers) as server:
        connection = MailConnection.open(Endpoint(server.host, server.port, "plain"), "ann", "word")
        folders = connection.list_folders()
        connection.close()
    assert len({folder.name for folder in folders}) == len(folders)
    return {folder.name: folder for folder in folders}


def test_lists_folders_with_counters_and_uses_in_one_round_trip(connection: MailConnection, mailbox: Mailbox) -> None:
    mailbox.append(b"Subject: x\r\n\r\ny\r\n")
    mailbox.append(b"Subject: x\r\n\r\ny\r\n", flags=(b"\\Seen",))
    folders = {folder.name: folder for folder in connection.list_folders()}
    assert next(iter(folders)) == "INBOX"
    uses = {name: folder.special_use for name, folder in folders.items()}
    assert uses == {
        "INBOX": "inbox",
        "Drafts": "drafts",
        "Sent": "sent",
        "Junk": "junk",
        "Trash": "trash",
        "Archive": "archive",
    }
    status = folders["INBOX"].status
    assert status is not None
    assert (status.messages, status.unseen, status.uidnext) == (2, 1, 3)
    assert status.uidvalidity
    assert status.highestmodseq


@pytest.mark.parametrize(
    "name", ["Ärger & Co", "日本語", "emoji 🎉", 'quo"te\\d', "with space ", "&", "a/b/c", "x" * 200]
)
def test_a_folder_of_any_name_can_be_made_opened_renamed_and_deleted(connection: MailConnection, name: str) -> None:
    connection.create_folder(name)
    assert name in {folder.name for folder in connection.list_folders()}
    assert connection.select(name, uidvalidity=None).exists == 0
    connection.rename_folder(name, "renamed")
    folders = {folder.name: folder for folder in connection.list_folders()}
    assert name not in folders
    assert folders["renamed"].subscribed
    connection.delete_folder("renamed")
    with pytest.raises(GiveUp) as caught:
        connection.select("renamed", uidvalidity=None)
    assert caught.value.reason == Reason.GONE


def test_subscription_follows(connection: MailConnection) -> None:
    connection.create_folder("Box")
    connection.unsubscribe("Box")
    assert not {folder.name: folder for folder in connection.list_folders()}["Box"].subscribed
    connection.subscribe("Box")
    assert {folder.name: folder for folder in connection.list_folders()}["Box"].subscribed


def test_a_folder_that_exists_is_not_made_twice(connection: MailConnection) -> None:
    connection.create_folder("Box")
    with pytest.raises(GiveUp) as caught:
        connection.create_folder("Box")
    assert caught.value.reason == Reason.REFUSED
    assert connection.alive


def test_statuses_leaves_out_what_is_not_there(connection: MailConnection) -> None:
    assert set(connection.statuses(["INBOX", "Sent", "no such folder"])) == {"INBOX", "Sent"}


def test_a_rebuilt_folder_is_reported_and_not_used(connection: MailConnection, mailbox: Mailbox) -> None:
    connection.create_folder("Box")
    known = connection.select("Box", uidvalidity=None).uidvalidity
    assert connection.select("Box", uidvalidity=known).uidvalidity == known
    connection.select("INBOX", uidvalidity=None)
    other = mailbox.imap()
    other.delete_folder("Box")
    other.create_folder("Box")
    other.logout()
    with pytest.raises(FolderReset) as caught:
        connection.select("Box", uidvalidity=known)
    assert caught.value.found != known
    assert connection.selected is None
    with pytest.raises(RuntimeError):
        connection.store("1", add=["\\Seen"])


@pytest.mark.parametrize("name", ["a\r\nW9 DELETE INBOX", "a\nb", "a\0b", "tab\tname"])
def test_controls_in_names_are_refused_and_the_connection_stays_good(connection: MailConnection, name: str) -> None:
    for call in (connection.create_folder, connection.delete_folder, connection.subscribe):
        with pytest.raises(GiveUp):
            call(name)
    with pytest.raises(GiveUp):
        connection.select(name, uidvalidity=None)
    assert connection.list_folders()


def test_duplicates_and_inbox_in_another_case_are_one_folder() -> None:
    folders = listed(b'* LIST () "/" Inbox\r\n* LIST () "/" INBOX\r\n* LIST () "/" a\r\n* LIST () "/" a\r\n')
    assert list(folders) == ["INBOX", "a"]


def test_folders_that_cannot_be_opened_are_marked() -> None:
    folders = listed(b'* LIST (\\NonExistent) "/" a\r\n* LIST (\\Noselect) "/" b\r\n* LIST () NIL c\r\n')
    assert "a" not in folders
    assert [folders[name].selectable for name in "bc"] == [False, True]
    assert folders["c"].delimiter is None


def test_names_in_literals_and_as_numbers_and_broken_lines_are_survived() -> None:
    folders = listed(
        b'* LIST () "/" {5}\r\na (b"\r\n* LIST () "/" 2026\r\n* LIST garbage\r\n* LIST (() "/" x\r\n'
        b'* LIST () "/" "[Gmail]/All Mail"\r\n* LIST () "/" [Gmail]\r\n'
    )
    assert set(folders) == {'a (b"', "2026", "[Gmail]/All Mail", "[Gmail]"}


def test_a_server_without_subscriptions_has_everything_subscribed() -> None:
    assert all(folder.subscribed for folder in listed(b'* LIST () "/" a\r\n* LIST () "/" b\r\n').values())


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("Gesendete Elemente", "sent"),
        ("INBOX.Sent", "sent"),
        ("[Gmail]/Corbeille", "trash"),
        ("ＴＲＡＳＨ", "trash"),
        ("Отправленные", "sent"),
        ("迷惑メール", "junk"),
        ("Éléments envoyés", "sent"),
        ("Projects/Sent", ""),
        ("Sentences", ""),
    ],
)
def test_special_folders_are_known_by_their_names_where_attributes_are_missing(name: str, use: str) -> None:
    delimiter = "." if name.startswith("INBOX.") else "/"
    assert special_uses([(name, delimiter, frozenset(), True)]).get(name, "") == use


def test_an_attribute_beats_a_name_and_no_use_is_given_twice() -> None:
    found = special_uses(
        [
            ("Trash", "/", frozenset(), True),
            ("Bin", "/", frozenset({"\\Trash"}), True),
            ("Bin 2", "/", frozenset({"\\Trash"}), True),
            ("Sent", "/", frozenset(), True),
            ("Sent Items", "/", frozenset(), True),
            ("Drafts", "/", frozenset(), False),
        ]
    )
    assert found == {"INBOX": "inbox", "Bin": "trash", "Sent": "sent"}


@given(st.binary(min_size=1, max_size=40).filter(lambda raw: not any(octet < 32 or octet == 127 for octet in raw)))
def test_every_raw_name_survives_decoding_and_encoding(raw: bytes) -> None:
    name = decode_folder(raw)
    assert encode_folder(name) == raw
    name.encode("utf-8")


@pytest.mark.parametrize(
    "raw", [b"&", b"&AA", b"R&D", "Ärger".encode(), b"\xff\xfe", b"&2D3c-", b"&AGE-", b"&2AA-", b"&AA0ACg-"]
)
def test_a_name_that_is_no_modified_utf7_can_still_be_opened(raw: bytes) -> None:
    name = decode_folder(raw)
    assert encode_folder(name) == raw
    name.encode("utf-8")


def test_a_server_that_names_no_uidvalidity_gives_a_read_only_folder() -> None:
    answers = {
        "SELECT": b"* 2 EXISTS\r\n{tag} OK [READ-WRITE]\r\n",
        "FETCH": b"* 2 FETCH (UID 41)\r\n{tag} OK done\r\n",
    }
    with ScriptedImap(answers) as server:
        connection = MailConnection.open(Endpoint(server.host, server.port, "plain"), "ann", "word")
        selected = connection.select("INBOX", uidvalidity=None)
        connection.close()
    assert selected.read_only
    assert selected.uidvalidity == 0
    assert selected.uidnext == 42


def test_news_of_the_folder_that_was_left_name_it(connect: Connect, mailbox: Mailbox) -> None:
    connection = connect()
    connection.select("INBOX", uidvalidity=None)
    mailbox.append(b"Subject: x\r\n\r\ny\r\n")
    connection.noop()
    connection.select("Sent", uidvalidity=None)
    connection.begin_idle()
    assert connection.read_idle(0.2) == [Hint("folder", "INBOX")]


def test_news_of_folders_between_the_answers_to_list_do_not_change_what_it_says() -> None:
    """With NOTIFY (RFC 5465) a rename and a subscription by another client are told as LIST responses, too."""
    lines = (
        b'* LIST (\\NonExistent) "/" Old\r\n* LIST () "/" New ("OLDNAME" ("Old"))\r\n'
        b'* LIST (\\Subscribed \\Archive) "/" New\r\n* LIST (\\HasNoChildren) "/" New\r\n'
        b'* LIST (\\NonExistent) "/" Up\r\n* LIST (\\Subscribed) "/" Up/In\r\n'
    )
    folders = listed(lines)
    assert list(folders) == ["New", "Up", "Up/In"]
    assert (folders["New"].subscribed, folders["New"].special_use) == (True, "archive")
    assert (folders["Up"].selectable, folders["Up/In"].subscribed) == (False, True)

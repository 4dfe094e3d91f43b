"""Rows, flags, sets and content read from a real server; the structure agrees with our own reading of the same octets."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.servers.mailbox import Mailbox
from webmail.errors import FolderReset, GiveUp, Reason
from webmail.imap.connection import MailConnection
from webmail.imap.wire import Wire
from webmail.mime.headers import Address
from webmail.mime.parts import from_bytes

pytestmark = pytest.mark.mailserver
LETTERS = sorted((Path(__file__).parent.parent / "mime" / "mail").glob("*.eml"))

Letter = Callable[..., bytes]


@pytest.fixture
def inbox(connection: MailConnection, mailbox: Mailbox, letter: Letter) -> MailConnection:
    """INBOX with ten letters, UIDs 1 to 10, opened."""
    client = mailbox.imap()
    for number in range(1, 11):
        client.append("INBOX", letter(number), msg_time=datetime(2026, 6, number, 12, tzinfo=UTC))
    client.logout()
    connection.select("INBOX", uidvalidity=None)
    return connection


def test_a_row_holds_everything_decoded(connection: MailConnection, mailbox: Mailbox) -> None:
    raw = (
        b"From: =?utf-8?q?J=C3=BCrgen?= <j@example.test>\r\nTo: team: a@example.test, =?utf-8?b?w4RubmU=?= <b@x.test>;\r\n"
        b'Cc: "Quo \\"te" <c@example.test>\r\nReply-To: reply@example.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n'
        b"Message-ID: <one@example.test>\r\nIn-Reply-To: <zero@example.test>\r\n"
        b"References: <minus@example.test>\r\n <zero@example.test>\r\nList-Id: The list <list.example.test>\r\n"
        b"Date: Mon, 1 Jun 2026 10:00:00 +0200\r\n\r\nHello.\r\n"
    )
    uid = mailbox.append(raw, flags=(b"\\Flagged", b"$Label1"), when=datetime(2026, 6, 2, 8, 30, tzinfo=UTC))
    connection.select("INBOX", uidvalidity=None)
    [row] = connection.fetch_envelopes(str(uid))
    assert row.subject == "Grüße"
    assert row.from_ == [Address("Jürgen", "j@example.test")]
    assert row.to == [Address("", "a@example.test"), Address("Änne", "b@x.test")]
    assert row.cc == [Address('Quo "te', "c@example.test")]
    assert row.reply_to == [Address("", "reply@example.test")]
    assert (row.message_id, row.in_reply_to) == ("one@example.test", ["zero@example.test"])
    assert row.references == ["minus@example.test", "zero@example.test"]
    assert row.listed_id == "list.example.test"
    assert row.date == datetime(2026, 6, 1, 8, tzinfo=UTC)
    assert row.internaldate == datetime(2026, 6, 2, 8, 30, tzinfo=UTC)
    assert row.flags == {"\\Flagged", "$Label1"}
    assert row.size == len(raw)
    assert row.modseq
    assert row.complete


def test_rows_come_by_uid_by_sequence_and_never_beyond_what_was_asked(inbox: MailConnection) -> None:
    assert [row.uid for row in inbox.fetch_envelopes("2:4,9,100:200")] == [2, 3, 4, 9]
    assert [row.uid for row in inbox.fetch_envelopes([9, 2])] == [2, 9]
    assert [row.uid for row in inbox.fetch_envelopes("50:*")] == []
    inbox.expunge("1:3")
    assert [row.uid for row in inbox.fetch_envelopes(sequence="6:7")] == [9, 10]
    assert [row.uid for row in inbox.fetch_envelopes(sequence="*")] == [10]


def test_flags_are_read_whole_or_since_a_modseq(inbox: MailConnection) -> None:
    before = inbox.select("INBOX", uidvalidity=None).highestmodseq
    assert before is not None
    inbox.store("3", add=["\\Seen", "todo"])
    assert {update.uid: update.flags for update in inbox.fetch_flags("1:*")}[3] == {"\\Seen", "todo"}
    assert len(inbox.fetch_flags("1:*")) == 10
    [changed] = inbox.fetch_flags("1:*", changed_since=before)
    assert (changed.uid, changed.flags) == (3, {"\\Seen", "todo"})
    assert changed.modseq
    assert changed.modseq > before


def test_uids_are_those_that_exist(inbox: MailConnection) -> None:
    inbox.expunge("4:6")
    assert inbox.uids() == {1, 2, 3, 7, 8, 9, 10}
    assert inbox.uids("2:5") == {2, 3}
    assert inbox.uids("100:*") == set()


def test_sections_are_read_whole_and_in_pieces(inbox: MailConnection, letter: Letter) -> None:
    raw = letter(2)
    assert inbox.fetch_section(2, "") == raw
    assert inbox.fetch_section(2, "1") == b"Hello.\r\n"
    assert inbox.fetch_section(2, "", offset=6, length=3) == raw[6:9]
    assert inbox.fetch_section(2, "", offset=10_000, length=3) == b""
    assert inbox.fetch_section(2, "HEADER").endswith(b"\r\n\r\n")
    assert b"".join(inbox.stream_section(2, "", chunk=7)) == raw
    assert b"".join(inbox.stream_section(2, "", chunk=len(raw))) == raw
    found = inbox.fetch_sections([(1, "1"), (2, "1"), (2, "HEADER"), (99, "1")], max_octets=5)
    assert found == {(1, "1"): b"Hello", (2, "1"): b"Hello", (2, "HEADER"): b"From:"}
    assert "\\Seen" not in inbox.fetch_flags("2")[0].flags


def test_a_message_that_is_gone_is_said_to_be(inbox: MailConnection) -> None:
    for call in (lambda: inbox.fetch_section(99, ""), lambda: list(inbox.stream_section(99, "1"))):
        with pytest.raises(GiveUp) as caught:
            call()
        assert caught.value.reason == Reason.GONE
    assert inbox.alive


@pytest.mark.parametrize("section", ["1]", "1 2", "HEADER.FIELDS (A)", "a", "1\r\n", "1..2"])
def test_a_section_from_a_url_cannot_carry_anything_else(inbox: MailConnection, section: str) -> None:
    with pytest.raises(ValueError, match="section"):
        inbox.fetch_section(1, section)


@pytest.mark.parametrize("uids", ["1 (FLAGS)", "1\r\nW1 EXPUNGE", "0", "a", "-1", "99999999999", "1,,2"])
def test_a_set_of_uids_cannot_carry_anything_else(inbox: MailConnection, uids: str) -> None:
    for call in (inbox.fetch_envelopes, inbox.fetch_flags, inbox.uids, inbox.expunge, inbox.store):
        with pytest.raises(ValueError, match="UID"):
            call(uids)


def test_a_message_id_is_found_exactly(inbox: MailConnection, mailbox: Mailbox, letter: Letter) -> None:
    assert inbox.find_message_id("letter-1@example.test") == [1]
    assert inbox.find_message_id("etter-1@example.test") == []
    assert inbox.find_message_id("letter-11@example.test") == []
    mailbox.append(letter(1))
    assert inbox.find_message_id("letter-1@example.test") == [1, 11]


@pytest.mark.parametrize("hostile", ['a" OR ALL "b@x', "a) (b@x", "ü@x", "{5}@x", "a\\@x", "%*@x"])
def test_a_hostile_message_id_is_only_text(inbox: MailConnection, hostile: str) -> None:
    assert inbox.find_message_id(hostile) == []
    with pytest.raises(GiveUp):
        inbox.find_message_id(hostile + "\r\nW1 NOOP")
    assert inbox.alive


def test_structure_and_content_agree_with_our_own_reading_of_the_same_message(
    connection: MailConnection, mailbox: Mailbox
) -> None:
    client = mailbox.imap()
    names: dict[int, Path] = {}
    for number, path in enumerate(LETTERS, 1):
        client.append("INBOX", path.read_bytes() or b"\r\n")
        names[number] = path
    client.logout()
    connection.select("INBOX", uidvalidity=None)
    rows = connection.fetch_envelopes("1:*")
    assert [row.uid for row in rows] == list(names)
    assert all(row.complete for row in rows)
    # Of a message of ten thousand parts the first say enough.
    leaves = {row.uid: [part for part in row.structure.walk() if not part.is_multipart][:50] for row in rows}
    wanted = [(uid, part.section) for uid, parts in leaves.items() for part in parts]
    octets = connection.fetch_sections(wanted)
    same = 0
    for row in rows:
        local = from_bytes(connection.fetch_section(row.uid, ""))
        theirs = [(part.section, part.type, part.filename) for part in row.structure.walk()]
        same += theirs == [(part.section, part.type, part.filename) for part in local.walk()]
        for part in leaves[row.uid]:
            assert len(octets[row.uid, part.section]) == part.size, (names[row.uid].name, part.section)
        json.dumps(row.structure.to_json())
    # Servers and we may take damaged structures apart differently; sound ones never.
    assert same >= len(rows) * 0.85


def test_a_folder_is_opened_and_read_in_one_flight(
    connection: MailConnection, inbox: MailConnection, mailbox: Mailbox, letter: Letter, monkeypatch: pytest.MonkeyPatch
) -> None:
    flights: list[int] = []
    send = Wire.send

    def counted(self: Wire, octets: bytes) -> None:
        flights.append(octets.count(b"\r\n"))
        send(self, octets)

    selected = inbox.select("INBOX", uidvalidity=None)
    # Arrived after the folder was opened: an open folder does not show it, one that is opened again does.
    uid = mailbox.append(letter(11))
    monkeypatch.setattr(Wire, "send", counted)
    found = inbox.open_and_fetch("INBOX", [(1, "1"), (uid, "HEADER"), (99, "1")], 50, uidvalidity=selected.uidvalidity)
    assert flights == [3]
    assert set(found) == {(1, "1"), (uid, "HEADER")}
    assert len(found[uid, "HEADER"]) == 50
    assert inbox.selected is not None
    assert inbox.selected.exists == 11


def test_what_another_folder_of_that_name_holds_is_thrown_away(inbox: MailConnection) -> None:
    selected = inbox.select("INBOX", uidvalidity=None)
    with pytest.raises(FolderReset):
        inbox.open_and_fetch("INBOX", [(1, "1")], uidvalidity=selected.uidvalidity + 1)
    with pytest.raises(GiveUp) as gone:
        inbox.open_and_fetch("Nowhere", [(1, "1")], uidvalidity=selected.uidvalidity)
    assert gone.value.reason == Reason.GONE
    # The connection is in step, and nothing of either is left behind.
    assert not inbox.broken
    assert inbox.open_and_fetch("INBOX", [(1, "1")], uidvalidity=selected.uidvalidity)

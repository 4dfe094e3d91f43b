"""The connection breaks at the worst moment, or the server talks nonsense: nothing is believed, nothing is used again."""

import random
from collections.abc import Callable

import pytest

from tests.imap.conftest import Connect
from tests.servers.fault_proxy import FaultProxy
from tests.servers.mailbox import Mailbox
from tests.servers.scripted_imap import ScriptedImap
from webmail.errors import GiveUp, OutcomeUnknown, Reason, RetryLater
from webmail.imap.connection import MailConnection
from webmail.imap.types import Endpoint

pytestmark = pytest.mark.mailserver

Letter = Callable[..., bytes]
Proxies = Callable[..., FaultProxy]


@pytest.fixture
def filled(mailbox: Mailbox, letter: Letter) -> Mailbox:
    """INBOX with three letters; the first is large."""
    mailbox.append(letter(1, body="0123456789abcde\r\n" * 20_000))
    mailbox.append(letter(2))
    mailbox.append(letter(3))
    return mailbox


def scripted(server: ScriptedImap, timeout: float = 2.0) -> MailConnection:
    connection = MailConnection.open(Endpoint(server.host, server.port, "plain"), "ann", "word", timeout=timeout)
    connection.select("INBOX", uidvalidity=None)
    return connection


@pytest.mark.parametrize("octets", [0, 1, 30, 1000, 100_000, random.Random(3).randrange(340_000)])
def test_f01_half_a_message_is_never_handed_out(
    proxy: FaultProxy, connect: Connect, filled: Mailbox, octets: int
) -> None:
    connection = connect(through=proxy)
    connection.select("INBOX", uidvalidity=None)
    proxy.rule("FETCH", "cut_reply", octets=octets)
    with pytest.raises(RetryLater) as caught:
        connection.fetch_section(1, "")
    assert caught.value.reason == Reason.LOST
    assert not isinstance(caught.value, OutcomeUnknown)
    assert connection.broken
    with pytest.raises(RetryLater):
        connection.fetch_section(1, "")
    again = connect(through=proxy)
    again.select("INBOX", uidvalidity=None)
    assert again.fetch_section(1, "") == filled.raw(1)


def test_f01_a_stream_that_is_cut_ends_with_an_error_and_not_early(
    proxy: FaultProxy, connect: Connect, filled: Mailbox
) -> None:
    connection = connect(through=proxy)
    connection.select("INBOX", uidvalidity=None)
    proxy.rule("FETCH", "cut_reply", occurrence=3, octets=5000)
    pieces: list[bytes] = []
    with pytest.raises(RetryLater):
        pieces.extend(connection.stream_section(1, "1", chunk=65_536))
    assert [len(piece) for piece in pieces] == [65_536, 65_536]
    assert connection.broken


@pytest.mark.parametrize("action", ["cut_before", "cut_after"])
@pytest.mark.parametrize("command", ["MOVE", "STORE", "COPY", "APPEND", "EXPUNGE", "CREATE"])
def test_f03_f05_an_answer_that_never_came_leaves_the_outcome_open(
    proxy: FaultProxy, connect: Connect, filled: Mailbox, command: str, action: str
) -> None:
    connection = connect(through=proxy)
    connection.select("INBOX", uidvalidity=None)
    proxy.rule(command, action)  # type: ignore[arg-type]
    calls: dict[str, Callable[[], object]] = {
        "MOVE": lambda: connection.move("2", "Archive"),
        "STORE": lambda: connection.store("2", add=["\\Flagged"]),
        "COPY": lambda: connection.copy("2", "Archive"),
        "APPEND": lambda: connection.append("Archive", b"Subject: x\r\n\r\ny\r\n"),
        "EXPUNGE": lambda: connection.expunge("2"),
        "CREATE": lambda: connection.create_folder("New"),
    }
    with pytest.raises(OutcomeUnknown):
        calls[command]()
    assert connection.broken
    done = action == "cut_after"
    client = filled.imap()
    effects = {
        "MOVE": lambda: (2 not in filled.uids(), len(filled.uids("Archive")) == 1) == (done, done),
        "STORE": lambda: (b"\\Flagged" in filled.flags(2)) == done,
        "COPY": lambda: (len(filled.uids("Archive")) == 1) == done,
        "APPEND": lambda: (len(filled.uids("Archive")) == 1) == done,
        "EXPUNGE": lambda: (2 not in filled.uids()) == done,
        "CREATE": lambda: client.folder_exists("New") == done,
    }
    assert effects[command]()
    client.logout()


@pytest.mark.parametrize("step", ["STORE", "EXPUNGE"])
@pytest.mark.parametrize("action", ["cut_before", "cut_after"])
def test_f04_a_move_by_copy_that_is_cut_loses_nothing(
    make_proxy: Proxies, connect: Connect, filled: Mailbox, step: str, action: str
) -> None:
    proxy = make_proxy(hide=["MOVE"])
    connection = connect(through=proxy)
    connection.select("INBOX", uidvalidity=None)
    proxy.rule(step, action)  # type: ignore[arg-type]
    with pytest.raises(OutcomeUnknown):
        connection.move("2", "Archive")
    assert len(filled.uids("Archive")) == 1
    assert filled.uids() == ([1, 3] if (step, action) == ("EXPUNGE", "cut_after") else [1, 2, 3])


def test_f05_an_upload_that_never_arrived_whole_is_known_not_to_have_happened(
    make_proxy: Proxies, connect: Connect, mailbox: Mailbox
) -> None:
    proxy = make_proxy(hide=["LITERAL+"])
    connection = connect(through=proxy)
    proxy.rule("APPEND", "cut_before")
    with pytest.raises(RetryLater) as caught:
        connection.append("Archive", b"Subject: x\r\n\r\ny\r\n")
    assert not isinstance(caught.value, OutcomeUnknown)
    assert mailbox.uids("Archive") == []


def test_f15_a_server_that_falls_silent_is_left_in_time(proxy: FaultProxy, connect: Connect, filled: Mailbox) -> None:
    connection = connect(through=proxy, timeout=0.4)
    connection.select("INBOX", uidvalidity=None)
    proxy.rule("FETCH", "hold")
    with pytest.raises(RetryLater) as caught:
        connection.fetch_section(1, "")
    assert caught.value.reason == Reason.TIMEOUT
    assert connection.broken


GARBAGE = {
    "a huge literal": b"* 1 FETCH (UID 1 BODY[] {99999999999}\r\n",
    "a literal of negative size": b"* 1 FETCH (UID 1 BODY[] {-1}\r\n)\r\n{tag} OK done\r\n",
    "a literal shorter than said": b"* 1 FETCH (UID 1 BODY[] {2000}\r\nabc)\r\n{tag} OK done\r\n",
    "another tag": b"* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\nZ99 OK done\r\n",
    "the tag of an earlier command": b"W1 OK done\r\n{tag} OK done\r\n",
    "the tag twice": b"{tag} OK done\r\n{tag} OK done\r\n",
    "a continuation": b"+ go on\r\n{tag} OK done\r\n",
    "no protocol at all": b"\x00\xff\xfe<html>\r\n{tag} OK done\r\n",
    "an end": None,
    "a goodbye": b"* BYE going down\r\n",
}


@pytest.mark.parametrize("name", [name for name in GARBAGE if name != "the tag twice"])
def test_f16_a_connection_out_of_step_is_closed_and_its_answer_not_believed(name: str) -> None:
    with ScriptedImap({"UID FETCH": GARBAGE[name]}) as server:
        connection = scripted(server, timeout=0.5)
        with pytest.raises(RetryLater):
            connection.fetch_section(1, "")
        assert connection.broken
        with pytest.raises(RetryLater):
            connection.noop()


def test_f16_an_answer_to_the_command_before_is_not_taken_for_the_next() -> None:
    answers = {"UID FETCH": GARBAGE["the tag twice"], "NOOP": b"{tag} OK done\r\n"}
    with ScriptedImap(answers) as server:
        connection = scripted(server)
        assert connection.fetch_flags("1") == []
        with pytest.raises(RetryLater):
            connection.noop()
        assert connection.broken


@pytest.mark.parametrize(
    "lines",
    [
        b"* 1 FETCH (UID 1 BODY[] {3}\r\nabc FLAGS (\\Seen)\r\n",
        b"* 1 FETCH UID 1\r\n",
        b'* 1 FETCH (UID 1 BODY[] "abc)\r\n',
        b"* 1 FETCH (BODY[] {3}\r\nabc)\r\n",
        b"* 1 FETCH (UID 2 BODY[] {3}\r\nabc)\r\n",
        b"* 99999999999999999999 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n",
        b"* SOMETHING new\r\n* OK\r\n* NO\r\n* OK [\r\n* OK [X\r\n*  \r\n",
    ],
)
def test_f16_what_does_not_answer_the_question_is_ignored(lines: bytes) -> None:
    with ScriptedImap({"UID FETCH": lines + b"{tag} OK done\r\n"}) as server:
        connection = scripted(server)
        with pytest.raises(GiveUp):
            connection.fetch_section(1, "")
        assert connection.alive


def test_f16_a_line_of_two_megabytes_of_recipients_is_read() -> None:
    address = b'("A" NIL "a" "example.test")'
    envelope = b'(NIL "hi" NIL NIL NIL (' + address * 70_000 + b') NIL NIL NIL "<1@x>")'
    row = b"* 1 FETCH (UID 1 FLAGS () ENVELOPE " + envelope + b" RFC822.SIZE 5)\r\n{tag} OK done\r\n"
    with ScriptedImap({"UID FETCH": row}) as server:
        [message] = scripted(server).fetch_envelopes("1")
    assert message.subject == "hi"
    assert len(message.to) == 2000


ROW = b'RFC822.SIZE 10 INTERNALDATE "01-Jun-2026 10:00:00 +0200" FLAGS (\\Seen $x [odd])'


def test_f17_f21_one_row_that_cannot_be_read_does_not_hide_the_others() -> None:
    good = (
        b'ENVELOPE (NIL "good" NIL NIL NIL NIL NIL NIL NIL NIL) BODYSTRUCTURE ("TEXT" "PLAIN" NIL NIL NIL "7BIT" 3 1)'
    )
    lines = (
        b"* 1 FETCH (UID 1 " + ROW + b" " + good + b")\r\n"
        b"* 2 FETCH (UID 2 " + ROW + b' ENVELOPE ("unbalanced)\r\n'
        b"* 3 FETCH (UID 3 " + ROW + b" ENVELOPE NIL BODYSTRUCTURE (((((((\r\n"
        b"* 4 FETCH (UID 4 " + ROW + b' ENVELOPE (1 (2) 3 4) BODYSTRUCTURE ("a" () NIL (NIL) 3))\r\n'
        b"* 5 FETCH (FLAGS (\\Seen))\r\n* 5 EXPUNGE\r\n"
        b"* 6 FETCH (UID 6 " + ROW + b" " + good + b")\r\n"
        b"* 9 FETCH (UID 99 " + ROW + b" " + good + b")\r\n{tag} OK\r\n"
    )
    with ScriptedImap({"UID FETCH": lines}) as server:
        rows = {row.uid: row for row in scripted(server).fetch_envelopes("1:6")}
    assert list(rows) == [1, 2, 3, 4, 6]
    assert [row.subject for row in rows.values()] == ["good", "", "", "", "good"]
    assert [row.complete for row in rows.values()] == [True, False, False, True, True]
    assert rows[1].flags == {"\\Seen", "$x", "[odd]"}


def test_f17_one_message_a_server_stumbles_over_costs_one_row() -> None:
    good = (
        b'ENVELOPE (NIL "good" NIL NIL NIL NIL NIL NIL NIL NIL) BODYSTRUCTURE ("TEXT" "PLAIN" NIL NIL NIL "7BIT" 3 1)'
    )
    both = b"* 1 FETCH (UID 1 " + ROW + b")\r\n* 2 FETCH (UID 2 " + ROW + b")\r\n{tag} OK done\r\n"
    alone = b"* 1 FETCH (UID 1 " + ROW + b" " + good + b")\r\n{tag} OK done\r\n"
    refused = b"{tag} NO internal error in message 2\r\n"
    with ScriptedImap({"UID FETCH": [refused, both, alone, refused]}) as server:
        rows = scripted(server).fetch_envelopes("1:2")
    assert [(row.uid, row.subject, row.size) for row in rows] == [(1, "good", 10), (2, "", 10)]


def test_f17_searches_answered_in_pieces_not_at_all_or_by_lies() -> None:
    esearch = b"* CAPABILITY IMAP4rev1 ESEARCH\r\n{tag} OK done\r\n"
    everything = b"* 1 FETCH (UID 7 FLAGS ())\r\n{tag} OK done\r\n"
    split = b"* SEARCH 1 2\r\n* SEARCH 3\r\n{tag} OK done\r\n"
    cases: list[tuple[dict[str, bytes | list[bytes] | None], set[int]]] = [
        ({"UID SEARCH": split}, {1, 2, 3}),
        ({"UID SEARCH": b"{tag} OK done\r\n", "UID FETCH": everything}, {7}),
        ({"CAPABILITY": esearch, "UID SEARCH": b'* ESEARCH (TAG "x") UID ALL 2,4:5\r\n{tag} OK\r\n'}, {2, 4, 5}),
        ({"CAPABILITY": esearch, "UID SEARCH": [b"* ESEARCH UID COUNT 3\r\n{tag} OK\r\n", split]}, {1, 2, 3}),
        ({"CAPABILITY": esearch, "UID SEARCH": [b"* ESEARCH UID ALL 1:4294967295\r\n{tag} OK\r\n", split]}, {1, 2, 3}),
        ({"CAPABILITY": esearch, "UID SEARCH": [b"{tag} BAD no\r\n", split]}, {1, 2, 3}),
    ]
    for answers, expected in cases:
        with ScriptedImap(answers) as server:
            assert scripted(server).uids() == expected


@pytest.mark.parametrize(
    "hidden",
    [
        ["CONDSTORE", "QRESYNC"],
        ["LIST-STATUS"],
        ["LIST-EXTENDED", "LIST-STATUS", "SPECIAL-USE"],
        ["ESEARCH"],
        ["LITERAL+", "ESEARCH", "ENABLE"],
        [
            "CONDSTORE",
            "QRESYNC",
            "LIST-EXTENDED",
            "SPECIAL-USE",
            "ESEARCH",
            "MOVE",
            "UIDPLUS",
            "LITERAL+",
            "ID",
            "ENABLE",
        ],
    ],
)
def test_f13_fewer_extensions_give_the_same_results(
    make_proxy: Proxies, connect: Connect, filled: Mailbox, hidden: list[str]
) -> None:
    connection = connect(through=make_proxy(hide=hidden))
    folders = {folder.name: folder for folder in connection.list_folders()}
    assert folders["Sent"].special_use == "sent"
    assert folders["INBOX"].subscribed
    statuses = {name: folder.status for name, folder in folders.items()}
    missing = [name for name, status in statuses.items() if status is None]
    statuses.update(connection.statuses(missing))
    inbox = statuses["INBOX"]
    assert inbox is not None
    assert (inbox.messages, inbox.uidnext) == (3, 4)
    selected = connection.select("INBOX", uidvalidity=inbox.uidvalidity)
    assert (selected.highestmodseq is None) == ("CONDSTORE" in hidden)
    assert connection.uids() == {1, 2, 3}
    assert [row.subject for row in connection.fetch_envelopes("1:*")] == ["Letter 1", "Letter 2", "Letter 3"]
    connection.store("1", add=["\\Seen"])
    changed = {update.uid: update.flags for update in connection.fetch_flags("1:*", changed_since=1)}
    assert changed[1] == {"\\Seen"}
    assert connection.find_message_id("letter-2@example.test") == [2]
    connection.move("2", "Archive")
    assert connection.uids() == {1, 3}

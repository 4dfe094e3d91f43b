"""News between answers become hints; questions in flight are answered in order or the connection ends."""

import pytest

from tests.imap.conftest import Connect
from tests.servers.fault_proxy import FaultProxy
from tests.servers.mailbox import Mailbox
from tests.servers.scripted_imap import ScriptedImap
from webmail.errors import Reason, RetryLater
from webmail.imap.connection import MailConnection
from webmail.imap.types import Endpoint, Hint

pytestmark = pytest.mark.mailserver
RAW = b"Subject: news\r\n\r\nhello\r\n"
CAPABILITY = b"* CAPABILITY IMAP4rev1 UIDPLUS IDLE CONDSTORE\r\n{tag} OK done\r\n"


def test_a_changed_flag_told_with_another_answer_is_a_hint(connect: Connect, mailbox: Mailbox) -> None:
    uids = [mailbox.append(RAW) for _ in range(3)]
    connection = connect()
    connection.select("INBOX", uidvalidity=None)
    other = mailbox.imap()
    other.select_folder("INBOX")
    other.add_flags([uids[0]], [b"\\Flagged"])
    other.logout()
    # The answer to this question is about another message; what else comes is news.
    answered = connection.store([uids[2]], add=["\\Seen"])
    assert set(answered) == {uids[2]}
    connection.noop()
    assert connection.take_news() == [Hint("flags")]
    assert not connection.has_news


def test_answers_to_our_own_questions_are_no_news(connect: Connect, mailbox: Mailbox) -> None:
    uids = [mailbox.append(RAW) for _ in range(3)]
    connection = connect()
    connection.select("INBOX", uidvalidity=None)
    connection.fetch_envelopes(uids)
    connection.fetch_flags("1:*")
    connection.fetch_sections([(uid, "1") for uid in uids])
    connection.store(uids, add=["\\Seen"])
    connection.list_folders(["INBOX"])
    connection.uids()
    assert connection.marked("1:*") == {"UNSEEN": set(), "FLAGGED": set(), "ANSWERED": set()}
    assert not connection.has_news


@pytest.mark.parametrize(
    ("told", "hints"),
    [
        (b"* VANISHED 5\r\n", [Hint("expunge")]),
        (b"* VANISHED (EARLIER) 5\r\n", []),
        (b"* 1 FETCH (FLAGS (\\Seen))\r\n", [Hint("flags")]),
        (b"* 1 EXPUNGE\r\n", [Hint("expunge")]),
        (b"* 2 RECENT\r\n", []),
        (b'* STATUS "Work" (MESSAGES 3)\r\n', [Hint("folder", "Work")]),
        (b"* 1 FETCH\r\n", [Hint("flags")]),
    ],
)
def test_what_counts_as_news(told: bytes, hints: list[Hint]) -> None:
    with ScriptedImap({"NOOP": told + b"{tag} OK done\r\n"}) as server:
        connection = MailConnection.open(Endpoint(server.host, server.port, "plain"), "ann", "word")
        connection.select("INBOX", uidvalidity=None)
        connection.noop()
        assert connection.take_news() == hints
        connection.close()


def test_flags_told_within_a_question_for_rows_are_news() -> None:
    row = b'* 1 FETCH (UID 3 FLAGS () INTERNALDATE "20-Nov-2026 12:00:00 +0000" RFC822.SIZE 5 ENVELOPE NIL)\r\n'
    answer = row + b"* 2 FETCH (UID 4 FLAGS (\\Seen))\r\n{tag} OK done\r\n"
    with ScriptedImap({"UID FETCH": answer}) as server:
        connection = MailConnection.open(Endpoint(server.host, server.port, "plain"), "ann", "word")
        connection.select("INBOX", uidvalidity=None)
        assert [found.uid for found in connection.fetch_envelopes([3])] == [3]
        assert connection.take_news() == [Hint("flags")]
        connection.close()


def test_idle_begins_again_without_waiting_and_ends_in_step(connect: Connect, mailbox: Mailbox) -> None:
    connection = connect()
    connection.select("INBOX", uidvalidity=None)
    for _ in range(3):
        connection.begin_idle()
        connection.end_idle()
        connection.noop()
    connection.begin_idle()
    mailbox.append(RAW)
    found: list[Hint] = []
    while Hint("exists") not in found:
        found += connection.read_idle(10)
    connection.end_idle()
    assert len(connection.uids()) == 1


def test_idle_that_is_refused_after_it_was_accepted_ends_the_connection() -> None:
    answers: dict[str, bytes | list[bytes] | None] = {
        "CAPABILITY": CAPABILITY,
        "IDLE": [b"+ idling\r\n", b"{tag} NO not now\r\n"],
        "DONE": b"W4 OK done\r\n",
    }
    with ScriptedImap(answers) as server:
        connection = MailConnection.open(Endpoint(server.host, server.port, "plain"), "ann", "word")
        connection.select("INBOX", uidvalidity=None)
        tag = connection._client._number + 1
        server.answers["DONE"] = b"W%d OK done\r\n" % tag
        connection.begin_idle()
        # A server hears DONE as a line without a tag.
        server.answers[""] = server.answers["DONE"]
        connection.end_idle()
        connection.begin_idle()
        with pytest.raises(RetryLater):
            connection.read_idle(10)
        assert connection.broken


def test_rows_asked_for_ahead_come_when_they_are_taken(connect: Connect, mailbox: Mailbox) -> None:
    uids = [mailbox.append(RAW) for _ in range(4)]
    connection = connect()
    connection.select("INBOX", uidvalidity=None)
    asked = connection.ask_envelopes(uids[:2])
    first = connection.take_envelopes(asked)
    second = connection.take_envelopes(connection.ask_envelopes(uids[2:]))
    assert [[row.uid for row in rows] for rows in (first, second)] == [uids[:2], uids[2:]]
    assert connection.take_envelopes(connection.ask_envelopes([])) == []
    connection.noop()


def test_a_question_left_unanswered_ends_the_connection(connect: Connect, mailbox: Mailbox) -> None:
    """Another question would be given its answer (I3, F16)."""
    uid = mailbox.append(RAW)
    connection = connect()
    connection.select("INBOX", uidvalidity=None)
    connection.ask_envelopes([uid])
    with pytest.raises(RetryLater) as problem:
        connection.noop()
    assert problem.value.reason == Reason.LOST
    assert connection.broken


@pytest.mark.parametrize("hidden", [(), ("LIST-STATUS",), ("LIST-STATUS", "LIST-EXTENDED")])
def test_folders_and_their_counters_come_in_one_round_trip(mailbox: Mailbox, hidden: tuple[str, ...]) -> None:
    mailbox.append(RAW, folder="Work")
    with FaultProxy("127.0.0.1", mailbox.server.ports.imap, hide=hidden) as proxy:
        endpoint = Endpoint(proxy.host, proxy.port, "plain")
        connection = MailConnection.open(endpoint, mailbox.address, mailbox.password)
        found = {folder.name: folder for folder in connection.list_folders(["INBOX", "Work", "Gone"])}
        connection.close()
    assert "Gone" not in found
    work = found["Work"].status
    assert work is not None
    assert (work.messages, work.unseen, work.uidnext) == (1, 1, 2)

"""Flags, moves, deletions and appended messages, seen through another client."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.imap.conftest import Connect
from tests.servers.fault_proxy import FaultProxy
from tests.servers.mailbox import Mailbox
from tests.servers.scripted_imap import ScriptedImap
from webmail.errors import AskUser, GiveUp, MailError, Reason, RetryLater
from webmail.imap.connection import MailConnection
from webmail.imap.types import Endpoint

pytestmark = pytest.mark.mailserver

Letter = Callable[..., bytes]
Proxies = Callable[..., FaultProxy]


@pytest.fixture
def filled(mailbox: Mailbox, letter: Letter) -> Mailbox:
    """INBOX with five letters, UIDs 1 to 5."""
    for number in range(1, 6):
        mailbox.append(letter(number))
    return mailbox


@pytest.fixture
def inbox(connection: MailConnection, filled: Mailbox) -> MailConnection:
    connection.select("INBOX", uidvalidity=None)
    return connection


def test_flags_and_keywords_are_added_and_removed(inbox: MailConnection, filled: Mailbox) -> None:
    inbox.store("1:2", add=["\\Seen", "$Later"], remove=["\\Flagged"])
    assert filled.flags(1) == filled.flags(2) == {b"\\Seen", b"$Later"}
    inbox.store([2], remove=["\\Seen", "$Later"])
    assert filled.flags(2) == set()
    inbox.store("77", add=["\\Seen"])
    inbox.store([], add=["\\Seen"])


@pytest.mark.parametrize("flag", ["a b", "a)", "\\Seen\r\nW1 EXPUNGE", "", "ü", "(", "{3}", "\\"])
def test_a_keyword_cannot_carry_anything_else(inbox: MailConnection, flag: str) -> None:
    with pytest.raises(GiveUp):
        inbox.store("1", add=[flag])
    with pytest.raises(GiveUp):
        inbox.append("INBOX", b"\r\n", flags=[flag])
    assert inbox.alive


def test_move_and_copy_tell_where_messages_went(inbox: MailConnection, filled: Mailbox) -> None:
    moved = inbox.move("2,4", "Archive")
    assert moved.mapping == {2: 1, 4: 2}
    assert moved.target_uidvalidity
    assert filled.uids() == [1, 3, 5]
    assert filled.uids("Archive") == [1, 2]
    assert inbox.copy([5, 1], "Archive").mapping == {1: 3, 5: 4}
    assert filled.uids() == [1, 3, 5]


def test_a_missing_target_is_named_and_nothing_moves(inbox: MailConnection, filled: Mailbox) -> None:
    for call in (inbox.move, inbox.copy):
        with pytest.raises(GiveUp) as caught:
            call("1", "no such folder")
        assert caught.value.reason == Reason.GONE
    assert filled.uids() == [1, 2, 3, 4, 5]
    with pytest.raises(GiveUp):
        inbox.move("1", "Archive\r\nW1 DELETE Archive")
    assert inbox.alive


@pytest.mark.parametrize("hidden", [[], ["MOVE"], ["UIDPLUS"], ["MOVE", "UIDPLUS"]])
def test_a_move_ends_the_same_whatever_the_server_offers(
    make_proxy: Proxies, connect: Connect, filled: Mailbox, hidden: list[str]
) -> None:
    connection = connect(through=make_proxy(hide=hidden))
    connection.select("INBOX", uidvalidity=None)
    connection.move("2,4", "Archive")
    assert filled.uids() == [1, 3, 5]
    assert len(filled.uids("Archive")) == 2


@pytest.mark.parametrize("hidden", [[], ["UIDPLUS"], ["MOVE", "UIDPLUS"]])
def test_what_another_client_marked_deleted_survives_our_deletion(
    make_proxy: Proxies, connect: Connect, filled: Mailbox, hidden: list[str]
) -> None:
    other = filled.imap()
    other.select_folder("INBOX")
    other.add_flags([1, 5], [b"\\Deleted"])
    other.logout()
    connection = connect(through=make_proxy(hide=hidden))
    connection.select("INBOX", uidvalidity=None)
    connection.expunge("2")
    connection.move("3", "Archive")
    assert filled.uids() == [1, 4, 5]
    assert filled.flags(1) == filled.flags(5) == {b"\\Deleted"}
    assert filled.flags(4) == set()


def test_a_refused_uid_expunge_is_done_without_harm_to_others(
    proxy: FaultProxy, connect: Connect, filled: Mailbox
) -> None:
    other = filled.imap()
    other.select_folder("INBOX")
    other.add_flags([1], [b"\\Deleted"])
    other.logout()
    proxy.rule("EXPUNGE", "answer", text=b"{tag} NO unknown\r\n")
    connection = connect(through=proxy)
    connection.select("INBOX", uidvalidity=None)
    connection.expunge("2")
    assert filled.uids() == [1, 3, 4, 5]
    assert filled.flags(1) == {b"\\Deleted"}


def test_nothing_is_expunged_when_foreign_marks_cannot_be_found_out(
    make_proxy: Proxies, connect: Connect, filled: Mailbox
) -> None:
    proxy = make_proxy(hide=["UIDPLUS"])
    proxy.rule("SEARCH", "answer", text=b"{tag} NO no search today\r\n")
    connection = connect(through=proxy)
    connection.select("INBOX", uidvalidity=None)
    with pytest.raises(GiveUp):
        connection.expunge("2")
    assert filled.uids() == [1, 2, 3, 4, 5]
    assert "EXPUNGE" not in proxy.commands


def test_a_server_that_lies_about_move_is_moved_by_copy(proxy: FaultProxy, connect: Connect, filled: Mailbox) -> None:
    proxy.rule("MOVE", "answer", text=b"{tag} BAD Unknown command\r\n")
    connection = connect(through=proxy)
    connection.select("INBOX", uidvalidity=None)
    assert connection.move("2", "Archive").mapping == {2: 1}
    assert filled.uids() == [1, 3, 4, 5]
    assert filled.uids("Archive") == [1]


def test_an_appended_message_is_stored_octet_by_octet(connection: MailConnection, mailbox: Mailbox) -> None:
    raw = b"Subject: x\r\n\r\n" + "ä{5}\r\n".encode() * 50_000
    when = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    appended = connection.append("Drafts", raw, ["\\Draft", "\\Seen"], when)
    assert appended.uid == 1
    assert mailbox.raw(1, "Drafts") == raw
    assert mailbox.flags(1, "Drafts") == {b"\\Draft", b"\\Seen"}
    selected = connection.select("Drafts", uidvalidity=appended.uidvalidity)
    assert selected.exists == 1
    assert connection.fetch_envelopes("1")[0].internaldate == when


@pytest.mark.parametrize("hidden", [["LITERAL+"], ["LITERAL+", "UIDPLUS"]])
def test_messages_are_appended_without_extensions(
    make_proxy: Proxies, connect: Connect, mailbox: Mailbox, letter: Letter, hidden: list[str]
) -> None:
    connection = connect(through=make_proxy(hide=hidden))
    connection.append("Sent", letter(1))
    assert mailbox.raw(1, "Sent") == letter(1)


def test_octets_of_value_zero_are_kept_where_the_server_takes_them(
    make_proxy: Proxies, connect: Connect, mailbox: Mailbox
) -> None:
    raw = b"Subject: x\r\n\r\na\0b\r\n"
    with pytest.raises(GiveUp):
        connect(through=make_proxy(hide=["BINARY"])).append("Drafts", raw)
    assert mailbox.uids("Drafts") == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"NO [TRYCREATE] no such mailbox", Reason.GONE),
        (b"NO [OVERQUOTA] full", Reason.QUOTA),
        (b"NO Quota exceeded", Reason.QUOTA),
        (b"NO [TOOBIG] too big", Reason.TOO_LARGE),
        (b"NO [APPENDLIMIT] too big", Reason.TOO_LARGE),
        (b"NO no", Reason.REFUSED),
    ],
)
def test_each_refusal_of_an_appended_message_has_its_meaning(
    proxy: FaultProxy, connect: Connect, letter: Letter, answer: bytes, reason: Reason
) -> None:
    proxy.rule("APPEND", "answer", text=b"{tag} " + answer + b"\r\n")
    connection = connect(through=proxy)
    with pytest.raises(GiveUp) as caught:
        connection.append("Sent", letter(1))
    assert caught.value.reason == reason
    assert connection.append("Sent", letter(1)).uid == 1


def test_a_message_over_the_known_limit_is_not_even_sent(make_proxy: Proxies, connect: Connect) -> None:
    proxy = make_proxy(add=["APPENDLIMIT=1000000"])
    connection = connect(through=proxy)
    with pytest.raises(GiveUp) as caught:
        connection.append("Sent", b"x" * 1_000_001)
    assert caught.value.reason == Reason.TOO_LARGE
    assert "APPEND" not in proxy.commands


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (b"NO [READ-ONLY] no", (GiveUp, Reason.REFUSED)),
        (b"NO [UNAVAILABLE] later", (RetryLater, Reason.BUSY)),
        (b"BAD Request is throttled. Suggested Backoff Time: 1000 milliseconds", (RetryLater, Reason.LIMIT)),
        (b"NO [AUTHENTICATIONFAILED] password changed", (AskUser, Reason.PASSWORD)),
    ],
)
def test_a_refused_change_has_its_meaning(
    proxy: FaultProxy, connect: Connect, filled: Mailbox, answer: bytes, meaning: tuple[type[MailError], Reason]
) -> None:
    proxy.rule("STORE", "answer", text=b"{tag} " + answer + b"\r\n")
    connection = connect(through=proxy)
    connection.select("INBOX", uidvalidity=None)
    with pytest.raises(meaning[0]) as caught:
        connection.store("1", add=["\\Seen"])
    assert caught.value.reason == meaning[1]
    assert filled.flags(1) == set()


@pytest.mark.parametrize(
    ("code", "mapping"),
    [
        (b"[COPYUID 9 1:2 7:8]", {1: 7, 2: 8}),
        (b"[COPYUID 9 1:3 7:8]", None),
        (b"[COPYUID 9 1:4294967295 1:4294967295]", None),
        (b"[COPYUID x]", None),
        (b"[COPYUID 9 1,2 7,7]", None),
        (b"", None),
    ],
)
def test_a_copyuid_that_cannot_be_true_is_not_believed(code: bytes, mapping: dict[int, int] | None) -> None:
    with ScriptedImap({"UID COPY": b"{tag} OK " + code + b" done\r\n"}) as server:
        connection = MailConnection.open(Endpoint(server.host, server.port, "plain"), "ann", "word")
        connection.select("INBOX", uidvalidity=None)
        assert connection.copy("1:2", "Archive").mapping == mapping
        connection.close()

"""What LIST and UIDL say is kept as it is, and believed only as far as it can be."""

from collections.abc import Callable
from itertools import count
from types import SimpleNamespace

import pytest

from tests.servers.scripted_pop3 import ScriptedPop3
from webmail.errors import GiveUp, Reason, RetryLater
from webmail.pop3.client import PopConnection
from webmail.pop3.types import Listed

Scripted = Callable[..., ScriptedPop3]
Opened = Callable[..., PopConnection]
LETTERS = [b"Subject: %d\r\n\r\n" % number + b"x" * number + b"\r\n" for number in range(1, 4)]


def ids(connection: PopConnection) -> list[str]:
    return [each.uidl for each in connection.listing()]


@pytest.mark.parametrize("capabilities", [("USER",), ("USER", "PIPELINING"), None])
def test_numbers_sizes_and_ids_are_joined(
    scripted: Scripted, opened: Opened, capabilities: tuple[str, ...] | None
) -> None:
    connection = opened(scripted(LETTERS, capabilities=capabilities))
    assert connection.listing() == [Listed(n, f"id-{n}", len(LETTERS[n - 1])) for n in (1, 2, 3)]
    assert connection.has_uidl is True
    assert connection.stat() == (3, sum(map(len, LETTERS)))


def test_listings_are_asked_for_together_only_where_that_is_offered(scripted: Scripted, opened: Opened) -> None:
    silent = {"LIST": b""}
    together, apart = scripted(answers=silent), scripted(answers=silent, capabilities=("USER", "UIDL"))
    for server in (together, apart):
        with pytest.raises(RetryLater) as caught:
            opened(server, timeout=0.3).listing()
        assert caught.value.reason is Reason.TIMEOUT
    together.wait_for("UIDL")
    assert not apart.commands("UIDL")


@pytest.mark.parametrize("capabilities", [("USER",), ("USER", "PIPELINING"), None])
def test_without_uidl_every_id_is_empty(
    scripted: Scripted, opened: Opened, capabilities: tuple[str, ...] | None
) -> None:
    connection = opened(scripted(LETTERS, uidls=None, capabilities=capabilities))
    assert [(each.number, each.uidl, each.duplicate) for each in connection.listing()] == [
        (n, "", False) for n in (1, 2, 3)
    ]
    assert connection.has_uidl is False


@pytest.mark.parametrize("answer", [b"-ERR [SYS/TEMP] index is being rebuilt", b"-ERR temporarily unavailable"])
def test_a_hiccup_is_not_taken_for_a_server_without_uidl(scripted: Scripted, opened: Opened, answer: bytes) -> None:
    connection = opened(scripted(LETTERS, answers={"UIDL": [answer + b"\r\n", b"+OK\r\n1 a\r\n.\r\n"]}))
    with pytest.raises(RetryLater):
        connection.listing()
    assert connection.has_uidl is None
    assert not connection.broken
    assert ids(connection) == ["a", "", ""]


@pytest.mark.parametrize(
    ("line", "uidl"),
    [
        (b"whqtswO00WBw418f9t5JxYwZ", "whqtswO00WBw418f9t5JxYwZ"),
        (b"x" * 70, "x" * 70),
        (b"x" * 71, ""),
        (b"x" * 5000, ""),
        (b"", ""),
        (b"   ", ""),
        (b"with spaces in it", "with spaces in it"),
        (b"a\x00b", ""),
        (b"a\x1b[2Jb", ""),
        (b"caf\xe9", "caf\xe9"),
    ],
    ids=["usual", "70", "71", "5000", "missing", "blank", "spaces", "NUL", "escape", "8 bit"],
)
def test_only_the_usable_id_of_the_line_is_kept(scripted: Scripted, opened: Opened, line: bytes, uidl: str) -> None:
    assert ids(opened(scripted(LETTERS, uidls=[line, b"second", b"third"]))) == [uidl, "second", "third"]


def test_an_id_of_several_messages_is_marked_on_all_of_them(scripted: Scripted, opened: Opened) -> None:
    listed = opened(scripted(LETTERS, uidls=[b"same", b"other", b"same"])).listing()
    assert [each.duplicate for each in listed] == [True, False, True]


def test_missing_ids_are_not_duplicates_of_each_other(scripted: Scripted, opened: Opened) -> None:
    listed = opened(scripted(LETTERS, uidls=[b"", b"", b"one"])).listing()
    assert [each.duplicate for each in listed] == [False] * 3


def test_two_ids_for_one_number_are_none(scripted: Scripted, opened: Opened) -> None:
    connection = opened(scripted(LETTERS, answers={"UIDL": b"+OK\r\n1 a\r\n1 b\r\n2 c\r\n2 c\r\n.\r\n"}))
    assert ids(connection) == ["", "c", ""]


def test_a_message_that_arrives_between_the_listings_waits_for_the_next_session(
    scripted: Scripted, opened: Opened
) -> None:
    connection = opened(scripted(LETTERS, uidls=[b"a", b"b", b"c", b"new"]))
    assert ids(connection) == ["a", "b", "c"]


def test_garbage_in_a_listing_is_left_out(scripted: Scripted, opened: Opened) -> None:
    lines = [b"0 5", b"-1 5", b"two 5", b"", b"2", b"2 77", b"2 88", b"99999999999 1", b"3 " + b"9" * 40, b"\xff\x00"]
    uids = [b"", b"hello", b"0 zero", b"2 b", b"9 none", b"\x00\xff"]
    connection = opened(
        scripted(
            answers={
                "LIST": b"+OK\r\n" + b"".join(line + b"\r\n" for line in lines) + b".\r\n",
                "UIDL": b"+OK\r\n" + b"".join(line + b"\r\n" for line in uids) + b".\r\n",
            }
        )
    )
    assert connection.listing() == [Listed(2, "b", 77)]


@pytest.mark.parametrize("answer", [b"what?\r\n", b"+OKAY\r\n", b"* OK\r\n", b"\r\n"])
def test_an_answer_without_status_ends_the_connection(scripted: Scripted, opened: Opened, answer: bytes) -> None:
    connection = opened(scripted(answers={"LIST": answer}))
    with pytest.raises(RetryLater) as caught:
        connection.listing()
    assert caught.value.reason is Reason.PROTOCOL
    assert connection.broken


@pytest.mark.parametrize("answer", [b"+OK" + b"x" * 200_000, b"+OK\r\n1 " + b"x" * 200_000])
def test_a_line_without_end_ends_the_connection(scripted: Scripted, opened: Opened, answer: bytes) -> None:
    connection = opened(scripted(answers={"LIST": answer}))
    with pytest.raises(RetryLater) as caught:
        connection.listing()
    assert caught.value.reason is Reason.PROTOCOL
    assert connection.broken


def test_a_listing_without_end_is_given_up(scripted: Scripted, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webmail.pop3.wire.LISTING_LIMIT", 1000)
    connection = opened(scripted(answers={"LIST": b"+OK\r\n" + b"1 1\r\n" * 1001 + b".\r\n"}))
    with pytest.raises(RetryLater) as caught:
        connection.listing()
    assert caught.value.reason is Reason.PROTOCOL


def test_a_server_that_drips_is_given_up(scripted: Scripted, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    server = scripted(LETTERS)
    connection = opened(server, timeout=5.0)
    # Each octet takes a second.
    moments = count()
    monkeypatch.setattr("webmail.pop3.wire._CHUNK", 1)
    monkeypatch.setattr("webmail.pop3.wire.time", SimpleNamespace(monotonic=lambda: next(moments)))
    with pytest.raises(RetryLater) as caught:
        connection.listing()
    assert caught.value.reason is Reason.TIMEOUT
    assert connection.broken


@pytest.mark.parametrize("answer", [b"+OK\r\n", b"+OK many\r\n", b"+OK 1\r\n", b"+OK -1 5\r\n"])
def test_totals_that_make_no_sense_are_not_invented(scripted: Scripted, opened: Opened, answer: bytes) -> None:
    with pytest.raises(RetryLater):
        opened(scripted(answers={"STAT": answer})).stat()


def test_a_refused_listing_is_an_error_and_not_an_empty_maildrop(scripted: Scripted, opened: Opened) -> None:
    connection = opened(scripted(LETTERS, answers={"LIST": b"-ERR no\r\n"}))
    with pytest.raises(GiveUp):
        connection.listing()
    assert connection.stat()[0] == 3


def test_the_header_is_had_with_top_where_the_server_knows_it(scripted: Scripted, opened: Opened) -> None:
    connection = opened(scripted(LETTERS))
    assert connection.top(2) == b"Subject: 2\r\n\r\n"
    assert connection.has_top is True


def test_a_server_without_top_is_found_out(scripted: Scripted, opened: Opened) -> None:
    told, untold = scripted(LETTERS, capabilities=("USER",)), scripted(LETTERS, capabilities=None)
    for server in (told, untold):
        connection = opened(server)
        for _ in range(2):
            with pytest.raises(GiveUp) as caught:
                connection.top(1)
            assert caught.value.reason is Reason.UNSUPPORTED
        assert connection.has_top is False
        assert connection.stat()[0] == 3
    assert not told.commands("TOP")
    assert len(untold.commands("TOP")) == 1


def test_a_missing_message_does_not_make_top_unknown(scripted: Scripted, opened: Opened) -> None:
    connection = opened(scripted(LETTERS, capabilities=None))
    with pytest.raises(GiveUp) as caught:
        connection.top(9)
    assert caught.value.reason is Reason.GONE
    assert connection.has_top is None

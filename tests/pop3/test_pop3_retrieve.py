"""Whole messages octet for octet, or an error: whatever the server claims, sends or leaves out."""

import errno
import hashlib
import io
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain, repeat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.servers.scripted_pop3 import Cut, ScriptedPop3, stuffed
from webmail.errors import AskUser, GiveUp, MailError, Reason, RetryLater
from webmail.pop3.client import PopConnection
from webmail.pop3.types import Retrieved

Scripted = Callable[..., ScriptedPop3]
Opened = Callable[..., PopConnection]
HEADER = b"Subject: one\r\n\r\n"
WHOLE = [
    b"",
    b"\r\n",
    b".\r\n",
    b"..\r\n.\r\n",
    HEADER + b".\r\n..\r\n.a\r\n",
    HEADER + b"NUL \x00 and \xff\r\n",
    HEADER + b"a lone\nline feed\n.\nand a dot after it\r\n",
    HEADER + b"a lone\rreturn\r.\r\r\n",
    HEADER + b"x" * 3000 + b"\r\n",
    HEADER + b"y" * 3_000_000 + b"\r\n.\r\n",
    HEADER + b"+OK\r\n-ERR\r\n",
]


class Sinks:
    """Keeps what was written by number, and how each sink was left."""

    def __init__(self) -> None:
        self.written: dict[int, bytes] = {}
        self.failed: dict[int, BaseException] = {}

    @contextmanager
    def __call__(self, number: int) -> Iterator[io.BytesIO]:
        sink = io.BytesIO()
        try:
            yield sink
        except BaseException as error:
            self.failed[number] = error
            raise
        self.written[number] = sink.getvalue()


def got(connection: PopConnection, number: int = 1) -> bytes:
    sink = io.BytesIO()
    found = connection.retrieve(number, sink)
    raw = sink.getvalue()
    assert found == Retrieved(len(raw), hashlib.sha256(raw).hexdigest())
    return raw


@pytest.mark.parametrize("raw", WHOLE, ids=range(len(WHOLE)))
def test_what_is_stored_is_what_was_sent(scripted: Scripted, opened: Opened, raw: bytes) -> None:
    connection = opened(scripted([raw]))
    assert got(connection) == raw
    assert connection.stat()[0] == 1


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=200) | st.sampled_from(WHOLE[:9]), min_size=1, max_size=12))
def test_any_octets_survive_in_a_pipeline(scripted: Scripted, opened: Opened, letters: list[bytes]) -> None:
    server, sinks = scripted(letters), Sinks()
    found = list(opened(server).retrieve_many(range(1, len(letters) + 1), sinks, depth=3))
    # The protocol has no message without a last line end (RFC 1939 section 3).
    sent = [raw if raw.endswith(b"\r\n") or not raw else raw + b"\r\n" for raw in letters]
    assert list(sinks.written.values()) == sent
    assert [each for _, each in found] == [Retrieved(len(raw), hashlib.sha256(raw).hexdigest()) for raw in sent]


def test_a_server_that_ends_lines_in_lf_is_understood(scripted: Scripted, opened: Opened) -> None:
    connection = opened(scripted([b"Subject: a\n\n.\n.b\n"], line_end=b"\n", greeting=b"+OK\n"))
    assert [each.uidl for each in connection.listing()] == ["id-1"]
    assert got(connection) == b"Subject: a\n\n.\n.b\n"


def test_sizes_are_what_came_and_not_what_was_claimed(scripted: Scripted, opened: Opened) -> None:
    for claimed in (0, 3, 10**15):
        server = scripted([HEADER], answers={"LIST": b"+OK\r\n1 %d\r\n.\r\n" % claimed})
        connection = opened(server)
        assert connection.listing()[0].size == claimed
        assert got(connection) == HEADER


@pytest.mark.parametrize("missing", [1, 2, 3, 4, 5, 10, 40])
def test_a_message_cut_off_is_never_taken_for_whole(scripted: Scripted, opened: Opened, missing: int) -> None:
    answer = b"+OK\r\n" + stuffed(HEADER + b"text\r\n..\r\n.\r\nmore text, so that there is something to cut\r\n")
    connection = opened(scripted(answers={"RETR": Cut(answer[:-missing])}))
    with pytest.raises(RetryLater) as caught:
        connection.retrieve(1, io.BytesIO())
    assert caught.value.reason is Reason.LOST
    assert connection.broken


def test_silence_in_the_middle_of_a_message_ends_the_connection(scripted: Scripted, opened: Opened) -> None:
    connection = opened(scripted(answers={"RETR": b"+OK\r\nhalf a mess"}), timeout=0.3)
    with pytest.raises(RetryLater) as caught:
        connection.retrieve(1, io.BytesIO())
    assert caught.value.reason is Reason.TIMEOUT
    assert connection.broken


def test_a_full_disk_is_not_taken_for_a_lost_connection(scripted: Scripted, opened: Opened) -> None:
    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    connection = opened(scripted([HEADER]))
    with pytest.raises(OSError, match="No space left") as caught:
        connection.retrieve(1, Full())
    assert not isinstance(caught.value, ConnectionError)
    assert connection.broken


def test_a_sink_that_takes_less_than_it_is_given_is_an_error(scripted: Scripted, opened: Opened) -> None:
    class Short(io.BytesIO):
        def write(self, _: object) -> int:
            return 1

    with pytest.raises(OSError, match="did not take"):
        opened(scripted([HEADER])).retrieve(1, Short())


def test_more_than_the_limit_is_not_taken_in(scripted: Scripted, opened: Opened) -> None:
    connection, sink = opened(scripted([b"z" * 200_000])), io.BytesIO()
    with pytest.raises(GiveUp) as caught:
        connection.retrieve(1, sink, limit=100_000)
    assert caught.value.reason is Reason.TOO_LARGE
    assert len(sink.getvalue()) <= 100_000
    assert connection.broken


def test_a_refused_message_leaves_the_connection_usable(scripted: Scripted, opened: Opened) -> None:
    connection = opened(scripted([HEADER]))
    with pytest.raises(GiveUp) as caught:
        connection.retrieve(7, io.BytesIO())
    assert caught.value.reason is Reason.GONE
    assert got(connection) == HEADER


def test_numbers_below_one_are_a_mistake_of_the_caller(scripted: Scripted, opened: Opened) -> None:
    server = scripted([HEADER])
    connection = opened(server)
    for number in (0, -1):
        with pytest.raises(ValueError, match="numbered"):
            connection.retrieve(number, io.BytesIO())
    assert not server.commands("RETR")


@pytest.mark.parametrize("capabilities", [("USER",), ("USER", "PIPELINING")])
def test_one_refused_message_does_not_stop_the_others(
    scripted: Scripted, opened: Opened, capabilities: tuple[str, ...]
) -> None:
    letters = [HEADER + b"%d\r\n" % number for number in range(1, 21)]
    refusals = {"RETR 3": b"-ERR [SYS/TEMP] later\r\n", "RETR 7": b"-ERR this one is broken\r\n"}
    sinks = Sinks()
    connection = opened(scripted(letters, answers=refusals, capabilities=capabilities))
    found = dict(connection.retrieve_many(range(1, 21), sinks))
    assert list(found) == list(range(1, 21))
    assert isinstance(found[3], RetryLater)
    assert isinstance(found[7], GiveUp)
    assert sinks.written == {n: letters[n - 1] for n in range(1, 21) if n not in {3, 7}}
    assert connection.stat()[0] == 20


def test_as_many_commands_are_in_flight_as_were_asked_for(scripted: Scripted, opened: Opened) -> None:
    server = scripted([HEADER] * 10, answers={"RETR": b""})
    with pytest.raises(RetryLater):
        list(opened(server, timeout=0.3).retrieve_many(range(1, 11), Sinks(), depth=4))
    server.wait_for("RETR 4")
    assert not server.commands("RETR 5")


def test_without_pipelining_one_command_waits_for_the_other(scripted: Scripted, opened: Opened) -> None:
    server = scripted([HEADER] * 3, capabilities=("USER",))
    found = opened(server).retrieve_many([1, 2, 3], Sinks())
    next(found)
    assert len(server.commands("RETR")) == 1
    found.close()


def test_a_connection_lost_in_a_pipeline_keeps_what_was_whole(scripted: Scripted, opened: Opened) -> None:
    answers = {"RETR 3": Cut(b"+OK\r\n" + HEADER)}
    sinks = Sinks()
    connection = opened(scripted([HEADER] * 5, answers=answers))
    with pytest.raises(RetryLater) as caught:
        list(connection.retrieve_many(range(1, 6), sinks))
    assert caught.value.reason is Reason.LOST
    assert sinks.written == {1: HEADER, 2: HEADER}
    assert sinks.failed == {3: caught.value}
    assert connection.broken


def test_a_sink_that_cannot_be_opened_ends_the_connection(scripted: Scripted, opened: Opened) -> None:
    @contextmanager
    def closed(_: int) -> Iterator[io.BytesIO]:
        raise PermissionError("no")
        yield io.BytesIO()

    connection = opened(scripted([HEADER] * 2))
    with pytest.raises(PermissionError):
        list(connection.retrieve_many([1, 2], closed))
    assert connection.broken


def test_a_sink_that_swallows_the_error_does_not_hide_it(scripted: Scripted, opened: Opened) -> None:
    @contextmanager
    def deaf(_: int) -> Iterator[io.BytesIO]:
        with suppress(MailError):
            yield io.BytesIO()

    with pytest.raises(RetryLater):
        list(opened(scripted(answers={"RETR": Cut(b"+OK\r\nhalf")})).retrieve_many([1], deaf))


def test_ending_the_numbers_early_leaves_the_session_usable(scripted: Scripted, opened: Opened) -> None:
    wanted = threading.Event()
    wanted.set()
    server, taken = scripted([HEADER] * 50), []
    connection = opened(server)

    def numbers() -> Iterator[int]:
        for number in range(1, 51):
            if not wanted.is_set():
                return
            yield number

    for number, _ in connection.retrieve_many(numbers(), Sinks(), depth=4):
        taken.append(number)
        wanted.clear()
    assert taken == [1, 2, 3, 4]
    connection.delete(taken)
    connection.quit()
    assert server.deleted == {1, 2, 3, 4}


def test_no_other_command_gets_between_messages_in_flight(scripted: Scripted, opened: Opened) -> None:
    connection = opened(scripted([HEADER] * 5))
    found = connection.retrieve_many(range(1, 6), Sinks())
    next(found)
    for other in (connection.stat, connection.listing, connection.quit, lambda: connection.delete([1])):
        with pytest.raises(RuntimeError):
            other()
    assert [number for number, _ in found] == [2, 3, 4, 5]
    assert connection.stat()[0] == 5


def test_leaving_the_messages_in_flight_drops_the_connection(scripted: Scripted, opened: Opened) -> None:
    connection = opened(scripted([HEADER] * 5))
    found = connection.retrieve_many(range(1, 6), Sinks())
    next(found)
    found.close()
    assert connection.broken


def test_a_session_that_ended_meanwhile_is_no_refusal_of_the_message(scripted: Scripted, opened: Opened) -> None:
    connection = opened(scripted([HEADER], answers={"RETR": b"-ERR Disconnected for inactivity.\r\n"}))
    with pytest.raises(RetryLater) as caught:
        connection.retrieve(1, io.BytesIO())
    assert caught.value.reason is Reason.LOST


def test_what_the_server_refuses_for_good_is_not_tried_again(scripted: Scripted, opened: Opened) -> None:
    connection = opened(scripted(answers={"RETR": b"-ERR [SYS/PERM] message unavailable\r\n"}))
    with pytest.raises(GiveUp):
        connection.retrieve(1, io.BytesIO())


def test_a_password_withdrawn_in_the_session_is_told(scripted: Scripted, opened: Opened) -> None:
    with pytest.raises(AskUser) as caught:
        opened(scripted(answers={"RETR": b"-ERR [AUTH] who are you?\r\n"})).retrieve(1, io.BytesIO())
    assert caught.value.reason is Reason.PASSWORD


class Nowhere(io.BytesIO):
    size = 0

    def write(self, octets: object) -> int:
        self.size += len(octets)  # type: ignore[arg-type]
        return len(octets)  # type: ignore[arg-type]


@pytest.mark.parametrize("line", [b"v" * 76 + b"\r\n", b"." * 76 + b"\r\n", b"w" * 64 * 1024])
def test_memory_does_not_grow_with_the_message(scripted: Scripted, opened: Opened, line: bytes) -> None:
    piece = b"".join(b"." + line if line.startswith(b".") else line for _ in range(256 * 1024 // len(line)))
    answer = chain([b"+OK\r\n"], repeat(piece, 160), [b"\r\n.\r\n"])
    connection, sink = opened(scripted(answers={"RETR": answer})), Nowhere()
    tracemalloc.start()
    try:
        connection.retrieve(1, sink)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sink.size >= 39 * 1024 * 1024
    assert peak < 2 * 1024 * 1024

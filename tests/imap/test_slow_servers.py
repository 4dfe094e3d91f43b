"""F15: servers that are slow, silent or gone without a goodbye. Every wait ends, with an error that says what happened.

The product's time limits are seconds; here they are fractions of one.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.imap.conftest import Connect
from tests.servers.fault_proxy import FaultProxy
from tests.servers.mailbox import Mailbox
from tests.servers.scripted_imap import CAPABILITY, ScriptedImap
from webmail.errors import OutcomeUnknown, Reason, RetryLater
from webmail.imap.connection import MailConnection
from webmail.imap.types import Endpoint
from webmail.imap.wire import Wire

LIMIT = 0.4
pytestmark = pytest.mark.timeout(30)
Talk = Callable[[socket.socket, threading.Event], None]


@pytest.fixture
def serve() -> Iterator[Callable[[Talk], Endpoint]]:
    """A server that does with every connection what ``talk`` says; the event is set when the test is over."""
    with ExitStack() as stack:
        over = threading.Event()

        def started(talk: Talk) -> Endpoint:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def accept() -> None:
                with contextlib.suppress(OSError):
                    connection, _ = listener.accept()
                    with connection:
                        talk(connection, over)

            thread = threading.Thread(target=accept, daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(over.set)
            return Endpoint("127.0.0.1", listener.getsockname()[1], "plain")

        yield started


def sign_in(endpoint: Endpoint, limit: float = 20.0) -> MailConnection:
    return MailConnection.open(endpoint, "ada", "secret", timeout=limit, connect_timeout=limit)


def silent(_: socket.socket, over: threading.Event) -> None:
    over.wait()


def silent_after_the_greeting(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"* OK ready\r\n")
    over.wait()


def dripping(connection: socket.socket, over: threading.Event) -> None:
    """One octet at a time: never silent for long, and never done."""
    connection.sendall(b"* OK ready\r\n")
    while not over.wait(LIMIT / 20):
        connection.sendall(b"*")


@pytest.mark.parametrize("talk", [silent, silent_after_the_greeting, dripping])
def test_f15_a_sign_in_that_gets_no_answer_ends(talk: Talk, serve: Callable[[Talk], Endpoint]) -> None:
    with pytest.raises(RetryLater) as ended:
        sign_in(serve(talk), LIMIT)
    assert ended.value.reason == Reason.TIMEOUT


def test_f15_a_server_that_needs_long_for_every_command_is_waited_for(serve: Callable[[Talk], Endpoint]) -> None:
    """Slow is not silent."""

    def slow(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(b"* OK ready\r\n")
        reader = connection.makefile("rb")
        while line := reader.readline():
            over.wait(LIMIT)
            tag, name = line.split()[:2]
            answer = b"* 3 EXISTS\r\n* OK [UIDVALIDITY 1] .\r\n* OK [UIDNEXT 4] .\r\n" if name == b"SELECT" else b""
            answer = b"* CAPABILITY IMAP4rev1\r\n" if name == b"CAPABILITY" else answer
            with contextlib.suppress(OSError):
                connection.sendall(answer + tag + b" OK done\r\n")

    connection = sign_in(serve(slow))
    assert connection.select("INBOX", uidvalidity=None).exists == 3
    connection.close()


def test_f15_an_idle_that_is_never_ended_by_the_server_ends() -> None:
    idling = CAPABILITY.replace(b"UIDPLUS", b"IDLE")
    with ScriptedImap({"CAPABILITY": idling, "IDLE": b"+ idling\r\n", "": b""}) as server:
        connection = sign_in(Endpoint(server.host, server.port, "plain"))
        connection.select("INBOX", uidvalidity=None)
        connection.begin_idle()
        assert connection.read_idle() == []
        connection._client.wire.limit(LIMIT)
        with pytest.raises(RetryLater) as ended:
            connection.end_idle()
        assert ended.value.reason == Reason.TIMEOUT
        assert connection.broken


@pytest.mark.parametrize("command", ["SELECT", "FETCH", "SEARCH", "STATUS", "LIST", "NOOP"])
def test_f15_a_connection_that_is_open_on_one_side_only_is_given_up(
    command: str, proxy: FaultProxy, connect: Connect, mailbox: Mailbox, letter: Callable[..., bytes]
) -> None:
    """What is sent arrives nowhere and nothing comes back, as behind a router that has forgotten the connection."""
    uid = mailbox.append(letter())
    connection = connect(through=proxy)
    connection.select("INBOX", uidvalidity=None)
    connection._client.wire.limit(LIMIT)
    proxy.rule(command, "hold")
    steps: dict[str, Callable[[], object]] = {
        "SELECT": lambda: connection.select("Trash", uidvalidity=None),
        "FETCH": lambda: connection.fetch_section(uid, ""),
        "SEARCH": connection.uids,
        "STATUS": lambda: connection.statuses(["Trash"]),
        "LIST": connection.list_folders,
        "NOOP": connection.noop,
    }
    with pytest.raises(RetryLater) as ended:
        steps[command]()
    assert not isinstance(ended.value, OutcomeUnknown)
    assert (ended.value.reason, connection.broken, connection.alive) == (Reason.TIMEOUT, True, False)


def test_f15_a_change_nobody_answers_is_known_to_be_unknown(
    proxy: FaultProxy, connect: Connect, mailbox: Mailbox, letter: Callable[..., bytes]
) -> None:
    uid = mailbox.append(letter())
    connection = connect(through=proxy)
    connection.select("INBOX", uidvalidity=None)
    connection._client.wire.limit(LIMIT)
    proxy.rule("STORE", "hold")
    with pytest.raises(OutcomeUnknown):
        connection.store([uid], add=["\\Seen"])


def test_f15_an_answer_that_comes_octet_by_octet_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body is never held up for ever by a server that keeps sending a little."""
    with ScriptedImap({"NOOP": b""}) as server:
        connection = sign_in(Endpoint(server.host, server.port, "plain"))

        def drip(wire: Wire) -> None:
            threading.Event().wait(LIMIT / 10)
            wire._received += 1

        connection._client.wire.limit(LIMIT)
        monkeypatch.setattr(Wire, "_fill", drip)
        with pytest.raises(RetryLater) as ended:
            connection.noop()
    assert ended.value.reason == Reason.TIMEOUT

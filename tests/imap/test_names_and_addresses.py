"""F25: names that do not resolve, resolvers that do not answer, addresses that swallow packets or change."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.servers.scripted_imap import ScriptedImap
from webmail.errors import AskUser, MailError, Reason, RetryLater
from webmail.imap.connection import MailConnection
from webmail.imap.types import Endpoint

pytestmark = pytest.mark.timeout(60)
Resolve = Callable[[list[Any]], None]


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Resolve:
    """Sets what the resolver says next: a list of (family, address), an error, or an event it waits for. The last stays."""

    def becomes(answers: list[Any]) -> None:
        def look_up(host: str, port: int, **_: object) -> list[Any]:
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(answer, Exception):
                raise answer
            if isinstance(answer, threading.Event):
                answer.wait()
                return []
            return [(family, socket.SOCK_STREAM, 6, "", (address, port)) for family, address in answer]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)

    return becomes


@pytest.fixture
def server() -> Iterator[ScriptedImap]:
    with ScriptedImap() as server:
        yield server


def sign_in(port: int, timeout: float = 8.0) -> MailConnection:
    endpoint = Endpoint("mail.example.test", port, "plain")
    return MailConnection.open(endpoint, "ada", "secret", connect_timeout=timeout)


@pytest.mark.parametrize(
    ("number", "kind", "sentence"),
    [
        (socket.EAI_NONAME, AskUser, "There is no server called mail.example.test. Check the spelling."),
        (socket.EAI_AGAIN, RetryLater, "The name mail.example.test cannot be looked up at the moment."),
    ],
)
def test_f25_a_name_that_is_none_is_told_from_one_that_cannot_be_asked_for(
    resolve: Resolve, number: int, kind: type[MailError], sentence: str
) -> None:
    resolve([socket.gaierror(number, "no")])
    with pytest.raises(kind) as failed:
        sign_in(993)
    assert (failed.value.reason, failed.value.sentence) == (Reason.HOST, sentence)


def test_f25_a_resolver_that_never_answers_holds_nobody(resolve: Resolve) -> None:
    never = threading.Event()
    resolve([never])
    try:
        with pytest.raises(RetryLater) as failed:
            sign_in(993, timeout=0.3)
    finally:
        never.set()
    assert failed.value.reason == Reason.HOST


def test_f25_a_server_that_moved_is_found_at_its_new_address(resolve: Resolve, server: ScriptedImap) -> None:
    resolve([[(socket.AF_INET, "127.0.0.9")], [(socket.AF_INET, "127.0.0.1")]])
    with pytest.raises(RetryLater):
        sign_in(server.port)
    sign_in(server.port).close()


def test_f25_an_address_that_refuses_is_passed_over(resolve: Resolve, server: ScriptedImap) -> None:
    resolve([[(socket.AF_INET, "127.0.0.9"), (socket.AF_INET, "127.0.0.1")]])
    sign_in(server.port).close()


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.9")])
def test_f25_an_address_that_swallows_packets_costs_a_part_of_the_time(
    resolve: Resolve, server: ScriptedImap, family: socket.AddressFamily, address: str
) -> None:
    """A broken IPv6 route: nothing comes back, not even a refusal; IPv4 is tried in time."""
    with contextlib.ExitStack() as stack:
        hole = stack.enter_context(socket.socket(family))
        try:
            hole.bind((address, server.port))
        except OSError:
            pytest.skip(f"{address} cannot be used here")
        hole.listen(0)
        # Whoever comes after those that wait to be accepted gets no answer.
        for _ in range(4):
            waiting = stack.enter_context(socket.socket(family))
            waiting.setblocking(False)
            waiting.connect_ex((address, server.port))
        resolve([[(family, address), (socket.AF_INET, "127.0.0.1")]])
        sign_in(server.port, timeout=2.0).close()
    assert any(b"LOGIN" in line for line in server.received)


def test_f25_all_addresses_together_have_one_limit(resolve: Resolve) -> None:
    with contextlib.ExitStack() as stack:
        port = 0
        addresses = [f"127.0.0.{last}" for last in range(11, 15)]
        for address in addresses:
            hole = stack.enter_context(socket.socket())
            hole.bind((address, port))
            port = port or hole.getsockname()[1]
            hole.listen(0)
            for _ in range(4):
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex((address, port))
        resolve([[(socket.AF_INET, address) for address in addresses]])
        with pytest.raises(RetryLater) as failed:
            sign_in(port, timeout=0.6)
    assert failed.value.reason == Reason.TIMEOUT

"""A signed-in connection to a fresh mailbox, directly or through a proxy that fails as told."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Protocol

import pytest

from tests.servers.fault_proxy import FaultProxy
from tests.servers.mailbox import Mailbox
from webmail.demo.dovecot import Dovecot
from webmail.imap.connection import MailConnection
from webmail.imap.types import Endpoint


class Connect(Protocol):
    def __call__(self, *, through: FaultProxy | None = None, timeout: float = 10.0) -> MailConnection: ...


@pytest.fixture
def connect(mailbox: Mailbox) -> Iterator[Connect]:
    """Opens connections to the mailbox and closes them in the end."""
    with ExitStack() as stack:

        def opened(*, through: FaultProxy | None = None, timeout: float = 10.0) -> MailConnection:
            host, port = (through.host, through.port) if through else (mailbox.host, mailbox.server.ports.imap)
            endpoint = Endpoint(host, port, "plain")
            connection = MailConnection.open(endpoint, mailbox.address, mailbox.password, timeout=timeout)
            stack.callback(connection.close)
            return connection

        yield opened


@pytest.fixture
def connection(connect: Connect) -> MailConnection:
    return connect()


@pytest.fixture
def make_proxy(dovecot: Dovecot) -> Iterator[Callable[..., FaultProxy]]:
    """Starts proxies in front of the private Dovecot; arguments are capabilities to ``hide`` and ``add``."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(FaultProxy(dovecot.host, dovecot.ports.imap, **options))


@pytest.fixture
def proxy(make_proxy: Callable[..., FaultProxy]) -> FaultProxy:
    return make_proxy()


@pytest.fixture
def letter() -> Callable[..., bytes]:
    """A small message; ``number`` makes subject and Message-ID its own."""

    def written(number: int = 1, *, body: str = "Hello.\r\n", extra: str = "") -> bytes:
        return (
            f"From: Ann <ann@example.test>\r\nTo: Bob <bob@example.test>\r\nSubject: Letter {number}\r\n"
            f"Message-ID: <letter-{number}@example.test>\r\nDate: Mon, 1 Jun 2026 10:00:00 +0200\r\n{extra}"
            f"Content-Type: text/plain; charset=utf-8\r\n\r\n{body}"
        ).encode()

    return written

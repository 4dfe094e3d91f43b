"""Connections for people who wait: few, never shared between accounts, never used again after a doubt."""

import threading
from collections.abc import Iterator

import pytest

from tests.imap.conftest import Connect
from tests.servers.fault_proxy import FaultProxy
from tests.servers.mailbox import Mailbox
from webmail.errors import GiveUp, Reason, RetryLater
from webmail.imap.connection import MailConnection
from webmail.imap.pool import ForegroundPool, pool_key
from webmail.imap.types import Endpoint

pytestmark = pytest.mark.mailserver


@pytest.fixture
def pool() -> Iterator[ForegroundPool]:
    pool = ForegroundPool(wait_seconds=0.3)
    yield pool
    pool.close()


def test_an_idle_connection_is_used_again(pool: ForegroundPool, connect: Connect) -> None:
    with pool.connection("ann", connect) as first:
        pass
    with pool.connection("ann", connect) as second:
        assert second is first


def test_no_more_than_two_at_a_time_and_the_third_is_told_to_wait(pool: ForegroundPool, connect: Connect) -> None:
    with pool.connection("ann", connect) as first, pool.connection("ann", connect) as second:
        assert first is not second
        with pytest.raises(RetryLater) as caught, pool.connection("ann", connect):
            pass
        assert caught.value.reason == Reason.BUSY
        with pool.connection("bob", connect):
            pass


def test_whoever_waits_gets_the_connection_that_comes_back(connect: Connect) -> None:
    pool = ForegroundPool(size=1, wait_seconds=5)
    entered = threading.Event()
    got: list[MailConnection] = []

    def second() -> None:
        entered.set()
        with pool.connection("ann", connect) as connection:
            got.append(connection)

    with pool.connection("ann", connect) as first:
        thread = threading.Thread(target=second)
        thread.start()
        entered.wait(2)
    thread.join(5)
    assert got == [first]
    pool.close()


def test_f47_a_connection_left_by_an_unknown_error_is_not_used_again(pool: ForegroundPool, connect: Connect) -> None:
    with pytest.raises(ZeroDivisionError), pool.connection("ann", connect) as first:
        raise ZeroDivisionError
    assert first.broken
    with pool.connection("ann", connect) as second:
        assert second is not first


def test_a_refusal_of_the_server_does_not_cost_the_connection(pool: ForegroundPool, connect: Connect) -> None:
    with pytest.raises(GiveUp), pool.connection("ann", connect) as first:
        first.select("no such folder", uidvalidity=None)
    with pool.connection("ann", connect) as second:
        assert second is first


def test_a_connection_that_broke_while_idle_is_replaced(
    pool: ForegroundPool, connect: Connect, proxy: FaultProxy
) -> None:
    with pool.connection("ann", lambda: connect(through=proxy)) as first:
        pass
    proxy.cut_all()
    with pool.connection("ann", connect) as second:
        assert second is not first
        second.noop()


def test_a_failed_sign_in_does_not_use_up_a_place(pool: ForegroundPool, mailbox: Mailbox, connect: Connect) -> None:
    endpoint = Endpoint("localhost", mailbox.server.ports.imap, "plain")
    for _ in range(3):
        with (
            pytest.raises(Exception, match="refused"),
            pool.connection("ann", lambda: MailConnection.open(endpoint, mailbox.address, "wrong")),
        ):
            pass
    with pool.connection("ann", connect), pool.connection("ann", connect):
        pass


def test_idle_connections_are_closed_in_time(connect: Connect) -> None:
    pool = ForegroundPool(idle_seconds=0.1)
    with pool.connection("ann", connect) as first:
        pass
    closed = threading.Event()
    real_close = first.close
    first.close = lambda: (real_close(), closed.set())[0]  # type: ignore[method-assign,func-returns-value]
    assert closed.wait(3)
    assert first.broken


def test_many_threads_share_two_connections_without_mixing(mailbox: Mailbox, connect: Connect) -> None:
    for number in range(1, 6):
        mailbox.append(f"Subject: {number}\r\n\r\nbody {number}\r\n".encode())
    pool = ForegroundPool(wait_seconds=20)
    wrong: list[bytes] = []

    def read(uid: int) -> None:
        for _ in range(5):
            with pool.connection("ann", connect) as connection:
                connection.select("INBOX", uidvalidity=None)
                body = connection.fetch_section(uid, "1")
                if body != f"body {uid}\r\n".encode():
                    wrong.append(body)

    threads = [threading.Thread(target=read, args=(uid,)) for uid in range(1, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert wrong == []
    pool.close()


def test_other_credentials_are_another_key_and_the_key_tells_no_secret() -> None:
    endpoint = Endpoint("localhost", 993, "tls")
    key = pool_key(1, endpoint, "ann", "secret-word")
    assert key == pool_key(1, endpoint, "ann", "secret-word")
    others = [pool_key(2, endpoint, "ann", "secret-word"), pool_key(1, endpoint, "ann", "other")]
    assert key not in [*others, pool_key(1, endpoint, "bob", "secret-word")]
    assert "secret-word" not in repr(key)

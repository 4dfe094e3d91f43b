"""Servers that allow only so many connections (faults F22, F23): nothing of it reaches the person as an error."""

import threading
from collections.abc import Iterator

import pytest
from django.utils import timezone

from accounts.models import MailAccount, Security, User
from tests.servers.fault_proxy import FaultProxy
from tests.servers.mailbox import Mailbox
from webmail.errors import Reason, RetryLater
from webmail.imap.connection import MailConnection
from webmail.imap.pool import ForegroundPool
from webmail.imap.types import Endpoint
from webmail.models import Message, SyncState
from webmail.sync import attention
from webmail.worker import crowd
from webmail.worker.job import run_account

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mailserver]

FULL = b"{tag} NO [LIMIT] Too many simultaneous connections\r\n"
MAIL = b"From: Bob <bob@example.test>\r\nSubject: Letter 1\r\nMessage-ID: <1@example.test>\r\n\r\nHello\r\n"


@pytest.fixture
def proxy(mailbox: Mailbox) -> Iterator[FaultProxy]:
    with FaultProxy("127.0.0.1", mailbox.server.ports.imap) as proxy:
        yield proxy


@pytest.fixture
def account(mailbox: Mailbox, proxy: FaultProxy, monkeypatch) -> MailAccount:
    monkeypatch.setattr(crowd, "_until", {})
    account = MailAccount.objects.create(
        user=User.objects.create(username="ada"),
        address=mailbox.address,
        username=mailbox.address,
        password=mailbox.password,
        imap_host=proxy.host,
        imap_port=proxy.port,
        imap_security=Security.PLAIN,
        smtp_host="localhost",
    )
    SyncState.objects.create(account=account)
    return MailAccount.objects.get(pk=account.pk)


def test_a_limit_is_waited_for_without_a_word_and_the_account_then_keeps_no_connection(mailbox, account, proxy):
    mailbox.append(MAIL)
    for command in ("AUTHENTICATE", "LOGIN"):
        proxy.rule(command, "answer", text=FULL)
    assert run_account(account.pk, None, lambda: False) is None
    state = SyncState.objects.get(pk=account.pk)
    assert (state.status, state.reason, state.sentence) == (SyncState.Status.SYNCING, "limit", "")
    assert state.failures == 1
    # A click does not make it knock again before its time.
    due = state.due_at
    assert due > timezone.now()
    attention.ask(account.pk)
    assert SyncState.objects.get(pk=account.pk).due_at == due
    # There is room again: everything comes, but nothing is parked while others may be waiting for it.
    assert run_account(account.pk, None, lambda: False) is None
    state.refresh_from_db()
    assert (state.status, state.reason, state.failures) == (SyncState.Status.OK, "", 0)
    assert Message.objects.get().subject == "Letter 1"
    crowd._until.clear()
    parked = run_account(account.pk, None, lambda: False)
    assert parked is not None
    parked.connection.close()


@pytest.fixture
def endpoint(proxy: FaultProxy) -> Endpoint:
    return Endpoint(proxy.host, proxy.port, "plain")


def refused() -> MailConnection:
    raise RetryLater(Reason.LIMIT, "There are too many connections.")


def test_a_click_waits_for_the_connection_of_another_when_the_server_allows_no_more(mailbox, endpoint):
    pool = ForegroundPool(wait_seconds=20.0)
    first_has_it, second_asked = threading.Event(), threading.Event()
    served: list[MailConnection] = []

    def first() -> None:
        with pool.connection("ada", lambda: MailConnection.open(endpoint, mailbox.address, mailbox.password)) as held:
            served.append(held)
            first_has_it.set()
            assert second_asked.wait(20)

    thread = threading.Thread(target=first)
    thread.start()
    assert first_has_it.wait(20)

    def no_more() -> MailConnection:
        second_asked.set()
        return refused()

    with pool.connection("ada", no_more) as held:
        assert held is served[0]
        held.noop()
    thread.join(20)
    pool.close()


def test_a_click_that_gets_none_is_told_to_try_again_and_leaves_nothing_behind():
    pool = ForegroundPool(wait_seconds=0.01)
    with pytest.raises(RetryLater) as problem, pool.connection("ada", refused):
        pytest.fail("there is no connection")
    assert problem.value.reason == Reason.BUSY
    assert not pool._shelves

"""The running worker: clicks reach the server, news reaches the mirror, and a failing server is left alone."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from accounts.models import MailAccount, User
from tests.servers.mailbox import Mailbox
from webmail.models import Folder, Message, SyncState
from webmail.sync import actions, attention
from webmail.worker import lease
from webmail.worker.service import Worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mailserver, pytest.mark.database]


def mail(number: int) -> bytes:
    return (
        f"From: Bob <bob@example.test>\r\nTo: ada@example.test\r\nSubject: Letter {number}\r\n"
        f"Message-ID: <letter-{number}@example.test>\r\n\r\nThis is letter {number}.\r\n"
    ).encode()


@pytest.fixture
def account(mailbox: Mailbox, settings) -> MailAccount:
    settings.TRUSTED_CA_FILE = str(mailbox.server.ca_file)
    account = MailAccount.objects.create(
        user=User.objects.create(username="ada"),
        address=mailbox.address,
        username=mailbox.address,
        password=mailbox.password,
        imap_host="localhost",
        imap_port=mailbox.server.ports.imaps,
        smtp_host="localhost",
    )
    SyncState.objects.create(account=account)
    return MailAccount.objects.get(pk=account.pk)


@pytest.fixture
def start_worker() -> Iterator[Callable[[], Worker]]:
    started: list[tuple[Worker, threading.Thread]] = []

    def start() -> Worker:
        worker = Worker(threads=2)

        def run() -> None:
            try:
                worker.run()
            finally:
                connections.close_all()

        thread = threading.Thread(target=run)
        thread.start()
        started.append((worker, thread))
        return worker

    yield start
    for worker, thread in started:
        worker.stop()
        thread.join(20)
        assert not thread.is_alive()


def wait_until(condition: Callable[[], object], seconds: float = 20.0) -> float:
    """How long it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "it did not happen"
        time.sleep(0.02)
    return time.monotonic() - began


def up_to_date(account: MailAccount) -> bool:
    return SyncState.objects.get(pk=account.pk).status == SyncState.Status.OK


def test_news_and_clicks_cross_within_moments(mailbox, account, start_worker):
    uid = mailbox.append(mail(1))
    start_worker()
    wait_until(lambda: up_to_date(account))
    assert Message.objects.count() == 1

    mailbox.deliver(mail(2))
    assert wait_until(lambda: Message.objects.filter(subject="Letter 2").exists()) < 10

    actions.store(account.user, Message.objects.filter(uid=uid), "flagged", True)
    wait_until(lambda: mailbox.flags(uid) == {b"\\Flagged"})

    other = mailbox.imap()
    other.select_folder("INBOX")
    other.add_flags([uid], [b"\\Seen"])
    wait_until(lambda: Message.objects.get(uid=uid, folder__name="INBOX").seen)
    other.create_folder("Fresh")
    wait_until(lambda: Folder.objects.filter(name="Fresh").exists())
    other.move([uid], "Fresh")
    wait_until(lambda: Message.objects.filter(shown_in__name="Fresh").exists())
    other.logout()
    # The new place is seen first; then that the old one is empty, and the two are one message.
    wait_until(lambda: Message.objects.filter(missing_since__isnull=True).count() == 2)


def test_a_wrong_password_is_said_and_not_tried_again_until_something_changes(mailbox, account, start_worker):
    MailAccount.objects.filter(pk=account.pk).update(password="wrong")
    start_worker()
    wait_until(lambda: SyncState.objects.get(pk=account.pk).status == SyncState.Status.BLOCKED)
    state = SyncState.objects.get(pk=account.pk)
    assert (state.reason, state.failures) == ("password", 1)
    assert state.due_at > timezone.now() + timedelta(minutes=30)
    attention.ask(account.pk)
    assert SyncState.objects.get(pk=account.pk).due_at == state.due_at
    MailAccount.objects.filter(pk=account.pk).update(password=mailbox.password)
    attention.retry(account.pk)
    wait_until(lambda: up_to_date(account))


def test_a_server_that_goes_away_is_waited_for(mailbox, account, start_worker, settings):
    MailAccount.objects.filter(pk=account.pk).update(imap_port=1)
    start_worker()
    wait_until(lambda: SyncState.objects.get(pk=account.pk).status == SyncState.Status.WAITING)
    state = SyncState.objects.get(pk=account.pk)
    assert state.sentence
    assert mailbox.password not in state.detail + state.sentence


def test_a_parked_connection_that_dies_is_replaced(mailbox, account, start_worker):
    start_worker()
    wait_until(lambda: up_to_date(account))
    mailbox.server.doveadm("kick", mailbox.address)
    mailbox.deliver(mail(3))
    wait_until(lambda: Message.objects.filter(subject="Letter 3").exists())
    wait_until(lambda: up_to_date(account))


def test_two_workers_share_and_take_over(account):
    assert lease.claim_due("one", set(), 5) == {account.pk: "localhost"}
    assert lease.claim_due("two", set(), 5) == {}
    SyncState.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert lease.claim_due("two", set(), 5) == {account.pk: "localhost"}
    assert lease.renew("one", {account.pk}) == {account.pk}
    assert lease.renew("two", {account.pk}) == set()


def test_stopping_gives_the_leases_back(mailbox, account, start_worker):
    worker = start_worker()
    wait_until(lambda: up_to_date(account))
    worker.stop()
    wait_until(lambda: SyncState.objects.get(pk=account.pk).lease_owner == "")

"""The worker and a database that goes away, locks that two want, and values that PostgreSQL does not take (F33)."""

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta

import psycopg
import pytest
from django.db import OperationalError, connection, connections
from django.utils import timezone

from accounts.models import MailAccount, User
from tests.servers.fault_proxy import FaultProxy
from tests.servers.scripted_imap import ScriptedImap
from tests.worker.test_limits import account as limited
from tests.worker.test_limits import proxy
from tests.worker.test_service import account, mail, start_worker, up_to_date, wait_until
from webmail.errors import Reason, RetryLater
from webmail.events.signal import DatabaseSignal
from webmail.imap.connection import MailConnection
from webmail.models import Folder, Message, SyncState
from webmail.models.mirror import change
from webmail.outbox import drafts
from webmail.sync import attention
from webmail.sync.account import Pass
from webmail.sync.foreground import open_connection
from webmail.worker import job, lease, upkeep
from webmail.worker.service import Worker

__all__ = ["account", "limited", "proxy", "start_worker"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mailserver, pytest.mark.database]


def test_f33_news_that_come_while_the_database_is_away_are_looked_into_when_it_is_back(
    mailbox, account, start_worker, monkeypatch
):
    start_worker()
    wait_until(lambda: up_to_date(account))
    really, refused = lease.claim, threading.Event()

    def away(*arguments: object) -> bool:
        refused.set()
        raise OperationalError("the database system is shutting down")

    monkeypatch.setattr(lease, "claim", away)
    mailbox.deliver(mail(2))
    assert refused.wait(20)
    time.sleep(0.2)
    monkeypatch.setattr(lease, "claim", really)
    wait_until(lambda: Message.objects.filter(subject="Letter 2").exists())


def test_f33_a_connection_opened_where_the_lost_one_to_the_database_was_is_watched(
    mailbox, account, start_worker, monkeypatch
):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no descriptor to wait for")
    worker = start_worker()
    wait_until(lambda: up_to_date(account) and worker.parked)
    really, dial = DatabaseSignal._open, job.open_connection
    taken: list[socket.socket] = []

    def away(self: DatabaseSignal) -> None:
        if not taken:
            # Its number, which nothing but the connection to the mail server is to have next.
            taken.append(socket.socket())
        raise psycopg.OperationalError("away")

    def dialled(account: MailAccount) -> MailConnection:
        while taken and taken[0].fileno() >= 0:
            taken[0].close()
        return dial(account)

    monkeypatch.setattr(DatabaseSignal, "_open", away)
    monkeypatch.setattr(job, "open_connection", dialled)
    assert worker.signal is not None
    assert worker.signal._postgres is not None
    number = worker.signal._postgres.fileno()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [worker.signal._postgres.info.backend_pid])
    wait_until(lambda: taken)
    assert taken[0].fileno() == number
    mailbox.server.doveadm("kick", mailbox.address)
    mailbox.deliver(mail(3))
    wait_until(lambda: Message.objects.filter(subject="Letter 3").exists() and worker.parked)
    monkeypatch.setattr(DatabaseSignal, "_open", really)
    mailbox.deliver(mail(4))
    wait_until(lambda: Message.objects.filter(subject="Letter 4").exists())


def save_draft(account: MailAccount) -> None:
    row = drafts.new_draft(account.user, account, drafts.Fields())
    drafts.save_draft(row, drafts.Fields(subject="Hello"), row.revision)


@pytest.mark.parametrize(
    "work",
    [
        lambda account: job._failed(account, RetryLater(Reason.BUSY, "Later."), ""),
        lambda account: job._settled(account, timezone.now(), frozenset(), 0.0),
        save_draft,
    ],
    ids=["a failure is noted", "a success is noted", "a draft is saved"],
)
def test_f33_a_click_at_the_moment_of_other_work_locks_nobody_out(account, work: Callable[[MailAccount], None]) -> None:
    """The person's lock first, then the account's row, whoever it is: PostgreSQL ends one of two who wait for each other."""
    SyncState.objects.update(due_at=timezone.now() + timedelta(hours=1))
    problems: list[Exception] = []

    def run() -> None:
        try:
            work(account)
        except Exception as problem:
            problems.append(problem)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    with change(account.user_id):
        thread.start()
        time.sleep(0.6)
        attention.ask(account.pk)
    thread.join(20)
    assert not problems


def test_a_time_that_nobody_can_mean_is_not_waited_for(limited, proxy: FaultProxy) -> None:
    """F22: a server that asks for thirty years is asked again within the hour."""
    for command in ("AUTHENTICATE", "LOGIN"):
        proxy.rule(
            command, "answer", text=b"{tag} NO Request is throttled. Suggested Backoff Time: 999999999 seconds\r\n"
        )
    assert job.run_account(limited.pk, None, lambda: False) is None
    assert SyncState.objects.get().due_at <= timezone.now() + timedelta(hours=1)


def test_f56_words_of_a_server_that_no_database_takes_are_noted_all_the_same(limited, proxy: FaultProxy) -> None:
    for command in ("AUTHENTICATE", "LOGIN"):
        proxy.rule(command, "answer", text=b"{tag} NO [AUTHENTICATION\0FAILED] no\0\r\n")
    assert job.run_account(limited.pk, None, lambda: False) is None
    assert SyncState.objects.get().status == SyncState.Status.BLOCKED


def test_f09_numbers_that_no_folder_reaches_stop_nothing(limited) -> None:
    huge = b"* 9999999999 EXISTS\r\n* OK [UIDVALIDITY 1] .\r\n* OK [UIDNEXT 4294967295] .\r\n{tag} OK done\r\n"
    answers = {
        "LIST": b'* LIST () "/" INBOX\r\n* LIST () "/" Work\r\n{tag} OK done\r\n',
        "STATUS": b"* STATUS INBOX (MESSAGES 9999999999 UNSEEN 99999999999 UIDNEXT 8 UIDVALIDITY 1)\r\n{tag} OK done\r\n",
        "SELECT": huge,
    }
    with ScriptedImap(answers) as server:
        MailAccount.objects.filter(pk=limited.pk).update(imap_host=server.host, imap_port=server.port)
        limited.refresh_from_db()
        imap = open_connection(limited)
        Pass(imap, limited, lambda: False).run()
        imap.close()
    assert set(Folder.objects.values_list("name", flat=True)) == {"INBOX", "Work"}


def test_what_is_found_again_while_upkeep_looks_stays(account) -> None:
    """A row that waited for an hour and turns up in this very moment."""
    inbox = Folder.objects.create(account=account, name="INBOX", special_use="inbox", uidvalidity=7, backfill_uid=1)
    with change(account.user_id) as changed:
        row = Message.objects.create(
            account=account,
            folder=inbox,
            conversation=_conversation(account),
            message_key=1,
            internaldate=timezone.now(),
            missing_since=timezone.now() - timedelta(hours=2),
        )
        changed.silent = True

    def tidy() -> None:
        try:
            upkeep._forget_vanished(timezone.now() - timedelta(hours=1))
        finally:
            connections.close_all()

    thread = threading.Thread(target=tidy)
    with change(account.user_id) as changed:
        found = Message.objects.get(pk=row.pk)
        thread.start()
        time.sleep(0.6)
        Message.objects.filter(pk=found.pk).update(missing_since=None, shown_in=inbox, uid=1, uidvalidity=7)
        changed.message(found)
    thread.join(20)
    assert Message.objects.filter(pk=row.pk, shown_in=inbox).exists()


def _conversation(account: MailAccount):
    from webmail.models import Conversation  # noqa: PLC0415

    return Conversation.objects.create(user=account.user, base_subject="", count=0, participants=[])


def test_goodbyes_to_a_server_that_is_silent_hold_up_nothing(account) -> None:
    """Hundreds of parked connections to it, say: meanwhile the leases of the accounts at work would end."""
    worker = Worker(threads=1)
    said: list[int] = []

    class Silent:
        host = "silent"

        def __init__(self, number: int) -> None:
            self.number = number
            self.connection = self

        def fileno(self) -> int:
            return -1

        def close(self) -> None:
            time.sleep(0.2)
            said.append(self.number)

    SyncState.objects.update(lease_owner=worker.name, lease_until=timezone.now() + timedelta(seconds=5))
    worker.running[account.pk] = Future()
    worker.parked = {number: Silent(number) for number in range(10_000, 10_040)}  # type: ignore[misc]
    began = time.monotonic()
    worker._renew()
    assert time.monotonic() - began < 2
    assert not worker.parked
    wait_until(lambda: len(said) == 40)


def test_f15_a_server_that_is_slow_for_many_accounts_leaves_threads_to_the_others(
    mailbox, account, start_worker
) -> None:
    """I7: it takes the connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for number in range(8):
            user = User.objects.create(username=f"user-{number}")
            slow = MailAccount.objects.create(
                user=user, username="x", password="x", imap_host="127.0.0.1", imap_port=silent.getsockname()[1]
            )
            SyncState.objects.create(account=slow, due_at=timezone.now() - timedelta(minutes=5))
        start_worker()
        assert wait_until(lambda: up_to_date(account)) < 6


def test_f59_a_server_that_gives_up_telling_of_folders_is_asked_as_often_as_one_that_never_told(limited) -> None:
    """NOTIFICATIONOVERFLOW (RFC 5465 section 5.8): from there on it says nothing."""
    answers: dict[str, bytes | list[bytes] | None] = {
        "CAPABILITY": b"* CAPABILITY IMAP4rev1 IDLE NOTIFY\r\n{tag} OK done\r\n",
        "LIST": b'* LIST () "/" INBOX\r\n{tag} OK done\r\n',
        "STATUS": b"* STATUS INBOX (MESSAGES 0 UNSEEN 0 UIDNEXT 8 UIDVALIDITY 1)\r\n{tag} OK done\r\n",
        "SELECT": b"* 0 EXISTS\r\n* OK [UIDVALIDITY 1] .\r\n* OK [UIDNEXT 8] .\r\n{tag} OK done\r\n",
        "NOOP": [b"{tag} OK done\r\n", b"* OK [NOTIFICATIONOVERFLOW] Too much\r\n{tag} OK done\r\n"],
        "IDLE": b"+ idling\r\n",
    }
    with ScriptedImap(answers) as server:
        MailAccount.objects.filter(pk=limited.pk).update(imap_host=server.host, imap_port=server.port)
        parked = job.run_account(limited.pk, None, lambda: False)
        assert parked is not None
        told = SyncState.objects.get().due_at
        parked.connection._drop()
        assert told > timezone.now() + timedelta(minutes=7)
        SyncState.objects.update(due_at=timezone.now())
        parked = job.run_account(limited.pk, None, lambda: False)
        assert parked is not None
        parked.connection._drop()
        assert SyncState.objects.get().due_at < timezone.now() + timedelta(minutes=5)


def test_f56_what_a_server_offers_in_words_that_no_database_takes_is_noted_all_the_same(limited) -> None:
    answers: dict[str, bytes | list[bytes] | None] = {
        "CAPABILITY": b"* CAPABILITY IMAP4rev1 X\0Y\r\n{tag} OK done\r\n",
        "LIST": b'* LIST () "/" INBOX\r\n{tag} OK done\r\n',
        "STATUS": b"* STATUS INBOX (MESSAGES 0 UNSEEN 0 UIDNEXT 8 UIDVALIDITY 1)\r\n{tag} OK done\r\n",
        "SELECT": b"* 0 EXISTS\r\n* OK [UIDVALIDITY 1] .\r\n* OK [UIDNEXT 8] .\r\n{tag} OK done\r\n",
    }
    with ScriptedImap(answers) as server:
        MailAccount.objects.filter(pk=limited.pk).update(imap_host=server.host, imap_port=server.port)
        job.run_account(limited.pk, None, lambda: False)
    assert SyncState.objects.get().status == SyncState.Status.OK

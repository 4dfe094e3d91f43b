"""F38: killed at every step of sending, a message is handed in once at most, and nothing that may be out is repeated.

A step is whatever leaves the process: octets to the server, the reading of an answer, a commit. Sending runs in a process of
its own that gets SIGKILL before its k-th step, for every k there is; afterwards the next worker has its turn. Two messages
are due, so that every step of the second one on the same connection is tried, too. By default every fourth step is tried,
others with each commit; ``EXHAUSTIVE=1`` tries all.
"""

import os
import re
import signal
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from accounts.models import MailAccount
from tests.convergence.draw import of_this_commit
from tests.outbox.conftest import Write, queued
from tests.servers.smtp_sink import Script, SmtpSink
from webmail.models import CollectedAddress, Conversation, Folder, Message, OutgoingMessage, PendingAction
from webmail.outbox import after, deliver, queue, smtp

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(400)]
State = OutgoingMessage.State
CHANGES = ("INSERT", "UPDATE", "DELETE")
STEPS = 400
EVERY = 1 if os.environ.get("EXHAUSTIVE") == "1" else 4


def steps_end_at(last: int, report: Callable[[str], object]) -> None:
    """In the process that is to die: SIGKILL in place of step number ``last``."""
    count = 0

    def step(name: str) -> None:
        nonlocal count
        count += 1
        if count == last:
            report(name)
            os.kill(os.getpid(), signal.SIGKILL)

    def stepped(owner: Any, name: str) -> None:
        really = getattr(owner, name)

        def run(*arguments: Any, **options: Any) -> Any:
            step(name)
            return really(*arguments, **options)

        setattr(owner, name, run)

    def statement(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if not connection.in_atomic_block and sql.startswith(CHANGES):
            step(sql.split(" ", 1)[0])
        return execute(sql, params, many, context)

    # A TLS socket sends by its own method, which does not use that of the plain one.
    for owner in (socket.socket, ssl.SSLSocket):
        stepped(owner, "sendall")
    stepped(smtp._Client, "getreply")
    stepped(BaseDatabaseWrapper, "_commit")
    connection.execute_wrappers.append(statement)


def turn() -> None:
    """What a worker does with what is due, after a while."""
    OutgoingMessage.objects.filter(sent_at__isnull=False).update(sent_at=timezone.now() - timedelta(minutes=1))
    after.left()
    deliver.settle_abandoned()
    while (pk := deliver._due().values_list("pk", flat=True).first()) is not None:
        claimed = deliver.claim(pk)
        assert claimed is not None
        deliver.deliver_in_turn(claimed, lambda: False)


def turn_that_dies(last: int) -> str | None:
    """The step before which it was killed; None if it came to its end before."""
    connections.close_all()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            steps_end_at(last, lambda name: os.write(write, name.encode()))
            turn()
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    _, status = os.waitpid(child, 0)
    with os.fdopen(read) as told:
        name = told.read()
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return name if os.WIFSIGNALED(status) else None


def handed_in(sink: SmtpSink) -> Counter[str]:
    found = [re.search(rb"\r\nMessage-ID: <([^>]+)>", message.raw) for message in sink.received]
    return Counter(each[1].decode() for each in found if each is not None)


def answer(write: Write, account: MailAccount, number: int) -> OutgoingMessage:
    """Queued, to a message of the mirror."""
    inbox, _ = Folder.objects.get_or_create(account=account, name="INBOX", special_use="inbox")
    message = Message.objects.create(
        account=account,
        folder=inbox,
        shown_in=inbox,
        conversation=Conversation.objects.create(user=account.user),
        message_key=number,
        internaldate=timezone.now(),
    )
    row = write(subject=f"Number {number}", to=f"bob{number}@example.test")
    OutgoingMessage.objects.filter(pk=row.pk).update(answers=message)
    row.refresh_from_db()
    return queued(row)


def followed_up(row: OutgoingMessage) -> bool:
    assert row.answers is not None
    row.answers.refresh_from_db()
    told = PendingAction.objects.filter(message=row.answers, flag="answered").count()
    return row.answers.answered and told == 1 and CollectedAddress.objects.filter(key=row.to).exists()


@pytest.mark.parametrize("pipelining", [True, False])
def test_killed_at_any_step_nothing_is_sent_twice(
    write: Write, account: MailAccount, smtp_sink: SmtpSink, pipelining: bool
) -> None:
    """F38, F52"""
    names: list[str] = []
    unclear = 0
    for last in range(1 + of_this_commit(str(pipelining)) % EVERY, STEPS, EVERY):
        for model in (OutgoingMessage, Message, CollectedAddress):
            model.objects.all().delete()
        smtp_sink.reset()
        if not pipelining:
            smtp_sink.script = Script(extensions=("8BITMIME",))
        rows = [answer(write, account, number) for number in range(2)]
        name = turn_that_dies(last)
        smtp_sink.wait_until_left()
        if name is None:
            break
        names.append(name)
        before = handed_in(smtp_sink)
        where = f"killed before step {last} ({name})"
        assert set(before.values()) <= {1}, where
        OutgoingMessage.objects.filter(state=State.SENDING).update(lease_until=timezone.now() - timedelta(seconds=1))
        turn()
        smtp_sink.wait_until_left()
        afterwards = handed_in(smtp_sink)
        for row in rows:
            message_id = row.message_id
            row.refresh_from_db()
            assert row.message_id == message_id
            assert row.state in {State.SENT, State.UNCLEAR}, where
            if row.state == State.SENT:
                assert afterwards[message_id] == 1, f"{where}: {row} was handed in {afterwards[message_id]} times"
                assert followed_up(row), where
                continue
            # It may be out, so it was left alone; the person may have it sent again, as the same message.
            unclear += 1
            assert afterwards[message_id] == before[message_id], where
            queue.send_again(row)
            turn()
            smtp_sink.wait_until_left()
            row.refresh_from_db()
            assert row.state == State.SENT, where
            assert handed_in(smtp_sink)[message_id] == before[message_id] + 1, where
            assert followed_up(row), where
    else:
        pytest.fail("it never came to its end")
    assert len(names) > 30 / EVERY
    if EVERY == 1:
        assert {"sendall", "getreply", "UPDATE"} <= set(names)
        assert unclear

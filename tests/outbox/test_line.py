"""Messages that follow each other over one connection: each is taken, and known to be taken, before the next."""

from collections.abc import Callable

import pytest

from accounts.models import Identity, MailAccount
from tests.outbox.conftest import Write, queued
from tests.servers.smtp_sink import Script, SmtpSink
from webmail.models import OutgoingMessage
from webmail.outbox import deliver, smtp

State = OutgoingMessage.State


@pytest.fixture(autouse=True)
def forgetful() -> None:
    smtp._one_by_one.clear()


def turn(*rows: OutgoingMessage, should_stop: Callable[[], bool] = lambda: False) -> list[OutgoingMessage]:
    claimed = deliver.claim(rows[0].pk)
    assert claimed is not None
    deliver.deliver_in_turn(claimed, should_stop)
    for row in rows:
        row.refresh_from_db()
    return list(rows)


def test_what_is_due_of_an_account_goes_over_one_connection_each_reset(write: Write, smtp_sink: SmtpSink) -> None:
    rows = turn(*(queued(write(subject=f"Number {number}")) for number in range(5)))
    assert {row.state for row in rows} == {State.SENT}
    assert [message.raw for message in smtp_sink.wait_for(5)] == [row.raw.read() for row in rows]
    assert smtp_sink.connections == 1
    assert smtp_sink.commands.count("RSET") == 4


def test_another_server_gets_a_connection_of_its_own(write: Write, smtp_sink: SmtpSink, account: MailAccount) -> None:
    other = Identity.objects.create(
        account=account,
        address="other@example.test",
        smtp_host="localhost",
        smtp_port=smtp_sink.tls_port,
        smtp_username="other",
        smtp_password="own",
    )
    turn(queued(write()), queued(write(identity_id=other.pk)), queued(write()))
    assert [message.user for message in smtp_sink.wait_for(3)] == ["ada@example.test", "other", "ada@example.test"]
    assert smtp_sink.connections == 3


@pytest.mark.parametrize(
    "script",
    [
        Script(rcpt={"no@example.test": "550 5.1.1 No such user"}),
        Script(rcpt={"no@example.test": "451 4.2.0 Later"}),
    ],
)
def test_after_a_refusal_the_next_message_gets_a_fresh_connection(
    write: Write, smtp_sink: SmtpSink, script: Script
) -> None:
    smtp_sink.script = script
    _, second = turn(queued(write(to="no@example.test")), queued(write()))
    assert second.state == State.SENT
    assert smtp_sink.connections == 2


def test_a_server_that_has_had_enough_of_a_connection_gets_another_at_once(write: Write, smtp_sink: SmtpSink) -> None:
    smtp_sink.script = Script(per_connection=2)
    rows = turn(*(queued(write()) for _ in range(5)))
    assert [(row.state, row.attempts) for row in rows] == [(State.SENT, 1)] * 5
    assert len(smtp_sink.wait_for(5)) == 5
    assert smtp_sink.connections == 3


@pytest.mark.parametrize("moment", ["reply", "accepted"])
def test_a_lost_answer_on_a_kept_connection_is_that_messages_alone(
    write: Write, smtp_sink: SmtpSink, moment: str
) -> None:
    """F36"""
    smtp_sink.script = Script(hang_up=moment, spared=1)  # type: ignore[arg-type]
    rows = turn(*(queued(write(subject=each)) for each in ("one", "two", "three")))
    assert [row.state for row in rows] == [State.SENT, State.UNCLEAR, State.SENT]
    kept = [row.raw.read() for row in rows]
    assert [each.raw for each in smtp_sink.wait_for(2)] == (kept if moment == "accepted" else [kept[0], kept[2]])


@pytest.mark.parametrize("moment", ["mail", "rcpt", "data"])
def test_a_kept_connection_that_is_lost_before_the_message_is_replaced_or_the_message_put_off(
    write: Write, smtp_sink: SmtpSink, moment: str
) -> None:
    """F36, F38"""
    smtp_sink.script = Script(hang_up=moment, spared=1)  # type: ignore[arg-type]
    first, second = turn(queued(write()), queued(write()))
    assert first.state == State.SENT
    assert second.state == (State.QUEUED if moment == "data" else State.SENT)
    assert len(smtp_sink.received) == (1 if moment == "data" else 2)


def test_a_stopping_worker_finishes_the_message_and_takes_no_other(write: Write, smtp_sink: SmtpSink) -> None:
    """F52"""
    first, second = turn(queued(write()), queued(write()), should_stop=lambda: True)
    assert (first.state, second.state, second.attempts) == (State.SENT, State.QUEUED, 0)
    assert len(smtp_sink.wait_for(1)) == 1

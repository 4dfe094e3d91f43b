"""A worker that is killed at any step of a delivery, or loses its claim: sent once, or said to be unclear."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils import timezone

from tests.outbox.conftest import Write, queued
from tests.outbox.test_deliver import delivered
from tests.servers.smtp_sink import SmtpSink
from webmail.models import OutgoingMessage
from webmail.outbox import after, deliver, outcome, smtp

State, SentCopy = OutgoingMessage.State, OutgoingMessage.SentCopy


class Killed(BaseException):
    """The process is gone: nothing after this point runs."""


def _die(*_: object, **__: object) -> None:
    raise Killed


def killed(
    row: OutgoingMessage, monkeypatch: pytest.MonkeyPatch, owner: object, step: str, dies: Callable[..., object] = _die
) -> OutgoingMessage:
    """Delivered by a worker that ends at this step."""
    with monkeypatch.context() as patched:
        patched.setattr(owner, step, dies)
        with pytest.raises(Killed):
            delivered(row)
    return row


def lease_over(row: OutgoingMessage) -> OutgoingMessage:
    OutgoingMessage.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    deliver.settle_abandoned()
    row.refresh_from_db()
    return row


BEFORE_DATA: list[tuple[str, Callable[..., object]]] = [
    ("_connected", _die),  # before connecting
    ("_sign_in", _die),  # before signing in
    ("_flight", _die),  # before MAIL and RCPT
]
AFTER_DATA: list[tuple[str, Callable[..., object]]] = [
    ("_hand_over", _die),  # after DATA
    ("_final", _die),  # in the middle of the message
]


@pytest.mark.parametrize(("step", "dies"), BEFORE_DATA)
def test_killed_before_data_it_is_sent_by_the_next_worker(
    write: Write, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch, step: str, dies: Callable[..., object]
) -> None:
    """F38"""
    row = killed(queued(write()), monkeypatch, smtp, step, dies)
    row.refresh_from_db()
    assert row.state == State.SENDING
    deliver.settle_abandoned()
    assert deliver.claim(row.pk) is None  # the lease still runs
    assert lease_over(row).state == State.QUEUED
    assert delivered(row).state == State.SENT
    assert len(smtp_sink.wait_for(1)) == 1


@pytest.mark.parametrize(("step", "dies"), AFTER_DATA)
def test_killed_after_data_began_it_is_unclear(
    write: Write, monkeypatch: pytest.MonkeyPatch, step: str, dies: Callable[..., object]
) -> None:
    """F38"""
    row = killed(queued(write()), monkeypatch, smtp, step, dies)
    assert lease_over(row).state == State.UNCLEAR


def test_killed_between_the_answer_and_its_record_it_is_unclear(
    write: Write, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F38"""
    row = killed(queued(write()), monkeypatch, outcome, "_record")
    smtp_sink.wait_for(1)
    assert lease_over(row).state == State.UNCLEAR
    assert len(smtp_sink.received) == 1


def test_killed_after_the_record_the_copy_is_still_due(
    write: Write, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F38"""
    row = killed(queued(write()), monkeypatch, after, "sent")
    row.refresh_from_db()
    assert (row.state, row.sent_copy) == (State.SENT, SentCopy.DUE)
    assert len(smtp_sink.wait_for(1)) == 1


def test_a_database_that_is_away_for_a_moment_does_not_lose_the_answer(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F33"""
    row = queued(write())
    claimed = deliver.claim(row.pk)
    assert claimed is not None
    failures = iter([DatabaseError("locked")] * 3)
    monkeypatch.setattr(outcome, "RECORD_PAUSE", 0.0)
    monkeypatch.setattr(outcome, "close_old_connections", lambda: None)
    original = type(OutgoingMessage.objects.all()).update

    def update(rows: object, **values: object) -> int:
        if "recipients" in values and (failure := next(failures, None)):
            raise failure
        return original(rows, **values)  # type: ignore[arg-type]

    monkeypatch.setattr(type(OutgoingMessage.objects.all()), "update", update)
    deliver.deliver(claimed)
    row.refresh_from_db()
    assert row.state == State.SENT


def test_a_worker_that_lost_its_claim_before_data_sends_nothing(
    write: Write, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = queued(write())
    slow = deliver.claim(row.pk)
    assert slow is not None
    lease_over(row)
    assert delivered(row).state == State.SENT
    deliver.deliver(slow)
    row.refresh_from_db()
    assert row.state == State.SENT
    assert len(smtp_sink.received) == 1

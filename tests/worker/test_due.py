"""When an account is looked at next: nothing that is asked for while it is being looked at gets lost."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts.models import MailAccount
from tests.convergence.steps import Killed
from tests.outbox.conftest import Write, account, queued, reading, write
from tests.outbox.test_deliver import delivered
from tests.servers.fault_proxy import FaultProxy
from webmail.models import OutgoingMessage, SyncState
from webmail.outbox import drafts
from webmail.outbox.wake import QUIET, ask_worker
from webmail.sync import attention
from webmail.worker import due, job, lease
from webmail.worker.job import run_account

__all__ = ["account", "reading", "write"]
pytestmark = [pytest.mark.django_db, pytest.mark.mailserver]


@pytest.fixture
def resting(reading: MailAccount) -> MailAccount:
    """Looked at once, and not wanted for minutes."""
    turn(reading)
    assert due_at(reading) > soon(60)
    return reading


def turn(account: MailAccount, *, stop: Callable[[], bool] = lambda: False) -> None:
    parked = run_account(account.pk, None, stop)
    if parked is not None:
        parked.connection.close()


def due_at(account: MailAccount) -> datetime:
    return SyncState.objects.get(account=account).due_at


def due_now(account: MailAccount, **values: object) -> None:
    SyncState.objects.filter(account=account).update(due_at=timezone.now(), **values)


def soon(seconds: float) -> datetime:
    return timezone.now() + timedelta(seconds=seconds)


def meanwhile(monkeypatch: pytest.MonkeyPatch, *acts: Callable[[], object]) -> None:
    """``acts`` happen at the end of the pass, when it has looked at everything."""
    really = job._passes

    def passes(*arguments: Any) -> bool:
        whole = really(*arguments)
        for act in acts:
            act()
        return whole

    monkeypatch.setattr(job, "_passes", passes)


def test_a_draft_that_is_still_written_on_is_saved_when_that_ends(resting: MailAccount, write: Write) -> None:
    row = write()
    due_now(resting)
    turn(resting)
    assert soon(0) < due_at(resting) < soon(QUIET.total_seconds() + 0.5)
    OutgoingMessage.objects.filter(pk=row.pk).update(updated_at=soon(-3))
    due_now(resting)
    turn(resting)
    row.refresh_from_db()
    assert row.saved_revision == row.revision
    assert due_at(resting) > soon(60)


def test_what_is_thrown_away_goes_from_the_server_in_time(resting: MailAccount, write: Write) -> None:
    row = write()
    OutgoingMessage.objects.filter(pk=row.pk).update(updated_at=soon(-3))
    turn(resting)
    row.refresh_from_db()
    drafts.discard(row)
    due_now(resting)
    turn(resting)
    assert soon(10) < due_at(resting) < soon(16)


def test_the_copy_that_a_provider_may_file_is_come_back_for(resting: MailAccount, write: Write) -> None:
    """F41"""
    MailAccount.objects.filter(pk=resting.pk).update(sent_watch=3)
    row = delivered(queued(write()))
    due_now(resting)
    turn(resting)
    row.refresh_from_db()
    assert (row.sent_copy, row.sent_copy_attempts) == (OutgoingMessage.SentCopy.DUE, 1)
    assert due_at(resting) < soon(4)


@pytest.mark.parametrize("after", [timedelta(0), QUIET])
def test_what_is_asked_for_during_a_pass_stands_when_it_ends(
    resting: MailAccount, monkeypatch: pytest.MonkeyPatch, after: timedelta
) -> None:
    meanwhile(monkeypatch, lambda: ask_worker(resting.pk, after))
    due_now(resting)
    turn(resting)
    assert due_at(resting) <= timezone.now() + after


def test_a_pass_before_its_time_does_not_take_the_place_of_what_was_asked_for(resting: MailAccount) -> None:
    ask_worker(resting.pk, timedelta(seconds=5))
    turn(resting)
    assert soon(0) < due_at(resting) < soon(5)


def test_a_pass_that_is_broken_off_leaves_the_account_due(resting: MailAccount) -> None:
    due_now(resting)
    turn(resting, stop=lambda: True)
    assert due_at(resting) <= timezone.now()


def test_an_account_whose_worker_died_is_due_when_the_lease_ends(
    resting: MailAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die() -> None:
        raise Killed

    due_now(resting)
    assert lease.claim_due("one", set(), 5).keys() == {resting.pk}
    meanwhile(monkeypatch, die)
    with pytest.raises(Killed):
        turn(resting)
    assert lease.claim_due("another", set(), 5) == {}
    SyncState.objects.update(lease_until=soon(-1))
    assert lease.claim_due("another", set(), 5).keys() == {resting.pk}


def test_a_failing_server_is_left_alone_whoever_asks(resting: MailAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultProxy("127.0.0.1", resting.imap_port) as proxy:
        MailAccount.objects.filter(pk=resting.pk).update(imap_host=proxy.host, imap_port=proxy.port)
        due_now(resting, failures=3)
        meanwhile(monkeypatch, lambda: ask_worker(resting.pk), proxy.cut_all)
        turn(resting)
        assert SyncState.objects.get(account=resting).failures == 4
        assert due_at(resting) > soon(10)
        # Edited while the old setting failed.
        due_now(resting, failures=3)
        monkeypatch.undo()
        meanwhile(monkeypatch, lambda: attention.retry(resting.pk), proxy.cut_all)
        turn(resting)
        assert due_at(resting) <= timezone.now()


def test_a_turn_that_cannot_begin_leaves_the_account_due(resting: MailAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    parked = run_account(resting.pk, None, lambda: False)
    assert parked is not None
    due_now(resting)
    with monkeypatch.context() as patched:
        patched.setattr(due, "begin", Mock(side_effect=OperationalError("away for a moment")))
        assert run_account(resting.pk, parked, lambda: False) is None
    assert parked.connection.broken
    assert due_at(resting) <= timezone.now()


def test_times_from_before_the_clock_was_set_back_hold_up_nobody(resting: MailAccount) -> None:
    """A machine that began with a wrong date: what it noted then lies a year ahead (fault class C)."""
    far = timezone.now() + timedelta(days=365)
    SyncState.objects.update(due_at=far, lease_owner="a worker that is gone", lease_until=far)
    assert lease.claim_due("one", set(), 5).keys() == {resting.pk}
    turn(resting)
    assert due_at(resting) < soon(3600)

"""Queued messages handed to their outgoing servers, each at most once unless the person decides otherwise.

queued → sending (claimed by one conditional UPDATE, fenced by the attempt's number) → sent | rejected | unclear, or queued
again with a later time. ``data_begun`` is committed before DATA: a row found sending after its lease ended goes back to the
queue only if that is still False; otherwise nobody but the person may repeat it (fault F38).
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from typing import BinaryIO, cast

from django.conf import settings
from django.db import close_old_connections
from django.db.models import F
from django.utils import timezone

from accounts.models import Security
from accounts.sealed import CredentialsUnreadable
from webmail.errors import AskUser, GiveUp, OutcomeUnknown, Reason, RetryLater
from webmail.models import OutgoingMessage
from webmail.models.mirror import announce

from . import smtp
from .outcome import answered, blocked, later, rejected, tell_unclear, unclear
from .overdue import LATE
from .wake import ask_worker

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=15)
AT_ONCE = 8
# What the person has to change about the account; everything else is about the one message.
OF_THE_ACCOUNT = frozenset(
    {
        Reason.HOST,
        Reason.PORT,
        Reason.CERTIFICATE,
        Reason.NO_TLS,
        Reason.PROTOCOL,
        Reason.PASSWORD,
        Reason.NEEDS_PROVIDER,
        Reason.UNSUPPORTED,
        Reason.REFUSED,
    }
)
State, Held = OutgoingMessage.State, OutgoingMessage.Held


class LostClaim(Exception):
    """Another worker took the row over before DATA had begun."""


class _Crew:
    """The deliveries under way in this process: one per account at a time, so a slow server delays only its own mail."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pool: ThreadPoolExecutor | None = None
        self.under_way: dict[int, Future[None]] = {}

    def busy(self) -> set[int]:
        with self.lock:
            self.under_way = {key: future for key, future in self.under_way.items() if not future.done()}
            return set(self.under_way)

    def start(self, outgoing: OutgoingMessage) -> None:
        with self.lock:
            if self.pool is None:
                self.pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="delivery")
            self.under_way[outgoing.account_id] = self.pool.submit(_in_thread, outgoing)

    def join(self, seconds: float) -> bool:
        with self.lock:
            futures = list(self.under_way.values())
        return not wait(futures, timeout=seconds).not_done


_crew = _Crew()


def deliver_due(owner: str, should_stop: Callable[[], bool]) -> int:
    """Start delivering what is due, and settle what a dead worker left; return how many were started."""
    settle_abandoned()
    started = 0
    busy = _crew.busy()
    due = OutgoingMessage.objects.filter(state=State.QUEUED, send_after__lte=timezone.now(), user__is_active=True)
    # Without its bytes a message still waits for the account's pass, which fetches the files it forwards.
    due = due.filter(held=Held.NO).exclude(raw="").exclude(account_id__in=busy).order_by("send_after", "id")
    for pk, account_id in list(due.values_list("pk", "account_id")[: AT_ONCE * 4]):
        if should_stop() or len(busy) >= AT_ONCE:
            break
        if account_id in busy:
            continue
        outgoing = claim(pk)
        if outgoing is not None:
            logger.info("%s delivers message %s", owner, pk)
            busy.add(account_id)
            _crew.start(outgoing)
            started += 1
    return started


def drain(seconds: float) -> bool:
    """Wait for the deliveries under way; False if some are not finished."""
    return _crew.join(seconds)


def _in_thread(outgoing: OutgoingMessage) -> None:
    close_old_connections()
    try:
        deliver(outgoing)
    except Exception:
        logger.exception("message %s: the delivery ended badly", outgoing.pk)
    finally:
        close_old_connections()


def claim(pk: int) -> OutgoingMessage | None:
    """Make a queued row ours, or return None if somebody else was faster or it was taken back."""
    now = timezone.now()
    waiting = OutgoingMessage.objects.filter(pk=pk, state=State.QUEUED, held=Held.NO, send_after__lte=now).exclude(
        raw=""
    )
    if not waiting.update(state=State.SENDING, lease_until=now + LEASE, attempts=F("attempts") + 1, data_begun=False):
        return None
    outgoing = OutgoingMessage.objects.select_related("account__user", "identity").get(pk=pk)
    announce(outgoing.user_id)
    return outgoing


def settle_abandoned() -> None:
    """Rows whose worker is gone (fault F38)."""
    now = timezone.now()
    left = OutgoingMessage.objects.filter(state=State.SENDING, lease_until__lt=now)
    for outgoing in left.select_related("account"):
        standing = left.filter(pk=outgoing.pk, attempts=outgoing.attempts)
        # What was left long ago is looked for first, as what is late is.
        long_ago = outgoing.lease_until is not None and outgoing.lease_until < now - LATE
        values = {"state": State.QUEUED, "lease_until": None, "held": Held.LOOK if long_ago else Held.NO}
        if standing.filter(data_begun=False).update(**values):
            if long_ago:
                ask_worker(outgoing.account_id)
            announce(outgoing.user_id)
        elif standing.filter(data_begun=True).update(
            state=State.UNCLEAR, lease_until=None, sentence="The program stopped while this was being sent."
        ):
            tell_unclear(outgoing)


def deliver(outgoing: OutgoingMessage) -> None:
    """One attempt of a claimed row; every outcome ends in its state, none in an exception but those of the database."""
    waiting_for = [each["address"] for each in outgoing.recipients if not 200 <= int(each["code"] or 0) < 300]
    waiting_for = [address for address in waiting_for if address not in _final(outgoing)]
    try:
        results = _hand_in(outgoing, waiting_for)
    except LostClaim:
        logger.warning("message %s was taken over by another worker", outgoing.pk)
    except OutcomeUnknown as problem:
        unclear(outgoing, problem)
    except RetryLater as problem:
        later(outgoing, problem.sentence, problem.detail, problem.retry_after)
    except (AskUser, GiveUp) as problem:
        if isinstance(problem, AskUser) and problem.reason in OF_THE_ACCOUNT:
            blocked(outgoing, problem)
        else:
            rejected(outgoing, problem.sentence, problem.detail)
    else:
        answered(outgoing, results)


def _final(outgoing: OutgoingMessage) -> set[str]:
    return {each["address"] for each in outgoing.recipients if int(each["code"] or 0) >= 500}


def _hand_in(outgoing: OutgoingMessage, recipients: list[str]) -> list[smtp.RecipientResult]:
    account = outgoing.account
    if account.smtp_security == Security.PLAIN and not settings.ALLOW_PLAINTEXT:
        sentence = f"{account.smtp_host} is set up without encryption, which is not allowed here."
        raise AskUser(Reason.NO_TLS, sentence)
    try:
        username, password = account.smtp_credentials()
    except CredentialsUnreadable as error:
        sentence = "The stored password cannot be opened. Enter it again in the settings of the account."
        raise AskUser(Reason.PASSWORD, sentence) from error
    try:
        stream = outgoing.raw.storage.open(str(outgoing.raw.name), "rb")
    except OSError as error:
        sentence = "The message that was to be sent is no longer here. Look at it and send it again."
        raise GiveUp(Reason.GONE, sentence, detail=str(outgoing.raw.name)) from error
    with stream:
        return smtp.send(
            account.smtp_endpoint,
            username,
            password,
            envelope_from=outgoing.envelope_from,
            recipients=recipients,
            raw=cast(BinaryIO, stream),
            before_data=lambda: _begin_data(outgoing),
        )


def _begin_data(outgoing: OutgoingMessage) -> None:
    """Commit that from here on the outcome is open; only the worker whose attempt it still is may go on."""
    ours = OutgoingMessage.objects.filter(pk=outgoing.pk, state=State.SENDING, attempts=outgoing.attempts)
    if not ours.update(data_begun=True, lease_until=timezone.now() + LEASE):
        raise LostClaim
    outgoing.data_begun = True

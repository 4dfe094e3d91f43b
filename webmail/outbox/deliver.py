"""Queued messages handed to their outgoing servers, each at most once unless the person decides otherwise.

queued → sending (claimed by one conditional UPDATE, fenced by the attempt's number) → sent | rejected | unclear, or queued
again with a later time. ``data_begun`` is committed before DATA: a row found sending after its lease ended goes back to the
queue only if that is still False; otherwise nobody but the person may repeat it (fault F38).
"""

import logging
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from typing import BinaryIO, cast

from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.db.models import F
from django.utils import timezone

from accounts.models import Security
from accounts.sealed import CredentialsUnreadable
from webmail.errors import AskUser, GiveUp, OutcomeUnknown, Reason, RetryLater
from webmail.models import Notice, OutgoingMessage
from webmail.models.mirror import announce

from . import smtp
from .after import sent
from .drafts import ask_worker

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=15)
AT_ONCE = 8
BACK_OFF = [timedelta(minutes=minutes) for minutes in (1, 3, 10, 30, 60)]
PATIENCE = timedelta(days=2)
BLOCKED = timedelta(hours=1)
RECORD_TRIES, RECORD_PAUSE = 8, 0.5
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
State, SentCopy = OutgoingMessage.State, OutgoingMessage.SentCopy


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
    due = due.exclude(raw="").exclude(account_id__in=busy).order_by("send_after", "id")
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
    waiting = OutgoingMessage.objects.filter(pk=pk, state=State.QUEUED, send_after__lte=now).exclude(raw="")
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
        if standing.filter(data_begun=False).update(state=State.QUEUED, send_after=now, lease_until=None):
            announce(outgoing.user_id)
        elif standing.filter(data_begun=True).update(
            state=State.UNCLEAR, lease_until=None, sentence="The program stopped while this was being sent."
        ):
            _tell_unclear(outgoing)


def deliver(outgoing: OutgoingMessage) -> None:
    """One attempt of a claimed row; every outcome ends in its state, none in an exception but those of the database."""
    waiting_for = [each["address"] for each in outgoing.recipients if not 200 <= int(each["code"] or 0) < 300]
    waiting_for = [address for address in waiting_for if address not in _final(outgoing)]
    try:
        results = _hand_in(outgoing, waiting_for)
    except LostClaim:
        logger.warning("message %s was taken over by another worker", outgoing.pk)
    except OutcomeUnknown as problem:
        _unclear(outgoing, problem)
    except RetryLater as problem:
        _later(outgoing, problem.sentence, problem.detail, problem.retry_after)
    except (AskUser, GiveUp) as problem:
        if isinstance(problem, AskUser) and problem.reason in OF_THE_ACCOUNT:
            _blocked(outgoing, problem)
        else:
            _rejected(outgoing, problem.sentence, problem.detail)
    else:
        _answered(outgoing, results)


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


def _answered(outgoing: OutgoingMessage, results: list[smtp.RecipientResult]) -> None:
    """The server has taken the message, or refused every recipient. Its answer is recorded before anything else."""
    answers = {each.address: {"address": each.address, "code": each.code, "text": each.text} for each in results}
    recipients = [answers.get(each["address"], each) for each in outgoing.recipients]
    codes = [int(each["code"] or 0) for each in recipients]
    taken = any(each.accepted for each in results)
    first = taken and outgoing.sent_at is None
    values: dict[str, object] = {"recipients": recipients, "lease_until": None}
    if first:
        values["sent_at"] = timezone.now()
        values["sent_copy"] = SentCopy.NONE if outgoing.account.saves_sent else SentCopy.DUE
    outgoing.recipients = recipients
    if any(400 <= code < 500 for code in codes):
        if first:
            outgoing.sent_at = timezone.now()
        _put_off(outgoing, values, _refusals(recipients, "was put off", 400), None)
    elif taken or outgoing.sent_at is not None:
        values |= {"state": State.SENT, "sentence": _refusals(recipients, "was refused", 400)}
        _record(outgoing, values)
    else:
        outgoing.recipients = recipients
        _rejected(outgoing, _refusals(recipients, "was refused", 400), "")
        return
    if first:
        sent(outgoing)
    if values.get("state") == State.SENT and values["sentence"]:
        _tell(outgoing, f"“{outgoing}” was sent, but not to everybody: {values['sentence']}")


def _refusals(recipients: list[dict[str, object]], verb: str, lowest: int) -> str:
    said = [f"{each['address']} {verb} ({each['text']})" for each in recipients if int(str(each["code"])) >= lowest]
    shown = "; ".join(said[:5]) + (f"; and {len(said) - 5} more" if len(said) > 5 else "")
    return f"{shown}."[:1000] if said else ""


def _record(outgoing: OutgoingMessage, values: dict[str, object]) -> None:
    """Write what happened. The database may be away for a moment; what happened must not be forgotten for that."""
    rows = OutgoingMessage.objects.filter(pk=outgoing.pk, attempts=outgoing.attempts)
    rows = rows.filter(state__in=[State.SENDING, State.UNCLEAR])
    for remaining in reversed(range(RECORD_TRIES)):
        try:
            rows.update(**values)
            break
        except DatabaseError:
            if not remaining:
                raise
            logger.exception("message %s: the outcome could not be recorded yet", outgoing.pk)
            close_old_connections()
            time.sleep(RECORD_PAUSE)
    outgoing.refresh_from_db()
    announce(outgoing.user_id)


def _later(outgoing: OutgoingMessage, sentence: str, detail: str, retry_after: float | None) -> None:
    logger.warning("message %s is put off: %s %s", outgoing.pk, sentence, detail)
    _put_off(outgoing, {"lease_until": None}, sentence, retry_after)


def _put_off(outgoing: OutgoingMessage, values: dict[str, object], sentence: str, retry_after: float | None) -> None:
    now = timezone.now()
    if now - outgoing.updated_at > PATIENCE:
        if outgoing.sent_at is None:
            _rejected(outgoing, f"It was tried for two days. {sentence}", "")
            return
        recipients = [each | {"code": 550} if 400 <= int(each["code"]) < 500 else each for each in outgoing.recipients]
        values |= {"recipients": recipients, "state": State.SENT, "sentence": sentence}
        _record(outgoing, values)
        return
    pause = BACK_OFF[min(outgoing.attempts, len(BACK_OFF)) - 1]
    if retry_after is not None:
        pause = max(timedelta(seconds=1), min(timedelta(seconds=retry_after), BLOCKED))
    again = timezone.localtime(now + pause).strftime("%H:%M")
    _record(
        outgoing,
        values
        | {
            "state": State.QUEUED,
            "data_begun": False,
            "send_after": now + pause,
            "sentence": f"{sentence.rstrip('.')}. It is tried again at {again}."[:1000],
        },
    )


def _blocked(outgoing: OutgoingMessage, problem: AskUser) -> None:
    logger.warning("message %s waits for the person: %s %s", outgoing.pk, problem.sentence, problem.detail)
    first = outgoing.attempts == 1
    _record(
        outgoing,
        {
            "state": State.QUEUED,
            "data_begun": False,
            "lease_until": None,
            "send_after": timezone.now() + BLOCKED,
            "sentence": f"{problem.sentence} It waits until the account’s settings are corrected."[:1000],
        },
    )
    if first:
        _tell(outgoing, f"“{outgoing}” could not be sent yet: {problem.sentence}")


def _rejected(outgoing: OutgoingMessage, sentence: str, detail: str) -> None:
    logger.warning("message %s was rejected: %s %s", outgoing.pk, sentence, detail)
    values: dict[str, object] = {
        "state": State.SENT if outgoing.sent_at else State.REJECTED,
        "token": uuid.uuid4(),
        "recipients": outgoing.recipients,
        "data_begun": False,
        "lease_until": None,
        "sentence": sentence[:1000],
    }
    _record(outgoing, values)
    _tell(outgoing, f"“{outgoing}” was not sent: {sentence}")


def _unclear(outgoing: OutgoingMessage, problem: OutcomeUnknown) -> None:
    logger.warning("message %s: outcome unknown: %s", outgoing.pk, problem.detail)
    _record(outgoing, {"state": State.UNCLEAR, "lease_until": None, "sentence": problem.sentence})
    _tell_unclear(outgoing)


def _tell_unclear(outgoing: OutgoingMessage) -> None:
    # The account's pass looks for it in Sent, where some providers file what they have taken.
    ask_worker(outgoing.account_id)
    _tell(outgoing, f"“{outgoing}” may or may not have been sent. Look at it in the outbox.")


def _tell(outgoing: OutgoingMessage, text: str) -> None:
    Notice.objects.create(user_id=outgoing.user_id, text=text[:1000])
    announce(outgoing.user_id)

"""Queued messages handed to their outgoing servers, each at most once unless the person decides otherwise.

queued → sending (claimed by one conditional UPDATE, fenced by the attempt's number) → sent | rejected | unclear, or queued
again with a later time. ``data_begun`` is committed before DATA: a row found sending after its lease ended goes back to the
queue only if that is still False; otherwise nobody but the person may repeat it (fault F38). Messages of one account that
are due go one after the other over one connection; each is claimed, sent and recorded before the next is looked for.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from typing import BinaryIO, cast

from django.db import close_old_connections
from django.db.models import DateTimeField, F, QuerySet
from django.utils import timezone

from webmail.errors import AskUser, GiveUp, OutcomeUnknown, Reason, RetryLater
from webmail.models import OutgoingMessage
from webmail.models.mirror import announce
from webmail.models.prepared import Prepared, PreparedUpdate, Slot

from . import after, smtp
from .line import Line
from .outcome import answered, blocked, later, rejected, tell_unclear, unclear
from .overdue import LATE
from .place import place_of
from .smtp_message import Envelope
from .wake import ask_worker

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=15)
SLOWEST = 8 * 1024  # octets per second while a message is handed over; the lease has to outlast that
AT_ONCE = 8
# Then the accounts that wait have their turn.
LINE_SECONDS = 60.0
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
# What follows on sending is written down together for so many messages, or after so many seconds.
FOLLOWED_UP, FOLLOWED_UP_SECONDS = 50, 2.0
State, Held = OutgoingMessage.State, OutgoingMessage.Held

# Every message asks these.
NEXT = Prepared(
    lambda: (
        OutgoingMessage.objects.filter(
            state=State.QUEUED,
            held=Held.NO,
            send_after__lte=Slot("now"),
            account_id=Slot("account"),
            user__is_active=True,
        )
        .exclude(raw="")
        .order_by("send_after", "id")
        .values_list("pk")[:1]
    )
)
CLAIM = PreparedUpdate(
    lambda: OutgoingMessage.objects.filter(
        pk=Slot("pk"), state=State.QUEUED, held=Held.NO, send_after__lte=Slot("now")
    ).exclude(raw=""),
    state=State.SENDING,
    lease_until=Slot("lease", DateTimeField()),
    attempts=F("attempts") + 1,
    data_begun=False,
)
CLAIMED = Prepared(lambda: OutgoingMessage.objects.filter(pk=Slot("pk")).select_related("account__user", "identity"))
BEGIN = PreparedUpdate(
    # Attempts are counted anew where a message was taken back; it is another one then.
    lambda: OutgoingMessage.objects.filter(
        pk=Slot("pk"), state=State.SENDING, attempts=Slot("attempts"), message_id=Slot("message_id")
    ),
    data_begun=True,
    lease_until=Slot("lease", DateTimeField()),
)


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

    def start(self, outgoing: OutgoingMessage, should_stop: Callable[[], bool]) -> None:
        with self.lock:
            if self.pool is None:
                self.pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="delivery")
            self.under_way[outgoing.account_id] = self.pool.submit(_in_thread, outgoing, should_stop)

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
    due = _due().exclude(account_id__in=busy).values_list("pk", "account_id")
    for pk, account_id in list(due[: AT_ONCE * 4]):
        if should_stop() or len(busy) >= AT_ONCE:
            break
        if account_id in busy:
            continue
        outgoing = claim(pk)
        if outgoing is not None:
            logger.info("%s delivers message %s", owner, pk)
            busy.add(account_id)
            _crew.start(outgoing, should_stop)
            started += 1
    return started


def _due() -> QuerySet[OutgoingMessage]:
    """Without its bytes a message still waits for the account's pass, which fetches the files it forwards."""
    due = OutgoingMessage.objects.filter(state=State.QUEUED, send_after__lte=timezone.now(), user__is_active=True)
    return due.filter(held=Held.NO).exclude(raw="").order_by("send_after", "id")


def drain(seconds: float) -> bool:
    """Wait for the deliveries under way; False if some are not finished."""
    return _crew.join(seconds)


def _in_thread(outgoing: OutgoingMessage, should_stop: Callable[[], bool]) -> None:
    close_old_connections()
    try:
        deliver_in_turn(outgoing, should_stop)
    except Exception:
        logger.exception("message %s: the delivery ended badly", outgoing.pk)
    finally:
        close_old_connections()


def deliver_in_turn(first: OutgoingMessage, should_stop: Callable[[], bool]) -> None:
    """A claimed row and what else is due of its account, over one connection."""
    since = time.monotonic()
    until = since + LINE_SECONDS
    taken: list[OutgoingMessage] = []
    with Line() as line:
        following: OutgoingMessage | None = first
        while following is not None:
            if _attempt(following, line):
                since = since if taken else time.monotonic()
                taken.append(following)
            following = None
            if not should_stop() and time.monotonic() < until:
                due = NEXT.first(account=first.account_id, now=timezone.now())
                # Whoever looks has just been told of the one before.
                following = _claimed(due[0]) if due is not None else None
            late = len(taken) >= FOLLOWED_UP or time.monotonic() > since + FOLLOWED_UP_SECONDS
            if late or following is None:
                after.sent(taken)
                taken = []


def claim(pk: int) -> OutgoingMessage | None:
    """Make a queued row ours and tell so, or return None if somebody else was faster or it was taken back."""
    outgoing = _claimed(pk)
    if outgoing is not None:
        announce(outgoing.user_id)
    return outgoing


def _claimed(pk: int) -> OutgoingMessage | None:
    now = timezone.now()
    return CLAIMED.first(pk=pk) if CLAIM(pk=pk, now=now, lease=now + LEASE) else None


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
    with Line() as line:
        if _attempt(outgoing, line):
            after.sent([outgoing])


def _attempt(outgoing: OutgoingMessage, line: Line) -> bool:
    """True if the message is out for the first time."""
    taken = False
    try:
        results = _hand_in(outgoing, line)
    except LostClaim:
        logger.warning("message %s was taken over by another worker", outgoing.pk)
        line.drop()
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
        taken = answered(outgoing, results)
    line.note()
    return taken


def _unanswered(outgoing: OutgoingMessage) -> tuple[str, ...]:
    """Who has neither got it nor been refused for good."""
    codes = [(each["address"], int(each["code"] or 0)) for each in outgoing.recipients]
    return tuple(address for address, code in codes if not 200 <= code < 300 and code < 500)


def _hand_in(outgoing: OutgoingMessage, line: Line) -> list[smtp.RecipientResult]:
    place = place_of(outgoing.account, outgoing.identity)
    storage, name = outgoing.raw.storage, str(outgoing.raw.name)
    try:
        stream, size = cast(BinaryIO, storage.open(name, "rb")), storage.size(name)
    except OSError as error:
        sentence = "The message that was to be sent is no longer here. Look at it and send it again."
        raise GiveUp(Reason.GONE, sentence, detail=name) from error
    report_id = outgoing.message_id if outgoing.ask_delivered else ""
    envelope = Envelope(outgoing.envelope_from, _unanswered(outgoing), report_id)
    lease = LEASE + timedelta(seconds=size / SLOWEST)
    with stream:
        return line.hand_in(place, envelope, stream, before_data=lambda: _begin_data(outgoing, lease))


def _begin_data(outgoing: OutgoingMessage, lease: timedelta) -> None:
    """Commit that from here on the outcome is open; only the worker whose attempt it still is may go on."""
    mine = {"pk": outgoing.pk, "attempts": outgoing.attempts, "message_id": outgoing.message_id}
    if not BEGIN(**mine, lease=timezone.now() + lease):
        raise LostClaim
    outgoing.data_begun = True

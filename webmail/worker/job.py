"""One account's turn: passes until there is nothing more to do, then the connection is handed back to be parked."""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import DatabaseError, transaction
from django.utils import timezone

from accounts.models import MailAccount
from accounts.sealed import CredentialsUnreadable
from webmail.errors import AskUser, MailError, Reason, RetryLater
from webmail.imap.connection import MailConnection
from webmail.imap.types import Hint
from webmail.models import Download, Folder, PendingAction, SyncState
from webmail.models.mirror import announce, hold
from webmail.pop3.importer import run_import
from webmail.sync.account import LocalPass, Pass
from webmail.sync.compare import doubted
from webmail.sync.foreground import open_connection

from . import crowd, due

logger = logging.getLogger(__name__)

POLL_WATCHED = timedelta(seconds=10)
POLL_IDLE = timedelta(minutes=4)
POLL_NOTIFIED = timedelta(minutes=8)  # also re-issues IDLE well before the 29 minutes of RFC 2177
POLL_CROWDED = timedelta(minutes=1)
RETRY_FIRST, RETRY_LONGEST = 4.0, 600.0
RETRY_WATCHED = 30.0
ASK_AGAIN = timedelta(hours=1)
Status = SyncState.Status


class Parked:
    """A connection that waits in IDLE, what it was opened with, and what it has heard since.

    ``whole_at`` is when all folders are asked after again, whatever it hears.
    """

    def __init__(
        self, connection: MailConnection, credentials: tuple[object, ...], notified: bool, ahead: set[int]
    ) -> None:
        self.connection = connection
        self.credentials = credentials
        self.notified = notified
        self.ahead = ahead
        self.host = connection.host
        self.whole_at = timezone.now()
        self.hints: set[Hint] = set()

    def listen(self) -> bool:
        """Take what has come without waiting; return whether there is anything. Raise RetryLater when it was lost."""
        self.hints.update(self.connection.read_idle())
        return bool(self.hints) or self.deaf

    @property
    def deaf(self) -> bool:
        """The server was to tell of all folders and has given it up."""
        return self.notified and self.connection.notify_ended

    def listen_again(self) -> None:
        """Ask anew to be told of all folders, where that has ended."""
        if self.deaf:
            self.notified, self.whole_at = self.connection.start_notify(), timezone.now()


def run_account(account_id: int, parked: Parked | None, should_stop: Callable[[], bool]) -> Parked | None:
    """Bring the account up to date; return a connection in IDLE, or None when there is none to keep."""
    started = time.monotonic()
    account = MailAccount.objects.select_related("user").filter(pk=account_id).first()
    try:
        due_at = due.begin(account_id) if account is not None else None
    except DatabaseError:
        # Nothing has begun, so the account is as due as it was.
        logger.exception("account %s: its turn could not begin", account_id)
        due_at = None
    if account is None or due_at is None:
        if parked is not None:
            parked.connection.close()
        return None
    if account.is_local:
        run_local(account, due_at, should_stop)
        return None
    # Woken by its connection before the time that somebody has asked for: that still comes.
    usual = parked is not None and due_at == parked.whole_at
    asked_for = SyncState.UNDER_WAY if usual or due_at <= timezone.now() else due_at
    connection = None
    try:
        credentials = _credentials(account)
        current = _resume(parked, credentials) or _open(account, credentials, parked)
        connection = current.connection
        current.listen_again()
        _note(account, Status.SYNCING, keep_when_ok=True)
        whole = _passes(current, account, should_stop)
        current.notified = current.notified and not current.deaf
        if whole:
            current.whole_at = timezone.now() + _pause(account, current.notified)
        if should_stop():
            due.give_back(account_id, due_at)
            connection.close()
            return None
        # A connection that cannot be told anything is not worth keeping, and where there is no room others wait for it: the
        # clock asks the next time. What one alone has said is gone another one has to say, too.
        kept = connection.has("IDLE") and not crowd.at(account.imap_host) and not doubted(account)
        if kept:
            connection.begin_idle()
        _settled(account, min(current.whole_at, asked_for), connection.capabilities, time.monotonic() - started)
        if kept:
            return current
        connection.close()
        return None
    except CredentialsUnreadable as problem:
        unreadable = AskUser(Reason.PASSWORD, "The stored password cannot be opened. Enter it again.")
        _failed(account, unreadable, str(problem))
    except MailError as problem:
        _failed(account, problem, problem.detail)
    except Exception as problem:
        logger.exception("account %s: the pass failed", account_id)
        sentence = "Something went wrong while looking at this account. It is tried again."
        _failed(account, RetryLater(Reason.BUSY, sentence), repr(problem))
    if connection is not None:
        connection.close()
    return None


def _passes(current: Parked, account: MailAccount, should_stop: Callable[[], bool]) -> bool:
    """Until there is nothing more to do; return whether all folders were asked after."""
    hints, current.hints = current.hints, set()
    whole = timezone.now() >= current.whole_at or not (hints or _acted(account))
    while True:
        turn = Pass(current.connection, account, should_stop, current.ahead)
        more = turn.run(hints) if whole else turn.follow(hints)
        if not more or should_stop():
            return whole
        hints, whole = set(), True
        _note_lease_alive(account.pk)


def _acted(account: MailAccount) -> bool:
    return PendingAction.objects.filter(account=account, state=PendingAction.State.PENDING).exists()


def run_local(account: MailAccount, due_at: datetime, should_stop: Callable[[], bool]) -> None:
    """An account that lives here: what the person did is settled first, and the maildrop is asked when its time has come."""
    started = time.monotonic()
    asked = False
    try:
        while LocalPass(account, should_stop).run() and not should_stop():
            pass
        download = Download.objects.filter(account=account, account__paused=False).first()
        while download is not None and download.next_at <= timezone.now() and not should_stop():
            asked = True
            run_import(download, should_stop)
            while LocalPass(account, should_stop).run() and not should_stop():
                pass
            download.refresh_from_db()
        if should_stop():
            due.give_back(account.pk, due_at)
        else:
            next_at = download.next_at if download is not None else timezone.now() + POLL_IDLE
            _settled_here(account, next_at, time.monotonic() - started, asked=asked)
    except CredentialsUnreadable as problem:
        unreadable = AskUser(Reason.PASSWORD, "The stored password cannot be opened. Enter it again.")
        _failed(account, unreadable, str(problem))
    except MailError as problem:
        _failed(account, problem, problem.detail)
    except Exception as problem:
        logger.exception("account %s: its turn failed", account.pk)
        sentence = "Something went wrong while looking at this account. It is tried again."
        _failed(account, RetryLater(Reason.BUSY, sentence), repr(problem))


def _settled_here(account: MailAccount, next_at: datetime, seconds: float, *, asked: bool) -> None:
    """What the maildrop's server said last stays said until it is asked again."""
    troubled = SyncState.objects.filter(pk=account.pk, status__in=[Status.WAITING, Status.BLOCKED])
    if asked or not troubled.exists():
        _settled(account, next_at, frozenset(), seconds)
    else:
        due.end(account.pk, next_at)


def _credentials(account: MailAccount) -> tuple[object, ...]:
    return account.imap_endpoint, account.username, account.password.token


def _resume(parked: Parked | None, credentials: tuple[object, ...]) -> Parked | None:
    if parked is None:
        return None
    try:
        if parked.credentials == credentials and not parked.connection.broken:
            parked.hints.update(parked.connection.end_idle())
            return parked
    except RetryLater:
        # A parked connection that died in its sleep says nothing about the server: open a new one.
        logger.info("a parked connection was lost")
    parked.connection.close()
    return None


def _open(account: MailAccount, credentials: tuple[object, ...], parked: Parked | None) -> Parked:
    connection = open_connection(account)
    try:
        if not Folder.objects.filter(account=account, backfill_uid=1).exists():
            connection.compress()
        notified = connection.has("IDLE") and connection.start_notify()
    except BaseException:
        connection.close()
        raise
    return Parked(connection, credentials, notified, parked.ahead if parked is not None else set())


def _note(account: MailAccount, status: str, *, keep_when_ok: bool = False) -> None:
    states = SyncState.objects.filter(pk=account.pk)
    if keep_when_ok:
        states = states.exclude(status=Status.OK)
    if states.exclude(status=status).update(status=status):
        announce(account.user_id)


def _note_lease_alive(account_id: int) -> None:
    SyncState.objects.filter(pk=account_id).update(last_pass_at=timezone.now())


def _pause(account: MailAccount, notified: bool) -> timedelta:
    watched = SyncState.objects.filter(pk=account.pk, watched_until__gt=timezone.now()).exists()
    if crowd.at(account.imap_host):
        return POLL_CROWDED if watched else POLL_IDLE
    return POLL_NOTIFIED if notified else POLL_WATCHED if watched else POLL_IDLE


def _settled(account: MailAccount, next_at: datetime, capabilities: frozenset[str], seconds: float) -> None:
    state = SyncState.objects.get(pk=account.pk)
    values = {
        "status": Status.OK,
        "reason": "",
        "sentence": "",
        "detail": "",
        "failures": 0,
        "last_pass_at": timezone.now(),
        "last_pass_seconds": seconds,
        "capabilities": sorted(capabilities),
    }
    with transaction.atomic():
        hold(account.user_id)
        SyncState.objects.filter(pk=account.pk).update(**values)
        due.end(account.pk, next_at)
        if (state.status, state.sentence) != (Status.OK, ""):
            announce(account.user_id)


def _back_off(problem: MailError, failures: int, longest: float) -> float:
    """In seconds. What a server asks for counts, up to an hour: some have asked for years."""
    asked = getattr(problem, "retry_after", None)
    return min(float(asked or min(longest, RETRY_FIRST * 2 ** min(failures - 1, 10))), ASK_AGAIN.total_seconds())


def _failed(account: MailAccount, problem: MailError, detail: str) -> None:
    """Back off; a wrong password is not tried again until the person changed something or an hour went by."""
    now = timezone.now()
    state = SyncState.objects.get(pk=account.pk)
    failures = state.failures + 1
    if isinstance(problem, AskUser):
        status, pause = Status.BLOCKED, ASK_AGAIN
    elif problem.reason == Reason.LIMIT and not account.is_local:
        # A limit on connections is nobody's fault and passes: no error is shown, and the account makes do with fewer.
        crowd.note(account.imap_host)
        status, pause = Status.SYNCING, timedelta(seconds=_back_off(problem, failures, RETRY_LONGEST))
    else:
        status = Status.WAITING
        watched = state.watched_until is not None and state.watched_until > now
        longest = RETRY_WATCHED if watched and problem.reason != Reason.LIMIT else RETRY_LONGEST
        pause = timedelta(seconds=_back_off(problem, failures, longest))
    # The first lost connection is mended at once and worth no word.
    if problem.reason == Reason.LOST and failures == 1:
        pause = timedelta(seconds=0.5)
        status = Status.WAITING if state.status == Status.NEW else Status(state.status)
    logger.warning("account %s: %s (%s) %s", account.pk, problem.sentence, problem.reason, detail)
    # The importer has said when the maildrop is asked next.
    next_at = Download.objects.filter(pk=account.pk, account__kind="pop3").values_list("next_at", flat=True).first()
    values = {
        "status": status,
        "reason": problem.reason,
        "sentence": problem.sentence[:500] if status != Status.SYNCING else "",
        "detail": detail[:1000],
        "failures": failures,
    }
    with transaction.atomic():
        hold(account.user_id)
        due.put_off(account.pk, max(next_at or now, now + pause))
        SyncState.objects.filter(pk=account.pk).update(**values)
        announce(account.user_id)

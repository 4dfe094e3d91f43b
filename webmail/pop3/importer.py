"""A maildrop's messages, fetched into the account's local folder, each exactly once."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import DownloadRules, MailAccount
from webmail.errors import AskUser, MailError, Reason, RetryLater
from webmail.models import Download, Notice
from webmail.models.mirror import announce
from webmail.pop3.client import PopConnection
from webmail.pop3.progress import Progress, Stopped
from webmail.pop3.visit import Outcome, Visit

logger = logging.getLogger(__name__)

FAILURES_BEFORE_PAUSE = 5
# A server that is busy, locked or wants less of us is waited for; that says nothing about the account.
WAITING = frozenset({Reason.LIMIT, Reason.BUSY})
BUSY_MINUTES = 2
MEND_SECONDS = 5.0


def run_import(download: Download, should_stop: Callable[[], bool]) -> None:
    """One session. ``next_at`` says when the next one is due: at once where this one has left something.

    Raises AskUser or RetryLater for the account's status; after five failures in a row the account is paused and the
    person is told. Returns early, with nothing in doubt, when ``should_stop`` says so.
    """
    download = Download.objects.select_related("account", "folder").get(pk=download.pk)
    progress = Progress(download, should_stop)
    if should_stop():
        return
    rules = DownloadRules.current()
    every = timedelta(minutes=max(download.every_minutes, rules.least_minutes))
    if progress.must_stop():
        _next(download, every)
        return
    before = download.imported
    try:
        outcome = _session(download, progress, rules)
    except Stopped:
        return
    except MailError as problem:
        _failed(download, problem, every, progressed=progress.gave_up or _imported(download) > before)
        raise
    _succeeded(download, progress, outcome, every)


def _session(download: Download, progress: Progress, rules: DownloadRules) -> Outcome:
    account = download.account
    if not rules.may_be(download.security):
        sentence = f"{download.host} is set up without encryption, which is not allowed here; nothing was sent to it."
        raise AskUser(Reason.NO_TLS, sentence)
    connection = PopConnection.open(download.endpoint, account.username, account.password.reveal())
    try:
        # Only who knows the password can keep others out of the maildrop.
        progress.hold()
        try:
            return Visit(download, connection, progress, rules.largest_octets).run()
        finally:
            progress.release()
    finally:
        connection.close()
        progress.show()


def _succeeded(download: Download, progress: Progress, outcome: Outcome, every: timedelta) -> None:
    pause = timedelta(seconds=outcome.login_delay)
    if not outcome.more:
        pause = max(pause, every)
    values: dict[str, object] = {"failures": 0, "remark": outcome.remark}
    if not outcome.more:
        values["finished_at"] = timezone.now()
    _next(download, pause, **values)
    announce(progress.user_id)


def _failed(download: Download, problem: MailError, pause: timedelta, *, progressed: bool) -> None:
    delay = getattr(problem, "retry_after", None)
    if problem.reason in WAITING and isinstance(problem, RetryLater):
        _next(download, timedelta(seconds=delay) if delay else min(pause, timedelta(minutes=BUSY_MINUTES)))
        return
    if progressed and not isinstance(problem, AskUser):
        # The line is bad, but the mail comes in: go on where it broke.
        _next(download, timedelta(seconds=MEND_SECONDS), failures=0)
        return
    failures = download.failures + 1
    if failures < FAILURES_BEFORE_PAUSE:
        _next(download, pause, failures=failures)
        return
    with transaction.atomic():
        # The count stays, as the reason for the pause, until the person has it resumed.
        _next(download, pause, failures=failures, finished_at=timezone.now())
        MailAccount.objects.filter(pk=download.account_id).update(paused=True)
        Notice.objects.create(
            user_id=download.account.user_id,
            text=(
                f"Fetching mail for {download.account} was paused after five failures: {problem.sentence}"
                " Resume it in the settings."
            )[:1000],
        )
        announce(download.account.user_id)
    logger.warning("account %s: paused after five failures", download.account_id)


def _next(download: Download, pause: timedelta, **values: object) -> None:
    """Schedule the next visit, unless somebody asked for one while this one went on."""
    moment: datetime = timezone.now() + pause
    if values:
        Download.objects.filter(pk=download.pk).update(**values)
    Download.objects.filter(pk=download.pk, next_at=download.next_at).update(next_at=moment)


def _imported(download: Download) -> int:
    return Download.objects.values_list("imported", flat=True).get(pk=download.pk)

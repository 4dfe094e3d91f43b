"""A run seen from outside: the maildrop it holds, whether it may go on, and how far it has come."""

import secrets
import time
from collections.abc import Callable
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import MailAccount
from webmail.errors import Reason, RetryLater
from webmail.models import Download, Maildrop
from webmail.models.mirror import announce

LEASE = timedelta(seconds=180)
PULSE_SECONDS = 1.0
WAIT_FOR_ANOTHER_SECONDS = 60.0


class Stopped(Exception):
    """The worker stops, or the person paused the account: what is half done is left as it is."""


def maildrop_key(download: Download) -> str:
    """The same server and user name are the same maildrop, whoever of our people has an account there."""
    return f"{download.host.lower()}:{download.port} {download.account.username}"


def _another() -> RetryLater:
    sentence = "Another account is fetching from this mailbox at the moment; it will be tried again."
    return RetryLater(Reason.BUSY, sentence, retry_after=WAIT_FOR_ANOTHER_SECONDS)


class Progress:
    """Holds the maildrop from ``hold`` to ``release``; ``pulse`` keeps it and shows the counts, once a second."""

    def __init__(self, download: Download, should_stop: Callable[[], bool]) -> None:
        self.download = download
        self.user_id = download.account.user_id
        self.done = download.messages_done
        self.total = download.messages_total
        self.octets_done = download.octets_done
        self.octets_total = download.octets_total
        self.gave_up = False  # a message is left alone from now on, so the next visit gets further
        self._should_stop = should_stop
        self._token = ""
        self._pulse_at = 0.0
        self._shown: tuple[int, ...] = self._counts()

    def hold(self) -> None:
        """Raise RetryLater where another account's session is in the maildrop; one's own was cut short and is replaced."""
        key, token, now = maildrop_key(self.download), secrets.token_hex(16), timezone.now()
        account_id = self.download.account_id
        free = Q(until__lt=now) | Q(account_id=account_id)
        values = {"account_id": account_id, "token": token, "until": now + LEASE}
        if not Maildrop.objects.filter(free, key=key).update(**values):
            try:
                with transaction.atomic():
                    Maildrop.objects.create(key=key, **values)
            except IntegrityError as error:
                raise _another() from error
        self._token = token
        self._pulse_at = time.monotonic() + PULSE_SECONDS

    def release(self) -> None:
        Maildrop.objects.filter(token=self._token).delete()

    def fence(self) -> None:
        """In the transaction that files messages: raise RetryLater if the maildrop was lost to another session."""
        if not Maildrop.objects.filter(token=self._token).update(until=timezone.now() + LEASE):
            raise _another()

    def begin(self, messages: int, octets: int) -> None:
        """So much is still to come. A run that was cut short goes on counting; a new one begins at nothing."""
        download = self.download
        under_way = download.started_at is not None and (
            download.finished_at is None or download.finished_at < download.started_at
        )
        if not under_way:
            self.done = self.octets_done = 0
            download.started_at = timezone.now()
        self.total, self.octets_total = self.done + messages, self.octets_done + octets
        self.show(started_at=download.started_at)

    def pulse(self) -> None:
        """Often called. Raise Stopped when it is time to leave, RetryLater when the maildrop was lost."""
        if time.monotonic() < self._pulse_at:
            return
        if self.must_stop():
            raise Stopped
        self.fence()
        if self._counts() != self._shown:
            self.show()
        self._pulse_at = time.monotonic() + PULSE_SECONDS

    def stopping(self) -> bool:
        return self._should_stop()

    def must_stop(self) -> bool:
        return (
            self.stopping()
            or not MailAccount.objects.filter(
                pk=self.download.account_id, paused=False, user__is_active=True, kind=MailAccount.Kind.POP3
            ).exists()
        )

    def show(self, **values: object) -> None:
        """Save the counts and tell open pages."""
        self._shown = self._counts()
        Download.objects.filter(pk=self.download.pk).update(
            messages_done=self.done,
            messages_total=max(self.done, self.total),
            octets_done=self.octets_done,
            octets_total=max(self.octets_done, self.octets_total),
            **values,
        )
        announce(self.user_id)

    def filed(self, count: int) -> None:
        if count:
            Download.objects.filter(pk=self.download.pk).update(imported=F("imported") + count)

    def _counts(self) -> tuple[int, ...]:
        return self.done, self.total, self.octets_done, self.octets_total

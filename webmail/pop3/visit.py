"""One session on a maildrop: look, fetch what is new, delete what is due, leave. Short, so that a drop loses little."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils import timezone

from webmail.errors import GiveUp, MailError, Reason, RetryLater
from webmail.models import Download, Folder, LedgerEntry, SpecialUse
from webmail.pop3 import troubles
from webmail.pop3.client import MESSAGE_LIMIT, PopConnection
from webmail.pop3.filing import Filed, Filer
from webmail.pop3.ledger import Comparer, Comparison
from webmail.pop3.progress import Progress, Stopped
from webmail.pop3.retention import Retention
from webmail.pop3.types import Listed, Retrieved
from webmail.sync.local import ensure_folders

logger = logging.getLogger(__name__)

SESSION_MESSAGES = 1000
SESSION_OCTETS = 64 * 1024 * 1024
SESSION_SECONDS = 60.0
# Of a large maildrop a session takes this share, because each session begins with the whole listing.
SESSION_SHARE = 4
# Servers that hide what was fetched (Gmail) list the rest only in the next session.
LOOK_AGAIN_AFTER = 100
IN_FLIGHT = 64
# Messages that a server puts off, one after the other, before the server is taken for unavailable.
PUT_OFF = 3
BROKEN = frozenset({Reason.LOST, Reason.TIMEOUT, Reason.PROTOCOL})
State = LedgerEntry.State


@dataclass(slots=True)
class Outcome:
    """``more``: another session has something to do at once. ``login_delay``: seconds the server wants in between."""

    more: bool
    remark: str
    login_delay: int = 0


class Visit:
    """``run`` raises the errors of the connection, RetryLater without room, Stopped when it is time to leave."""

    def __init__(self, download: Download, connection: PopConnection, progress: Progress, limit: int) -> None:
        """``limit``: octets of the largest message that is taken in."""
        self._download = download
        self._account = download.account
        self._connection = connection
        self._progress = progress
        self._limit = min(limit, MESSAGE_LIMIT)
        self._begun = time.monotonic()
        self._refused: list[MailError] = []
        self._left: list[Listed] = []
        self._skipped: set[int] = set()
        self._asked: list[Listed] = []
        self._answered = 0
        self._put_off: list[RetryLater] = []  # one after the other
        self.filed = Filed()

    def run(self) -> Outcome:
        progress, connection = self._progress, self._connection
        listing = connection.listing()
        found = Comparer(connection, self._account, self._download.since, progress, self._limit).compare(listing)
        progress.begin(len(found.wanted), sum(each.size for each in found.wanted))
        if not self._fetch(found, listing):
            return Outcome(more=not found.content_only, remark=self._remark(found, 0))
        if progress.stopping():
            raise Stopped
        self._begun = time.monotonic()
        retention = Retention(self._download, connection, progress)
        retention.mark(found.known, self.filed.entries, self._long_enough)
        connection.quit()
        retention.confirmed()
        came_back = found.came_back + self.filed.came_back
        return Outcome(
            more=self._more() or (retention.more and not came_back),
            remark=self._remark(found, came_back),
            login_delay=connection.login_delay or 0,
        )

    def _fetch(self, found: Comparison, listing: list[Listed]) -> bool:
        """False when the connection had to be given up for a message without an end."""
        self._begun = time.monotonic()
        filer = Filer(self._download, self._folder(), self._progress, found.listed_ids)
        self.filed = filer.filed
        wanted = {each.number: each for each in found.wanted}
        numbers = self._numbers(found, listing)
        arriving = self._connection.retrieve_many(numbers, filer.sink, IN_FLIGHT, limit=self._limit)
        try:
            for number, outcome in arriving:
                if isinstance(outcome, Retrieved):
                    filer.arrived(wanted[number], outcome)
                    troubles.forget(self._account.pk, wanted[number])
                    self._put_off = []
                else:
                    self._not_given(wanted[number], outcome)
                self._answered += 1
                self._progress.done += 1
            filer.flush()
            if self._put_off and not filer.filed.entries and not self._progress.gave_up:
                raise self._put_off[-1]
        except GiveUp as error:
            if error.reason != Reason.TOO_LARGE or filer.incoming_number is None:
                raise
            self._keep_what_came(filer)
            self._skip(found, wanted[filer.incoming_number], self._limit + 1)
            return False
        except BaseException as error:
            self._keep_what_came(filer)
            if isinstance(error, RetryLater) and error.reason in BROKEN and self._answered < len(self._asked):
                self._trouble_with(self._asked[self._answered])
            raise
        finally:
            arriving.close()
            filer.close()
        return True

    def _not_given(self, each: Listed, problem: MailError) -> None:
        """One message that cannot be had keeps no other away; a server that hands out none at all is unavailable."""
        put_off = isinstance(problem, RetryLater) and problem.reason == Reason.BUSY
        if not put_off and not isinstance(problem, GiveUp):
            raise problem
        self._refused.append(problem)
        if isinstance(problem, RetryLater):
            self._trouble_with(each)
            self._put_off.append(problem)
            if len(self._put_off) >= PUT_OFF:
                raise problem

    def _trouble_with(self, each: Listed) -> None:
        if troubles.note(self._account.pk, each):
            self._progress.gave_up = True

    def _keep_what_came(self, filer: Filer) -> None:
        """The messages before the one that failed are whole."""
        try:
            filer.flush()
        except Exception:
            logger.exception("account %s: what had been fetched could not be filed", self._account.pk)

    def _numbers(self, found: Comparison, listing: list[Listed]) -> Iterator[int]:
        # Where the next session has to wait, this one may be longer.
        patience = 10 if self._connection.login_delay else 1
        messages = patience * max(SESSION_MESSAGES, len(listing) // SESSION_SHARE)
        octets = patience * max(SESSION_OCTETS, sum(each.size for each in listing) // SESSION_SHARE)
        wanted = sorted(found.wanted, key=lambda each: troubles.times(self._account.pk, each))
        for place, each in enumerate(wanted):
            if troubles.rests(self._account.pk, each):
                self._refused.append(
                    RetryLater(Reason.BUSY, "The server broke off each time. It is tried again later.")
                )
                continue
            if each.size > self._limit:
                self._skip(found, each, each.size)
                continue
            # What can only be told by its content has to be fetched in every session: a limit would never get past it.
            enough = messages <= 0 or octets <= 0 or self._long_enough(0, patience)
            if (enough and not found.content_only) or self._progress.stopping():
                self._left = wanted[place:]
                return
            messages -= 1
            octets -= each.size
            self._asked.append(each)
            yield each.number

    def _long_enough(self, deleted: int, patience: int = 1) -> bool:
        return time.monotonic() - self._begun > SESSION_SECONDS * patience or deleted >= 10 * SESSION_MESSAGES

    def _skip(self, found: Comparison, each: Listed, size: int) -> None:
        """Larger than what is taken in here: it stays on the server, and is noted once."""
        self._refused.append(GiveUp(Reason.TOO_LARGE, "A message is larger than what is taken in here."))
        noted = {
            "account": self._account,
            "uidl": each.uidl,
            "listed_size": each.size,
            "header_sha256": found.headers.get(each.number, ""),
            "state": State.SKIPPED,
        }
        entry = LedgerEntry.objects.filter(**noted, sha256="").exclude(pk__in=self._skipped).first()
        if entry is None:
            entry = LedgerEntry.objects.create(**noted, size=size, fetched_at=timezone.now())
        self._skipped.add(entry.pk)

    def _folder(self) -> Folder:
        ensure_folders(self._account)
        chosen = self._download.folder
        if chosen is not None and chosen.account_id == self._account.pk and not chosen.hidden:
            folder = chosen
        else:
            folder = Folder.objects.filter(account=self._account, special_use=SpecialUse.INBOX).order_by("pk")[0]
        folder.account = self._account
        return folder

    def _more(self) -> bool:
        fetched = len(self.filed.entries)
        return fetched > 0 and (bool(self._left) or self.filed.new >= LOOK_AGAIN_AFTER)

    def _remark(self, found: Comparison, came_back: int) -> str:
        remarks = []
        policy = self._download.policy
        if found.content_only:
            remarks.append(
                "This server gives messages no ids and no headers alone, so everything is fetched at every visit to see"
                " what is new. Consider deleting messages from the server once they are fetched."
            )
        elif found.headers_only:
            remarks.append(
                "This server gives messages no ids, so they are recognised by their headers, which takes longer."
            )
        if self.filed.renamed:
            remarks.append(
                f"The server gave new ids to {_messages(self.filed.renamed)} that had been fetched already, as after a"
                " move to another machine. The content was recognised; nothing was filed twice."
            )
        if came_back and policy != Download.Policy.KEEP:
            remarks.append(f"The server confirmed that it deleted {_messages(came_back)}, but still lists them.")
        if self._refused:
            remarks.append(f"{_messages(len(self._refused))} could not be fetched: {self._refused[-1].sentence}")
        if policy == Download.Policy.KEEP and self._connection.expire_days is not None:
            days = self._connection.expire_days
            when = f"{days} days after they arrived" if days else "once they are fetched"
            remarks.append(f"The server says that it deletes messages by itself, {when}.")
        return " ".join(remarks)[:500]


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count} messages"

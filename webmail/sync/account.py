"""One pass of an account: push → folders → messages of the folders that changed → backfill → bodies ahead of the click.

The caller owns the connection. Every step is committed by itself, so a pass can end anywhere; what it left is found by the
next one from the state alone. ``run`` asks after all folders; ``follow`` looks only where the server has told of news or the
person's actions have reached, and belongs between two whole passes on a connection that has been listening since.
"""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from django.db.models import Q
from django.utils import timezone

from accounts.models import MailAccount
from webmail.errors import GiveUp, RetryLater
from webmail.imap.connection import MailConnection
from webmail.imap.types import FolderStatus, Hint
from webmail.models import Folder, ListRow, PendingAction, SpecialUse, SyncState

from . import messages, overtaken, stumbling, verify
from .ahead import fetch_ahead
from .draft_edits import take_over_edits
from .flags import scan_in_turn
from .folders import as_listed, behind, note_status, refresh_folders, unseen_differs
from .late_drafts import remove_late
from .local import LocalMailbox
from .outgoing import push_outgoing
from .push import push

logger = logging.getLogger(__name__)

SLICE_SECONDS = 4.0  # a pass with much to do ends after this, so that new mail is not left waiting behind a backfill
ORDER = [
    SpecialUse.INBOX,
    SpecialUse.DRAFTS,
    SpecialUse.SENT,
    SpecialUse.ARCHIVE,
    SpecialUse.NONE,
    SpecialUse.TRASH,
    SpecialUse.JUNK,
]


class Pass:
    """State of one pass. ``ahead`` holds the folders whose newest texts are known to be here; the caller keeps it."""

    def __init__(
        self,
        connection: MailConnection,
        account: MailAccount,
        should_stop: Callable[[], bool],
        ahead: set[int] | None = None,
    ) -> None:
        self.connection = connection
        self.account = account
        self.should_stop = should_stop
        self.ahead = ahead if ahead is not None else set()
        self.deadline = time.monotonic() + SLICE_SECONDS
        self.failed: set[int] = set()
        self.put_off: set[int] = set()
        self.passed: set[int] = set()

    def run(self, hints: Iterable[Hint] = ()) -> bool:
        """All folders; return whether there is more to do at once."""
        told = self._named(hints)
        push_outgoing(self.connection, self.account)
        touched = self._push()
        statuses = self._folders()
        told |= self._named(self.connection.take_news())
        more = False
        folders = self._ordered()
        for folder in folders:
            if self.should_stop():
                return True
            looked = self.connection.selected
            more |= self._look(folder, statuses.get(folder.name), folder.pk in touched or folder.name in told)
            if self.connection.selected is not looked and self._clicked():
                return True  # A click does not wait until all folders have been looked into.
        more |= self._backfill(folders)
        if not more:
            more = self._ahead(folders)
        if not more:
            self._scan(folders)
            self._prove(folders)
            self._rest(folders)
        return more or self._waiting()

    def follow(self, hints: Iterable[Hint]) -> bool:
        """Push, then look where something is known to have changed; return whether a whole pass is due at once."""
        told = self._named(hints)
        touched = self._push()
        if push_outgoing(self.connection, self.account):
            return True
        told |= self._named(self.connection.take_news())
        folders = self._ordered()
        if told - {folder.name for folder in folders}:
            return True  # The tree is another one.
        more = False
        changed = [folder for folder in folders if folder.pk in touched or folder.name in told]
        for folder in changed:
            if self.should_stop():
                return True
            more |= self._look(folder, None, True)
            if self._clicked():
                return True
        if overtaken.wait_still(self.account.pk):
            return True  # Where another client has moved it is found by asking after all folders.
        if not more:
            more = self._ahead(changed)
        if not more:
            self._rest(folders)
        return more or self._waiting()

    def _push(self) -> set[int]:
        done = push(self.connection, self.account, should_stop=self.should_stop)
        self.put_off, self.passed = done.put_off, done.passed
        return done.touched

    def _named(self, hints: Iterable[Hint]) -> set[str]:
        selected = self.connection.selected.name if self.connection.selected is not None else ""
        return {hint.name or selected for hint in hints} - {""}

    def _scan(self, folders: list[Folder]) -> None:
        if self.connection.has("CONDSTORE") or self.connection.has("QRESYNC"):
            return
        try:
            readable = [folder for folder in folders if folder.pk not in self.failed]
            scan_in_turn(self.connection, readable, should_stop=self._interrupted)
        except GiveUp as problem:
            logger.info("flags of an account's folders are not read: %s", problem)

    def _prove(self, folders: list[Folder]) -> None:
        """A piece of the rare comparison with the server, never while the person is there."""
        now = timezone.now()
        if SyncState.objects.filter(account=self.account, watched_until__gt=now).exists():
            return
        folder = verify.due([folder for folder in folders if folder.pk not in self.failed])
        if folder is None:
            return
        found = verify.Findings()
        self._apart(folder, partial(verify.verify_window, self.connection, folder, found, repair=True))
        if found:
            logger.warning("folder %s was not what the server has, repaired: %s", folder.pk, found)

    def _rest(self, folders: list[Folder]) -> None:
        """Leave INBOX open: servers end the session of whoever has a folder open that is renamed or deleted elsewhere.

        What changed in it before it was opened is never told on this connection: then it is looked into once more.
        """
        remove_late(self.connection, self.account)
        take_over_edits(self.account)
        selected = self.connection.selected
        if selected is None or selected.name != "INBOX":
            selected = self.connection.select("INBOX", uidvalidity=None)
        inbox = next((folder for folder in folders if folder.name == "INBOX"), None)
        if inbox is not None and inbox.pk not in self.failed and behind(inbox, selected):
            self._look(inbox, None, True)

    def _interrupted(self) -> bool:
        return self.should_stop() or time.monotonic() > self.deadline or self.connection.has_news or self._clicked()

    def _waiting(self) -> bool:
        """The person did something that this connection can tell the server now."""
        return self._pending(self.put_off)

    def _clicked(self) -> bool:
        """The same while folders are looked into: what was passed over waits for just that."""
        return self._pending(self.put_off | self.passed)

    def _pending(self, but: set[int]) -> bool:
        waiting = PendingAction.objects.filter(account=self.account, state=PendingAction.State.PENDING)
        waiting = waiting.exclude(kind=PendingAction.Kind.CARRY).exclude(pk__in=but)
        return waiting.filter(Q(message__isnull=True) | Q(message__uid__isnull=False)).exists()

    def _folders(self) -> dict[str, FolderStatus]:
        known = list(Folder.objects.filter(account=self.account, selectable=True, hidden=False))
        remote = self.connection.list_folders([folder.name for folder in known])
        statuses = {folder.name: folder.status for folder in remote if folder.status is not None}
        unasked = [folder.name for folder in remote if folder.selectable and folder.status is None]
        if unasked:
            statuses |= self.connection.statuses(unasked)
            remote = [replace(folder, status=statuses.get(folder.name)) for folder in remote]
        listed = {folder.name for folder in remote}
        unlisted = [folder for folder in known if folder.uidvalidity is not None and folder.name not in listed]
        if unlisted and remote:
            # Servers under strain have listed a part of the folders. What answers is still there.
            found = self.connection.statuses(folder.name for folder in unlisted)
            remote += [as_listed(folder, found[folder.name]) for folder in unlisted if folder.name in found]
            statuses |= found
        refresh_folders(self.account, remote)
        return statuses

    def _ordered(self) -> list[Folder]:
        folders = Folder.objects.filter(account=self.account, selectable=True, hidden=False)
        rank = {use: index for index, use in enumerate(ORDER)}
        ordered = sorted(
            folders, key=lambda folder: (rank.get(SpecialUse(folder.special_use), len(ORDER)), folder.name)
        )
        for folder in ordered:
            folder.account = self.account
        return ordered

    def _look(self, folder: Folder, status: FolderStatus | None, touched: bool) -> bool:
        if status is None and folder.uidnext is None and folder.name != "INBOX":
            return False  # Created here; the server does not know it yet.
        if status is not None and not note_status(folder, status) and not touched:
            return False
        # Without mod-sequences all marks are asked for in any case.
        still = status is not None and status.highestmodseq is not None and status.highestmodseq == folder.highestmodseq
        doubt = status is not None and still and unseen_differs(folder, status)
        first = folder.backfill_uid is None
        self.ahead.discard(folder.pk)

        def look() -> bool:
            more = messages.look(self.connection, folder, should_stop=self._interrupted, doubt_flags=doubt)
            if first and folder.special_use == SpecialUse.INBOX:
                self._fill_page(folder)
            return more

        more = self._apart(folder, look)
        if folder.pk in self.failed:
            return more
        if status is not None and not more:
            Folder.objects.filter(pk=folder.pk).update(
                server_unseen=status.unseen or 0, server_highestmodseq=status.highestmodseq
            )
        if folder.special_use == SpecialUse.INBOX:
            self._fetch_ahead(folder, lambda: True)
        return more and not first

    def _apart(self, folder: Folder, work: Callable[[], bool]) -> bool:
        """What ``work`` says, whether there is more. One folder that cannot be read does not keep the others from being read:
        whatever is wrong with it, it has failed for this pass (invariant I8).
        """
        if stumbling.rests("folder", folder.pk):
            self.failed.add(folder.pk)
            return False
        try:
            more = work()
        except GiveUp as problem:
            logger.warning("folder %s is skipped: %s %s", folder.pk, problem.sentence, problem.detail)
            self.failed.add(folder.pk)
            return False
        except RetryLater as problem:
            if not stumbling.concerns_one(problem, self.connection):
                raise
            logger.warning("folder %s is put off: %s %s", folder.pk, problem.sentence, problem.detail)
            self.failed.add(folder.pk)
            return stumbling.over("folder", folder.pk) < stumbling.AT_ONCE
        stumbling.passed("folder", folder.pk)
        return more

    def _fetch_ahead(self, folder: Folder, should_stop: Callable[[], bool]) -> bool:
        more = self._apart(folder, lambda: not fetch_ahead(self.connection, folder, should_stop=should_stop))
        if not more and folder.pk not in self.failed:
            self.ahead.add(folder.pk)
        return more

    def _fill_page(self, folder: Folder) -> None:
        """Messages of one conversation share a line: go on until the first page of the list is full."""

        def full() -> bool:
            return self.should_stop() or ListRow.objects.filter(folder=folder).count() >= messages.FIRST_PAGE

        messages.backfill(self.connection, folder, should_stop=full)

    def _backfill(self, folders: list[Folder]) -> bool:
        for folder in folders:
            if folder.pk in self.failed or folder.backfill_uid is None or folder.backfill_uid <= 1:
                continue
            work = partial(messages.backfill, self.connection, folder, should_stop=self._interrupted)
            if self._apart(folder, work):
                return True
        return False

    def _ahead(self, folders: list[Folder]) -> bool:
        for folder in folders:
            if folder.pk in self.failed or folder.pk in self.ahead or folder.uidvalidity is None:
                continue
            if self._fetch_ahead(folder, self._interrupted):
                return True
        return False


class LocalPass(Pass):
    """The pass of an account that lives here: the person's actions are settled, and what is new gets its preview."""

    def __init__(self, account: MailAccount, should_stop: Callable[[], bool]) -> None:
        super().__init__(LocalMailbox(account), account, should_stop)  # type: ignore[arg-type]

    def run(self, hints: Iterable[Hint] = ()) -> bool:
        push_outgoing(self.connection, self.account)
        self._push()
        self.ahead.clear()
        return self._ahead(self._ordered()) or self._waiting()

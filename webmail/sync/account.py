"""One pass of an account: push → folders → messages of the folders that changed → backfill → bodies ahead of the click.

The caller owns the connection. Every step is committed by itself, so a pass can end anywhere; what it left is found by the
next one from the state alone.
"""

import logging
import time
from collections.abc import Callable

from accounts.models import MailAccount
from webmail.errors import GiveUp
from webmail.imap.connection import MailConnection
from webmail.imap.types import FolderStatus
from webmail.models import Folder, ListRow, Message, PendingAction, SpecialUse

from . import messages
from .bodies import prefetch, prerender
from .folders import note_status, refresh_folders
from .local import LocalMailbox
from .outgoing import push_outgoing
from .push import push

logger = logging.getLogger(__name__)

SLICE_SECONDS = 4.0  # a pass with much to do ends after this, so that new mail is not left waiting behind a backfill
PREFETCH_BATCH = 50
WHOLE_INBOX, WHOLE_OTHER = 1000, 50
PREVIEW_INBOX, PREVIEW_OTHER = 2000, 200
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
    """State of one pass; ``run`` returns whether there is more to do at once.

    ``ahead`` holds the folders whose newest texts are known to be here; the caller keeps it from pass to pass.
    """

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

    def run(self) -> bool:
        push_outgoing(self.connection, self.account)
        touched = push(self.connection, self.account, should_stop=self.should_stop)
        statuses = self._folders()
        more = False
        folders = self._ordered()
        for folder in folders:
            if self.should_stop():
                return True
            more |= self._look(folder, statuses.get(folder.name), folder.pk in touched)
        more |= self._backfill(folders)
        if not more:
            more = self._ahead(folders)
        if not more:
            self._rest(folders)
        return more or self._waiting()

    def _rest(self, folders: list[Folder]) -> None:
        """Leave INBOX open: servers end the session of whoever has a folder open that is renamed or deleted elsewhere.

        What changed in it since it was looked into would never be told on this connection: it is looked into once more.
        """
        selected = self.connection.select("INBOX", uidvalidity=None)
        inbox = next((folder for folder in folders if folder.special_use == SpecialUse.INBOX), None)
        if inbox is None or inbox.pk in self.failed:
            return
        seen = (inbox.highestmodseq, inbox.uidnext, inbox.server_messages)
        if seen != (selected.highestmodseq, selected.uidnext, selected.exists):
            self._look(inbox, None, True)

    def _interrupted(self) -> bool:
        return self.should_stop() or time.monotonic() > self.deadline or self._waiting()

    def _waiting(self) -> bool:
        """The person did something that this connection can tell the server now."""
        return PendingAction.objects.filter(
            account=self.account, state=PendingAction.State.PENDING, message__uid__isnull=False
        ).exists()

    def _folders(self) -> dict[str, FolderStatus]:
        # STATUS of the folder that is open answers from what its session has seen (RFC 3501 section 6.3.10).
        self.connection.noop()
        remote = self.connection.list_folders()
        statuses = {folder.name: folder.status for folder in remote if folder.status is not None}
        unasked = [folder.name for folder in remote if folder.selectable and folder.status is None]
        if unasked:
            statuses |= self.connection.statuses(unasked)
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
        first = folder.backfill_uid is None
        self.ahead.discard(folder.pk)
        try:
            more = messages.look(self.connection, folder, should_stop=self._interrupted)
            if first and folder.special_use == SpecialUse.INBOX:
                self._fill_page(folder)
        except GiveUp as problem:
            # One folder that cannot be read does not keep the others from being read.
            logger.warning("folder %s is skipped: %s %s", folder.pk, problem.sentence, problem.detail)
            self.failed.add(folder.pk)
            return False
        if status is not None and not more:
            Folder.objects.filter(pk=folder.pk).update(
                server_unseen=status.unseen or 0, server_highestmodseq=status.highestmodseq
            )
        if folder.special_use == SpecialUse.INBOX:
            self._ahead([folder], once=True)
        return more and not first

    def _fill_page(self, folder: Folder) -> None:
        """Messages of one conversation share a line: go on until the first page of the list is full."""

        def full() -> bool:
            return self.should_stop() or ListRow.objects.filter(folder=folder).count() >= messages.FIRST_PAGE

        messages.backfill(self.connection, folder, should_stop=full)

    def _backfill(self, folders: list[Folder]) -> bool:
        for folder in folders:
            if folder.pk in self.failed or folder.backfill_uid is None or folder.backfill_uid <= 1:
                continue
            try:
                if messages.backfill(self.connection, folder, should_stop=self._interrupted):
                    return True
            except GiveUp as problem:
                logger.warning("folder %s is not backfilled: %s %s", folder.pk, problem.sentence, problem.detail)
        return False

    def _ahead(self, folders: list[Folder], *, once: bool = False) -> bool:
        """Fetch what will be read next: whole texts of the newest, previews of those behind them."""
        for folder in folders:
            inbox = folder.special_use == SpecialUse.INBOX
            if folder.pk in self.failed or folder.pk in self.ahead or folder.uidvalidity is None:
                continue
            whole, previews = (WHOLE_INBOX, PREVIEW_INBOX) if inbox else (WHOLE_OTHER, PREVIEW_OTHER)
            while batch := self._unfetched(folder, whole, previews):
                rows, is_whole = batch
                self.connection.select(folder.name, uidvalidity=folder.uidvalidity)
                prefetch(self.connection, rows, whole=is_whole)
                if is_whole:
                    prerender(rows)
                if once:
                    break
                if self._interrupted():
                    return True
            else:
                self.ahead.add(folder.pk)
        return False

    def _unfetched(self, folder: Folder, whole: int, previews: int) -> tuple[list[Message], bool] | None:
        newest = Message.objects.filter(shown_in=folder).order_by("-internaldate", "-id")
        known = list(newest.values_list("pk", "preview_known", "folder_id", "uid", "uidvalidity")[:previews])
        wanted = [
            (index, pk)
            for index, (pk, done, where, uid, uidvalidity) in enumerate(known)
            if not done and where == folder.pk and uid is not None and uidvalidity == folder.uidvalidity
        ]
        if not wanted:
            return None
        is_whole = wanted[0][0] < whole
        ids = [pk for index, pk in wanted if (index < whole) == is_whole][:PREFETCH_BATCH]
        rows = list(Message.objects.filter(pk__in=ids).order_by("-internaldate", "-id"))
        for row in rows:
            row.account, row.folder = self.account, folder
        return rows, is_whole


class LocalPass(Pass):
    """The pass of an account that lives here: the person's actions are settled, and what is new gets its preview."""

    def __init__(self, account: MailAccount, should_stop: Callable[[], bool]) -> None:
        super().__init__(LocalMailbox(account), account, should_stop)  # type: ignore[arg-type]

    def run(self) -> bool:
        push_outgoing(self.connection, self.account)
        push(self.connection, self.account, should_stop=self.should_stop)
        self.ahead.clear()
        return self._ahead(self._ordered()) or self._waiting()

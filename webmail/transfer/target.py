"""The folder that messages are written to, on a server or here: what it holds already, and whether a lost answer meant yes."""

import re

from webmail.errors import GiveUp, Reason
from webmail.imap.types import Appended, RemoteMessage, Selected
from webmail.models import Folder, Message, StoredContent, TransferItem
from webmail.sync.local import AnyMailbox, LocalMailbox

from .letter import Outgoing, key_of
from .upload import LARGEST_MESSAGE

WINDOW = 500
SYSTEM = {"\\seen": "\\Seen", "\\flagged": "\\Flagged", "\\answered": "\\Answered", "\\draft": "\\Draft"}
_KEYWORD = re.compile(r"[A-Za-z0-9$_.-]{1,100}\Z")


class Target:
    """One folder of the target account, created if it is missing. Raise MailError."""

    def __init__(self, connection: AnyMailbox, account_id: int, name: str, *, look: bool = True) -> None:
        """Without ``look`` it is not asked what it holds, and ``has`` knows the mirror alone."""
        self.connection = connection
        self.name = name
        self.selected = self._opened()
        if self.selected.read_only:
            raise GiveUp(Reason.REFUSED, f"The folder “{name}” is read-only on its server.")
        self.folder = Folder.objects.select_related("account").filter(account_id=account_id, name=name).first()
        self.here = isinstance(connection, LocalMailbox)
        self._unmirrored = self._look_at_the_rest() if look and not self.here else set()

    def count(self) -> int:
        """Messages in the folder now."""
        if self.here:
            return Message.objects.filter(folder=self.folder).count()
        return self.connection.select(self.name, uidvalidity=None).exists

    def has(self, letter: Outgoing) -> bool:
        """Whether it is in the folder: on a server one of this Message-ID and size, here one of the same content."""
        if self.here:
            return self._kept(letter)
        return (letter.message_key, letter.size) in self._unmirrored or self._mirrored(letter.message_key, letter.size)

    def _kept(self, letter: Outgoing) -> bool:
        if self.folder is None:
            return False
        rows = StoredContent.objects.filter(
            message__account=self.folder.account_id,
            message__message_key=letter.message_key,
            message__folder=self.folder,
            size=letter.size,
        )
        known = set(rows.values_list("sha256", flat=True))
        return bool(known) and letter.sha256() in known

    def landed(self, item: TransferItem) -> bool:
        """Whether an append whose answer was lost was carried out (fault F05)."""
        if isinstance(self.connection, LocalMailbox):
            return self._mirrored(item.message_key, item.size)
        if (item.message_key, item.size) in self._unmirrored:
            return True
        since = (item.uid_from or 1) if item.uidvalidity == self.selected.uidvalidity else 1
        if item.message_id:
            found = self.connection.find_message_id(item.message_id)
            if any(row.size == item.size for row in (self.connection.fetch_envelopes(found) if found else ())):
                return True
            # Some servers count otherwise. What came since we began, beyond what we know to have written, is it.
            twins = TransferItem.objects.filter(folder_id=item.folder_id, message_key=item.message_key)
            written = twins.filter(state=TransferItem.State.COPIED).count()
            return since > 1 and sum(uid >= since for uid in found) > written
        return (item.message_key, item.size) in self._look_at([(since, self.selected.uidnext)])

    def put(self, letter: Outgoing) -> Appended:
        """APPEND. Raise MailError; after OutcomeUnknown ``landed`` tells."""
        letter.stream.seek(0)
        raw = letter.stream.read(LARGEST_MESSAGE + 1)
        return self.connection.append(self.name, raw, self.flags(letter.flags), letter.internaldate)

    def _opened(self) -> Selected:
        try:
            return self.connection.select(self.name, uidvalidity=None)
        except GiveUp as problem:
            if problem.reason != Reason.GONE:
                raise
        self.connection.create_folder(self.name)
        return self.connection.select(self.name, uidvalidity=None)

    def flags(self, wanted: frozenset[str]) -> list[str]:
        """Those the server can keep; one it refuses must not cost the message."""
        allowed = {flag.lower() for flag in self.selected.permanent_flags}
        flags = [SYSTEM[flag.lower()] for flag in wanted if flag.lower() in SYSTEM and flag.lower() in allowed]
        keywords = [flag for flag in wanted if _KEYWORD.match(flag)]
        return flags + [flag for flag in keywords if self.selected.can_create_keywords or flag.lower() in allowed]

    def _mirrored(self, message_key: int, size: int) -> bool:
        if self.folder is None:
            return False
        rows = Message.objects.filter(account_id=self.folder.account_id, message_key=message_key, size=size)
        return rows.filter(folder=self.folder, missing_since__isnull=True).exists()

    def _look_at_the_rest(self) -> set[tuple[int, int]]:
        """(message_key, size) of what the server has and the mirror does not know yet."""
        folder, selected = self.folder, self.selected
        if not selected.exists:
            return set()
        if folder is None or folder.uidvalidity != selected.uidvalidity or folder.uidnext is None:
            return self._look_at([(1, selected.uidnext)])
        backfilled = folder.backfill_uid if folder.backfill_uid is not None else folder.uidnext
        return self._look_at([(1, backfilled), (folder.uidnext, selected.uidnext)])

    def _look_at(self, ranges: list[tuple[int, int]]) -> set[tuple[int, int]]:
        found: set[tuple[int, int]] = set()
        for first, end in ranges:
            for start in range(first, end, WINDOW):
                rows: list[RemoteMessage] = self.connection.fetch_envelopes(  # type: ignore[union-attr]
                    f"{start}:{min(end, start + WINDOW) - 1}"
                )
                found.update((key_of(row), row.size) for row in rows)
        return found

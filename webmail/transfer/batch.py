"""Messages that are filed here, many in one transaction with the record of it: there is no answer that could be lost."""

from collections.abc import Callable

from django.db import transaction

from webmail.models import Folder
from webmail.models.pop3 import discard_files
from webmail.sync import stored
from webmail.sync.local import Letter, file_letters

from .letter import Outgoing
from .source import Waiting

MOST_LETTERS = 50
MOST_OCTETS = 16 * 1024 * 1024


class Batch:
    """Their bytes are in the storage, their rows are not: ``commit`` makes them messages, ``discard`` takes them back."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.entries: list[tuple[Waiting, int, str, int]] = []
        self._letters: list[Letter] = []
        self._known: dict[tuple[int, int], set[str]] = {}
        self._octets = 0

    @property
    def full(self) -> bool:
        return len(self._letters) >= MOST_LETTERS or self._octets >= MOST_OCTETS

    def holds(self, letter: Outgoing) -> bool:
        known = self._known.get((letter.message_key, letter.size))
        return known is not None and letter.sha256() in known

    def add(self, each: Waiting, letter: Outgoing, flags: list[str]) -> None:
        """Raise OSError when there is no room."""
        name, sha256, size = stored.keep(letter.stream)
        self._letters.append(Letter(name, sha256, size, letter.summary, frozenset(flags), letter.internaldate))
        self.entries.append((each, letter.message_key, letter.message_id, letter.size))
        self._known.setdefault((letter.message_key, letter.size), set()).add(sha256)
        self._octets += size

    def commit(self, record: Callable[[], None]) -> None:
        """``record`` writes what became of the messages, or raises to leave everything as it was."""
        if not self._letters:
            return
        try:
            with transaction.atomic():
                record()
                file_letters(self.folder, self._letters)
        except BaseException as error:
            self.discard(error)
            raise
        self._clear()

    def discard(self, error: BaseException | None = None) -> None:
        """``error`` is that of the commit."""
        discard_files([letter.name for letter in self._letters], error)
        self._clear()

    def _clear(self) -> None:
        self.entries, self._letters, self._known, self._octets = [], [], {}, 0

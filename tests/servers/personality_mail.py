"""The mail of a server that plays a provider: folders, messages, and what copying and removing mean there."""

import itertools
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

SYSTEM_FLAGS = frozenset({"\\Seen", "\\Answered", "\\Flagged", "\\Draft"})


@dataclass(eq=False)
class Letter:
    """The bytes, and the flags, which belong to the message where folders are labels."""

    raw: bytes
    number: int
    flags: set[str] = field(default_factory=set)


@dataclass(eq=False)
class Copy:
    """A letter in a folder."""

    uid: int
    letter: Letter
    modseq: int
    deleted: bool = False

    @property
    def flags(self) -> set[str]:
        return self.letter.flags | ({"\\Deleted"} if self.deleted else set())


@dataclass(eq=False)
class Box:
    name: str
    uidvalidity: int
    attributes: tuple[str, ...] = ()
    uidnext: int = 1
    copies: list[Copy] = field(default_factory=list)
    subscribed: bool = True

    @property
    def selectable(self) -> bool:
        return "\\Noselect" not in self.attributes

    def copy(self, uid: int) -> Copy | None:
        return next((each for each in self.copies if each.uid == uid), None)

    def of(self, letter: Letter) -> Copy | None:
        return next((each for each in self.copies if each.letter is letter), None)

    @property
    def highestmodseq(self) -> int:
        return max((each.modseq for each in self.copies), default=1)


class Mail:
    """Shared by all connections; hold ``changed`` while reading or writing. Every folder is for itself here."""

    def __init__(self, folders: Iterable[tuple[str, tuple[str, ...]]]) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.boxes: dict[str, Box] = {}
        self._uidvalidities = itertools.count(1000)
        self._numbers = itertools.count(1_700_000_000_000_000_000)
        self._modseqs = itertools.count(2)
        for name, attributes in folders:
            self.create(name, attributes)

    def create(self, name: str, attributes: tuple[str, ...] = ()) -> None:
        self.boxes[name] = Box(name, next(self._uidvalidities), attributes)

    def rename(self, old: str, new: str) -> None:
        self.boxes[new] = self.boxes.pop(old)
        self.boxes[new].name = new

    def touch(self, letter: Letter) -> None:
        """Its flags have changed, in every folder it is in."""
        modseq = next(self._modseqs)
        for box in self.boxes.values():
            for each in box.copies:
                if each.letter is letter:
                    each.modseq = modseq
        self.changed.notify_all()

    def append(self, box: Box, raw: bytes, flags: set[str]) -> Copy:
        return self.put(box, Letter(raw, next(self._numbers), flags & SYSTEM_FLAGS))

    def put(self, box: Box, letter: Letter) -> Copy:
        copy = Copy(box.uidnext, letter, next(self._modseqs))
        box.uidnext += 1
        box.copies.append(copy)
        self.changed.notify_all()
        return copy

    def copy(self, letter: Letter, target: Box) -> Copy:
        return self.put(target, Letter(letter.raw, next(self._numbers), set(letter.flags)))

    def move(self, copy: Copy, source: Box, target: Box) -> Copy:
        moved = self.copy(copy.letter, target)
        self.remove(source, copy)
        return moved

    def remove(self, box: Box, copy: Copy) -> None:
        if copy in box.copies:
            box.copies.remove(copy)
            self.changed.notify_all()


class Labels(Mail):
    """Gmail: one message with many labels, each a folder; All Mail has everything that is in neither Trash nor Spam."""

    ALL, APART = "[Gmail]/All Mail", ("[Gmail]/Trash", "[Gmail]/Spam")

    def append(self, box: Box, raw: bytes, flags: set[str]) -> Copy:
        copy = super().append(box, raw, flags)
        if box.name not in {self.ALL, *self.APART}:
            self.put(self.boxes[self.ALL], copy.letter)
        return copy

    def copy(self, letter: Letter, target: Box) -> Copy:
        if target.name in self.APART:
            for box in self.boxes.values():
                if box is not target:
                    self._unlabel(box, letter)
        elif target.name != self.ALL and self.boxes[self.ALL].of(letter) is None:
            self.put(self.boxes[self.ALL], letter)
        return target.of(letter) or self.put(target, letter)

    def move(self, copy: Copy, source: Box, target: Box) -> Copy:
        moved = self.copy(copy.letter, target)
        if source.name != self.ALL and source is not target:
            self._unlabel(source, copy.letter)
        return moved

    def remove(self, box: Box, copy: Copy) -> None:
        """Taking the last label away archives; only in Trash and Spam it deletes."""
        if box.name != self.ALL:
            super().remove(box, copy)

    def _unlabel(self, box: Box, letter: Letter) -> None:
        found = box.of(letter)
        if found is not None:
            super().remove(box, found)


def expand(written: bytes, view: list[Copy], *, by_uid: bool) -> Iterator[tuple[int, Copy]]:
    """The messages of a sequence-set (RFC 3501 section 9) with their sequence numbers, ascending."""
    last = max((each.uid for each in view), default=0) if by_uid else len(view)
    ranges = []
    for piece in written.decode().split(","):
        ends = [last if end == "*" else int(end) for end in piece.split(":")]
        ranges.append((min(ends), max(ends)))
    for position, each in enumerate(view, 1):
        key = each.uid if by_uid else position
        if any(low <= key <= high for low, high in ranges):
            yield position, each

"""Messages that can be told apart anywhere, and what is known of where each has to be."""

import hashlib
import re
from dataclasses import dataclass, field

from tests.servers.mailbox import Mailbox

NAME = re.compile(rb"canary-\d{4}")
FLAGS = {b"\\Seen": "seen", b"\\Flagged": "flagged"}


def letter(name: str, message_id: str = "") -> bytes:
    """``message_id`` is that of another message where the two are to be mistaken for each other."""
    return (
        f"From: Bob <bob@example.test>\r\nTo: Ada <ada@example.test>\r\nSubject: Letter {name}\r\n"
        f"Message-ID: <{message_id or name}@example.test>\r\nDate: Fri, 20 Nov 2026 12:00:00 +0000\r\n"
        f"X-Canary: {name}\r\n\r\nThe text of {name} and of no other.\r\n"
    ).encode()


def names_in(content: bytes) -> set[str]:
    return {found.decode() for found in NAME.findall(content)}


@dataclass(frozen=True)
class Place:
    """Where one copy is, and its flags."""

    folder: str
    seen: bool
    flagged: bool


@dataclass
class Canary:
    """``wanted`` is where it has to end, as long as only one side has touched it since the last comparison; ``digest`` is
    "" where the server may add to the text. Letters written here are looked for in ways of their own."""

    name: str
    digest: str
    wanted: Place | None
    copies: int = 1
    may_go: bool = False
    written_here: bool = False
    by_us: bool = False
    by_other: bool = False
    put_into: set[str] = field(default_factory=set)
    # What the person was last shown of its marks, and which of them the other program changed.
    marked: dict[str, bool] = field(default_factory=dict)
    marked_by_other: set[str] = field(default_factory=set)

    @property
    def certain(self) -> bool:
        raced = self.by_us and self.by_other
        return not raced and not self.may_go and self.copies == 1 and self.wanted is not None and not self.written_here


@dataclass(frozen=True)
class Found:
    """One message as the server has it."""

    uid: int
    name: str
    digest: str
    flags: frozenset[bytes]

    def place(self, folder: str) -> Place:
        return Place(folder, b"\\Seen" in self.flags, b"\\Flagged" in self.flags)


Snapshot = dict[str, dict[int, Found]]


def snapshot(mailbox: Mailbox) -> Snapshot:
    """Everything the server has, read by another client."""
    client = mailbox.imap()
    result: Snapshot = {}
    try:
        for attributes, _, folder in client.list_folders():
            if {b"\\Noselect", b"\\NonExistent"} & set(attributes):
                continue
            client.select_folder(folder, readonly=True)
            uids = client.search("ALL")
            fetched = client.fetch(uids, ["FLAGS", "BODY.PEEK[]"]) if uids else {}
            result[folder] = {uid: _found(uid, data) for uid, data in fetched.items()}
    finally:
        client.logout()
    return result


def _found(uid: int, data: dict[bytes, object]) -> Found:
    raw, flags = data[b"BODY[]"], data[b"FLAGS"]
    assert isinstance(raw, bytes)
    assert isinstance(flags, tuple)
    # The Subject: letters that the product writes bear the name there and in their text.
    names = NAME.findall(raw)
    name = names[0].decode() if names else ""
    header = re.search(rb"^X-Canary: (\S+)\r$", raw, re.MULTILINE)
    name = header[1].decode() if header else name
    return Found(uid, name, hashlib.sha256(raw).hexdigest(), frozenset(flags) - {b"\\Recent"})


class Known:
    """All canaries by name, and what may be said of them."""

    def __init__(self) -> None:
        self.all: dict[str, Canary] = {}
        self.deleted_folders: set[str] = set()
        self.unsure_folders: set[str] = set()

    def name(self) -> str:
        return f"canary-{len(self.all) + 1:04d}"

    def add(self, name: str, raw: bytes, place: Place | None) -> Canary:
        canary = self.all[name] = Canary(name, hashlib.sha256(raw).hexdigest(), place)
        return canary

    def is_certain(self, canary: Canary) -> bool:
        """Something happened to a whole folder: which name a message put there is under depends on who was first."""
        folders = canary.put_into | ({canary.wanted.folder} if canary.wanted is not None else set())
        return canary.certain and not self._unsure(folders)

    def _unsure(self, folders: set[str]) -> bool:
        """What another program makes inside of a folder goes along when it is renamed."""
        names = self.unsure_folders | self.deleted_folders
        return any(folder == name or folder.startswith(f"{name}/") for folder in folders for name in names)

    def marks(self, canary: Canary) -> dict[str, bool]:
        """What the person's marks have to end as, wherever the other program has moved the message meanwhile."""
        here_once = canary.copies == 1 and not canary.may_go and not canary.written_here
        if not here_once or self._unsure(canary.put_into):
            return {}
        return {name: value for name, value in canary.marked.items() if name not in canary.marked_by_other}

    def begin_again(self, now: Snapshot) -> None:
        """Both sides agree: from here on what each does counts anew."""
        places: dict[str, list[Place]] = {}
        for folder, messages in now.items():
            for found in messages.values():
                places.setdefault(found.name, []).append(found.place(folder))
        self.deleted_folders.clear()
        self.unsure_folders.clear()
        for name in list(self.all):
            canary = self.all[name]
            here = places.get(name, [])
            canary.by_us = canary.by_other = False
            canary.marked.clear()
            canary.marked_by_other.clear()
            canary.put_into = {place.folder for place in here}
            canary.copies = max(1, len(here))
            canary.wanted = here[0] if len(here) == 1 else None
            # What is there now was spared.
            canary.may_go = not here

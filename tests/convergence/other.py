"""The other mail program on the same mailbox: raw commands, no consideration."""

from contextlib import suppress
from random import Random
from typing import Any

import imapclient
from imapclient.exceptions import IMAPClientError

from tests.convergence.canaries import FLAGS, Known, Place, letter
from tests.servers.mailbox import Mailbox

HOME = ("INBOX", "Work", "Work/Deep", "Archive", "Trash")
# What belongs to the composer is tried in the exhaustive tests; here two programs would edit one draft.
HEADER = "HEADER.FIELDS (X-CANARY)"
LEFT_ALONE = frozenset({"Drafts", "Sent"})


class Other:
    """Each method is one operation; it returns what it did, for the history."""

    def __init__(self, mailbox: Mailbox, known: Known) -> None:
        self.mailbox = mailbox
        self.known = known
        self.client: imapclient.IMAPClient | None = None

    def close(self) -> None:
        if self.client is not None:
            with suppress(IMAPClientError, OSError):
                self.client.logout()
            self.client = None

    def act(self, rng: Random) -> str:
        # What it would delete with a folder whose index is spoilt is no message that it ever saw.
        self.mailbox.repair()
        operations, weights = zip(*OPERATIONS.items(), strict=True)
        name = rng.choices(operations, weights)[0]
        try:
            return f"{name}: {getattr(self, name)(rng)}"
        except IMAPClientError as refusal:
            # The folder went away between the look and the command, or the server ends whoever has it open.
            self.close()
            return f"{name}: refused, {refusal}"

    @property
    def _connected(self) -> imapclient.IMAPClient:
        if self.client is None:
            self.client = self.mailbox.imap()
        return self.client

    def _folders(self) -> list[str]:
        listed = self._connected.list_folders()
        return sorted(name for flags, _, name in listed if b"\\Noselect" not in flags and name not in LEFT_ALONE)

    def _some(self, rng: Random) -> tuple[str, dict[int, str]]:
        """A folder and a few of its messages with their names."""
        client = self._connected
        folder = rng.choice(self._folders())
        client.select_folder(folder)
        uids = client.search("ALL")
        chosen = sorted(rng.sample(uids, min(len(uids), rng.randint(1, 4))))
        header = f"BODY[{HEADER}]".encode()
        fetched = client.fetch(chosen, [f"BODY.PEEK[{HEADER}]"]) if chosen else {}
        return folder, {uid: data[header].split()[-1].decode() for uid, data in fetched.items() if header in data}

    def _touched(self, names: dict[int, str], folder: str = "") -> None:
        for name in names.values():
            canary = self.known.all[name]
            canary.by_other = True
            canary.wanted = None
            if folder:
                canary.put_into.add(folder)

    def append(self, rng: Random) -> str:
        folder = rng.choice(HOME)
        name = self.known.name()
        raw = letter(name)
        flags = (b"\\Seen",) if rng.random() < 0.3 else ()
        self.mailbox.append(raw, folder, flags)
        self.known.add(name, raw, Place(folder, bool(flags), flagged=False)).put_into.add(folder)
        return f"{name} into {folder}"

    def deliver(self, _: Random) -> str:
        name = self.known.name()
        raw = letter(name)
        self.mailbox.deliver(raw)
        # What delivers adds its own lines.
        canary = self.known.add(name, raw, Place("INBOX", seen=False, flagged=False))
        canary.digest = ""
        return name

    def append_twin(self, rng: Random) -> str:
        """Another message with the Message-ID and the size of one that is known."""
        if not self.known.all:
            return "nothing"
        model = rng.choice(sorted(self.known.all))
        folder, name = rng.choice(HOME), self.known.name()
        raw = letter(name, message_id=model)
        self.mailbox.append(raw, folder)
        self.known.add(name, raw, Place(folder, seen=False, flagged=False)).put_into.add(folder)
        return f"{name} with the Message-ID of {model} into {folder}"

    def store(self, rng: Random) -> str:
        folder, names = self._some(rng)
        flag = rng.choice([b"\\Seen", b"\\Flagged", b"\\Answered", b"$Label1"])
        if not names:
            return "nothing"
        if add := rng.random() < 0.6:
            self._connected.add_flags(list(names), [flag])
        else:
            self._connected.remove_flags(list(names), [flag])
        self._touched(names)
        for name in names.values():
            self.known.all[name].marked_by_other.add(FLAGS.get(flag, ""))
        return f"{'+' if add else '-'}{flag.decode()} in {folder}: {names}"

    def copy(self, rng: Random) -> str:
        folder, names = self._some(rng)
        target = rng.choice(self._folders())
        if not names:
            return "nothing"
        self._connected.copy(list(names), target)
        self._touched(names, target)
        for name in names.values():
            self.known.all[name].copies += 1
        return f"{folder} → {target}: {names}"

    def move(self, rng: Random) -> str:
        folder, names = self._some(rng)
        target = rng.choice(self._folders())
        if not names or target == folder:
            return "nothing"
        self._connected.move(list(names), target)
        self._touched(names, target)
        return f"{folder} → {target}: {names}"

    def mark_deleted(self, rng: Random) -> str:
        """Without EXPUNGE: the message is still there, and stays unless somebody expunges the folder."""
        folder, names = self._some(rng)
        if names:
            self._connected.add_flags(list(names), [b"\\Deleted"])
            self._touched(names)
        return f"in {folder}: {names}"

    def expunge(self, rng: Random) -> str:
        folder, names = self._some(rng)
        if not names:
            return "nothing"
        self._connected.add_flags(list(names), [b"\\Deleted"])
        self._connected.uid_expunge(list(names))
        self._touched(names)
        for name in names.values():
            self.known.all[name].may_go = True
        return f"in {folder}: {names}"

    def create_folder(self, rng: Random) -> str:
        name = f"Other {rng.randint(1, 4)}"
        self._connected.create_folder(name)
        return name

    def rename_folder(self, rng: Random) -> str:
        own = [name for name in self._folders() if name.startswith(("Other", "Work"))]
        if not own:
            return "nothing"
        old, new = rng.choice(own), f"Other renamed {rng.randint(1, 9)}"
        inside = [name for name in self._folders() if name == old or name.startswith(old + "/")]
        self._connected.rename_folder(old, new)
        self.known.unsure_folders.update(inside, (new + name[len(old) :] for name in inside))
        return f"{old} → {new}"

    def recreate_folder(self, rng: Random) -> str:
        """The same name, the same messages, another UIDVALIDITY."""
        own = [name for name in self._folders() if name.startswith(("Other", "Work")) and name != "Work"]
        if not own:
            return "nothing"
        client, folder = self._connected, rng.choice(own)
        kept = self._all(folder, "BODY.PEEK[]", "FLAGS", "INTERNALDATE")
        self.known.unsure_folders.add(folder)
        client.delete_folder(folder)
        client.create_folder(folder)
        for _, data in sorted(kept.items()):
            flags = tuple(flag for flag in data[b"FLAGS"] if flag != b"\\Recent")
            client.append(folder, data[b"BODY[]"], flags, data[b"INTERNALDATE"])
        return f"{folder} with {len(kept)} messages"

    def delete_folder(self, rng: Random) -> str:
        own = [name for name in self._folders() if name.startswith("Other")]
        if not own:
            return "nothing"
        folder = rng.choice(own)
        self.known.unsure_folders.add(folder)
        self.known.deleted_folders.add(folder)
        for data in self._all(folder, f"BODY.PEEK[{HEADER}]").values():
            self.known.all[data[f"BODY[{HEADER}]".encode()].split()[-1].decode()].may_go = True
        self._connected.delete_folder(folder)
        return folder

    def _all(self, folder: str, *items: str) -> dict[int, Any]:
        client = self._connected
        client.select_folder(folder, readonly=True)
        uids = client.search("ALL")
        fetched: dict[int, Any] = client.fetch(uids, list(items)) if uids else {}
        client.unselect_folder()
        return fetched


OPERATIONS = {
    "append": 14,
    "deliver": 8,
    "append_twin": 2,
    "store": 16,
    "copy": 5,
    "move": 10,
    "mark_deleted": 2,
    "expunge": 6,
    "create_folder": 3,
    "rename_folder": 3,
    "recreate_folder": 3,
    "delete_folder": 2,
}

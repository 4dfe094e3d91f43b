"""A mailbox on the private Dovecot, as another mail client sees it."""

import atexit
import re
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imapclient

from webmail.demo.dovecot import Dovecot


@dataclass
class Mailbox:
    """A mailbox on the private server, and the hands of "the other client" in it."""

    server: Dovecot
    address: str
    password: str
    _log_read: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._log_read = self.server.log_file.stat().st_size

    @property
    def host(self) -> str:
        return "localhost"

    def imap(self) -> imapclient.IMAPClient:
        """A signed-in raw client, without any of the product's code in between; close it with ``logout()``."""
        client = imapclient.IMAPClient("127.0.0.1", port=self.server.ports.imap, ssl=False, use_uid=True)
        client.login(self.address, self.password)
        return client

    def append(self, raw: bytes, folder: str = "INBOX", flags: tuple[bytes, ...] = (), when: Any = None) -> int:
        """APPEND a message (RFC 3501 section 6.3.11), making the folder if needed; returns its UID."""
        client = self.imap()
        try:
            if not client.folder_exists(folder):
                client.create_folder(folder)
            answer = client.append(folder, raw, flags, when)
        finally:
            client.logout()
        return int(answer.split(b"APPENDUID ")[1].split(b"]")[0].split()[1])

    def deliver(self, raw: bytes) -> None:
        """New mail, the way it really arrives: by LMTP."""
        self.server.deliver(self.address, raw)

    def repair(self) -> list[str]:
        """What an administrator does where the server has spoilt the index of a folder; the names of those it was done to.

        Dovecot 2.3 does it when a folder is deleted, or renamed, and made anew under its name: a session that has the old one
        open destroys the index of the new one with its next command, or in IDLE. The files of the messages stay.
        """
        with self.server.log_file.open("rb") as log:
            log.seek(self._log_read)
            lines = log.read().rpartition(b"\n")[0]
        self._log_read += len(lines)
        pattern = rf"\({re.escape(self.address)}\).*: Mailbox (.+?): Corrupted transaction log file .*: indexid changed"
        damaged = sorted(set(re.findall(pattern, lines.decode(errors="replace"))))
        for name in damaged:
            self.server.doveadm("force-resync", "-u", self.address, name)
        return damaged

    def uids(self, folder: str = "INBOX") -> list[int]:
        client = self.imap()
        try:
            client.select_folder(folder, readonly=True)
            return [int(uid) for uid in client.search("ALL")]
        finally:
            client.logout()

    def flags(self, uid: int, folder: str = "INBOX") -> set[bytes]:
        client = self.imap()
        try:
            client.select_folder(folder, readonly=True)
            return set(client.fetch([uid], ["FLAGS"])[uid][b"FLAGS"]) - {b"\\Recent"}
        finally:
            client.logout()

    def raw(self, uid: int, folder: str = "INBOX") -> bytes:
        client = self.imap()
        try:
            client.select_folder(folder, readonly=True)
            return bytes(client.fetch([uid], ["BODY.PEEK[]"])[uid][b"BODY[]"])
        finally:
            client.logout()


def server_directory() -> Path:
    """A directory that Dovecot's unprivileged user can reach; pytest's own are closed to others."""
    directory = Path(tempfile.mkdtemp(prefix="webmail-dovecot-"))
    directory.chmod(0o755)
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return directory

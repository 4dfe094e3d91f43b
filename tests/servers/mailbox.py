"""A mailbox on the private Dovecot, as another mail client sees it."""

import atexit
import shutil
import tempfile
from dataclasses import dataclass
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

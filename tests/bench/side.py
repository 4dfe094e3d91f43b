"""Another client of the mailbox, near the server: prepares what is measured and looks at what became of it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import imapclient

from tests.bench.fill import PASSWORD, address
from tests.bench.letters import NEWEST, PROBES

MOVABLE = "Bench letter to move"


class Side:
    def __init__(self, port: int, size: int) -> None:
        self.port = port
        self.user = address(size)

    @contextmanager
    def client(self) -> Iterator[imapclient.IMAPClient]:
        """A connection of its own: none of it stays open while something is measured."""
        client = imapclient.IMAPClient("127.0.0.1", self.port, ssl=False, timeout=120)
        client.login(self.user, PASSWORD)
        try:
            yield client
        finally:
            client.logout()

    def restore(self) -> None:
        """Take away what earlier runs left, so that every run starts from the same mailbox."""
        with self.client() as client:
            for folder in ("INBOX", "Archive"):
                client.select_folder(folder)
                if left := client.search(["SUBJECT", MOVABLE]):
                    client.delete_messages(left, silent=True)
                    client.uid_expunge(left)
            client.select_folder("INBOX")
            for subject in PROBES.values():
                client.add_flags(client.search(["SUBJECT", subject]), [imapclient.SEEN], silent=True)

    def probes(self, kind: str) -> list[int]:
        with self.client() as client:
            client.select_folder("INBOX", readonly=True)
            return sorted(client.search(["SUBJECT", PROBES[kind]]), reverse=True)

    def movable(self, count: int) -> list[int]:
        """New letters at the top of INBOX; their uids."""
        with self.client() as client:
            for number in range(count):
                now = NEWEST + timedelta(days=1, seconds=number)
                raw = (
                    f"From: Bench <bench@example.test>\r\nTo: <{self.user}>\r\nSubject: {MOVABLE} {number:03d}\r\n"
                    f"Message-ID: <move-{time.time_ns()}@bench.example>\r\nDate: {now:%a, %d %b %Y %H:%M:%S +0000}\r\n"
                    "\r\nMove me.\r\n"
                )
                client.append("INBOX", raw.encode(), [imapclient.SEEN], now)
            client.select_folder("INBOX", readonly=True)
            return sorted(client.search(["SUBJECT", MOVABLE]))

    def count(self, folder: str, subject: str) -> int:
        with self.client() as client:
            client.select_folder(folder, readonly=True)
            return len(client.search(["SUBJECT", subject]))

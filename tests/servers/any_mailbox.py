"""A mailbox on any IMAP server, as "the other client" sees it: plain IMAP4rev1, no code of the product in between."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

import imapclient


@dataclass
class AnyMailbox:
    """``prefix`` stands before every folder's name but INBOX, as servers with a personal namespace want it."""

    host: str
    port: int
    address: str
    password: str
    prefix: str = ""

    def named(self, folder: str) -> str:
        return folder if folder == "INBOX" else self.prefix + folder

    def bare(self, name: str) -> str:
        """A whole name without the prefix: what ``named`` turns into it."""
        return name if name == "INBOX" else name.removeprefix(self.prefix)

    @staticmethod
    def wire(name: str) -> str:
        """In modified UTF-7 (RFC 3501 section 5.1.3)."""
        encoded: bytes = imapclient.imap_utf7.encode(name)
        return encoded.decode("ascii")

    @contextlib.contextmanager
    def imap(self, folder: str | None = None) -> Iterator[imapclient.IMAPClient]:
        """A signed-in client, with this folder selected."""
        client = imapclient.IMAPClient(self.host, port=self.port, ssl=False, use_uid=True, timeout=30)
        client.login(self.address, self.password)
        try:
            if client.has_capability("ID"):
                client.id_({"name": "another client"})
            if folder is not None:
                client.select_folder(self.named(folder))
            yield client
        finally:
            with contextlib.suppress(OSError, imapclient.exceptions.IMAPClientError):
                client.logout()

    def append(self, *raws: bytes, folder: str = "INBOX", flags: tuple[bytes, ...] = ()) -> None:
        with self.imap() as client:
            for raw in raws:
                client.append(self.named(folder), raw, flags)

    def messages(self, folder: str = "INBOX") -> dict[int, tuple[str, set[str]]]:
        """UID → Message-ID and flags, of all that the folder holds."""
        with self.imap() as client:
            client.select_folder(self.named(folder), readonly=True)
            uids = client.search("ALL")
            found: dict[int, tuple[str, set[str]]] = {}
            for uid, data in client.fetch(uids, ["FLAGS", "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"]).items():
                header = next(value for key, value in data.items() if key.startswith(b"BODY["))
                identity = re.search(rb"<([^>]*)>", header)
                flags = {flag.decode() for flag in data[b"FLAGS"]} - {"\\Recent"}
                found[uid] = (identity[1].decode() if identity else "", flags)
            return found

    def content(self, folder: str = "INBOX") -> dict[str, set[str]]:
        """Message-ID → flags; a Message-ID that occurs twice fails the test."""
        found: dict[str, set[str]] = {}
        for name, flags in self.messages(folder).values():
            assert name not in found, f"{name} stands twice in {folder}"
            found[name] = flags
        return found

    def uid(self, client: imapclient.IMAPClient, message_id: str) -> int:
        """In the folder this client has selected."""
        [uid] = client.search(["HEADER", "Message-ID", message_id])
        return int(uid)

    def folders(self) -> set[str]:
        with self.imap() as client:
            return {name for _, _, name in client.list_folders()}

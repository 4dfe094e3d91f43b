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

    @contextlib.contextmanager
    def imap(self, folder: str | None = None) -> Iterator[imapclient.IMAPClient]:
        """A signed-in client, with this folder selected."""
        client = imapclient.IMAPClient(self.host, port=self.port, ssl=False, use_uid=True, timeout=30)
        client.login(self.address, self.password)
        try:
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

    def content(self, folder: str = "INBOX") -> dict[str, set[str]]:
        """Message-ID → flags, of all that the folder holds; a Message-ID that occurs twice fails the test."""
        with self.imap() as client:
            client.select_folder(self.named(folder), readonly=True)
            found: dict[str, set[str]] = {}
            for data in client.fetch(client.search("ALL"), ["FLAGS", "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"]).values():
                header = next(value for key, value in data.items() if key.startswith(b"BODY["))
                identity = re.search(rb"<([^>]*)>", header)
                name = identity[1].decode() if identity else ""
                assert name not in found, f"{name} stands twice in {folder}"
                found[name] = {flag.decode() for flag in data[b"FLAGS"]} - {"\\Recent"}
            return found

    def uid(self, client: imapclient.IMAPClient, message_id: str) -> int:
        """In the folder this client has selected."""
        [uid] = client.search(["HEADER", "Message-ID", message_id])
        return int(uid)

    def folders(self) -> set[str]:
        with self.imap() as client:
            return {name for _, _, name in client.list_folders()}

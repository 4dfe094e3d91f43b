"""A server with one folder of any size, whose messages are made up as they are asked for: a million cost nothing to keep.

It understands what a sync asks (RFC 3501, ESEARCH, LIST-STATUS and, where ``condstore``, RFC 7162), on one thread for each
connection. Uids are 1 to ``count``; two thirds are read. Flags that were changed are all it remembers.
"""

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Self

from webmail.imap.uidset import compact

START = datetime(2000, 1, 1, tzinfo=UTC)


class VastImap:
    """``with VastImap(1_000_000) as server:`` then connect to ``server.host``, ``server.port`` without TLS."""

    def __init__(self, count: int, *, condstore: bool = True) -> None:
        self.count = count
        self.condstore = condstore
        self.flags: dict[int, tuple[str, int]] = {}
        self.gone: set[int] = set()
        self.modseq = 10
        self.commands: list[str] = []
        self.lines: list[str] = []
        self.host = "127.0.0.1"
        self._listener = socket.create_server((self.host, 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def set_flags(self, uid: int, flags: str) -> None:
        """What another client does."""
        self.modseq += 1
        self.flags[uid] = (flags, self.modseq)

    def expunge(self, uid: int) -> None:
        self.modseq += 1
        self.gone.add(uid)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as reader:
            connection.sendall(f"* OK [CAPABILITY {self._capabilities}] ready\r\n".encode())
            while line := reader.readline():
                tag, _, command = line.rstrip().partition(b" ")
                self.lines.append(command.decode("utf-8", "replace"))
                self.commands.append(b" ".join(command.split()[:2]).decode("ascii", "replace").upper())
                octets: list[bytes] = []
                for piece in self._answer(command.decode("utf-8", "replace")):
                    octets.append(piece)
                    if len(octets) == 500:
                        connection.sendall(b"".join(octets))
                        octets.clear()
                connection.sendall(b"".join(octets) + tag + b" OK done\r\n")

    @property
    def _capabilities(self) -> str:
        extra = " ENABLE CONDSTORE" if self.condstore else ""
        return f"IMAP4rev1 ESEARCH UIDPLUS LIST-EXTENDED LIST-STATUS{extra}"

    def _answer(self, command: str) -> Iterator[bytes]:
        upper = command.upper()
        if upper.startswith("CAPABILITY"):
            yield f"* CAPABILITY {self._capabilities}\r\n".encode()
        elif upper.startswith("LIST"):
            yield b'* LIST (\\Subscribed) "/" INBOX\r\n'
            yield f"* STATUS INBOX ({self._status()})\r\n".encode()
        elif upper.startswith("STATUS"):
            yield f"* STATUS INBOX ({self._status()})\r\n".encode()
        elif upper.startswith("SELECT"):
            yield b"* FLAGS (\\Seen \\Flagged \\Answered \\Draft \\Deleted)\r\n"
            yield b"* %d EXISTS\r\n" % (self.count - len(self.gone))
            yield b"* OK [UIDVALIDITY 1] .\r\n* OK [UIDNEXT %d] .\r\n" % (self.count + 1)
            if self.condstore:
                yield b"* OK [HIGHESTMODSEQ %d] .\r\n" % self.modseq
        elif upper.startswith("UID SEARCH"):
            yield self._found(upper)
        elif upper.startswith("UID STORE"):
            yield from self._stored(command)
        elif upper.startswith(("UID FETCH", "FETCH")):
            yield from self._fetched(upper)

    def _status(self) -> str:
        unseen = self.count // 3 + sum(
            ("\\Seen" not in flags) - (uid % 3 == 0) for uid, (flags, _) in self.flags.items() if uid not in self.gone
        )
        unseen -= sum(uid % 3 == 0 for uid in self.gone)
        modseq = f" HIGHESTMODSEQ {self.modseq}" if self.condstore else ""
        there = self.count - len(self.gone)
        return f"MESSAGES {there} UNSEEN {unseen} UIDNEXT {self.count + 1} UIDVALIDITY 1{modseq}"

    def _uids(self, written: str) -> Iterator[int]:
        for piece in written.split(","):
            low, _, high = piece.partition(":")
            ends = sorted(self.count if end == "*" else min(int(end), self.count) for end in (low, high or low))
            yield from (uid for uid in range(ends[0], ends[1] + 1) if uid not in self.gone)

    def _found(self, upper: str) -> bytes:
        asked = re.search(r"UID ([0-9:,*]+)", upper[10:])
        uids: Iterator[int] = self._uids(asked[1] if asked else "1:*")
        for name, wanted in (("UNSEEN", False), ("FLAGGED", True), ("ANSWERED", True)):
            if upper.endswith(name):
                flag = "\\Seen" if name == "UNSEEN" else f"\\{name.capitalize()}"
                uids = self._with_flag(uids, flag, wanted)
        if "RETURN" in upper:
            found = compact(list(uids))
            return f'* ESEARCH (TAG "x") UID{f" ALL {found}" if found else ""}\r\n'.encode()
        return f"* SEARCH {' '.join(map(str, uids))}\r\n".encode()

    def _with_flag(self, uids: Iterator[int], flag: str, wanted: bool) -> Iterator[int]:
        return (uid for uid in uids if (flag in self._flags(uid)) is wanted)

    def _flags(self, uid: int) -> str:
        return self.flags[uid][0] if uid in self.flags else "\\Seen" if uid % 3 else ""

    def _stored(self, command: str) -> Iterator[bytes]:
        words = command.split()
        changed = set(words[4].strip("()").split())
        for uid in self._uids(words[2]):
            flags = set(self._flags(uid).split())
            self.set_flags(uid, " ".join(sorted(flags | changed if words[3].startswith("+") else flags - changed)))
            if self.condstore:
                yield f"* {uid} FETCH (UID {uid} MODSEQ ({self.modseq}))\r\n".encode()

    def _fetched(self, upper: str) -> Iterator[bytes]:
        by_uid = upper.startswith("UID")
        written = upper.split()[2 if by_uid else 1]
        since = re.search(r"CHANGEDSINCE (\d+)", upper)
        uids: Iterator[int] = self._uids(written)
        if since is not None:
            uids = iter([uid for uid, (_, modseq) in self.flags.items() if modseq > int(since[1])])
        section = re.search(r"BODY\.PEEK\[(\d[\d.]*)\]", upper)
        whole = "ENVELOPE" in upper
        for uid in uids:
            modseq = f" MODSEQ ({self.flags[uid][1] if uid in self.flags else 1})" if self.condstore else ""
            head = f"* {uid} FETCH (UID {uid} FLAGS ({self._flags(uid)}){modseq}"
            if section is not None:
                text = f"This is letter {uid} of very many, about subject {uid % 997}.\r\n"
                yield f"* {uid} FETCH (UID {uid} BODY[{section[1]}]<0> {{{len(text)}}}\r\n{text})\r\n".encode()
            elif whole:
                yield f"{head} {row(uid)})\r\n".encode()
            else:
                yield f"{head})\r\n".encode()


def row(uid: int) -> str:
    """What a list needs to know of one message; every tenth answers the one before."""
    when = START + timedelta(minutes=uid)
    person = f'((NIL NIL "bob-{uid % 500}" "example.test"))'
    before = f"<letter-{uid - 1}@example.test>" if uid % 10 == 0 else ""
    subject = f"Re: Letter {uid - 1}" if before else f"Letter {uid}"
    references = f"References: {before}\r\n\r\n" if before else "\r\n"
    replied = f'"{before}"' if before else "NIL"
    return (
        f'INTERNALDATE "{when.day:2}-{when:%b-%Y %H:%M:%S} +0000" RFC822.SIZE {1000 + uid % 5000} '
        f'ENVELOPE ("{when:%a, %d %b %Y %H:%M:%S} +0000" "{subject}" {person} {person} {person} '
        f'((NIL NIL "ada" "example.test")) NIL NIL {replied} "<letter-{uid}@example.test>") '
        f'BODYSTRUCTURE ("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 60 1 NIL NIL NIL NIL) '
        f"BODY[HEADER.FIELDS (REFERENCES LIST-ID)] {{{len(references)}}}\r\n{references}"
    )

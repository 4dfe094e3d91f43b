"""A server that says what a test tells it to: for greetings, garbage and lies no real server utters."""

import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Mapping
from typing import Self

_LITERAL = re.compile(rb"\{(\d+)(\+?)\}\r\n\Z")

CAPABILITY = b"* CAPABILITY IMAP4rev1 UIDPLUS\r\n{tag} OK done\r\n"


class ScriptedImap:
    """``answers`` maps a command name ("UID FETCH" or "FETCH") to its whole answer; ``{tag}`` is filled in.

    Unlisted commands get a plain OK; LOGIN succeeds; SELECT opens a folder of one message. An empty answer is silence,
    None hangs up. A list is used up one by one, its last entry stays.
    """

    def __init__(
        self,
        answers: Mapping[str, bytes | list[bytes] | None] | None = None,
        *,
        greeting: bytes = b"* OK ready\r\n",
        context: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
    ) -> None:
        self.answers: dict[str, bytes | list[bytes] | None] = {
            "CAPABILITY": CAPABILITY,
            "SELECT": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 1] .\r\n* OK [UIDNEXT 8] .\r\n{tag} OK [READ-WRITE] done\r\n",
            "LOGOUT": b"* BYE\r\n{tag} OK bye\r\n",
            **(answers or {}),
        }
        self.greeting = greeting
        self.received: list[bytes] = []
        self.host = "127.0.0.1"
        self._context = context
        self._starttls = starttls
        self._listener = socket.create_server((self.host, 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            connection.sendall(self.greeting)
            self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        reader = connection.makefile("rb")
        while line := reader.readline():
            whole = line
            while (literal := _LITERAL.search(whole)) is not None:
                if not literal[2]:
                    connection.sendall(b"+ go on\r\n")
                whole += reader.read(int(literal[1])) + reader.readline()
            self.received.append(whole)
            words = whole.split()
            tag = words[0] if words else b""
            names = [word.decode("ascii", "replace").upper() for word in words[1:3]]
            answer = self._answer(" ".join(names), names[0] if names else "")
            if answer is None:
                return
            connection.sendall(answer.replace(b"{tag}", tag))
            if names[:1] == ["STARTTLS"] and self._starttls is not None:
                connection = self._starttls.wrap_socket(connection, server_side=True)
                reader = connection.makefile("rb")

    def _answer(self, *names: str) -> bytes | None:
        for name in names:
            if name in self.answers:
                found = self.answers[name]
                if isinstance(found, list):
                    return found.pop(0) if len(found) > 1 else found[0]
                return found
        return b"{tag} OK done\r\n"

"""A POP3 server that holds the messages a test gives it and misbehaves where told: lies, garbage, cuts, silence."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

CAPABILITIES = ("USER", "UIDL", "TOP", "RESP-CODES", "PIPELINING")
_WAIT_SECONDS = 10.0


@dataclass(frozen=True)
class Cut:
    """Send so many octets, then hang up."""

    octets: bytes = b""


Answer = bytes | Cut | Iterator[bytes] | None


def stuffed(raw: bytes, line_end: bytes = b"\r\n") -> bytes:
    """A message as the body of a multi-line answer: it ends in a line end, a dot that begins a line is doubled."""
    lines = raw.split(line_end)
    if lines[-1] == b"":
        lines.pop()
    return b"".join((b"." + line if line.startswith(b".") else line) + line_end for line in lines) + b"." + line_end


class ScriptedPop3:
    """``answers`` maps "RETR 2" or "RETR" to the whole answer; what is not listed is answered as RFC 1939 has it.

    With ``removes`` a confirmed deletion is one, and the next session finds the others renumbered.

    Empty octets are silence, None hangs up, an iterator is sent piece by piece. A list is used up one by one, its last
    entry stays. ``capabilities`` None: the server has no CAPA. ``uidls`` None: it has no UIDL; else the ids by position,
    number and space added.
    """

    def __init__(
        self,
        messages: Iterable[bytes] = (),
        *,
        answers: Mapping[str, Answer | list[Answer]] | None = None,
        uidls: Sequence[bytes] | None = (),
        capabilities: Sequence[str] | None = CAPABILITIES,
        greeting: bytes = b"+OK ready\r\n",
        context: ssl.SSLContext | None = None,
        stls: ssl.SSLContext | None = None,
        line_end: bytes = b"\r\n",
        removes: bool = False,
    ) -> None:
        self.messages = list(messages)
        self.answers: dict[str, Answer | list[Answer]] = dict(answers or {})
        self.uidls = uidls
        self.capabilities = capabilities
        self.greeting = greeting
        self.removes = removes
        self.received: list[bytes] = []
        self.deleted: set[int] = set()
        self.host = "127.0.0.1"
        self._line_end = line_end
        self._context = context
        self._stls = stls
        self._changed = threading.Condition()
        self._sessions = 0
        self._listener = socket.create_server((self.host, 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def commands(self, name: str) -> list[bytes]:
        return [line for line in self.received if line.upper().startswith(name.encode())]

    def wait_for(self, command: str) -> None:
        """Wait until a command of this name has come."""
        with self._changed:
            assert self._changed.wait_for(lambda: bool(self.commands(command)), _WAIT_SECONDS), self.received

    def wait_until_left(self) -> None:
        """Wait until every session has ended, as a server that locks the maildrop would make the next one wait."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._sessions == 0, _WAIT_SECONDS)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:
                return
            with self._changed:
                self._sessions += 1
            threading.Thread(target=self._session, args=(connection,), daemon=True).start()

    def _session(self, connection: socket.socket) -> None:
        try:
            self._serve(connection)
        finally:
            with self._changed:
                self._sessions -= 1
                self._changed.notify_all()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.enter_context(connection)
            if self._context is not None:
                connection = stack.enter_context(self._context.wrap_socket(connection, server_side=True))
            connection.sendall(self.greeting)
            reader = connection.makefile("rb")
            marked: set[int] = set()
            while line := reader.readline():
                with self._changed:
                    self.received.append(line)
                    self._changed.notify_all()
                answer = self._answer(line.strip().decode("utf-8", "replace"), marked)
                if isinstance(answer, Cut):
                    connection.sendall(answer.octets)
                if answer is None or isinstance(answer, Cut):
                    return
                for piece in answer if isinstance(answer, Iterator) else [answer]:
                    connection.sendall(piece)
                if line.upper().startswith(b"QUIT"):
                    return
                if line.upper().startswith(b"STLS") and self._stls is not None:
                    connection = stack.enter_context(self._stls.wrap_socket(connection, server_side=True))
                    reader = connection.makefile("rb")

    def _answer(self, line: str, marked: set[int]) -> Answer:
        words = line.upper().split() or [""]
        given = self.answers.get(" ".join(words), self.answers.get(words[0], b"default"))
        if isinstance(given, list):
            given = given.pop(0) if len(given) > 1 else given[0]
        if given != b"default":
            return given
        number = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
        if words[0] in {"RETR", "TOP", "DELE"} and not 1 <= number <= len(self.messages):
            return b"-ERR no such message" + self._line_end
        if words[0] in {"CAPA", "LIST", "UIDL", "STAT", "RETR", "TOP"}:
            return self._told(words[0], number)
        if words[0] == "DELE":
            marked.add(number)
        elif words[0] == "RSET":
            marked.clear()
        elif words[0] == "QUIT":
            self.deleted |= marked
            if self.removes:
                self._remove(marked)
        elif words[0] not in {"USER", "PASS", "NOOP"} and (words[0] != "STLS" or self._stls is None):
            return b"-ERR unknown command" + self._line_end
        return b"+OK" + self._line_end

    def _remove(self, marked: set[int]) -> None:
        if self.uidls is not None:
            ids = self.uidls or self._ids()
            self.uidls = [uid for number, uid in enumerate(ids, 1) if number not in marked]
        self.messages = [raw for number, raw in enumerate(self.messages, 1) if number not in marked]

    def _ids(self) -> list[bytes]:
        return [b"id-%d" % place for place in range(1, len(self.messages) + 1)]

    def _told(self, command: str, number: int) -> bytes:
        end = self._line_end
        if command == "STAT":
            return b"+OK %d %d" % (len(self.messages), sum(map(len, self.messages))) + end
        told: Sequence[bytes] | None = None
        if command == "CAPA" and self.capabilities is not None:
            told = [each.encode() for each in self.capabilities]
        elif command == "UIDL" and self.uidls is not None:
            ids = self.uidls or self._ids()
            told = [b"%d %s" % numbered for numbered in enumerate(ids, 1)]
        elif command == "LIST":
            told = [b"%d %d" % (place, len(each)) for place, each in enumerate(self.messages, 1)]
        elif command == "RETR":
            return b"+OK" + end + stuffed(self.messages[number - 1], end)
        elif command == "TOP" and self.capabilities is not None and "TOP" in self.capabilities:
            return b"+OK" + end + stuffed(self.messages[number - 1].partition(end * 2)[0] + end * 2, end)
        if told is None:
            return b"-ERR unknown command" + end
        return b"+OK" + end + b"".join(line + end for line in told) + b"." + end

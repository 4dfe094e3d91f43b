"""An IMAP server with mail in it and the manners of a provider. Strict: what it does not offer it answers with BAD."""

import contextlib
import re
import socket
import threading
from typing import Any, Self

from tests.servers.personalities import Personality
from tests.servers.personality_commands import listed
from tests.servers.personality_folders import FolderCommands
from tests.servers.personality_messages import MessageCommands
from tests.servers.personality_words import read

_LITERAL = re.compile(rb"\{(\d+)(\+?)\}\r\n\Z")
_OFFERED = {"IDLE": "IDLE", "ENABLE": "ENABLE", "ID": "ID", "NAMESPACE": "NAMESPACE", "MOVE": "MOVE"}
_ALWAYS = frozenset(
    [
        "CAPABILITY",
        "NOOP",
        "LOGOUT",
        "LOGIN",
        "LIST",
        "LSUB",
        "STATUS",
        "SELECT",
        "EXAMINE",
        "CREATE",
        "DELETE",
        "RENAME",
        "SUBSCRIBE",
        "UNSUBSCRIBE",
        "APPEND",
        "FETCH",
        "STORE",
        "COPY",
        "SEARCH",
        "EXPUNGE",
        "CLOSE",
        "CHECK",
    ]
)


class PersonalityServer:
    """``with PersonalityServer(Gmail()) as server:`` then connect to ``host``, ``port`` without TLS, any user name and
    ``server.password``. ``commands`` are those received; ``personality.mail`` is what the mailbox holds.
    """

    host = "127.0.0.1"
    password = "right"

    def __init__(self, personality: Personality) -> None:
        self.personality = personality
        self.commands: list[str] = []
        self.open = 0
        self.most = 0
        self._listener = socket.create_server((self.host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._connections: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listener, *self._connections):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def wait_until_alone(self, others: int = 0) -> None:
        """Wait until no more than so many connections are open: a farewell takes a moment to arrive."""
        with self.personality.mail.changed:
            assert self.personality.mail.changed.wait_for(lambda: self.open <= others, 60)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with self.personality.mail.changed:
            self.open += 1
            self.most = max(self.most, self.open)
        try:
            with contextlib.suppress(OSError, ValueError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _Session(self, connection).run()
        finally:
            # Files made of the connection would keep it open.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            with self.personality.mail.changed:
                self.open -= 1
                self.personality.mail.changed.notify_all()


class _Session(FolderCommands, MessageCommands):
    """Reads commands, answers them, tells the news before a tagged OK."""

    def __init__(self, server: PersonalityServer, connection: socket.socket) -> None:
        self.server = server
        self.who = server.personality
        self.mail = self.who.mail
        self.connection = connection
        self.reader = connection.makefile("rb")
        self.view = []
        self.told = {}

    def run(self) -> None:
        self.send(b"* OK " + self.who.greeting)
        while line := self.reader.readline():
            while (literal := _LITERAL.search(line)) is not None:
                if not literal[2]:
                    self.send(b"+ go on")
                line += self.reader.read(int(literal[1])) + self.reader.readline()
            words = read(line)
            name = words[1].decode().upper() if len(words) > 1 else ""
            by_uid = name == "UID"
            arguments = words[3:] if by_uid else words[2:]
            name = words[2].decode().upper() if by_uid else name
            with self.mail.changed:
                self.server.commands.append(name)
                answer = self.answer(name, arguments, by_uid=by_uid)
                if answer.startswith(b"OK") and name not in {"FETCH", "STORE", "SEARCH"}:
                    self.news()
            self.send(words[0] + b" " + answer)
            if name == "LOGOUT" or answer.startswith(b"BYE"):
                return

    def answer(self, name: str, arguments: list[Any], *, by_uid: bool) -> bytes:
        refusal = self.who.refusal(self, name, arguments)
        if refusal is not None:
            if refusal.startswith(b"* BYE"):
                self.send(refusal)
                self.connection.shutdown(socket.SHUT_RDWR)
            return refusal
        wanted = "UIDPLUS" if name == "EXPUNGE" and by_uid else _OFFERED.get(name)
        offered = name in _ALWAYS if wanted is None else wanted in self.who.after.split()
        if not offered:
            return b"BAD unknown command"
        if not self.signed_in and name not in {"CAPABILITY", "LOGIN", "LOGOUT", "NOOP", "ID"}:
            return b"BAD not signed in"
        if name in {"FETCH", "STORE", "COPY", "MOVE", "SEARCH", "EXPUNGE", "CLOSE", "CHECK"}:
            if self.box is None:
                return b"BAD no folder is selected"
            return getattr(self, "do_" + name.lower())(self.box, arguments, by_uid)  # type: ignore[no-any-return]
        return getattr(self, "do_" + name.lower())(arguments)  # type: ignore[no-any-return]

    def news(self) -> None:
        """What other connections changed in the selected folder, as untagged responses."""
        if self.box is None:
            return
        there = set(map(id, self.box.copies))
        for position in range(len(self.view), 0, -1):
            if id(self.view[position - 1]) not in there:
                del self.view[position - 1]
                self.send(b"* %d EXPUNGE" % position)
        if len(self.box.copies) > len(self.view):
            self.view = list(self.box.copies)
            self.send(b"* %d EXISTS" % len(self.view))
        for position, each in enumerate(self.view, 1):
            if self.told.get(each.uid, each.flags) != each.flags:
                self.send(b"* %d FETCH (UID %d FLAGS %s)" % (position, each.uid, listed(each.flags)))
            self.told[each.uid] = each.flags

    # --- any state

    def do_capability(self, _: list[Any]) -> bytes:
        self.send(b"* CAPABILITY " + (self.who.after if self.signed_in else self.who.before).encode())
        return b"OK done"

    def do_id(self, _: list[Any]) -> bytes:
        self.identified = True
        self.send(b'* ID ("name" "fake")')
        return b"OK done"

    def do_noop(self, _: list[Any]) -> bytes:
        return b"OK done"

    def do_logout(self, _: list[Any]) -> bytes:
        self.send(b"* BYE see you")
        return b"OK done"

    def do_login(self, arguments: list[Any]) -> bytes:
        if arguments[1].decode() != self.server.password:
            return b"NO " + self.who.wrong_password
        if self.who.connections and self.server.open > self.who.connections:
            return b"NO " + self.who.too_many
        self.signed_in = True
        return b"OK " + self.who.signed_in

    def do_idle(self, _: list[Any]) -> bytes:
        self.send(b"+ idling")
        done = threading.Event()

        def watch() -> None:
            with contextlib.suppress(OSError), self.mail.changed:
                while not done.is_set():
                    self.news()
                    self.mail.changed.wait()

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        # The lock is held by the caller: waiting for DONE has to let others in.
        self.mail.changed.release()
        try:
            self.reader.readline()
        finally:
            self.mail.changed.acquire()
            done.set()
            self.mail.changed.notify_all()
        return b"OK done"

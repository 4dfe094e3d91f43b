"""A TCP proxy in front of an IMAP server that understands lines and literals, and fails where a test tells it to."""

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import BinaryIO, Literal, Self

Action = Literal["cut_before", "cut_after", "cut_reply", "hold", "answer", "late"]

_LITERAL = re.compile(rb"\{(\d+)(\+?)\}\r\n\Z")
_CAPABILITY = re.compile(rb"(\* CAPABILITY |\[CAPABILITY )([^\]\r\n]*)")
_WAIT_SECONDS = 10.0
_LATEST_SECONDS = 60.0
_SILENCE = b"\0"


@dataclass
class Rule:
    """What happens to the ``occurrence``-th command of this name (``FETCH``, without UID; ``*`` is any), counted from
    the moment the rule was added.

    cut_before: the connection is reset and the server never sees the command. cut_after: the server carries it out, its
    answer is swallowed, then the reset. cut_reply: reset after ``octets`` of the answer. hold: silence from here on.
    answer: ``text`` comes instead, ``{tag}`` filled in. late: the whole command is taken in, then the client's connection is
    reset; the server carries it out when ``release`` is called.
    """

    command: str
    action: Action
    occurrence: int = 1
    octets: int = 0
    text: bytes = b""
    seen: int = field(default=0, init=False)
    released: threading.Event = field(default_factory=threading.Event, init=False)
    carried_out: threading.Event = field(default_factory=threading.Event, init=False)

    def release(self) -> None:
        """Let the server have the command that was kept back, and wait until it has answered."""
        self.released.set()
        assert self.carried_out.wait(_WAIT_SECONDS), f"the server did not answer {self.command}"


class FaultProxy:
    """``with FaultProxy(host, port) as proxy:`` then connect to ``proxy.host``, ``proxy.port`` without TLS."""

    def __init__(self, host: str, port: int, *, hide: Iterable[str] = (), add: Iterable[str] = ()) -> None:
        self.target = (host, port)
        self.hide = {each.upper().encode() for each in hide}
        self.add = [each.encode() for each in add]
        self.rules: list[Rule] = []
        self.commands: list[str] = []
        self.host = "127.0.0.1"
        self._changed = threading.Condition()
        self._links: list[_Link] = []
        self._listener = socket.create_server((self.host, 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for link in self._links:
            link.reset()

    def rule(self, command: str, action: Action, *, occurrence: int = 1, octets: int = 0, text: bytes = b"") -> Rule:
        added = Rule(command.upper(), action, occurrence, octets, text)
        with self._changed:
            self.rules.append(added)
        return added

    @property
    def connected(self) -> int:
        """How many connections are open."""
        self._links = [link for link in self._links if not link.ended.is_set()]
        return len(self._links)

    def cut_all(self) -> None:
        """Reset every connection now."""
        for link in self._links:
            link.reset()

    def wait_for(self, command: str, count: int = 1) -> None:
        """Wait until the command has been seen so many times."""
        with self._changed:
            done = self._changed.wait_for(lambda: self.commands.count(command.upper()) >= count, _WAIT_SECONDS)
        assert done, f"{command} was not seen {count} times: {self.commands}"

    def matching(self, command: str) -> Rule | None:
        with self._changed:
            self.commands.append(command)
            self._changed.notify_all()
            for rule in self.rules:
                if rule.command in {"*", command}:
                    rule.seen += 1
                    if rule.seen == rule.occurrence:
                        return rule
        return None

    def altered(self, line: bytes) -> bytes:
        """The line with the capabilities hidden and added."""

        def words(found: re.Match[bytes]) -> bytes:
            kept = [word for word in found[2].split() if word.upper() not in self.hide]
            return found[1] + b" ".join([*kept, *self.add])

        return _CAPABILITY.sub(words, line) if self.hide or self.add else line

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:
                return
            try:
                server = socket.create_connection(self.target)
                server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:
                client.close()
                continue
            link = _Link(self, client, server)
            self._links.append(link)
            link.start()


class _Link:
    """One client with its own connection to the server."""

    def __init__(self, proxy: FaultProxy, client: socket.socket, server: socket.socket) -> None:
        self.proxy = proxy
        self.client = client
        self.server = server
        self.swallow_until = b""
        self.allowance: int | None = None
        self.swallowed = threading.Event()
        self.late = False
        self.awaited = b""
        self.ended = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._guarded, args=(self._upstream,), daemon=True).start()
        threading.Thread(target=self._guarded, args=(self._downstream,), daemon=True).start()

    def _guarded(self, run: Callable[[], None]) -> None:
        with contextlib.suppress(OSError, ValueError):
            run()
        self.swallowed.set()
        for each in (self.client, self.server):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self.ended.set()

    def reset(self) -> None:
        """Both sides see the connection break without a goodbye; the server not yet where it has a command to come."""
        for each in (self.client,) if self.late else (self.client, self.server):
            with contextlib.suppress(OSError):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _upstream(self) -> None:
        reader = self.client.makefile("rb")
        while line := reader.readline():
            words = line.split()
            position = 2 if len(words) > 2 and words[1].upper() == b"UID" else 1
            name = words[min(position, len(words) - 1)].decode("ascii", "replace").upper() if words else ""
            rule = self.proxy.matching(name)
            if rule is not None and rule.action == "answer":
                while (literal := _LITERAL.search(line)) is not None and literal[2]:
                    reader.read(int(literal[1]))
                    line = reader.readline()
                self.client.sendall(rule.text.replace(b"{tag}", words[0]))
                continue
            if rule is not None and rule.action == "late":
                self._later(rule, reader, line, words[0])
                return
            if rule is not None and self._before(rule, words[0], idle=name == "IDLE"):
                return
            self.server.sendall(line)
            while (literal := _LITERAL.search(line)) is not None:
                self.server.sendall(reader.read(int(literal[1])))
                line = reader.readline()
                self.server.sendall(line)
            if rule is not None and rule.action == "cut_after":
                self.swallowed.wait(_WAIT_SECONDS)
                self.reset()
                return

    def _later(self, rule: Rule, reader: BinaryIO, line: bytes, tag: bytes) -> None:
        octets = line
        while (literal := _LITERAL.search(line)) is not None:
            if not literal[2]:
                self.client.sendall(b"+ Go on\r\n")
            octets += reader.read(int(literal[1]))
            line = reader.readline()
            octets += line
        self.swallow_until, self.late = _SILENCE, True
        self.reset()
        if rule.released.wait(_LATEST_SECONDS):
            self.awaited = tag + b" "
            self.server.sendall(octets)
            self.swallowed.wait(_WAIT_SECONDS)
            rule.carried_out.set()

    def _before(self, rule: Rule, tag: bytes, *, idle: bool) -> bool:
        """Act on a rule before its command is passed on; True when nothing more is to be passed on."""
        # IDLE is answered when it ends, and its answer would be waited for in vain.
        if rule.action == "cut_before" or (rule.action == "cut_after" and idle):
            self.reset()
        elif rule.action == "hold":
            # The server's own words would break the silence.
            self.swallow_until = _SILENCE
            self.swallowed.wait()
        elif rule.action == "cut_after":
            self.swallow_until = tag + b" "
            return False
        elif rule.action == "cut_reply":
            self.allowance = rule.octets
            return False
        return True

    def _downstream(self) -> None:
        reader = self.server.makefile("rb")
        while line := reader.readline():
            literal = _LITERAL.search(line) if line.startswith(b"*") or not line[:1].isalnum() else None
            content = reader.read(int(literal[1])) if literal else b""
            if self.swallow_until:
                if line.startswith(b"+") and self.swallow_until != _SILENCE:
                    # The go-ahead for a literal is no answer yet.
                    self._pass_down(line)
                if line.startswith(self.swallow_until) or (self.awaited and line.startswith(self.awaited)):
                    self.swallowed.set()
                continue
            self._pass_down(self.proxy.altered(line) + content)

    def _pass_down(self, octets: bytes) -> None:
        if self.allowance is None:
            self.client.sendall(octets)
            return
        self.client.sendall(octets[: self.allowance])
        self.allowance -= len(octets)
        if self.allowance <= 0:
            # An orderly end after the last octet, so that what was sent does arrive.
            self.client.shutdown(socket.SHUT_WR)
            raise OSError("cut")

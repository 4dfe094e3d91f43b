"""An SMTP submission server that keeps what it gets and misbehaves on demand, command by command.

Set ``sink.script`` before the client connects; every test starts with a well-behaved server.
"""

import base64
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from webmail.demo.certificates import write_certificates

Moment = Literal["connect", "starttls", "auth", "mail", "rcpt", "data", "body", "reply", "accepted"]


class Hangup(Exception):
    """The script says: break the connection now."""


@dataclass
class Received:
    """One accepted message with its envelope."""

    mail_from: str
    rcpt_to: list[str]
    raw: bytes
    user: str
    parameters: str = ""


@dataclass
class Script:
    """What the server does. A reply is the whole line without its end, e.g. ``"451 4.7.1 Try later"``.

    ``hang_up`` breaks the connection: at ``connect`` instead of the greeting; at ``starttls``, ``auth``, ``mail``, ``rcpt``
    or ``data`` instead of the answer; at ``body`` after the first bytes of the message; at ``reply`` after the whole
    message, which is lost; at ``accepted`` after the whole message, which is kept although the client never hears so.
    """

    greeting: str = "220 sink.example.test ESMTP"
    starttls: bool = True
    auth_offered: bool = True
    auth: str = "235 2.7.0 Accepted"
    mail: str = "250 2.1.0 OK"
    rcpt: dict[str, str] = field(default_factory=dict)
    rcpt_default: str = "250 2.1.5 OK"
    data: str = "354 Go ahead"
    final: str = "250 2.0.0 Queued as SINK1"
    size: int = 0
    utf8: bool = True
    extensions: tuple[str, ...] = ("8BITMIME", "ENHANCEDSTATUSCODES", "PIPELINING")
    one_by_one: bool = False  # says that it takes commands in one flight, and breaks off when they come so
    per_connection: int = 0  # messages; the next MAIL is answered with 421
    hang_up: Moment | None = None
    spared: int = 0  # messages of each connection before ``hang_up`` strikes
    delays: dict[Moment, float] = field(default_factory=dict)


class _Lines:
    """Reads lines; ``waiting`` is what came along with the last one."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.waiting = b""

    def readline(self, limit: int = 1 << 26) -> bytes:
        while b"\n" not in self.waiting and len(self.waiting) < limit:
            more = self.connection.recv(65536)
            if not more:
                break
            self.waiting += more
        end = self.waiting.find(b"\n") + 1 or len(self.waiting)
        line, self.waiting = self.waiting[: min(end, limit)], self.waiting[min(end, limit) :]
        return line


class _Session(socketserver.BaseRequestHandler):
    server: "_Server"

    def handle(self) -> None:
        self.connection: socket.socket = self.request
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rfile = _Lines(self.connection)
        self.sink = self.server.sink
        self.script = self.sink.script
        self.secured = False
        self.user = ""
        self.taken = 0
        self.forget()
        self.sink.entered()
        try:
            if self.server.implicit_tls:
                self.secure()
            self.pause("connect")
            self.say(self.script.greeting)
            while self.command():
                pass
        except (Hangup, OSError):
            pass
        finally:
            self.connection.close()
            self.sink.left()

    def forget(self) -> None:
        self.mail_from: str | None = None
        self.mail_parameters = ""
        self.rcpt_to: list[str] = []

    def secure(self) -> None:
        self.connection = self.sink.context.wrap_socket(self.connection, server_side=True)
        self.rfile = _Lines(self.connection)
        self.secured = True

    def say(self, *lines: str) -> None:
        self.connection.sendall("".join(line + "\r\n" for line in lines).encode())

    def pause(self, moment: Moment) -> None:
        # An event, so that stopping the server ends the wait.
        self.sink.stopping.wait(self.script.delays.get(moment, 0))
        if self.script.hang_up == moment and self.taken >= self.script.spared:
            raise Hangup

    def command(self) -> bool:
        line = self.rfile.readline(4096)
        if not line:
            return False
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        verb, _, rest = text.partition(" ")
        if self.script.one_by_one and self.rfile.waiting:
            raise Hangup
        self.sink.commands.append(verb.upper() if verb.upper() == "AUTH" else text)
        handlers: dict[str, Callable[[str], None]] = {
            "EHLO": self.ehlo,
            "HELO": lambda _: self.say("250 sink.example.test"),
            "STARTTLS": self.starttls,
            "AUTH": self.auth,
            "MAIL": self.mail,
            "RCPT": self.rcpt,
            "DATA": self.data,
            "RSET": self.rset,
            "NOOP": lambda _: self.say("250 2.0.0 OK"),
        }
        if verb.upper() == "QUIT":
            self.say("221 2.0.0 Bye")
            return False
        handlers.get(verb.upper(), lambda _: self.say("502 5.5.1 Unknown command"))(rest)
        return True

    def ehlo(self, _: str) -> None:
        offers = ["sink.example.test", *self.script.extensions]
        if self.script.size:
            offers.append(f"SIZE {self.script.size}")
        if self.script.utf8:
            offers.append("SMTPUTF8")
        if self.script.starttls and not self.secured:
            offers.append("STARTTLS")
        if self.script.auth_offered and self.secured:
            offers.append("AUTH PLAIN LOGIN")
        self.say(*(f"250-{offer}" for offer in offers[:-1]), f"250 {offers[-1]}")

    def starttls(self, _: str) -> None:
        if not self.script.starttls or self.secured:
            self.say("502 5.5.1 Not here")
            return
        self.pause("starttls")
        self.say("220 2.0.0 Ready")
        self.secure()
        self.forget()

    def auth(self, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        if mechanism.upper() == "PLAIN":
            self.user = self.decoded(initial or self.challenge("")).split("\0")[1]
        else:
            self.user = self.decoded(initial or self.challenge("VXNlcm5hbWU6"))
            self.challenge("UGFzc3dvcmQ6")
        self.pause("auth")
        self.say(self.script.auth)

    def challenge(self, text: str) -> str:
        self.say(f"334 {text}")
        return self.rfile.readline(4096).decode().strip()

    @staticmethod
    def decoded(text: str) -> str:
        return base64.b64decode(text).decode()

    def mail(self, rest: str) -> None:
        self.pause("mail")
        if self.script.per_connection and self.taken >= self.script.per_connection:
            self.say("421 4.7.0 Enough for one connection")
            raise Hangup
        address, _, self.mail_parameters = rest[5:].strip().partition(" ")
        if self.script.mail.startswith("2"):
            self.mail_from = address.strip("<>")
        self.say(self.script.mail)

    def rcpt(self, rest: str) -> None:
        self.pause("rcpt")
        address = rest[3:].strip().partition(" ")[0].strip("<>")
        reply = self.script.rcpt.get(address.lower(), self.script.rcpt_default)
        if self.mail_from is None:
            reply = "503 5.5.1 MAIL first"
        if reply.startswith("2"):
            self.rcpt_to.append(address)
        self.say(reply)

    def rset(self, _: str) -> None:
        self.forget()
        self.say("250 2.0.0 OK")

    def data(self, _: str) -> None:
        self.pause("data")
        if not self.rcpt_to:
            self.say("554 5.5.1 No valid recipients")
            return
        self.say(self.script.data)
        if not self.script.data.startswith("354"):
            return
        lines: list[bytes] = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                raise Hangup
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            self.pause("body")
        self.pause("reply")
        if self.script.final.startswith("2"):
            self.sink.keep(
                Received(self.mail_from or "", self.rcpt_to, b"".join(lines), self.user, self.mail_parameters)
            )
        self.pause("accepted")
        self.taken += 1
        self.forget()
        self.say(self.script.final)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, sink: "SmtpSink", *, implicit_tls: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.sink = sink
        self.implicit_tls = implicit_tls

    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """A client that breaks off is part of the game."""


class SmtpSink:
    """Listens on ``port`` (STARTTLS) and ``tls_port`` (implicit TLS) of localhost; ``ca_file`` vouches for both."""

    host = "localhost"

    def __init__(self, directory: Path) -> None:
        write_certificates(directory, ("localhost", "127.0.0.1"))
        self.ca_file = directory / "ca.pem"
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(directory / "server.pem", directory / "server.key")
        self.script = Script()
        self.received: list[Received] = []
        self.commands: list[str] = []
        self.connections = 0
        self._present = 0
        self.stopping = threading.Event()
        self._changed = threading.Condition()
        self._servers = [_Server(self, implicit_tls=False), _Server(self, implicit_tls=True)]
        self.port, self.tls_port = (server.server_address[1] for server in self._servers)
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def keep(self, message: Received) -> None:
        with self._changed:
            self.received.append(message)
            self._changed.notify_all()

    def entered(self) -> None:
        with self._changed:
            self.connections += 1
            self._present += 1

    def left(self) -> None:
        with self._changed:
            self._present -= 1
            self._changed.notify_all()

    def wait_until_left(self, seconds: float = 10) -> None:
        """Block until no client is connected any more; raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._present, seconds):
                raise TimeoutError(f"{self._present} clients are still here")

    def wait_for(self, count: int, seconds: float = 10) -> list[Received]:
        """Block until ``count`` messages have been accepted; raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.received) >= count, seconds):
                raise TimeoutError(f"{len(self.received)} of {count} messages came")
            return list(self.received)

    def reset(self) -> None:
        self.script = Script()
        self.received = []
        self.commands = []
        self.connections = 0

    def stop(self) -> None:
        self.stopping.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

"""Speaks SMTP submission (RFC 6409); the only importer of smtplib. No database here.

TLS is mandatory unless the endpoint says otherwise, certificates are always verified, and a password never leaves before
the connection is private. Every failure is a MailError; only OutcomeUnknown leaves open whether the mail was taken.
"""

import base64
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from webmail.errors import AskUser, OutcomeUnknown, Reason
from webmail.tls import tls_context

from . import smtp_problems as problems
from .smtp_message import CONTROLS, Envelope, mail_parameters, measure, rcpt_parameters, spec, stuffed

CONNECT_SECONDS = 15.0
COMMAND_SECONDS = 120.0  # RFC 5321 section 4.5.3.2 allows up to five minutes; nobody waits that long for RCPT
FINAL_SECONDS = 600.0  # section 4.5.3.2.6: giving up earlier makes duplicates
_FLIGHT = 50  # recipients named before their answers are read: the answers have to fit what lies between
_OFFERS, _OFFER_LENGTH = 64, 200
_REPLY_LINES = 200
_REPLY_LINE = 4096
# Servers that broke off while commands came in one flight (RFC 2920): they get them one by one from then on.
_one_by_one: set[tuple[str, int]] = set()


class Server(Protocol):
    """Where to connect; ``security`` is tls, starttls or plain, ``ca_file`` names further authorities to trust."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def security(self) -> str: ...
    @property
    def ca_file(self) -> str: ...


@dataclass(frozen=True, slots=True)
class RecipientResult:
    """The reply for one recipient: 2yz taken, 4yz put off, 5yz refused; ``text`` is the server's own, untrusted."""

    address: str
    code: int
    text: str

    @property
    def accepted(self) -> bool:
        return 200 <= self.code < 300


class _Client(smtplib.SMTP):
    """Reads replies with a ceiling, lets a timeout be a timeout, and checks certificates against the name asked for."""

    def __init__(self, host: str, timeout: float, context: ssl.SSLContext | None) -> None:
        # A fixed name for EHLO: the local one would be looked up, and tells strangers about this machine.
        super().__init__(timeout=timeout, local_hostname="[127.0.0.1]")
        self._host = host
        self._context = context
        self.reached = False

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        sock = socket.create_connection((host, port), timeout)
        # The message and its final dot are two writes: the second must not wait for the first to be acknowledged.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reached = True
        if self._context is None:
            return sock
        try:
            return self._context.wrap_socket(sock, server_hostname=host)
        except BaseException:
            sock.close()
            raise

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None:
            self.file = _socket(self).makefile("rb")
        lines: list[bytes] = []
        while True:
            line = self.file.readline(_REPLY_LINE + 1)
            if not line:
                self.close()
                raise smtplib.SMTPServerDisconnected("the server closed the connection")
            if len(line) > _REPLY_LINE or len(lines) >= _REPLY_LINES or not line[:3].isdigit():
                self.close()
                raise smtplib.SMTPResponseException(-1, line[:200])
            lines.append(line[4:].strip(b" \t\r\n"))
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(lines)


class Session:
    """A connection that is signed in. Messages follow each other on it as long as each was taken without a doubt."""

    def __init__(self, client: _Client, server: Server, timeout: float) -> None:
        self._client = client
        self._server = server
        self._timeout = timeout
        self.taken = 0
        # Whether another message may follow; nothing that went wrong is ever waited out on the same connection.
        self.fit = True
        features = sorted(client.esmtp_features.items())[:_OFFERS]
        self.offers = {
            name[:_OFFER_LENGTH]: value.strip()[:_OFFER_LENGTH] for name, value in features if name != "auth"
        }

    def hand_in(
        self,
        envelope: Envelope,
        stream: BinaryIO,
        *,
        before_data: Callable[[], None] = lambda: None,
        final_timeout: float = FINAL_SECONDS,
    ) -> list[RecipientResult]:
        """Hand in one message; return what was said about each recipient, in order. Nothing was sent if none was accepted.

        ``before_data`` is called right before DATA: from there on a crash leaves the outcome open. Seconds.
        Raise RetryLater (4yz, connection), AskUser (the account), GiveUp (this message, 5yz), and OutcomeUnknown once
        the final dot may have reached the server and no answer came back.
        """
        self.fit, again = False, self.taken > 0
        measured = measure(stream)
        parameters, utf8 = mail_parameters(self._server.host, self.offers, measured, envelope)
        lines = [f"MAIL FROM:<{spec(envelope.sender) if envelope.sender else ''}>{parameters}"]
        lines += [
            f"RCPT TO:<{spec(address)}>{rcpt_parameters(address, self.offers, envelope)}"
            for address in envelope.recipients
        ]
        with _until_data():
            _socket(self._client).settimeout(self._timeout)
            results = self._recipients(envelope, lines, utf8=utf8, reset=again)
            if not any(result.accepted for result in results):
                return results
            before_data()
            code, text = _command(self._client, "DATA")
            if code != 354:
                raise problems.refused(code, text, "The outgoing server refused the message")
            _hand_over(self._client, stream)
        code, text = _final(self._client, final_timeout)
        if code // 100 != 2:
            raise problems.refused(code, text, "The outgoing server refused the message")
        self.taken += 1
        self.fit = True
        return [RecipientResult(each.address, code, text) if each.accepted else each for each in results]

    def _recipients(self, envelope: Envelope, lines: list[str], *, utf8: bool, reset: bool) -> list[RecipientResult]:
        """RSET where a message went before, MAIL and every RCPT; what was said about each recipient."""
        place = self._server.host, self._server.port
        pipelined = "pipelining" in self.offers and place not in _one_by_one
        before = ["RSET"] if reset else []
        commands = [*before, *lines]
        replies: list[tuple[int, str]] = []
        try:
            for start in range(0, len(commands), _FLIGHT if pipelined else 1):
                flight = commands[start : start + (_FLIGHT if pipelined else 1)]
                replies += _flight(self._client, flight, utf8)
                self._refuse(replies, len(before))
        except (OSError, smtplib.SMTPException):
            if pipelined:
                _one_by_one.add(place)
            raise
        answers = replies[len(before) + 1 :]
        return [
            RecipientResult(address, code, text)
            for address, (code, text) in zip(envelope.recipients, answers, strict=True)
        ]

    @staticmethod
    def _refuse(replies: list[tuple[int, str]], before: int) -> None:
        for code, text in replies:
            if code == 421:
                raise problems.temporary(code, text)
        if before and replies[0][0] != 250:
            raise problems.temporary(*replies[0])
        if len(replies) > before and replies[before][0] // 100 != 2:
            raise problems.refused(*replies[before], "The outgoing server does not take mail from this address")

    def close(self) -> None:
        """Leaves at once: the answer to QUIT is not waited for."""
        self.fit = False
        with suppress(OSError, smtplib.SMTPException):
            _socket(self._client).settimeout(1.0)
            _socket(self._client).sendall(b"QUIT\r\n")
        with suppress(OSError):
            self._client.close()


def check(server: Server, username: str, password: str, timeout: float = 8.0) -> dict[str, str]:
    """Connect, encrypt, sign in and leave; return what the server offers. Seconds. Raise MailError."""
    session = open_session(server, username, password, connect_timeout=timeout, timeout=timeout)
    session.close()
    return session.offers


def open_session(
    server: Server,
    username: str,
    password: str,
    *,
    connect_timeout: float = CONNECT_SECONDS,
    timeout: float = COMMAND_SECONDS,
) -> Session:
    """Seconds, for the connection and for each answer. Raise MailError; whoever opened it closes it."""
    client = _connected(server, connect_timeout)
    try:
        try:
            _socket(client).settimeout(timeout)
            _private(client, server)
        except (OSError, smtplib.SMTPException) as error:
            raise problems.unreachable(error, server.host, server.port, connected=True) from error
        with _until_data():
            _sign_in(client, server.host, username, password)
    except BaseException:
        with suppress(OSError):
            client.close()
        raise
    return Session(client, server, timeout)


def _hand_over(client: _Client, stream: BinaryIO) -> None:
    sock = _socket(client)
    for piece in stuffed(stream):
        sock.sendall(piece)


def _final(client: _Client, timeout: float) -> tuple[int, str]:
    try:
        _socket(client).settimeout(timeout)
        _socket(client).sendall(b".\r\n")
        code, text = client.getreply()
    except (OSError, smtplib.SMTPException) as error:
        raise OutcomeUnknown(
            Reason.LOST,
            "The connection broke after the message had been handed over. It may have been sent.",
            detail=f"{type(error).__name__}: {error}",
        ) from error
    return code, _text(text)


def _command(client: _Client, line: str) -> tuple[int, str]:
    return _flight(client, [line], False)[0]


def _flight(client: _Client, lines: list[str], utf8: bool) -> list[tuple[int, str]]:
    """Commands in one write, and as many answers, in order (RFC 2920 section 3.1); 421 is the last one there is."""
    if any(CONTROLS.search(line) for line in lines):
        raise AskUser(Reason.ADDRESS, "A mail address must not hold control characters.")
    octets = b"".join(line.encode("utf-8" if utf8 else "ascii") + b"\r\n" for line in lines)
    _socket(client).sendall(octets)
    replies: list[tuple[int, str]] = []
    while len(replies) < len(lines) and not (replies and replies[-1][0] == 421):
        code, text = client.getreply()
        replies.append((code, _text(text)))
    return replies


def _socket(client: _Client) -> socket.socket:
    if client.sock is None:
        raise smtplib.SMTPServerDisconnected("the connection is closed")
    return client.sock


def _text(raw: bytes) -> str:
    return CONTROLS.sub(" ", raw.decode("utf-8", "replace")).strip()[:500]


@contextmanager
def _until_data() -> Iterator[None]:
    try:
        yield
    except (OSError, smtplib.SMTPException) as error:
        raise problems.lost(error) from error


def _connected(server: Server, timeout: float) -> _Client:
    if CONTROLS.search(server.host) or not server.host:
        raise AskUser(Reason.HOST, "The name of the outgoing server is not one.")
    client = None
    try:
        client = _Client(server.host, timeout, tls_context(server.ca_file) if server.security == "tls" else None)
        code, text = client.connect(server.host, server.port)
    except smtplib.SMTPResponseException as error:
        raise problems.not_smtp(server.host, server.port, repr(error.smtp_error)[:200]) from error
    except (OSError, UnicodeError, smtplib.SMTPException) as error:
        if client is not None:
            client.close()
        connected = client is not None and client.reached
        raise problems.unreachable(error, server.host, server.port, connected=connected) from error
    if code != 220:
        client.close()
        raise problems.greeting(server.host, server.port, code, _text(text))
    return client


def _private(client: _Client, server: Server) -> None:
    """EHLO, and TLS where it does not stand yet; plain text is never the fallback."""
    _ehlo(client, server)
    if server.security == "starttls":
        if not client.has_extn("starttls"):
            raise problems.no_starttls(server.host, server.port)
        try:
            # Everything said before the encryption is forgotten (RFC 3207 section 4.2).
            client.starttls(context=tls_context(server.ca_file))
        except smtplib.SMTPResponseException as error:
            raise problems.no_starttls(server.host, server.port) from error
        _ehlo(client, server)


def _ehlo(client: _Client, server: Server) -> None:
    code, text = client.ehlo()
    if code != 250:
        if 400 <= code < 500:
            raise problems.temporary(code, _text(text))
        raise problems.not_smtp(server.host, server.port, f"{code} {_text(text)}")


def _sign_in(client: _Client, host: str, username: str, password: str) -> None:
    """AUTH PLAIN or LOGIN (RFC 4954); names and passwords are UTF-8."""
    if "\0" in username + password or not username:
        raise AskUser(Reason.PASSWORD, "User name and password must not be empty or hold control characters.")
    offered = set(client.esmtp_features.get("auth", "").upper().split())
    if "PLAIN" in offered:
        steps = ["AUTH PLAIN", _encoded(f"\0{username}\0{password}")]
    elif "LOGIN" in offered:
        steps = ["AUTH LOGIN", _encoded(username), _encoded(password)]
    else:
        raise problems.no_sign_in(host, " ".join(sorted(offered)))
    for step in steps[:-1]:
        code, text = _command(client, step)
        if code != 334:
            raise problems.sign_in(host, code, text)
    code, text = _command(client, steps[-1])
    if code != 235:
        raise problems.sign_in(host, code, text)


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode("utf-8")).decode("ascii")

"""Speaks SMTP submission (RFC 6409); the only importer of smtplib. No database here.

TLS is mandatory unless the endpoint says otherwise, certificates are always verified, and a password never leaves before
the connection is private. Every failure is a MailError; only OutcomeUnknown leaves open whether the mail was taken.
"""

import base64
import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO, Protocol

from webmail.errors import AskUser, GiveUp, OutcomeUnknown, Reason
from webmail.mime.compose import address_spec
from webmail.tls import tls_context

from . import smtp_problems as problems

CONNECT_SECONDS = 15.0
COMMAND_SECONDS = 120.0  # RFC 5321 section 4.5.3.2 allows up to five minutes; nobody waits that long for RCPT
FINAL_SECONDS = 600.0  # section 4.5.3.2.6: giving up earlier makes duplicates
_PIECE = 64 * 1024
_REPLY_LINES = 200
_REPLY_LINE = 4096
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]+")
_LINE_END = re.compile(rb"\r\n|\r|\n")


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


def check(server: Server, username: str, password: str, timeout: float = 8.0) -> None:
    """Connect, encrypt, sign in and leave. ``timeout``: seconds for the connection and for each answer. Raise MailError."""
    with _session(server, username, password, connect_timeout=timeout, timeout=timeout):
        pass


def send(
    server: Server,
    username: str,
    password: str,
    *,
    envelope_from: str,
    recipients: Iterable[str],
    raw: BinaryIO | bytes,
    before_data: Callable[[], None] = lambda: None,
    timeout: float = COMMAND_SECONDS,
    final_timeout: float = FINAL_SECONDS,
) -> list[RecipientResult]:
    """Hand in one message; return what was said about each recipient, in order. Nothing was sent if none was accepted.

    ``before_data`` is called right before DATA: from there on a crash leaves the outcome open. Times are seconds.
    Raise RetryLater (4yz, connection), AskUser (the account), GiveUp (this message, 5yz), and OutcomeUnknown once the
    final dot may have reached the server and no answer came back.
    """
    stream = BytesIO(raw) if isinstance(raw, bytes) else raw
    size, eight_bit, utf8_header = _measure(stream)
    sender, addresses = _spec(envelope_from), [(address, _spec(address)) for address in recipients]
    utf8 = utf8_header or not all(spec.isascii() for spec in [sender, *(spec for _, spec in addresses)])
    with _session(server, username, password, connect_timeout=CONNECT_SECONDS, timeout=timeout) as client:
        parameters = _parameters(client, size, eight_bit=eight_bit, utf8=utf8)
        with _until_data():
            code, text = _command(client, f"MAIL FROM:<{sender}>{parameters}", utf8)
            if code // 100 != 2:
                raise problems.refused(code, text, "The outgoing server does not take mail from this address")
            results = [_recipient(client, address, spec, utf8) for address, spec in addresses]
            if not any(result.accepted for result in results):
                return results
            before_data()
            code, text = _command(client, "DATA", utf8)
            if code != 354:
                raise problems.refused(code, text, "The outgoing server refused the message")
            _hand_over(client, stream)
        code, text = _final(client, final_timeout)
        if code // 100 != 2:
            raise problems.refused(code, text, "The outgoing server refused the message")
        return [RecipientResult(each.address, code, text) if each.accepted else each for each in results]


def envelope_address(address: str) -> str:
    """``address`` as it goes into MAIL and RCPT, its domain in ASCII. ValueError when it is none."""
    return address_spec(address)


def _spec(address: str) -> str:
    try:
        return envelope_address(address)
    except ValueError:
        shown = _CONTROLS.sub(" ", address)[:200]
        raise AskUser(Reason.ADDRESS, f"“{shown}” is not a mail address.") from None


def _measure(stream: BinaryIO) -> tuple[int, bool, bool]:
    """Octets, whether any is beyond ASCII, and whether one is so in the header."""
    size, eight_bit, utf8_header, in_header, tail = 0, False, False, True, b""
    while piece := stream.read(_PIECE * 4):
        size += len(piece)
        ascii_only = piece.isascii()
        eight_bit = eight_bit or not ascii_only
        if in_header:
            joined = tail + piece
            end = joined.find(b"\r\n\r\n")
            header = joined if end < 0 else joined[:end]
            utf8_header = utf8_header or not header.isascii()
            in_header, tail = end < 0, piece[-3:]
    stream.seek(0)
    return size, eight_bit, utf8_header


def _parameters(client: _Client, size: int, *, eight_bit: bool, utf8: bool) -> str:
    """ESMTP parameters of MAIL; raises before anything is sent when the server cannot take the message."""
    parameters = ""
    if client.has_extn("size"):
        stated = client.esmtp_features["size"].strip()
        limit = int(stated) if stated.isdigit() and len(stated) < 16 else 0
        if 0 < limit < size:
            sentence = f"The message is {megabytes(size)}, but the outgoing server takes at most {megabytes(limit)}."
            raise GiveUp(Reason.TOO_LARGE, sentence, detail=f"SIZE {limit} < {size}")
        parameters += f" SIZE={size}"
    if utf8 and not client.has_extn("smtputf8"):
        sentence = (
            "The outgoing server cannot handle addresses with letters beyond a–z before the @. Use another address."
        )
        raise GiveUp(Reason.ADDRESS, sentence, detail="SMTPUTF8 is not offered")
    if eight_bit and not client.has_extn("8bitmime"):
        raise GiveUp(Reason.UNSUPPORTED, "The outgoing server takes only 7-bit text.", detail="8BITMIME is not offered")
    return parameters + (" BODY=8BITMIME" if eight_bit else "") + (" SMTPUTF8" if utf8 else "")


def megabytes(octets: int) -> str:
    return f"{octets / 1_000_000:.1f} MB" if octets >= 100_000 else f"{max(1, octets // 1000)} kB"


def _recipient(client: _Client, address: str, spec: str, utf8: bool) -> RecipientResult:
    code, text = _command(client, f"RCPT TO:<{spec}>", utf8)
    if code == 421:
        raise problems.temporary(code, text)
    return RecipientResult(address, code, text)


def _hand_over(client: _Client, stream: BinaryIO) -> None:
    """The message with dots doubled (RFC 5321 section 4.5.2), all but the final one."""
    sock, buffer, ended = _socket(client), bytearray(), True
    for line in stream:
        for piece in _whole_lines(line):
            buffer += b"." + piece if ended and piece.startswith(b".") else piece
            ended = piece.endswith(b"\r\n")
        if len(buffer) >= _PIECE:
            sock.sendall(buffer)
            buffer.clear()
    if not ended:
        buffer += b"\r\n"
    sock.sendall(buffer)


def _whole_lines(line: bytes) -> Iterator[bytes]:
    """A lone CR or LF becomes a line end: some relay behind would take it for one, and find commands in a message."""
    if line.endswith(b"\r\n") and b"\r" not in line[:-2]:
        yield line
        return
    start = 0
    for found in _LINE_END.finditer(line):
        yield line[start : found.start()] + b"\r\n"
        start = found.end()
    if start < len(line):
        yield line[start:]


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


def _command(client: _Client, line: str, utf8: bool = False) -> tuple[int, str]:
    if _CONTROLS.search(line):
        raise AskUser(Reason.ADDRESS, "A mail address must not hold control characters.")
    _socket(client).sendall(line.encode("utf-8" if utf8 else "ascii") + b"\r\n")
    code, text = client.getreply()
    return code, _text(text)


def _socket(client: _Client) -> socket.socket:
    if client.sock is None:
        raise smtplib.SMTPServerDisconnected("the connection is closed")
    return client.sock


def _text(raw: bytes) -> str:
    return _CONTROLS.sub(" ", raw.decode("utf-8", "replace")).strip()[:500]


@contextmanager
def _until_data() -> Iterator[None]:
    try:
        yield
    except (OSError, smtplib.SMTPException) as error:
        raise problems.lost(error) from error


@contextmanager
def _session(
    server: Server, username: str, password: str, *, connect_timeout: float, timeout: float
) -> Iterator[_Client]:
    client = _connected(server, connect_timeout)
    try:
        try:
            _socket(client).settimeout(timeout)
            _private(client, server)
        except (OSError, smtplib.SMTPException) as error:
            raise problems.unreachable(error, server.host, server.port, connected=True) from error
        with _until_data():
            _sign_in(client, server.host, username, password)
        yield client
    finally:
        # The answer is not waited for: nothing may stand between the reply to a message and its being recorded.
        with suppress(OSError, smtplib.SMTPException):
            _socket(client).settimeout(1.0)
            _socket(client).sendall(b"QUIT\r\n")
        with suppress(OSError):
            client.close()


def _connected(server: Server, timeout: float) -> _Client:
    if _CONTROLS.search(server.host) or not server.host:
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

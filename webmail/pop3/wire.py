"""One socket to one POP3 server: lines, multi-line answers, TLS, deadlines. Whatever goes wrong here is Broken."""

import re
import ssl
import time
from collections.abc import Iterator

from webmail.imap.splitter import Nonsense
from webmail.imap.types import Endpoint
from webmail.imap.wire import Disconnected, connect
from webmail.pop3.answers import Reply, readable, status
from webmail.pop3.dots import Unstuffer
from webmail.tls import tls_context

_CHUNK = 64 * 1024
_STATUS_LIMIT = 4096
_LISTING_LINE_LIMIT = 64 * 1024
LISTING_LIMIT = 5_000_000
# Slower than this for long is as good as dead (octets per second).
_SLOWEST = 4096


class Broken(Exception):
    """The connection is of no further use. A type of its own, so that a full disk under a sink is never taken for it."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Wire:
    """Commands out, answers in; one thread at a time. ``timeout`` is the longest silence in seconds.

    Only the time spent waiting for the server counts against it, not what is done with a message meanwhile.
    """

    def __init__(self, endpoint: Endpoint, *, timeout: float, connect_timeout: float) -> None:
        self.timeout = connect_timeout
        self._later = timeout
        self._host = endpoint.host
        self._context = tls_context(endpoint.ca_file) if endpoint.security != "plain" else None
        self._buffer = bytearray()
        self._line_end = b"\r\n"
        self._waited = 0.0
        self._received = 0
        self._socket = connect(endpoint.host, endpoint.port, connect_timeout)
        try:
            self._socket.settimeout(connect_timeout)
            if endpoint.security == "tls":
                self._wrap()
        except BaseException:
            self._socket.close()
            raise

    @property
    def private(self) -> bool:
        return isinstance(self._socket, ssl.SSLSocket)

    def settle(self) -> None:
        """The greeting has come: from now on the longer time applies."""
        self.limit(self._later)

    def limit(self, timeout: float) -> None:
        """From now on the longest silence is ``timeout`` seconds."""
        self.timeout = timeout
        self._socket.settimeout(timeout)

    def start_tls(self) -> None:
        """After the server's +OK to STLS. What came before the handshake is an injection (RFC 2595 section 4)."""
        if self._buffer:
            raise Broken(Nonsense("octets between STLS and the handshake"))
        try:
            self._wrap()
        except OSError as error:
            raise Broken(error) from error

    def _wrap(self) -> None:
        if self._context is None:
            raise ValueError("no TLS was asked for")
        self._socket = self._context.wrap_socket(self._socket, server_hostname=self._host)

    def send(self, octets: bytes) -> None:
        try:
            self._socket.sendall(octets)
        except OSError as error:
            raise Broken(error) from error

    def run(self, command: bytes) -> Reply:
        self.send(command + b"\r\n")
        return self.reply()

    def reply(self) -> Reply:
        """The next status line."""
        return _status(self._answer())

    def go_ahead(self) -> Reply | None:
        """None for the continuation of AUTH (RFC 5034 section 4), else the status that came instead."""
        line = self._answer()
        return None if re.match(rb"\+(?: |\Z)", line) else _status(line)

    def _answer(self) -> bytes:
        """The next line without its end, the first of an answer."""
        self._waited, self._received = 0.0, 0
        line = self._line(_STATUS_LIMIT)
        self._line_end = b"\r\n" if line.endswith(b"\r\n") else b"\n"
        return line.rstrip(b"\r\n")

    def lines(self) -> Iterator[bytes]:
        """The lines of a short multi-line answer, up to the final dot; read them all."""
        for _ in range(LISTING_LIMIT + 1):
            line = self._line(_LISTING_LINE_LIMIT).rstrip(b"\r\n")
            if line == b".":
                return
            yield line[1:] if line.startswith(b".") else line
        raise Broken(Nonsense("a listing without an end"))

    def message(self) -> Iterator[bytes]:
        """The pieces of a multi-line answer as the server has them: dots unstuffed, nothing else changed."""
        unstuffer = Unstuffer(self._line_end)
        rest: bytes | None = None
        while rest is None:
            if not self._buffer:
                self._fill()
            content, rest = unstuffer.feed(bytes(self._buffer))
            self._buffer[:] = rest or b""
            if content:
                yield content

    def close(self) -> None:
        self._socket.close()

    def _line(self, limit: int) -> bytes:
        while (end := self._buffer.find(b"\n", 0, limit)) < 0:
            if len(self._buffer) >= limit:
                raise Broken(Nonsense("a line without an end: " + readable(bytes(self._buffer[:80]))))
            self._fill()
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        return line

    def _fill(self) -> None:
        begun = time.monotonic()
        try:
            data = self._socket.recv(_CHUNK)
        except OSError as error:
            raise Broken(error) from error
        if not data:
            raise Broken(Disconnected("the server closed the connection"))
        self._waited += time.monotonic() - begun
        self._received += len(data)
        self._buffer += data
        if self._waited > 2 * self.timeout + self._received / _SLOWEST:
            raise Broken(TimeoutError("the server is too slow"))


def _status(line: bytes) -> Reply:
    if (found := status(line)) is None:
        raise Broken(Nonsense(readable(line)))
    return found

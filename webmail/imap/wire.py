"""One socket to one server: connecting, TLS, deadlines. What goes wrong here is an OSError or Nonsense."""

import select
import socket
import ssl
import time
import zlib
from collections.abc import Iterator

from webmail.imap.splitter import Nonsense, Response, Splitter
from webmail.imap.types import Endpoint
from webmail.resolver import addresses
from webmail.tls import tls_context

_CHUNK = 64 * 1024
_INFLATED_AT_ONCE = 1024 * 1024
# Slower than this for long is as good as dead (octets per second), and a reply has this long before it counts.
_SLOWEST = 2048
_MOST_AT_ONCE = 10_000
_REPLY_LIMIT = 1024 * 1024 * 1024


class Disconnected(ConnectionError):
    """The server closed the connection."""


def connect(host: str, port: int, timeout: float) -> socket.socket:
    """A TCP connection within ``timeout`` seconds over all addresses together; address families take turns.

    An address that swallows packets, as a broken IPv6 route does, costs a part of the time and not all of it.
    """
    deadline = time.monotonic() + timeout
    found = addresses(host, port, timeout)
    families = [[each for each in found if each[0] == family] for family in dict.fromkeys(each[0] for each in found)]
    turns = [each for turn in range(4) for family in families for each in family[turn : turn + 1]]
    failure: OSError = OSError(f"no address for {host}")
    for position, (family, kind, protocol, _, address) in enumerate(turns):
        left = deadline - time.monotonic()
        if left <= 0:
            break
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(left if position == len(turns) - 1 else max(left / 2, 0.5))
            connection.connect(address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


class Wire:
    """Responses in, octets out. ``timeout`` is the longest silence in seconds."""

    def __init__(self, endpoint: Endpoint, *, timeout: float, connect_timeout: float) -> None:
        self.timeout = timeout
        self._host = endpoint.host
        self._context = tls_context(endpoint.ca_file) if endpoint.security != "plain" else None
        self._splitter = Splitter()
        self._deflate: zlib._Compress | None = None
        self._inflate: zlib._Decompress | None = None
        self._started = time.monotonic()
        self._received = 0
        self._socket = connect(endpoint.host, endpoint.port, connect_timeout)
        try:
            self._socket.settimeout(connect_timeout)
            if endpoint.security == "tls":
                self._wrap()
            self._socket.settimeout(timeout)
        except BaseException:
            self._socket.close()
            raise

    @property
    def private(self) -> bool:
        return isinstance(self._socket, ssl.SSLSocket)

    def _wrap(self) -> None:
        if self._context is None:
            raise ValueError("no TLS was asked for")
        self._socket = self._context.wrap_socket(self._socket, server_hostname=self._host)

    def start_tls(self) -> None:
        """After the server's OK to STARTTLS. What came before the handshake is an injection (RFC 2595 section 2.4)."""
        if self._splitter.pending:
            raise Nonsense("octets between STARTTLS and the handshake")
        self._wrap()

    def start_deflate(self) -> None:
        """After the server's OK to COMPRESS (RFC 4978): both directions, inside of TLS."""
        if self._splitter.pending:
            raise Nonsense("octets between COMPRESS and what is compressed")
        self._deflate, self._inflate = zlib.compressobj(wbits=-15), zlib.decompressobj(wbits=-15)

    def limit(self, timeout: float) -> None:
        """From now on the longest silence is ``timeout`` seconds."""
        self.timeout = timeout
        self._socket.settimeout(timeout)

    def begin(self) -> None:
        """A new command: the time its answer may take starts now."""
        self._started = time.monotonic()
        self._received = 0

    def send(self, data: bytes) -> None:
        if self._deflate is not None:
            data = self._deflate.compress(data) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        self._socket.sendall(data)

    def receive(self) -> Response:
        """The next response; raises Disconnected, TimeoutError, OSError or Nonsense."""
        while (response := self._splitter.take()) is None:
            self._fill()
            if time.monotonic() - self._started > 2 * self.timeout + self._received / _SLOWEST:
                raise TimeoutError("the server is too slow")
        return response

    def waiting(self, timeout: float) -> list[Response]:
        """The whole responses that have come; waits at most ``timeout`` seconds for the first one."""
        deadline = time.monotonic() + timeout
        found: list[Response] = []
        while True:
            while (response := self._splitter.take()) is not None:
                found.append(response)
            # Octets that TLS has already decrypted do not make the descriptor readable.
            left = 0.0 if found else max(0.0, deadline - time.monotonic())
            if not self._decrypted() and not self._readable(left):
                return found
            try:
                more = self._fill_without_waiting()
            except Disconnected:
                if found:
                    return found
                raise
            if len(found) >= _MOST_AT_ONCE or (not more and (found or time.monotonic() >= deadline)):
                return found

    def closed_by_server(self) -> bool:
        """Whether the other side has hung up; reads what lies ready and waits for nothing."""
        try:
            while self._decrypted() or self._readable(0):
                if not self._fill_without_waiting():
                    return False
        except (OSError, Nonsense):
            return True
        return False

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def _readable(self, timeout: float) -> bool:
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        return bool(poller.poll(timeout * 1000))

    def _decrypted(self) -> bool:
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def _fill(self) -> None:
        data = self._socket.recv(_CHUNK)
        if not data:
            raise Disconnected("the server closed the connection")
        for piece in self._inflated(data) if self._inflate is not None else (data,):
            self._received += len(piece)
            if self._received > _REPLY_LIMIT:
                raise Nonsense("an answer without an end")
            self._splitter.feed(piece)

    def _inflated(self, data: bytes) -> Iterator[bytes]:
        """In pieces of a sensible size: few octets can stand for very many."""
        inflate = self._inflate
        if inflate is None:
            raise ValueError("nothing is compressed")
        piece = b"?"
        # All octets may have been read while a part of what they stand for is still to come.
        while data or len(piece) == _INFLATED_AT_ONCE:
            try:
                piece = inflate.decompress(data, _INFLATED_AT_ONCE)
            except zlib.error as error:
                raise Nonsense("octets that cannot be decompressed") from error
            if inflate.eof:
                raise Nonsense("the end of what is compressed")
            data = inflate.unconsumed_tail
            yield piece

    def _fill_without_waiting(self) -> bool:
        """Read once; False when only a part of a TLS record has come."""
        self._socket.settimeout(0)
        try:
            self._fill()
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        finally:
            self._socket.settimeout(self.timeout)
        return True

"""One request to a web server: to the very address that was checked, within a time that nobody can stretch."""

import http.client
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from webmail.tls import tls_context

from . import address
from .address import Refused, Target

_CONNECT_SECONDS = 4.0
_SILENCE_SECONDS = 5.0
_PIECE = 64 * 1024


class _Pinned(http.client.HTTPConnection):
    """Connects where it is told to, and to no name. What speaks TLS does it for the name that was asked for."""

    def __init__(self, goal: Target, deadline: float) -> None:
        super().__init__(goal.host, goal.port)
        self.goal = goal
        self.deadline = deadline
        # http.client forgets ``sock`` as soon as it has read the header of an answer that ends the connection.
        self.wire: socket.socket | None = None

    def connect(self) -> None:
        found = address.looked_up(self.goal, min(_CONNECT_SECONDS, self._left()))
        connection = _connected(found, self.deadline)
        try:
            connection.settimeout(min(_SILENCE_SECONDS, self._left()))
            if self.goal.tls:
                connection = tls_context("").wrap_socket(connection, server_hostname=self.goal.host)
        except BaseException:
            connection.close()
            raise
        self.sock = self.wire = connection

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise Refused("it took too long")
        return left


def _connected(found: list[tuple[int, int, int, str, tuple[str, int]]], deadline: float) -> socket.socket:
    """One address of each family is tried: a broken IPv6 route costs a part of the time and not all of it."""
    families = {each[0]: each for each in reversed(found)}
    failure: OSError = OSError("no address")
    for family, kind, protocol, _, where in sorted(families.values(), key=lambda each: each[0] != socket.AF_INET):
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(max(0.1, min(_CONNECT_SECONDS, deadline - time.monotonic())))
            connection.connect(where)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


@contextmanager
def asked(
    url: str, deadline: float, headers: Mapping[str, str], *, method: str = "GET", body: bytes | None = None
) -> Iterator[http.client.HTTPResponse]:
    """The answer of one server, redirects not followed; ``deadline`` in seconds of ``time.monotonic``.

    No cookies, no referrer, nothing about us but ``headers``. Raise Refused for whatever goes wrong, in the block as well.
    """
    connection = _Pinned(address.target(url), deadline)
    # A server may send a byte every few seconds and never be silent for long: the socket is shut when time is up.
    watch = threading.Timer(max(0.0, deadline - time.monotonic()), _shut, [connection])
    watch.daemon = True
    watch.start()
    try:
        connection.putrequest(method, connection.goal.path, skip_host=True, skip_accept_encoding=True)
        fields = {"Host": connection.goal.authority, "Accept-Encoding": "identity", "Connection": "close", **headers}
        for name, value in fields.items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        yield connection.getresponse()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Refused(f"{type(error).__name__}: {error}"[:300]) from error
    finally:
        watch.cancel()
        connection.close()


def _shut(connection: _Pinned) -> None:
    if connection.wire is not None:
        with suppress(OSError):
            # Of the socket below TLS: its own would take the session away from under the reader.
            socket.socket.shutdown(connection.wire, socket.SHUT_RDWR)


def read(answer: http.client.HTTPResponse, limit: int, deadline: float) -> bytes:
    """The body as it is sent, never unpacked. Raise Refused when it is longer than ``limit`` octets, or cut short."""
    if (answer.length or 0) > limit:
        raise Refused("larger than the limit")
    held: list[bytes] = []
    size = 0
    while piece := answer.read1(_PIECE):
        held.append(piece)
        size += len(piece)
        if size > limit:
            raise Refused("larger than the limit")
        if time.monotonic() > deadline:
            raise Refused("it took too long")
    if answer.length or time.monotonic() > deadline:
        raise Refused("cut short")
    return b"".join(held)

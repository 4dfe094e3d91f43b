"""Connections for what a person is waiting for: the content of a message that is not here yet."""

import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from webmail.errors import MailError, Reason, RetryLater
from webmail.imap.connection import MailConnection
from webmail.imap.types import Endpoint

_SWEEP_SECONDS = 15.0
_ROOM_SECONDS = 0.5
_BUSY = "This account is busy with other messages; try again in a moment."
_SALT = secrets.token_bytes(16)


def pool_key(account: Hashable, endpoint: Endpoint, username: str, password: str) -> Hashable:
    """A key that only the same account with the same credentials at the same server has; holds no secret."""
    fingerprint = hashlib.blake2b(f"{username}\0{password}".encode("utf-8", "replace"), key=_SALT, digest_size=16)
    return (account, endpoint, fingerprint.digest())


@dataclass(slots=True)
class _Shelf:
    """The connections of one key: how many exist, and those nobody uses with the time they were put back."""

    existing: int = 0
    waiting: int = 0
    idle: list[tuple[float, MailConnection]] = field(default_factory=list)


class ForegroundPool:
    """At most ``size`` connections per key; safe for threads.

    The key has to hold whose account it is and a fingerprint of the credentials: what is equal shares connections.
    """

    def __init__(self, *, size: int = 2, idle_seconds: float = 60.0, wait_seconds: float = 3.0) -> None:
        self.size = size
        self.idle_seconds = idle_seconds
        self.wait_seconds = wait_seconds
        self._changed = threading.Condition()
        self._shelves: dict[Hashable, _Shelf] = {}
        self._sweeper: threading.Timer | None = None

    @contextmanager
    def connection(self, key: Hashable, factory: Callable[[], MailConnection]) -> Iterator[MailConnection]:
        """A connection for this block alone, an idle one or ``factory()``; which folder is selected is not defined.

        RetryLater(BUSY) when all are in use for ``wait_seconds``, or the server allows no more for so long: whoever waits gets
        the one that is given back. One that broke, or was left by an error other than a
        refusal of the server, is closed and not used again.
        """
        deadline = time.monotonic() + self.wait_seconds
        while (connection := self._take(key, deadline)) is None:
            try:
                connection = factory()
                break
            except BaseException as error:
                self._forget(key)
                if not isinstance(error, RetryLater) or error.reason != Reason.LIMIT:
                    raise
            self._wait_for_room(deadline)
        clean = False
        try:
            yield connection
            clean = True
        except MailError:
            # It is in step, or marked as broken.
            clean = True
            raise
        finally:
            self._give_back(key, connection, clean=clean)

    def close(self) -> None:
        """Close all that nobody uses."""
        with self._changed:
            if self._sweeper is not None:
                self._sweeper.cancel()
                self._sweeper = None
            closing = self._expired(everything=True)
        _close(closing)

    def _wait_for_room(self, deadline: float) -> None:
        """The server takes no further connection: until one is given back or closed, or for a moment."""
        with self._changed:
            left = deadline - time.monotonic()
            if left <= 0:
                raise RetryLater(Reason.BUSY, _BUSY)
            self._changed.wait(min(left, _ROOM_SECONDS))

    def _take(self, key: Hashable, deadline: float) -> MailConnection | None:
        """An idle connection, or None when the caller may open one."""
        while True:
            with self._changed:
                shelf = self._shelves.setdefault(key, _Shelf())
                while not shelf.idle and shelf.existing >= self.size:
                    left = deadline - time.monotonic()
                    if left <= 0:
                        raise RetryLater(Reason.BUSY, _BUSY)
                    shelf.waiting += 1
                    try:
                        self._changed.wait(left)
                    finally:
                        shelf.waiting -= 1
                if not shelf.idle:
                    shelf.existing += 1
                    return None
                _, connection = shelf.idle.pop()
            if connection.alive:
                return connection
            self._forget(key)
            connection.close()

    def _give_back(self, key: Hashable, connection: MailConnection, *, clean: bool) -> None:
        if not clean or connection.broken:
            self._forget(key)
            connection.close()
            return
        with self._changed:
            self._shelves[key].idle.append((time.monotonic(), connection))
            self._changed.notify_all()
            self._schedule()

    def _forget(self, key: Hashable) -> None:
        with self._changed:
            shelf = self._shelves[key]
            shelf.existing -= 1
            if not shelf.existing and not shelf.waiting:
                del self._shelves[key]
            self._changed.notify_all()

    def _schedule(self) -> None:
        if self._sweeper is None:
            self._sweeper = threading.Timer(min(_SWEEP_SECONDS, self.idle_seconds), self._sweep)
            self._sweeper.daemon = True
            self._sweeper.start()

    def _sweep(self) -> None:
        with self._changed:
            self._sweeper = None
            closing = self._expired()
            if any(shelf.idle for shelf in self._shelves.values()):
                self._schedule()
            self._changed.notify_all()
        _close(closing)

    def _expired(self, *, everything: bool = False) -> list[MailConnection]:
        oldest = time.monotonic() - self.idle_seconds
        closing: list[MailConnection] = []
        for key, shelf in list(self._shelves.items()):
            closing += [each for since, each in shelf.idle if everything or since <= oldest]
            kept = [] if everything else [(since, each) for since, each in shelf.idle if since > oldest]
            shelf.existing -= len(shelf.idle) - len(kept)
            shelf.idle = kept
            if not shelf.existing and not shelf.waiting:
                del self._shelves[key]
        return closing


def _close(connections: list[MailConnection]) -> None:
    for connection in connections:
        connection.close()

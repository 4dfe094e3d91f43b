"""One session on a maildrop: what is known of it, whether it can still be used, and how it ends."""

from collections.abc import Iterator
from contextlib import contextmanager

from webmail.errors import MailError
from webmail.imap.splitter import Nonsense
from webmail.pop3 import problems
from webmail.pop3.answers import Capabilities, Reply
from webmail.pop3.wire import Broken, Wire

# Deleting thousands of messages takes a while, and giving up on it leaves the outcome open.
_QUIT_PATIENCE = 4


class Session:
    """Keeps commands and answers in step. Subclassed by the client, which knows the commands."""

    def __init__(self, wire: Wire, offered: Capabilities) -> None:
        self._wire = wire
        self._in_flight = 0
        self._marked = 0
        self.broken = False
        self.capabilities: frozenset[str] = offered.names
        self.expire_days: int | None = offered.expire_days
        self.login_delay: int | None = offered.login_delay
        self.has_uidl: bool | None = None
        self.has_top: bool | None = ("TOP" in offered.names) if offered.known else None

    def quit(self) -> None:
        """QUIT: returns only if all marked messages are deleted for sure; the connection is closed in any case.

        Raises OutcomeUnknown when the answer is lost or not +OK: some, all or none of the marked messages are gone.
        Raises RetryLater when the connection had been lost before: nothing was deleted. Where nothing was marked, a lost
        answer leaves nothing open and is no error.
        """
        self._ready()
        marked = self._marked
        try:
            self._wire.limit(self._wire.timeout * _QUIT_PATIENCE)
            reply = self._wire.run(b"QUIT")
        except Broken as error:
            if marked:
                raise problems.unconfirmed(error.cause) from error
            return
        finally:
            self.close()
        if marked and not reply.ok:
            raise problems.not_all_deleted(reply)

    def close(self) -> None:
        """Drop the connection without QUIT, which takes all marks back; never raises."""
        self.broken = True
        self._wire.close()

    def _run(self, command: bytes) -> Reply:
        with self._exchange():
            return self._wire.run(command)

    def _ready(self) -> None:
        if self.broken:
            raise problems.closed()
        if self._in_flight:
            raise RuntimeError("messages are still on their way: take them from retrieve_many first")

    @contextmanager
    def _exchange(self, *, pipelined: bool = False) -> Iterator[None]:
        """Whatever leaves it as an exception leaves the connection out of step. ``pipelined``: others are in flight."""
        if not pipelined:
            self._ready()
        elif self.broken:
            raise problems.closed()
        try:
            yield
        except Broken as error:
            self.close()
            raise problems.lost(error.cause) from error
        except BaseException:
            self.close()
            raise

    def _senseless(self, reply: Reply) -> MailError:
        self.close()
        return problems.lost(Nonsense(reply.detail))

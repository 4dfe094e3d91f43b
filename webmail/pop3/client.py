"""A signed-in POP3 session on one maildrop, as the importer needs it; no database here.

The reader is our own and not poplib's: that one fails on any line longer than 2,048 octets, which ordinary HTML mail has,
and is out of step afterwards; it holds whole messages as lists of lines, cannot keep several commands in flight, sends
line ends in arguments as they are and does not verify certificates unless told.

A maildrop belongs to one session at a time, so keep sessions short. DELE only marks; deletion happens at QUIT, and only
the server's +OK to it says so.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager
from itertools import islice
from typing import BinaryIO, TypeVar

from webmail.errors import MailError
from webmail.imap.types import Endpoint
from webmail.pop3 import answers, problems
from webmail.pop3.answers import Reply
from webmail.pop3.session import Session
from webmail.pop3.sign_in import check_credentials, greet, opened, probe, sign_in
from webmail.pop3.types import Listed, Retrieved
from webmail.pop3.wire import Broken

MESSAGE_LIMIT = 1024 * 1024 * 1024
HEADER_LIMIT = 16 * 1024 * 1024
# So many octets of commands fit into any socket's buffers: writing never waits for a server that waits for us to read.
_MARKS_IN_FLIGHT = 100

Outcome = TypeVar("Outcome")
SinkFor = Callable[[int], AbstractContextManager[BinaryIO]]


class PopConnection(Session):
    """Not for two threads at a time. After any doubt ``broken`` is True: open another one.

    Every method raises RetryLater when the connection breaks, and GiveUp, AskUser or RetryLater when the server refuses.
    ``has_uidl`` and ``has_top`` are None as long as nobody knows.
    """

    @classmethod
    def open(
        cls, endpoint: Endpoint, username: str, password: str, *, timeout: float = 30.0, connect_timeout: float = 8.0
    ) -> "PopConnection":
        """Connect, encrypt, sign in. ``timeout``: longest silence in seconds; ``connect_timeout``: for the connection.

        Raises AskUser or RetryLater, each with the sentence to show. Without TLS where TLS was asked for, nothing of
        the credentials leaves this process.
        """
        check_credentials(username, password)
        wire = opened(endpoint, timeout, connect_timeout)
        try:
            before = greet(wire, endpoint)
            sign_in(wire, endpoint, before, username, password)
            try:
                # Some servers tell more, or other delays, once they know who asks (RFC 2449 section 5).
                after = probe(wire)
            except Broken as error:
                raise problems.lost(error.cause) from error
        except BaseException:
            wire.close()
            raise
        return cls(wire, after if after.known else before)

    def stat(self) -> tuple[int, int]:
        """Messages and octets in the maildrop, without those marked as deleted."""
        reply = self._run(b"STAT")
        if not reply.ok:
            raise problems.refused(reply, "The server does not tell how many messages there are.")
        if (found := answers.totals(reply.text)) is None:
            raise self._senseless(reply)
        return found

    def listing(self) -> list[Listed]:
        """LIST and UIDL, joined, by number. Without UIDL ``has_uidl`` is False and every id is empty."""
        with self._exchange():
            together = "PIPELINING" in self.capabilities
            self._wire.send(b"LIST\r\nUIDL\r\n" if together else b"LIST\r\n")
            scan = self._wire.reply()
            sizes = answers.scan_listing(self._wire.lines()) if scan.ok else {}
            if not together and scan.ok:
                self._wire.send(b"UIDL\r\n")
            unique = self._wire.reply() if together or scan.ok else scan
            uids = answers.unique_ids(self._wire.lines()) if unique.ok else {}
        if not scan.ok:
            raise problems.refused(scan, "The server does not list the messages.")
        if not unique.ok and (put_off := self._put_off(unique)) is not None:
            raise put_off
        self.has_uidl = unique.ok
        return answers.joined(sizes, uids)

    def retrieve(self, number: int, sink: BinaryIO, *, limit: int = MESSAGE_LIMIT) -> Retrieved:
        """RETR, streamed into ``sink`` piece by piece, octet for octet as the server sent it.

        If anything is raised, what is in the sink is half a message. More than ``limit`` octets raise GiveUp and end the
        connection; an error of the sink itself comes through as it is, and ends it too.
        """
        reply = self._run(b"RETR %d" % _valid(number))
        if not reply.ok:
            raise _not_given(reply)
        return self._stream(sink, limit)

    def retrieve_many(
        self, numbers: Iterable[int], sink_for: SinkFor, depth: int = 8, *, limit: int = MESSAGE_LIMIT
    ) -> Generator[tuple[int, Retrieved | MailError], None, None]:
        """RETR for each of ``numbers``, in order, with ``depth`` in flight where the server offers PIPELINING.

        ``sink_for(number)`` is entered when a message begins and left before it is yielded, or with the exception if it
        could not be had whole. A message the server refuses comes as the error, and the others go on.
        ``numbers`` is drawn from as needed: to stop early end it, and take what is left. Leaving the iterator with
        commands in flight ends the connection, and no other command can be sent meanwhile.
        """
        yield from self._in_turn(b"RETR", numbers, depth, lambda number: self._retrieved(number, sink_for, limit))

    def headers(self, numbers: Iterable[int], depth: int = 50) -> Generator[tuple[int, bytes | MailError], None, None]:
        """TOP 0 for each of ``numbers``, as :meth:`retrieve_many`. GiveUp where the server cannot do it at all."""
        source = iter(numbers)
        if self.has_top is None and (first := next(source, None)) is not None:
            try:
                yield first, self.top(first)
            except MailError as error:
                if self.broken or self.has_top is False:
                    raise
                yield first, error
        if self.has_top is False:
            raise problems.unsupported("TOP")
        yield from self._in_turn(b"TOP", source, depth, lambda _: self._header(), b" 0")

    def _in_turn(
        self,
        command: bytes,
        numbers: Iterable[int],
        depth: int,
        take: Callable[[int], Outcome | MailError],
        argument: bytes = b"",
    ) -> Generator[tuple[int, Outcome | MailError], None, None]:
        window = max(1, depth) if "PIPELINING" in self.capabilities else 1
        source = iter(numbers)
        waiting: deque[int] = deque()
        self._ready()
        try:
            while True:
                # Half a window at a time: a packet for every message costs both sides more than the message does.
                room = window - len(waiting) if len(waiting) <= window // 2 else 0
                if more := [_valid(number) for number in islice(source, room)]:
                    with self._exchange(pipelined=True):
                        self._wire.send(b"".join(b"%b %d%b\r\n" % (command, number, argument) for number in more))
                    waiting.extend(more)
                if not waiting:
                    return
                self._in_flight = len(waiting)
                outcome = take(waiting[0])
                number = waiting.popleft()
                self._in_flight = len(waiting)
                yield number, outcome
        finally:
            self._in_flight = 0
            if waiting:
                self.close()

    def top(self, number: int, lines: int = 0) -> bytes:
        """TOP: the header, the empty line and ``lines`` lines of the body. GiveUp where the server cannot do it."""
        if self.has_top is False:
            raise problems.unsupported("TOP")
        reply = self._run(b"TOP %d %d" % (_valid(number), max(0, lines)))
        if not reply.ok:
            if self.has_top is None and problems.UNKNOWN_COMMAND.search(reply.text):
                self.has_top = False
                raise problems.unsupported("TOP")
            raise _not_given(reply)
        self.has_top = True
        return self._short()

    def delete(self, numbers: Iterable[int]) -> dict[int, MailError]:
        """DELE: only marks them, until :meth:`quit` is confirmed. Returns those the server would not mark, and why."""
        refused: dict[int, MailError] = {}
        source = iter(numbers)
        at_once = _MARKS_IN_FLIGHT if "PIPELINING" in self.capabilities else 1
        while batch := [_valid(number) for number in islice(source, at_once)]:
            with self._exchange():
                self._wire.send(b"".join(b"DELE %d\r\n" % number for number in batch))
                self._marked += len(batch)
                for number in batch:
                    if not (reply := self._wire.reply()).ok:
                        refused[number] = problems.refused(reply, "The server does not delete this message.")
        return refused

    def reset(self) -> None:
        """RSET: takes all marks of :meth:`delete` back."""
        reply = self._run(b"RSET")
        if not reply.ok:
            raise problems.refused(reply, "The server does not take the deletions back.")
        self._marked = 0

    def noop(self) -> None:
        reply = self._run(b"NOOP")
        if not reply.ok:
            raise problems.refused(reply, "The server does not answer as it should.")

    def _stream(self, sink: BinaryIO, limit: int) -> Retrieved:
        digest, size = hashlib.sha256(), 0
        with self._exchange(pipelined=True):
            for piece in self._wire.message():
                size += len(piece)
                if size > limit:
                    raise problems.too_large(limit)
                digest.update(piece)
                if sink.write(piece) not in {None, len(piece)}:
                    raise OSError("the sink did not take all octets")
        return Retrieved(size, digest.hexdigest())

    def _header(self) -> bytes | MailError:
        with self._exchange(pipelined=True):
            reply = self._wire.reply()
        return self._short() if reply.ok else _not_given(reply)

    def _short(self) -> bytes:
        content = bytearray()
        with self._exchange(pipelined=True):
            for piece in self._wire.message():
                content += piece
                if len(content) > HEADER_LIMIT:
                    raise problems.too_large(HEADER_LIMIT)
        return bytes(content)

    def _retrieved(self, number: int, sink_for: SinkFor, limit: int) -> Retrieved | MailError:
        with self._exchange(pipelined=True):
            reply = self._wire.reply()
        if not reply.ok:
            return _not_given(reply)
        with sink_for(number) as sink:
            return self._stream(sink, limit)
        # Only a sink that swallows the exception comes here; the connection is gone all the same.
        raise problems.closed()

    def _put_off(self, reply: Reply) -> MailError | None:
        """A hiccup of a server that has UIDL must not make it one that has not; ids decide what was seen before."""
        promised = "UIDL" in self.capabilities
        if not promised and not reply.code and problems.UNKNOWN_COMMAND.search(reply.text):
            return None
        return problems.temporary(reply)


def _valid(number: int) -> int:
    if number < 1:
        raise ValueError("messages are numbered from 1")
    return number


def _not_given(reply: Reply) -> MailError:
    return problems.refused(reply, "The server does not hand out this message.")

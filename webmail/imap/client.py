"""Commands out, replies in: tags, literals, several commands in flight (RFC 3501 sections 2.2 and 7).

The reply reader is our own. The usual ones stop at lines of one megabyte, give up at a tagged OK without text, believe
any literal size, lose the order of untagged responses and cannot keep several commands in flight.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from webmail.errors import GiveUp, Reason
from webmail.imap.arguments import FORBIDDEN, Literal, Literal8, readable
from webmail.imap.response import numbered
from webmail.imap.splitter import Nonsense, Response
from webmail.imap.types import Endpoint
from webmail.imap.wire import Disconnected, Wire

# Larger ones wait for the server's go-ahead, so that it can refuse before the octets are sent.
_NONSYNC_LIMIT = 64 * 1024
_NONSYNC_SMALL = 4096
_UNTAGGED_LIMIT = 2_000_000
_IN_FLIGHT = 32
_TAGGED = re.compile(rb"([^ ]+) (OK|NO|BAD)(?: (.*))?\Z", re.IGNORECASE | re.DOTALL)
_STATUS = re.compile(rb"\* (OK|NO|BAD|BYE|PREAUTH)(?: (.*))?\Z", re.IGNORECASE | re.DOTALL)
_CODE = re.compile(rb"\[([^\] ]+)(?: ([^\]]*))?\] ?")
_NEWS = re.compile(
    rb"\* (?:\d{1,10} (?P<counted>EXISTS|EXPUNGE|FETCH)\b|(?P<named>STATUS|LIST) |(?P<vanished>VANISHED) (?!\(EARLIER\)))",
    re.IGNORECASE,
)
_CAPABILITY_LIMIT = 500

Command = Sequence[bytes]


@dataclass(slots=True)
class Reply:
    """How one command ended. ``code`` is the response code's name in upper case, ``argument`` what followed it."""

    status: str
    code: str = ""
    argument: bytes = b""
    text: str = ""
    untagged: list[Response] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return self.status == "OK"


class Client:
    """One connection, one thread at a time. Raises OSError, Nonsense, and GiveUp for arguments it will not send."""

    def __init__(self, endpoint: Endpoint, *, timeout: float, connect_timeout: float) -> None:
        self.wire = Wire(endpoint, timeout=timeout, connect_timeout=connect_timeout)
        self.capabilities: frozenset[str] = frozenset()
        self.exists = 0
        self.farewell: Reply | None = None
        self.sent_whole = False
        self.overflowed = False  # The server has given up telling of folders (RFC 5465 section 5.8).
        # Called with news that come between the answers of other commands, except kinds that are what was asked for.
        self.on_news: Callable[[Response], None] | None = None
        self.expected: frozenset[bytes] = frozenset()
        self._number = 0
        self._seen = 0
        self._open: dict[bytes, Reply] = {}
        self._unconfirmed: bytes | None = None

    def has(self, capability: str) -> bool:
        return capability in self.capabilities

    def greeting(self) -> Reply:
        """The server's first line (RFC 3501 section 7.1); status OK, PREAUTH or BYE."""
        self.wire.begin()
        line = self.wire.receive()[0]
        found = _STATUS.match(line)
        if found is None:
            raise Nonsense(readable(line))
        reply = self._status(found[1], found[2])
        self._learn(reply)
        return reply

    def run(self, *command: bytes, on_response: Callable[[Response], None] | None = None) -> Reply:
        """Send one command and read up to its tagged reply; untagged responses go to ``on_response`` or the reply."""
        self.wire.begin()
        self.sent_whole = False
        tag = self._tag()
        for waits, octets in self._written(tag, command):
            self.wire.send(octets)
            if waits and not self._go_ahead(tag, on_response):
                return self._open.pop(tag)
        self.sent_whole = True
        while not self._open[tag].status:
            self._read(tag, on_response)
        return self._open.pop(tag)

    def run_many(
        self, commands: Sequence[Command], *, on_response: Callable[[Response], None] | None = None
    ) -> list[Reply]:
        """Several commands in flight (RFC 3501 section 5.5); only such that do not depend on each other's outcome."""
        replies: list[Reply] = []
        for start in range(0, len(commands), _IN_FLIGHT):
            batch = commands[start : start + _IN_FLIGHT]
            tags: list[bytes] = []
            octets = b""
            for command in batch:
                tag = self._tag()
                written = self._written(tag, command)
                if len(written) > 1:
                    del self._open[tag]
                    self._finish(octets, tags, replies, on_response)
                    octets, tags = b"", []
                    replies.append(self.run(*command, on_response=on_response))
                else:
                    tags.append(tag)
                    octets += written[0][1]
            self._finish(octets, tags, replies, on_response)
        return replies

    def _finish(
        self,
        octets: bytes,
        tags: list[bytes],
        replies: list[Reply],
        on_response: Callable[[Response], None] | None = None,
    ) -> None:
        self.wire.begin()
        self.sent_whole = False
        if octets:
            self.wire.send(octets)
        self.sent_whole = True
        for tag in tags:
            while not self._open[tag].status:
                self._read(tag, on_response)
            replies.append(self._open.pop(tag))

    def send(self, commands: Sequence[Command]) -> list[bytes]:
        """Send commands without literals and wait for nothing; :meth:`receive` has to come before any other command."""
        self.wire.begin()
        tags, octets = [], b""
        for command in commands:
            tags.append(tag := self._tag())
            octets += self._written(tag, command)[0][1]
        self.wire.send(octets)
        return tags

    def receive(self, tags: Sequence[bytes]) -> list[Reply]:
        """The answers to what :meth:`send` sent."""
        replies: list[Reply] = []
        self.sent_whole = True
        self._finish(b"", list(tags), replies)
        return replies

    def start(self, *command: bytes, on_response: Callable[[Response], None], wait: bool = True) -> bytes | Reply:
        """Begin a command that goes on until :meth:`end` (IDLE): its tag, or the reply if it was refused.

        Without ``wait`` the server's go-ahead is read later, which saves a round trip where it is known to come.
        """
        self.wire.begin()
        tag = self._tag()
        self.wire.send(self._written(tag, command)[0][1])
        if not wait:
            self._unconfirmed = tag
        elif not self._go_ahead(tag, on_response):
            return self._open.pop(tag)
        return tag

    def end(self, tag: bytes, octets: bytes, on_response: Callable[[Response], None]) -> Reply:
        """Send ``octets`` (DONE) and read up to the tagged reply."""
        self.wire.begin()
        if self._unconfirmed is not None:
            self._unconfirmed = None
            if not self._go_ahead(tag, on_response):
                return self._open.pop(tag)
        self.wire.send(octets)
        while not self._open[tag].status:
            self._read(tag, on_response)
        return self._open.pop(tag)

    def waiting(self, timeout: float, on_response: Callable[[Response], None]) -> None:
        """Hand on what came without being asked for; waits at most ``timeout`` seconds for the first response."""
        for response in self.wire.waiting(timeout):
            if self._unconfirmed is not None and response[0].startswith(b"+"):
                self._unconfirmed = None
                continue
            self._dispatch(response, None, on_response)
            if self._unconfirmed is not None and self._open[self._unconfirmed].status:
                raise Nonsense("IDLE was refused where it had been accepted")
        if self.farewell is not None:
            raise Disconnected("the server said goodbye")

    def _tag(self) -> bytes:
        self._number += 1
        tag = b"W%d" % self._number
        self._open[tag] = Reply("")
        return tag

    def _written(self, tag: bytes, command: Command) -> list[tuple[bool, bytes]]:
        """The octets of a command, cut where the server has to say that it is ready for a literal."""
        pieces: list[tuple[bool, bytes]] = []
        octets = tag
        for argument in command:
            if not isinstance(argument, Literal):
                if FORBIDDEN.search(argument):
                    del self._open[tag]
                    raise GiveUp(Reason.REFUSED, "This holds characters a mail server must not be sent.")
                octets += b" " + argument
                continue
            mark = b" ~{%d" if isinstance(argument, Literal8) else b" {%d"
            octets += mark % len(argument)
            if self._without_asking(len(argument)):
                octets += b"+}\r\n" + argument
            else:
                pieces.append((True, octets + b"}\r\n"))
                octets = bytes(argument)
        pieces.append((False, octets + b"\r\n"))
        return pieces

    def _without_asking(self, size: int) -> bool:
        if self.has("LITERAL+"):
            return size <= _NONSYNC_LIMIT
        return self.has("LITERAL-") and size <= _NONSYNC_SMALL

    def _go_ahead(self, tag: bytes, on_response: Callable[[Response], None] | None) -> bool:
        """Wait for "+"; False when the command was refused instead."""
        while True:
            if self._read(tag, on_response, continuation=True):
                return True
            if self._open[tag].status:
                if self._open[tag].ok:
                    raise Nonsense("a command completed before it was sent")
                return False

    def _read(self, tag: bytes, on_response: Callable[[Response], None] | None, *, continuation: bool = False) -> bool:
        response = self.wire.receive()
        if response[0].startswith(b"+"):
            if not continuation:
                raise Nonsense("a continuation nobody waits for")
            return True
        self._dispatch(response, self._open[tag], on_response)
        return False

    def _dispatch(
        self, response: Response, reply: Reply | None, on_response: Callable[[Response], None] | None
    ) -> None:
        line = response[0].lstrip(b"\0")
        if not line.startswith(b"* "):
            self._complete(line)
            return
        self._seen += 1
        if self._seen > _UNTAGGED_LIMIT:
            raise Nonsense("an answer without an end")
        if (status := _STATUS.match(line)) is not None and len(response) == 1:
            said = self._status(status[1], status[2])
            if said.status == "BYE":
                self.farewell = said
            self._learn(said)
            if not said.code:
                return
        elif line[:13].upper() == b"* CAPABILITY ":
            self._learn(Reply("OK", "CAPABILITY", line[13:]))
        elif (count := numbered(response)) is not None:
            if count[1] == b"EXISTS":
                self.exists = count[0]
            elif count[1] == b"EXPUNGE":
                self.exists = max(0, self.exists - 1)
        if self.on_news is not None and on_response != self.on_news and self._is_news(line):
            self.on_news((line, *response[1:]))
        if on_response is not None:
            on_response((line, *response[1:]))
        elif reply is not None:
            reply.untagged.append((line, *response[1:]))

    def _is_news(self, line: bytes) -> bool:
        found = _NEWS.match(line)
        return found is not None and (found[found.lastgroup or 0]).upper() not in self.expected

    def _complete(self, line: bytes) -> None:
        found = _TAGGED.match(line)
        reply = self._open.get(found[1]) if found else None
        if found is None or reply is None or reply.status:
            raise Nonsense(f"an answer to nothing that was asked: {readable(line[:100])}")
        said = self._status(found[2], found[3])
        self._seen = 0
        reply.status, reply.code, reply.argument, reply.text = said.status, said.code, said.argument, said.text
        self._learn(said)

    @staticmethod
    def _status(status: bytes, rest: bytes | None) -> Reply:
        text = rest or b""
        code = _CODE.match(text)
        return Reply(
            status.decode("ascii").upper(),
            code[1].decode("ascii", "replace").upper() if code else "",
            code[2] or b"" if code else b"",
            readable(text[code.end() :] if code else text),
        )

    def _learn(self, reply: Reply) -> None:
        if reply.code == "CAPABILITY":
            words = reply.argument.replace(b"\0", b"").decode("ascii", "replace").upper().split()
            self.capabilities = frozenset(words[:_CAPABILITY_LIMIT])
        elif reply.code == "NOTIFICATIONOVERFLOW":
            self.overflowed = True

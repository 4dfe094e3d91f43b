"""Content of messages: whole, by section, in pieces (FETCH BODY.PEEK[section]<offset.length>, RFC 3501 section 6.4.5)."""

import re
from collections import defaultdict
from collections.abc import Iterator

from webmail.errors import GiveUp, Reason
from webmail.imap.arguments import Literal
from webmail.imap.client import Command, Reply
from webmail.imap.folders import Folders
from webmail.imap.response import Unreadable, fetch_items, number
from webmail.imap.session import FETCHED, OPENED
from webmail.imap.splitter import Response
from webmail.imap.uidset import compact

_SECTION = re.compile(r"(?:\d{1,5}(?:\.\d{1,5}){0,200}(?:\.(?:HEADER|TEXT|MIME))?|HEADER|TEXT)?\Z")
_KEY = re.compile(rb"BODY\[([^\]]*)\]")
_AT_ONCE = 100


class Bodies(Folders):
    """The commands that bring content."""

    def fetch_section(self, uid: int, section: str, *, offset: int | None = None, length: int | None = None) -> bytes:
        """Octets of a section as transferred ("" is the whole message); GiveUp(GONE) when the message is not there.

        With ``offset`` and ``length`` only that piece, shorter at the end of the section and empty beyond it.
        """
        self._folder()
        item = _item(section, offset or 0, length) if length is not None or offset else _item(section)
        reply = self._run(b"UID FETCH", b"%d" % uid, item, expected=FETCHED)
        self._note_unasked(reply)
        found = _contents(reply.untagged).get((uid, section))
        if found is not None and reply.ok:
            return found if length is None else found[:length]
        if not reply.ok:
            self._need(reply, "The server does not hand out this part of the message.")
        if self._present(uid):
            return b""
        raise GiveUp(Reason.GONE, "The message is no longer there.")

    def _present(self, uid: int) -> bool:
        for response in self._run(b"UID FETCH", b"%d" % uid, b"(UID)", expected=FETCHED).untagged:
            try:
                answer = fetch_items(response)
            except Unreadable:
                continue
            if answer is not None and number(answer[1].get(b"UID")) == uid:
                return True
        return False

    def fetch_sections(
        self, items: list[tuple[int, str]], max_octets: int | None = None
    ) -> dict[tuple[int, str], bytes]:
        """Many sections in few round trips, at most ``max_octets`` of each; what is no longer there is missing."""
        self._folder()
        return self._brought(self._run_many(_fetches(items, max_octets), expected=FETCHED), items, max_octets)

    def open_and_fetch(
        self, name: str, items: list[tuple[int, str]], max_octets: int | None = None, *, uidvalidity: int | None
    ) -> dict[tuple[int, str], bytes]:
        """``select`` and ``fetch_sections`` in one flight, for somebody who waits: a server takes commands in their order
        (RFC 3501 section 5.5), and what it brings out of another folder than was meant is thrown away.
        """
        commands = _fetches(items, max_octets)
        opening = self._opening(name)
        if len(commands) >= _AT_ONCE or any(isinstance(each, Literal) for each in opening):
            self.select(name, uidvalidity=uidvalidity)
            return self.fetch_sections(items, max_octets)
        self._leave_for(name)
        first, *replies = self._run_many([opening, *commands], expected=OPENED | FETCHED)
        if first.status == "BAD" and self._condstore:
            self.select(name, uidvalidity=uidvalidity)
            return self.fetch_sections(items, max_octets)
        self._opened(first, name, uidvalidity)
        return self._brought(replies, items, max_octets)

    def _brought(
        self, replies: list[Reply], items: list[tuple[int, str]], max_octets: int | None
    ) -> dict[tuple[int, str], bytes]:
        wanted = set(items)
        found: dict[tuple[int, str], bytes] = {}
        for reply in replies:
            self._worth_going_on(reply)
            self._note_unasked(reply)
            for key, octets in _contents(reply.untagged).items():
                if key in wanted:
                    found[key] = octets if max_octets is None else octets[:max_octets]
        return found

    def _note_unasked(self, reply: Reply) -> None:
        for response in reply.untagged:
            if not any(b"BODY[" in piece.upper() for piece in response[::2]):
                self._note(response)

    def _worth_going_on(self, reply: Reply) -> None:
        """A refusal concerns one section of some messages; a throttle or a farewell concerns everything."""
        if not reply.ok:
            try:
                self._need(reply, "The server does not hand out this part of the message.")
            except GiveUp:
                return

    def stream_section(self, uid: int, section: str, chunk: int = 256 * 1024) -> Iterator[bytes]:
        """A section in pieces of ``chunk`` octets; memory stays flat whatever its size. Breaking off is harmless."""
        offset = 0
        while True:
            piece = self.fetch_section(uid, section, offset=offset, length=chunk)
            if piece:
                yield piece
            offset += len(piece)
            if len(piece) < chunk:
                return


def _fetches(items: list[tuple[int, str]], max_octets: int | None) -> list[Command]:
    grouped: dict[str, set[int]] = defaultdict(set)
    for uid, section in items:
        grouped[section].add(uid)
    commands: list[Command] = []
    for section, uids in grouped.items():
        ordered = sorted(uids)
        item = _item(section, 0, max_octets) if max_octets is not None else _item(section)
        for start in range(0, len(ordered), _AT_ONCE):
            asked = compact(ordered[start : start + _AT_ONCE]).encode("ascii")
            commands.append([b"UID FETCH", asked, item])
    return commands


def _item(section: str, offset: int | None = None, length: int | None = None) -> bytes:
    if not _SECTION.match(section):
        raise ValueError("not a section of a message")
    text = f"BODY.PEEK[{section}]"
    if offset is not None:
        text += f"<{offset}.{length if length is not None else 2**31 - 1}>"
    return f"(UID {text})".encode("ascii")


def _contents(untagged: list[Response]) -> dict[tuple[int, str], bytes]:
    """Octets by UID and section; a section that is NIL counts as empty."""
    found: dict[tuple[int, str], bytes] = {}
    for response in untagged:
        try:
            answer = fetch_items(response)
        except Unreadable:
            continue
        if answer is None or not (uid := number(answer[1].get(b"UID"))):
            continue
        for name, value in answer[1].items():
            key = _KEY.match(name)
            if key is not None and (value is None or isinstance(value, bytes)):
                found[uid, key[1].decode("ascii", "replace")] = value or b""
    return found

"""Changing the selected folder: flags, moving, copying, expunging; and APPEND (RFC 3501, RFC 4315, RFC 6851)."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from webmail.errors import GiveUp, MailError, OutcomeUnknown, Reason, RetryLater
from webmail.imap.arguments import Literal, Literal8, astring, encode_folder
from webmail.imap.client import Reply
from webmail.imap.reading import numbers, own_change
from webmail.imap.session import FETCHED, Session
from webmail.imap.splitter import Response
from webmail.imap.types import Appended, MoveResult
from webmail.imap.uidset import UidSet, chunks, contains, expand, normal, parse

_FLAG = re.compile(r"\\?[^\s(){%*\"\\\]\x00-\x1f\x7f-\U0010ffff]{1,200}\Z")
_COPYUID = re.compile(rb"(\d{1,10}) ([0-9:,]+) ([0-9:,]+)\Z")
_APPENDUID = re.compile(rb"(\d{1,10}) (\d{1,10})\Z")
_CODE = re.compile(rb"\* OK \[COPYUID ([^\]]*)\]", re.IGNORECASE)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NOT_MOVED = "The server does not move these messages."
_NOT_DELETED = "The server does not delete these messages."


class Changes(Session):
    """The commands that change messages. A lost answer is OutcomeUnknown: look before repeating."""

    def store(self, uid_set: UidSet, add: Iterable[str] = (), remove: Iterable[str] = ()) -> dict[int, int]:
        """Add and remove flags and keywords, silently; UIDs that are gone are skipped by the server.

        Returns the mod-sequences that the server gave to what it changed (RFC 7162 section 3.1.3), by UID.
        """
        self._folder()
        asked = normal(uid_set)
        ranges = parse(asked) if asked else []
        changed: dict[int, int] = {}

        def keep(response: Response) -> None:
            uid, modseq = own_change(response)
            if not uid or not contains(ranges, uid):
                self._note(response)
            elif modseq is not None:
                changed[uid] = modseq

        for sign, names in ((b"+FLAGS.SILENT", sorted(set(add))), (b"-FLAGS.SILENT", sorted(set(remove)))):
            for piece in chunks(asked) if asked and names else ():
                command = [b"UID STORE", piece.encode("ascii"), sign, _flag_list(names)]
                reply = self._run(*command, write=True, expected=FETCHED, on_response=keep)
                self._need(reply, "The server does not keep this mark.")
        return changed

    def move(self, uid_set: UidSet, target: str) -> MoveResult:
        """MOVE where offered, else COPY and a scoped expunge. GiveUp(GONE) when there is no such target."""
        if self.has("MOVE") or self.has("IMAP4REV2"):
            try:
                return self._transfer(b"UID MOVE", uid_set, target)
            except _NotUnderstood:
                pass
        copied = self.copy(uid_set, target)
        try:
            self.expunge(uid_set)
        except OutcomeUnknown:
            raise
        except RetryLater as error:
            # The copies are there and the originals may be: whoever repeats the move has to look first.
            raise OutcomeUnknown(error.reason, error.sentence, detail=error.detail) from error
        return copied

    def copy(self, uid_set: UidSet, target: str) -> MoveResult:
        """COPY; the mapping of UIDs where the server tells it (UIDPLUS)."""
        try:
            return self._transfer(b"UID COPY", uid_set, target)
        except _NotUnderstood as error:
            raise GiveUp(Reason.REFUSED, "The server does not copy these messages.", detail=str(error)) from None

    def _transfer(self, command: bytes, uid_set: UidSet, target: str) -> MoveResult:
        self._folder()
        asked = normal(uid_set)
        folder = astring(encode_folder(target))
        results: list[MoveResult] = []
        for piece in chunks(asked) if asked else ():
            reply = self._run(command, piece.encode("ascii"), folder, write=True)
            if reply.status == "BAD" and not reply.code and not results:
                raise _NotUnderstood(reply.text)
            if not reply.ok and results:
                # Part of the set has moved already; only a look at both folders tells which.
                self._partly(reply)
            self._need(reply, _NOT_MOVED)
            results.append(self._copyuid(reply))
        return _merged(results)

    def _partly(self, reply: Reply) -> None:
        try:
            self._need(reply, _NOT_MOVED)
        except MailError as error:
            raise OutcomeUnknown(error.reason, error.sentence, detail=error.detail) from error

    def _copyuid(self, reply: Reply) -> MoveResult:
        written = [reply.argument] if reply.code == "COPYUID" else []
        written += [found[1] for each in reply.untagged if (found := _CODE.match(each[0]))]
        # Yahoo gives the targets of several messages in another order than their sources.
        unordered = self.has("XYMHIGHESTMODSEQ")
        return _merged([_mapping(each, unordered=unordered) for each in written]) if written else MoveResult()

    def expunge(self, uids: UidSet, *, exact: bool = False) -> None:
        """Delete these messages for good, and no others: marks that other programs set survive.

        ``exact``: by UID EXPUNGE (RFC 4315) or not at all; GiveUp where the server has or does none.
        """
        self._folder()
        asked = normal(uids)
        if not asked:
            return
        scoped = self.has("UIDPLUS") or self.has("IMAP4REV2")
        if exact and not scoped:
            raise GiveUp(Reason.UNSUPPORTED, _NOT_DELETED)
        self.store(asked, add=["\\Deleted"])
        if scoped:
            pieces = list(chunks(asked))
            replies = [self._run(b"UID EXPUNGE", piece.encode("ascii"), write=True) for piece in pieces]
            if all(reply.ok for reply in replies):
                return
            if exact:
                self.store(asked, remove=["\\Deleted"])
                raise GiveUp(Reason.REFUSED, _NOT_DELETED)
        self._expunge_without_uidplus(asked)

    def _expunge_without_uidplus(self, asked: str) -> None:
        """EXPUNGE takes every message marked \\Deleted, so marks of others are lifted first and put back after."""
        reply = self._run(b"UID SEARCH DELETED")
        marked = self._need(reply, _NOT_DELETED).untagged
        ours = parse(asked)
        foreign = [uid for uid in numbers(marked) if not any(low <= uid <= high for low, high in ours)]
        if not foreign:
            self._need(self._run(b"EXPUNGE", write=True), _NOT_DELETED)
            return
        self.store(foreign, remove=["\\Deleted"])
        try:
            reply = self._run(b"EXPUNGE", write=True)
        finally:
            if not self.broken:
                self.store(foreign, add=["\\Deleted"])
        self._need(reply, _NOT_DELETED)

    def append(
        self, folder: str, raw: bytes, flags: Iterable[str] = (), internaldate: datetime | None = None
    ) -> Appended:
        """APPEND. GiveUp with GONE (no such folder), QUOTA or TOO_LARGE; ``internaldate`` must be aware."""
        limit = _append_limit(self.capabilities)
        if limit is not None and len(raw) > limit:
            raise GiveUp(Reason.TOO_LARGE, f"The server takes messages of at most {limit // 1_000_000} MB.")
        literal: bytes = Literal(raw)
        if b"\0" in raw:
            if not self.has("BINARY"):
                raise GiveUp(Reason.UNSUPPORTED, "The message holds NUL octets, which this server does not take.")
            literal = Literal8(raw)
        arguments = [astring(encode_folder(folder))]
        if names := sorted(set(flags)):
            arguments.append(_flag_list(names))
        if internaldate is not None:
            arguments.append(_written_date(internaldate))
        reply = self._run(b"APPEND", *arguments, literal, write=True)
        self._need(reply, "The server does not take this message.")
        found = _APPENDUID.match(reply.argument) if reply.code == "APPENDUID" else None
        return Appended(int(found[2]), int(found[1])) if found else Appended()


class _NotUnderstood(Exception):
    """BAD: the server knows no such command, whatever it advertised, and has done nothing."""


def _flag_list(names: Iterable[str]) -> bytes:
    for name in names:
        if not _FLAG.match(name):
            raise GiveUp(Reason.REFUSED, "This mark holds characters a mail server does not take.")
    return b"(" + " ".join(names).encode("ascii") + b")"


def _mapping(written: bytes, *, unordered: bool) -> MoveResult:
    found = _COPYUID.match(written)
    if found is None:
        return MoveResult()
    uidvalidity = int(found[1])
    try:
        sources = list(expand(parse(found[2].decode("ascii"))))
        targets = list(expand(parse(found[3].decode("ascii"))))
    except ValueError:
        return MoveResult()
    if len(sources) != len(targets) or len(set(targets)) != len(targets) or (unordered and len(sources) > 1):
        return MoveResult(None, uidvalidity)
    return MoveResult(dict(zip(sources, targets, strict=True)), uidvalidity)


def _merged(results: list[MoveResult]) -> MoveResult:
    """One result of several; unknown as soon as one of them is, or they name different UIDVALIDITYs."""
    validities = {each.target_uidvalidity for each in results}
    if len(validities) != 1 or any(each.mapping is None for each in results):
        return MoveResult(None, validities.pop() if len(validities) == 1 else None)
    mapping: dict[int, int] = {}
    for each in results:
        mapping |= each.mapping or {}
    return MoveResult(mapping, validities.pop())


def _append_limit(capabilities: frozenset[str]) -> int | None:
    """APPENDLIMIT=n (RFC 7889) in octets."""
    for each in capabilities:
        name, _, value = each.partition("=")
        if name == "APPENDLIMIT" and value.isdigit() and len(value) < 19:
            return int(value)
    return None


def _written_date(moment: datetime) -> bytes:
    if moment.tzinfo is None:
        raise ValueError("an aware time is needed")
    utc = moment.astimezone(UTC)
    return f'"{utc.day:02}-{_MONTHS[utc.month - 1]}-{utc.year:04} {utc:%H:%M:%S} +0000"'.encode("ascii")

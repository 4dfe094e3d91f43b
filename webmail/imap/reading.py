"""Reading the selected folder: rows, flags, sets of UIDs (FETCH and SEARCH, RFC 3501 section 6.4; RFC 7162, RFC 4731)."""

import re
from dataclasses import dataclass
from typing import Any

from webmail.imap.arguments import astring
from webmail.imap.client import Reply
from webmail.imap.envelope import flags, message, placeholder
from webmail.imap.response import Unreadable, fetch_items, number
from webmail.imap.session import FETCHED, Session
from webmail.imap.splitter import Response
from webmail.imap.types import FlagUpdate, RemoteMessage
from webmail.imap.uidset import HIGHEST, UidSet, chunks, compact, contains, expand, normal
from webmail.imap.uidset import parse as parse_set
from webmail.mime.headers import first, message_ids, parse_header_block

_ROW = b"UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (REFERENCES LIST-ID)]"
_SHORT_ROW = b"UID FLAGS INTERNALDATE RFC822.SIZE"
# Only an answer to our own question has these; flags that arrive unasked come alone.
_ROW_MARKS = (b"ENVELOPE", b"BODYSTRUCTURE", b"RFC822.SIZE", b"INTERNALDATE")
_UID = re.compile(rb"[( ]UID (\d{1,10})[ )]", re.IGNORECASE)
_FLAGS_ONLY = re.compile(
    rb"\* \d+ FETCH \((?:UID (\d{1,10}) FLAGS \(([^()\"{]*)\)(?: MODSEQ \((\d{1,19})\))?)\)\Z", re.IGNORECASE
)
_ESEARCH_ALL = re.compile(rb"(?:\A| )ALL ([0-9:,*]+)", re.IGNORECASE)
_CANDIDATES = 50
_SHORT_SET = 4000


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that is under way: its sets of UIDs and the tags of its commands."""

    pieces: tuple[str, ...]
    tags: tuple[bytes, ...]


class Reading(Session):
    """The commands that look at messages and change nothing."""

    def fetch_envelopes(self, uids: UidSet | None = None, *, sequence: str | None = None) -> list[RemoteMessage]:
        """Rows for a set of UIDs, or of sequence numbers such as "951:1000", ascending by UID.

        A message whose answer cannot be read comes as a row without subject (``complete`` is False); one that is no
        longer there is missing. Ask for at most a few hundred at once.
        """
        self._folder()
        if uids is None:
            asked = normal(sequence or "")
            found, reply = self._collect(asked, b"FETCH", _ROW, by_uid=False)
            return self._rows(asked, b"FETCH", found, reply)
        return self.take_envelopes(self.ask_envelopes(uids))

    def ask_envelopes(self, uids: UidSet) -> Asked:
        """Send the question of :meth:`fetch_envelopes`; :meth:`take_envelopes` must be the next call.

        The server prepares the answer while its client is busy with the one before.
        """
        self._folder()
        self._check_not_idle()
        pieces = tuple(chunks(asked)) if (asked := normal(uids)) else ()
        items = self._row_items(_ROW)
        with self._guarded():
            tags = self._client.send([[b"UID FETCH", piece.encode("ascii"), items] for piece in pieces])
        self._outstanding = bool(tags)
        return Asked(pieces, tuple(tags))

    def take_envelopes(self, asked: Asked) -> list[RemoteMessage]:
        """The rows asked for, ascending by UID."""
        self._outstanding = False
        with self._guarded(), self._expecting(FETCHED):
            replies = self._client.receive(asked.tags)
        rows: dict[int, RemoteMessage] = {}
        for piece, reply in zip(asked.pieces, replies, strict=True):
            found = self._by_number(reply.untagged, parse_set(piece), by_uid=True)
            rows |= {row.uid: row for row in self._rows(piece, b"UID FETCH", found, reply)}
        return sorted(rows.values(), key=lambda row: row.uid)

    def fetch_unread(self, uids: UidSet) -> list[RemoteMessage]:
        """Rows of what a server knows without looking into the messages: flags, time and size; ``complete`` is False."""
        self._folder()
        asked = normal(uids)
        found, reply = self._collect(asked, b"UID FETCH", _SHORT_ROW, by_uid=True)
        self._need(reply, "The server does not show the messages of this folder.")
        return [placeholder(uid, items) for uid, items in sorted(found.items())]

    def _rows(
        self, asked: str, command: bytes, found: dict[int, dict[bytes, Any]], reply: Reply
    ) -> list[RemoteMessage]:
        by_uid = command == b"UID FETCH"
        rows = {uid: _row(uid, items) for uid, items in found.items()}
        if reply.ok:
            return sorted(rows.values(), key=lambda row: row.uid)
        # One message can make a server refuse the whole set; then each that is missing is asked for alone.
        short, reply = self._collect(asked, command, _SHORT_ROW, by_uid=by_uid)
        self._need(reply, "The server does not show the messages of this folder.")
        missing = [uid for uid in sorted(short) if uid not in rows]
        items = self._row_items(_ROW)
        alone = self._run_many([[b"UID FETCH", b"%d" % uid, items] for uid in missing], expected=FETCHED)
        for uid, answer in zip(missing, alone, strict=True):
            each = self._by_number(answer.untagged, [(uid, uid)], by_uid=True).get(uid)
            rows[uid] = _row(uid, each) if each is not None and answer.ok else placeholder(uid, short[uid])
        return sorted(rows.values(), key=lambda row: row.uid)

    def _row_items(self, items: bytes) -> bytes:
        selected = self._folder()
        return b"(" + items + (b" MODSEQ)" if self._condstore and selected.highestmodseq else b")")

    def _collect(
        self, asked: str, command: bytes, items: bytes, *, by_uid: bool
    ) -> tuple[dict[int, dict[bytes, Any]], Reply]:
        reply = self._run(command, asked.encode("ascii"), self._row_items(items), expected=FETCHED)
        return self._by_number(reply.untagged, parse_set(asked), by_uid=by_uid), reply

    def _by_number(
        self, untagged: list[Response], asked: list[tuple[int, int]], *, by_uid: bool
    ) -> dict[int, dict[bytes, Any]]:
        """Items by UID; what has no UID or was not asked for is dropped. None of an item survives a broken answer."""
        found: dict[int, dict[bytes, Any]] = {}
        # "*" names the last message whatever its UID is.
        last = any(low == HIGHEST for low, _ in asked)
        for response in untagged:
            try:
                answer = fetch_items(response)
            except Unreadable:
                answer = _salvaged(response)
            if answer is None:
                continue
            sequence, items = answer
            if not any(mark in items for mark in _ROW_MARKS):
                self._note(response)
            uid = number(items.get(b"UID"))
            if not uid or not (last or contains(asked, uid if by_uid else sequence)):
                continue
            found.setdefault(uid, {}).update(items)
        return {uid: items for uid, items in found.items() if any(mark in items for mark in _ROW_MARKS)}

    def fetch_flags(self, uid_set: UidSet, *, changed_since: int | None = None) -> list[FlagUpdate]:
        """Flags of these messages; with ``changed_since`` (a mod-sequence, RFC 7162 section 3.1.4.1) only what changed.

        Servers without CONDSTORE answer with all of them, and ``modseq`` is None.
        """
        selected = self._folder()
        asked = normal(uid_set)
        if not asked:
            return []
        ranges = parse_set(asked)
        found: dict[int, FlagUpdate] = {}

        def keep(response: Response) -> None:
            update = _flag_update(response)
            if update is not None and contains(ranges, update.uid):
                found[update.uid] = update
            else:
                self._note(response)

        modseq = self._condstore and selected.highestmodseq is not None
        modifier = [b"(CHANGEDSINCE %d)" % changed_since] if changed_since is not None and modseq else []
        # Only what changed is told, whatever the set is called.
        pieces = [asked] if modifier and len(asked) < _SHORT_SET else chunks(asked, self._at_once)
        commands = [[b"UID FETCH", piece.encode("ascii"), b"(UID FLAGS)", *modifier] for piece in pieces]
        for reply in self._run_many(commands, expected=FETCHED, on_response=keep):
            self._need(reply, "The server does not show the flags of this folder.")
        return sorted(found.values(), key=lambda update: update.uid)

    def uids(self, uid_set: UidSet = "1:*") -> set[int]:
        """The UIDs that exist among these; compactly by ESEARCH (RFC 4731) where offered and answered sensibly."""
        self._folder()
        asked = normal(uid_set)
        if not asked:
            return set()
        ranges = parse_set(asked)
        found = self._esearched(asked) if self.has("ESEARCH") or self.has("IMAP4REV2") else None
        if found is None:
            found = self._searched(asked)
        if not found and asked == "1:*" and self._client.exists:
            # An empty answer for a folder that is not empty is not believed: rows would be deleted for it.
            found = {update.uid for update in self.fetch_flags("1:*")}
        return {uid for uid in found if contains(ranges, uid)}

    def _esearched(self, asked: str) -> set[int] | None:
        reply = self._run(b"UID SEARCH RETURN (ALL) UID", asked.encode("ascii"))
        if not reply.ok:
            return None
        answers = [each[0] for each in reply.untagged if each[0][:10].upper() == b"* ESEARCH "]
        sets = [found[1].decode("ascii") for each in answers if (found := _ESEARCH_ALL.search(each))]
        if not answers or (not sets and any(b" COUNT " in each.upper() for each in answers)):
            return None
        try:
            return set(expand(each for text in sets for each in parse_set(text)))
        except ValueError:
            return None

    def _searched(self, asked: str) -> set[int]:
        found: set[int] = set()
        for reply in self._run_many(
            [[b"UID SEARCH UID", each.encode("ascii")] for each in chunks(asked, self._at_once)]
        ):
            found.update(numbers(self._need(reply, "The server does not search this folder.").untagged))
        return found

    def marked(self, uid_set: UidSet) -> dict[str, set[int]] | None:
        """The UIDs among these that are UNSEEN, FLAGGED, ANSWERED, by these names; None where the server does not search."""
        self._folder()
        asked = normal(uid_set)
        ranges = parse_set(asked)
        found: dict[str, set[int]] = {}
        # One after the other: which of two questions a SEARCH response answers is not said (RFC 3501 section 5.5).
        for name in ("UNSEEN", "FLAGGED", "ANSWERED"):
            reply = self._run(b"UID SEARCH UID", asked.encode("ascii"), name.encode("ascii"))
            if not reply.ok:
                return None
            found[name] = {uid for uid in numbers(reply.untagged) if contains(ranges, uid)}
        return found

    def find_message_id(self, message_id: str) -> list[int]:
        """UIDs of the messages with exactly this Message-ID (without <>) in the selected folder, ascending."""
        self._folder()
        argument = astring(message_id)
        # Some servers show what was appended by another connection only after this.
        self._run(b"NOOP")
        charset = [] if message_id.isascii() else [b"CHARSET UTF-8"]
        reply = self._run(b"UID SEARCH", *charset, b"HEADER Message-ID", argument)
        candidates = numbers(self._need(reply, "The server does not search this folder.").untagged)[-_CANDIDATES:]
        if not candidates:
            return []
        # HEADER finds substrings, and some servers find anything.
        asked = compact(candidates).encode("ascii")
        answer = self._run(b"UID FETCH", asked, b"(UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])", expected=FETCHED)
        self._need(answer, "The server does not show the messages of this folder.")
        return sorted({uid for uid, header in _headers(answer.untagged) if message_id in message_ids(header)})


def _row(uid: int, items: dict[bytes, Any]) -> RemoteMessage:
    try:
        return message(uid, items)
    except (ValueError, TypeError, IndexError, KeyError, RecursionError):
        return placeholder(uid, items)


def _salvaged(response: Response) -> tuple[int, dict[bytes, Any]] | None:
    """What can be known of a FETCH response that cannot be read: sequence number and UID."""
    head = re.match(rb"\* (\d{1,10}) FETCH ", response[0], re.IGNORECASE)
    found = next((match for piece in response[::2] if (match := _UID.search(piece))), None)
    if head is None or found is None:
        return None
    return int(head[1]), {b"UID": found[1], b"RFC822.SIZE": None}


def _flag_update(response: Response) -> FlagUpdate | None:
    # Nearly all are of this form, and there can be half a million.
    if (plain := _FLAGS_ONLY.match(response[0])) is not None and len(response) == 1:
        return FlagUpdate(int(plain[1]), flags(plain[2].split()), int(plain[3]) if plain[3] else None)
    try:
        answer = fetch_items(response)
    except Unreadable:
        return None
    if answer is None or b"FLAGS" not in answer[1] or not (uid := number(answer[1].get(b"UID"))):
        return None
    return FlagUpdate(uid, flags(answer[1][b"FLAGS"]), number(answer[1].get(b"MODSEQ")))


def own_change(response: Response) -> tuple[int | None, int | None]:
    """UID and mod-sequence in a FETCH response; None for what it does not name."""
    try:
        answer = fetch_items(response)
    except Unreadable:
        return None, None
    return (number(answer[1].get(b"UID")), number(answer[1].get(b"MODSEQ"))) if answer else (None, None)


def numbers(untagged: list[Response]) -> list[int]:
    """The numbers of all SEARCH responses, ascending; a server may send several or none."""
    found: set[int] = set()
    for response in untagged:
        if response[0][:8].upper() == b"* SEARCH":
            found.update(value for each in response[0][8:].split() if (value := number(each)) and value <= HIGHEST)
    return sorted(found)


def _headers(untagged: list[Response]) -> list[tuple[int, bytes | None]]:
    found = []
    for response in untagged:
        try:
            answer = fetch_items(response)
        except Unreadable:
            continue
        if answer is None or not (uid := number(answer[1].get(b"UID"))):
            continue
        for name, value in answer[1].items():
            if name.startswith(b"BODY[HEADER.FIELDS") and isinstance(value, bytes):
                found.append((uid, first(parse_header_block(value), "message-id")))
    return found

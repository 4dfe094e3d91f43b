"""Folders: LIST, STATUS, SELECT, and creating, renaming, deleting, subscribing (RFC 3501 section 6.3)."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from webmail.errors import FolderReset, GiveUp, Reason
from webmail.imap.arguments import CONTROLS, astring, encode_folder, folder_name
from webmail.imap.client import Command, Reply
from webmail.imap.envelope import flags
from webmail.imap.response import Unreadable, fetch_items, number, parse
from webmail.imap.session import FETCHED, LISTED, OPENED, Session
from webmail.imap.special_use import special_uses
from webmail.imap.splitter import Response
from webmail.imap.types import FolderStatus, Hint, RemoteFolder, Selected

Line = tuple[str, str | None, frozenset[str], bytes]
NOT_THERE = frozenset({"\\nonexistent", "\\noselect"})
_FOLDER_LIMIT = 20_000
MOST_MESSAGES = 2**31 - 1  # in a folder, whatever a server claims; databases have columns of that width
_GONE = GiveUp(Reason.GONE, "The folder is no longer there.")
_OK_CODE = re.compile(rb"\* OK \[([A-Za-z-]+)(?: (.*))?\]", re.IGNORECASE | re.DOTALL)


class Folders(Session):
    """The commands about folders."""

    def list_folders(self, known: Iterable[str] | None = None) -> list[RemoteFolder]:
        """All folders, INBOX first, in one round trip; with counters where LIST-STATUS (RFC 5819) is offered.

        Elsewhere those of the ``known`` names come along. Naming any, or none, makes the session catch up before: STATUS of
        the folder that is open answers from what the session has seen (RFC 3501 section 6.3.10).
        """
        extended = self.has("LIST-EXTENDED") or self.has("IMAP4REV2")
        counted = extended and self.has("LIST-STATUS")
        before: list[Command] = [] if known is None else [[b"NOOP"]]
        after = [] if counted else [self._status(name) for name in known or ()]
        if extended:
            options = [b"SUBSCRIBED"]
            if self.has("SPECIAL-USE") or self.has("IMAP4REV2"):
                options.append(b"SPECIAL-USE")
            if counted:
                options.append(b"STATUS " + self._status_items())
            listing = b'LIST "" "*" RETURN (' + b" ".join(options) + b")"
            replies = self._run_many([*before, [listing], *after], expected=LISTED)
            if replies[len(before)].ok:
                return self._listed(_flat(replies), None)
        plain_list: list[Command] = [[b'LIST "" "*"'], [b'LSUB "" "*"']]
        replies = self._run_many([*before, *plain_list, *after], expected=LISTED)
        self._need(replies[len(before)], "The server does not list its folders.")
        untagged = _flat(replies)
        subscribed = {name for name, _, _, _ in _lines(untagged, b"LSUB")}
        # Some servers keep no subscriptions at all; then every folder counts as subscribed.
        return self._listed(untagged, subscribed or None)

    def _listed(self, untagged: list[Response], subscribed: set[str] | None) -> list[RemoteFolder]:
        found: dict[str, RemoteFolder] = {}
        lines = _existing(_lines(untagged, b"LIST"))
        known = subscribed is None and any("\\subscribed" in _lower(attributes) for _, _, attributes, _ in lines)
        for name, delimiter, attributes, raw in lines:
            lower = _lower(attributes)
            found[name] = RemoteFolder(
                name=name,
                raw_name=raw,
                delimiter=delimiter,
                flags=attributes,
                selectable=not lower & {"\\noselect", "\\nonexistent"} and not CONTROLS.search(raw),
                subscribed=name == "INBOX"
                or (name in subscribed if subscribed is not None else not known or "\\subscribed" in lower),
            )
        statuses = dict(_statuses(untagged))
        uses = special_uses((each.name, each.delimiter, each.flags, each.selectable) for each in found.values())
        folders = [
            replace(each, special_use=uses.get(each.name, ""), status=statuses.get(each.name))
            for each in found.values()
        ]
        return sorted(folders, key=lambda each: each.name != "INBOX")

    def statuses(self, names: Iterable[str]) -> dict[str, FolderStatus]:
        """STATUS of each, many in flight at once; folders that refuse are left out."""
        found: dict[str, FolderStatus] = {}
        for reply in self._run_many([self._status(name) for name in names], expected=LISTED):
            found.update(_statuses(reply.untagged))
        return found

    def _status(self, name: str) -> Command:
        return [b"STATUS", astring(encode_folder(name)), self._status_items()]

    def _status_items(self) -> bytes:
        items = b"MESSAGES UNSEEN UIDNEXT UIDVALIDITY"
        return b"(" + items + (b" HIGHESTMODSEQ)" if self._condstore else b")")

    def select(self, name: str, *, uidvalidity: int | None) -> Selected:
        """SELECT; FolderReset when UIDVALIDITY is not the one given, GiveUp(GONE) when there is no such folder."""
        self._leave_for(name)
        reply = self._run(*self._opening(name), expected=OPENED)
        if reply.status == "BAD" and self._condstore:
            reply = self._run(b"SELECT", astring(encode_folder(name)), expected=OPENED)
        return self._opened(reply, name, uidvalidity)

    def _opening(self, name: str) -> list[bytes]:
        self._client.exists = 0
        return [b"SELECT", astring(encode_folder(name)), *([b"(CONDSTORE)"] if self._condstore else [])]

    def _opened(self, reply: Reply, name: str, uidvalidity: int | None) -> Selected:
        if not reply.ok:
            raise self._why_not_selected(reply, name)
        selected = self._selected(reply, name)
        if selected.uidnext == 0:
            selected = replace(selected, uidnext=self._guessed_uidnext())
        if uidvalidity is not None and selected.uidvalidity != uidvalidity:
            raise FolderReset(uidvalidity, selected.uidvalidity)
        self.selected = selected
        return selected

    def _leave_for(self, name: str) -> None:
        """Opening a folder tells its state; what was told of the one left is still to be looked into."""
        news = [hint for hint in self._news if hint.kind == "folder"]
        if self.selected is not None and len(news) < len(self._news):
            news.append(Hint("folder", self.selected.name))
        self._news = {hint: None for hint in news if hint.name != name}
        self.selected = None

    def _why_not_selected(self, reply: Reply, name: str) -> GiveUp:
        if not reply.code:
            pattern = astring(encode_folder(name))
            listed = self._run(b'LIST ""', pattern, expected=LISTED)
            lines = [each for each in _lines(listed.untagged, b"LIST") if each[0] == name]
            if listed.ok and not any("\\nonexistent" not in _lower(attributes) for _, _, attributes, _ in lines):
                return GiveUp(Reason.GONE, _GONE.sentence, detail=reply.text)
        self._need(reply, "The server does not open this folder.")
        return _GONE

    def _selected(self, reply: Reply, name: str) -> Selected:
        codes: dict[str, bytes] = {}
        offered: frozenset[str] = frozenset()
        for response in reply.untagged:
            if (code := _OK_CODE.match(response[0])) is not None:
                codes[code[1].decode("ascii").upper()] = code[2] or b""
            elif response[0][:8].upper() == b"* FLAGS ":
                offered = flags(_tokens(response, 8)[:1][0] if _tokens(response, 8) else None)
        permanent = offered
        if "PERMANENTFLAGS" in codes:
            tokens = _tokens((codes["PERMANENTFLAGS"],), 0)
            permanent = flags(tokens[0] if tokens else None)
        modseq = number(codes.get("HIGHESTMODSEQ")) or None
        uidvalidity = number(codes.get("UIDVALIDITY")) or 0
        return Selected(
            name=name,
            uidvalidity=uidvalidity,
            uidnext=number(codes.get("UIDNEXT")) or 0,
            exists=min(self._client.exists, MOST_MESSAGES),
            highestmodseq=None if "NOMODSEQ" in codes else modseq,
            permanent_flags=permanent - {"\\*"},
            read_only=reply.code == "READ-ONLY" or uidvalidity == 0,
            can_create_keywords="\\*" in permanent,
        )

    def _guessed_uidnext(self) -> int:
        """Some servers do not name UIDNEXT: one past the highest UID there is."""
        if not self._client.exists:
            return 1
        highest = 0
        for response in self._run(b"FETCH * (UID)", expected=FETCHED).untagged:
            try:
                found = fetch_items(response)
            except Unreadable:
                continue
            highest = max(highest, number(found[1].get(b"UID")) or 0) if found else highest
        return highest + 1

    def create_folder(self, name: str) -> None:
        """CREATE and SUBSCRIBE; GiveUp when the server refuses."""
        reply = self._run(b"CREATE", astring(encode_folder(name)), write=True)
        self._need(reply, "The server does not create this folder.")
        self._run(b"SUBSCRIBE", astring(encode_folder(name)), write=True)

    def rename_folder(self, name: str, new_name: str) -> None:
        """RENAME; folders below move along. The subscription is carried over, which RENAME itself does not do."""
        old, new = astring(encode_folder(name)), astring(encode_folder(new_name))
        self._need(self._run(b"RENAME", old, new, write=True), "The server does not rename this folder.")
        self._run_many([[b"UNSUBSCRIBE", old], [b"SUBSCRIBE", new]], write=True)
        if self.selected is not None and self.selected.name == name:
            self.selected = None

    def delete_folder(self, name: str) -> None:
        """DELETE with all messages in it."""
        argument = astring(encode_folder(name))
        self._need(self._run(b"DELETE", argument, write=True), "The server does not delete this folder.")
        self._run(b"UNSUBSCRIBE", argument, write=True)
        if self.selected is not None and self.selected.name == name:
            self.selected = None

    def subscribe(self, name: str) -> None:
        reply = self._run(b"SUBSCRIBE", astring(encode_folder(name)), write=True)
        self._need(reply, "The server does not subscribe to this folder.")

    def unsubscribe(self, name: str) -> None:
        reply = self._run(b"UNSUBSCRIBE", astring(encode_folder(name)), write=True)
        self._need(reply, "The server does not unsubscribe from this folder.")

    def noop(self) -> None:
        """NOOP: keeps the session and lets the server tell what is new."""
        self._need(self._run(b"NOOP"), "The server does not answer.")


def _flat(replies: Iterable[Reply]) -> list[Response]:
    """Servers begin a command while the one before is still under way: which of them an answer belongs to is not known."""
    return [response for reply in replies for response in reply.untagged]


def _tokens(response: Response, start: int) -> list[Any]:
    try:
        return parse(response, start)
    except Unreadable:
        return []


def _lower(attributes: frozenset[str]) -> set[str]:
    return {each.lower() for each in attributes}


def _lines(untagged: list[Response], kind: bytes) -> list[Line]:
    """Name, delimiter, attributes and raw name of the LIST or LSUB responses among these."""
    head = b"* " + kind + b" "
    found = []
    for response in untagged[: 4 * _FOLDER_LIMIT]:
        if response[0][: len(head)].upper() != head:
            continue
        tokens = _tokens(response, len(head))
        if len(tokens) < 3 or not isinstance(tokens[0], list) or not isinstance(tokens[2], bytes) or not tokens[2]:
            continue
        if b"\0" in tokens[2]:
            continue
        delimiter = tokens[1].decode("ascii", "replace")[:1] if isinstance(tokens[1], bytes) else None
        attributes = frozenset(each.decode("ascii", "replace") for each in tokens[0] if isinstance(each, bytes))
        found.append((folder_name(tokens[2]), delimiter or None, attributes, tokens[2]))
    return found[:_FOLDER_LIMIT]


def _existing(lines: list[Line]) -> list[Line]:
    """One line for each folder there is. What NOTIFY (RFC 5465) tells meanwhile of folders that appear or go comes as LIST,
    too, and leaves out the subscription and the purpose that the answer to LIST names.
    """
    merged: dict[str, Line] = {}
    for name, delimiter, attributes, raw in lines:
        if name in merged and not _lower(attributes) & NOT_THERE:
            attributes |= {each for each in merged[name][2] if each.lower() not in NOT_THERE}
        merged[name] = name, delimiter, attributes, raw
    parents = {name[:end] for name, delimiter, _, _ in lines if delimiter for end in _ends(name, delimiter)}
    return [line for line in merged.values() if "\\nonexistent" not in _lower(line[2]) or line[0] in parents]


def _ends(name: str, delimiter: str) -> list[int]:
    return [position for position, letter in enumerate(name) if letter == delimiter]


def _count(number: int | None) -> int | None:
    return None if number is None else min(number, MOST_MESSAGES)


def _statuses(untagged: list[Response]) -> list[tuple[str, FolderStatus]]:
    found = []
    for response in untagged:
        if response[0][:9].upper() != b"* STATUS ":
            continue
        tokens = _tokens(response, 9)
        if len(tokens) < 2 or not isinstance(tokens[0], bytes) or not isinstance(tokens[1], list):
            continue
        pairs = zip(tokens[1][::2], tokens[1][1::2], strict=False)
        items = {name.upper(): number(value) for name, value in pairs if isinstance(name, bytes)}
        status = FolderStatus(
            messages=_count(items.get(b"MESSAGES")),
            unseen=_count(items.get(b"UNSEEN")),
            uidnext=items.get(b"UIDNEXT"),
            uidvalidity=items.get(b"UIDVALIDITY"),
            highestmodseq=items.get(b"HIGHESTMODSEQ") or None,
        )
        found.append((folder_name(tokens[0]), status))
    return found

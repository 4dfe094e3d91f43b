"""The commands about messages (RFC 3501 section 6.4), for a server that plays a provider."""

import re
from typing import Any

from tests.servers.personality_commands import Commands, items_of, listed
from tests.servers.personality_mail import SYSTEM_FLAGS, Box, Copy, expand
from tests.servers.personality_words import envelope, parsed, section, structure

_DATE = b'"20-Nov-2026 12:00:00 +0000"'


class MessageCommands(Commands):
    """Each returns what follows the tag."""

    def do_check(self, *_: object) -> bytes:
        return b"OK done"

    def do_close(self, box: Box, _: list[Any], __: bool) -> bytes:
        for each in [each for each in box.copies if each.deleted]:
            self.mail.remove(box, each)
        self.box = None
        return b"OK done"

    def _asked(self, box: Box, written: bytes, *, by_uid: bool) -> list[tuple[int, Copy]]:
        there = set(map(id, box.copies))
        found = [(at, each) for at, each in expand(written, self.view, by_uid=by_uid) if id(each) in there]
        return found[: self.who.message_limit]

    def do_fetch(self, box: Box, arguments: list[Any], by_uid: bool) -> bytes:
        since = int(arguments[2][1]) if len(arguments) > 2 and "CONDSTORE" in self.who.after else 0
        items = items_of(arguments[1])
        for at, each in self._asked(box, arguments[0], by_uid=by_uid):
            if since and each.modseq <= since and not self.who.ignores_changedsince:
                continue
            found = [self._item(each, item) for item in items]
            if by_uid and "UID" not in items:
                found.append(b"UID %d" % each.uid)
            self.told[each.uid] = each.flags
            self.send(b"* %d FETCH (%s)" % (at, b" ".join(found)))
        return b"OK done"

    def _item(self, copy: Copy, item: str) -> bytes:
        raw = copy.letter.raw
        simple = {
            "UID": lambda: b"%d" % copy.uid,
            "FLAGS": lambda: listed(copy.flags),
            "INTERNALDATE": lambda: _DATE,
            "RFC822.SIZE": lambda: b"%d" % self.who.size(raw),
            "ENVELOPE": lambda: envelope(parsed(raw)),
            "BODYSTRUCTURE": lambda: self.who.bodystructure(structure(parsed(raw))),
            "MODSEQ": lambda: b"(%d)" % copy.modseq,
        }
        if item in simple:
            return item.encode() + b" " + self.who.written(copy, item, simple[item]())
        body = re.fullmatch(r"BODY(?:\.PEEK)?\[(.*)\](?:<(\d+)\.(\d+)>)?", item, re.DOTALL)
        if body is None:
            return item.encode() + b" NIL"
        octets = self.who.content(raw, body[1], section(raw, body[1]))
        if body[2] is not None:
            start = int(body[2])
            octets = octets[start : start + int(body[3])]
            return b"BODY[%s]<%d> {%d}\r\n%s" % (body[1].encode(), start, len(octets), octets)
        return b"BODY[%s] {%d}\r\n%s" % (body[1].encode(), len(octets), octets)

    def do_store(self, box: Box, arguments: list[Any], by_uid: bool) -> bytes:
        how = arguments[1].decode().upper()
        flags = {each.decode() for each in arguments[2]}
        for at, each in self._asked(box, arguments[0], by_uid=by_uid):
            if how.startswith("-"):
                each.letter.flags -= flags
                each.deleted = each.deleted and "\\Deleted" not in flags
            else:
                each.letter.flags |= flags & SYSTEM_FLAGS
                each.deleted = each.deleted or "\\Deleted" in flags
            self.mail.touch(each.letter)
            self.told[each.uid] = each.flags
            if "SILENT" not in how:
                self.send(b"* %d FETCH (UID %d FLAGS %s)" % (at, each.uid, listed(each.flags)))
        return b"OK done"

    def do_copy(self, box: Box, arguments: list[Any], by_uid: bool, *, move: bool = False) -> bytes:
        target = self.mail.boxes.get(arguments[1].decode())
        if target is None or not target.selectable:
            return b"NO [TRYCREATE] no such folder"
        pairs = []
        for _, each in self._asked(box, arguments[0], by_uid=by_uid):
            made = self.mail.move(each, box, target) if move else self.mail.copy(each.letter, target)
            pairs.append((each.uid, made.uid))
        code = b""
        if pairs and "UIDPLUS" in self.who.after:
            targets = self.who.copyuid_order(tuple(made for _, made in pairs))
            sources = tuple(uid for uid, _ in pairs)
            written = [b",".join(str(uid).encode() for uid in uids) for uids in (sources, targets)]
            code = b"[COPYUID %d %s %s] " % (target.uidvalidity, written[0], written[1])
        return b"OK " + code + b"done"

    def do_move(self, box: Box, arguments: list[Any], by_uid: bool) -> bytes:
        return self.do_copy(box, arguments, by_uid, move=True)

    def do_expunge(self, box: Box, arguments: list[Any], by_uid: bool) -> bytes:
        chosen = [each for _, each in self._asked(box, arguments[0], by_uid=True)] if by_uid else list(box.copies)
        for each in chosen:
            if each.deleted:
                self.mail.remove(box, each)
        return b"OK done"

    def do_search(self, box: Box, arguments: list[Any], by_uid: bool) -> bytes:
        returns = arguments[0] == b"RETURN"
        if returns and "ESEARCH" not in self.who.after:
            return b"BAD no such option"
        criteria = arguments[2:] if returns else arguments
        there = set(map(id, box.copies))
        found = [each for each in self.view if id(each) in there]
        key = criteria[0].upper()
        if key == b"UID":
            found = [each for _, each in self._asked(box, criteria[1], by_uid=True)]
        elif key == b"DELETED":
            found = [each for each in found if each.deleted]
        elif key == b"HEADER":
            name = f"HEADER.FIELDS ({criteria[1].decode()})"
            found = [each for each in found if criteria[2] in section(each.letter.raw, name)]
        elif key != b"ALL":
            return b"BAD no such criterion"
        uids = b" ".join(b"%d" % each.uid for each in found[: self.who.message_limit])
        if returns and not self.who.esearch_counts_only:
            self.send(b"* ESEARCH UID ALL " + uids.replace(b" ", b",") if uids else b"* ESEARCH UID")
        elif returns:
            self.send(b"* ESEARCH UID COUNT %d" % len(found))
        else:
            self.send(b"* SEARCH " + uids if uids else b"* SEARCH")
        return b"OK done"

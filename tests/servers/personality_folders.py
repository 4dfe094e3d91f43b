"""The commands about folders (RFC 3501 section 6.3), for a server that plays a provider."""

import re
from typing import Any

from tests.servers.personality_commands import Commands, listed
from tests.servers.personality_mail import Box
from tests.servers.personality_words import quoted


class FolderCommands(Commands):
    """Each returns what follows the tag."""

    def do_enable(self, arguments: list[Any]) -> bytes:
        if not self.who.enable_is_silent:
            self.send(b"* ENABLED " + b" ".join(arguments))
        return b"OK done"

    def do_namespace(self, _: list[Any]) -> bytes:
        self.send(b"* NAMESPACE ((%s %s)) NIL NIL" % (quoted(self.who.prefix), quoted(self.who.delimiter)))
        return b"OK done"

    def do_list(self, arguments: list[Any], kind: bytes = b"LIST") -> bytes:
        extended = len(arguments) > 2 and arguments[2] == b"RETURN"
        if extended and "LIST-EXTENDED" not in self.who.after:
            return b"BAD no such options"
        pattern = re.escape(arguments[1].decode()).replace(r"\*", ".*").replace("%", f"[^{self.who.delimiter or ' '}]*")
        for box in self.mail.boxes.values():
            if re.fullmatch(pattern, box.name) and (box.subscribed or kind == b"LIST"):
                shown = box.attributes if self.who.tells_purposes else ()
                line = (listed(shown), quoted(self.who.delimiter), quoted(box.name))
                self.send(b"* %s %s %s %s" % (kind, *line))
                if self.who.lists_twice:
                    self.send(b"* %s %s %s %s" % (kind, *line))
                if extended and box.selectable and "LIST-STATUS" in self.who.after:
                    items = next((each for each in arguments[3] if isinstance(each, list)), None)
                    if items is not None:
                        self._status(box, items)
        return b"OK done"

    def do_lsub(self, arguments: list[Any]) -> bytes:
        return self.do_list(arguments, b"LSUB")

    def do_status(self, arguments: list[Any]) -> bytes:
        box = self.mail.boxes.get(arguments[0].decode())
        if box is None or not box.selectable:
            return b"NO no such folder"
        self._status(box, arguments[1])
        return b"OK done"

    def _status(self, box: Box, items: list[Any]) -> None:
        known = {
            b"MESSAGES": len(box.copies),
            b"UNSEEN": sum("\\Seen" not in each.flags for each in box.copies),
            b"UIDNEXT": box.uidnext,
            b"UIDVALIDITY": box.uidvalidity,
            b"HIGHESTMODSEQ": box.highestmodseq,
        }
        found = [b"%s %d" % (each, known[each]) for each in items if each.decode() not in self.who.status_lacks]
        self.send(b"* STATUS %s (%s)" % (quoted(box.name), b" ".join(found)))

    def do_select(self, arguments: list[Any]) -> bytes:
        self.box = None
        box = self.mail.boxes.get(arguments[0].decode())
        if box is None or not box.selectable:
            return b"NO " + self.who.no_such_folder
        self.box, self.view = box, list(box.copies)
        self.told = {each.uid: each.flags for each in self.view}
        self.send(b"* FLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen)")
        self.send(b"* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen \\*)] .")
        self.send(b"* %d EXISTS" % len(self.view))
        self.send(b"* OK [UIDVALIDITY %d] ." % box.uidvalidity)
        if "UIDNEXT" not in self.who.status_lacks:
            self.send(b"* OK [UIDNEXT %d] ." % box.uidnext)
        if "CONDSTORE" in self.who.after:
            self.send(b"* OK [HIGHESTMODSEQ %d] ." % box.highestmodseq)
        return b"OK [READ-WRITE] done"

    do_examine = do_select

    def do_create(self, arguments: list[Any]) -> bytes:
        name = arguments[0].decode()
        if name in self.mail.boxes or not name.startswith(self.who.prefix):
            return b"NO it cannot be"
        self.mail.create(name)
        return b"OK done"

    def do_delete(self, arguments: list[Any]) -> bytes:
        return b"OK done" if self.mail.boxes.pop(arguments[0].decode(), None) else b"NO no such folder"

    def do_rename(self, arguments: list[Any]) -> bytes:
        old, new = (each.decode() for each in arguments)
        if old not in self.mail.boxes or new in self.mail.boxes:
            return b"NO it cannot be"
        self.mail.rename(old, new)
        return b"OK done"

    def do_subscribe(self, arguments: list[Any], *, value: bool = True) -> bytes:
        box = self.mail.boxes.get(arguments[0].decode())
        if box is not None:
            box.subscribed = value
        return b"OK done"

    def do_unsubscribe(self, arguments: list[Any]) -> bytes:
        return self.do_subscribe(arguments, value=False)

    def do_append(self, arguments: list[Any]) -> bytes:
        box = self.mail.boxes.get(arguments[0].decode())
        if box is None:
            return b"NO [TRYCREATE] no such folder"
        flags = {each.decode() for each in arguments[1]} if isinstance(arguments[1], list) else set()
        copy = self.mail.append(box, arguments[-1], flags)
        code = b"[APPENDUID %d %d] " % (box.uidvalidity, copy.uid) if "UIDPLUS" in self.who.after else b""
        return b"OK " + code + b"done"

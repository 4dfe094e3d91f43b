"""What a server tells without being asked, as hints: the state has to be read again (RFC 3501 section 7, RFC 5465)."""

import re

from webmail.imap.arguments import RAW, folder_name
from webmail.imap.response import Unreadable, parse
from webmail.imap.splitter import Response
from webmail.imap.types import Hint

_NUMBERED = re.compile(rb"\* \d{1,10} (EXISTS|EXPUNGE|FETCH)\b", re.IGNORECASE)
_NAMED = re.compile(rb"\* (STATUS|LIST|LSUB) ", re.IGNORECASE)


def hint(response: Response) -> Hint | None:
    """The hint in a response; None where it says nothing about messages or folders."""
    if (counted := _NUMBERED.match(response[0])) is not None:
        kind = counted[1].upper()
        return Hint("exists") if kind == b"EXISTS" else Hint("expunge") if kind == b"EXPUNGE" else Hint("flags")
    if response[0][:11].upper() == b"* VANISHED ":
        return Hint("expunge")
    if (named := _NAMED.match(response[0])) is None:
        return None
    try:
        tokens = parse(response, named.end())
    except Unreadable:
        return None
    position = 0 if named[1].upper() == b"STATUS" else 2
    if len(tokens) <= position or not isinstance(tokens[position], bytes):
        return None
    return Hint("folder", _name(tokens[position]))


def _name(raw: bytes) -> str:
    """Dovecot 2.3 leaves names in its notifications as UTF-8, with a bare "&"."""
    name = folder_name(raw)
    if not name.startswith(RAW):
        return name
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return name

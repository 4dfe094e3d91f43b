"""SEARCH for words a person typed (RFC 3501 section 6.4.4, ESEARCH of RFC 4731), bounded in time and in answers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal as OneOf

from webmail.errors import GiveUp, Reason
from webmail.imap.arguments import FORBIDDEN, Literal
from webmail.imap.client import Reply
from webmail.imap.reading import numbers
from webmail.imap.session import Session
from webmail.imap.uidset import HIGHEST
from webmail.imap.uidset import parse as parse_set

Field = OneOf["text", "subject", "sender", "recipients"]
_KEYS: dict[str, tuple[bytes, ...]] = {
    "text": (b"TEXT",),
    "subject": (b"SUBJECT",),
    "sender": (b"FROM",),
    "recipients": (b"TO", b"CC", b"BCC"),
}
_HARMLESS = re.compile(rb"[A-Za-z0-9@._ -]{1,200}\Z")
_ESEARCH_ALL = re.compile(rb"(?:\A| )ALL ([0-9:,]+)(?: |\Z)", re.IGNORECASE)
_REFUSED = "The server does not search this folder."


@dataclass(frozen=True, slots=True)
class Wanted:
    """A text that is in a field of a message, or with ``negated`` is not."""

    text: str
    field: Field = "text"
    negated: bool = False


class Searching(Session):
    """Finding messages of the selected folder by what they say."""

    def search(
        self, wanted: Sequence[Sequence[Wanted]], *, low: int, high: int, most: int, seconds: float
    ) -> list[int]:
        """UIDs in [low, high] of messages with one of each group, newest first, at most ``most``.

        GiveUp where the server will not (NO, BADCHARSET); RetryLater when it takes longer than ``seconds``, and then the
        connection is lost.
        """
        self._folder()
        asked = _written(wanted)
        charset = [] if all(text.text.isascii() for group in wanted for text in group) else [b"CHARSET UTF-8"]
        where = b"UID %d:%d" % (max(1, low), min(high, HIGHEST))
        wire = self._client.wire
        usual = wire.timeout
        # The wire itself allows for twice the silence it is given.
        wire.limit(seconds / 2)
        try:
            found = None
            if self.has("ESEARCH") or self.has("IMAP4REV2"):
                found = _compact(self._run(b"UID SEARCH RETURN (ALL)", *charset, where, *asked), low, high)
            if found is None:
                reply = self._run(b"UID SEARCH", *charset, where, *asked)
                found = [uid for uid in numbers(self._need(reply, _REFUSED).untagged) if low <= uid <= high]
        finally:
            if not self.broken:
                wire.limit(usual)
        return sorted(set(found), reverse=True)[:most]


def _written(wanted: Sequence[Sequence[Wanted]]) -> list[bytes]:
    pieces: list[bytes] = []
    for group in wanted:
        pieces += _any_of([_one(each) for each in group])
    return pieces


def _any_of(alternatives: list[list[bytes]]) -> list[bytes]:
    """OR takes two keys, each of which may be another OR."""
    *before, last = alternatives
    pieces: list[bytes] = []
    for each in before:
        pieces += [b"OR", *each]
    return pieces + last


def _one(wanted: Wanted) -> list[bytes]:
    argument = _argument(wanted.text)
    keys = _any_of([[key, argument] for key in _KEYS[wanted.field]])
    return [b"NOT", *keys] if wanted.negated else keys


def _argument(text: str) -> bytes:
    octets = text.encode("utf-8", "replace")
    if not octets or FORBIDDEN.search(octets):
        raise GiveUp(Reason.REFUSED, "This cannot be searched for on a mail server.")
    return b'"' + octets + b'"' if _HARMLESS.match(octets) else Literal(octets)


def _compact(reply: Reply, low: int, high: int) -> list[int] | None:
    """None where the answer makes no sense: then the plain command is sent."""
    if not reply.ok:
        return None
    answers = [each[0] for each in reply.untagged if each[0][:10].upper() == b"* ESEARCH "]
    if not answers:
        return None
    uids: list[int] = []
    try:
        for each in answers:
            if (found := _ESEARCH_ALL.search(each)) is not None:
                for first, last in parse_set(found[1].decode("ascii")):
                    uids.extend(range(max(first, low), min(last, high) + 1))
    except ValueError:
        return None
    return uids

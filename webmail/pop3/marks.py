"""Marks that servers of mbox files write into the header of what they have handed out: Status, X-UIDL and the like.

The same message has other octets and another size at the next visit. It is known by all the rest.
"""

import re
from collections.abc import Iterable

from django.db.models import QuerySet

from webmail.errors import GiveUp
from webmail.mime.parts import Octets
from webmail.mime.summary import header_of
from webmail.models import LedgerEntry
from webmail.sync import stored
from webmail.sync.conversations import hash_key

PIECE = 256 * 1024
MOST_OCTETS = 1_000  # of all marks in one header
MOST_ALIKE = 20
_MARKS = re.compile(
    rb"^(?:status|x-status|x-uidl|x-keywords|x-imap|x-imapbase|content-length)[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*(?:\n|\Z)",
    re.IGNORECASE | re.MULTILINE,
)


def unmarked(header: bytes) -> bytes:
    return _MARKS.sub(b"", header).rstrip(b"\r\n")


def with_id(account_id: int, uidls: Iterable[str]) -> dict[str, list[LedgerEntry]]:
    """What an arrival may be, by its unique id; one query."""
    found: dict[str, list[LedgerEntry]] = {}
    for entry in _fetched(account_id).filter(uidl__in=list(uidls)):
        found.setdefault(entry.uidl, []).append(entry)
    return found


def with_message_id(account_id: int, message_id: str) -> list[LedgerEntry]:
    """The same where it has no unique id: messages here with its Message-ID."""
    if not message_id:
        return []
    key = hash_key(message_id[:998])
    return list(_fetched(account_id).filter(message__account=account_id, message__message_key=key)[:MOST_ALIKE])


def _fetched(account_id: int) -> QuerySet[LedgerEntry]:
    entries = LedgerEntry.objects.filter(account=account_id).exclude(state=LedgerEntry.State.SKIPPED)
    return entries.select_related("message__stored").order_by("pk")


def is_same(entry: LedgerEntry, header_sha256: str, raw: Octets) -> bool:
    """Whether ``raw`` is the entry's message with other marks. Of one removed here only header and size are known."""
    if entry.header_sha256 != header_sha256 or abs(entry.size - len(raw)) > MOST_OCTETS:
        return False
    message = entry.message
    if message is None:
        return bool(entry.uidl)
    kept = getattr(message, "stored", None)
    if kept is None or kept.damaged:
        return False
    try:
        with stored.mapped(message) as octets:
            return _alike(octets, raw)
    except (GiveUp, OSError):
        return False


def _alike(one: Octets, other: Octets) -> bool:
    first, second = header_of(one), header_of(other)
    at, rest = len(first), len(second) - len(first)
    if unmarked(first) != unmarked(second) or len(one) + rest != len(other):
        return False
    return all(
        bytes(one[start : start + PIECE]) == bytes(other[start + rest : start + rest + PIECE])
        for start in range(at, len(one), PIECE)
    )

"""Which messages of a maildrop are known. A unique id alone proves nothing: the size, a header or the content has to agree.

Servers give ids that are blank, shared by several messages, used again for another message, or all new after a
migration (RFC 1939 section 7 forbids it in vain). What is in doubt is fetched and compared; different content is never
left out because of an id, and the same content is never filed twice.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar, cast

from accounts.models import MailAccount
from webmail.errors import GiveUp, Reason
from webmail.mime.headers import first, parse_date, parse_header_block
from webmail.mime.summary import header_of
from webmail.models import LedgerEntry
from webmail.pop3.client import PopConnection
from webmail.pop3.marks import unmarked
from webmail.pop3.progress import Progress
from webmail.pop3.types import Listed

CHUNK = 500
# A listing that lacks more than this, and more than half, may be a listing that was cut.
FEW = 50
State = LedgerEntry.State
Item = TypeVar("Item")
FIELDS = (
    "pk",
    "uidl",
    "state",
    "size",
    "listed_size",
    "header_sha256",
    "fetched_at",
    "message_id",
    "message__stored__damaged",
)


@dataclass(slots=True)
class Comparison:
    """What the ledger makes of a listing."""

    known: dict[int, int] = field(default_factory=dict)  # number → ledger entry
    wanted: list[Listed] = field(default_factory=list)
    listed_ids: set[str] = field(default_factory=set)
    headers: dict[int, str] = field(default_factory=dict)  # number → hash, where no id tells messages apart
    came_back: int = 0  # deleted and confirmed, and listed again
    headers_only: bool = False  # no ids: recognised by their headers
    content_only: bool = False  # neither ids nor TOP: all that is not known to be new is fetched to be compared


def chunks(items: Iterable[Item], size: int = CHUNK) -> Iterator[list[Item]]:
    held: list[Item] = []
    for item in items:
        held.append(item)
        if len(held) == size:
            yield held
            held = []
    if held:
        yield held


def header_hash(raw: bytes) -> str:
    """Of the header alone, without the server's marks; servers differ in whether an empty line follows in the answer to TOP."""
    return hashlib.sha256(unmarked(header_of(raw))).hexdigest()


def age_of(raw: bytes) -> datetime | None:
    """When the message arrived, as its newest Received field or its Date has it."""
    fields = parse_header_block(header_of(raw))
    received = first(fields, "received")
    arrived = parse_date(received.rpartition(b";")[2]) if received else None
    return arrived or parse_date(first(fields, "date"))


class Comparer:
    """Reads a listing against the ledger of one account, in one session. ``limit``: octets that are taken in."""

    def __init__(
        self, connection: PopConnection, account: MailAccount, since: date | None, progress: Progress, limit: int
    ) -> None:
        self._connection = connection
        self._account = account
        self._since = since
        self._progress = progress
        self._limit = limit
        self._found = Comparison()
        self._again: list[Listed] = []  # very likely known, to be compared by their content

    def compare(self, listing: Sequence[Listed]) -> Comparison:
        """Raises the errors of the connection. Entries the maildrop no longer has become ``gone``."""
        found = self._found
        found.listed_ids = {each.uidl for each in listing if each.uidl and not each.duplicate}
        wanted: list[Listed] = []
        doubtful: list[tuple[Listed, dict[str, Any]]] = []
        for chunk in chunks(each for each in listing if each.uidl and not each.duplicate):
            self._progress.pulse()
            entries = self._entries(uidl__in=[each.uidl for each in chunk])
            for each in chunk:
                self._by_id(each, entries[each.uidl], wanted, doubtful)
        wanted += self._by_header_against_one(doubtful)
        wanted += self._without_id([each for each in listing if not each.uidl or each.duplicate])
        self._settle({each.uidl for each in listing})
        wanted.sort(key=lambda each: each.number, reverse=True)  # newest first: that is what is read first
        found.wanted = self._young_enough(wanted) + self._again
        return found

    def _entries(self, **conditions: object) -> dict[str, list[dict[str, Any]]]:
        entries: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in LedgerEntry.objects.filter(account=self._account, **conditions).order_by("pk").values(*FIELDS):
            entries[row["uidl"]].append(cast(dict[str, Any], row))
        return entries

    def _by_id(
        self,
        each: Listed,
        entries: list[dict[str, Any]],
        wanted: list[Listed],
        doubtful: list[tuple[Listed, dict[str, Any]]],
    ) -> None:
        same = [entry for entry in entries if entry["listed_size"] == each.size and not self._to_be_fetched(entry)]
        live = next((entry for entry in same if entry["state"] != State.GONE), None)
        if live is not None:
            self._found.known[each.number] = live["pk"]
        elif same and same[-1]["header_sha256"] and self._connection.has_top is not False:
            doubtful.append((each, same[-1]))
        else:
            wanted.append(each)

    def _to_be_fetched(self, entry: dict[str, Any]) -> bool:
        if entry["state"] == State.SKIPPED:
            old = self._since is not None and entry["fetched_at"].date() < self._since
            return not old and entry["size"] <= self._limit
        # A message that was removed here stays removed; one whose content is damaged or lost is fetched once more.
        return entry["message_id"] is not None and entry["message__stored__damaged"] != ""

    def _by_header_against_one(self, doubtful: list[tuple[Listed, dict[str, Any]]]) -> list[Listed]:
        """Ids of messages that were deleted: either the deletion did not last, or the id was given to another message."""
        by_number = {each.number: entry for each, entry in doubtful}
        hashes = self._hashes([each for each, _ in doubtful])
        back = [number for number, entry in by_number.items() if hashes.get(number) == entry["header_sha256"]]
        self._found.came_back += len(back)
        self._found.known.update((number, by_number[number]["pk"]) for number in back)
        for part in chunks(back):
            LedgerEntry.objects.filter(pk__in=[by_number[number]["pk"] for number in part]).update(state=State.HAVE)
        return [each for each, _ in doubtful if each.number not in self._found.known]

    def _without_id(self, odd: list[Listed]) -> list[Listed]:
        """Told apart by header and size; where several are alike and not all are known, by their content."""
        if not odd:
            return []
        ids = {each.uidl for each in odd}
        rows = [row for part in chunks(sorted(ids)) for rows in self._entries(uidl__in=part).values() for row in rows]
        hashes = self._found.headers = self._hashes(odd)
        if self._connection.has_top is False:
            self._found.content_only = True
            return self._likely_new_first(odd, rows)
        self._found.headers_only = not self._found.listed_ids
        entries: dict[tuple[str, str, int], list[int]] = defaultdict(list)
        for row in rows:
            if row["state"] != State.GONE and not self._to_be_fetched(row):
                entries[row["uidl"], row["header_sha256"], row["listed_size"]].append(row["pk"])
        keys = {each.number: (each.uidl, hashes.get(each.number, ""), each.size) for each in odd}
        alike = Counter(keys.values())
        wanted = []
        for each in odd:
            key = keys[each.number]
            if key[1] and len(entries[key]) >= alike[key]:
                alike[key] -= 1
                self._found.known[each.number] = entries[key].pop()
            else:
                wanted.append(each)
        return wanted

    def _likely_new_first(self, odd: list[Listed], rows: list[dict[str, Any]]) -> list[Listed]:
        sizes = Counter(row["listed_size"] for row in rows if row["state"] != State.GONE)
        fresh: list[Listed] = []
        again: list[Listed] = []
        for each in odd:
            (again if sizes[each.size] > 0 else fresh).append(each)
            sizes[each.size] -= 1
        self._again = again
        return fresh

    def _hashes(self, listed: list[Listed]) -> dict[int, str]:
        return {number: header_hash(raw) for number, raw in self._headers(listed)}

    def _headers(self, listed: list[Listed]) -> Iterator[tuple[int, bytes]]:
        """Those that can be had; none where the server has no TOP."""
        if not listed or self._connection.has_top is False:
            return
        try:
            for number, raw in self._connection.headers(each.number for each in listed):
                self._progress.pulse()
                if isinstance(raw, bytes):
                    yield number, raw
                elif not isinstance(raw, GiveUp):
                    raise raw
        except GiveUp as error:
            if error.reason != Reason.UNSUPPORTED:
                raise

    def _settle(self, listed_ids: set[str]) -> None:
        """What was being deleted when the last session ended, and what others deleted."""
        matched = set(self._found.known.values())
        deleting = LedgerEntry.objects.filter(account=self._account, state=State.DELETING)
        for part in chunks(list(deleting.values_list("pk", flat=True))):
            LedgerEntry.objects.filter(pk__in=matched.intersection(part)).update(state=State.HAVE)
            LedgerEntry.objects.filter(pk__in=set(part) - matched).update(state=State.GONE)
        if not self._connection.has_uidl:
            return
        present = LedgerEntry.objects.filter(account=self._account, state__in=[State.HAVE, State.SKIPPED])
        vanished, count = [], 0
        for pk, uidl in present.exclude(uidl="").values_list("pk", "uidl").iterator(chunk_size=2000):
            count += 1
            if uidl not in listed_ids:
                vanished.append(pk)
        if len(vanished) <= max(FEW, count // 2):
            for ids in chunks(vanished):
                LedgerEntry.objects.filter(pk__in=ids).update(state=State.GONE)

    def _young_enough(self, wanted: list[Listed]) -> list[Listed]:
        """Leave out what is older than the person wanted; where the server has no TOP it shows when it is fetched."""
        if self._since is None or not wanted or self._connection.has_top is False:
            return wanted
        old: dict[int, datetime] = {}
        for number, raw in self._headers(wanted):
            when = age_of(raw)
            if when is not None and when.date() < self._since:
                old[number] = when
        skipped = (
            LedgerEntry(
                account=self._account,
                uidl=each.uidl,
                size=each.size,
                listed_size=each.size,
                header_sha256=self._found.headers.get(each.number, ""),
                state=State.SKIPPED,
                fetched_at=old[each.number],
            )
            for each in wanted
            if each.number in old
        )
        for part in chunks(skipped):
            LedgerEntry.objects.bulk_create(part)
        return [each for each in wanted if each.number not in old]

"""The one gate through which the mirror changes.

``with change(user_id) as changed:`` opens a transaction, takes the person's lock, and on leaving brings the materialised list
rows, the counts and the revisions in line with the message rows that were touched. Nothing else writes ListRow, the
counts of Folder and Conversation, or UserStamp, so a list can never disagree with the messages behind it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import F, IntegerField, OuterRef, Subquery

from .conversation import Conversation, ListRow
from .folder import Folder, SpecialUse
from .inserting import bulk_insert
from .message import Message
from .prepared import Prepared, PreparedUpdate, Slot
from .state import UserStamp

NOTIFY_CHANNEL = "webmail"
IDS_PER_QUERY = 900
ASIDE = frozenset({SpecialUse.TRASH, SpecialUse.JUNK})
PARTICIPANTS_KEPT = 12
ROW_FIELDS = ["latest_id", "latest_date", "count", "unread", "flagged", "answered", "has_attachment", "inbox_of_id"]
ROW_KEY = ["folder_id", "conversation_id"]
LINE_FIELDS = ["id", *ROW_KEY, *ROW_FIELDS]
CONVERSATION_FIELDS = ["id", "user_id", "base_subject", "count", "participants"]
MEMBER_FIELDS = [
    "id",
    "conversation_id",
    "shown_in_id",
    "internaldate",
    "seen",
    "flagged",
    "answered",
    "has_attachment",
    "message_key",
    "from_name",
    "from_address",
    "use",
]
# What every change asks and writes.
LOCK = Prepared(lambda: UserStamp.objects.filter(user_id=Slot("user")).select_for_update().values_list("revision"))
STAMP = PreparedUpdate(lambda: UserStamp.objects.filter(user_id=Slot("user")), revision=F("revision") + 1)
TOUCH = PreparedUpdate(lambda: Folder.objects.filter(pk__in=[Slot("folders")]), revision=F("revision") + 1)
COUNT = PreparedUpdate(
    lambda: Folder.objects.filter(pk=Slot("folder")),
    total=F("total") + Slot("count", IntegerField()),
    unread=F("unread") + Slot("unread", IntegerField()),
)
MEMBERS = Prepared(
    lambda: (
        # A subquery, not a join: with statistics of a smaller mailbox SQLite would go through all messages of all folders.
        Message.objects.filter(conversation__pk__in=[Slot("conversations")], shown_in__isnull=False)
        .annotate(use=Subquery(Folder.objects.filter(pk=OuterRef("shown_in_id")).values("special_use")[:1]))
        .order_by("internaldate", "id")
        .values_list(*MEMBER_FIELDS)
    )
)
LINES = Prepared(lambda: ListRow.objects.filter(conversation__pk__in=[Slot("conversations")]).values_list(*LINE_FIELDS))
CONVERSATIONS = Prepared(
    lambda: Conversation.objects.filter(pk__in=[Slot("conversations")]).values_list(*CONVERSATION_FIELDS)
)


@dataclass
class Change:
    """What a transaction touched."""

    user_id: int
    conversations: set[int] = field(default_factory=set)
    folders: set[int] = field(default_factory=set)
    reassigned: set[int] = field(default_factory=set)
    silent: bool = False

    def message(self, message: Message) -> None:
        self.conversations.add(message.conversation_id)

    def messages(self, messages: Iterable[Message]) -> None:
        self.conversations.update(message.conversation_id for message in messages)

    def delete(self, message_ids: Iterable[int]) -> None:
        """Delete rows for good. A line that stands for one is renewed first: it would go along, and its share of the
        folder's counts would stay.
        """
        ids = list(message_ids)
        for start in range(0, len(ids), IDS_PER_QUERY):
            rows = Message.objects.filter(pk__in=ids[start : start + IDS_PER_QUERY])
            self.conversations.update(rows.values_list("conversation_id", flat=True))
            lines = ListRow.objects.filter(latest__in=rows).values_list("conversation_id", flat=True).distinct()
            if renewed := sorted(lines):
                rows.update(shown_in=None)
                _refresh(self.user_id, renewed, self.folders)
            rows.delete()

    def special_use(self, folder_id: int) -> None:
        """The folder is, or is no longer, an inbox."""
        self.folders.add(folder_id)
        self.reassigned.add(folder_id)


def hold(user_id: int) -> None:
    """The person's lock, until the transaction ends. Whoever writes other rows too takes it before them: PostgreSQL breaks off
    one of two transactions that wait for each other.
    """
    if not LOCK(user=user_id):
        UserStamp.objects.get_or_create(user_id=user_id)
        LOCK(user=user_id)


@contextmanager
def change(user_id: int) -> Iterator[Change]:
    with transaction.atomic():
        hold(user_id)
        changed = Change(user_id)
        yield changed
        _settle(changed)


def announce(user_id: int) -> None:
    """Tell browsers and workers that something of this person changed, outside the mirror itself."""
    if not STAMP(user=user_id):
        UserStamp.objects.get_or_create(user_id=user_id, defaults={"revision": 1})
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [NOTIFY_CHANNEL, str(user_id)])


def _settle(changed: Change) -> None:
    conversation_ids = sorted(changed.conversations)
    for start in range(0, len(conversation_ids), IDS_PER_QUERY):
        _refresh(changed.user_id, conversation_ids[start : start + IDS_PER_QUERY], changed.folders)
    if changed.reassigned:
        rows = ListRow.objects.filter(folder_id__in=changed.reassigned)
        inboxes = Folder.objects.filter(pk__in=changed.reassigned, special_use=SpecialUse.INBOX)
        rows.exclude(folder_id__in=inboxes.values("pk")).update(inbox_of=None)
        rows.filter(folder_id__in=inboxes.values("pk")).update(inbox_of=changed.user_id)
    if changed.folders:
        TOUCH(folders=sorted(changed.folders))
    if not changed.silent:
        announce(changed.user_id)


@dataclass
class _Line:
    """A list row being computed."""

    latest_id: int = 0
    latest_date: datetime | None = None
    count: int = 0
    unread: int = 0
    flagged: bool = False
    answered: bool = False
    has_attachment: bool = False
    inbox_of_id: int | None = None

    def add(self, row: dict[str, Any]) -> None:
        if self.latest_date is None or (row["internaldate"], row["id"]) > (self.latest_date, self.latest_id):
            self.latest_date, self.latest_id, self.answered = row["internaldate"], row["id"], row["answered"]
        self.count += 1
        self.unread += not row["seen"]
        self.flagged |= row["flagged"]
        self.has_attachment |= row["has_attachment"]

    def values(self) -> tuple[Any, ...]:
        return (
            self.latest_id,
            self.latest_date,
            self.count,
            self.unread,
            self.flagged,
            self.answered,
            self.has_attachment,
            self.inbox_of_id,
        )


def _refresh(user_id: int, conversation_ids: list[int], folders: set[int]) -> None:
    lines: dict[tuple[int, int], _Line] = defaultdict(_Line)
    members: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for found in MEMBERS(conversations=conversation_ids):
        row = dict(zip(MEMBER_FIELDS, found, strict=True))
        line = lines[row["shown_in_id"], row["conversation_id"]]
        line.add(row)
        line.inbox_of_id = user_id if row["use"] == SpecialUse.INBOX else None
        members[row["conversation_id"]].append(row)
    _write_rows(conversation_ids, lines, folders)
    _write_conversations(conversation_ids, members)


def _write_rows(conversation_ids: list[int], lines: dict[tuple[int, int], _Line], folders: set[int]) -> None:
    totals: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    upserts, stale = [], []
    for known in LINES(conversations=conversation_ids):
        old = dict(zip(LINE_FIELDS, known, strict=True))
        key = (old["folder_id"], old["conversation_id"])
        line = lines.get(key)
        totals[old["folder_id"]][0] -= old["count"]
        totals[old["folder_id"]][1] -= old["unread"]
        if line is None:
            stale.append(old["id"])
            folders.add(old["folder_id"])
        else:
            totals[old["folder_id"]][0] += line.count
            totals[old["folder_id"]][1] += line.unread
            if line.values() != tuple(old[name] for name in ROW_FIELDS):
                upserts.append((key, line))
            del lines[key]
    for key, line in lines.items():
        totals[key[0]][0] += line.count
        totals[key[0]][1] += line.unread
        upserts.append((key, line))
    if stale:
        ListRow.objects.filter(pk__in=stale).delete()
    rows = [(*key, *line.values()) for key, line in upserts]
    bulk_insert(ListRow, [*ROW_KEY, *ROW_FIELDS], rows, unique=ROW_KEY, update=ROW_FIELDS)
    folders.update(key[0] for key, _ in upserts)
    for folder_id, (count, unread) in totals.items():
        if count or unread:
            folders.add(folder_id)
            COUNT(folder=folder_id, count=count, unread=unread)


def _write_conversations(conversation_ids: list[int], members: dict[int, list[dict[str, Any]]]) -> None:
    dirty = []
    for pk, user_id, base_subject, known_count, known_participants in CONVERSATIONS(conversations=conversation_ids):
        rows = members.get(pk, [])
        rows = [row for row in rows if row["use"] not in ASIDE] or rows
        people: dict[str, list[str]] = {}
        for row in rows:
            people.setdefault(row["from_address"].lower(), [row["from_name"], row["from_address"]])
        participants = list(people.values())
        if len(participants) > PARTICIPANTS_KEPT:
            participants = participants[:1] + participants[1 - PARTICIPANTS_KEPT :]
        # A copy of the same message in a second folder (a note to oneself) is one message to the reader.
        count = len({row["message_key"] for row in rows})
        if (count, participants) != (known_count, known_participants):
            dirty.append((pk, user_id, base_subject, count, participants))
    # An upsert of rows that exist: several times quicker than the CASE expressions of bulk_update.
    bulk_insert(Conversation, CONVERSATION_FIELDS, dirty, unique=["id"], update=["count", "participants"])

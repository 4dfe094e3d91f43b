"""Which conversation a message belongs to, decided once, when it is inserted (RFC 5322 section 3.6.4).

Message-IDs are hostile input: a sender may put the same References into everything it sends, or none. A message joins
where a key matches *and* the base subject is the same, and no conversation grows past ``LARGEST``.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from webmail.mime.subject import base_subject
from webmail.models import Conversation, ListRow, Message, ReferenceKey
from webmail.models.mirror import Change

LARGEST = 250
REFERENCES_READ = 20
SUBJECT_KEPT = 300


def hash_key(*values: str) -> int:
    """A signed 64-bit number, as a BigIntegerField holds it."""
    digest = hashlib.blake2b("\0".join(values).encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


@dataclass(eq=False, slots=True)
class _Draft:
    """A conversation that is being put together; ``row`` is None until it is known to be new."""

    subject: str
    row: Conversation | None = None
    size: int = 0
    messages: list[Message] = field(default_factory=list)
    keys: set[int] = field(default_factory=set)


def reference_keys(message: Message) -> list[int]:
    references = message.references.split()[-REFERENCES_READ:]
    return [hash_key(value) for value in [*references, message.in_reply_to] if value]


def assign(changed: Change, messages: Sequence[Message]) -> None:
    """Set ``conversation`` on unsaved messages of one person; creates and merges conversations as needed."""
    wanted: dict[int, tuple[int | None, list[int]]] = {}
    for index, message in enumerate(messages):
        own = hash_key(message.message_id) if message.message_id else None
        wanted[index] = own, reference_keys(message)
    drafts = _Drafts(changed, {key for own, keys in wanted.values() for key in [own, *keys] if key is not None})
    for index, message in enumerate(messages):
        own, keys = wanted[index]
        drafts.place(message, own, keys)
    drafts.save()


class _Drafts:
    def __init__(self, changed: Change, keys: Iterable[int]) -> None:
        self.changed = changed
        self.by_key: dict[int, _Draft] = {}
        self.all: list[_Draft] = []
        by_row: dict[int, _Draft] = {}
        self.stored: dict[int, int] = {}
        found = ReferenceKey.objects.filter(user_id=changed.user_id, key__in=list(keys)).select_related("conversation")
        for key in found:
            draft = by_row.get(key.conversation_id)
            if draft is None:
                row = key.conversation
                draft = by_row[row.pk] = _Draft(row.base_subject, row, row.count)
                self.all.append(draft)
            self.by_key[key.key] = draft
            self.stored[key.key] = key.conversation_id

    def place(self, message: Message, own: int | None, keys: list[int]) -> None:
        subject = base_subject(message.subject)[:SUBJECT_KEPT]
        home: _Draft | None = None
        for key in [own, *keys]:
            draft = self.by_key.get(key) if key is not None else None
            if draft is None or draft is home or draft.subject != subject:
                continue
            if home is None:
                home = draft if draft.size < LARGEST or key == own else None
            elif home.size + draft.size <= LARGEST:
                home = self._merge(home, draft)
        if home is None:
            home = _Draft(subject)
            self.all.append(home)
        home.messages.append(message)
        home.size += 1
        if own is not None:
            self._claim(own, home)
        for key in keys:
            if key not in self.by_key:
                self._claim(key, home)

    def _claim(self, key: int, draft: _Draft) -> None:
        self.by_key[key] = draft
        draft.keys.add(key)

    def _merge(self, first: _Draft, second: _Draft) -> _Draft:
        keep, gone = (first, second) if first.row is not None or second.row is None else (second, first)
        keep.messages += gone.messages
        keep.size += gone.size
        keep.keys |= gone.keys
        self.by_key = {key: keep if draft is gone else draft for key, draft in self.by_key.items()}
        self.all.remove(gone)
        if gone.row is not None and keep.row is not None:
            Message.objects.filter(conversation=gone.row).update(conversation=keep.row)
            ReferenceKey.objects.filter(conversation=gone.row).update(conversation=keep.row)
            self.changed.folders.update(
                ListRow.objects.filter(conversation=gone.row).values_list("folder_id", flat=True)
            )
            self.changed.conversations.update((gone.row.pk, keep.row.pk))
            for key, conversation_id in self.stored.items():
                if conversation_id == gone.row.pk:
                    self.stored[key] = keep.row.pk
        return keep

    def save(self) -> None:
        new = [draft for draft in self.all if draft.row is None]
        rows = Conversation.objects.bulk_create(
            [Conversation(user_id=self.changed.user_id, base_subject=draft.subject) for draft in new]
        )
        for draft, row in zip(new, rows, strict=True):
            draft.row = row
        keys = []
        for draft in self.all:
            for message in draft.messages:
                message.conversation = draft.row  # type: ignore[assignment]
            keys += [
                ReferenceKey(user_id=self.changed.user_id, key=key, conversation=draft.row)
                for key in draft.keys
                if self.by_key.get(key) is draft and self.stored.get(key) != draft.row.pk  # type: ignore[union-attr]
            ]
        ReferenceKey.objects.bulk_create(
            keys, update_conflicts=True, unique_fields=["user", "key"], update_fields=["conversation"]
        )
        self.changed.conversations.update(
            draft.row.pk for draft in self.all if draft.messages and draft.row is not None
        )

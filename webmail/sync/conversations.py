"""Which conversation a message belongs to, decided once, when it is inserted (RFC 5322 section 3.6.4).

Message-IDs are hostile input: a sender may put the same References into everything it sends, or none. A message joins
where a key matches *and* the base subject is the same, and no conversation grows past ``LARGEST``. What a person merged
or split off by hand (:mod:`.choices`) stays so: its answers follow what they are answers to.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from webmail.mime.subject import base_subject
from webmail.models import Conversation, ListRow, Message, ReferenceKey
from webmail.models.inserting import Row, bulk_insert
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
    """A conversation that is being put together; ``pk`` is None until it is stored."""

    subject: str
    pk: int | None = None
    size: int = 0
    further: frozenset[str] = frozenset()
    apart: bool = False
    muted_at: datetime | None = None
    messages: list[Message] = field(default_factory=list)
    keys: set[int] = field(default_factory=set)

    def takes(self, subject: str) -> bool:
        return subject == self.subject or subject in self.further


def reference_keys(message: Message) -> list[int]:
    references = message.references.split()[-REFERENCES_READ:]
    return [hash_key(value) for value in [*references, message.in_reply_to] if value]


def assign(changed: Change, messages: Sequence[Message]) -> dict[int, datetime]:
    """Set ``conversation`` on unsaved messages of one person; creates and merges conversations as needed.

    Return the muted ones among them, and since when.
    """
    wanted: dict[int, tuple[int | None, list[int]]] = {}
    for index, message in enumerate(messages):
        own = hash_key(message.message_id) if message.message_id else None
        wanted[index] = own, reference_keys(message)
    drafts = _Drafts(changed, {key for own, keys in wanted.values() for key in [own, *keys] if key is not None})
    for index, message in enumerate(messages):
        own, keys = wanted[index]
        drafts.place(message, own, keys)
    drafts.save()
    return {draft.pk or 0: draft.muted_at for draft in drafts.all if draft.messages and draft.muted_at is not None}


class _Drafts:
    def __init__(self, changed: Change, keys: Iterable[int]) -> None:
        self.changed = changed
        self.by_key: dict[int, _Draft] = {}
        self.all: list[_Draft] = []
        by_row: dict[int, _Draft] = {}
        self.stored: dict[int, int] = {}
        found = ReferenceKey.objects.filter(user_id=changed.user_id, key__in=list(keys)).values_list(
            "key",
            "conversation_id",
            "conversation__base_subject",
            "conversation__count",
            "conversation__further_subjects",
            "conversation__apart",
            "conversation__muted_at",
        )
        for key, pk, subject, count, further, apart, muted_at in found:
            draft = by_row.get(pk)
            if draft is None:
                draft = by_row[pk] = _Draft(subject, pk, count, frozenset(further or ()), apart, muted_at)
                self.all.append(draft)
            self.by_key[key] = draft
            self.stored[key] = pk

    def place(self, message: Message, own: int | None, keys: list[int]) -> None:
        subject = base_subject(message.subject)[:SUBJECT_KEPT]
        home: _Draft | None = None
        # Nearest first: the answer to a message that was split off names those it was split from, too.
        for key in [own, *reversed(keys)]:
            draft = self.by_key.get(key) if key is not None else None
            if draft is None or draft is home or not draft.takes(subject):
                continue
            if home is None:
                home = draft if draft.size < LARGEST or key == own else None
            elif not (home.apart or draft.apart) and home.size + draft.size <= LARGEST:
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
        keep, gone = (first, second) if first.pk is not None or second.pk is None else (second, first)
        keep.messages += gone.messages
        keep.size += gone.size
        keep.keys |= gone.keys
        decided = gone.further - keep.further or (gone.muted_at and not keep.muted_at)
        keep.further |= gone.further
        keep.muted_at = keep.muted_at or gone.muted_at
        self.by_key = {key: keep if draft is gone else draft for key, draft in self.by_key.items()}
        self.all.remove(gone)
        if gone.pk is not None and keep.pk is not None:
            Message.objects.filter(conversation=gone.pk).update(conversation=keep.pk)
            ReferenceKey.objects.filter(conversation=gone.pk).update(conversation=keep.pk)
            self.changed.folders.update(
                ListRow.objects.filter(conversation=gone.pk).values_list("folder_id", flat=True)
            )
            self.changed.conversations.update((gone.pk, keep.pk))
            if decided:
                Conversation.objects.filter(pk=keep.pk).update(
                    further_subjects=sorted(keep.further) or None, muted_at=keep.muted_at
                )
            for key, conversation_id in self.stored.items():
                if conversation_id == gone.pk:
                    self.stored[key] = keep.pk
        return keep

    def save(self) -> None:
        new = [draft for draft in self.all if draft.pk is None]
        user = self.changed.user_id
        values: list[Row] = [(user, draft.subject, 0, []) for draft in new]
        ids = bulk_insert(Conversation, ["user_id", "base_subject", "count", "participants"], values, ids=True)
        for draft, pk in zip(new, ids, strict=True):
            draft.pk = pk
        keys: list[Row] = []
        for draft in self.all:
            for message in draft.messages:
                message.conversation_id = draft.pk or 0
            keys += [
                (user, key, draft.pk)
                for key in draft.keys
                if self.by_key.get(key) is draft and self.stored.get(key) != draft.pk
            ]
        columns, unique = ["user_id", "key", "conversation_id"], ["user_id", "key"]
        bulk_insert(ReferenceKey, columns, keys, unique=unique, update=["conversation_id"])
        self.changed.conversations.update(draft.pk for draft in self.all if draft.messages and draft.pk is not None)

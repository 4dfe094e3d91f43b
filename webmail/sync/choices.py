"""What a person decides over conversations: muted, merged, split off. Remembered, so that no later message changes it.

Each click is one transaction behind the gate of the mirror and one ``ConversationChange`` that says how to take it back.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from webmail.errors import GiveUp, Reason
from webmail.mime.subject import base_subject
from webmail.models import Conversation, ConversationChange, ListRow, Message, ReferenceKey, SpecialUse
from webmail.models.mirror import Change, change

from . import actions
from .actions import Done
from .conversations import LARGEST, SUBJECT_KEPT, hash_key

Kind = ConversationChange.Kind
MOST_AT_ONCE = 100


def mute(user: User, messages: Iterable[Message]) -> Done:
    """Out of the inbox, and so is what arrives later. Nothing is marked as read."""
    batch = uuid.uuid4()
    with change(user.pk) as changed:
        found = [each for each in _conversations(user, messages) if each.muted_at is None]
        ids = [each.pk for each in found]
        Conversation.objects.filter(pk__in=ids).update(muted_at=timezone.now())
        _shown_changed(changed, ids)
        if ids:
            _remember(user, batch, Kind.MUTE, {"conversations": ids})
        there = Message.objects.filter(conversation__in=ids, shown_in__special_use=SpecialUse.INBOX)
        actions.archive(user, there, batch=batch)
    return Done(batch, len(ids), f"{_named(len(ids))} muted. New messages in {_pronoun(len(ids))} skip the inbox.")


def unmute(user: User, messages: Iterable[Message]) -> Done:
    batch = uuid.uuid4()
    with change(user.pk) as changed:
        found = [each for each in _conversations(user, messages) if each.muted_at is not None]
        ids = [each.pk for each in found]
        before = {str(each.pk): each.muted_at.isoformat() for each in found if each.muted_at is not None}
        Conversation.objects.filter(pk__in=ids).update(muted_at=None)
        _shown_changed(changed, ids)
        if ids:
            _remember(user, batch, Kind.UNMUTE, {"muted_at": before})
    return Done(batch, len(ids), f"{_named(len(ids))} no longer muted")


def split(user: User, message: Message) -> Done:
    """The message and its copies become a conversation of their own, and so does what answers it from now on."""
    batch = uuid.uuid4()
    with change(user.pk) as changed:
        message = Message.objects.filter(pk=message.pk).first()  # type: ignore[assignment]
        if message is None:
            raise GiveUp(Reason.GONE, "The message is no longer there.")
        old = message.conversation_id
        members = Message.objects.filter(conversation=old)
        if not members.exclude(message_key=message.message_key).exists():
            raise GiveUp(Reason.REFUSED, "This message is a conversation of its own already.")
        own = Conversation.objects.create(
            user=user, base_subject=base_subject(message.subject)[:SUBJECT_KEPT], apart=True
        )
        members.filter(message_key=message.message_key).update(conversation=own)
        if message.message_id:
            key = hash_key(message.message_id)
            ReferenceKey.objects.update_or_create(user=user, key=key, defaults={"conversation": own})
        changed.conversations.update((old, own.pk))
        _remember(user, batch, Kind.SPLIT, {"from": old, "to": own.pk})
    return Done(batch, 1, "The message is a conversation of its own now")


def merge(user: User, messages: Iterable[Message]) -> Done:
    """Into the one that was here first. Raise GiveUp for fewer than two, or too many messages."""
    batch = uuid.uuid4()
    with change(user.pk) as changed:
        found = _conversations(user, messages)
        if len(found) < 2:
            raise GiveUp(Reason.REFUSED, "Select two or more conversations to merge them.")
        rows = Message.objects.filter(conversation__in=found)
        if rows.values("message_key").distinct().count() > LARGEST:
            raise GiveUp(Reason.REFUSED, f"Together they have more than {LARGEST} messages. That is too long to read.")
        into, *others = found
        before = {"into": into.pk, "further": into.further_subjects, "parts": [_part(each) for each in others]}
        subjects = {each.base_subject for each in found}.union(*(each.further_subjects or () for each in found))
        into.further_subjects = sorted(subjects - {into.base_subject}) or None
        into.save(update_fields=["further_subjects"])
        _shown_changed(changed, [each.pk for each in found])
        rows.filter(conversation__in=others).update(conversation=into)
        ReferenceKey.objects.filter(conversation__in=others).update(conversation=into)
        Conversation.objects.filter(pk__in=[each.pk for each in others]).update(
            apart=False, further_subjects=None, muted_at=None
        )
        _remember(user, batch, Kind.MERGE, before)
    return Done(batch, len(found), f"{len(found)} conversations merged into one")


def undo(user: User, batch: uuid.UUID) -> Done | None:
    """None if the batch is of something else. Raise GiveUp if it cannot be taken back any more."""
    taken_back = uuid.uuid4()
    with transaction.atomic():
        with change(user.pk) as changed:
            done = ConversationChange.objects.select_for_update().filter(batch=batch, user=user).first()
            if done is None:
                changed.silent = True
                return None
            _TAKE_BACK[Kind(done.kind)](user, done.before, changed)
            done.delete()
        if done.kind == Kind.MUTE:
            try:
                actions.undo(user, batch)
            except GiveUp:
                # Nothing of it stood in the inbox.
                return Done(taken_back, 1, "Undone")
    return Done(taken_back, 1, "Undone")


def _undo_mute(_: User, before: dict[str, Any], changed: Change) -> None:
    Conversation.objects.filter(pk__in=before["conversations"]).update(muted_at=None)
    _shown_changed(changed, before["conversations"])


def _undo_unmute(_: User, before: dict[str, Any], changed: Change) -> None:
    for pk, muted_at in before["muted_at"].items():
        Conversation.objects.filter(pk=pk).update(muted_at=datetime.fromisoformat(muted_at))
    _shown_changed(changed, [int(pk) for pk in before["muted_at"]])


def _undo_split(_: User, before: dict[str, Any], changed: Change) -> None:
    """What answered it in between comes back with it."""
    old, own = before["from"], before["to"]
    if not Conversation.objects.filter(pk=old).exists():
        raise GiveUp(Reason.GONE, "It is too late to undo this.")
    Message.objects.filter(conversation=own).update(conversation=old)
    ReferenceKey.objects.filter(conversation=own).update(conversation=old)
    Conversation.objects.filter(pk=own).update(apart=False)
    changed.conversations.update((old, own))
    _shown_changed(changed, [old, own])


def _undo_merge(user: User, before: dict[str, Any], changed: Change) -> None:
    """What came in between stays with the one that stays."""
    into = before["into"]
    Conversation.objects.filter(pk=into).update(further_subjects=before["further"])
    _shown_changed(changed, [into])
    for part in before["parts"]:
        muted_at = datetime.fromisoformat(part["muted_at"]) if part["muted_at"] else None
        decided = {"apart": part["apart"], "further_subjects": part["further"], "muted_at": muted_at}
        again, _ = Conversation.objects.update_or_create(
            pk=part["conversation"], user=user, defaults={"base_subject": part["subject"], **decided}
        )
        Message.objects.filter(pk__in=part["messages"], conversation=into).update(conversation=again)
        ReferenceKey.objects.filter(user=user, key__in=part["keys"], conversation=into).update(conversation=again)
        changed.conversations.update((into, again.pk))


_TAKE_BACK = {
    Kind.MUTE: _undo_mute,
    Kind.UNMUTE: _undo_unmute,
    Kind.SPLIT: _undo_split,
    Kind.MERGE: _undo_merge,
}


def _conversations(user: User, messages: Iterable[Message]) -> list[Conversation]:
    """Those of the messages, as they stand now that the person's lock is held; the oldest first."""
    ids = Message.objects.filter(pk__in=[message.pk for message in messages], account__user=user)
    found = Conversation.objects.filter(pk__in=ids.values("conversation_id"), user=user).order_by("pk")
    rows = list(found[: MOST_AT_ONCE + 1])
    if len(rows) > MOST_AT_ONCE:
        raise GiveUp(Reason.REFUSED, f"Select at most {MOST_AT_ONCE} conversations at once.")
    return rows


def _part(conversation: Conversation) -> dict[str, Any]:
    return {
        "conversation": conversation.pk,
        "subject": conversation.base_subject,
        "apart": conversation.apart,
        "further": conversation.further_subjects,
        "muted_at": conversation.muted_at.isoformat() if conversation.muted_at else None,
        "messages": list(conversation.messages.values_list("pk", flat=True)),
        "keys": list(conversation.keys.values_list("key", flat=True)),
    }


def _shown_changed(changed: Change, conversation_ids: Sequence[int]) -> None:
    """Their lines look different, in whatever folder they stand."""
    changed.conversations.update(conversation_ids)
    lines = ListRow.objects.filter(conversation__in=conversation_ids)
    changed.folders.update(lines.values_list("folder_id", flat=True))


def _remember(user: User, batch: uuid.UUID, kind: str, before: dict[str, Any]) -> None:
    ConversationChange.objects.create(user=user, batch=batch, kind=kind, before=before)


def _named(count: int) -> str:
    return "Conversation" if count == 1 else f"{count:,} conversations"


def _pronoun(count: int) -> str:
    return "it" if count == 1 else "them"

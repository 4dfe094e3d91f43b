"""Muted, merged, split off: shown so, remembered against every later message, and taken back."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from webmail.errors import GiveUp
from webmail.models import Conversation, Message, PendingAction
from webmail.sync import actions, choices
from webmail.worker import upkeep

from .test_mirror import assert_consistent

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def answer(arrive, folder, to: Message, subject: str = "", **fields) -> Message:
    references = [*to.references.split(), to.message_id]
    subject = subject or f"Re: {to.subject.removeprefix('Re: ')}"
    return arrive(folder, subject, in_reply_to=[to.message_id], references=references, **fields)


def home(message: Message) -> int:
    return Message.objects.get(pk=message.pk).conversation_id


def late() -> dict[str, Any]:
    return {"internaldate": timezone.now() + timedelta(minutes=5)}


# --- split


def test_a_message_that_is_split_off_takes_its_later_answers_along(account, folders, arrive):
    first = arrive(folders["INBOX"], "Plan")
    second = answer(arrive, folders["INBOX"], first)
    third = answer(arrive, folders["INBOX"], second)
    choices.split(account.user, second)
    assert home(second) != home(first) == home(third)
    assert home(answer(arrive, folders["INBOX"], second)) == home(second)
    assert home(answer(arrive, folders["Sent"], first)) == home(first)
    # It answers one that stayed, and names the one that was split off further up.
    assert home(answer(arrive, folders["INBOX"], third)) == home(first)
    assert home(second) != home(first)
    assert_consistent(account)


def test_copies_of_a_message_that_is_split_off_go_with_it(account, folders, arrive):
    first = arrive(folders["INBOX"], "Plan")
    second = answer(arrive, folders["INBOX"], first, message_id="same@example.test")
    copy = arrive(folders["Sent"], "Re: Plan", message_id="same@example.test", in_reply_to=[first.message_id])
    choices.split(account.user, second)
    late_copy = arrive(folders["Work"], "Re: Plan", message_id="same@example.test", in_reply_to=[first.message_id])
    assert home(copy) == home(second) == home(late_copy) != home(first)
    assert_consistent(account)


def test_a_split_is_taken_back_with_what_answered_it_meanwhile(account, folders, arrive):
    first = arrive(folders["INBOX"], "Plan")
    second = answer(arrive, folders["INBOX"], first)
    done = choices.split(account.user, second)
    between = answer(arrive, folders["INBOX"], second)
    assert choices.undo(account.user, done.batch) is not None
    assert home(first) == home(second) == home(between)
    assert home(answer(arrive, folders["INBOX"], second)) == home(first)
    assert choices.undo(account.user, done.batch) is None
    assert_consistent(account)


def test_a_message_alone_cannot_be_split_off(account, folders, arrive):
    with pytest.raises(GiveUp):
        choices.split(account.user, arrive(folders["INBOX"], "Plan"))


# --- merge


def test_merged_conversations_stay_one_whatever_their_subjects(account, folders, arrive):
    first, second = arrive(folders["INBOX"], "Plan"), arrive(folders["INBOX"], "Something else")
    other = arrive(folders["Work"], "A third")
    done = choices.merge(account.user, [first, second, other])
    assert done.count == 3
    assert home(first) == home(second) == home(other)
    assert home(answer(arrive, folders["INBOX"], second)) == home(first)
    assert home(answer(arrive, folders["INBOX"], first)) == home(first)
    # A subject that nobody merged is a new matter, as ever.
    assert home(answer(arrive, folders["INBOX"], second, "New matter")) != home(first)
    assert_consistent(account)


def test_merging_is_taken_back_and_each_goes_where_it_was(account, folders, arrive):
    first, second = arrive(folders["INBOX"], "Plan"), arrive(folders["INBOX"], "Something else")
    choices.mute(account.user, [second])
    before = home(first), home(second)
    done = choices.merge(account.user, [first, second])
    upkeep.run()
    assert choices.undo(account.user, done.batch) is not None
    assert (home(first), home(second)) == before
    assert Conversation.objects.get(pk=home(second)).muted_at is not None
    assert home(answer(arrive, folders["Work"], second)) == home(second)
    assert home(answer(arrive, folders["Work"], first)) == home(first)
    assert_consistent(account)


def test_what_was_split_off_can_be_merged_again(account, folders, arrive):
    first = arrive(folders["INBOX"], "Plan")
    second = answer(arrive, folders["INBOX"], first)
    choices.split(account.user, second)
    choices.merge(account.user, [first, second])
    assert home(first) == home(second) == home(answer(arrive, folders["INBOX"], second))
    assert_consistent(account)


def test_one_conversation_alone_cannot_be_merged(account, folders, arrive):
    first = arrive(folders["INBOX"], "Plan")
    second = answer(arrive, folders["INBOX"], first)
    with pytest.raises(GiveUp, match="two or more"):
        choices.merge(account.user, [first, second])


def test_a_merge_never_makes_more_than_can_be_read(account, folders, arrive, monkeypatch):
    monkeypatch.setattr(choices, "LARGEST", 2)
    found = [arrive(folders["INBOX"], f"Plan {number}") for number in range(3)]
    with pytest.raises(GiveUp, match="more than 2"):
        choices.merge(account.user, found)
    assert len({home(message) for message in found}) == 3


# --- mute


def test_a_muted_conversation_leaves_the_inbox_and_so_does_what_arrives(account, folders, arrive):
    first = arrive(folders["INBOX"], "Plan")
    done = choices.mute(account.user, [first])
    new = answer(arrive, folders["INBOX"], first, **late())
    elsewhere = answer(arrive, folders["Work"], first, **late())
    for message in (first, new, elsewhere):
        message.refresh_from_db()
    assert first.shown_in == new.shown_in == folders["Archive"]
    assert elsewhere.shown_in == folders["Work"]
    assert new.folder == folders["INBOX"]
    assert not new.seen
    moves = PendingAction.objects.filter(kind="move", state="pending", target=folders["Archive"])
    assert set(moves.values_list("message_id", flat=True)) == {first.pk, new.pk}
    assert_consistent(account)
    choices.undo(account.user, done.batch)
    first.refresh_from_db()
    assert first.shown_in == folders["INBOX"]
    assert Message.objects.get(pk=answer(arrive, folders["INBOX"], first, **late()).pk).shown_in == folders["INBOX"]
    assert_consistent(account)


def test_what_arrived_before_and_what_is_unmuted_stays_in_the_inbox(account, folders, arrive):
    first = arrive(folders["Archive"], "Plan")
    choices.mute(account.user, [first])
    assert answer(arrive, folders["INBOX"], first).shown_in == folders["INBOX"]
    done = choices.unmute(account.user, [first])
    assert answer(arrive, folders["INBOX"], first, **late()).shown_in == folders["INBOX"]
    choices.undo(account.user, done.batch)
    assert Message.objects.get(pk=answer(arrive, folders["INBOX"], first, **late()).pk).shown_in == folders["Archive"]


def test_a_message_that_somebody_takes_out_of_the_archive_may_stay_in_the_inbox(account, folders, arrive):
    first = arrive(folders["INBOX"], "Plan")
    choices.mute(account.user, [first])
    new = answer(arrive, folders["Archive"], first, **late(), message_id="new@example.test")
    back = answer(arrive, folders["INBOX"], first, **late(), message_id="new@example.test")
    assert back.pk != new.pk
    assert Message.objects.get(pk=back.pk).shown_in == folders["INBOX"]


def test_a_muted_conversation_stays_muted_when_a_message_joins_it_to_another(account, folders, arrive):
    left = arrive(folders["Work"], "Plans", message_id="left@example.test")
    right = arrive(folders["Work"], "Re: Plans", message_id="right@example.test")
    choices.mute(account.user, [right])
    arrive(folders["Work"], "Re: Plans", references=["left@example.test", "right@example.test"])
    assert home(left) == home(right)
    assert Conversation.objects.get(pk=home(left)).muted_at is not None


def test_what_was_decided_outlives_the_messages(account, folders, arrive):
    first = arrive(folders["INBOX"], "Plan")
    second = answer(arrive, folders["INBOX"], first, message_id="second@example.test")
    choices.split(account.user, second)
    old = home(second)
    Message.objects.filter(pk=second.pk).delete()
    upkeep.run()
    again = answer(arrive, folders["INBOX"], first, message_id="second@example.test")
    assert home(again) == old != home(first)


def test_nobody_takes_back_what_another_person_decided(account, folders, arrive, django_user_model):
    done = choices.mute(account.user, [arrive(folders["INBOX"], "Plan")])
    other = django_user_model.objects.create(username="bob")
    assert choices.undo(other, done.batch) is None
    with pytest.raises(GiveUp):
        actions.undo(other, done.batch)
    assert choices.undo(account.user, uuid.uuid4()) is None

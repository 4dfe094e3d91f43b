"""What a person does changes the mirror and the journal together; opposites cancel; undo takes back."""

import uuid

import pytest

from accounts.models import User
from webmail.errors import GiveUp
from webmail.models import Folder, Message, PendingAction, SpecialUse
from webmail.sync import actions, folder_actions

pytestmark = [pytest.mark.django_db, pytest.mark.database]
State = PendingAction.State


def waiting() -> list[tuple[str, str]]:
    return [(action.kind, action.flag) for action in PendingAction.objects.filter(state=State.PENDING)]


def test_a_flag_shows_at_once_and_waits_for_the_server(account, folders, arrive):
    message = arrive(folders["INBOX"])
    done = actions.store(account.user, [message], "seen", True)
    message.refresh_from_db()
    assert message.seen
    assert done.text == "1 message marked as read"
    assert waiting() == [("store", "seen")]


def test_setting_what_is_set_does_nothing(account, folders, arrive):
    message = arrive(folders["INBOX"], flags=frozenset({"\\Seen"}))
    assert actions.store(account.user, [message], "seen", True).count == 0
    assert waiting() == []


def test_opposite_flags_cancel_before_the_server_hears_of_them(account, folders, arrive):
    message = arrive(folders["INBOX"])
    actions.store(account.user, [message], "flagged", True)
    actions.store(account.user, [message], "flagged", False)
    assert waiting() == []


def test_a_move_keeps_where_the_server_has_the_message(account, folders, arrive):
    message = arrive(folders["INBOX"])
    actions.move(account.user, [message], folders["Work"])
    message.refresh_from_db()
    assert (message.folder, message.shown_in) == (folders["INBOX"], folders["Work"])
    assert message.uid is not None
    assert message.moving


def test_moving_back_before_the_server_hears_of_it_leaves_nothing_to_do(account, folders, arrive):
    message = arrive(folders["INBOX"])
    done = actions.move(account.user, [message], folders["Work"])
    actions.undo(account.user, done.batch)
    message.refresh_from_db()
    assert message.shown_in == folders["INBOX"]
    assert waiting() == []


def test_a_second_move_replaces_the_first(account, folders, arrive):
    message = arrive(folders["INBOX"])
    actions.move(account.user, [message], folders["Work"])
    actions.move(account.user, [message], folders["Archive"])
    assert [str(action.target) for action in PendingAction.objects.filter(state=State.PENDING)] == ["Archive"]


def test_undo_after_the_server_was_told_queues_the_way_back(account, folders, arrive):
    message = arrive(folders["INBOX"])
    done = actions.archive(account.user, [message])
    PendingAction.objects.update(state=State.DONE)
    Message.objects.update(folder=folders["Archive"])
    actions.undo(account.user, done.batch)
    message.refresh_from_db()
    assert message.shown_in == folders["INBOX"]
    assert waiting() == [("move", "")]


def test_delete_moves_to_trash_and_from_trash_for_good(account, folders, arrive):
    message = arrive(folders["INBOX"])
    assert "Trash" in actions.delete(account.user, [message]).text
    message.refresh_from_db()
    assert message.shown_in == folders["Trash"]
    assert "for good" in actions.delete(account.user, [message]).text
    message.refresh_from_db()
    assert message.shown_in is None


def test_undo_of_a_final_delete_works_until_the_worker_begins(account, folders, arrive):
    message = arrive(folders["Trash"])
    done = actions.expunge(account.user, [message])
    actions.undo(account.user, done.batch)
    message.refresh_from_db()
    assert message.shown_in == folders["Trash"]
    again = actions.expunge(account.user, [message])
    PendingAction.objects.filter(state=State.PENDING).update(state=State.RUNNING)
    with pytest.raises(GiveUp, match="too late"):
        actions.undo(account.user, again.batch)


def test_archive_creates_the_folder_where_there_is_none(account, folders, arrive):
    folders["Archive"].delete()
    message = arrive(folders["INBOX"])
    actions.archive(account.user, [message])
    created = Folder.objects.get(special_use=SpecialUse.ARCHIVE)
    assert [kind for kind, _ in waiting()] == ["create_folder", "move"]
    assert Message.objects.get(pk=message.pk).shown_in == created


def test_nobody_acts_on_or_undoes_what_is_anothers(account, folders, arrive):
    mallory = User.objects.create(username="mallory")
    message = arrive(folders["INBOX"])
    assert actions.store(mallory, [message], "seen", True).count == 0
    done = actions.store(account.user, [message], "seen", True)
    with pytest.raises(GiveUp):
        actions.undo(mallory, done.batch)
    assert Message.objects.get(pk=message.pk).seen


def test_undo_of_nothing_says_so(account):
    with pytest.raises(GiveUp):
        actions.undo(account.user, uuid.uuid4())


@pytest.mark.parametrize("name", ["", "  ", "a/b", "x" * 201, "bad\x00name", "st*r", "INBOX", "Work"])
def test_impossible_folder_names_are_refused_with_a_sentence(account, folders, name):
    with pytest.raises(GiveUp) as refusal:
        folder_actions.create_folder(account.user, account, name)
    assert refusal.value.sentence.endswith(".") or "“" in refusal.value.sentence
    assert waiting() == []


def test_renaming_takes_the_folders_below_along(account, folders):
    below = folder_actions.create_folder(account.user, account, "Acme", folders["Work"])
    unrelated = folder_actions.create_folder(account.user, account, "Workshop")
    folder_actions.rename_folder(account.user, folders["Work"], "Jobs")
    below.refresh_from_db()
    unrelated.refresh_from_db()
    assert (below.name, unrelated.name) == ("Jobs/Acme", "Workshop")


def test_a_folder_with_others_inside_is_not_deleted(account, folders):
    folder_actions.create_folder(account.user, account, "Acme", folders["Work"])
    with pytest.raises(GiveUp, match="folders inside"):
        folder_actions.delete_folder(account.user, folders["Work"])


def test_folders_with_a_purpose_are_neither_renamed_nor_deleted(account, folders):
    with pytest.raises(GiveUp):
        folder_actions.rename_folder(account.user, folders["Sent"], "Out")
    with pytest.raises(GiveUp):
        folder_actions.delete_folder(account.user, folders["INBOX"])


def test_top_level_folders_go_below_inbox_where_the_server_keeps_them_there(account, folders):
    Folder.objects.exclude(name="INBOX").delete()
    Folder.objects.create(account=account, name="INBOX.Sent", delimiter=".")
    assert folder_actions.create_folder(account.user, account, "Work").name == "INBOX.Work"

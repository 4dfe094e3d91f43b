"""Where a message is shown and where the server has it differ only while something is under way that brings them together."""

import pytest

from tests.sync.conftest import remote_message
from webmail.models import Folder, Message, PendingAction
from webmail.models.mirror import change
from webmail.sync import actions, bulk, bulk_run, bulk_undo
from webmail.sync.folders import remove_folder
from webmail.sync.insert import insert

pytestmark = [pytest.mark.django_db, pytest.mark.database]
State = PendingAction.State


def waiting() -> list[tuple[str, str]]:
    rows = PendingAction.objects.filter(state=State.PENDING).order_by("pk").select_related("target")
    return [(action.kind, action.target.name if action.target else "") for action in rows]


def test_deleting_for_good_taken_back_makes_the_move_that_was_never_sent(account, folders, arrive):
    message = arrive(folders["Archive"])
    actions.move(account.user, [message], folders["Trash"])
    done = actions.delete(account.user, [message])
    assert waiting() == [("expunge", "")]
    actions.undo(account.user, done.batch)
    message.refresh_from_db()
    assert (message.folder, message.shown_in) == (folders["Archive"], folders["Trash"])
    assert waiting() == [("move", "Trash")]


def test_deleting_for_good_taken_back_while_the_move_is_on_its_way_repeats_nothing(account, folders, arrive):
    message = arrive(folders["Archive"])
    actions.move(account.user, [message], folders["Trash"])
    PendingAction.objects.update(state=State.RUNNING)
    done = actions.delete(account.user, [message])
    actions.undo(account.user, done.batch)
    message.refresh_from_db()
    assert message.shown_in == folders["Trash"]
    assert waiting() == []


def test_deleting_for_good_taken_back_while_it_is_on_its_way_elsewhere_brings_it_back(account, folders, arrive):
    message = arrive(folders["Trash"])
    actions.move(account.user, [message], folders["Work"])
    PendingAction.objects.update(state=State.RUNNING)
    actions.move(account.user, [message], folders["Trash"])
    done = actions.delete(account.user, [message])
    actions.undo(account.user, done.batch)
    assert waiting() == [("move", "Trash")]


def test_emptying_trash_taken_back_makes_the_moves_that_were_never_sent(account, folders, arrive):
    there, under_way = arrive(folders["Trash"], "There"), arrive(folders["Archive"], "Under way")
    actions.move(account.user, [under_way], folders["Trash"])
    begun = bulk.begin(account.user, "expunge", [folders["Trash"]])
    bulk_undo.undo(account.user, begun.batch)
    bulk_run.run_due(lambda: False)
    assert set(Message.objects.values_list("shown_in__name", flat=True)) == {"Trash"}
    assert waiting() == [("move", "Trash")]
    assert Message.objects.get(pk=there.pk).folder == folders["Trash"]


def test_a_move_outlives_the_folder_that_it_was_shown_in(account, folders, arrive):
    message = arrive(folders["Archive"])
    passing = Folder.objects.create(account=account, name="Passing", delimiter="/", uidvalidity=7, uidnext=1)
    actions.move(account.user, [message], passing)
    actions.move(account.user, [message], folders["Work"])
    with change(account.user_id) as changed:
        remove_folder(changed, passing)
    message.refresh_from_db()
    assert message.shown_in == folders["Work"]
    assert waiting() == [("move", "Work")]


def test_what_was_moved_into_a_folder_nobody_had_looked_into_takes_the_flags_it_has_there(account, folders, arrive):
    message = arrive(folders["Work"])
    actions.store(account.user, [message], "flagged", True)
    found = remote_message(message.uid, flags=frozenset({"\\Answered", "$Label"}))
    with change(account.user_id) as changed:
        insert(changed, folders["Work"], 7, [found])
    message.refresh_from_db()
    assert (message.answered, message.keywords) == (True, ["$Label"])
    assert message.flagged, "what the server was not told yet"

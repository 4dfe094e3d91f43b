"""Bulk actions without a server: what is meant by a click, in which pieces it happens, and taking it back."""

import itertools
import uuid
from collections.abc import Callable, Iterator

import pytest

from accounts.models import MailAccount, User
from tests.sync.conftest import remote_message
from webmail.errors import GiveUp, Reason
from webmail.models import BulkAction, Folder, ListRow, Message, Notice, PendingAction
from webmail.models.mirror import change
from webmail.sync import actions, bulk, bulk_run, bulk_undo
from webmail.sync.insert import insert
from webmail.sync.results import finish, put_back

pytestmark = [pytest.mark.django_db, pytest.mark.database]
State = PendingAction.State
Fill = Callable[..., list[Message]]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 4)
    monkeypatch.setattr(bulk, "AT_ONCE", 2)


@pytest.fixture
def fill() -> Fill:
    uids = itertools.count(100)

    def many(folder: Folder, count: int = 10, **fields: object) -> list[Message]:
        found = [remote_message(next(uids), f"Number {number}", **fields) for number in range(count)]
        with change(folder.account.user_id) as changed:
            insert(changed, folder, 7, found)
        Folder.objects.filter(pk=folder.pk).update(uidnext=found[-1].uid + 1)
        folder.refresh_from_db()
        return list(Message.objects.filter(folder=folder, uid__in=[each.uid for each in found]).order_by("uid"))

    return many


def never() -> bool:
    return False


def stopping_after(count: int) -> Callable[[], bool]:
    calls: Iterator[int] = itertools.count(1)
    return lambda: next(calls) > count


def there(folder: Folder) -> int:
    count = Message.objects.filter(shown_in=folder).count()
    rows = ListRow.objects.filter(folder=folder).count()
    folder.refresh_from_db()
    assert (folder.total, rows) == (count, count)
    return count


def answer(bulk_action: BulkAction) -> None:
    """As the push does when the server said OK."""
    waiting = list(PendingAction.objects.filter(bulk=bulk_action, state=State.PENDING).select_related("message"))
    with change(bulk_action.user_id):
        for action in waiting:
            if action.target_id:
                Message.objects.filter(pk=action.message_id or 0).update(folder=action.target_id)
        finish(waiting, bulk_action.created_at)


def numbers(bulk_action: BulkAction) -> tuple[str, int, int, int]:
    bulk_action.refresh_from_db()
    return bulk_action.state, bulk_action.total, bulk_action.applied, bulk_action.confirmed


def test_the_newest_move_in_the_request_and_the_rest_in_the_worker(account, folders, fill):
    messages = fill(folders["INBOX"])
    begun = bulk.begin(account.user, "archive", [folders["INBOX"]])
    assert numbers(begun) == ("applying", 10, 2, 0)
    assert set(Message.objects.filter(shown_in=folders["Archive"])) == set(messages[-2:])
    bulk_run.run_due(never)
    assert numbers(begun) == ("sending", 10, 10, 0)
    assert (there(folders["INBOX"]), there(folders["Archive"])) == (0, 10)
    answer(begun)
    bulk_run.run_due(never)
    assert numbers(begun) == ("done", 10, 10, 10)


def test_it_goes_on_where_it_was_cut_off(account, folders, fill):
    fill(folders["INBOX"])
    begun = bulk.begin(account.user, "archive", [folders["INBOX"]])
    bulk_run.run_due(stopping_after(1))
    assert numbers(begun) == ("applying", 10, 6, 0)
    bulk_run.run_due(never)
    assert numbers(begun) == ("sending", 10, 10, 0)
    assert PendingAction.objects.filter(bulk=begun).values("message").distinct().count() == 10


def test_a_piece_that_fails_leaves_nothing_behind(account, folders, fill, monkeypatch):
    fill(folders["INBOX"])
    bulk.begin(account.user, "archive", [folders["INBOX"]])

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(bulk, "note_applied", fail)
        with pytest.raises(KeyboardInterrupt):
            bulk_run.run_due(never)
    assert there(folders["Archive"]) == 2
    assert PendingAction.objects.count() == 2
    bulk_run.run_due(never)
    assert there(folders["Archive"]) == 10


def test_what_arrives_after_the_click_stays(account, folders, fill):
    fill(folders["INBOX"])
    begun = bulk.begin(account.user, "archive", [folders["INBOX"]])
    later = fill(folders["INBOX"], 3)
    bulk_run.run_due(never)
    assert set(Message.objects.filter(shown_in=folders["INBOX"])) == set(later)
    assert numbers(begun)[1] == 10


def test_what_the_person_moves_in_after_the_click_stays(account, folders, fill):
    old = fill(folders["Work"], 1)
    fill(folders["INBOX"])
    bulk.begin(account.user, "archive", [folders["INBOX"]])
    actions.move(account.user, old, folders["INBOX"])
    bulk_run.run_due(never)
    assert list(Message.objects.filter(shown_in=folders["INBOX"])) == old


def test_what_the_person_does_to_a_message_after_the_click_wins(account, folders, fill):
    messages = fill(folders["INBOX"])
    bulk.begin(account.user, "seen", [folders["INBOX"]])
    actions.store(account.user, messages[:1], "seen", True)
    actions.store(account.user, messages[:1], "seen", False)
    bulk_run.run_due(never)
    assert list(Message.objects.filter(seen=False)) == messages[:1]


def test_mail_the_mirror_has_not_received_yet_is_meant_too(account, folders, fill):
    inbox = folders["INBOX"]
    fill(inbox, 5)
    Folder.objects.filter(pk=inbox.pk).update(backfill_uid=100, server_messages=8)
    inbox.refresh_from_db()
    begun = bulk.begin(account.user, "archive", [inbox])
    bulk_run.run_due(never)
    assert numbers(begun) == ("applying", 8, 5, 0)
    with change(account.user_id) as changed:
        insert(changed, inbox, 7, [remote_message(uid) for uid in (90, 91, 92)])
    bulk_run.run_due(never)
    assert numbers(begun) == ("applying", 8, 8, 0)
    Folder.objects.filter(pk=inbox.pk).update(backfill_uid=1)
    bulk_run.run_due(never)
    assert numbers(begun) == ("sending", 8, 8, 0)


def test_a_folder_that_was_rebuilt_is_left_alone(account, folders, fill):
    fill(folders["INBOX"])
    begun = bulk.begin(account.user, "archive", [folders["INBOX"]])
    Message.objects.filter(shown_in=folders["INBOX"]).update(uidvalidity=8)
    bulk_run.run_due(never)
    assert numbers(begun) == ("sending", 2, 2, 0)


def test_two_at_once_do_no_message_twice(account, folders, fill):
    fill(folders["INBOX"])
    first = bulk.begin(account.user, "archive", [folders["INBOX"]])
    second = bulk.begin(account.user, "delete", [folders["INBOX"]])
    bulk_run.run_due(never)
    assert numbers(first)[2] + numbers(second)[2] == 10
    assert there(folders["INBOX"]) == 0
    assert there(folders["Archive"]) + there(folders["Trash"]) == 10
    moved = PendingAction.objects.filter(state=State.PENDING).values_list("message", flat=True)
    assert len(set(moved)) == len(moved) == 10


def test_in_all_inboxes_each_account_has_its_own_archive(account, folders, fill):
    other = MailAccount.objects.create(user=account.user, address="b@example.test", imap_host="x", smtp_host="x")
    inbox = Folder.objects.create(account=other, name="INBOX", special_use="inbox", uidvalidity=7, backfill_uid=1)
    fill(folders["INBOX"])
    fill(inbox)
    bulk.begin(account.user, "archive", [folders["INBOX"], inbox])
    bulk_run.run_due(never)
    archive = Folder.objects.get(account=other, special_use="archive")
    assert (there(folders["Archive"]), there(archive)) == (10, 10)
    assert set(PendingAction.objects.filter(account=other, message__isnull=False).values_list("target")) == {
        (archive.pk,)
    }


def test_lists_hide_what_is_leaving_until_it_has_left(account, folders, fill):
    fill(folders["INBOX"])
    begun = bulk.begin(account.user, "archive", [folders["INBOX"]])
    assert Folder.objects.get(pk=folders["INBOX"].pk).leaving_to == begun.last_message
    bulk_run.run_due(never)
    assert Folder.objects.get(pk=folders["INBOX"].pk).leaving_to is None
    bulk.begin(account.user, "seen", [folders["Archive"]])
    assert Folder.objects.get(pk=folders["Archive"].pk).leaving_to is None


def test_undo_half_way_stops_it_and_brings_back_what_had_gone(account, folders, fill):
    fill(folders["INBOX"])
    begun = bulk.begin(account.user, "archive", [folders["INBOX"]])
    bulk_run.run_due(stopping_after(1))
    taken = bulk_undo.undo(account.user, begun.batch)
    assert taken is not None
    bulk_run.run_due(never)
    assert numbers(begun)[0] == "stopped"
    # No server had heard of it.
    assert numbers(taken) == ("done", 6, 6, 6)
    assert there(folders["INBOX"]) == 10
    assert not PendingAction.objects.filter(state=State.PENDING).exists()
    assert Folder.objects.get(pk=folders["INBOX"].pk).leaving_to is None


def test_undo_afterwards_leaves_what_was_moved_on(account, folders, fill):
    messages = fill(folders["INBOX"])
    begun = bulk.begin(account.user, "archive", [folders["INBOX"]])
    bulk_run.run_due(never)
    answer(begun)
    actions.move(account.user, messages[:1], folders["Work"])
    Message.objects.filter(pk=messages[1].pk).update(folder=folders["Sent"], shown_in=folders["Sent"])
    taken = bulk_undo.undo(account.user, begun.batch)
    assert taken is not None
    bulk_run.run_due(never)
    assert numbers(taken) == ("sending", 8, 8, 0)
    assert set(Message.objects.filter(shown_in=folders["INBOX"])) == set(messages[2:])
    answer(taken)
    bulk_run.run_due(never)
    assert numbers(taken) == ("done", 8, 8, 8)


def test_undo_of_read_marks_leaves_those_that_were_read_before(account, folders, fill):
    read = fill(folders["INBOX"], 3, flags=frozenset({"\\Seen"}))
    fill(folders["INBOX"], 7)
    begun = bulk.begin(account.user, "seen", [folders["INBOX"]])
    bulk_run.run_due(never)
    assert not Message.objects.filter(seen=False).exists()
    bulk_undo.undo(account.user, begun.batch)
    bulk_run.run_due(never)
    assert set(Message.objects.filter(seen=True)) == set(read)


def test_undo_of_a_final_delete_saves_what_no_server_was_told(account, folders, fill):
    messages = fill(folders["Trash"])
    begun = bulk.begin(account.user, "expunge", [folders["Trash"]])
    bulk_run.run_due(never)
    PendingAction.objects.filter(message__in=messages[:4]).update(state=State.RUNNING)
    taken = bulk_undo.undo(account.user, begun.batch)
    assert taken is not None
    bulk_run.run_due(never)
    assert numbers(taken) == ("done", 6, 6, 6)
    assert there(folders["Trash"]) == 6


def test_undo_twice_is_one_undo(account, folders, fill):
    fill(folders["INBOX"])
    begun = bulk.begin(account.user, "archive", [folders["INBOX"]])
    assert bulk_undo.undo(account.user, begun.batch) == bulk_undo.undo(account.user, begun.batch)
    assert BulkAction.objects.count() == 2


def test_nobody_undoes_what_is_anothers(account, folders, fill):
    fill(folders["INBOX"])
    begun = bulk.begin(account.user, "archive", [folders["INBOX"]])
    assert bulk_undo.undo(User.objects.create(username="mallory"), begun.batch) is None
    assert bulk_undo.undo(account.user, uuid.uuid4()) is None
    assert numbers(begun)[0] == "applying"


def test_what_the_server_refuses_is_put_back_and_counted(account, folders, fill):
    messages = fill(folders["INBOX"])
    begun = bulk.begin(account.user, "archive", [folders["INBOX"]])
    bulk_run.run_due(never)
    refused = list(PendingAction.objects.filter(message__in=messages[:3]).select_related("message"))
    put_back(account, refused, GiveUp(Reason.QUOTA, "The mailbox is full."))
    answer(begun)
    bulk_run.run_due(never)
    begun.refresh_from_db()
    assert (begun.state, begun.confirmed, begun.refused, begun.error) == ("done", 7, 3, "The mailbox is full.")
    assert set(Message.objects.filter(shown_in=folders["INBOX"])) == set(messages[:3])
    # The line says it once; a notice for every group would bury it.
    assert not Notice.objects.exists()


def test_refused_ones_are_not_tried_again_by_the_same_click(account, folders, fill):
    messages = fill(folders["INBOX"])
    begun = bulk.begin(account.user, "archive", [folders["INBOX"]])
    first = list(PendingAction.objects.select_related("message"))
    put_back(account, first, GiveUp(Reason.REFUSED, "No."))
    bulk_run.run_due(never)
    assert numbers(begun) == ("sending", 10, 10, 0)
    assert set(Message.objects.filter(shown_in=folders["INBOX"])) == set(messages[-2:])


def test_a_target_that_takes_no_messages_is_refused_and_nothing_remains(account, folders, fill):
    fill(folders["INBOX"])
    Folder.objects.filter(pk=folders["Work"].pk).update(selectable=False)
    folders["Work"].refresh_from_db()
    with pytest.raises(GiveUp):
        bulk.begin(account.user, "move", [folders["INBOX"]], folders["Work"])
    with pytest.raises(GiveUp):
        bulk.begin(account.user, "archive", [folders["Archive"]])
    assert not BulkAction.objects.exists()


def test_each_piece_costs_the_same_queries_however_many_messages(
    account, folders, fill, monkeypatch, django_assert_max_num_queries
):
    counts = []
    for size in (10, 20):
        monkeypatch.setattr(bulk, "CHUNK", size)
        fill(folders["Work"], size + 2)
        begun = bulk.begin(account.user, "archive", [folders["Work"]])
        with django_assert_max_num_queries(30) as queries:
            bulk.step(begun.pk, account.user_id)
        counts.append(len(queries))
        bulk_run.run_due(never)
        folders["Work"].refresh_from_db()
    assert counts[0] == counts[1]

"""List rows, counts and conversations always follow from the messages behind them."""

from collections import Counter
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import MailAccount
from webmail.imap.types import RemoteFolder
from webmail.models import Conversation, Folder, ListRow, Message, SpecialUse, UserStamp, mirror
from webmail.models.mirror import change
from webmail.sync import actions
from webmail.sync.folders import refresh_folders

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def assert_consistent(account: MailAccount) -> None:
    """Recompute by hand what the mirror keeps."""
    lines = Counter(Message.objects.filter(shown_in__isnull=False).values_list("shown_in_id", "conversation_id"))
    rows = {(row.folder_id, row.conversation_id): row for row in ListRow.objects.all()}
    assert {key: row.count for key, row in rows.items()} == dict(lines)
    for (folder_id, conversation_id), row in rows.items():
        here = Message.objects.filter(shown_in=folder_id, conversation=conversation_id)
        assert row.unread == here.filter(seen=False).count()
        assert row.latest == here.order_by("-internaldate", "-id").first()
    for folder in Folder.objects.filter(account=account):
        shown = Message.objects.filter(shown_in=folder)
        assert (folder.total, folder.unread) == (shown.count(), shown.filter(seen=False).count()), folder


def test_a_reply_joins_the_conversation_across_folders(account, folders, arrive):
    first = arrive(folders["INBOX"], "Plans")
    answer = arrive(folders["Sent"], "Re: Plans", in_reply_to=[first.message_id], references=[first.message_id])
    assert answer.conversation == first.conversation
    assert ListRow.objects.filter(conversation=first.conversation).count() == 2
    assert Conversation.objects.get().count == 2
    assert_consistent(account)


def test_answers_that_arrive_before_the_question_meet_in_one_conversation(account, folders, arrive):
    one = arrive(folders["INBOX"], "Re: Plans", references=["root@example.test"], in_reply_to=["root@example.test"])
    other = arrive(folders["INBOX"], "Re: Plans", references=["root@example.test"])
    root = arrive(folders["Work"], "Plans", message_id="root@example.test")
    assert len({one.conversation_id, other.conversation_id, root.conversation_id}) == 1
    assert_consistent(account)


def test_two_conversations_merge_when_a_message_joins_them(account, folders, arrive):
    left = arrive(folders["INBOX"], "Plans", message_id="left@example.test")
    right = arrive(folders["Work"], "Re: Plans", message_id="right@example.test")
    assert left.conversation != right.conversation
    arrive(folders["INBOX"], "Re: Plans", references=["left@example.test", "right@example.test"])
    left.refresh_from_db()
    right.refresh_from_db()
    assert left.conversation == right.conversation
    assert_consistent(account)


def test_shared_references_of_different_subjects_do_not_join(folders, arrive):
    keys = {
        arrive(folders["INBOX"], f"Backup {name}", references=["constant@example.test"]).conversation_id
        for name in ("db", "web", "mail")
    }
    assert len(keys) == 3


def test_messages_without_references_stay_apart(folders, arrive):
    first = arrive(folders["INBOX"], "News", message_id="")
    second = arrive(folders["INBOX"], "News", message_id="")
    assert first.conversation != second.conversation


def test_a_conversation_does_not_grow_past_its_limit(folders, arrive, monkeypatch):
    monkeypatch.setattr("webmail.sync.conversations.LARGEST", 3)
    ids = [arrive(folders["INBOX"], "Loop", references=["loop@example.test"]).conversation_id for _ in range(5)]
    assert max(Counter(ids).values()) == 3


def test_every_action_keeps_rows_and_counts_true(account, folders, arrive):
    user = account.user
    messages = [arrive(folders["INBOX"], f"Subject {number % 3}") for number in range(7)]
    assert_consistent(account)
    actions.store(user, messages[:3], "seen", True)
    assert_consistent(account)
    moved = actions.move(user, messages[1:5], folders["Work"])
    assert_consistent(account)
    actions.delete(user, messages[5:])
    assert_consistent(account)
    actions.undo(user, moved.batch)
    assert_consistent(account)
    actions.expunge(user, messages[:1])
    assert_consistent(account)


def test_a_copy_to_oneself_counts_once(folders, arrive):
    note = arrive(folders["INBOX"], "Note", message_id="self@example.test")
    arrive(folders["Sent"], "Note", message_id="self@example.test")
    assert Conversation.objects.get(pk=note.conversation_id).count == 1


def test_each_change_is_announced_once(account, folders, arrive):
    arrive(folders["INBOX"])
    before = UserStamp.objects.get(user=account.user).revision
    revision = Folder.objects.get(name="INBOX").revision
    with change(account.user_id) as changed:
        Message.objects.update(seen=True)
        changed.messages(Message.objects.all())
    assert UserStamp.objects.get(user=account.user).revision == before + 1
    assert Folder.objects.get(name="INBOX").revision == revision + 1


def inbox_rows(account: MailAccount) -> set[int]:
    return set(ListRow.objects.filter(inbox_of=account.user).values_list("folder_id", flat=True))


def test_rows_of_inboxes_and_no_others_name_their_person(account, folders, arrive):
    message = arrive(folders["INBOX"])
    arrive(folders["Work"])
    assert inbox_rows(account) == {folders["INBOX"].pk}
    actions.move(account.user, [message], folders["Work"])
    assert inbox_rows(account) == set()
    actions.move(account.user, [message], folders["INBOX"])
    assert inbox_rows(account) == {folders["INBOX"].pk}
    assert ListRow.objects.filter(inbox_of__isnull=False).count() == 1


def test_rows_follow_when_the_server_calls_another_folder_the_inbox(account, folders, arrive):
    arrive(folders["INBOX"])
    arrive(folders["Work"])
    uses = {"INBOX": SpecialUse.ARCHIVE, "Work": SpecialUse.INBOX}
    told = [
        RemoteFolder(name, name.encode(), "/", frozenset(), special_use=uses.get(name, folder.special_use))
        for name, folder in folders.items()
    ]
    refresh_folders(account, told)
    assert inbox_rows(account) == {folders["Work"].pk}
    refresh_folders(account, told)
    assert inbox_rows(account) == {folders["Work"].pk}


def test_a_folder_that_holds_nothing_any_more_shows_nothing(account, folders, arrive):
    """Another client deleted it while others are below it. An inbox of which that is said is left as it is."""
    kept, gone = arrive(folders["INBOX"], "Plans"), arrive(folders["Work"], "Plans")
    uses = {name: folder.special_use for name, folder in folders.items()}
    told = [
        RemoteFolder(name, name.encode(), "/", frozenset(), special_use=use, selectable=name not in {"INBOX", "Work"})
        for name, use in uses.items()
    ]
    refresh_folders(account, told)
    gone.refresh_from_db()
    assert (gone.shown_in, gone.uid, gone.folder) == (None, None, folders["INBOX"])
    assert gone.missing_since is not None
    work = Folder.objects.get(account=account, name="Work")
    assert (work.selectable, work.total, work.uidvalidity) == (False, 0, None)
    assert list(Message.objects.filter(shown_in__isnull=False)) == [kept]
    assert_consistent(account)
    refresh_folders(account, told)
    assert Folder.objects.get(account=account, name="Work").pk == work.pk


def test_rows_written_before_are_told_whose_inbox_they_are_in(account, folders, arrive):
    arrive(folders["INBOX"])
    arrive(folders["Work"])
    ListRow.objects.update(inbox_of=None)
    import_module("webmail.migrations.0006_rows_of_inboxes").name_owners(apps, connection.schema_editor())
    assert inbox_rows(account) == {folders["INBOX"].pk}


# What ``PRAGMA optimize`` with its limit of 400 rows made of a folder of 600,000 messages.
STATISTICS = {
    ("webmail_message", "conversation_place"): "46550 2 2",
    ("webmail_message", "shown_order"): "99704 201 1 1",
    ("webmail_message", "message_key"): "82440 401 1",
    ("webmail_message", "sqlite_autoindex_webmail_message_1"): "143994 401 201 1",
    ("webmail_folder", "sqlite_autoindex_webmail_folder_1"): "1 1 1",
}


def test_no_statistics_make_a_chunk_cost_what_the_folder_holds(account, folders, arrive):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL keeps its statistics itself")
    arrive(folders["INBOX"])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("DELETE FROM sqlite_stat1")
        rows = [(*names, numbers) for names, numbers in STATISTICS.items()]
        cursor.executemany("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (%s, %s, %s)", rows)
        cursor.execute("ANALYZE sqlite_schema")
    keys = range(250)
    homeless = Message.objects.filter(account_id=account.pk, message_key__in=keys, uid__isnull=True)
    for ask, index in (
        (lambda: list(homeless), "(account_id=? AND message_key=?)"),
        (lambda: mirror.MEMBERS(conversations=list(keys)), "(conversation_id=?"),
    ):
        with CaptureQueriesContext(connection) as caught, connection.cursor() as cursor:
            ask()
            plan = str(cursor.execute(f"EXPLAIN QUERY PLAN {caught[0]['sql']}").fetchall())
        assert index in plan, plan
        assert "SCAN" not in plan, plan

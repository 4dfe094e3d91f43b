"""Rows that leave the mirror: the counts stay those of the messages shown."""

import pytest
from django.db.models import Sum

from tests.sync.conftest import remote_message
from webmail.imap.types import RemoteMessage
from webmail.models import Folder, ListRow, Message
from webmail.models.mirror import change
from webmail.sync import actions
from webmail.sync.changes import vanish
from webmail.sync.folders import remove_folder
from webmail.sync.insert import insert

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


def answer(uid: int, to: RemoteMessage, **fields: object) -> RemoteMessage:
    return remote_message(uid, "Re: Hello", references=[to.message_id], in_reply_to=[to.message_id], **fields)


def assert_counted() -> None:
    for folder in Folder.objects.all():
        shown = Message.objects.filter(shown_in=folder)
        listed = ListRow.objects.filter(folder=folder).aggregate(count=Sum("count"), unread=Sum("unread"))
        expected = (shown.count(), shown.filter(seen=False).count())
        assert (folder.total, folder.unread) == expected, folder.name
        assert (listed["count"] or 0, listed["unread"] or 0) == expected, folder.name


def test_a_place_taken_from_a_newer_row_leaves_the_counts_right(account, folders):
    first = remote_message(1)
    moved = answer(2, first)
    with change(account.user_id) as changed:
        insert(changed, folders["Work"], 7, [first])
        insert(changed, folders["INBOX"], 7, [moved])
    with change(account.user_id) as changed:
        insert(changed, folders["Work"], 7, [moved])
    assert_counted()
    row = Message.objects.get(folder=folders["INBOX"])
    vanish(folders["INBOX"], [2])
    row.refresh_from_db()
    assert (row.shown_in, Message.objects.count()) == (folders["Work"], 2)
    assert_counted()


def test_a_folder_that_goes_while_a_message_is_on_its_way_out_leaves_the_counts_right(account, folders):
    first = remote_message(1)
    with change(account.user_id) as changed:
        insert(changed, folders["INBOX"], 7, [first])
        insert(changed, folders["Work"], 7, [answer(2, first)])
    actions.move(account.user, Message.objects.filter(folder=folders["Work"]), folders["INBOX"])
    assert_counted()
    with change(account.user_id) as changed:
        remove_folder(changed, folders["Work"])
    assert_counted()
    assert not Folder.objects.filter(name="Work").exists()

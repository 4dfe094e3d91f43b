"""What used to stay behind: drafts deleted by another client, messages nobody can read without a word of it, rebuilds."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.sync.conftest import remote_message
from webmail.models import Message, OutgoingMessage
from webmail.models.mirror import change
from webmail.sync.insert import insert
from webmail.worker import upkeep

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def drafts(folders):
    folder = folders["Work"]
    folder.special_use, folder.uidnext = "drafts", 50
    folder.save()
    return folder


def draft(account, drafts, **fields: object) -> OutgoingMessage:
    values: dict[str, object] = {
        "user": account.user,
        "account": account,
        "subject": "Plans",
        "revision": 3,
        "saved_revision": 3,
        "draft_uid": 7,
        "draft_uidvalidity": drafts.uidvalidity,
        "updated_at": timezone.now() - timedelta(days=2),
    }
    return OutgoingMessage.objects.create(**(values | fields))


def test_a_draft_that_another_client_deleted_goes_a_day_later(account, drafts):
    gone = draft(account, drafts)
    upkeep.run()
    assert not OutgoingMessage.objects.filter(pk=gone.pk).exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"saved_revision": 2},
        {"updated_at": timezone.now()},
        {"draft_uid": None},
        {"draft_uidvalidity": 99},
        {"draft_uid": 60},
        {"state": OutgoingMessage.State.REJECTED},
    ],
    ids=["words not saved", "written in today", "never saved", "another uidvalidity", "not looked at yet", "rejected"],
)
def test_a_draft_that_may_still_be_wanted_stays(account, drafts, fields):
    kept = draft(account, drafts, **fields)
    upkeep.run()
    assert OutgoingMessage.objects.filter(pk=kept.pk).exists()


def test_a_draft_that_stands_on_the_server_stays(account, drafts):
    with change(account.user_id) as changed:
        insert(changed, drafts, drafts.uidvalidity, [remote_message(7)])
    kept = draft(account, drafts)
    upkeep.run()
    assert OutgoingMessage.objects.filter(pk=kept.pk).exists()


def test_a_message_that_cannot_be_read_is_listed_with_the_reason(account, folders):
    with change(account.user_id) as changed:
        insert(changed, folders["INBOX"], 7, [remote_message(1, complete=False)])
    row = Message.objects.get()
    assert "cannot be read" in row.preview
    assert row.preview_known


def test_rows_wait_for_as_long_as_their_folder_is_being_rebuilt(account, folders, arrive):
    waiting, gone = arrive(folders["Work"]), arrive(folders["INBOX"])
    long_ago = timezone.now() - timedelta(hours=5)
    Message.objects.update(missing_since=long_ago, shown_in=None, uid=None, uidvalidity=None)
    folders["Work"].backfill_uid = 500
    folders["Work"].save()
    upkeep.run()
    assert list(Message.objects.values_list("pk", flat=True)) == [waiting.pk]
    assert gone.pk != waiting.pk

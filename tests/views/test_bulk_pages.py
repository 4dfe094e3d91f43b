"""Bulk actions from the page: begun, told, taken back, dismissed."""

import re
from typing import Any

import pytest
from django.db.models import F

from webmail.models import BulkAction, Folder, Message, PendingAction, SyncState
from webmail.sync import bulk, bulk_run


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "INLINE", 5)
    monkeypatch.setattr(bulk, "AT_ONCE", 2)


def fill(person: Any, count: int = 10, folder: str = "INBOX") -> None:
    for number in range(count):
        person.arrive(f"Number {number}", folder=folder)


def carry_out() -> None:
    """What the worker and the servers do."""
    bulk_run.run_due(lambda: False)
    waiting = PendingAction.objects.filter(bulk__isnull=False, state="pending").values_list(
        "pk", "bulk", "message", "target"
    )
    for pk, bulk_id, message_id, target_id in list(waiting):
        BulkAction.objects.filter(pk=bulk_id).update(confirmed=F("confirmed") + 1)
        PendingAction.objects.filter(pk=pk).update(state="done")
        if target_id:
            Message.objects.filter(pk=message_id).update(folder=target_id)
    bulk_run.run_due(lambda: False)


def rows(html: str) -> int:
    return len(re.findall(r'<li class="row', html))


def test_everything_is_taken_out_of_the_list_at_once_and_the_line_counts(ada: Any) -> None:
    fill(ada)
    answer = ada.post(f"{ada.url()}archive/", all="1")
    assert "0 of 10 archived" in answer.text
    assert "<progress" in answer.text
    assert rows(ada.fragment(f"{ada.url()}?rows=50").text) == 0
    page = ada.client.get(ada.url()).text
    assert "0 of 10 archived" in page
    assert rows(page) == 0
    later = ada.arrive("Later")
    assert rows(ada.client.get(ada.url()).text) == 1
    carry_out()
    told = ada.fragment("/notices/").text
    assert "10 messages archived" in told
    assert "<progress" not in told
    assert list(Message.objects.filter(shown_in=ada.folders["INBOX"])) == [later]


def test_undo_is_on_the_line_and_the_line_says_how_it_ended(ada: Any) -> None:
    fill(ada)
    answer = ada.post(f"{ada.url()}delete/", all="1")
    undo = re.search(r'action="(/undo/[^"]+)"', answer.text)
    assert undo is not None
    carry_out()
    assert "0 of 10 put back" in ada.post(undo[1]).text
    carry_out()
    told = ada.fragment("/notices/").text
    assert "10 messages put back" in told
    assert "moved to Trash" not in told
    assert rows(ada.client.get(ada.url()).text) == 10


def test_the_line_goes_when_it_is_dismissed_but_not_before_the_end(ada: Any) -> None:
    fill(ada)
    ada.post(f"{ada.url()}seen/", all="1")
    begun = BulkAction.objects.get()
    ada.post(f"/bulk/{begun.pk}/dismiss/")
    assert "marked as read" in ada.fragment("/notices/").text
    carry_out()
    ada.post(f"/bulk/{begun.pk}/dismiss/")
    assert "marked as read" not in ada.fragment("/notices/").text


def test_refusals_are_said_on_the_line(ada: Any) -> None:
    BulkAction.objects.create(
        user=ada.user, verb="move", target_title="Clients", total=10, applied=10, confirmed=7, refused=2, missed=1,
        state="done", error="The mailbox is full.",
    )  # fmt: skip
    told = ada.fragment("/notices/").text
    assert "7 of 10 messages moved to Clients" in told
    assert "2 refused by the server and back where they were. The mailbox is full." in told
    assert "1 no longer there." in told


def test_a_move_of_everything_asks_where_to_and_goes_there(ada: Any) -> None:
    fill(ada)
    question = ada.client.post(f"{ada.url()}move/", {"all": "1"})
    assert 'name="all" value="1"' in question.text
    ada.client.post(f"{ada.url()}move/", {"all": "1", "target": ada.folders["Clients"].pk})
    carry_out()
    assert Message.objects.filter(shown_in=ada.folders["Clients"]).count() == 10
    assert "10 messages moved to Clients" in ada.client.get(ada.url()).text


def test_a_large_trash_is_emptied_in_the_worker(ada: Any) -> None:
    fill(ada, folder="Trash")
    answer = ada.client.post(f"/folder/{ada.folders['Trash'].pk}/empty/", follow=True)
    assert "0 of 10 deleted for good" in answer.text
    assert rows(answer.text) == 0
    bulk_run.run_due(lambda: False)
    assert not Message.objects.filter(shown_in__isnull=False).exists()


def test_all_inboxes_are_read_at_once(ada: Any) -> None:
    other = ada.another("ada@other.test")
    fill(ada)
    fill(other)
    answer = ada.post("/inbox/seen/", all="1")
    assert "of 20 marked as read" in answer.text
    carry_out()
    assert not Message.objects.filter(seen=False).exists()


def test_a_small_rest_is_done_in_the_request(ada: Any) -> None:
    fill(ada)
    Message.objects.update(seen=True)
    Folder.objects.update(unread=0)
    ada.arrive("New")
    answer = ada.post(f"{ada.url()}seen/", all="1")
    assert "1 message marked as read" in answer.text
    assert not BulkAction.objects.exists()


def test_a_server_that_cannot_be_reached_is_named_on_the_line(ada: Any) -> None:
    fill(ada)
    ada.post(f"{ada.url()}archive/", all="1")
    assert "Waiting for" not in ada.fragment("/notices/").text
    SyncState.objects.update(status=SyncState.Status.WAITING)
    assert "Waiting for the server of ada@example.test." in ada.fragment("/notices/").text


def test_a_folder_is_read_from_the_page_of_the_folders(ada: Any) -> None:
    fill(ada, folder="Clients")
    page = ada.client.get(f"/account/{ada.account.pk}/folders/").text
    assert page.count("Mark all as read") == 1
    url = f"/account/{ada.account.pk}/folders/"
    answer = ada.client.post(f"{ada.url('Clients')}seen/", {"all": "1", "next": url})
    assert answer["Location"] == url
    carry_out()
    assert not Message.objects.filter(seen=False).exists()

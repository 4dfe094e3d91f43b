"""The sidebar and the page that manages folders."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from webmail.models import Folder, Message, SyncState
from webmail.views import sidebar
from webmail.views.when import Clock

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CLOCK = Clock(ZoneInfo("UTC"), NOW)


def titles(ada: Any) -> list[tuple[str, int]]:
    [view] = sidebar.build(ada.user.pk, CLOCK).accounts
    return [(entry.title, entry.depth) for entry in view.entries]


def state(ada: Any, **changes: Any) -> str:
    SyncState.objects.filter(account=ada.account).update(**changes)
    [view] = sidebar.build(ada.user.pk, CLOCK).accounts
    return view.state


def test_special_folders_stand_first_and_children_below_their_parent(ada: Any) -> None:
    assert titles(ada) == [
        ("Inbox", 0),
        ("Drafts", 0),
        ("Sent", 0),
        ("Archive", 0),
        ("Junk", 0),
        ("Trash", 0),
        ("Clients", 0),
        ("North", 1),
    ]


def test_a_folder_whose_parent_is_not_listed_keeps_its_path(ada: Any) -> None:
    Folder.objects.filter(name="Clients").delete()
    assert ("Clients/North", 0) in titles(ada)


def test_the_level_below_inbox_is_not_shown_where_everything_lies_there(ada: Any) -> None:
    for folder in Folder.objects.exclude(name="INBOX"):
        Folder.objects.filter(pk=folder.pk).update(name=f"INBOX.{folder.name.replace('/', '.')}", delimiter=".")
    Folder.objects.filter(name="INBOX").update(delimiter=".")
    assert titles(ada)[0] == ("Inbox", 0)
    assert titles(ada)[-2:] == [("Clients", 0), ("North", 1)]


def test_hidden_and_unsubscribed_folders_are_left_out(ada: Any) -> None:
    Folder.objects.create(account=ada.account, name="Hidden", delimiter="/", hidden=True)
    Folder.objects.filter(name="Clients/North").update(subscribed=False)
    assert [title for title, _ in titles(ada)][-1] == "Clients"


def test_where_nothing_is_subscribed_everything_is_listed(ada: Any) -> None:
    Folder.objects.update(subscribed=False)
    assert [title for title, _ in titles(ada)][-1] == "North"


def test_the_state_of_an_account_is_said_in_words(ada: Any) -> None:
    assert state(ada, status="ok") == "Up to date"
    assert state(ada, status="blocked", sentence="The password was refused.") == "Needs you"
    since = state(ada, status="waiting", last_pass_at=NOW - timedelta(hours=2))
    assert since == "Waiting for the server — since 10:00, trying again"
    Folder.objects.filter(name="INBOX").update(backfill_uid=5000, total=34_000, server_messages=100_000)
    assert state(ada, status="syncing") == "Catching up — 34,000 of 100,000"


def test_the_sidebar_costs_the_same_for_any_number_of_folders(ada: Any) -> None:
    counts = []
    for start in (0, 10):
        for number in range(start, start + 10):
            Folder.objects.create(account=ada.account, name=f"More {number}", delimiter="/", backfill_uid=1)
        with CaptureQueriesContext(connection) as queries:
            ada.fragment("/sidebar/")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 5


@pytest.mark.parametrize("folder", ["", "x", "-1", "9" * 40, "1' OR 1=1"])
def test_the_sidebar_takes_any_nonsense_as_current_folder(ada: Any, folder: str) -> None:
    assert ada.client.get("/sidebar/", {"folder": folder}).status_code == 200


def test_a_folder_is_created_inside_another(ada: Any) -> None:
    page = f"/account/{ada.account.pk}/folders/"
    answer = ada.client.post(f"{page}new/", {"name": "South", "parent": ada.folders["Clients"].pk}, follow=True)
    assert answer.redirect_chain == [(page, 302)]
    assert Folder.objects.filter(name="Clients/South").exists()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "Give the folder a name"),
        ("Clients", "There already is"),
        ("a/b", "cannot contain"),
        ("x" * 201, "too long"),
        ("a*", "cannot contain"),
        ("a\u0007", "cannot be used"),
    ],
)
def test_a_name_that_cannot_be_is_explained_at_the_field(ada: Any, name: str, sentence: str) -> None:
    answer = ada.client.post(f"/account/{ada.account.pk}/folders/new/", {"name": name})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert Folder.objects.count() == len(ada.folders)


def test_renaming_explains_at_the_folder_what_cannot_be(ada: Any) -> None:
    url = f"/folder/{ada.folders['Clients'].pk}/rename/"
    assert ada.client.post(url, {"name": "Customers"}).status_code == 302
    assert Folder.objects.filter(name="Customers/North").exists()
    answer = ada.client.post(url, {"name": "a/b"})
    assert answer.status_code == 422
    assert "cannot contain" in answer.text


def test_deleting_a_folder_asks_and_says_what_goes_with_it(ada: Any) -> None:
    ada.arrive(folder="Clients/North")
    url = f"/folder/{ada.folders['Clients/North'].pk}/delete-folder/"
    assert "The 1 message in it" in ada.client.get(url).text
    assert not Folder.objects.get(name="Clients/North").hidden
    ada.client.post(url)
    assert Folder.objects.get(name="Clients/North").hidden


def test_a_folder_with_folders_inside_is_not_deleted(ada: Any) -> None:
    answer = ada.client.post(f"/folder/{ada.folders['Clients'].pk}/delete-folder/")
    assert answer.status_code == 422
    assert "has folders inside" in answer.text


def test_only_trash_and_junk_can_be_emptied_and_only_after_a_question(ada: Any) -> None:
    message = ada.arrive(folder="Trash")
    assert ada.client.post(f"{ada.url()}empty/").status_code == 404
    assert "cannot be brought back" in ada.client.get(f"{ada.url('Trash')}empty/").text
    assert Message.objects.get(pk=message.pk).shown_in is not None
    ada.client.post(f"{ada.url('Trash')}empty/")
    assert Message.objects.get(pk=message.pk).shown_in is None


def test_hiding_a_folder_unsubscribes_it(ada: Any) -> None:
    ada.client.post(f"/folder/{ada.folders['Clients'].pk}/subscribe/", {"value": "0"})
    assert not Folder.objects.get(name="Clients").subscribed


def test_hostile_folder_names_are_text(ada: Any) -> None:
    Folder.objects.create(account=ada.account, name='<script>alert(1)</script>"', delimiter="/", backfill_uid=1)
    for url in (ada.url(), f"/account/{ada.account.pk}/folders/"):
        assert "<script>alert" not in ada.client.get(url).text


def test_a_new_account_waits_for_its_folders_and_none_leads_to_adding_one(ada: Any, make_person: Any) -> None:
    Folder.objects.all().delete()
    assert "Fetching your folders" in ada.client.get("/").text
    ada.account.delete()
    assert ada.client.get("/")["Location"].endswith("/settings/accounts/add/")

"""What the pages say about a download: when it ran, when it runs next, and how far a run under way is."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Identity, MailAccount, User
from webmail.models import Download, Folder, LedgerEntry, SyncState
from webmail.sync.local import ensure_folders

pytestmark = pytest.mark.django_db


def pop3_account(user: User, number: int) -> MailAccount:
    account = MailAccount.objects.create(
        user=user, kind="pop3", address=f"old-{number}@example.test", username=f"old-{number}", smtp_host="localhost"
    )
    SyncState.objects.create(account=account, status="ok")
    Identity.objects.create(account=account, address=account.address, is_default=True)
    ensure_folders(account)
    inbox = Folder.objects.get(account=account, special_use="inbox")
    Download.objects.create(account=account, host="pop.example.test", folder=inbox)
    return account


@pytest.fixture
def person(client: Client) -> User:
    user = User.objects.create(username="ada")
    client.force_login(user)
    return user


@pytest.fixture
def local(person: User) -> MailAccount:
    return pop3_account(person, 1)


@pytest.fixture
def clock_stands_still(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rates and times left are worked out from the clock: on a busy machine a test's own steps would count."""
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)


def note(account: MailAccount, **values: Any) -> None:
    Download.objects.filter(account=account).update(**values)


def hold(account: MailAccount, seconds: float = 60) -> None:
    """A worker has the account."""
    until = timezone.now() + timedelta(seconds=seconds)
    SyncState.objects.filter(account=account).update(lease_owner="w", lease_until=until)


def shown(client: Client, account: MailAccount) -> str:
    return client.get(reverse("account-progress", args=[account.pk])).content.decode()


def ago(**how_long: float) -> Any:
    return timezone.now() - timedelta(**how_long)


def test_last_and_next_run_are_said_in_words(client: Client, local: MailAccount, clock_stands_still: None) -> None:
    note(local, started_at=ago(minutes=4), finished_at=ago(minutes=3, seconds=5), imported=1204)
    note(local, next_at=timezone.now() + timedelta(minutes=7, seconds=5), remark="The server renamed its messages.")
    for page in (
        shown(client, local),
        client.get(reverse("account-edit", args=[local.pk])).content.decode(),
        client.get(reverse("settings-accounts")).content.decode(),
    ):
        assert "Last fetched 3 minutes ago." in page
        assert "Next time: in 7 minutes." in page
        assert "1,204 messages fetched so far." in page
        assert "The server renamed its messages." in page
        assert "<progress" not in page


def test_a_run_under_way_shows_messages_octets_rate_and_time_left(
    client: Client, local: MailAccount, clock_stands_still: None
) -> None:
    note(local, started_at=ago(seconds=100), finished_at=ago(days=1), messages_done=1000, messages_total=5000)
    note(local, octets_done=200 * 1024 * 1024, octets_total=800 * 1024 * 1024)
    hold(local)
    page = shown(client, local)
    assert "1,000 of 5,000 messages, 200.0 MB of 800.0 MB, 2.0 MB a second, about 5 minutes left" in page
    assert 'value="25"' in page
    assert 'hx-trigger="every 2s"' in page
    assert "<html" not in page


def test_the_rate_is_that_of_the_last_minute_where_a_run_had_to_wait(
    client: Client, local: MailAccount, clock_stands_still: None
) -> None:
    note(local, started_at=ago(days=2), messages_done=100, messages_total=5000, octets_done=0)
    hold(local)
    assert "a second" not in shown(client, local)
    cache.set(f"fetching:{local.pk}", [(ago(seconds=10).timestamp(), 50, 0)])
    assert "5.0 messages a second, about 16 minutes left" in shown(client, local)


def test_a_pause_after_failures_says_why(client: Client, local: MailAccount) -> None:
    MailAccount.objects.update(paused=True)
    SyncState.objects.update(status="blocked", sentence="The server refused this user name and password.")
    assert "Paused: nothing is fetched or sent." in shown(client, local)
    note(local, failures=5)
    assert "Paused after 5 failures in a row: The server refused" in shown(client, local)
    client.post(reverse("account-pause", args=[local.pk]))
    assert Download.objects.get().failures == 0


def test_a_run_nobody_carries_on_is_not_shown_as_running(client: Client, local: MailAccount) -> None:
    note(local, started_at=ago(hours=2), messages_total=10)
    hold(local, -1)
    assert "<progress" not in shown(client, local)


@pytest.mark.parametrize(
    "values",
    [
        {"messages_total": 0},
        {"messages_total": 10, "messages_done": 20, "octets_total": 10, "octets_done": 99},
        {"messages_total": 10, "messages_done": 0, "octets_total": 0, "octets_done": 0},
        {"messages_total": 10, "messages_done": 5, "octets_total": 0, "octets_done": 0},
        {"messages_total": 10, "messages_done": 0, "octets_total": 2**60, "octets_done": 1},
    ],
)
def test_whatever_a_server_claimed_the_progress_can_be_shown(
    client: Client, local: MailAccount, values: dict[str, int]
) -> None:
    note(local, started_at=ago(seconds=30), **values)
    hold(local)
    page = shown(client, local)
    assert "Fetching mail." in page
    bar = page.partition("<progress")[2]
    value = re.search(r'value="([^"]*)"', bar)
    said = bar.partition("<p")[2].partition(">")[2].partition("</p>")[0]
    assert said.strip()
    assert not re.search(r"-\d", said)
    assert value is None or 0 <= int(value[1]) <= 100


def test_a_failure_is_said_and_the_next_attempt_with_it(client: Client, local: MailAccount) -> None:
    SyncState.objects.update(
        status="waiting", sentence="The mailbox is in use.", due_at=timezone.now() + timedelta(minutes=9, seconds=5)
    )
    page = shown(client, local)
    assert "The mailbox is in use." in page
    assert "Next time: in 9 minutes." in page


def test_checking_now_forgets_the_failures_and_the_schedule(client: Client, local: MailAccount) -> None:
    note(local, next_at=timezone.now() + timedelta(hours=3))
    SyncState.objects.update(
        status="blocked", sentence="Refused.", failures=4, due_at=timezone.now() + timedelta(hours=1)
    )
    url = reverse("account-import", args=[local.pk])
    assert client.post(url).headers["Location"] == reverse("account-edit", args=[local.pk])
    state = SyncState.objects.get()
    assert (state.failures, state.sentence, state.status) == (0, "", "new")
    assert max(state.due_at, Download.objects.get().next_at) <= timezone.now()
    fragment = client.post(url, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in fragment
    assert "Next time: now." in fragment


def test_a_paused_download_is_not_started_and_resuming_starts_it(client: Client, local: MailAccount) -> None:
    note(local, next_at=timezone.now() + timedelta(hours=3))
    SyncState.objects.update(failures=5)
    client.post(reverse("account-pause", args=[local.pk]))
    assert "Paused" in shown(client, local)
    assert "Next time" not in shown(client, local)
    client.post(reverse("account-import", args=[local.pk]))
    assert Download.objects.get().next_at > timezone.now()
    client.post(reverse("account-pause", args=[local.pk]))
    assert Download.objects.get().next_at <= timezone.now()
    assert SyncState.objects.get().failures == 0


def test_an_imap_account_has_no_download(client: Client, person: User) -> None:
    account = MailAccount.objects.create(user=person, address="a@example.test", imap_host="h", username="a")
    SyncState.objects.create(account=account)
    assert client.get(reverse("account-progress", args=[account.pk])).status_code == 404
    assert client.post(reverse("account-import", args=[account.pk])).status_code == 404


@pytest.mark.parametrize("name", ["account-import", "account-progress", "account-edit", "account-remove"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_download_of_somebody_else_does_not_exist(client: Client, person: User, name: str, method: str) -> None:
    theirs = pop3_account(User.objects.create(username="bob"), 2)
    later = timezone.now() + timedelta(hours=3)
    note(theirs, next_at=later)
    answer = getattr(client, method)(reverse(name, args=[theirs.pk]), {"mail": "delete"} if method == "post" else {})
    assert answer.status_code in {404, 405}
    assert b"old-2" not in answer.content
    assert Download.objects.get().next_at == later


def test_the_list_and_the_page_cost_the_same_for_one_download_and_for_many(
    client: Client, person: User, local: MailAccount, django_assert_max_num_queries: Any
) -> None:
    def queries() -> int:
        with django_assert_max_num_queries(25) as caught:
            client.get(reverse("settings-accounts"))
            client.get(reverse("account-edit", args=[local.pk]))
            client.get(reverse("account-remove", args=[local.pk]))
        return len(caught)

    before = queries()
    for number in range(2, 7):
        pop3_account(person, number)
        Folder.objects.create(account=local, name=f"Folder {number}", delimiter="/", uidvalidity=1)
        LedgerEntry.objects.create(account=local, uidl=str(number), size=1, fetched_at=timezone.now())
    assert queries() == before


def test_a_fragment_that_is_asked_every_two_seconds_is_cheap(
    client: Client, local: MailAccount, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(3):
        shown(client, local)

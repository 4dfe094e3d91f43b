"""The administrator's first page: which accounts fail and why, what can be done about it there, and where POP3 is set up."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import MailAccount, User
from webmail.models import Download, SyncState

pytestmark = pytest.mark.django_db
INDEX = "/admin/"


@pytest.fixture
def administrator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root", password="administrators-own"))
    return client


def failing(number: int, **download: Any) -> MailAccount:
    user = User.objects.create(username=f"user-{number}", email=f"u{number}@example.test")
    account = MailAccount.objects.create(
        user=user, kind="pop3", address=f"old{number}@example.test", username="u", password="given"
    )
    SyncState.objects.create(account=account, status="blocked", sentence="The server <b>refused</b> it.", failures=2)
    Download.objects.create(account=account, host="pop.example.test", **download)
    return account


def form_of(page: str, account: MailAccount) -> str:
    forms = re.findall(r"<form method=\"post\".*?</form>", page, re.DOTALL)
    found = [form for form in forms if f'name="_selected_action" value="{account.pk}"' in form]
    assert len(found) == 1
    return found[0]


def test_pop3_is_set_up_from_here(administrator: Client) -> None:
    failing(1)
    page = administrator.get(INDEX).content.decode()
    assert "POP3 download: 1 account." in page
    for name in ("admin:webmail_download_changelist", "admin:webmail_download_add"):
        assert f'href="{reverse(name)}"' in page
    assert f'href="{reverse("admin:accounts_downloadrules_changelist")}"' in page


def test_a_failing_account_says_why_and_is_tried_again_from_here(administrator: Client) -> None:
    account = failing(1, failures=3)
    page = administrator.get(INDEX).content.decode()
    assert "The server &lt;b&gt;refused&lt;/b&gt; it." in page
    form = form_of(page, account)
    assert re.findall(r'value="(test|look_again|pause|resume)"', form) == ["test", "look_again", "pause"]
    target = re.search(r'action="([^"]+)"', form)
    assert target is not None
    posted = {"action": "look_again", "_selected_action": account.pk, "index": 0}
    answer = administrator.post(target[1], posted, follow=True)
    assert "The worker looks at them now." in answer.content.decode()
    assert (SyncState.objects.get().failures, Download.objects.get().failures) == (0, 0)


def test_an_account_that_gave_up_is_shown_until_it_is_resumed(administrator: Client) -> None:
    account = failing(1, failures=5)
    MailAccount.objects.update(paused=True)
    page = administrator.get(INDEX).content.decode()
    form = form_of(page, account)
    assert re.findall(r'value="(test|look_again|pause|resume)"', form) == ["test", "resume"]
    assert "1 paused" in page
    posted = {"action": "resume", "_selected_action": account.pk, "index": 0}
    administrator.post(reverse("admin:accounts_mailaccount_changelist"), posted)
    account.refresh_from_db()
    assert not account.paused
    assert "No account fails." in administrator.get(INDEX).content.decode()


def test_who_was_paused_on_purpose_does_not_fail(administrator: Client) -> None:
    failing(1, failures=0)
    MailAccount.objects.update(paused=True)
    assert "No account fails." in administrator.get(INDEX).content.decode()


def test_without_the_right_to_change_accounts_there_is_nothing_to_press(client: Client) -> None:
    failing(1)
    client.force_login(User.objects.create(username="watcher", is_staff=True))
    page = client.get(INDEX).content.decode()
    assert "old1@example.test" in page
    assert "_selected_action" not in page
    assert "POP3 download:" not in page


def test_the_page_costs_the_same_for_ten_rows_and_for_twenty(
    administrator: Client, django_assert_max_num_queries: Any
) -> None:
    def queries() -> int:
        with django_assert_max_num_queries(25) as caught:
            administrator.get(INDEX)
        return len(caught)

    for number in range(10):
        failing(number)
    before = queries()
    for number in range(10, 25):
        failing(number)
    # One more line says that there are more than are shown.
    assert queries() == before
    assert "5 more" in administrator.get(INDEX).content.decode()

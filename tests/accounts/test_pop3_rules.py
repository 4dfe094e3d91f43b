"""What the administrator sets for all POP3 downloads, and that everybody keeps to it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.admin_download import DownloadForm
from accounts.models import DownloadRules, MailAccount, User
from tests.servers.scripted_pop3 import ScriptedPop3
from webmail.errors import AskUser, Reason
from webmail.models import Download, SyncState
from webmail.pop3.importer import run_import

pytestmark = pytest.mark.django_db(transaction=True)
GENERAL = "/admin/accounts/downloadrules/1/change/"
ADD = "/settings/accounts/add/pop3/"
RULES: dict[str, Any] = {
    "people_add": "on",
    "largest_mb": 25,
    "least_minutes": 15,
    "every_minutes": 60,
    "policy": "after_days",
    "days": 30,
}


@pytest.fixture
def administrator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root", password="administrators-own"))
    return client


@pytest.fixture
def local(db: None) -> MailAccount:
    user = User.objects.create(username="ada")
    account = MailAccount.objects.create(
        user=user, kind="pop3", address="old@example.test", username="old", password="word"
    )
    SyncState.objects.create(account=account)
    Download.objects.create(account=account, host="pop.example.test", port=110, security="plain")
    return account


@pytest.fixture
def maildrop() -> Iterator[ScriptedPop3]:
    with ScriptedPop3([b"Subject: One\r\n\r\nHello.\r\n"]) as server:
        yield server


def test_general_is_one_page_with_one_row(administrator: Client) -> None:
    for _ in range(2):
        assert administrator.get(reverse("admin:accounts_downloadrules_changelist"))["Location"] == GENERAL
    page = administrator.get(GENERAL).content.decode()
    assert "Limits for all accounts" in page
    assert administrator.post(GENERAL, RULES).status_code == 302
    rules = DownloadRules.objects.get()
    assert (rules.people_add, rules.plain_text, rules.largest_octets) == (True, False, 25 * 1024 * 1024)
    assert (rules.least_minutes, rules.every_minutes, rules.policy, rules.days) == (15, 60, "after_days", 30)
    assert administrator.get("/admin/accounts/downloadrules/add/").status_code == 403
    assert administrator.post("/admin/accounts/downloadrules/1/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"every_minutes": 14},
        {"least_minutes": 0},
        {"largest_mb": 0},
        {"largest_mb": 1025},
        {"policy": "x"},
        {"days": 0},
    ],
)
def test_senseless_rules_are_refused(administrator: Client, wrong: dict[str, Any]) -> None:
    administrator.get(reverse("admin:accounts_downloadrules_changelist"))
    assert administrator.post(GENERAL, {**RULES, **wrong}).status_code == 200
    assert DownloadRules.objects.get().largest_mb == 1024


def test_only_administrators_with_the_right_change_them(client: Client, local: MailAccount) -> None:
    client.force_login(local.user)
    assert client.post(GENERAL, RULES).status_code == 302
    local.user.is_staff = True
    local.user.save()
    assert client.post(GENERAL, RULES).status_code == 403
    assert not DownloadRules.objects.exists()


def test_a_new_account_is_suggested_what_the_rules_say(client: Client, local: MailAccount) -> None:
    client.force_login(local.user)
    form = client.get(ADD).context["form"]
    assert [form[name].value() for name in ("policy", "days", "every_minutes")] == ["keep", 14, 10]
    assert "plain" not in dict(form.fields["pop_security"].choices)
    DownloadRules.objects.create(
        pk=1, plain_text=True, least_minutes=45, every_minutes=50, policy="after_days", days=30
    )
    form = client.get(ADD).context["form"]
    assert [form[name].value() for name in ("policy", "days", "every_minutes")] == ["after_days", 30, 50]
    assert [minutes for minutes, _ in form.fields["every_minutes"].choices] == [50, 60, 180, 720, 1440]
    assert "plain" in dict(form.fields["pop_security"].choices)
    assert "plain" not in dict(form.fields["smtp_security"].choices)


def test_where_people_may_not_add_them_the_page_says_so_and_takes_nothing(client: Client, local: MailAccount) -> None:
    DownloadRules.objects.create(pk=1, people_add=False)
    client.force_login(local.user)
    assert client.get(ADD).context["fixed"]
    entered = {
        "address": "new@example.test",
        "password": "given",
        "pop_host": "localhost",
        "pop_port": 9,
        "policy": "keep",
        "begin": "all",
        "every_minutes": 10,
    }
    answer = client.post(ADD, entered)
    assert answer.status_code == 422
    assert "Only the administrator of this site can add POP3 accounts." in answer.content.decode()
    assert MailAccount.objects.count() == 1


def test_without_tls_nothing_is_fetched_unless_the_rules_allow_it(local: MailAccount, maildrop: ScriptedPop3) -> None:
    download = local.download
    with pytest.raises(AskUser) as refused:
        run_import(download, lambda: False)
    assert refused.value.reason == Reason.NO_TLS
    assert maildrop.received == []
    DownloadRules.objects.create(pk=1, plain_text=True)
    Download.objects.update(host="localhost", port=maildrop.port, next_at=timezone.now())
    download.refresh_from_db()
    run_import(download, lambda: False)
    assert Download.objects.get().imported == 1


def test_nobody_is_asked_more_often_than_the_rules_allow(local: MailAccount, maildrop: ScriptedPop3) -> None:
    DownloadRules.objects.create(pk=1, plain_text=True, least_minutes=120)
    Download.objects.update(host="localhost", port=maildrop.port, every_minutes=10)
    run_import(Download.objects.get(), lambda: False)
    assert Download.objects.get().next_at > timezone.now() + timedelta(minutes=115)


def test_an_administrator_cannot_set_up_what_the_rules_forbid(db: None) -> None:
    data = {
        "host": "pop.example.test",
        "port": 110,
        "security": "plain",
        "policy": "keep",
        "days": 14,
        "every_minutes": 10,
        "next_at": "2026-01-01 00:00:00",
    }
    form = DownloadForm(data)
    assert "not allowed" in form.errors["security"][0]
    DownloadRules.objects.create(pk=1, plain_text=True, every_minutes=90)
    assert DownloadForm(data).errors == {}
    assert DownloadForm().fields["every_minutes"].initial == 90

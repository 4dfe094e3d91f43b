"""Adding accounts that download by POP3, at real and at scripted servers."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import MailAccount
from accounts.pop3 import ALREADY_HERE
from tests.accounts.pop3_forms import entered
from tests.servers.mailbox import Mailbox
from tests.servers.scripted_pop3 import ScriptedPop3
from webmail.models import Download

pytestmark = [pytest.mark.django_db, pytest.mark.mailserver]
LETTER = b"From: Bob <bob@example.test>\r\nSubject: Plans\r\nMessage-ID: <p@example.test>\r\n\r\nHello\r\n"


def test_an_account_is_added_with_all_that_belongs_to_it(
    signed_in: Client, account: MailAccount, mailbox: Mailbox
) -> None:
    mailbox.deliver(LETTER)
    data = entered(mailbox, name="Old one", folder_name="Old mail", tag="old", begin="30", every_minutes=60)
    response = signed_in.post(reverse("account-add-pop3"), data)
    added = MailAccount.objects.get(kind="pop3")
    assert response.headers["Location"] == reverse("account-edit", args=[added.pk])
    assert (added.user, added.name, added.username) == (account.user, "Old one", mailbox.address)
    assert (added.password.reveal(), added.signs_in, added.imap_host) == (mailbox.password, False, "")
    assert added.identities.get().is_default
    assert added.sync.due_at <= timezone.now()
    download = added.download
    assert (download.host, download.port, download.security) == ("localhost", mailbox.server.ports.pop3s, "tls")
    assert (download.policy, download.tag, download.every_minutes) == ("keep", "old", 60)
    assert download.since == timezone.localdate() - timedelta(days=30)
    assert download.folder is not None
    assert download.folder.name == "Old mail"
    assert download.folder.uidvalidity is not None
    assert {"INBOX", "Sent", "Drafts", "Trash", "Old mail"} <= set(added.folders.values_list("name", flat=True))
    page = signed_in.get(reverse("account-edit", args=[added.pk])).content.decode()
    assert "signed in at localhost, 1 message there" in page


def test_starttls_is_used_on_the_port_that_goes_with_it(signed_in: Client, mailbox: Mailbox) -> None:
    data = entered(mailbox, pop_security="starttls", pop_port=mailbox.server.ports.pop3)
    assert signed_in.post(reverse("account-add-pop3"), data).status_code == 302
    form = signed_in.get(reverse("account-add-pop3")).context["form"]
    assert form.fields["pop_port"].widget.attrs["placeholder"] == 995
    assert form.fields["pop_security"].widget.attrs["data-ports"].startswith("tls:995 starttls:110")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pop_host", "pop.example.test\r\nX: y"),
        ("pop_host", ""),
        ("pop_host", "h" * 300),
        ("pop_port", "70000"),
        ("pop_port", "0"),
        ("pop_port", "110 x"),
        ("pop_security", "plain"),
        ("username", "ada\r\nDELE 1"),
        ("username", "a" * 321),
        ("password", "secret\nDELE 1"),
        ("password", "p" * 1001),
        ("name", "Old\r\nmail"),
        ("name", "n" * 101),
        ("address", "ada@example.test\nBcc: all@example.test"),
        ("policy", "burn"),
        ("days", "0"),
        ("days", "100000"),
        ("begin", "yesterday"),
        ("tag", "two words"),
        ("tag", "\\Deleted"),
        ("tag", "t\r\nx"),
        ("tag", "t" * 51),
        ("every_minutes", "0"),
        ("folder_name", "a/b"),
        ("folder_name", "x\x00y"),
        ("folder_name", "f" * 201),
        ("folder_name", "Trash"),
        ("smtp_port", "-1"),
    ],
)
def test_what_cannot_be_is_said_at_its_field(signed_in: Client, mailbox: Mailbox, field: str, value: str) -> None:
    response = signed_in.post(reverse("account-add-pop3"), entered(mailbox, **{field: value}))
    assert response.status_code == 422
    assert field in response.context["form"].errors
    assert not Download.objects.exists()
    assert not MailAccount.objects.filter(kind="pop3").exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"policy": "delete"}, "understood"),
        ({"policy": "follow"}, "understood"),
        ({"policy": "after_days", "days": "", "understood": "on"}, "days"),
        ({"begin": "date", "since": ""}, "since"),
        ({"begin": "date", "since": "2999-01-01"}, "since"),
        ({"begin": "date", "since": "1066-01-01"}, "since"),
    ],
)
def test_choices_that_need_more_ask_for_it(
    signed_in: Client, mailbox: Mailbox, changes: dict[str, Any], field: str
) -> None:
    response = signed_in.post(reverse("account-add-pop3"), entered(mailbox, **changes))
    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"password": "wrong"}, "password"),
        ({"pop_port": 9}, "pop_port"),
        ({"pop_host": "nowhere.invalid"}, "pop_host"),
        ({"smtp_port": 9}, "smtp_port"),
    ],
)
def test_a_server_that_refuses_is_named_at_its_field_and_nothing_is_kept(
    signed_in: Client, mailbox: Mailbox, changes: dict[str, Any], field: str
) -> None:
    response = signed_in.post(reverse("account-add-pop3"), entered(mailbox, **changes))
    assert response.status_code == 422
    assert field in response.context["form"].errors
    assert not MailAccount.objects.filter(kind="pop3").exists()
    assert mailbox.password not in response.content.decode()


def test_a_failing_outgoing_server_can_be_left_for_later_without_the_password_again(
    signed_in: Client, mailbox: Mailbox
) -> None:
    url = reverse("account-add-pop3")
    data = entered(mailbox, smtp_port=9)
    assert signed_in.post(url, data).context["form"].password_accepted
    again = {**data, "password": "", "without_sending": "on"}
    elsewhere = {**again, "pop_host": "127.0.0.1"}
    assert "password" in signed_in.post(url, elsewhere).context["form"].errors
    signed_in.post(url, data)
    assert signed_in.post(url, again).status_code == 302
    assert MailAccount.objects.get(kind="pop3").password.reveal() == mailbox.password


def test_the_same_maildrop_is_not_added_twice(signed_in: Client, local: MailAccount, mailbox: Mailbox) -> None:
    response = signed_in.post(reverse("account-add-pop3"), entered(mailbox, username=mailbox.address))
    assert response.status_code == 422
    assert response.context["form"].errors["username"] == [ALREADY_HERE]
    assert Download.objects.count() == 1


def test_where_the_administrator_names_the_servers_nobody_adds_others(
    signed_in: Client, mailbox: Mailbox, settings: Any
) -> None:
    settings.ALLOW_ANY_SERVER = False
    page = signed_in.get(reverse("account-add-pop3")).content.decode()
    assert "Only the administrator" in page
    assert signed_in.post(reverse("account-add-pop3"), entered(mailbox)).status_code == 422
    assert not MailAccount.objects.filter(kind="pop3").exists()


def test_a_maildrop_in_use_is_added_and_waited_for(
    signed_in: Client, mailbox: Mailbox, scripted: Callable[..., ScriptedPop3]
) -> None:
    server = scripted(answers={"PASS": b"-ERR [IN-USE] another session\r\n"})
    data = entered(mailbox, pop_host=server.host, pop_port=server.port, pop_security="plain", username="ann")
    data["smtp_username"] = mailbox.address
    assert signed_in.post(reverse("account-add-pop3"), data).status_code == 302
    page = signed_in.get(reverse("settings-accounts")).content.decode()
    assert "Saved without a test" in page
    assert "in use by another program" in page


def test_servers_can_be_tried_before_anything_is_kept(signed_in: Client, mailbox: Mailbox) -> None:
    url, htmx = reverse("account-add-pop3"), {"HX-Request": "true"}
    data = {**entered(mailbox), "test": "1"}
    fragment = signed_in.post(url, data, headers=htmx).content.decode()
    assert "<html" not in fragment
    assert "signed in at localhost, no messages there" in fragment
    assert "Outgoing mail: signed in at localhost." in fragment
    assert mailbox.password not in fragment
    wrong = signed_in.post(url, {**data, "password": "wrong"}, headers=htmx).content.decode()
    assert wrong.count('class="bad"') == 2
    incomplete = signed_in.post(url, {**data, "pop_host": "", "tag": "two words"}, headers=htmx).content.decode()
    assert "Incoming server (POP3): Enter the name" in incomplete
    assert "A tag is one word" in incomplete
    assert not MailAccount.objects.filter(kind="pop3").exists()

    page = signed_in.post(url, data)
    assert page.context["form"].password_accepted
    assert "signed in at localhost" in page.content.decode()
    assert signed_in.post(url, entered(mailbox, password="")).status_code == 302
    assert MailAccount.objects.get(kind="pop3").password.reveal() == mailbox.password


def test_trying_servers_is_limited(signed_in: Client, mailbox: Mailbox, settings: Any) -> None:
    settings.SIGN_IN_ATTEMPTS = 1
    url, data = reverse("account-add-pop3"), {**entered(mailbox), "test": "1"}
    signed_in.post(url, data)
    assert b"too many attempts" in signed_in.post(url, data).content
    assert signed_in.post(url, entered(mailbox)).status_code == 429

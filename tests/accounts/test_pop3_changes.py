"""Changing, testing and removing accounts that download by POP3, at real and at scripted servers."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import MailAccount
from tests.accounts.pop3_forms import edited
from tests.servers.mailbox import Mailbox
from tests.servers.scripted_pop3 import ScriptedPop3
from webmail.models import Download, Folder, LedgerEntry, Maildrop, Message, StoredContent
from webmail.sync.local import LocalMailbox

pytestmark = [pytest.mark.django_db, pytest.mark.mailserver]
LETTER = b"From: Bob <bob@example.test>\r\nSubject: Plans\r\nMessage-ID: <p@example.test>\r\n\r\nHello\r\n"


def results(client: Client, account: MailAccount) -> str:
    url = reverse("account-test", args=[account.pk])
    return client.post(url, headers={"HX-Request": "true"}).content.decode()


def test_deleting_is_agreed_to_once(signed_in: Client, local: MailAccount, mailbox: Mailbox) -> None:
    url = reverse("account-edit", args=[local.pk])
    assert signed_in.post(url, edited(local, mailbox, policy="delete")).status_code == 422
    assert signed_in.post(url, edited(local, mailbox, policy="delete", understood="on")).status_code == 302
    assert signed_in.post(url, edited(local, mailbox, policy="delete", name="Old")).status_code == 302
    assert Download.objects.get().policy == "delete"
    assert signed_in.post(url, edited(local, mailbox, policy="follow")).status_code == 422


def test_fixed_servers_stay_as_they_are(signed_in: Client, local: MailAccount, mailbox: Mailbox, settings: Any) -> None:
    settings.ALLOW_ANY_SERVER = False
    data = edited(local, mailbox, pop_host="pop.other.example", pop_port=1, name="Old")
    assert signed_in.post(reverse("account-edit", args=[local.pk]), data).status_code == 302
    local.refresh_from_db()
    assert (local.name, local.download.host, local.download.port) == (
        "Old",
        "localhost",
        mailbox.server.ports.pop3s,
    )


def test_a_change_leaves_the_notes_of_a_run_under_way_alone(
    signed_in: Client, local: MailAccount, mailbox: Mailbox
) -> None:
    Download.objects.update(messages_done=7, imported=7)
    archive = Folder.objects.get(account=local, special_use="archive")
    data = edited(local, mailbox, folder=archive.pk, tag="old", every_minutes=60, policy="after_days", days=30)
    assert signed_in.post(reverse("account-edit", args=[local.pk]), {**data, "understood": "on"}).status_code == 302
    download = Download.objects.get()
    assert (download.folder, download.tag, download.every_minutes, download.days) == (archive, "old", 60, 30)
    assert (download.messages_done, download.imported) == (7, 7)
    local.refresh_from_db()
    assert local.password.reveal() == mailbox.password


def test_a_folder_of_somebody_else_cannot_be_chosen(
    signed_in: Client, local: MailAccount, mailbox: Mailbox, stranger: MailAccount
) -> None:
    theirs = Folder.objects.create(account=stranger, name="INBOX")
    response = signed_in.post(reverse("account-edit", args=[local.pk]), edited(local, mailbox, folder=theirs.pk))
    assert response.status_code == 422
    assert "folder" in response.context["form"].errors


def test_at_another_server_equal_ids_are_not_taken_for_the_same_message(
    signed_in: Client, local: MailAccount, mailbox: Mailbox
) -> None:
    for state in ("skipped", "have", "gone"):
        LedgerEntry.objects.create(account=local, uidl=state, size=1, state=state, fetched_at=timezone.now())
    Maildrop.objects.create(key="old place", account=local, token="t", until=timezone.now() + timedelta(minutes=3))
    url = reverse("account-edit", args=[local.pk])
    signed_in.post(url, edited(local, mailbox, name="Same place"))
    assert set(LedgerEntry.objects.values_list("uidl", flat=True)) == {"skipped", "have", "gone"}
    assert Maildrop.objects.exists()
    elsewhere = edited(local, mailbox, pop_host="127.0.0.1")
    refused = signed_in.post(url, elsewhere)
    assert refused.context["form"].errors["password"] == ["Enter the password for this server."]
    assert signed_in.post(url, {**elsewhere, "password": mailbox.password}).status_code == 302
    assert list(LedgerEntry.objects.values_list("uidl", "state").order_by("state")) == [("", "gone"), ("", "have")]
    assert not Maildrop.objects.exists()


def test_the_test_says_what_lies_there_and_what_works(signed_in: Client, local: MailAccount, mailbox: Mailbox) -> None:
    mailbox.deliver(LETTER)
    fragment = results(signed_in, local)
    assert "signed in at localhost, 1 message there" in fragment
    assert "Outgoing mail: signed in at localhost." in fragment
    assert "UIDL" not in fragment
    assert "<html" in signed_in.post(reverse("account-test", args=[local.pk])).content.decode()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"uidls": None, "capabilities": ["USER", "TOP"]}, "no UIDL"),
        ({"capabilities": ["USER", "UIDL"]}, "no TOP"),
        ({"capabilities": ["USER", "UIDL", "TOP", "EXPIRE 30"]}, "by itself after 30 days"),
        ({"capabilities": ["USER", "UIDL", "TOP", "EXPIRE 0"]}, "by itself once they have been fetched"),
        ({"uidls": None, "capabilities": None}, "no UIDL"),
    ],
)
def test_the_test_says_what_a_server_lacks(
    signed_in: Client, local: MailAccount, scripted: Any, options: dict[str, Any], said: str
) -> None:
    server = scripted([LETTER], **options)
    Download.objects.update(host=server.host, port=server.port, security="plain")
    assert said in results(signed_in, local)
    Download.objects.update(policy="delete")
    assert said not in results(signed_in, local)


def test_plain_text_is_refused_where_it_is_not_allowed(signed_in: Client, local: MailAccount) -> None:
    with ScriptedPop3() as server:
        Download.objects.update(host=server.host, port=server.port, security="plain")
        assert "without encryption" in results(signed_in, local)
        assert server.received == []


def test_a_pop3_account_opens_no_sign_in(signed_in: Client, account: MailAccount, local: MailAccount) -> None:
    signed_in.post(reverse("account-sign-in", args=[local.pk]))
    account.refresh_from_db()
    local.refresh_from_db()
    assert (account.signs_in, local.signs_in) == (True, False)
    page = signed_in.post(reverse("account-remove", args=[account.pk]))
    assert page.status_code == 409
    assert b"none of the others can be signed in with" in page.content


def test_removing_asks_what_becomes_of_the_mail(signed_in: Client, local: MailAccount) -> None:
    LocalMailbox(local).append("INBOX", LETTER)
    url = reverse("account-remove", args=[local.pk])
    assert b"1 message stored here: what becomes of it?" in signed_in.get(url).content
    assert signed_in.post(url).status_code == 422
    assert signed_in.post(url, {"mail": "burn"}).status_code == 422
    assert Message.objects.filter(account=local).count() == 1

    signed_in.post(url, {"mail": "keep"})
    assert not Download.objects.exists()
    assert Message.objects.filter(account=local).count() == 1
    page = signed_in.get(reverse("settings-accounts")).content.decode()
    assert "lives here only" in page

    signed_in.post(url, {"mail": "delete"})
    assert not MailAccount.objects.filter(pk=local.pk).exists()
    assert not StoredContent.objects.exists()


def test_a_download_can_be_set_up_again(signed_in: Client, local: MailAccount, mailbox: Mailbox) -> None:
    data = edited(local, mailbox)
    LedgerEntry.objects.create(account=local, uidl="u", size=1, fetched_at=timezone.now())
    Download.objects.all().delete()
    url = reverse("account-edit", args=[local.pk])
    assert signed_in.get(url).status_code == 200
    assert "nothing is downloaded" in results(signed_in, local)
    assert signed_in.post(url, data).status_code == 302
    assert Download.objects.get().account == local
    assert LedgerEntry.objects.count() == 1

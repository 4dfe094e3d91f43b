"""The pages about the person, at a real server where one is asked."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Identity, MailAccount, User
from accounts.register import add_account
from tests.accounts.conftest import found, typed
from tests.servers.mailbox import Mailbox
from webmail.models import SyncState

pytestmark = [pytest.mark.django_db, pytest.mark.mailserver]


def edited(mailbox: Mailbox, **changes: Any) -> dict[str, Any]:
    data = typed(mailbox, username=mailbox.address, password="", name="")
    del data["address"]
    return {**data, **changes}


@pytest.fixture
def second(mailbox: Mailbox, account: MailAccount) -> MailAccount:
    mailbox.server.add_user("second@example.test", "second-password")
    other = Mailbox(mailbox.server, "second@example.test", "second-password")
    return add_account(account.user, other.address, found(other), other.password)


def test_the_list_says_how_each_account_fares(signed_in: Client, account: MailAccount) -> None:
    SyncState.objects.filter(account=account).update(status="blocked", sentence="The server refused the password.")
    page = signed_in.get(reverse("settings-accounts")).content.decode()
    assert account.address in page
    assert "The server refused the password." in page


def test_the_list_costs_the_same_for_one_account_and_for_many(
    signed_in: Client, account: MailAccount, django_assert_max_num_queries: Any
) -> None:
    def queries() -> int:
        with django_assert_max_num_queries(20) as caught:
            signed_in.get(reverse("settings-accounts"))
            signed_in.get(reverse("settings-identities"))
        return len(caught)

    before = queries()
    for number in range(5):
        more = MailAccount.objects.create(user=account.user, address=f"a{number}@example.test", username=f"a{number}")
        Identity.objects.create(account=more, address=more.address)
        SyncState.objects.create(account=more)
    assert queries() == before


def test_a_further_account_can_be_added(signed_in: Client, account: MailAccount, mailbox: Mailbox) -> None:
    mailbox.server.add_user("further@example.test", "further-password")
    data = typed(mailbox, address="further@example.test", password="further-password")
    assert signed_in.post(reverse("account-add"), data).status_code == 302
    added = MailAccount.objects.get(address="further@example.test")
    assert added.user == account.user
    assert not added.signs_in
    assert added.sync.due_at is not None


def test_the_same_mailbox_is_not_added_twice(signed_in: Client, mailbox: Mailbox) -> None:
    response = signed_in.post(reverse("account-add"), typed(mailbox))
    assert response.status_code == 422
    assert b"already among your accounts" in response.content


def test_a_password_left_empty_stays_and_is_never_shown(
    signed_in: Client, account: MailAccount, mailbox: Mailbox
) -> None:
    url = reverse("account-edit", args=[account.pk])
    page = signed_in.get(url).content.decode()
    assert mailbox.password not in page
    assert account.password.token not in page
    assert signed_in.post(url, edited(mailbox, name="Work")).status_code == 302
    account.refresh_from_db()
    assert (account.name, account.password.reveal()) == ("Work", mailbox.password)


def test_a_wrong_new_password_is_not_saved(signed_in: Client, account: MailAccount, mailbox: Mailbox) -> None:
    response = signed_in.post(reverse("account-edit", args=[account.pk]), edited(mailbox, password="wrong"))
    assert response.status_code == 422
    assert "refused" in response.context["form"].errors["password"][0]
    account.refresh_from_db()
    assert account.password.reveal() == mailbox.password


def test_a_stored_password_is_shown_to_no_other_server(
    signed_in: Client, account: MailAccount, mailbox: Mailbox
) -> None:
    """Whoever finds a session open can read the mail, but not take the password along."""
    url = reverse("account-edit", args=[account.pk])
    for field, host in (("password", "imap_host"), ("smtp_password", "smtp_host")):
        for more in ({}, {"without_sending": "on"}):
            refused = signed_in.post(url, edited(mailbox, **{host: "127.0.0.1"}, **more))
            assert refused.status_code == 422
            assert refused.context["form"].errors[field] == ["Enter the password for this server."]
    elsewhere = edited(mailbox, imap_host="127.0.0.1", smtp_host="127.0.0.1", password=mailbox.password)
    assert signed_in.post(url, elsewhere).status_code == 302
    account.refresh_from_db()
    assert (account.imap_host, account.smtp_host) == ("127.0.0.1", "127.0.0.1")
    # Not in two steps either: an outgoing server with a password of its own has never seen that of the mailbox.
    apart = elsewhere | {"password": "", "smtp_host": "localhost", "without_sending": "on"}
    assert signed_in.post(url, apart | {"smtp_password": "x"}).status_code == 302
    refused = signed_in.post(url, apart | {"imap_host": "localhost"})
    assert refused.status_code == 422
    assert refused.context["form"].errors["password"] == ["Enter the password for this server."]


def test_a_failing_outgoing_server_can_be_saved_knowingly(
    signed_in: Client, account: MailAccount, mailbox: Mailbox
) -> None:
    url = reverse("account-edit", args=[account.pk])
    refused = signed_in.post(url, edited(mailbox, smtp_port=9))
    assert refused.status_code == 422
    assert b"Save although sending does not work" in refused.content
    assert signed_in.post(url, edited(mailbox, smtp_port=9, without_sending="on")).status_code == 302
    account.refresh_from_db()
    assert account.smtp_port == 9


def test_servers_set_by_the_administrator_cannot_be_changed(
    signed_in: Client, account: MailAccount, mailbox: Mailbox, preset: Any
) -> None:
    url = reverse("account-edit", args=[account.pk])
    assert signed_in.post(url, edited(mailbox, imap_host="imap.other.example", imap_port=1)).status_code == 302
    account.refresh_from_db()
    assert (account.imap_host, account.imap_port) == ("localhost", mailbox.server.ports.imaps)


def test_the_connection_test_says_a_line_for_each_server(
    signed_in: Client, account: MailAccount, mailbox: Mailbox
) -> None:
    MailAccount.objects.filter(pk=account.pk).update(smtp_port=9)
    url = reverse("account-test", args=[account.pk])
    fragment = signed_in.post(url, headers={"HX-Request": "true"}).content.decode()
    assert "Incoming mail: signed in at localhost." in fragment
    assert "<html" not in fragment
    assert 'class="bad"' in fragment
    assert "<html" in signed_in.post(url).content.decode()


def test_an_account_can_be_paused_and_goes_on(signed_in: Client, account: MailAccount) -> None:
    url = reverse("account-pause", args=[account.pk])
    signed_in.post(url)
    account.refresh_from_db()
    assert account.paused
    signed_in.post(url)
    account.refresh_from_db()
    assert not account.paused


def test_another_account_can_become_the_one_to_sign_in_with(
    signed_in: Client, client: Client, account: MailAccount, second: MailAccount, mailbox: Mailbox
) -> None:
    signed_in.post(reverse("account-sign-in", args=[second.pk]))
    account.refresh_from_db()
    second.refresh_from_db()
    assert (account.signs_in, second.signs_in) == (False, True)
    fresh = Client()
    data = typed(mailbox, address=second.address, password="second-password")
    fresh.post("/sign-in/", data)
    assert fresh.session["_auth_user_id"] == str(account.user_id)


def test_the_account_one_signs_in_with_is_not_removed_before_another_takes_over(
    signed_in: Client, account: MailAccount, second: MailAccount
) -> None:
    response = signed_in.post(reverse("account-remove", args=[account.pk]))
    assert response.status_code == 409
    assert MailAccount.objects.filter(pk=account.pk).exists()
    assert signed_in.post(reverse("account-remove", args=[second.pk])).status_code == 302
    assert not MailAccount.objects.filter(pk=second.pk).exists()


def test_the_only_account_takes_the_person_with_it(signed_in: Client, account: MailAccount) -> None:
    assert b"your settings go, too" in signed_in.get(reverse("account-remove", args=[account.pk])).content
    assert signed_in.post(reverse("account-remove", args=[account.pk])).headers["Location"] == "/sign-in/"
    assert not User.objects.exists()


def test_an_identity_keeps_a_cleaned_signature(signed_in: Client, account: MailAccount) -> None:
    identity = account.identities.get()
    url = reverse("identity-edit", args=[identity.pk])
    data = {
        "name": "Ada",
        "address": "ada@example.test",
        "reply_to": "",
        "signature": "<b>Ada</b><script>alert(1)</script><img src=x onerror=alert(1)>",
        "signature_format": "html",
    }
    assert signed_in.post(url, data).status_code == 302
    identity.refresh_from_db()
    assert "<b>Ada</b>" in identity.signature_html
    assert "script" not in identity.signature_html
    assert "onerror" not in identity.signature_html
    assert identity.is_default


def test_a_signature_written_as_text_stays_text(signed_in: Client, account: MailAccount) -> None:
    identity = account.identities.get()
    url = reverse("identity-edit", args=[identity.pk])
    data = {"address": account.address, "signature": "Ada <ada>\r\nEngines", "signature_format": "text"}
    signed_in.post(url, data)
    identity.refresh_from_db()
    assert "&lt;ada&gt;<br>Engines" in identity.signature_html
    assert "Ada &lt;ada&gt;\nEngines" in signed_in.get(url).content.decode()


def test_a_name_with_a_line_break_is_refused(signed_in: Client, account: MailAccount) -> None:
    url = reverse("identity-edit", args=[account.identities.get().pk])
    response = signed_in.post(url, {"name": "Ada\r\nBcc: all@example.test", "address": account.address})
    assert response.status_code == 422
    assert response.context["form"].errors["name"]


def test_there_is_one_default_identity_and_the_last_one_stays(signed_in: Client, account: MailAccount) -> None:
    first = account.identities.get()
    data = {"address": "alias@example.test", "is_default": "on"}
    signed_in.post(reverse("identity-add", args=[account.pk]), data)
    assert account.identities.get(is_default=True).address == "alias@example.test"
    signed_in.post(reverse("identity-remove", args=[account.identities.get(is_default=True).pk]))
    assert account.identities.get(is_default=True) == first
    signed_in.post(reverse("identity-remove", args=[first.pk]))
    assert account.identities.count() == 1


def test_the_look_is_kept(signed_in: Client, account: MailAccount) -> None:
    data = {"theme": "dark", "density": "compact", "time_zone": "Europe/Vienna"}
    assert signed_in.post(reverse("settings-appearance"), data).status_code == 302
    user = User.objects.get(pk=account.user_id)
    assert (user.theme, user.density, user.time_zone) == ("dark", "compact", "Europe/Vienna")
    bad = signed_in.post(reverse("settings-appearance"), {**data, "time_zone": "Mars/Base"})
    assert bad.status_code == 422


def test_signing_out_elsewhere_keeps_this_browser(signed_in: Client, account: MailAccount) -> None:
    elsewhere = Client()
    elsewhere.force_login(account.user)
    signed_in.post(reverse("settings-security"))
    assert elsewhere.get(reverse("settings-accounts")).status_code == 302
    assert signed_in.get(reverse("settings-accounts")).status_code == 200
    signed_in.post(reverse("settings-security"), {"here": "1"})
    assert signed_in.get(reverse("settings-accounts")).status_code == 302


OWN_PAGES = ["account-edit", "account-test", "account-pause", "account-sign-in", "account-remove", "identity-add"]
IDENTITY_PAGES = ["identity-edit", "identity-remove"]


@pytest.mark.parametrize("name", OWN_PAGES + IDENTITY_PAGES)
@pytest.mark.parametrize("method", ["get", "post"])
def test_what_is_somebody_elses_does_not_exist(
    signed_in: Client, stranger: MailAccount, name: str, method: str
) -> None:
    target = stranger.identities.get().pk if name in IDENTITY_PAGES else stranger.pk
    response = getattr(signed_in, method)(reverse(name, args=[target]))
    assert response.status_code in ({404} if method == "post" else {404, 405})
    stranger.refresh_from_db()
    assert not stranger.paused


@pytest.mark.parametrize("name", ["settings-accounts", "settings-identities", "settings-appearance", "account-add"])
def test_nobody_sees_settings_without_signing_in(client: Client, name: str) -> None:
    response = client.get(reverse(name))
    assert response.headers["Location"].startswith("/sign-in/?next=")

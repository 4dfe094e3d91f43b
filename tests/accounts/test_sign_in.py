"""Signing in against a real server."""

import logging
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import kept
from accounts.models import Identity, MailAccount, ProviderPreset, User
from tests.accounts.conftest import typed
from tests.servers.mailbox import Mailbox
from webmail.models import SyncState

pytestmark = [pytest.mark.django_db, pytest.mark.mailserver]
URL = "/sign-in/"


def errors(response: Any, field: str | None) -> str:
    form = response.context["form"]
    return " ".join(form.non_field_errors() if field is None else form.errors.get(field, []))


def test_a_first_sign_in_makes_a_person_with_an_account_an_identity_and_work_for_the_worker(
    client: Client, mailbox: Mailbox, preset: ProviderPreset
) -> None:
    response = client.post(URL, {"address": mailbox.address, "password": mailbox.password})

    assert response.status_code == 302
    account = MailAccount.objects.select_related("user").get()
    assert (account.address, account.username, account.signs_in) == (mailbox.address, mailbox.address, True)
    assert account.password.reveal() == mailbox.password
    assert mailbox.address not in account.user.username
    assert not account.user.has_usable_password()
    assert Identity.objects.get(account=account).is_default
    assert SyncState.objects.get(account=account).due_at <= timezone.now()
    assert client.session["_auth_user_id"] == str(account.user_id)


def test_the_password_is_sealed_in_the_database(client: Client, mailbox: Mailbox, preset: ProviderPreset) -> None:
    client.post(URL, {"address": mailbox.address, "password": mailbox.password})
    stored = MailAccount.objects.values_list("password", flat=True).get()
    assert mailbox.password not in stored.token
    assert mailbox.password not in repr(stored)


def test_servers_can_be_typed(client: Client, mailbox: Mailbox, trusted: Any) -> None:
    assert client.post(URL, typed(mailbox)).status_code == 302
    assert MailAccount.objects.get().imap_port == trusted.ports.imaps


def test_starttls_is_used_where_it_is_chosen(client: Client, mailbox: Mailbox, trusted: Any) -> None:
    data = typed(
        mailbox,
        imap_port=trusted.ports.imap,
        imap_security="starttls",
        smtp_port=trusted.ports.submission,
        smtp_security="starttls",
    )
    assert client.post(URL, data).status_code == 302


def test_a_second_sign_in_finds_the_same_person(client: Client, mailbox: Mailbox, account: MailAccount) -> None:
    assert client.post(URL, typed(mailbox)).status_code == 302
    assert User.objects.count() == 1
    assert client.session["_auth_user_id"] == str(account.user_id)


def test_this_device_remembers_typed_servers_but_no_password(client: Client, mailbox: Mailbox, trusted: Any) -> None:
    client.post(URL, typed(mailbox))
    assert mailbox.password not in client.cookies["servers"].value
    client.post("/sign-out/")
    response = client.post(URL, {"address": mailbox.address, "password": mailbox.password})
    assert response.status_code == 302
    assert User.objects.count() == 1


def test_a_forged_memory_is_not_believed(client: Client, mailbox: Mailbox, trusted: Any, monkeypatch: Any) -> None:
    client.cookies["servers"] = '{"x": 1}:forged:signature'
    monkeypatch.setattr("accounts.discovery.incoming_places", lambda domain: [("localhost", 9, "tls")])
    response = client.post(URL, {"address": mailbox.address, "password": mailbox.password})
    assert response.status_code == 422


def test_a_wrong_password_is_said_at_the_password_and_never_sent_back(
    client: Client, mailbox: Mailbox, preset: ProviderPreset
) -> None:
    preset.hint = "Use an app password."
    preset.save()
    response = client.post(URL, {"address": mailbox.address, "password": "wrong-secret-77"})
    assert response.status_code == 422
    assert "refused this user name and password" in errors(response, "password")
    assert "Use an app password." in errors(response, "password")
    assert b"wrong-secret-77" not in response.content
    assert mailbox.address.encode() in response.content
    assert not User.objects.exists()


def test_a_preset_wins_over_typed_servers_and_says_so(client: Client, mailbox: Mailbox, preset: ProviderPreset) -> None:
    data = typed(mailbox, imap_host="imap.attacker.invalid")
    response = client.post(URL, data)
    assert response.status_code == 302
    assert MailAccount.objects.get().imap_host == "localhost"
    said = [str(message) for message in response.wsgi_request._messages]  # type: ignore[attr-defined]
    assert any("yours were not used" in sentence for sentence in said)


def test_the_preset_for_everybody_serves_other_domains(
    client: Client, mailbox: Mailbox, preset: ProviderPreset
) -> None:
    preset.domain = "*"
    preset.username_template = "{local}@" + mailbox.server.domain
    preset.save()
    local = mailbox.address.partition("@")[0]
    response = client.post(URL, {"address": f"{local}@Company.Example", "password": mailbox.password})
    assert response.status_code == 302
    account = MailAccount.objects.get()
    assert (account.address, account.username) == (f"{local}@company.example", mailbox.address)


def test_only_preset_servers_are_used_where_others_are_not_allowed(
    client: Client, mailbox: Mailbox, trusted: Any, settings: Any
) -> None:
    settings.ALLOW_ANY_SERVER = False
    response = client.post(URL, typed(mailbox))
    assert response.status_code == 422
    assert "Ask the administrator" in errors(response, "address")
    assert b"imap_host" not in client.get(URL).content


def test_a_failing_outgoing_server_is_said_and_can_be_left_for_later(
    client: Client, mailbox: Mailbox, trusted: Any
) -> None:
    response = client.post(URL, typed(mailbox, smtp_password="not-this-one"))
    assert response.status_code == 422
    assert errors(response, "smtp_password")
    assert b"Continue without sending" in response.content
    assert not User.objects.exists()

    assert mailbox.password not in str(dict(client.session))
    again = client.post(URL, typed(mailbox, password="", without_sending="on"))
    assert again.status_code == 302
    account = MailAccount.objects.get()
    assert account.password.reveal() == mailbox.password
    assert "accepted_password" not in client.session


@pytest.mark.parametrize("changed", [{"imap_host": "127.0.0.1"}, {"smtp_host": "127.0.0.1"}, {"username": "me"}])
def test_an_accepted_password_is_kept_for_exactly_the_same_servers_only(
    client: Client, mailbox: Mailbox, trusted: Any, changed: dict[str, str]
) -> None:
    client.post(URL, typed(mailbox, smtp_port=9))
    response = client.post(URL, typed(mailbox, smtp_port=9, password="", **changed))
    assert "Enter your password." in errors(response, "password")


def test_an_accepted_password_is_forgotten_after_five_minutes(
    client: Client, mailbox: Mailbox, trusted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post(URL, typed(mailbox, smtp_port=9))
    later = kept.time.time() + kept.SECONDS + 1
    monkeypatch.setattr(kept.time, "time", lambda: later)
    response = client.post(URL, typed(mailbox, smtp_port=9, password="", without_sending="on"))
    assert "Enter your password." in errors(response, "password")


def test_the_session_key_changes_and_nothing_of_an_earlier_person_stays(
    client: Client, mailbox: Mailbox, preset: ProviderPreset
) -> None:
    session = client.session
    session["left"] = "behind"
    session.save()
    before = client.session.session_key
    client.post(URL, {"address": mailbox.address, "password": mailbox.password})
    assert client.session.session_key != before
    assert "left" not in client.session


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"]
)
def test_nobody_is_sent_to_another_site_afterwards(
    client: Client, mailbox: Mailbox, preset: ProviderPreset, target: str
) -> None:
    response = client.post(URL, {"address": mailbox.address, "password": mailbox.password, "next": target})
    assert response.headers["Location"] == "/"


def test_a_page_of_this_site_is_returned_to(client: Client, mailbox: Mailbox, preset: ProviderPreset) -> None:
    data = {"address": mailbox.address, "password": mailbox.password, "next": "/settings/accounts/"}
    assert client.post(URL, data).headers["Location"] == "/settings/accounts/"


def test_attempts_are_limited_per_address(
    client: Client, mailbox: Mailbox, preset: ProviderPreset, settings: Any
) -> None:
    settings.SIGN_IN_ATTEMPTS = 2
    for _ in range(2):
        assert client.post(URL, {"address": mailbox.address, "password": "wrong"}).status_code == 422
    limited = client.post(URL, {"address": mailbox.address.upper(), "password": mailbox.password})
    assert limited.status_code == 429
    assert "too many attempts" in errors(limited, None)
    elsewhere = client.post(URL, {"address": mailbox.address, "password": mailbox.password}, REMOTE_ADDR="192.0.2.7")
    assert elsewhere.status_code == 302


@pytest.mark.parametrize(
    "entered",
    [
        ("address", "a@b.c\r\nX: y"),
        ("password", "pass\r\nA1 LOGIN"),
        ("username", "me\r\nA1 LOGOUT"),
        ("smtp_username", "me\nRSET"),
        ("imap_host", "localhost\r\nfoo"),
        ("imap_host", "-bad-.example"),
        ("imap_host", "x" * 300),
        ("imap_port", "70000"),
        ("imap_port", "993; rm"),
        ("imap_security", "plain"),
        ("password", "p" * 1001),
        ("address", "a" * 400 + "@example.test"),
        ("address", "no address"),
        ("username", "u" * 321),
    ],
)
def test_nonsense_is_refused_at_its_field_before_any_server_is_asked(
    client: Client, mailbox: Mailbox, trusted: Any, monkeypatch: Any, entered: tuple[str, str]
) -> None:
    field, value = entered

    def unexpected(*_: Any, **__: Any) -> None:
        pytest.fail("a server was asked")

    monkeypatch.setattr("accounts.views.sessions.sign_in", unexpected)
    response = client.post(URL, typed(mailbox, **{field: value}))
    assert response.status_code == 422
    assert errors(response, field)


def test_no_password_is_logged(
    client: Client, mailbox: Mailbox, preset: ProviderPreset, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client.post(URL, {"address": mailbox.address, "password": "wrong-secret-88"})
    client.post(URL, {"address": mailbox.address, "password": mailbox.password})
    assert "wrong-secret-88" not in caplog.text
    assert mailbox.password not in caplog.text


def test_signing_out_needs_a_post(signed_in: Client) -> None:
    assert signed_in.get("/sign-out/").status_code == 405
    assert signed_in.post("/sign-out/").status_code == 302
    assert "_auth_user_id" not in signed_in.session

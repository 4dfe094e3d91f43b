"""The administrator sees what fails and why, pays no query per row, and never sees a secret."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Identity, MailAccount, ProviderPreset, User
from webmail.models import Conversation, Folder, Message, OutgoingMessage, PendingAction, SyncState

pytestmark = pytest.mark.django_db
LISTS = [
    "accounts_mailaccount",
    "accounts_user",
    "accounts_identity",
    "accounts_providerpreset",
    "webmail_syncstate",
    "webmail_folder",
    "webmail_message",
    "webmail_pendingaction",
    "webmail_outgoingmessage",
]


@pytest.fixture
def administrator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root", password="administrators-own"))
    return client


def somebody(number: int) -> MailAccount:
    user = User.objects.create(username=f"user-{number}", email=f"u{number}@example.test")
    account = MailAccount.objects.create(
        user=user,
        address=f"u{number}@example.test",
        imap_host="imap.example.test",
        smtp_host="smtp.example.test",
        username=f"u{number}",
        password="very-secret-mail-password",
        smtp_password="very-secret-smtp-password",
    )
    Identity.objects.create(
        account=account,
        address=account.address,
        smtp_host="own.example.test",
        smtp_password="very-secret-identity-password",
        signature_html="what the signature says",
    )
    SyncState.objects.create(
        account=account, status="blocked", reason="password", sentence="The server refused the password.", failures=3
    )
    folder = Folder.objects.create(account=account, name="INBOX", special_use="inbox")
    message = Message.objects.create(
        account=account,
        folder=folder,
        shown_in=folder,
        conversation=Conversation.objects.create(user=user),
        message_key=number,
        internaldate=timezone.now(),
        subject="what the mail says",
        preview="what the mail says",
    )
    PendingAction.objects.create(
        account=account, kind="store", flag="seen", source=folder, message=message, target=folder, attempts=4
    )
    OutgoingMessage.objects.create(user=user, account=account, state="queued", subject="what the mail says")
    return account


@pytest.mark.parametrize("name", LISTS)
def test_a_list_costs_the_same_for_ten_rows_and_for_twenty(
    administrator: Client, name: str, django_assert_max_num_queries: Any
) -> None:
    def queries() -> int:
        with django_assert_max_num_queries(25) as caught:
            assert administrator.get(reverse(f"admin:{name}_changelist")).status_code == 200
        return len(caught)

    for number in range(10):
        somebody(number)
    before = queries()
    for number in range(10, 20):
        somebody(number)
    assert queries() == before


def test_no_page_shows_a_password_or_its_sealed_form(administrator: Client) -> None:
    account = somebody(1)
    account.refresh_from_db()
    pages = [reverse(f"admin:{name}_changelist") for name in LISTS]
    pages += [
        reverse("admin:index"),
        reverse("admin:accounts_mailaccount_change", args=[account.pk]),
        reverse("admin:accounts_mailaccount_history", args=[account.pk]),
        reverse("admin:accounts_identity_change", args=[account.identities.get().pk]),
        reverse("admin:accounts_user_change", args=[account.user_id]),
        reverse("admin:webmail_syncstate_change", args=[account.pk]),
        reverse("admin:webmail_message_change", args=[account.messages.get().pk]),
        reverse("admin:webmail_outgoingmessage_change", args=[account.outgoing.get().pk]),
        reverse("admin:webmail_pendingaction_change", args=[account.pending_actions.get().pk]),
    ]
    for page in pages:
        html = administrator.get(page).content.decode()
        for secret in (
            "very-secret-mail-password",
            "very-secret-smtp-password",
            "very-secret-identity-password",
            "what the signature says",
            account.password.token,
            account.smtp_password.token,
            account.user.session_salt,
            "what the mail says",
        ):
            assert secret not in html, page


def test_the_first_page_says_which_accounts_fail_and_what_waits(
    administrator: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(3):
        somebody(number)
    with django_assert_max_num_queries(17):
        page = administrator.get(reverse("admin:index")).content.decode()
    assert "u1@example.test" in page
    assert "The server refused the password." in page
    assert "3 changes" in page
    assert "3 messages to be sent" in page


def change_data(account: MailAccount, **changes: Any) -> dict[str, Any]:
    names = (
        "address",
        "imap_host",
        "imap_port",
        "imap_security",
        "smtp_host",
        "smtp_port",
        "smtp_security",
        "username",
    )
    return {"user": account.user_id, "position": 0, **{name: getattr(account, name) for name in names}, **changes}


def test_an_empty_password_field_keeps_the_password_and_a_filled_one_replaces_it(administrator: Client) -> None:
    account = somebody(1)
    url = reverse("admin:accounts_mailaccount_change", args=[account.pk])
    assert administrator.post(url, change_data(account)).status_code == 302
    account.refresh_from_db()
    assert account.password.reveal() == "very-secret-mail-password"
    assert administrator.post(url, change_data(account, new_password="another-one")).status_code == 302
    account.refresh_from_db()
    assert account.password.reveal() == "another-one"
    assert account.smtp_password.reveal() == "very-secret-smtp-password"


def test_a_password_goes_to_no_other_server_than_it_was_entered_for(administrator: Client) -> None:
    account = somebody(1)
    url = reverse("admin:accounts_mailaccount_change", args=[account.pk])
    for changes in ({"imap_host": "imap.elsewhere.test"}, {"smtp_host": "smtp.elsewhere.test", "new_password": "x"}):
        answer = administrator.post(url, change_data(account, **changes))
        assert "never shown to another" in answer.content.decode()
    account.refresh_from_db()
    assert (account.imap_host, account.smtp_host) == ("imap.example.test", "smtp.example.test")
    data = change_data(account, imap_host="imap.elsewhere.test", new_password="fresh")
    assert administrator.post(url, data).status_code == 302
    account.refresh_from_db()
    assert (account.imap_host, account.password.reveal()) == ("imap.elsewhere.test", "fresh")
    MailAccount.objects.filter(pk=account.pk).update(smtp_host="")
    data = change_data(account, imap_host="imap.elsewhere.test")
    assert administrator.post(url, data).status_code == 200


def test_an_identity_keeps_its_password_and_shows_it_to_no_other_server(administrator: Client) -> None:
    account = somebody(1)
    identity = account.identities.get()
    url = reverse("admin:accounts_identity_change", args=[identity.pk])
    page = administrator.get(url).content.decode()
    assert "sealed" not in page
    data = {"name": "Ann", "address": identity.address, "position": 0, "smtp_host": identity.smtp_host}
    data |= {"smtp_port": 465, "smtp_security": "tls", "smtp_username": ""}
    assert administrator.post(url, data).status_code == 302
    identity.refresh_from_db()
    assert (identity.name, identity.smtp_password.reveal()) == ("Ann", "very-secret-identity-password")
    assert identity.signature_html == "what the signature says"
    assert administrator.post(url, {**data, "smtp_host": "elsewhere.test"}).status_code == 200
    assert administrator.post(url, {**data, "smtp_host": "elsewhere.test", "new_smtp_password": "x"}).status_code == 302
    identity.refresh_from_db()
    assert (identity.smtp_host, identity.smtp_password.reveal()) == ("elsewhere.test", "x")
    assert administrator.post(url, {**data, "smtp_host": ""}).status_code == 302
    identity.refresh_from_db()
    assert not identity.smtp_password


def test_an_account_stays_with_the_person_whose_mail_it_is(administrator: Client) -> None:
    account, root = somebody(1), User.objects.get(username="root")
    url = reverse("admin:accounts_mailaccount_change", args=[account.pk])
    assert administrator.post(url, change_data(account, user=root.pk)).status_code == 302
    identity = reverse("admin:accounts_identity_change", args=[account.identities.get().pk])
    administrator.post(identity, {"account": somebody(2).pk, "address": "x@example.test", "position": 0})
    account.refresh_from_db()
    assert account.user.username == "user-1"
    assert account.identities.count() == 1


def test_two_people_cannot_sign_in_with_the_same_mailbox(administrator: Client) -> None:
    first, second = somebody(1), somebody(2)
    for account, expected in ((first, 302), (second, 200)):
        url = reverse("admin:accounts_mailaccount_change", args=[account.pk])
        data = change_data(account, signs_in="on", username="U1", imap_host="IMAP.example.test")
        assert administrator.post(url, data).status_code == expected
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.signs_in, second.signs_in) == (True, False)


def test_an_account_can_be_made_for_somebody(administrator: Client) -> None:
    user = User.objects.create(username="new-one")
    data = {
        "kind": "imap",
        "download-TOTAL_FORMS": 0,
        "download-INITIAL_FORMS": 0,
        "user": user.pk,
        "address": "new@example.test",
        "username": "new@example.test",
        "imap_host": "imap.example.test",
        "imap_port": 993,
        "imap_security": "tls",
        "smtp_host": "",
        "smtp_port": 465,
        "smtp_security": "tls",
        "position": 0,
        "new_password": "given",
        "signs_in": "on",
    }
    assert administrator.post(reverse("admin:accounts_mailaccount_add"), data).status_code == 302
    account = MailAccount.objects.get(user=user)
    assert account.password.reveal() == "given"
    assert account.signs_in
    assert account.identities.get().is_default
    assert account.sync.due_at <= timezone.now()


@pytest.mark.parametrize(("action", "paused"), [("pause", True), ("resume", False)])
def test_accounts_can_be_paused_and_resumed(administrator: Client, action: str, paused: bool) -> None:
    account = somebody(1)
    MailAccount.objects.update(paused=not paused)
    url = reverse("admin:accounts_mailaccount_changelist")
    administrator.post(url, {"action": action, "_selected_action": [account.pk]})
    account.refresh_from_db()
    assert account.paused is paused


def test_the_test_action_says_what_each_server_answered(administrator: Client) -> None:
    account = somebody(1)
    MailAccount.objects.update(imap_host="localhost", imap_port=9, smtp_host="localhost", smtp_port=9)
    url = reverse("admin:accounts_mailaccount_changelist")
    response = administrator.post(url, {"action": "test", "_selected_action": [account.pk]}, follow=True)
    assert response.content.decode().count("localhost, port 9") >= 2


def test_a_waiting_action_is_tried_again_and_a_refused_one_is_left(administrator: Client) -> None:
    account = somebody(1)
    waiting = PendingAction.objects.get()
    refused = PendingAction.objects.create(account=account, kind="store", state="refused", error="no", attempts=1)
    url = reverse("admin:webmail_pendingaction_changelist")
    administrator.post(url, {"action": "retry", "_selected_action": [waiting.pk, refused.pk]})
    waiting.refresh_from_db()
    refused.refresh_from_db()
    assert (waiting.attempts, refused.error) == (0, "no")


def test_a_message_that_may_have_been_sent_is_not_sent_again_from_here(administrator: Client) -> None:
    account = somebody(1)
    unclear = OutgoingMessage.objects.create(user=account.user, account=account, state="unclear")
    url = reverse("admin:webmail_outgoingmessage_changelist")
    administrator.post(url, {"action": "send_now", "_selected_action": [unclear.pk]})
    unclear.refresh_from_db()
    assert (unclear.state, unclear.send_after) == ("unclear", None)


def test_attempts_at_the_administrators_form_are_limited(client: Client, settings: Any) -> None:
    settings.SIGN_IN_ATTEMPTS = 2
    User.objects.create_superuser("root", password="administrators-own")
    url = reverse("admin:login")
    for _ in range(2):
        assert client.post(url, {"username": "root", "password": "guess"}).status_code == 200
    assert b"too many attempts" in client.post(url, {"username": "root", "password": "administrators-own"}).content
    elsewhere = {"username": "root", "password": "administrators-own"}
    assert client.post(url, elsewhere, REMOTE_ADDR="192.0.2.9").status_code == 302


def test_staff_without_the_right_cannot_act(client: Client) -> None:
    somebody(1)
    client.force_login(User.objects.create_user("helper", password="x" * 12, is_staff=True))
    assert client.get(reverse("admin:accounts_mailaccount_changelist")).status_code == 403
    assert client.post(reverse("admin:webmail_pendingaction_changelist"), {"action": "retry"}).status_code == 403


def test_a_preset_is_stored_as_pages_look_it_up(administrator: Client) -> None:
    data = {
        "domain": " Example.ORG ",
        "imap_host": "IMAP.Example.org.",
        "imap_port": 993,
        "imap_security": "tls",
        "smtp_host": "smtp.example.org",
        "smtp_port": 465,
        "smtp_security": "tls",
        "username_template": "{address}",
    }
    assert administrator.post(reverse("admin:accounts_providerpreset_add"), data).status_code == 302
    preset = ProviderPreset.objects.get()
    assert (preset.domain, preset.imap_host) == ("example.org", "imap.example.org")

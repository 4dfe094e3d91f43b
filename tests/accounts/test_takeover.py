"""Nobody gets into somebody else's mail by way of a server of their own."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.edit import Changes, save, sign_in_with
from accounts.models import MailAccount, ProviderPreset, User, sign_in_key
from accounts.register import add_account
from accounts.servers import Typed, endpoint
from accounts.signin import Refused
from tests.accounts.conftest import found, typed
from tests.servers.mailbox import Mailbox
from webmail.models import SyncState

pytestmark = [pytest.mark.django_db, pytest.mark.mailserver]
URL = "/sign-in/"


@pytest.fixture
def attacker(mailbox: Mailbox) -> Mailbox:
    """A second mailbox on the private server, which the attacker knows the password of."""
    mailbox.server.add_user("attacker@example.test", "attackers-own")
    return Mailbox(mailbox.server, "attacker@example.test", "attackers-own")


def test_the_same_address_at_another_server_is_another_person(
    client: Client, mailbox: Mailbox, account: MailAccount, attacker: Mailbox
) -> None:
    data = typed(mailbox, imap_host="127.0.0.1", smtp_host="127.0.0.1", username=attacker.address)
    assert client.post(URL, {**data, "password": attacker.password}).status_code == 302
    assert client.session["_auth_user_id"] != str(account.user_id)


def test_a_server_on_another_port_of_the_host_cannot_vouch_for_somebody(
    client: Client, mailbox: Mailbox, trusted: Any, account: MailAccount
) -> None:
    """The account lives on another port than the one typed: who vouches there is not asked about it."""
    MailAccount.objects.filter(pk=account.pk).update(
        imap_port=993, sign_in_key=sign_in_key(endpoint("localhost", 993, "tls"), mailbox.address)
    )
    assert client.post(URL, typed(mailbox)).status_code == 302
    assert client.session["_auth_user_id"] != str(account.user_id)


def test_usual_ports_of_one_host_are_one_server_and_any_other_is_not() -> None:
    def key(port: int, security: str, username: str = "a@b") -> str:
        return sign_in_key(endpoint("imap.example.org", port, security), username)

    assert key(993, "tls") == key(143, "starttls") == key(993, "tls", "A@B")
    assert len({key(993, "tls"), key(9993, "tls"), key(143, "plain"), key(993, "tls", "c@b")}) == 4


def test_a_preset_that_moves_to_another_port_finds_the_same_people(
    client: Client, mailbox: Mailbox, preset: ProviderPreset
) -> None:
    ports = mailbox.server.ports
    data = {"address": mailbox.address, "password": mailbox.password}
    client.post(URL, data)
    before = client.session["_auth_user_id"]
    client.post("/sign-out/")
    ProviderPreset.objects.update(imap_port=ports.imap, imap_security="starttls")
    assert client.post(URL, data).status_code == 302
    assert client.session["_auth_user_id"] == before
    assert MailAccount.objects.get().imap_port == ports.imap


def test_a_shared_mailbox_opens_nobody_elses_mail(
    client: Client, mailbox: Mailbox, account: MailAccount, attacker: Mailbox
) -> None:
    """Who knows the password of a mailbox that another person has added does not become that person."""
    add_account(account.user, attacker.address, found(attacker), attacker.password)
    assert client.post(URL, typed(attacker)).status_code == 302
    assert client.session["_auth_user_id"] != str(account.user_id)


def test_nobody_can_pose_as_somebody_by_editing_their_own_account(
    mailbox: Mailbox, account: MailAccount, attacker: Mailbox
) -> None:
    own = add_account(User.objects.create(username="attacker"), attacker.address, found(attacker), attacker.password)
    with pytest.raises(Refused, match="refused this user name"):
        save(own, Changes("", Typed(own.imap_endpoint, own.smtp_endpoint, username=mailbox.address)))
    own.refresh_from_db()
    assert own.username == attacker.address


def test_nobody_can_claim_the_mailbox_that_somebody_signs_in_with(mailbox: Mailbox, account: MailAccount) -> None:
    second = add_account(User.objects.create(username="second"), mailbox.address, found(mailbox), mailbox.password)
    with pytest.raises(Refused, match="already signs in"):
        sign_in_with(second)
    account.refresh_from_db()
    assert account.signs_in


def test_the_known_server_is_asked_even_if_another_security_was_typed(
    client: Client, mailbox: Mailbox, account: MailAccount, settings: Any
) -> None:
    settings.ALLOW_PLAINTEXT = True
    data = typed(mailbox, imap_port=mailbox.server.ports.imap, imap_security="plain", smtp_security="tls")
    client.post(URL, data)
    assert client.session.get("_auth_user_id") != str(account.user_id)


def test_a_closed_account_stays_closed(client: Client, mailbox: Mailbox, account: MailAccount) -> None:
    User.objects.filter(pk=account.user_id).update(is_active=False)
    response = client.post(URL, typed(mailbox))
    assert response.status_code == 422
    assert b"closed by the administrator" in response.content


def test_a_password_changed_at_the_provider_is_kept_and_ends_older_sessions(
    client: Client, mailbox: Mailbox, account: MailAccount
) -> None:
    elsewhere = Client()
    elsewhere.force_login(account.user)
    SyncState.objects.filter(account=account).update(status="blocked", reason="password", sentence="refused")
    mailbox.server.add_user(mailbox.address, "brand-new-one")

    assert client.post(URL, typed(mailbox, password="brand-new-one")).status_code == 302

    account.refresh_from_db()
    assert account.password.reveal() == "brand-new-one"
    state = SyncState.objects.get(account=account)
    assert (state.reason, state.sentence) == ("", "")
    assert state.due_at <= timezone.now()
    assert elsewhere.get("/settings/accounts/").status_code == 302


class TestWithoutTheServer:
    @pytest.fixture(autouse=True)
    def unreachable(self, account: MailAccount) -> None:
        """The account's server is gone: nothing listens on the discard port."""
        MailAccount.objects.filter(pk=account.pk).update(
            imap_port=9, sign_in_key=sign_in_key(endpoint("localhost", 9, "tls"), account.username)
        )

    def test_the_password_that_was_accepted_last_opens_the_local_copy(
        self, client: Client, mailbox: Mailbox, account: MailAccount
    ) -> None:
        response = client.post(URL, typed(mailbox, imap_port=9))
        assert response.status_code == 302
        assert client.session["_auth_user_id"] == str(account.user_id)
        said = [str(message) for message in response.wsgi_request._messages]  # type: ignore[attr-defined]
        assert any("as it was when it was last fetched" in sentence for sentence in said)

    def test_another_password_does_not(self, client: Client, mailbox: Mailbox) -> None:
        assert client.post(URL, typed(mailbox, imap_port=9, password="guess")).status_code == 422

    def test_a_password_the_server_has_refused_since_does_not(
        self, client: Client, mailbox: Mailbox, account: MailAccount
    ) -> None:
        SyncState.objects.filter(account=account).update(status="blocked", reason="password")
        assert client.post(URL, typed(mailbox, imap_port=9)).status_code == 422

    def test_a_credential_sealed_with_a_lost_key_does_not(
        self, client: Client, mailbox: Mailbox, settings: Any
    ) -> None:
        settings.CREDENTIAL_KEYS = ["mxHo2vhRdMdXvlA8IvV3mOKxLhkMlSxvO0gxRrJb8yE="]
        assert client.post(URL, typed(mailbox, imap_port=9)).status_code == 422

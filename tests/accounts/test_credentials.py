"""Credentials at rest."""

from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from accounts.models import MailAccount, User
from accounts.sealed import CredentialsUnreadable

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> MailAccount:
    user = User.objects.create(username="somebody")
    return MailAccount.objects.create(
        user=user,
        address="a@example.test",
        imap_host="h",
        username="u",
        password="mail-pass",
        smtp_password="smtp-pass",
    )


def test_no_instance_holds_a_password_not_even_before_it_is_saved(account: MailAccount) -> None:
    account.password = "changed"
    assert "changed" not in repr(account.__dict__)
    assert account.password.reveal() == "changed"


def test_the_newest_key_seals_and_older_ones_still_open(account: MailAccount, settings: Any) -> None:
    old, new = settings.CREDENTIAL_KEYS[0], Fernet.generate_key().decode()
    settings.CREDENTIAL_KEYS = [new, old]
    account.refresh_from_db()
    assert account.password.reveal() == "mail-pass"

    call_command("rotatecredentials", verbosity=0)

    settings.CREDENTIAL_KEYS = [new]
    account.refresh_from_db()
    assert account.password.reveal() == "mail-pass"
    assert account.smtp_password.reveal() == "smtp-pass"
    settings.CREDENTIAL_KEYS = [old]
    with pytest.raises(CredentialsUnreadable):
        account.password.reveal()


def test_rotation_names_what_no_key_opens_and_goes_on(account: MailAccount, settings: Any) -> None:
    lost, new = settings.CREDENTIAL_KEYS[0], Fernet.generate_key().decode()
    settings.CREDENTIAL_KEYS = [new]
    other = MailAccount.objects.create(
        user=account.user, address="b@example.test", imap_host="h", username="v", password="other-pass"
    )
    with pytest.raises(CommandError, match=str(account.pk)):
        call_command("rotatecredentials")
    other.refresh_from_db()
    assert other.password.reveal() == "other-pass"
    settings.CREDENTIAL_KEYS = [lost]
    account.refresh_from_db()
    assert account.password.reveal() == "mail-pass"

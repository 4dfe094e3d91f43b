"""Somebody with a mailbox on the private server, before and after their first sign-in."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import Identity, MailAccount, ProviderPreset, User
from accounts.register import new_person
from accounts.servers import Found, Origin, endpoint
from tests.servers.mailbox import Mailbox
from tests.servers.scripted_pop3 import ScriptedPop3
from webmail.models import Download, Folder, SyncState
from webmail.sync.local import ensure_folders


@pytest.fixture(autouse=True)
def no_earlier_attempts() -> None:
    cache.clear()


@pytest.fixture
def trusted(dovecot: Any, settings: Any) -> Any:
    """The private server's authority is trusted."""
    settings.TRUSTED_CA_FILE = str(dovecot.ca_file)
    return dovecot


@pytest.fixture
def preset(trusted: Any, db: None) -> ProviderPreset:
    """The administrator has named the private server for its domain."""
    return ProviderPreset.objects.create(
        domain=trusted.domain,
        imap_host="localhost",
        imap_port=trusted.ports.imaps,
        imap_security="tls",
        smtp_host="localhost",
        smtp_port=trusted.ports.submissions,
        smtp_security="tls",
    )


def found(mailbox: Mailbox, **changes: Any) -> Found:
    server = mailbox.server
    values: dict[str, Any] = {
        "origin": Origin.TYPED,
        "imap": endpoint("localhost", server.ports.imaps, "tls"),
        "smtp": endpoint("localhost", server.ports.submissions, "tls"),
        "username": mailbox.address,
    }
    return Found(**{**values, **changes})


@pytest.fixture
def account(mailbox: Mailbox, trusted: Any, db: None) -> MailAccount:
    """Somebody who has signed in before."""
    return new_person(mailbox.address, found(mailbox), mailbox.password)


@pytest.fixture
def signed_in(client: Client, account: MailAccount) -> Client:
    client.force_login(account.user)
    return client


@pytest.fixture
def stranger(db: None) -> MailAccount:
    """Somebody else, with an account and an identity."""
    user = User.objects.create(username="stranger")
    other = MailAccount.objects.create(
        user=user, address="other@example.test", imap_host="localhost", smtp_host="localhost", username="other"
    )
    Identity.objects.create(account=other, address=other.address, is_default=True)
    return other


def typed(mailbox: Mailbox, **changes: Any) -> dict[str, Any]:
    """What a person enters who knows the servers."""
    return {
        "address": mailbox.address,
        "password": mailbox.password,
        "imap_host": "localhost",
        "imap_port": mailbox.server.ports.imaps,
        "imap_security": "tls",
        "smtp_host": "localhost",
        "smtp_port": mailbox.server.ports.submissions,
        "smtp_security": "tls",
        **changes,
    }


@pytest.fixture
def scripted(settings: Any) -> Iterator[Callable[..., ScriptedPop3]]:
    """Servers without TLS, so that has to be allowed."""
    settings.ALLOW_PLAINTEXT = True
    with ExitStack() as stack:
        yield lambda *arguments, **options: stack.enter_context(ScriptedPop3(*arguments, **options))


@pytest.fixture
def local(account: MailAccount, mailbox: Mailbox) -> MailAccount:
    """A POP3 account of the person who is signed in."""
    made = MailAccount.objects.create(
        user=account.user,
        kind=MailAccount.Kind.POP3,
        address="old@example.test",
        username=mailbox.address,
        password=mailbox.password,
        smtp_host="localhost",
        smtp_port=mailbox.server.ports.submissions,
    )
    SyncState.objects.create(account=made)
    ensure_folders(made)
    inbox = Folder.objects.get(account=made, special_use="inbox")
    Download.objects.create(account=made, host="localhost", port=mailbox.server.ports.pop3s, folder=inbox)
    return made

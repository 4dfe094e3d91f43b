"""A person whose account reads from the private Dovecot and hands in to the SMTP server that misbehaves as told."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.utils import timezone

from accounts.models import Identity, MailAccount, User
from tests.servers.mailbox import Mailbox
from tests.servers.smtp_sink import SmtpSink
from webmail.models import OutgoingMessage, SyncState
from webmail.outbox import drafts, queue

Write = Callable[..., OutgoingMessage]


@pytest.fixture
def account(db: None, smtp_sink: SmtpSink, settings: LazySettings) -> MailAccount:
    settings.TRUSTED_CA_FILE = str(smtp_sink.ca_file)
    user = User.objects.create(username="ada")
    account = MailAccount.objects.create(
        user=user,
        address="ada@example.test",
        username="ada@example.test",
        password="secret",
        imap_host="localhost",
        smtp_host="localhost",
        smtp_port=smtp_sink.port,
        smtp_security="starttls",
    )
    Identity.objects.create(account=account, name="Ada Love", address="ada@example.test", is_default=True)
    SyncState.objects.create(account=account)
    return account


@pytest.fixture
def reading(account: MailAccount, mailbox: Mailbox) -> MailAccount:
    """The account, with its mailbox on the Dovecot."""
    account.imap_host = "localhost"
    account.imap_port = mailbox.server.ports.imap
    account.imap_security = "plain"
    account.username = account.address = mailbox.address
    account.smtp_username = "ada@example.test"
    account.password = mailbox.password
    account.save()
    account.refresh_from_db()
    return account


@pytest.fixture
def write(account: MailAccount) -> Write:
    """A saved draft."""

    def new(**fields: object) -> OutgoingMessage:
        values = {"to": "bob@example.test", "subject": "Hello", "text": "Good morning", "plain": True} | fields
        draft = drafts.new_draft(account.user, account, drafts.Fields())
        return drafts.save_draft(draft, drafts.Fields(**values), draft.revision).outgoing  # type: ignore[arg-type]

    return new


def queued(outgoing: OutgoingMessage) -> OutgoingMessage:
    """Sent by the person, and the time to take it back is over."""
    queue.enqueue(outgoing, token=outgoing.token)
    due(outgoing)
    return outgoing


def due(outgoing: OutgoingMessage) -> None:
    OutgoingMessage.objects.filter(pk=outgoing.pk).update(send_after=timezone.now() - timedelta(seconds=1))
    outgoing.refresh_from_db()

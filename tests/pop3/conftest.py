"""Sessions on the private Dovecot and on scripted servers; whatever a test opens is closed in the end."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from accounts.models import MailAccount, User
from tests.servers.mailbox import Mailbox
from tests.servers.scripted_pop3 import ScriptedPop3
from webmail.imap.types import Endpoint
from webmail.models import Download, SyncState
from webmail.pop3.client import PopConnection
from webmail.sync.local import ensure_folders


class Opened(Protocol):
    def __call__(self, server: ScriptedPop3, **options: Any) -> PopConnection: ...


@pytest.fixture
def scripted() -> Iterator[Callable[..., ScriptedPop3]]:
    """Starts scripted servers; the arguments are those of ScriptedPop3."""
    with ExitStack() as stack:
        yield lambda *arguments, **options: stack.enter_context(ScriptedPop3(*arguments, **options))


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Signs in to a scripted server."""
    with ExitStack() as stack:

        def connection(server: ScriptedPop3, **options: Any) -> PopConnection:
            endpoint = Endpoint(server.host, server.port, "plain")
            made = PopConnection.open(endpoint, "ann", "word", **{"timeout": 5.0, **options})
            stack.callback(made.close)
            return made

        yield connection


@pytest.fixture
def connect(mailbox: Mailbox) -> Iterator[Callable[[], PopConnection]]:
    """Opens sessions on the mailbox over TLS."""
    endpoint = Endpoint(mailbox.host, mailbox.server.ports.pop3s, "tls", str(Path(mailbox.server.ca_file)))
    with ExitStack() as stack:

        def connection() -> PopConnection:
            made = PopConnection.open(endpoint, mailbox.address, mailbox.password, timeout=10.0)
            stack.callback(made.close)
            return made

        yield connection


@pytest.fixture
def pop3_account(db: None, settings: Any) -> Callable[..., Download]:
    """An account that downloads from a scripted server or from the private Dovecot; the rest are fields of Download."""

    def made(server: ScriptedPop3 | Mailbox, username: str = "ada", **fields: Any) -> Download:
        if isinstance(server, Mailbox):
            settings.TRUSTED_CA_FILE = str(server.server.ca_file)
            place = {"host": server.host, "port": server.server.ports.pop3s, "security": "tls"}
            address, password = server.address, server.password
        else:
            settings.ALLOW_PLAINTEXT = True
            place = {"host": server.host, "port": server.port, "security": "plain"}
            address, password = "ann", "word"
        account = MailAccount.objects.create(
            user=User.objects.get_or_create(username=username)[0],
            kind=MailAccount.Kind.POP3,
            address="ada@example.test",
            username=address,
            password=password,
            smtp_host="localhost",
        )
        SyncState.objects.create(account=account)
        ensure_folders(account)
        return Download.objects.create(account=account, **{**place, **fields})

    return made

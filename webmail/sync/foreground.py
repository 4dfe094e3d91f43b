"""Connections that answer a click: at most two per account, opened with the account's own credentials."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from accounts.models import MailAccount
from webmail.imap.connection import MailConnection
from webmail.imap.pool import ForegroundPool

from .local import AnyMailbox, LocalMailbox

_pool = ForegroundPool()


def open_connection(account: MailAccount, *, timeout: float = 30.0) -> MailConnection:
    return MailConnection.open(
        account.imap_endpoint, account.username, account.password.reveal(), timeout=timeout, connect_timeout=8.0
    )


@contextmanager
def connection(account: MailAccount) -> Iterator[AnyMailbox]:
    """Raise MailError. The connection is dropped when anything about it is in doubt."""
    if account.is_local:
        yield LocalMailbox(account)
        return
    with _pool.connection(_key(account), lambda: open_connection(account, timeout=20.0)) as conn:
        yield conn


def _key(account: MailAccount) -> tuple[object, ...]:
    """Whoever shares a connection shares the mailbox: person, server, name and secret are all part of the key."""
    secret = hashlib.blake2b(account.password.token.encode(), digest_size=16).hexdigest()
    return account.user_id, account.pk, account.imap_endpoint, account.username, secret

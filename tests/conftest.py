"""Fixtures that every stage shares: a private Dovecot, a fresh mailbox in it, a misbehaving SMTP server, Chromium."""

import os
import secrets
import shutil
from collections.abc import Iterator

import pytest

from tests.servers.mailbox import Mailbox, server_directory
from webmail.demo.dovecot import Dovecot, missing_parts

# Playwright's synchronous API keeps an event loop in the main thread; Django would refuse the ORM there.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """One private Dovecot per test process."""
    missing = missing_parts()
    if missing:
        pytest.fail("the tests need a mail server: apt-get install " + " ".join(missing), pytrace=False)
    directory = server_directory()
    server = Dovecot(directory)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def mailbox(dovecot: Dovecot) -> Mailbox:
    """A fresh user with empty folders."""
    address = f"user-{secrets.token_hex(4)}@{dovecot.domain}"
    password = secrets.token_urlsafe(9)
    dovecot.add_user(address, password)
    return Mailbox(dovecot, address, password)

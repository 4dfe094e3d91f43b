"""Fixtures that every stage shares: a private Dovecot, a fresh mailbox in it, a misbehaving SMTP server, Chromium."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as examples
from playwright.sync_api import expect

from tests.servers.live import Live, LiveMailbox
from tests.servers.mailbox import Mailbox, server_directory
from tests.servers.smtp_sink import SmtpSink
from webmail.demo.dovecot import Dovecot, missing_parts

# Playwright's synchronous API keeps an event loop in the main thread; Django would refuse the ORM there.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

# Elsewhere every run looks for new examples; the check of a commit has to say the same when it is repeated.
examples.register_profile("repeatable", derandomize=True)
if os.environ.get("CI"):
    examples.load_profile("repeatable")

# How long a page may take to show what it must show: a busy machine is no failure.
expect.set_options(timeout=15_000)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """What a process keeps by the numbers of rows and ports: in another test they are those of something else."""
    from webmail.outbox import place, smtp  # noqa: PLC0415 - the settings come first
    from webmail.pop3 import troubles  # noqa: PLC0415
    from webmail.sync import early, flags, stumbling  # noqa: PLC0415
    from webmail.transfer import carry  # noqa: PLC0415

    stumbling.forget()
    for kept in (early.texts._begun, flags._scanned, place._noted, troubles._known, carry._resting, smtp._one_by_one):
        kept.clear()


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


@pytest.fixture(scope="session")
def smtp_sink_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmtpSink]:
    sink = SmtpSink(tmp_path_factory.mktemp("smtp"))
    yield sink
    sink.stop()


@pytest.fixture
def smtp_sink(smtp_sink_server: SmtpSink) -> SmtpSink:
    """The misbehaving submission server, well-behaved until the test sets ``smtp_sink.script``."""
    smtp_sink_server.reset()
    return smtp_sink_server


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's Chromium, quiet: nothing but the page under test may reach the network."""
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        pytest.fail("the browser tests need Chromium: apt-get install chromium", pytrace=False)
    return {
        **browser_type_launch_args,
        "executable_path": executable,
        "args": [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ],
    }


@pytest.fixture(scope="session")
def live_product(dovecot: Dovecot) -> Iterator[Live]:
    """gunicorn and a worker, once per test process."""
    with tempfile.TemporaryDirectory(prefix="webmail-live-") as var:
        product = Live(Path(var), dovecot)
        product.start()
        yield product
        product.stop()


@pytest.fixture
def live(live_product: Live, mailbox: Mailbox) -> LiveMailbox:
    """``live.url`` is the product's address, ``live.mailbox`` a mailbox to sign in with."""
    return LiveMailbox(live_product, mailbox)


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in the same hook, and would find none yet
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All browser tests in one process: Chromium and the live product are started once, not once per process."""
    for item in items:
        if "browser" in item.keywords or "live" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("browser"))

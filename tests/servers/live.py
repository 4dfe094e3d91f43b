"""The whole product as it really runs: gunicorn and a worker process on a database file, beside the private Dovecot.

``python -m tests.servers.live`` (with the environment of ``Live``) prepares the database; ``Live`` calls it.
"""

import os
import secrets
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet

from tests.servers.mailbox import Mailbox
from webmail.demo.dovecot import Dovecot
from webmail.demo.supervisor import BASE_DIR, Supervisor, wait_until_healthy, web_child, worker_child

ADMINISTRATOR = "admin"
ADMINISTRATOR_PASSWORD = "an-admin-for-tests"
HEALTHY_SECONDS = 60.0


class Live:
    """``url`` ends without a slash. ``web_log`` and ``worker_log`` say what went wrong."""

    def __init__(self, var: Path, mailserver: Dovecot, extra: dict[str, str] | None = None) -> None:
        self.var = var
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self.web_log = var / "web.log"
        self.worker_log = var / "worker.log"
        self.environment = {
            "DJANGO_SETTINGS_MODULE": "tests.live_settings",
            "DJANGO_ALLOW_ASYNC_UNSAFE": "",
            "SECRET_KEY": secrets.token_urlsafe(50),
            "CREDENTIAL_KEYS": Fernet.generate_key().decode(),
            "DEBUG": "false",
            "SECURE": "false",
            "VAR_DIR": str(var),
            "STORAGE_DIR": str(var / "storage"),
            "DATABASE_URL": f"sqlite:///{var}/webmail.sqlite3",
            "ALLOWED_HOSTS": "localhost,127.0.0.1",
            "TRUSTED_CA_FILE": str(mailserver.ca_file),
            "SEND_UNDO_SECONDS": "2",
            "LOG_LEVEL": "INFO",
            "LIVE_DOMAIN": mailserver.domain,
            "LIVE_IMAPS_PORT": str(mailserver.ports.imaps),
            "LIVE_SUBMISSIONS_PORT": str(mailserver.ports.submissions),
            **(extra or {}),
        }
        self.web = web_child("127.0.0.1", self.port, self.environment, self.web_log)
        self.worker = worker_child(self.environment, self.worker_log)
        self._supervisor = Supervisor([self.web, self.worker], print)

    def start(self) -> None:
        subprocess.run(
            [sys.executable, "-m", "tests.servers.live"],
            check=True,
            cwd=BASE_DIR,
            env={**os.environ, **self.environment},
        )
        self._supervisor.start()
        if not wait_until_healthy("127.0.0.1", self.port, HEALTHY_SECONDS, lambda: self.web.running):
            self.stop()
            raise RuntimeError("the web server did not become ready:\n" + self.web_log.read_text()[-3000:])

    def stop(self) -> None:
        self._supervisor.stop()


@dataclass
class LiveMailbox:
    """The running product, and a fresh mailbox whose owner has not signed in yet."""

    product: Live
    mailbox: Mailbox

    @property
    def url(self) -> str:
        return self.product.url


def prepare() -> None:
    """Migrate, and register the preset of the private Dovecot and an administrator."""
    import django  # noqa: PLC0415 - only in the process that has the settings of the live product

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    from accounts.models import ProviderPreset, Security, User  # noqa: PLC0415

    call_command("migrate", interactive=False, verbosity=0)
    ProviderPreset.objects.create(
        domain=os.environ["LIVE_DOMAIN"],
        name="Test server",
        imap_host="localhost",
        imap_port=int(os.environ["LIVE_IMAPS_PORT"]),
        imap_security=Security.TLS,
        smtp_host="localhost",
        smtp_port=int(os.environ["LIVE_SUBMISSIONS_PORT"]),
        smtp_security=Security.TLS,
    )
    User.objects.create_superuser(ADMINISTRATOR, "", ADMINISTRATOR_PASSWORD)


if __name__ == "__main__":
    prepare()

"""Makes the demonstration usable: the mail server with its mailbox, the provider preset, a demo administrator."""

import hashlib
import shutil
import socket
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from accounts.models import MailAccount, ProviderPreset, Security, User
from webmail.demo.content.people import DOMAIN, OWNER, TEAM
from webmail.demo.dovecot import Dovecot, Ports
from webmail.demo.mailbox import sample_mailbox
from webmail.demo.maildir import write_maildir
from webmail.demo.secrets import DemoState
from webmail.demo.unprivileged import Unprivileged

ADMINISTRATOR = "admin"
COLLEAGUE = TEAM["mats"]


def mail_directory(var: Path) -> Path:
    """Where the demo mail lives: in ``var``, or below /var/lib when root's ``var`` is closed to other users.

    Dovecot refuses to read mail as root, so root's server runs as another user, who has to get there.
    """
    inside = var.resolve() / "mailserver"
    if Unprivileged().closed_parent(inside) is None:
        return inside
    mark = hashlib.sha256(str(inside).encode()).hexdigest()[:10]
    return Path("/var/lib") / f"webmail-demo-{mark}"


def _free(port: int, host: str) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def demo_server(directory: Path, state: DemoState, *, listen: str = "127.0.0.1", host: str = "localhost") -> Dovecot:
    """Start the demo mail server on the ports of the last run if they are free, and fill the mailbox the first time.

    Raises MailServerError when Dovecot is missing or does not start.
    """
    ports = {name: port if _free(port, listen) else 0 for name, port in state.ports().items()}
    server = Dovecot(directory, ports=Ports(**ports), listen=listen, domain=DOMAIN, names=(host,))
    server.start()
    state.set_ports(asdict(server.ports))
    for person in (OWNER, COLLEAGUE):
        server.add_user(person.address, state.password(person.address))
    if state.values.get("filled") != str(directory):
        fill(server, OWNER.address)
        state.values["filled"] = str(directory)
        state.save()
    return server


def fill(server: Dovecot, address: str) -> None:
    """Write the sample mailbox for ``address``."""
    maildir = server.directory / "sample"
    shutil.rmtree(maildir, ignore_errors=True)
    write_maildir(sample_mailbox(datetime.now(UTC)), maildir)
    server.import_maildir(address, maildir)
    shutil.rmtree(maildir)


def register_preset(server: Dovecot, host: str = "localhost") -> None:
    """Tell the product where the demo mailboxes are, and move existing demo accounts along with changed ports."""
    places = {
        "imap_host": host,
        "imap_port": server.ports.imaps,
        "imap_security": Security.TLS,
        "smtp_host": host,
        "smtp_port": server.ports.submissions,
        "smtp_security": Security.TLS,
    }
    ProviderPreset.objects.update_or_create(domain=DOMAIN, defaults={**places, "name": "Demo mail server"})
    MailAccount.objects.filter(address__iendswith=f"@{DOMAIN}").update(**places)


def register_administrator(state: DemoState) -> str:
    """Create the demo administrator once; returns the password, or an empty string if somebody changed it since."""
    password = state.password(ADMINISTRATOR)
    user, created = User.objects.get_or_create(
        username=ADMINISTRATOR, defaults={"is_staff": True, "is_superuser": True, "email": f"admin@{DOMAIN}"}
    )
    if created:
        user.set_password(password)
        user.save()
    return password if user.check_password(password) else ""

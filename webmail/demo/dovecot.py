"""A private Dovecot on loopback ports: IMAP, POP3, submission and LMTP, with its own users and its own authority.

It never reads /etc/dovecot and touches no system service. Every process runs as one unprivileged user: the caller's, or
``nobody`` when the caller is root. So the directory must be reachable for that user.
"""

import atexit
import os
import secrets
import shutil
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from webmail.demo.certificates import write_certificates
from webmail.demo.configuration import dovecot_configuration
from webmail.demo.relay import Relay
from webmail.demo.unprivileged import Unprivileged

PACKAGES = ("dovecot-imapd", "dovecot-pop3d", "dovecot-lmtpd", "dovecot-submissiond")
START_SECONDS = 10.0
STOP_SECONDS = 3.0
START_ATTEMPTS = 3
# A Unix socket's address holds 107 bytes; Dovecot's longest names below base_dir need about 40 of them.
LONGEST_RUN_DIRECTORY = 64


class MailServerError(Exception):
    """The private mail server cannot be started or used; the message says why in one line."""


@dataclass(frozen=True)
class Ports:
    """Port numbers; 0 means: take a free one."""

    imap: int = 0
    imaps: int = 0
    pop3: int = 0
    pop3s: int = 0
    submission: int = 0
    submissions: int = 0
    lmtp: int = 0
    relay: int = 0


def missing_parts() -> list[str]:
    """The Debian packages that have to be installed before a Dovecot can be started here."""
    libexec = Path("/usr/lib/dovecot")
    if _program("dovecot") is None:
        return list(PACKAGES)
    needed = {
        "dovecot-imapd": "imap",
        "dovecot-pop3d": "pop3",
        "dovecot-lmtpd": "lmtp",
        "dovecot-submissiond": "submission",
    }
    return [package for package, name in needed.items() if not (libexec / name).exists()]


def _program(name: str) -> str | None:
    # An ordinary user's PATH on Debian has no /usr/sbin.
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


class Dovecot:
    """One private instance under ``directory``. ``start`` it, ``add_user``, ``stop`` it.

    ``domain`` is where mail is local for the relay; all other recipients' copies are kept in ``outbound``.
    ``names`` are further names for the server certificate, ``listen`` the address all services listen on.
    """

    def __init__(
        self,
        directory: Path,
        *,
        ports: Ports | None = None,
        listen: str = "127.0.0.1",
        domain: str = "example.test",
        names: Iterable[str] = (),
        settings: str = "",
    ) -> None:
        self.directory = directory.resolve()
        self.wanted_ports = ports or Ports()
        self.ports = self.wanted_ports
        self.listen = listen
        self.host = "127.0.0.1" if listen in {"0.0.0.0", "127.0.0.1"} else listen  # noqa: S104 - compared, not bound
        self.domain = domain
        self.names = ("localhost", "127.0.0.1", *names)
        self.settings = settings
        self.outbound = self.directory / "outbound"
        self._user = Unprivileged()
        self._process: subprocess.Popen[bytes] | None = None
        self._relay: Relay | None = None
        self._run: Path | None = None

    @property
    def ca_file(self) -> Path:
        return self.directory / "tls" / "ca.pem"

    @property
    def configuration_file(self) -> Path:
        return self.directory / "dovecot.conf"

    @property
    def log_file(self) -> Path:
        return self.directory / "dovecot.log"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start and wait until every port answers; raises MailServerError."""
        missing = missing_parts()
        if missing:
            raise MailServerError("Dovecot is not installed here; needed: apt-get install " + " ".join(missing))
        self._prepare()
        for attempt in range(1, START_ATTEMPTS + 1):
            self.ports = self._choose_ports()
            try:
                self._launch()
            except (MailServerError, OSError) as error:
                self.stop()
                # Between choosing a free port and using it another process may have taken it.
                if attempt == START_ATTEMPTS or "in use" not in str(error):
                    raise MailServerError(str(error)) from error
            else:
                atexit.register(self.stop)
                return

    def stop(self) -> None:
        """Stop what start() started, and nothing else; harmless when nothing runs."""
        atexit.unregister(self.stop)
        if self._relay is not None:
            self._relay.stop()
            self._relay = None
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                # Its own session, so the group holds the master and its children only.
                os.killpg(process.pid, 9)
                process.wait(STOP_SECONDS)
        if self._run is not None and not self._run.is_relative_to(self.directory):
            shutil.rmtree(self._run, ignore_errors=True)
            self._run = None

    def add_user(self, address: str, password: str) -> None:
        """Add the user or change the password; takes effect at once, without a restart."""
        if any(character in address + password for character in ":\r\n\0/"):
            raise ValueError("an address or password that the password file cannot hold")
        path = self._password_file(address)
        known = path.exists()
        scratch = path.with_suffix(".new")
        scratch.touch(mode=0o600)
        scratch.write_text(
            f"{address.lower()}:{{PLAIN}}{password}::::::\n#{secrets.token_hex(secrets.randbelow(64))}\n"
        )
        self._user.own(scratch)
        scratch.replace(path)
        if known and self.running:
            self._wait_for_next_second()

    def remove_user(self, address: str) -> None:
        self._password_file(address).unlink(missing_ok=True)
        if self.running:
            self._wait_for_next_second()

    def _password_file(self, address: str) -> Path:
        return self.directory / "users" / address.lower()

    @staticmethod
    def _wait_for_next_second() -> None:
        # Dovecot looks at a password file it has open once per second of the clock, and not more often.
        time.sleep(1.05 - time.time() % 1)

    def doveadm(self, *arguments: str, content: bytes | None = None) -> str:
        """Run doveadm against this instance and return its output; raises MailServerError with its complaint."""
        program = _program("doveadm")
        if program is None:
            raise MailServerError("doveadm is not installed")
        done = subprocess.run(
            [program, "-c", str(self.configuration_file), *arguments],
            input=content,
            stdin=subprocess.DEVNULL if content is None else None,
            capture_output=True,
            check=False,
            cwd="/",
            **self._user.process(),
        )
        if done.returncode:
            raise MailServerError(f"doveadm {' '.join(arguments)}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode(errors="replace")

    def deliver(self, user: str, raw: bytes, folder: str = "INBOX") -> None:
        """Put a message into the user's mailbox: by LMTP as new mail, or saved straight into another folder."""
        if folder != "INBOX":
            self.doveadm("save", "-u", user, "-m", folder, content=raw)
            return
        with smtplib.LMTP("127.0.0.1", self.ports.lmtp, local_hostname="localhost", timeout=30) as client:
            client.sendmail("", [user], raw)

    def import_maildir(self, user: str, maildir: Path) -> None:
        """Copy every folder of a Maildir++ tree into the user's mailbox, with flags and dates."""
        self._user.own_tree(maildir)
        self.doveadm("import", "-u", user, f"maildir:{maildir}", "", "all")
        folders = self.doveadm("mailbox", "list", "-u", user).splitlines()
        self.doveadm("mailbox", "subscribe", "-u", user, *folders)

    def _prepare(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        if not (self.directory / "tls" / "server.key").exists():
            write_certificates(self.directory / "tls", self.names)
        for name in ("mail", "run", "state", "users"):
            (self.directory / name).mkdir(exist_ok=True)
        self._run = self.directory / "run"
        if len(str(self._run)) > LONGEST_RUN_DIRECTORY:
            self._run = Path(tempfile.mkdtemp(prefix="dovecot-"))
        self.log_file.touch()
        self._user.own_tree(self.directory / "tls", self._run, self.directory / "state")
        for path in (self.directory / "mail", self.directory / "users", self.log_file):
            self._user.own(path)
        if self._user.is_other:
            self.directory.chmod(0o755)
        closed = self._user.closed_parent(self.directory)
        if closed is not None:
            raise MailServerError(f"{closed} is closed to the user {self._user.name} that Dovecot runs as")

    def _choose_ports(self) -> Ports:
        held: list[socket.socket] = []
        try:
            chosen: dict[str, int] = {}
            for field in fields(Ports):
                port = getattr(self.wanted_ports, field.name)
                if not port:
                    holder = socket.socket()
                    holder.bind((self.host, 0))
                    held.append(holder)
                    port = holder.getsockname()[1]
                chosen[field.name] = port
        finally:
            for holder in held:
                holder.close()
        return Ports(**chosen)

    def _launch(self) -> None:
        program = _program("dovecot")
        if program is None or self._run is None:
            raise MailServerError("Dovecot is not installed")
        self.configuration_file.write_text(
            dovecot_configuration(
                directory=self.directory,
                run=self._run,
                listen=self.listen,
                ports={field.name: getattr(self.ports, field.name) for field in fields(Ports)},
                user=self._user.name,
                group=self._user.group,
                uid=self._user.uid,
                domain=self.domain,
            )
            + self.settings
        )
        self.configuration_file.chmod(0o644)
        self._relay = Relay(
            host="127.0.0.1",
            port=self.ports.relay,
            lmtp=("127.0.0.1", self.ports.lmtp),
            domain=self.domain,
            outbound=self.outbound,
        )
        self._relay.start()
        with (self.directory / "start.log").open("wb") as log:
            self._process = subprocess.Popen(
                [program, "-F", "-c", str(self.configuration_file)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                **self._user.process(),
            )
        for port in (self.ports.lmtp, self.ports.imap, self.ports.submission):
            self._wait_for(port)

    def _wait_for(self, port: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with socket.create_connection((self.host, port), timeout=START_SECONDS) as connection:
                    if connection.recv(1):
                        return
            except OSError:
                pass
            if not self.running or time.monotonic() > deadline:
                raise MailServerError(f"Dovecot did not start: {self._complaint()}")
            time.sleep(0.01)

    def _complaint(self) -> str:
        said = [*(self.directory / "start.log").read_text().splitlines(), *self.log_file.read_text().splitlines()]
        return " | ".join(said[-3:]) or "it said nothing"

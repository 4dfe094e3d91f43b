"""A private Cyrus on a loopback port: own configuration, own passwords, an unprivileged user; reads nothing of /etc."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

from tests.servers.unpacked import environment, free_port, unpacked_tree
from webmail.demo.unprivileged import Unprivileged

PROGRAM = "usr/lib/cyrus/bin/master"
START_SECONDS = 30.0
FOLDERS = ("Sent", "Drafts", "Trash", "Junk", "Archive")

_SETTINGS = """
configdirectory: {directory}/configuration
partition-default: {directory}/mail
defaultpartition: default
cyrus_user: {user}
cyrus_group: {group}
servername: localhost
sasl_pwcheck_method: saslauthd
sasl_saslauthd_path: {directory}/passwords
sasl_mech_list: PLAIN
allowplaintext: yes
virtdomains: userid
unixhierarchysep: yes
altnamespace: yes
idlesocket: {directory}/idle
tls_server_cert: disabled
autocreate_quota: 0
autocreate_inbox_folders: {folders}
autocreate_subscribe_folders: {folders}
{uses}
"""
_SERVICES = """
START {{
  recover cmd="{bin}/ctl_cyrusdb -C {settings} -r"
}}
SERVICES {{
  imap cmd="{bin}/imapd -C {settings}" listen="127.0.0.1:{port}" prefork=1 maxchild=60
}}
EVENTS {{
  checkpoint cmd="{bin}/ctl_cyrusdb -C {settings} -c" period=600
}}
DAEMON {{
  idled cmd="{bin}/idled -C {settings}"
}}
"""


class Cyrus:
    """``start()``, ``add_user()``, ``stop()``; ``directory`` must be reachable for the unprivileged user."""

    host = "127.0.0.1"

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = 0
        self._passwords: dict[str, str] = {}
        self._user = Unprivileged()
        self._process: subprocess.Popen[bytes] | None = None
        self._listener: socket.socket | None = None

    def start(self) -> None:
        """Start and wait for the first greeting."""
        tree = unpacked_tree(PROGRAM, self.directory)
        self._check_passwords()
        self.port = free_port()
        settings, services = self.directory / "imapd.conf", self.directory / "cyrus.conf"
        settings.write_text(
            _SETTINGS.format(
                directory=self.directory,
                user=self._user.name,
                group=self._user.group,
                folders=" | ".join(FOLDERS),
                uses="\n".join(f"xlist-{name.lower()}: {name}" for name in FOLDERS),
            )
        )
        services.write_text(_SERVICES.format(bin=(tree / PROGRAM).parent, settings=settings, port=self.port))
        for name in ("configuration", "mail"):
            (self.directory / name).mkdir()
        for name in ("db", "proc", "log", "user", "quota", "msg", "lock", "sync", "socket"):
            (self.directory / "configuration" / name).mkdir()
        self._user.own(self.directory)
        self._user.own_tree(self.directory / "configuration", self.directory / "mail")
        command = [str(tree / PROGRAM), "-D", "-C", str(settings), "-M", str(services)]
        with (self.directory / "start.log").open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "-p", str(self.directory / "master.pid")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=environment(tree),
                start_new_session=True,
                **self._user.process(),
            )
        self._wait()

    def stop(self) -> None:
        """End what start() started, and nothing else."""
        if self._process is not None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def add_user(self, address: str, password: str) -> None:
        """Cyrus makes the mailbox with its folders at the first sign-in."""
        self._passwords[address] = password

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), timeout=5) as attempt:
                if attempt.recv(1):
                    return
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Cyrus did not start: {(self.directory / 'start.log').read_text()[-500:]}")
            time.sleep(0.02)

    def _check_passwords(self) -> None:
        """The part of saslauthd: four strings with their lengths come in, OK or NO goes out."""
        path = self.directory / "passwords"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        path.chmod(0o777)
        self._listener.listen(50)
        threading.Thread(target=self._answer, args=(self._listener,), daemon=True).start()

    def _answer(self, listener: socket.socket) -> None:
        while True:
            try:
                asked, _ = listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), asked, asked.makefile("rb") as stream:
                name, password, _, realm = [
                    stream.read(int.from_bytes(stream.read(2), "big")).decode() for _ in range(4)
                ]
                whole = f"{name}@{realm}" if realm else name
                asked.sendall(b"\0\2OK" if self._passwords.get(whole) == password else b"\0\2NO")

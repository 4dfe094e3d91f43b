"""``manage.py start``: everything on this machine with one command, stopped with Ctrl+C."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from django.conf import settings
from django.core.management import call_command

from webmail.demo import furnish, provision
from webmail.demo.content.people import OWNER
from webmail.demo.dovecot import Dovecot, MailServerError
from webmail.demo.secrets import DemoState
from webmail.demo.supervisor import BASE_DIR, Supervisor, wait_until_healthy, web_child, worker_child

FIRST_PORT = 8000
PORT_TRIES = 50
HEALTHY_SECONDS = 40.0
TICK_SECONDS = 0.2
# They lie beside the sources of the pages' files and are of no use to a browser.
BUILD_FILES = ("build.mjs", "icons.txt")


class CannotStart(Exception):
    """The installation cannot be started; the message says what to do."""


def choose_port(host: str, wanted: str) -> int:
    """The wanted port, or the first free one from 8000 on; raises CannotStart."""
    candidates = [int(wanted)] if wanted else list(range(FIRST_PORT, FIRST_PORT + PORT_TRIES))
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in candidates:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise CannotStart(f"Port {candidates[0]} of {host} is taken; choose another with PORT=…")


def begin_collecting_static() -> subprocess.Popen[bytes] | None:
    """Run collectstatic beside other work when a static file or a dependency is newer than the collected manifest."""
    if settings.DEBUG:
        return None
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    collected = manifest.stat().st_mtime if manifest.exists() else 0.0
    sources = [path for top in settings.STATICFILES_DIRS for path in Path(top).rglob("*")]
    sources += settings.BASE_DIR.glob("requirements*.txt")
    if all(path.stat().st_mtime <= collected for path in sources):
        return None
    command = [sys.executable, str(BASE_DIR / "manage.py"), "collectstatic", "--noinput", "--verbosity", "0"]
    return subprocess.Popen([*command, *(f"--ignore={name}" for name in BUILD_FILES)], cwd=BASE_DIR)


class Launch:
    """One run of the whole installation."""

    def __init__(self, say: Callable[[str], None], *, demo: bool = True) -> None:
        self.say = say
        self.demo = demo
        self.stopping = threading.Event()
        self.host = os.environ.get("HOST") or "127.0.0.1"
        self.state = DemoState(Path(settings.VAR_DIR) / "demo.json")
        self.mailserver: Dovecot | None = None
        self.supervisor: Supervisor | None = None

    def run(self) -> None:
        """Start everything and stay until SIGINT or SIGTERM; raises CannotStart."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop_signal)
        try:
            self._start()
            while not self.stopping.wait(TICK_SECONDS):
                self._look_after()
        finally:
            self._stop()

    def _stop_signal(self, number: int, frame: FrameType | None) -> None:
        self.stopping.set()

    def _start(self) -> None:
        if not (settings.BASE_DIR / "static" / "dist" / "app.js").exists():
            raise CannotStart("The browser's files have not been built; run `make assets` first (or `make run`).")
        port = choose_port(self.host, os.environ.get("PORT", ""))
        Path(settings.VAR_DIR).mkdir(parents=True, exist_ok=True)
        call_command("migrate", interactive=False, verbosity=0)
        collecting = begin_collecting_static()
        environment = {
            "SECURE": os.environ.get("SECURE", "false"),
            "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
        }
        if self.demo:
            self._start_mailserver()
        if self.mailserver is not None:
            environment["TRUSTED_CA_FILE"] = os.environ.get("TRUSTED_CA_FILE") or str(self.mailserver.ca_file)
        if collecting is not None and collecting.wait():
            raise CannotStart("The static files could not be collected; the reason is above.")
        web = web_child(self.host, port, environment)
        self.supervisor = Supervisor([web, worker_child(environment)], self.say)
        self.supervisor.start()
        reachable = "127.0.0.1" if self.host == "0.0.0.0" else self.host  # noqa: S104 - compared, not bound
        if not wait_until_healthy(reachable, port, HEALTHY_SECONDS, lambda: web.running and not self.stopping.is_set()):
            if self.stopping.is_set():
                return
            raise CannotStart("The web server did not become ready; its messages are above.")
        self._announce(f"http://{'localhost' if reachable == '127.0.0.1' else reachable}:{port}/")

    def _start_mailserver(self) -> None:
        try:
            directory = provision.mail_directory(Path(settings.VAR_DIR))
            self.mailserver = provision.demo_server(directory, self.state)
            provision.register_preset(self.mailserver)
            furnish.register_owner(self.mailserver, self.state)
        except MailServerError as error:
            self.say(f"Without the demo mailbox: {error}")

    def _announce(self, url: str) -> None:
        self.say("")
        self.say(f"  {settings.PRODUCT_NAME} is running:  {url}")
        if self.mailserver is not None:
            self.say(f"  Demo mailbox:       {OWNER.address}  {self.state.password(OWNER.address)}")
        if self.demo:
            password = provision.register_administrator(self.state) or "(changed; see `manage.py changepassword admin`)"
            self.say(f"  Administrator:      {url}admin/  {provision.ADMINISTRATOR}  {password}")
        self.say("  Stop with Ctrl+C.")
        self.say("")

    def _look_after(self) -> None:
        if self.supervisor is not None:
            self.supervisor.tick()
        if self.mailserver is not None and not self.mailserver.running:
            self.say("The demo mail server stopped; starting it again")
            self.mailserver.stop()
            try:
                self.mailserver.start()
                provision.register_preset(self.mailserver)
            except MailServerError as error:
                self.say(f"Without the demo mailbox: {error}")
                self.mailserver = None

    def _stop(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if self.supervisor is not None:
            self.supervisor.stop()
        if self.mailserver is not None:
            self.mailserver.stop()

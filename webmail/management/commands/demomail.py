"""``manage.py demomail``: only the demo mail server, in the foreground; for docker-compose's ``demo`` profile."""

import signal
import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from webmail.demo import furnish, provision
from webmail.demo.content.people import OWNER
from webmail.demo.dovecot import MailServerError
from webmail.demo.secrets import DemoState


class Command(BaseCommand):
    help = "Run the demo mail server and register its provider preset."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--listen", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--host", default="localhost", help="name under which web and worker reach it")
        parser.add_argument("--directory", type=Path, default=Path(settings.VAR_DIR) / "mailserver")

    def handle(self, *args: Any, **options: Any) -> None:
        stopping = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopping.set())
        directory: Path = options["directory"]
        directory.mkdir(parents=True, exist_ok=True)
        state = DemoState(directory / "demo.json")
        try:
            server = provision.demo_server(directory, state, listen=options["listen"], host=options["host"])
        except MailServerError as error:
            raise CommandError(str(error)) from error
        try:
            provision.register_preset(server, options["host"])
            furnish.register_owner(server, state)
            self.stdout.write(f"Demo mailbox: {OWNER.address}  {state.password(OWNER.address)}")
            self.stdout.flush()
            while server.running and not stopping.wait(1):
                pass
        finally:
            server.stop()
        if not stopping.is_set():
            raise CommandError(f"Dovecot stopped by itself; see {server.log_file}")

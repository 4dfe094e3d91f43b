"""``manage.py start``: the whole installation on this machine, until Ctrl+C."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from webmail.demo.launch import CannotStart, Launch


class Command(BaseCommand):
    help = "Start web server, worker and the demo mail server; PORT, HOST and .env change what is used."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-demo", action="store_true", help="no demo mail server and no demo administrator")

    def handle(self, *args: Any, **options: Any) -> None:
        def say(line: str) -> None:
            self.stdout.write(line)
            self.stdout.flush()

        try:
            Launch(say, demo=not options["no_demo"]).run()
        except CannotStart as error:
            raise CommandError(str(error)) from error

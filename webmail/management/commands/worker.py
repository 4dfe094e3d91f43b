import logging
import os
import signal
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from webmail.worker import database
from webmail.worker.service import THREADS, Worker


class Command(BaseCommand):
    help = "Keeps the mirror of every account true: syncs, pushes what people did, sends what is queued."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--threads", type=int, default=THREADS, help="accounts looked at side by side")

    def handle(self, *args: Any, **options: Any) -> None:
        database.hold_little()
        worker = Worker(threads=options["threads"])

        def stop(number: int, frame: FrameType | None) -> None:
            worker.stop()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        worker.run()
        # A server that does not answer would hold the process for minutes. What it holds is as if it had been killed: the rows
        # say how far it came (faults F38, F52).
        logging.shutdown()
        os._exit(0)

"""POP3: how fast a maildrop comes in here, beside the standard library's client that only reads it message by message."""

import json
import os
import poplib
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path

from tests.bench import fill, letters
from tests.bench.fill import PASSWORD, WHILE_FILLING, Intake
from tests.bench.importing import Import, Memory
from tests.bench.latency import Distance
from tests.bench.letters import Letter, Writer
from tests.bench.timing import wait_until_quiet
from tests.servers.live import Live
from webmail.demo.dovecot import Dovecot
from webmail.demo.supervisor import BASE_DIR

REPEATED = 2000  # up to so many messages an import is over so soon that the median of three says more
PLAIN_SECONDS = 60.0
IMPORT_SECONDS = 900.0


@dataclass(frozen=True)
class Maildrop:
    """``largest``: octets of its largest message, 0 for letters of any kind and size."""

    messages: int
    largest: int = 0

    @property
    def user(self) -> str:
        return f"pop3-{self.messages}-{self.largest}@example.test"

    def letters(self) -> Iterator[Letter]:
        # Three of four letters are short ones, so twice as many are enough to choose from.
        written = Writer(f"maildrop-{self.messages}", self.user).letters(
            self.messages * 2 if self.largest else self.messages
        )
        return islice((one for one in written if not self.largest or len(one.raw) <= self.largest), self.messages)


@dataclass(frozen=True)
class Plain:
    """poplib: RETR after RETR, nothing kept. Signing in does not count."""

    seconds: float
    messages: int
    octets: int

    @property
    def rate(self) -> float:
        """Messages per second."""
        return self.messages / self.seconds


@dataclass(frozen=True)
class Fetched:
    """``ours`` is the import of median length."""

    ours: Import
    plain: Plain


def fill_maildrop(directory: Path, drop: Maildrop) -> None:
    """Unless it is there already. Raises MailServerError where Dovecot cannot run."""
    sources = (letters.__file__, fill.__file__, __file__)
    made_by = sha256(b"".join(Path(source).read_bytes() for source in sources)).hexdigest()[:12]
    stamp = directory / f"filled-{drop.user.partition('@')[0]}-{made_by}"
    if stamp.exists():
        return
    server = Dovecot(directory, settings=WHILE_FILLING)
    server.start()
    try:
        shutil.rmtree(server.directory / "mail" / drop.user, ignore_errors=True)
        server.add_user(drop.user, PASSWORD)
        intake = Intake(server.ports.imap, drop.user)
        octets = intake.take("INBOX", drop.letters())
        intake.close()
    finally:
        server.stop()
    stamp.touch()
    print(f"filled a maildrop of {drop.messages:,} messages, {octets / 1e6:,.1f} MB", flush=True)


def measure(directory: Path, drop: Maildrop, round_trips: list[int]) -> dict[int, Fetched]:
    """By milliseconds of round trip. Raises MailServerError where Dovecot cannot run."""
    fill_maildrop(directory, drop)
    found = {}
    server = Dovecot(directory)
    server.start()
    try:
        for round_trip in round_trips:
            distance = Distance(round_trip / 2, [server.ports.pop3s])
            try:
                port = distance.ports[server.ports.pop3s]
                wait_until_quiet()
                plain = read_plainly(port, drop, server.ca_file)
                runs = [import_once(server, port, drop) for _ in range(3 if drop.messages <= REPEATED else 1)]
            finally:
                distance.close()
            ours = sorted(runs, key=lambda one: one.seconds)[len(runs) // 2]
            found[round_trip] = Fetched(ours, plain)
            what = f"imported {ours.messages:,} of {drop.messages:,} messages at {round_trip} ms"
            print(f"{what} in {ours.seconds:.1f} s", file=sys.stderr, flush=True)
    finally:
        server.stop()
    return found


def read_plainly(port: int, drop: Maildrop, ca_file: Path) -> Plain:
    """The whole maildrop, or as much of it as a minute is enough for."""
    context = ssl.create_default_context(cafile=str(ca_file))
    client = poplib.POP3_SSL("127.0.0.1", port, context=context, timeout=60)
    client.user(drop.user)
    client.pass_(PASSWORD)
    messages = client.stat()[0]
    if messages != drop.messages:
        raise RuntimeError(f"the maildrop holds {messages} messages")
    count = octets = 0
    started = time.perf_counter()
    while count < messages and time.perf_counter() - started < PLAIN_SECONDS:
        count += 1
        octets += client.retr(count)[2]
    seconds = time.perf_counter() - started
    client.quit()
    return Plain(seconds, count, octets)


def import_once(server: Dovecot, port: int, drop: Maildrop, *, limit: float = IMPORT_SECONDS) -> Import:
    """On a database and a storage that are new. Raises RuntimeError with what the import's process said."""
    with tempfile.TemporaryDirectory(prefix="webmail-bench-") as var:
        settings = {"DJANGO_SETTINGS_MODULE": "webmail.settings", "LOG_LEVEL": "WARNING"}
        environment = {**os.environ, **Live(Path(var), server, settings).environment}
        arguments = [str(port), drop.user, str(drop.messages), "--limit", str(limit)]
        wait_until_quiet()
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.importing", *arguments],
            cwd=BASE_DIR,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"the import failed: {done.stderr[-2000:]}")
    values = json.loads(done.stdout)
    return Import(**{**values, "memory": [Memory(*one) for one in values["memory"]]})

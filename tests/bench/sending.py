"""Sending: how fast the worker empties its queue, beside smtplib that keeps no record of anything."""

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet

from tests.bench.latency import Distance
from tests.bench.report import NEAR, table
from tests.bench.timing import wait_until_quiet
from webmail.demo.supervisor import BASE_DIR

MESSAGES = 1000
FAR_MESSAGES = 100  # at a distance every round trip counts, and they count the same for each message
RUNS = 3
ON_PAR = 1.0


@dataclass(frozen=True)
class Sent:
    """``ours`` and ``plain`` are seconds, each the median of its runs."""

    messages: int
    octets: int
    ours: float
    plain: float

    @property
    def ratio(self) -> float:
        """Above 1: faster than smtplib."""
        return self.plain / self.ours


def measure(round_trips: list[int], messages: int = MESSAGES, runs: int = RUNS) -> dict[int, Sent]:
    """By milliseconds of round trip."""
    found = {}
    for round_trip in round_trips:
        count = messages if round_trip == NEAR else min(messages, FAR_MESSAGES)
        taken = sorted((send_once(round_trip, count) for _ in range(runs)), key=lambda one: one.ours)
        plain = sorted(one.plain for one in taken)[runs // 2]
        middle = taken[runs // 2]
        found[round_trip] = Sent(count, middle.octets, middle.ours, plain)
        print(f"sent {count:,} messages at {round_trip} ms in {middle.ours:.1f} s", file=sys.stderr, flush=True)
    return found


def send_once(round_trip: int, messages: int) -> Sent:
    """On a new database, to a new server. Raise RuntimeError if one message was lost or came twice."""
    with tempfile.TemporaryDirectory(prefix="webmail-bench-") as directory:
        var = Path(directory)
        sink = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.sink", directory],
            cwd=BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            if sink.stdout is None:
                raise RuntimeError("the SMTP server has no output")
            port = int(sink.stdout.readline())
            distance = Distance(round_trip / 2, [port])
            try:
                wait_until_quiet()
                done = subprocess.run(
                    [sys.executable, "-m", "tests.bench.handing_in", str(distance.ports[port]), str(messages)],
                    cwd=BASE_DIR,
                    env={**os.environ, **_environment(var)},
                    capture_output=True,
                    text=True,
                    check=False,
                )
            finally:
                distance.close()
            taken = int(sink.communicate(timeout=10)[0])
        finally:
            sink.kill()
    if done.returncode:
        raise RuntimeError(f"sending failed: {done.stderr[-2000:]}")
    if taken != 2 * messages:
        raise RuntimeError(f"{taken} messages came of {messages} sent twice")
    return Sent(**json.loads(done.stdout))


def _environment(var: Path) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "webmail.settings",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "CREDENTIAL_KEYS": Fernet.generate_key().decode(),
        "DEBUG": "false",
        "VAR_DIR": str(var),
        "STORAGE_DIR": str(var / "storage"),
        "DATABASE_URL": f"sqlite:///{var}/webmail.sqlite3",
        "TRUSTED_CA_FILE": str(var / "ca.pem"),
        "SEND_UNDO_SECONDS": "5",
        "LOG_LEVEL": "WARNING",
    }


def tables(found: Mapping[int, Sent]) -> str:
    head = ["", *(f"{round_trip} ms" for round_trip in found)]
    rows = [
        ["messages", *(f"{one.messages:,}" for one in found.values())],
        ["worker, messages/s", *(f"{one.messages / one.ours:,.0f}" for one in found.values())],
        ["smtplib, messages/s", *(f"{one.messages / one.plain:,.0f}" for one in found.values())],
        ["ratio", *(f"{one.ratio:.2f}" for one in found.values())],
        ["worker, ms a message", *(f"{one.ours / one.messages * 1000:.1f}" for one in found.values())],
        ["kB a message", *(f"{one.octets / one.messages / 1000:.1f}" for one in found.values())],
    ]
    return "\n".join(["### SMTP: a queue is sent\n", table(head, rows), "\n".join(goals(found)) + "\n"])


def goals(found: Mapping[int, Sent]) -> Iterator[str]:
    for round_trip, one in found.items():
        if round_trip != NEAR:
            verdict = "PASS" if one.ratio >= ON_PAR else "MISS"
            yield f"* {verdict} sending at {round_trip} ms : smtplib: {one.ratio:.2f} (wanted: at least {ON_PAR:g})"

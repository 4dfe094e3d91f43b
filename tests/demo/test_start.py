"""``manage.py start`` brings everything up, says where it is, and takes all of it down again."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.servers.mailbox import server_directory

pytestmark = [pytest.mark.mailserver, pytest.mark.xdist_group("browser")]
ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90


class Started:
    """The command in a process of its own; ``said`` fills while it runs."""

    def __init__(self, var: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
        environment = {**kept, "VAR_DIR": str(var), "STATIC_ROOT": str(var / "static"), "PORT": str(self.port)}
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "start"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said: list[str] = []
        self.ready = threading.Event()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.said.append(line)
            if "Stop with Ctrl+C" in line:
                self.ready.set()
        self.ready.set()

    @property
    def text(self) -> str:
        return "".join(self.said)

    def stop(self, number: signal.Signals) -> float:
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(20)
        return time.monotonic() - began


def children_of(parent: int) -> list[Path]:
    """/proc directories of the direct children (proc(5): the parent is the second field after the name)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[1] == str(parent):
            found.append(entry)
    return found


@pytest.fixture
def start() -> Iterator[Callable[[Path], Started]]:
    runs: list[Started] = []

    def begin(var: Path) -> Started:
        runs.append(Started(var))
        return runs[-1]

    yield begin
    for run in runs:
        if run.process.poll() is None:
            run.stop(signal.SIGTERM)


def test_it_starts_stops_within_five_seconds_and_remembers_its_passwords(start: Callable[[Path], Started]) -> None:
    var = server_directory()
    passwords = []
    for number in (signal.SIGINT, signal.SIGTERM):
        run = start(var)
        assert run.ready.wait(START_SECONDS), run.text
        assert f"http://localhost:{run.port}/" in run.text, run.text
        assert httpx.get(f"http://localhost:{run.port}/readyz").status_code == 200
        found = re.search(r"Demo mailbox: +(\S+)  (\S+)", run.text)
        assert found, run.text
        passwords.append(found.group(2))
        children = children_of(run.process.pid)
        assert len(children) >= 3
        assert run.stop(number) < 5
        assert run.process.returncode == 0
        assert not [pid for pid in children if pid.exists()]
    assert passwords[0] == passwords[1]
    assert (var / "secrets.env").stat().st_mode & 0o777 == 0o600
    shutil.rmtree(var, ignore_errors=True)

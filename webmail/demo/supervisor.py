"""Starts child processes, restarts the ones that crash, and stops them all in order."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent.parent
FIRST_DELAY = 1.0
LONGEST_DELAY = 30.0
# A child that ran this long was healthy: its next crash is a first one again.
STEADY_SECONDS = 60.0
STOP_SECONDS = 3.5
POLL_SECONDS = 0.05


@dataclass
class Child:
    """One process to keep alive."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    log: Path | None = None  # where its output goes; None: where ours goes
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    failures: int = 0
    retry_at: float | None = None

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        # A session of its own: Ctrl+C in the terminal reaches the supervisor only, which then stops in order.
        with contextlib.ExitStack() as stack:
            log = stack.enter_context(self.log.open("ab")) if self.log else None
            self.process = subprocess.Popen(
                list(self.command),
                cwd=BASE_DIR,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started_at = time.monotonic()
        self.retry_at = None


class Supervisor:
    """Keeps children running. ``say`` gets one line for every crash."""

    def __init__(self, children: Sequence[Child], say: Callable[[str], None]) -> None:
        self.children = list(children)
        self.say = say

    def start(self) -> None:
        for child in self.children:
            child.start()

    def tick(self) -> None:
        """Look after the children once; call it a few times a second."""
        now = time.monotonic()
        for child in self.children:
            if child.running:
                continue
            if child.retry_at is None:
                child.failures = 1 if now - child.started_at > STEADY_SECONDS else child.failures + 1
                delay = min(FIRST_DELAY * 2 ** (child.failures - 1), LONGEST_DELAY)
                child.retry_at = now + delay
                code = child.process.returncode if child.process else "?"
                self.say(f"{child.name} stopped (exit code {code}); starting it again in {delay:.0f} s")
            elif now >= child.retry_at:
                child.start()

    def stop(self) -> None:
        """Ask every child to end, last started first, and end those that do not within a few seconds."""
        running = [child.process for child in reversed(self.children) if child.process and child.running]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in running:
            try:
                process.wait(max(0.05, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def web_child(host: str, port: int, environment: Mapping[str, str], log: Path | None = None) -> Child:
    command = [sys.executable, "-m", "gunicorn", "webmail.asgi:application", "--worker-class", "asgi"]
    command += ["--bind", f"[{host}]:{port}" if ":" in host else f"{host}:{port}", "--workers", "1"]
    command += ["--asgi-lifespan", "off", "--no-control-socket", "--graceful-timeout", "2", "--log-level", "warning"]
    return Child("web", command, environment, log)


def worker_child(environment: Mapping[str, str], log: Path | None = None) -> Child:
    return Child("worker", [sys.executable, str(BASE_DIR / "manage.py"), "worker"], environment, log)


def wait_until_healthy(host: str, port: int, seconds: float, alive: Callable[[], bool]) -> bool:
    """Ask /healthz until it answers 200; False when time is up or ``alive`` turns false."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and alive():
        connection = http.client.HTTPConnection(host, port, timeout=5)
        try:
            connection.request("GET", "/healthz", headers={"Host": "localhost"})
            if connection.getresponse().status == http.HTTPStatus.OK:
                return True
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(POLL_SECONDS)
    return False

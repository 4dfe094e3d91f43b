"""Children are kept alive, and stopped in time."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from webmail.demo.supervisor import Child, Supervisor


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_a_crashed_child_is_started_again_with_a_longer_wait_each_time(tmp_path: Path) -> None:
    said: list[str] = []
    count = tmp_path / "count"
    child = Child("sloppy", python(f"open({str(count)!r}, 'a').write('x'); raise SystemExit(3)"))
    supervisor = Supervisor([child], said.append)
    supervisor.start()

    def three_starts() -> bool:
        supervisor.tick()
        return count.exists() and len(count.read_text()) == 3

    assert until(three_starts)
    supervisor.stop()
    assert said[:2] == [
        "sloppy stopped (exit code 3); starting it again in 1 s",
        "sloppy stopped (exit code 3); starting it again in 2 s",
    ]


def test_a_child_that_ignores_the_signal_is_ended_within_five_seconds(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    stubborn = (
        "import signal, time, pathlib; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        f"pathlib.Path({str(ready)!r}).touch(); time.sleep(60)"
    )
    child = Child("stubborn", python(stubborn))
    polite = Child("polite", python("import time; time.sleep(60)"))
    supervisor = Supervisor([child, polite], print)
    supervisor.start()
    assert until(ready.exists)
    began = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - began < 5
    assert not child.running
    assert not polite.running


def test_output_can_go_to_a_file(tmp_path: Path) -> None:
    child = Child("talker", python("import os; print(os.environ['GREETING'])"), {"GREETING": "hello"}, tmp_path / "log")
    child.start()
    assert until(lambda: not child.running)
    assert (tmp_path / "log").read_text() == "hello\n"

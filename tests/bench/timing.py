"""Repeats what is measured, when the machine is otherwise quiet, and sums the repetitions up."""

import math
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

WARM_UP = 3
BUSY = 0.25  # share of all processors that others may use while something is measured
PATIENCE = 10.0
SAMPLE = 0.25


@dataclass(frozen=True)
class Times:
    """Seconds of one operation, repeated."""

    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def p95(self) -> float:
        """Nearest rank: with fewer than 20 samples this is the slowest one."""
        return sorted(self.samples)[math.ceil(0.95 * len(self.samples)) - 1]


def repeat(operation: Callable[[int], float], repetitions: int, *, warm_up: int = WARM_UP) -> Times:
    """Call ``operation(number)`` for the seconds it measured itself; the first calls do not count."""
    wait_until_quiet()
    seconds = [operation(number) for number in range(warm_up + repetitions)]
    return Times(tuple(seconds[warm_up:]))


def wait_until_quiet(patience: float = PATIENCE) -> bool:
    """Wait until others leave the processors alone; False when they did not within ``patience`` seconds."""
    end = time.monotonic() + patience
    while True:
        busy = _busy_share()
        if busy <= BUSY:
            return True
        if time.monotonic() > end:
            return False


def _busy_share() -> float:
    before = _processor_ticks()
    time.sleep(SAMPLE)
    after = _processor_ticks()
    return 1 - (after[1] - before[1]) / max(1, after[0] - before[0])


def _processor_ticks() -> tuple[int, int]:
    """All ticks, and those in which nothing was to be done."""
    fields = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return sum(fields), fields[3] + fields[4]


def processor_seconds(pid: int) -> float:
    """CPU time of a process and its children that ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")

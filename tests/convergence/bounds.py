"""I7: what a run may use, however much broke in it."""

import gc
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.fault_proxy import FaultProxy

PARTIES, PARKED, FOREGROUND = 2, 1, 2  # people of a world, connections of each that are kept
MEMORY = 64 * 1024 * 1024  # octets that a run of some hundred operations may keep
SOME = 6  # threads and descriptors that come and go: the sweeper of the connections, the other client
TURN_SECONDS, ANSWER_SECONDS = 20.0, 5.0  # of processor time: other tests may be at work beside this one
WAITED_SECONDS = 60.0
PAGE = os.sysconf("SC_PAGE_SIZE")


class Bounds:
    """Begin when everything is loaded; ``check`` when everything has come to rest."""

    def __init__(self) -> None:
        self.slow: list[str] = []
        self.begin()

    def begin(self) -> None:
        self._memory, self._threads, self._descriptors = memory(), threading.active_count(), descriptors()

    @contextmanager
    def of(self, what: str, seconds: float) -> Iterator[None]:
        used, began = time.process_time(), time.monotonic()
        yield
        used, took = time.process_time() - used, time.monotonic() - began
        if used > seconds or took > WAITED_SECONDS:
            self.slow.append(f"{what} used {used:.1f} s and took {took:.1f} s")

    def check(self, proxy: FaultProxy) -> None:
        assert not self.slow, f"I7: {self.slow}"
        connected = proxy.connected
        assert connected <= PARTIES * (PARKED + FOREGROUND), f"I7: {connected} connections are open"
        # The proxy has two threads, and three descriptors in this process, for each connection.
        threads = threading.active_count() - 2 * connected
        assert threads <= self._threads + SOME, f"I7: threads: {[each.name for each in threading.enumerate()]}"
        opened = descriptors() - 3 * connected
        assert opened <= self._descriptors + SOME, f"I7: {opened} descriptors, {self._descriptors} at first"
        gc.collect()
        grown = memory() - self._memory
        assert grown < MEMORY, f"I7: {grown / 1e6:.0f} MB more than at first"


def memory() -> int:
    """Octets of this process that lie in memory, without what is mapped from files, as the database is."""
    resident, shared = Path("/proc/self/statm").read_text().split()[1:3]
    return (int(resident) - int(shared)) * PAGE


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))

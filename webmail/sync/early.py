"""Texts that are asked for while the page they will stand in is still being made, and taken by the request that shows them.

What runs here touches no database: a thread of its own would hold a connection to it. In another process, or where nobody
came in time, the text is asked for again.
"""

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor

AT_ONCE = 4
KEPT = 16
KEPT_SECONDS = 30.0

Sections = dict[str, bytes]


class Early:
    """What was asked for by key, each for one taker. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun: dict[Hashable, tuple[float, Future[Sections]]] = {}
        self._threads: ThreadPoolExecutor | None = None
        self._running = 0

    def begin(self, key: Hashable, fetch: Callable[[], Sections]) -> None:
        """Nothing where too much is under way: it can be asked for later."""
        with self._lock:
            self._forget_old()
            if self._running >= AT_ONCE or len(self._begun) >= KEPT or key in self._begun:
                return
            if self._threads is None:
                self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="early")
            self._running += 1
            self._begun[key] = time.monotonic(), self._threads.submit(self._run, fetch)

    def taken(self, key: Hashable) -> Sections | None:
        """Waits for what is under way, and raises what it raises; None where nothing is, or it failed long since."""
        with self._lock:
            _, found = self._begun.pop(key, (0.0, None))
        if found is None or (found.done() and found.exception() is not None):
            return None
        return found.result()

    def _run(self, fetch: Callable[[], Sections]) -> Sections:
        try:
            return fetch()
        finally:
            with self._lock:
                self._running -= 1

    def _forget_old(self) -> None:
        oldest = time.monotonic() - KEPT_SECONDS
        for key in [key for key, (since, _) in self._begun.items() if since < oldest]:
            del self._begun[key]


texts = Early()

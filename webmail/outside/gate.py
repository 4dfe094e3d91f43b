"""How many requests to foreign servers may be under way: they hold threads that pages need."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """Lets in ``most`` at a time, ``each`` of one person; nobody waits."""

    def __init__(self, most: int, each: int) -> None:
        self._lock = threading.Lock()
        self._most, self._each = most, each
        self._inside: Counter[int] = Counter()

    @contextmanager
    def entered(self, person: int) -> Iterator[bool]:
        """False when there is no room; True until the block ends."""
        with self._lock:
            room = self._inside.total() < self._most and self._inside[person] < self._each
            if room:
                self._inside[person] += 1
        try:
            yield room
        finally:
            if room:
                with self._lock:
                    self._inside[person] -= 1
                    if not self._inside[person]:
                        del self._inside[person]

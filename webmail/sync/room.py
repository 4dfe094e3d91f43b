"""Room for large messages: they are taken apart a few at a time, for what they need stands in memory (fault F51)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from webmail.errors import Reason, RetryLater

LARGE = 256 * 1024  # octets; what is smaller waits for nobody
AT_ONCE = 4
WAIT_SECONDS = 20.0
_BUSY = "Many large messages are being opened at this moment. Try again in a moment."
_places = threading.BoundedSemaphore(AT_ONCE)
_own = threading.local()


@contextmanager
def room(octets: int) -> Iterator[None]:
    """Hold one of the places of this process while so much is read; what is read inside of it needs no second one.

    Raise RetryLater(BUSY) when none gets free in time.
    """
    if octets < LARGE or getattr(_own, "held", False):
        yield
        return
    if not _places.acquire(timeout=WAIT_SECONDS):
        raise RetryLater(Reason.BUSY, _BUSY)
    _own.held = True
    try:
        yield
    finally:
        _own.held = False
        _places.release()

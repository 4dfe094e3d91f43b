"""What an answer need not wait for: what is kept for the next time is written once this answer is out."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

logger = logging.getLogger(__name__)

Work = Callable[[], None]
_put_off: ContextVar[list[Work] | None] = ContextVar("put_off", default=None)


@contextmanager
def put_off() -> Iterator[list[Work]]:
    """Inside of it ``do`` only notes; what was noted is the caller's, for :func:`settle`."""
    works: list[Work] = []
    token = _put_off.set(works)
    try:
        yield works
    finally:
        _put_off.reset(token)


def do(work: Work) -> None:
    """Now, where nobody put it off."""
    works = _put_off.get()
    if works is None:
        work()
    else:
        works.append(work)


def catch_up() -> None:
    """What was noted so far is done now: the caller reads it."""
    settle(_put_off.get() or [])


def settle(works: list[Work]) -> None:
    """Never raises: all of this can be made again."""
    while works:
        try:
            works.pop(0)()
        except Exception:
            logger.exception("something could not be kept for the next time")

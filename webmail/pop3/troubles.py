"""Messages over which the connection broke, or which the server puts off: they come last, and rest for hours in the end.

Known to this process alone: after a restart they are tried as often again, which costs a few visits and loses nothing.
"""

import time

from webmail.pop3.types import Listed

TRIES = 2
REST_SECONDS = 6 * 3600.0
MOST = 10_000
Key = tuple[int, str, int, int]
_known: dict[Key, tuple[int, float]] = {}


def note(account_id: int, each: Listed) -> bool:
    """Once more. True: from now on it is left alone for a while."""
    key = _key(account_id, each)
    count = times(account_id, each) + 1
    if key not in _known and len(_known) >= MOST:
        _known.pop(next(iter(_known)), None)
    _known[key] = count, time.monotonic() + REST_SECONDS
    return count >= TRIES


def forget(account_id: int, each: Listed) -> None:
    _known.pop(_key(account_id, each), None)


def times(account_id: int, each: Listed) -> int:
    return _known.get(_key(account_id, each), (0, 0.0))[0]


def rests(account_id: int, each: Listed) -> bool:
    count, until = _known.get(_key(account_id, each), (0, 0.0))
    return count >= TRIES and time.monotonic() < until


def _key(account_id: int, each: Listed) -> Key:
    alone = bool(each.uidl) and not each.duplicate
    return account_id, each.uidl, each.size, 0 if alone else each.number

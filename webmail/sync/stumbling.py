"""What a server stumbles over: a folder it cannot open, a message at which it breaks off (invariant I8).

Dovecot says ``NO [SERVERBUG]``, or ends the connection, whenever a damaged file is touched, and the next pass would touch it
again. So what failed several times in a row rests, for longer each time, and the rest of the account goes on without it.
Where many rows were asked for together, those that were asked for each time it broke are suspects, until one is left.
Kept by the process: a worker that starts anew tries everything once more.
"""

import time
from collections.abc import Collection
from typing import Literal

from webmail.errors import Reason, RetryLater

from .local import AnyMailbox

AT_ONCE = 3  # tries that follow each other; what fails as often is left alone for a while
REST_SECONDS, LONGEST_REST = 60.0, 3600.0
MOST_KEPT = 10_000
What = Literal["folder", "text"]

ALONE = 2  # breaks at one message that was asked for alone
_UNKNOWN = frozenset({0})

_tries: dict[tuple[What, int], tuple[int, float]] = {}
_suspects: dict[int, tuple[frozenset[int], int]] = {}


def concerns_one(problem: RetryLater, connection: AnyMailbox) -> bool:
    """Whether the server refused one command with an error of its own and went on listening."""
    return problem.reason == Reason.BUSY and not connection.broken


def over(what: What, pk: int) -> int:
    """It failed again; return how often it has in a row."""
    if len(_tries) >= MOST_KEPT:
        _tries.clear()
    count = tries(what, pk) + 1
    rest = min(LONGEST_REST, REST_SECONDS * 2 ** min(count - AT_ONCE, 10)) if count >= AT_ONCE else 0.0
    _tries[what, pk] = count, time.monotonic() + rest
    return count


def tries(what: What, pk: int) -> int:
    return _tries.get((what, pk), (0, 0.0))[0]


def rests(what: What, pk: int) -> bool:
    """Whether it is left alone at the moment."""
    count, until = _tries.get((what, pk), (0, 0.0))
    return count >= AT_ONCE and time.monotonic() < until


def passed(what: What, pk: int) -> None:
    """It went well."""
    if _tries:
        _tries.pop((what, pk), None)


def broke_at(folder_pk: int, uids: Collection[int]) -> None:
    """The connection broke while these rows of the folder were waited for; with none, nobody knows which."""
    if len(_suspects) >= MOST_KEPT:
        _suspects.clear()
    before, times = _suspects.get(folder_pk, (_UNKNOWN, 0))
    found = before & set(uids) or frozenset(uids) or _UNKNOWN
    _suspects[folder_pk] = found, times + 1 if len(uids) == 1 else 0


def came(folder_pk: int, uids: Collection[int]) -> None:
    """These rows are here."""
    if folder_pk in _suspects:
        left = _suspects[folder_pk][0] - set(uids) - _UNKNOWN
        if left:
            _suspects[folder_pk] = left, 0
        else:
            del _suspects[folder_pk]


def suspects(folder_pk: int) -> frozenset[int]:
    return _suspects.get(folder_pk, (frozenset(), 0))[0]


def culprit(folder_pk: int) -> int | None:
    """The uid at which the server breaks off for certain."""
    found, times = _suspects.get(folder_pk, (frozenset(), 0))
    return min(found) if times >= ALONE else None


def forget() -> None:
    _tries.clear()
    _suspects.clear()

"""The order of the index: one number that holds the person, the second, and what tells messages of a second apart.

Both databases walk such numbers downwards, so the newest hits of one person come first without sorting, and no other
person's numbers lie in between.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime

TIE_BITS, SECOND_BITS = 8, 32
PERSON_BITS = 63 - SECOND_BITS - TIE_BITS
_PERSON_SHIFT = SECOND_BITS + TIE_BITS
# Where a second is full its messages spill over into the next ones: as many as a mailbox without dates may need.
_WINDOWS = tuple(1 << bits for bits in (TIE_BITS, 12, 16, 20, 24))
SPILL = _WINDOWS[-1]
LAST_SECOND = (1 << SECOND_BITS) - 1 - (SPILL >> TIE_BITS)
_ATTEMPTS = 60
_STRIDE = 2_654_435_761  # odd, so that neighbouring keys are spread over a window without meeting


def span(user_id: int) -> tuple[int, int]:
    """The first number of a person, and the first beyond."""
    if not 0 <= user_id < 1 << PERSON_BITS:
        raise ValueError("a person outside of the index")
    return user_id << _PERSON_SHIFT, (user_id + 1) << _PERSON_SHIFT


def at(user_id: int, moment: datetime) -> int:
    """The first number of this second."""
    second = min(max(int(moment.timestamp()), 0), LAST_SECOND)
    return span(user_id)[0] | second << TIE_BITS


def fits(number: int, user_id: int, moment: datetime) -> bool:
    """Whether a message of this time can stand under this number."""
    return 0 <= number - at(user_id, moment) < SPILL


def assign(wanted: Iterable[tuple[int, int, datetime]], taken: Callable[[Collection[int]], set[int]]) -> dict[int, int]:
    """A free number for each (message, person, time); ``taken`` tells which of some numbers are in use already."""
    found: dict[int, int] = {}
    waiting = [(message_id, at(user_id, moment)) for message_id, user_id, moment in wanted]
    used: set[int] = set()
    for attempt in range(_ATTEMPTS):
        if not waiting:
            break
        window = _WINDOWS[min(attempt, len(_WINDOWS) - 1)]
        proposed = {
            message_id: first + (message_id * (_STRIDE if attempt else 1) + attempt * attempt * 7919) % window
            for message_id, first in waiting
        }
        in_use = taken(proposed.values()) | used
        rest = []
        for entry in waiting:
            number = proposed[entry[0]]
            if number in in_use:
                rest.append(entry)
            else:
                found[entry[0]] = number
                in_use.add(number)
                used.add(number)
        waiting = rest
    return found

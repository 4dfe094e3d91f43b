"""How likely somebody is written to again, as one number that only ever has to be added to.

A mail counts twice as much as one ``HALF_LIFE`` older. Rather than let every number fade each day, newer mail is given a
greater weight: the sum of ``weight · 2^(age of the calendar)`` keeps its order for ever. Its logarithm is what is stored.
"""

import math
from datetime import UTC, datetime, timedelta

HALF_LIFE = timedelta(days=60)
HEARD, WRITTEN = 1.0, 5.0  # having written to somebody weighs as much as so many mails from them
# Of being a contact: as much as having written to somebody eight times.
CONTACT = 3.0
NONE = -1000.0
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)


def of_mail(weight: float, moment: datetime, now: datetime) -> float:
    """What one mail adds. A date in the future is today's: nobody gets to the top by it."""
    moment = max(_EARLIEST, min(moment, now))
    return math.log2(weight) + (moment - _EPOCH) / HALF_LIFE


def together(one: float, other: float) -> float:
    high, low = max(one, other), min(one, other)
    return high + math.log2(1 + 2 ** (low - high)) if high - low < 60 else high

"""Dates as a person reads them, in the person's time zone."""

from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest

ZONE_COOKIE = "tz"
LONGEST_ZONE = 64
# Not by strftime: it asks the locale again for each of the fifty rows of a page.
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


class When(NamedTuple):
    """``short`` for a list, ``full`` for its title, ``iso`` for the machine."""

    short: str
    full: str
    iso: str


def zone_of(request: HttpRequest) -> tzinfo:
    """What the person chose, else what the browser reported, else the server's."""
    chosen = getattr(request.user, "time_zone", "") or request.COOKIES.get(ZONE_COOKIE, "")
    return named_zone(chosen) or named_zone(settings.TIME_ZONE) or UTC


@lru_cache(maxsize=256)
def named_zone(name: str) -> tzinfo | None:
    """None for a name that is no zone; the name may come from a cookie."""
    if not name or len(name) > LONGEST_ZONE:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


class Clock:
    """One page's idea of now."""

    def __init__(self, zone: tzinfo, now: datetime | None = None) -> None:
        self.zone = zone
        self.now = (now or datetime.now(UTC)).astimezone(zone)
        self.today = self.now.date()

    def label(self, moment: datetime) -> When:
        """Time today, weekday within the week, date otherwise."""
        local = moment.astimezone(self.zone)
        days = (self.today - local.date()).days
        clock = f"{local.hour:02}:{local.minute:02}"
        weekday, month = WEEKDAYS[local.weekday()], MONTHS[local.month - 1]
        date = f"{local.day} {month[:3]}"
        if days == 0:
            short = clock
        elif 0 < days < 7:
            short = weekday[:3]
        elif local.year == self.today.year:
            short = date
        else:
            short = f"{date} {local.year}"
        return When(short, f"{weekday}, {local.day} {month} {local.year}, {clock}", local.isoformat())

    def ahead(self, moment: datetime) -> str:
        """Of a time that is still to come."""
        local = moment.astimezone(self.zone)
        year = "" if local.year == self.today.year else f" {local.year}"
        day = f"{WEEKDAYS[local.weekday()][:3]} {local.day} {MONTHS[local.month - 1][:3]}{year}"
        return f"{day}, {local.hour:02}:{local.minute:02}"

    def long(self, moment: datetime) -> str:
        """With the time, for the head of a message."""
        local = moment.astimezone(self.zone)
        days = (self.today - local.date()).days
        clock = f"{local.hour:02}:{local.minute:02}"
        if days == 0:
            return clock
        if 0 < days < 7:
            return f"{local:%a} {clock}"
        year = "" if local.year == self.today.year else f" {local.year}"
        return f"{local.day} {local:%b}{year}, {clock}"


def clock_of(request: HttpRequest) -> Clock:
    return Clock(zone_of(request))

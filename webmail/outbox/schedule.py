"""When a message is to be sent: times to choose from, and a time as a person writes it read in the person's time zone."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from webmail.errors import GiveUp, Reason

FIELD = "send_at"
FORM = "%Y-%m-%dT%H:%M"  # of <input type="datetime-local">
FURTHEST = timedelta(days=730)
MORNING, EVENING, LATEST_FOR_EVENING = 8, 18, 17
MONDAY = 0


class Preset(NamedTuple):
    """``value`` is a wall-clock time of the person's zone in FORM."""

    label: str
    value: str


def presets(now: datetime, zone: tzinfo) -> list[Preset]:
    local = now.astimezone(zone)
    today = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    tomorrow = today + timedelta(days=1)
    monday = today + timedelta(days=(MONDAY - today.weekday()) % 7 or 7)
    soon = (now + timedelta(hours=1)).astimezone(zone).replace(tzinfo=None)
    found = [Preset("In one hour", soon.strftime(FORM))]
    if local.hour < LATEST_FOR_EVENING:
        found.append(Preset(f"This evening {EVENING}:00", today.replace(hour=EVENING).strftime(FORM)))
    found.append(Preset(f"Tomorrow {MORNING}:00", tomorrow.replace(hour=MORNING).strftime(FORM)))
    if monday != tomorrow:
        found.append(Preset(f"Monday {MORNING}:00", monday.replace(hour=MORNING).strftime(FORM)))
    return found


def read(written: str, zone: tzinfo, now: datetime) -> datetime:
    """The moment ``written`` names. Raise GiveUp with FIELD as ``detail`` if it names none or lies in the past.

    A time that the clocks skip is as much later as they do; of one that comes twice the first is meant (RFC 5545 section
    3.3.5) as long as it lies ahead.
    """
    try:
        wall = datetime.strptime(written.strip()[: len("2026-01-01T00:00")], FORM).replace(tzinfo=zone, fold=0)
        moment = wall.astimezone(UTC)
        if moment <= now:
            moment = wall.replace(fold=1).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _refused("Choose a day and a time.") from error
    if moment <= now:
        raise _refused("This time has passed. Choose a later one.")
    if moment - now > FURTHEST:
        raise _refused("This is more than two years away. Choose an earlier time.")
    return moment


def wall_clock(moment: datetime, zone: tzinfo) -> str:
    return moment.astimezone(zone).strftime(FORM)


def _refused(sentence: str) -> GiveUp:
    return GiveUp(Reason.REFUSED, sentence, detail=FIELD)

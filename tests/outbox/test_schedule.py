"""F40: times as a person writes them, where clocks are put forward and back, and in the past."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from webmail.errors import GiveUp
from webmail.outbox import schedule

BERLIN, NEW_YORK, KIRITIMATI = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Pacific/Kiritimati")
NOW = datetime(2026, 11, 26, 15, 0, tzinfo=UTC)  # a Thursday


def labels(now: datetime, zone: ZoneInfo = BERLIN) -> dict[str, str]:
    return {preset.label: preset.value for preset in schedule.presets(now, zone)}


def test_presets_are_of_the_persons_zone_and_all_lie_ahead() -> None:
    assert labels(NOW) == {
        "In one hour": "2026-11-26T17:00",
        "This evening 18:00": "2026-11-26T18:00",
        "Tomorrow 8:00": "2026-11-27T08:00",
        "Monday 8:00": "2026-11-30T08:00",
    }
    assert labels(NOW, KIRITIMATI)["Tomorrow 8:00"] == "2026-11-28T08:00"


@pytest.mark.parametrize("start", [datetime(2027, 3, 24, 0, 59, tzinfo=UTC), datetime(2027, 10, 27, 0, 10, tzinfo=UTC)])
def test_no_preset_lies_in_the_past_when_the_clocks_change(start: datetime) -> None:
    for hours in range(24 * 8):
        now = start + timedelta(hours=hours)
        for preset in schedule.presets(now, BERLIN):
            assert schedule.read(preset.value, BERLIN, now) > now


def test_the_evening_is_not_offered_in_the_evening_and_monday_not_twice() -> None:
    assert "This evening 18:00" not in labels(NOW.replace(hour=18))
    assert "Monday 8:00" not in labels(NOW.replace(day=29))
    assert labels(NOW.replace(day=30))["Monday 8:00"] == "2026-12-07T08:00"


@pytest.mark.parametrize(
    ("written", "zone", "meant"),
    [
        ("2026-11-27T08:00", BERLIN, datetime(2026, 11, 27, 7, 0, tzinfo=UTC)),
        ("2026-11-27T08:00", NEW_YORK, datetime(2026, 11, 27, 13, 0, tzinfo=UTC)),
        # Skipped by the clocks: as much later as they are put forward.
        ("2027-03-28T02:30", BERLIN, datetime(2027, 3, 28, 1, 30, tzinfo=UTC)),
        # Comes twice: the first.
        ("2027-10-31T02:30", BERLIN, datetime(2027, 10, 31, 0, 30, tzinfo=UTC)),
        # Some browsers send seconds, too.
        ("2026-11-27T08:00:00", BERLIN, datetime(2026, 11, 27, 7, 0, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_in_the_persons_zone(written: str, zone: ZoneInfo, meant: datetime) -> None:
    assert schedule.read(written, zone, NOW) == meant


def test_what_is_written_is_shown_again_but_for_what_the_clocks_skip() -> None:
    assert schedule.wall_clock(schedule.read("2027-10-31T02:30", BERLIN, NOW), BERLIN) == "2027-10-31T02:30"
    assert schedule.wall_clock(schedule.read("2027-03-28T02:30", BERLIN, NOW), BERLIN) == "2027-03-28T03:30"


@pytest.mark.parametrize(
    "written",
    [
        "",
        "tomorrow",
        "2026-11-26T15:59",
        "2026-13-01T08:00",
        "0001-01-01T00:00",
        "9999-12-31T23:59",
        "2029-01-01T08:00",
    ],
)
def test_no_time_and_times_that_cannot_be_are_refused_at_the_field(written: str) -> None:
    with pytest.raises(GiveUp) as caught:
        schedule.read(written, BERLIN, NOW)
    assert caught.value.detail == "send_at"

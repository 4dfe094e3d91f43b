"""Rules of recurrence (RFC 5545 section 3.3.10) in words."""

from datetime import date, datetime
from typing import Any

_UNITS = {
    "SECONDLY": "second",
    "MINUTELY": "minute",
    "HOURLY": "hour",
    "DAILY": "day",
    "WEEKLY": "week",
    "MONTHLY": "month",
    "YEARLY": "year",
}
_DAYS = {
    "MO": "Monday",
    "TU": "Tuesday",
    "WE": "Wednesday",
    "TH": "Thursday",
    "FR": "Friday",
    "SA": "Saturday",
    "SU": "Sunday",
}
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_WORKDAYS = {"MO", "TU", "WE", "TH", "FR"}
_PLACES = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last", -2: "last but one"}
_LISTED = 12


def in_words(rule: Any) -> str:
    """``rule`` (a mapping of upper-case names to lists of values) as a phrase such as "Every 2 weeks on Monday", or ""."""
    if not isinstance(rule, dict) or not rule:
        return ""
    unit = _UNITS.get(str(_first(rule, "FREQ")).upper())
    if unit is None:
        return "Repeatedly"
    interval = _number(_first(rule, "INTERVAL"), 1)
    words = [f"Every {unit}" if interval <= 1 else f"Every {interval} {unit}s"]
    days = [str(day).upper() for day in _values(rule, "BYDAY")][:_LISTED]
    if set(days) == _WORKDAYS and unit in {"day", "week"} and interval <= 1:
        words = ["Every weekday"]
    elif days:
        words.append(_on_days(days, _values(rule, "BYSETPOS")))
    if dates := [_number(day, 0) for day in _values(rule, "BYMONTHDAY")][:_LISTED]:
        words.append("on the " + _joined([_ordinal_day(day) for day in dates]))
    months = [_number(month, 0) for month in _values(rule, "BYMONTH")][:_LISTED]
    if named := [_MONTHS[month - 1] for month in months if 1 <= month <= 12]:
        words.append("in " + _joined(named))
    return " ".join(words) + _until(rule)


def _until(rule: dict[str, Any]) -> str:
    until = _first(rule, "UNTIL")
    if isinstance(until, date):
        last = until.date() if isinstance(until, datetime) else until
        return f", until {last.day} {_MONTHS[last.month - 1]} {last.year}"
    count = _number(_first(rule, "COUNT"), 0)
    return f", {count} times" if count > 1 else ", once" if count == 1 else ""


def _values(rule: dict[str, Any], name: str) -> list[Any]:
    value = rule.get(name) or []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _first(rule: dict[str, Any], name: str) -> Any:
    return next(iter(_values(rule, name)), None)


def _number(value: Any, default: int) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return default
    return number if abs(number) < 100_000 else default


def _joined(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _on_days(days: list[str], positions: list[Any]) -> str:
    names = ["weekday"] if set(days) == _WORKDAYS else [_day(day) for day in days]
    places = [_place(_number(each, 0)) for each in positions if _number(each, 0)]
    if places:
        return f"on the {_joined(places)} {_joined(names)}"
    return ("on the " if any(day[:-2] for day in days) else "on ") + _joined(names)


def _day(day: str) -> str:
    name = _DAYS.get(day[-2:], "some day")
    place = _number(day[:-2], 0)
    return f"{_place(place)} {name}" if place else name


def _place(number: int) -> str:
    return _PLACES.get(number) or (f"{-number}. last" if number < 0 else f"{number}.")


def _ordinal_day(day: int) -> str:
    if day == -1:
        return "last day"
    suffix = "th" if 10 < day % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{suffix}" if day > 0 else f"{-day}. last day"

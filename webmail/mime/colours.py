"""How the colours of a mail go with a dark page: told from sanitised HTML, which has no other than these places for them."""

import re
from enum import StrEnum

_TAG = re.compile(r"<style>([^<]*)</style>|<[a-z][a-z0-9]*(\s[^<>]*)>")
_DECLARED = re.compile(r"(?<![\w-])(color|background(?:-color|-image)?)\s*:\s*([^;{}\"]*)", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"\s(bgcolor|color|background)=\"([^\"]*)\"", re.IGNORECASE)
_HEX = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})")
_RGB = re.compile(r"rgba?\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*(?:,[^)]{0,10})?\)")
_DARK_RULES = re.compile(r"@media[^{}]*\(\s*prefers-color-scheme\s*:\s*dark\s*\)", re.IGNORECASE)
_NOTHING = frozenset({"inherit", "initial", "unset", "revert", "currentcolor", "transparent", "none", "auto", ""})
# What word processors and webmails write for "as usual".
_TEXT = _NOTHING | {"black", "windowtext", "text", "canvastext"}
_LINKS = frozenset(
    {"blue", "purple", "#00f", "#0000ff", "#0563c1", "#1155cc", "#0078d4", "#467886", "#954f72", "#800080"}
)
_GROUND = _NOTHING | {"white", "window", "canvas"}
# The mark beside a link that deceives is ours; the sanitiser leaves no cursor in a mail.
_OURS = "cursor:help"
_GREY = 24  # how far apart the parts of a colour may be that is none
_DARKEST_GROUND = 0xF5
_LIGHTEST_TEXT = 0xAA


class Manner(StrEnum):
    """``PLAIN`` has no colours, ``SIMPLE`` only those of ink on paper; ``FOLLOWS`` brings dark colours of its own;
    ``DESIGNED`` was made for white.
    """

    PLAIN = "plain"
    SIMPLE = "simple"
    FOLLOWS = "follows"
    DESIGNED = "designed"


def manner(html: str) -> Manner:
    """Of sanitised ``html``. Reads no further than the first colour that decides. Never raises."""
    found = Manner.PLAIN
    for tag in _TAG.finditer(html):
        if tag[1] is not None:
            if _DARK_RULES.search(tag[1]):
                # The sanitiser keeps them for mail that says it is made for both.
                return Manner.FOLLOWS
            pairs = _DECLARED.findall(tag[1])
        elif _OURS in tag[2]:
            continue
        else:
            pairs = _DECLARED.findall(tag[2]) + _ATTRIBUTE.findall(tag[2])
        for name, value in pairs:
            if not _usual(name.lower(), value.lower().replace("!important", "").strip()):
                return Manner.DESIGNED
            found = Manner.SIMPLE
    return found


def _usual(name: str, value: str) -> bool:
    if name == "color":
        if value in _TEXT or value in _LINKS:
            return True
        parts = _parts(value)
        return parts is not None and max(parts) - min(parts) <= _GREY and max(parts) <= _LIGHTEST_TEXT
    # "#fff none repeat scroll 0 0" is what some editors make of a white background.
    first = value.split(" ", maxsplit=1)[0] if not value.startswith("rgb") else value
    if first in _GROUND:
        return "url(" not in value
    parts = _parts(first)
    return parts is not None and min(parts) >= _DARKEST_GROUND and "url(" not in value


def _parts(value: str) -> tuple[int, int, int] | None:
    if (found := _HEX.match(value)) is not None:
        digits = found[1] if len(found[1]) == 6 else "".join(digit * 2 for digit in found[1])
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
    if (found := _RGB.match(value)) is not None:
        return int(found[1]), int(found[2]), int(found[3])
    return None


def with_dark_rules(html: str, *, on: bool) -> str:
    """Sanitised ``html`` whose rules for dark screens hold, or do not, whatever the screen is."""
    width = "(min-width:0)" if on else "(max-width:0)"
    return _SCHEME_IN_SHEET.sub(lambda sheet: _SCHEME.sub(width, sheet[0]), html)


_SCHEME_IN_SHEET = re.compile(r"<style>[^<]*prefers-color-scheme[^<]*</style>", re.IGNORECASE)
_SCHEME = re.compile(r"\(\s*prefers-color-scheme\s*:\s*dark\s*\)", re.IGNORECASE)

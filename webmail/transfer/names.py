"""Names from messages and servers as names of files: safe on every system, whatever they hold."""

import re
import unicodedata

LONGEST = 100  # octets; file systems end at 255 for one level
_UNSAFE = re.compile(r'[/\\:*?"<>|]')
# Names that Windows keeps for devices, whatever their ending.
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?\Z", re.IGNORECASE)


def safe_name(name: str, fallback: str = "_") -> str:
    """One level of a path: no separators, controls, direction marks, reserved or over-long names."""
    visible = "".join(
        " " if char.isspace() else char
        for char in unicodedata.normalize("NFC", name)
        if char.isspace() or unicodedata.category(char)[0] != "C"
    )
    cleaned = re.sub(r" {2,}", " ", _UNSAFE.sub("_", visible))
    cleaned = cleaned.encode("utf-8", "replace")[:LONGEST].decode("utf-8", "ignore").strip(" .")
    if not cleaned:
        return fallback
    return f"_{cleaned}" if _DEVICES.match(cleaned) else cleaned


def folder_path(name: str, delimiter: str) -> str:
    """A folder's name with its parents as a relative path."""
    levels = name.split(delimiter) if delimiter else [name]
    return "/".join(safe_name(level) for level in levels)


def unique(name: str, taken: set[str]) -> str:
    """``name``, or ``name (2)`` and so on where it is taken; case plays no part, as on most desktops."""
    candidate, number = name, 2
    while candidate.casefold() in taken:
        candidate = f"{name} ({number})"
        number += 1
    taken.add(candidate.casefold())
    return candidate


def unique_file(name: str, taken: set[str]) -> str:
    """As :func:`unique`, with the number before the ending, so that a picture stays one."""
    stem, dot, ending = name.rpartition(".")
    if not dot or not stem or len(ending) > 16:
        return unique(name, taken)
    candidate, number = name, 2
    while candidate.casefold() in taken:
        candidate = f"{stem} ({number}).{ending}"
        number += 1
    taken.add(candidate.casefold())
    return candidate

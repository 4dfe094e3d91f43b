"""The header of a message as it is written, for who wants to read it so."""

import re
from typing import NamedTuple

from webmail.mime.headers import decode, display_text

FIELDS_SHOWN = 1_000
_VALUE_SHOWN = 20_000
_FIELD_END = re.compile(rb"\r?\n(?![ \t])|\r(?![\n \t])")
_FOLD = re.compile(r"[\r\n]+[ \t]*")
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


class Field(NamedTuple):
    """``folded`` with the line breaks it has, ``value`` on one line; ``meaning`` where encoded words say something else."""

    name: str
    folded: str
    value: str
    meaning: str


def as_written(text: str) -> str:
    """With its lines and its white space; what is not to be seen, or turns the direction, as U+FFFD."""
    return _UNSEEN.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def fields_of(header: bytes) -> list[Field]:
    """The fields in order, at most ``FIELDS_SHOWN``; a line that is none has no name. Never raises."""
    found = []
    for line in _FIELD_END.split(header)[: FIELDS_SHOWN + 1]:
        if not line.strip():
            continue
        name, colon, raw = line.partition(b":")
        named = bool(colon) and re.fullmatch(rb"[!-9;-~]+[ \t]*", name) is not None
        text = (raw if named else line)[:_VALUE_SHOWN].decode("utf-8", "replace").strip()
        folded = as_written(text)
        meaning = decode(raw[:_VALUE_SHOWN]) if named and b"=?" in raw else ""
        value = display_text(_FOLD.sub(" ", text))
        shown = display_text(meaning)
        found.append(
            Field(name.decode("ascii").strip() if named else "", folded, value, shown if shown != value else "")
        )
    return found[:FIELDS_SHOWN]


def matching(fields: list[Field], words: str) -> list[Field]:
    """The fields that hold every word, in name or value; case plays no part."""
    wanted = words.casefold().split()[:20]
    return [
        field
        for field in fields
        if all(word in f"{field.name}: {field.value} {field.meaning}".casefold() for word in wanted)
    ]

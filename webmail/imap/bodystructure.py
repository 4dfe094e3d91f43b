"""BODYSTRUCTURE (RFC 3501 section 7.4.2) to the tree of parts; what is absurd in it becomes a harmless default."""

import re
from functools import lru_cache
from typing import Any

from webmail.imap.response import number
from webmail.mime.headers import decode
from webmail.mime.params import filename, media_type, merge, token
from webmail.mime.parts import DEPTH_LIMIT, PART_LIMIT, Part

_PARAMETER_LIMIT = 100
_CONTENT_ID_LIMIT = 998
_PLAIN_NAME = re.compile(rb"[!-)+-~]{1,100}\Z")
_PLAIN_VALUE = re.compile(rb"(?!.*=\?)[ -~]{0,1000}\Z")


def structure(value: object) -> Part:
    """The tree, sections as in RFC 3501 section 6.4.5. Never raises: without a usable value, one empty text part."""
    if not isinstance(value, list) or not value:
        return Part(section="1", type="text/plain")
    return _Builder().build(value)


class _Builder:
    def __init__(self) -> None:
        self.room = PART_LIMIT

    def build(self, value: list[Any]) -> Part:
        return self._part(value, "" if isinstance(value[0], list) else "1", 0)

    def _part(self, value: list[Any], section: str, depth: int) -> Part:
        self.room -= 1
        if value and isinstance(value[0], list):
            return self._multipart(value, section, depth)
        return self._single(value, section, depth)

    def _multipart(self, value: list[Any], section: str, depth: int) -> Part:
        count = next((position for position, each in enumerate(value) if not isinstance(each, list)), len(value))
        rest = value[count:]
        disposition, _ = _disposition(_at(rest, 2))
        part = Part(
            section=section,
            type=_kind(b"multipart", _bytes(_at(rest, 0)) or b"mixed", "multipart/mixed"),
            disposition=disposition,
            params=_others(_parameters(_at(rest, 1))),
        )
        part.children = self._children(value[:count], section, depth)
        return part

    def _children(self, values: list[Any], section: str, depth: int) -> list[Part]:
        if depth >= DEPTH_LIMIT:
            return []
        prefix = f"{section}." if section else ""
        children = []
        for position, each in enumerate(values, 1):
            if self.room <= 0:
                break
            children.append(self._part(each, f"{prefix}{position}", depth + 1))
        return children

    def _single(self, value: list[Any], section: str, depth: int) -> Part:
        kind = _kind(_bytes(_at(value, 0)), _bytes(_at(value, 1)), "application/octet-stream")
        params = _parameters(_at(value, 2))
        after = 7
        lines = 0
        enclosed: object = None
        if kind.startswith("text/"):
            lines = number(_at(value, 7)) or 0
            after = 8
        elif kind == "message/rfc822" and isinstance(_at(value, 8), list):
            enclosed = value[8]
            lines = number(_at(value, 9)) or 0
            after = 10
        disposition, disposition_params = _disposition(_at(value, after + 1))
        named = "name" in params or disposition_params
        content_id = _bytes(_at(value, 3))
        part = Part(
            section=section,
            type=kind,
            charset=params.get("charset", "").lower()[:60],
            encoding=_word(_bytes(_at(value, 5))) or "7bit",
            size=number(_at(value, 6)) or 0,
            filename=filename(params, disposition_params) if named else "",
            disposition=disposition,
            content_id=decode(content_id).strip("<> ")[:_CONTENT_ID_LIMIT] if content_id else "",
            params=_others(params),
            lines=lines,
        )
        if isinstance(enclosed, list) and enclosed:
            if isinstance(enclosed[0], list):
                # IMAP gives the enclosed message's multipart no section of its own.
                count = next((at for at, each in enumerate(enclosed) if not isinstance(each, list)), len(enclosed))
                part.children = self._children(enclosed[:count], section, depth)
            else:
                part.children = self._children([enclosed], section, depth)
        return part


def _at(values: list[Any], position: int) -> Any:
    return values[position] if position < len(values) else None


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


@lru_cache(maxsize=1024)
def _kind(main: bytes, sub: bytes, default: str) -> str:
    return media_type(f"{main.decode('ascii', 'replace')}/{sub.decode('ascii', 'replace')}", default)


@lru_cache(maxsize=256)
def _word(value: bytes) -> str:
    return token(value)


def _parameters(value: object) -> dict[str, str]:
    """Decoded parameters by their lower-case names."""
    if not isinstance(value, list) or not value:
        return {}
    flat = value[: 2 * _PARAMETER_LIMIT]
    if not all(isinstance(each, bytes) for each in flat):
        return {}
    names, values = flat[::2], flat[1::2]
    # Nearly all are plain; continuations, charsets and encoded words are left to the one who knows them.
    if all(_PLAIN_NAME.match(name) for name in names) and all(_PLAIN_VALUE.match(each) for each in values):
        found = {
            name.decode("ascii").lower(): each.decode("ascii").strip()
            for name, each in zip(names, values, strict=False)
        }
        if len(found) == len(values):
            return found
    pairs = zip(names, values, strict=False)
    return merge([(name.decode("ascii", "replace").lower(), _decoded(each)) for name, each in pairs])


def _others(params: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in params.items() if name not in {"charset", "name"}}


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("cp1252", "replace")


def _disposition(value: object) -> tuple[str, dict[str, str]]:
    if isinstance(value, list) and value:
        return _word(_bytes(value[0])), _parameters(_at(value, 1))
    return "", {}

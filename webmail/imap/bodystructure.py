"""BODYSTRUCTURE (RFC 3501 section 7.4.2) to the tree of parts; what is absurd in it becomes a harmless default."""

import re
from functools import lru_cache
from typing import Any

from webmail.imap.response import number
from webmail.mime.headers import decode
from webmail.mime.params import filename, media_type, merge, token
from webmail.mime.parts import DEPTH_LIMIT, PART_LIMIT, Part

_Parameters = tuple[dict[str, str], dict[str, str]]

_PARAMETER_LIMIT = 100
_CACHED_OCTETS = 500
_PADDING: list[Any] = [None] * 12
_NOTHING: _Parameters = ({}, {})
# The boundary serves whoever has the octets and takes them apart; the server has done that.
_BOUNDARY = (b"boundary", b"BOUNDARY", b"Boundary")
_OWN_PLACE = frozenset({"charset", "name", "boundary"})
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
        count = _leading_lists(value)
        subtype, parameters, disposition = (value[count:] + _PADDING)[:3]
        part = Part(
            section=section,
            type=_kind(b"multipart", _bytes(subtype)[:128] or b"mixed", "multipart/mixed"),
            disposition=_disposition(disposition)[0],
            params=dict(_parameters(parameters)[1]),
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
        value = value + _PADDING
        kind = _kind(_bytes(value[0])[:128], _bytes(value[1])[:128], "application/octet-stream")
        params, others = _parameters(value[2])
        after = 7
        lines = 0
        enclosed: list[Any] = []
        if kind.startswith("text/"):
            lines = number(value[7]) or 0
            after = 8
        elif kind == "message/rfc822" and isinstance(value[8], list):
            enclosed = value[8]
            lines = number(value[9]) or 0
            after = 10
        disposition, disposition_params = _disposition(value[after + 1])
        content_id = value[3]
        part = Part(
            section=section,
            type=kind,
            charset=params.get("charset", "").lower()[:60],
            encoding=_word(_bytes(value[5])[:128]) or "7bit",
            size=number(value[6]) or 0,
            filename=filename(params, disposition_params) if disposition_params or "name" in params else "",
            disposition=disposition,
            content_id=decode(content_id).strip("<> ")[:_CONTENT_ID_LIMIT] if isinstance(content_id, bytes) else "",
            params=dict(others),
            lines=lines,
        )
        if enclosed:
            # IMAP gives the enclosed message's multipart no section of its own.
            inner = enclosed[: _leading_lists(enclosed)] if isinstance(enclosed[0], list) else [enclosed]
            part.children = self._children(inner, section, depth)
        return part


def _leading_lists(value: list[Any]) -> int:
    return next((position for position, each in enumerate(value) if not isinstance(each, list)), len(value))


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


@lru_cache(maxsize=1024)
def _kind(main: bytes, sub: bytes, default: str) -> str:
    return media_type(f"{main.decode('ascii', 'replace')}/{sub.decode('ascii', 'replace')}", default)


@lru_cache(maxsize=256)
def _word(value: bytes) -> str:
    return token(value)


def _parameters(value: object) -> _Parameters:
    """Decoded parameters by their lower-case names: all of them, and those that are kept as such."""
    if not isinstance(value, list) or not value:
        return _NOTHING
    if len(value) == 2 and value[0] in _BOUNDARY:
        return _NOTHING
    flat = tuple(value[: 2 * _PARAMETER_LIMIT])
    try:
        # A list among them has no hash and no place there; what is huge is not kept.
        small = len(flat) <= 10 and sum(len(each or b"") for each in flat) <= _CACHED_OCTETS
        return _cached_parameters(flat) if small else _read_parameters(flat)
    except TypeError:
        return _NOTHING


def _read_parameters(flat: tuple[bytes | None, ...]) -> _Parameters:
    pairs = [
        (name, each) for name, each in zip(flat[::2], flat[1::2], strict=False) if name and isinstance(each, bytes)
    ]
    # Nearly all are plain; continuations, charsets and encoded words are left to the one who knows them.
    if all(_PLAIN_NAME.match(name) and _PLAIN_VALUE.match(each) for name, each in pairs):
        found = {name.decode("ascii").lower(): each.decode("ascii").strip() for name, each in reversed(pairs)}
    else:
        found = merge([(name.decode("ascii", "replace").lower(), _decoded(each)) for name, each in pairs])
    return found, {name: text for name, text in found.items() if name not in _OWN_PLACE}


_cached_parameters = lru_cache(maxsize=4096)(_read_parameters)


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("cp1252", "replace")


def _disposition(value: object) -> tuple[str, dict[str, str]]:
    if isinstance(value, list) and value:
        return _word(_bytes(value[0])[:128]), _parameters(value[1] if len(value) > 1 else None)[0]
    return "", {}

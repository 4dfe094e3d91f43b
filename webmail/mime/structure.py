"""The tree of a message: what IMAP calls its BODYSTRUCTURE (RFC 3501 section 7.4.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

DEPTH_LIMIT = 100
PART_LIMIT = 10_000

_TEXT_KEYS = ("section", "type", "charset", "encoding", "filename", "disposition", "content_id")
_SHORT = {
    "section": "s",
    "type": "t",
    "charset": "c",
    "encoding": "e",
    "filename": "f",
    "disposition": "d",
    "content_id": "i",
}
_DEFAULTS = {"encoding": "7bit", "type": "text/plain"}


@dataclass(slots=True)
class Part:
    """One part. Sizes are octets as transferred; ``section`` is IMAP's (RFC 3501 section 6.4.5).

    The root has section "1", or "" when it is a multipart. The children of a message/rfc822 part are the parts of the
    enclosed message: below "2" they are "2.1", "2.2" whether or not the enclosed message is a multipart.
    """

    section: str
    type: str
    charset: str = ""
    encoding: str = "7bit"
    size: int = 0
    filename: str = ""
    disposition: str = ""
    content_id: str = ""
    params: dict[str, str] = field(default_factory=dict)
    children: list[Part] = field(default_factory=list)
    lines: int = 0

    @property
    def is_multipart(self) -> bool:
        return self.type.startswith("multipart/")

    def walk(self) -> Iterator[Part]:
        """This part and all below it in document order; safe for trees of any depth."""
        stack = [self]
        while stack:
            part = stack.pop()
            yield part
            stack.extend(reversed(part.children))

    def find(self, section: str) -> Part | None:
        """The part with that section, or None."""
        return next((part for part in self.walk() if part.section == section), None)

    def to_json(self) -> dict[str, Any]:
        """A compact object for a JSON column; :meth:`from_json` is its inverse."""
        root: dict[str, Any] = {}
        stack = [(self, root)]
        while stack:
            part, out = stack.pop()
            for name in _TEXT_KEYS:
                value = getattr(part, name)
                if value != _DEFAULTS.get(name, ""):
                    out[_SHORT[name]] = value
            if part.size:
                out["n"] = part.size
            if part.lines:
                out["l"] = part.lines
            if part.params:
                out["p"] = part.params
            if part.children:
                out["k"] = [{} for _ in part.children]
                stack.extend(zip(part.children, out["k"], strict=True))
        return root

    @classmethod
    def from_json(cls, obj: object) -> Part:
        """The tree stored by :meth:`to_json`; whatever is missing or of the wrong kind takes its default."""
        root = cls._bare(obj)
        stack = [(root, obj, 0)]
        count = 1
        while stack:
            part, source, depth = stack.pop()
            kids = source.get("k") if isinstance(source, dict) else None
            if not isinstance(kids, list) or depth >= DEPTH_LIMIT:
                continue
            kids = kids[: max(0, PART_LIMIT - count)]
            count += len(kids)
            for kid in kids:
                child = cls._bare(kid)
                part.children.append(child)
                stack.append((child, kid, depth + 1))
        return root

    @classmethod
    def _bare(cls, obj: object) -> Part:
        source = obj if isinstance(obj, dict) else {}
        part = cls(section="", type="text/plain")
        for name in _TEXT_KEYS:
            value = source.get(_SHORT[name])
            setattr(part, name, value if isinstance(value, str) else _DEFAULTS.get(name, ""))
        part.size, part.lines = _count(source.get("n")), _count(source.get("l"))
        params = source.get("p")
        if isinstance(params, dict):
            part.params = {str(key): value for key, value in params.items() if isinstance(value, str)}
        return part


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0

"""Address lists (RFC 5322 section 3.4), as written and as found."""

import re
from typing import NamedTuple

from webmail.mime.words import decode_words, tidy, to_text

LIMIT = 2_000
_TEXT_LIMIT = 262_144


class Address(NamedTuple):
    """One mailbox. ``name`` is decoded and may be empty; ``address`` is empty where a field names only a person."""

    name: str
    address: str


_QUOTED_LOCAL = re.compile(r'"(?:[^"\\]|\\.)*"@[^\s"()<>,;:@]+', re.DOTALL)
_TOKEN = re.compile(_QUOTED_LOCAL.pattern + r'|"(?:[^"\\]|\\.)*"|["()<>,;:]|\\.|[^"()<>,;:\\]+|\\', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_BARE = re.compile(r"[^\s<>@]+@[^\s<>@]+")
_SPACE = re.compile(r"\s+")


class _Collector:
    """What has been read of the mailbox at hand."""

    def __init__(self) -> None:
        self.found: list[Address] = []
        self.reset()

    def reset(self) -> None:
        self.words: list[str] = []
        self.comment: list[str] = []
        self.route: list[str] | None = None
        self.angle: str | None = None
        self.at = False

    def finish(self) -> None:
        """Turn what was read into an address, if it is one."""
        if self.route is not None and self.angle is None:
            self.angle = "".join(self.route)
        name = tidy(decode_words(_SPACE.sub(" ", "".join(self.words))))
        comment = tidy(decode_words("".join(self.comment)))
        self._add(name, comment)
        self.reset()

    def _add(self, name: str, comment: str) -> None:
        if self.angle is not None:
            address = _spec(self.angle)
            if not address and (bare := _BARE.search(name)):
                # "a@b" <> : the part that should be a name is the only address there is
                address, name = bare[0].strip("'\""), ""
        elif "@" in name:
            bare = _BARE.search(name)
            address = bare[0].strip("'\"") if bare else ""
            name = tidy(name.replace(bare[0], "", 1)) if bare else name
        elif name and " " not in name:
            address, name = name, ""
        else:
            address = ""
        name = name.strip().strip("'").strip() if name.startswith("'") and name.endswith("'") else name
        name = name or comment
        if name == address:
            name = ""
        if name or address:
            self.found.append(Address(name[:1000], address[:998]))


def _spec(text: str) -> str:
    """An addr-spec out of an angle-addr: obsolete source route (RFC 5322 section 4.4) and white space dropped."""
    spec = tidy(decode_words(text))
    if spec.startswith("@") and ":" in spec:
        spec = spec.rsplit(":", 1)[1]
    spec = _SPACE.sub("", spec) if not spec.startswith('"') else spec
    return spec.removeprefix("mailto:").strip("'")


def addresses(raw: bytes | str | None) -> list[Address]:
    """The mailboxes of an address list in order, groups (section 3.4) opened; at most 2,000; never raises."""
    text = to_text(raw)[:_TEXT_LIMIT].replace("\x00", "").replace("\r", "").replace("\n", "")
    collector = _Collector()
    depth = 0
    for found in _TOKEN.finditer(text):
        lexeme = found[0]
        if depth or lexeme == "(":
            depth = _comment(collector, lexeme, depth)
        elif collector.route is not None and collector.angle is None:
            _inside(collector, lexeme)
        elif lexeme == "<":
            collector.route = []
        elif lexeme in {",", ";"}:
            collector.finish()
            if len(collector.found) >= LIMIT:
                return collector.found[:LIMIT]
        elif lexeme == ":" and collector.angle is None and "@" not in "".join(collector.words[-3:]):
            collector.reset()
        elif collector.angle is None and _QUOTED_LOCAL.fullmatch(lexeme):
            collector.angle = lexeme
        elif lexeme not in {")", ">", '"'}:
            collector.words.append(_unquote(lexeme))
    collector.finish()
    return collector.found[:LIMIT]


def _comment(collector: _Collector, lexeme: str, depth: int) -> int:
    if lexeme == "(":
        if depth:
            collector.comment.append(lexeme)
        return depth + 1
    if lexeme == ")":
        depth -= 1
        if depth:
            collector.comment.append(lexeme)
        return depth
    collector.comment.append(_ESCAPED.sub(r"\1", lexeme))
    return depth


def _inside(collector: _Collector, lexeme: str) -> None:
    route = collector.route if collector.route is not None else []
    if lexeme == ">":
        collector.angle = "".join(route)
    elif lexeme == "<":
        # "Name <Real <a@b>>": the innermost bracket holds the address, the outer text is part of the name.
        collector.words.append("".join(route))
        collector.route = []
        collector.at = False
    elif lexeme in {",", ";"} and collector.at and not route[0].lstrip().startswith("@"):
        collector.finish()
    else:
        collector.at = collector.at or "@" in lexeme
        route.append(lexeme)


def _unquote(lexeme: str) -> str:
    if lexeme.startswith('"'):
        return _ESCAPED.sub(r"\1", lexeme[1:-1])
    return lexeme[1:] if lexeme.startswith("\\") and len(lexeme) > 1 else lexeme

"""HTML read as plain text: blocks on their own lines, quotes marked, links readable."""

import html
import re
from collections.abc import Iterator
from contextlib import suppress

from selectolax.lexbor import LexborHTMLParser, LexborNode

from webmail.mime import clock
from webmail.mime.charset import storable

LENGTH_LIMIT = 1_000_000
TAG_LIMIT = 20_000
ENTITY_LIMIT = 200_000

_SKIPPED = {"head", "style", "script", "title", "template", "noscript", "svg", "math", "object", "iframe", "select"}
_LISTS = {"ol", "ul"}
_BULLETED = -1
_SPACED = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote", "table", "pre"}
_BLOCKS = _SPACED | {
    *("address", "article", "aside", "body", "center", "dd", "div", "dl", "dt", "fieldset", "figure", "footer", "form"),
    *("header", "hr", "li", "main", "nav", "section", "tbody", "tfoot", "thead", "tr"),
}
_SPACE = re.compile(r"[ \t\r\n\f]+")
_HIDDEN = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all", re.IGNORECASE)
_BLANK_LINES = re.compile(r"\n{3,}")


def within_limits(markup: str) -> bool:
    """Whether an HTML parser may be given ``markup``: the counts bound nesting, entities and time."""
    return len(markup) <= LENGTH_LIMIT and markup.count("<") <= TAG_LIMIT and markup.count("&") <= ENTITY_LIMIT


class _Writer:
    """Text put together line by line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.current: list[str] = []
        self.quote = 0
        self.pre = 0
        self.indent = 0
        # The mark of an item whose text has not come yet: a block inside it goes on in the same line.
        self.mark = ""
        # The quote level of the empty line owed before the next one; None when none is owed.
        self.blank: int | None = None

    def text(self, text: str) -> None:
        if self.pre:
            first, *rest = text.split("\n")
            self.current.append(first)
            for line in rest:
                self.line_break()
                self.current.append(line)
            return
        text = _SPACE.sub(" ", text)
        if text.startswith(" ") and (not self.current or self.current[-1].endswith(" ")):
            text = text[1:]
        if text:
            self.current.append(text)

    def line_break(self) -> None:
        self._flush("".join(self.current))

    def block(self, spaced: bool) -> None:
        line = "".join(self.current)
        if self.mark and line == self.mark:
            return
        if line.strip():
            self._flush(line)
        else:
            self.current = []
        if spaced and self.lines:
            self.blank = self.quote if self.blank is None else min(self.blank, self.quote)

    def _flush(self, line: str) -> None:
        prefix = ">" * min(self.quote, 20)
        if self.blank is not None and self.lines and self.lines[-1].strip("> "):
            self.lines.append(prefix[: self.blank])
        self.blank = None
        line = line.rstrip() if self.pre else line.strip()
        line = f"{'  ' * min(self.indent, 10)}{line}" if line else line
        self.lines.append(f"{prefix} {line}".rstrip() if prefix else line)
        self.current = []

    def done(self) -> str:
        self.block(spaced=False)
        return "\n".join(self.lines)


def _events(root: LexborNode) -> Iterator[tuple[LexborNode, bool]]:
    """Every node below ``root`` when entered (True) and left (False), without recursion."""
    node: LexborNode | None = root
    depth = 0
    while node is not None:
        yield node, True
        if not _is_skipped(node) and (child := node.child) is not None:
            node = child
            depth += 1
            continue
        yield node, False
        while depth and node is not None and node.next is None:
            node = node.parent
            depth -= 1
            if node is not None:
                yield node, False
        if not depth:
            return
        node = node.next if node is not None else None


def _is_skipped(node: LexborNode) -> bool:
    tag = node.tag
    if tag in _SKIPPED:
        return True
    style = node.attributes.get("style") if tag and tag[0] not in "-_!" else None
    return bool(style and _HIDDEN.search(style))


def html_to_text(markup: str) -> str:
    """``markup`` as readable text; quotes begin with ">", lists with "-" or numbers, links are followed by their address.

    Markup beyond the ceilings, time among them (:mod:`.clock`), loses its tags only. Never raises; the result is storable.
    """
    markup = storable(markup)
    if within_limits(markup):
        with suppress(clock.TooSlowError):
            return str(clock.call("text", len(markup), [markup]))
    return _crude(markup[: LENGTH_LIMIT * 4])


def _read(markup: str) -> str:
    body = LexborHTMLParser(markup).body
    if body is None:
        return ""
    writer = _Writer()
    numbers: list[int] = []
    for node, entered in _events(body):
        tag = node.tag or ""
        if tag == "-text":
            if entered:
                writer.text(node.text_content or "")
        elif tag and not _is_skipped(node):
            _element(writer, node, tag, entered, numbers)
    return _BLANK_LINES.sub("\n\n", storable(writer.done())).strip("\n").replace("\u00a0", " ")


def _element(writer: _Writer, node: LexborNode, tag: str, entered: bool, numbers: list[int]) -> None:
    if tag in _BLOCKS:
        # A list inside a list stands close to it, moved in.
        writer.block(tag in _SPACED and not (tag in _LISTS and len(numbers) > (0 if entered else 1)))
    match tag, entered:
        case "br", True:
            writer.line_break()
        case "hr", True:
            writer.text("----------")
        case "img", True:
            writer.text(f" {alt} " if (alt := (node.attributes.get("alt") or "").strip()) else "")
        case (("td" | "th"), False):
            writer.text(" ")
        case "blockquote", _:
            writer.quote += 1 if entered else -1
        case "pre", _:
            writer.pre += 1 if entered else -1
        case (("ol" | "ul" | "li"), _):
            _list(writer, node, tag, entered, numbers)
        case "a", False:
            _link(writer, node)


def _list(writer: _Writer, node: LexborNode, tag: str, entered: bool, numbers: list[int]) -> None:
    match tag, entered:
        case "li", True:
            writer.mark = _bullet(numbers)
            writer.text(writer.mark)
        case "li", False:
            writer.mark = ""
            writer.block(spaced=False)
        case _, True:
            numbers.append(_first_number(node) if tag == "ol" else _BULLETED)
        case _ if numbers:
            numbers.pop()
    writer.indent = max(0, len(numbers) - 1)


def _first_number(node: LexborNode) -> int:
    start = node.attributes.get("start") or ""
    return int(start) if start.isascii() and start.isdigit() and len(start) < 7 else 1


def _bullet(numbers: list[int]) -> str:
    if not numbers or numbers[-1] == _BULLETED:
        return "- "
    numbers[-1] += 1
    return f"{numbers[-1] - 1}. "


def _link(writer: _Writer, node: LexborNode) -> None:
    href = (node.attributes.get("href") or "").strip()
    if not href.lower().startswith(("http://", "https://")) or len(href) > 300:
        return
    shown = "".join(writer.current[-4:]).rstrip()
    if shown and not shown.endswith((href, href.rstrip("/"), href.split("://", 1)[1].rstrip("/"))):
        writer.text(f" <{href}> ")


def _crude(markup: str) -> str:
    """The text between tags, in one linear pass."""
    out: list[str] = []
    for piece in markup.split("<"):
        _, closed, text = piece.partition(">")
        out.append(text if closed else piece)
    return storable(html.unescape(_SPACE.sub(" ", " ".join(out)))).strip()

"""Plain text for the page: charset, format=flowed (RFC 3676), quotes, links, previews."""

import re
from collections.abc import Iterator

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from webmail.mime.charset import decode_charset, storable
from webmail.mime.plain import html_to_text
from webmail.mime.quote import ATTRIBUTION, ORIGINAL

__all__ = ["NOTICE", "TEXT_LIMIT", "decode_charset", "html_to_text", "preview", "text_to_html", "unflow"]

TEXT_LIMIT = 500_000
_LINE_LIMIT = 20_000
_QUOTE_DEPTH = 20
# What stands in one block is laid out together, which takes some scripts quadratic time.
_BLOCK_LIMIT = 5_000
NOTICE = "The message is longer than what is shown here. Download it to read the rest."

_QUOTE = re.compile(r"(?:>[ \t]?)+")
_FLOWED_QUOTE = re.compile(r">+")
_LINE = re.compile(r"\r\n|\r|\n|\u2028|\u2029|\x0b|\x0c|\x85")
_RUN = re.compile(r"  +|\t")
_LINK = re.compile(
    r"(?P<url>\bhttps?://[^\s<>\"'`\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]{1,2000})"
    r"|(?P<www>\bwww\.[a-z0-9-]{1,63}\.[^\s<>\"'`\x00-\x1f\x7f]{1,1000})"
    r"|\b(?P<scheme>mailto:)?(?P<mail>[a-z0-9!#$%&*+/=?^_{|}~-][\w.!#$%&*+/=?^{|}~-]{0,63}@"
    r"(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24})\b",
    re.IGNORECASE,
)
_TRAILING = ".,;:!?…*_~"
_PAIRS = {")": "(", "]": "[", "}": "{"}
_REL = 'rel="noopener noreferrer" target="_blank"'

_SPACE = re.compile(r"\s+")
_RULE = re.compile(r"^[\W_]*$")
# Senders pad what a list shows of their mail with these.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\ufeff]+"
)


def unflow(text: str, delsp: bool = False) -> str:
    """``text`` of format=flowed with its soft line breaks undone (RFC 3676 section 4); quote marks stay, as "> "."""
    out: list[str] = []
    pieces: list[str] = []
    open_depth = -1
    for line in _LINE.split(text):
        marks = _FLOWED_QUOTE.match(line)
        depth = marks.end() if marks else 0
        content = line[depth:].removeprefix(" ")
        if pieces and (depth != open_depth or content == "-- "):
            out.append(_quoted(open_depth, "".join(pieces).rstrip(" ")))
            pieces = []
        if content.endswith(" ") and content != "-- ":
            pieces.append(content[:-1] if delsp else content)
            open_depth = depth
        else:
            pieces.append(content)
            out.append(_quoted(depth, "".join(pieces)))
            pieces = []
    if pieces:
        out.append(_quoted(open_depth, "".join(pieces).rstrip(" ")))
    return "\n".join(out)


def _quoted(depth: int, content: str) -> str:
    return f"{'>' * depth} {content}" if depth else content


def text_to_html(text: str, flowed: bool = False, delsp: bool = False) -> SafeString:
    """``text`` as escaped HTML: links, quote levels as nested blockquotes, spacing kept.

    At most 500,000 characters and 20,000 lines are shown, then a notice follows. Links open in a new tab, without a
    referrer.
    """
    text = storable(text)
    cut = len(text) > TEXT_LIMIT
    text = text[:TEXT_LIMIT]
    if flowed:
        text = unflow(text, delsp)
    lines = _LINE.split(text)
    cut = cut or len(lines) > _LINE_LIMIT
    out: list[str] = []
    depth = 0
    fresh = True
    for line in lines[:_LINE_LIMIT]:
        marks = _QUOTE.match(line)
        level = min(marks[0].count(">"), _QUOTE_DEPTH) if marks else 0
        content = line[marks.end() :] if marks else line
        if level != depth:
            step = '<blockquote type="cite">' if level > depth else "</blockquote>"
            out.append(step * abs(level - depth))
            depth, fresh = level, True
        if len(content) > _BLOCK_LIMIT:
            out += [f"<div>{_line_html(piece)}</div>" for piece in _cut(content)]
            fresh = True
            continue
        if not fresh:
            out.append("<br>\n")
        out.append(_line_html(content))
        fresh = False
    out.append("</blockquote>" * depth)
    if cut:
        out.append(f'<p class="notice">{NOTICE}</p>')
    return mark_safe("".join(out))  # noqa: S308 - every piece above is escaped or ours


def _cut(line: str) -> Iterator[str]:
    """``line`` in pieces, between words where there are any."""
    at = 0
    while at < len(line):
        end = at + _BLOCK_LIMIT
        blank = line.rfind(" ", at + 1, end) if end < len(line) else -1
        end = blank + 1 if blank > 0 else end
        yield line[at:end]
        at = end


def _line_html(line: str) -> str:
    indented = len(line) - len(line.lstrip(" "))
    out = ["\u00a0" * indented]
    line = line[indented:]
    end = 0
    if ":" in line or "@" in line or "www." in line.lower():
        for found in _LINK.finditer(line):
            shown = found[0] if found["mail"] else _trim(found[0])
            if len(shown) < 6:
                continue
            out += [_spaced(line[end : found.start()]), _anchor(shown, found)]
            end = found.start() + len(shown)
    out.append(_spaced(line[end:]))
    return "".join(out)


def _anchor(shown: str, found: re.Match[str]) -> str:
    scheme = "mailto:" if found["mail"] else "" if found["url"] else "https://"
    target = scheme + (found["mail"] or shown)
    return f'<a href="{escape(target)}" {_REL}>{escape(shown)}</a>'


def _trim(url: str) -> str:
    """``url`` without the punctuation of the sentence around it; a bracket stays when its partner is inside."""
    balance = {closing: url.count(opening) - url.count(closing) for closing, opening in _PAIRS.items()}
    end = len(url)
    while end:
        last = url[end - 1]
        if last in _PAIRS and balance[last] < 0:
            balance[last] += 1
        elif last not in _TRAILING:
            break
        end -= 1
    return url[:end]


def _spaced(text: str) -> str:
    """``text`` escaped, its runs of spaces kept by no-break spaces."""
    return _RUN.sub(
        lambda run: "\u00a0" * 4 if run[0] == "\t" else "\u00a0" * (len(run[0]) - 1) + " ",
        str(escape(text)),
    )


def _is_attribution(line: str) -> bool:
    return len(line) <= 400 and bool(ATTRIBUTION.search(line) or ORIGINAL.match(line))


def preview(text: str, limit: int = 160) -> str:
    """The first words a person wrote in ``text``: quotes, attributions, rules and what follows "-- " are skipped."""
    own: list[str] = []
    anything: list[str] = []
    length = 0
    for line in _LINE.split(storable(text)[:20_000]):
        if line.rstrip(" ") == "--" and own:
            break
        stripped = _SPACE.sub(" ", _INVISIBLE.sub("", line)).strip()
        if not stripped or _RULE.match(stripped):
            continue
        if len(anything) < 20:
            anything.append(stripped.lstrip("> "))
        if stripped.startswith(">") or _is_attribution(stripped):
            continue
        own.append(stripped)
        length += len(stripped) + 1
        if length > limit:
            break
    words = " ".join(own or anything)
    return words if len(words) <= limit else words[: limit - 1].rstrip() + "…"

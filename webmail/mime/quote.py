"""Where the new text of a reply ends and the mail it answers begins."""

import html as entities
import re
from typing import NamedTuple

_LENGTH_LIMIT = 2_000_000
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)([^<>]*)>|<style>[^<]*</style>")
_VOID = {"area", "br", "col", "hr", "img", "wbr", "input", "link", "meta"}
_QUOTE_NAMES = (
    *("gmail_quote", "gmail_quote_container", "gmail_extra", "moz-cite-prefix", "yahoo_quoted", "protonmail_quote"),
    *("divRplyFwdMsg", "appendonsend", "OLK_SRC_BODY_SECTION", "reply-intro", "zmail_extra", "tutanota_quote"),
    "ms-outlook-mobile-reference-message",
)
_LOWERED_NAMES = [name.lower() for name in _QUOTE_NAMES]
_QUOTE_ATTRIBUTE = re.compile(rf"""\b(?:class|id)="[^"]*\b(?:{"|".join(_QUOTE_NAMES)})\b""", re.IGNORECASE)
_CITE = re.compile(r"""\btype="?cite""", re.IGNORECASE)
# From this marker on everything is quoted: these clients put the old mail beside it, not inside.
_OPEN_ENDED = re.compile(r"moz-cite-prefix|divRplyFwdMsg|appendonsend|reply-intro", re.IGNORECASE)
# "On Monday, Ann wrote:", and with the name after the verb "Am Montag schrieb Ann:". Only for lines of bounded length.
ATTRIBUTION = re.compile(
    r"(?:\b(?:wrote|writes|schrieb|a écrit|escribió|escreveu|ha scritto|napisał\(a\)|kirjoitti|написал\(а\))\s?:"
    r"|^\s*(?:am|op|den|le|el|il|em)\b.{0,200}\b(?:schrieb|schreef|skrev|skreiv)\b[^:]{0,150}:|写道[:：]|のメール[:：])\s*$",
    re.IGNORECASE,
)
ORIGINAL = re.compile(
    r"^\s*-{2,}\s*(?:original message|original-nachricht|ursprüngliche nachricht|message d'origine|mensaje original|"
    r"messaggio originale|oorspronkelijk bericht|forwarded message|weitergeleitete nachricht)\s*-{2,}",
    re.IGNORECASE,
)
# The head of the old mail as Outlook puts it between, on the desktop without a mark: From, then two more of its lines.
_HEAD_FIRST = re.compile(r"^\s*(?:from|von|de|da|van|från|od|fra|lähettäjä|发件人|差出人)\s?[:：]\s?\S", re.IGNORECASE)
_HEAD_NEXT = re.compile(
    r"^\s*(sent|date|gesendet|datum|envoyé|enviado(?: el)?|inviato|data|verzonden|skickat|wysłano|sendt|lähetetty|"
    r"发送时间|送信日時|"
    r"to|an|à|para|a|aan|till|do|til|vastaanottaja|收件人|宛先|cc|kopie|subject|betreff|objet|asunto|oggetto|onderwerp|ämne|"
    r"temat|emne|aihe|主题|件名|assunto)\s?[:：]",
    re.IGNORECASE,
)
_HEAD_LINES = 3
_HEAD_SOMEWHERE = re.compile(
    r">\s*(?:from|von|de|da|van|från|od|fra|lähettäjä|发件人|差出人)(?:\s|&nbsp;|\xa0)?[:：]", re.IGNORECASE
)
_INVISIBLE = re.compile("[\\s\u00a0\u200b-\u200f\u2060\ufeff]+")


class _Marker(NamedTuple):
    """A place the quote may begin: where, inside which open tags, and where its element ends (0: with the document)."""

    start: int
    opened: tuple[tuple[str, str], ...]
    end: int


class _Reader:
    """One pass over well-formed markup, noting the first marker and the last visible character."""

    def __init__(self, html: str) -> None:
        self.html = html
        self.stack: list[tuple[str, str]] = []
        self.marker: _Marker | None = None
        self.inside = 0
        self.line_start = 0
        self.line_stack: tuple[tuple[str, str], ...] = ()
        self.line = ""
        self.attributed: _Marker | None = None
        self.head: _Marker | None = None
        self.head_names: set[str] = set()

    def read(self) -> _Marker | None:
        at = 0
        for found in _TAG.finditer(self.html):
            self._text(at, found.start())
            at = found.end()
            if found[2] is not None and not self._done():
                self._tag(found)
            if self._done():
                return self.marker
        self._text(at, len(self.html))
        return self.marker

    def _done(self) -> bool:
        return self.marker is not None and self.marker.end == 0 and not self.inside

    def _text(self, start: int, end: int) -> None:
        if self.inside or start >= end:
            return
        text = _INVISIBLE.sub(" ", entities.unescape(self.html[start : min(end, start + 2_000)]))
        if not text.strip():
            return
        if self.marker is not None:
            # Something was written below the quote: it is a conversation inside the text, not a tail.
            self.marker = None
        if not self.line:
            self.line_start, self.line_stack = start, tuple(self.stack)
        self.line = (self.line + text)[-400:]
        self._of_a_head()
        if ORIGINAL.match(self.line):
            self.marker = _Marker(self.line_start, self.line_stack, 0)
        is_attribution = self.line.rstrip()[-1:] in {":", "："} and ATTRIBUTION.search(self.line) is not None
        self.attributed = _Marker(self.line_start, self.line_stack, 0) if is_attribution else None

    def _of_a_head(self) -> None:
        """Note where a head begins; with enough of its lines the quote begins there."""
        if _HEAD_FIRST.match(self.line):
            self.head, self.head_names = _Marker(self.line_start, self.line_stack, 0), set()
        elif self.head is not None and (found := _HEAD_NEXT.match(self.line)):
            self.head_names.add(found[1].lower())
            if len(self.head_names) >= _HEAD_LINES and self.marker is None:
                self.marker = self.head

    def _end_of_line(self) -> None:
        if self.head is not None and not _HEAD_FIRST.match(self.line) and not _HEAD_NEXT.match(self.line):
            self.head = None
        self.line = ""

    def _tag(self, found: re.Match[str]) -> None:
        name = found[2].lower()
        if found[1]:
            self._close(name, found.end())
            return
        if not self.inside:
            self._mark(name, found)
            if name in {"br", "p", "div", "blockquote", "table", "tr", "li", "hr"} and self.line:
                self._end_of_line()
        if name not in _VOID:
            self.stack.append((name, found[0]))

    def _mark(self, name: str, found: re.Match[str]) -> None:
        attributes = found[3]
        quoted = _QUOTE_ATTRIBUTE.search(attributes) is not None
        if not quoted and not (name == "blockquote" and (self.attributed or _CITE.search(attributes))):
            return
        start, opened = found.start(), tuple(self.stack)
        if self.attributed is not None:
            start, opened = self.attributed.start, self.attributed.opened
        if self.marker is None:
            self.marker = _Marker(start, opened, 0)
        if not (quoted and _OPEN_ENDED.search(attributes)) and name not in _VOID:
            self.inside = len(self.stack) + 1
            self.marker = self.marker._replace(end=1)

    def _close(self, name: str, end: int) -> None:
        for depth in range(len(self.stack) - 1, max(-1, len(self.stack) - 30), -1):
            if self.stack[depth][0] == name:
                del self.stack[depth:]
                break
        if self.inside and len(self.stack) < self.inside:
            self.inside = 0


def _may_quote(html: str) -> bool:
    """Whether any marker could be found; most designs hold none, and need not be read tag by tag."""
    if "<blockquote" in html or "--" in html:
        return True
    lowered = html.lower()
    return any(name in lowered for name in _LOWERED_NAMES) or _HEAD_SOMEWHERE.search(html) is not None


def split_quote(html: str) -> tuple[str, str]:
    """Sanitised ``html`` as new text and quoted tail, both well formed; the tail is "" when there is none to fold.

    Known are the quotes of the usual clients, blockquotes of type cite or after a line such as "... wrote:", and
    "-----Original Message-----". A quote with new text below it stays where it is. Takes linear time.
    """
    if len(html) > _LENGTH_LIMIT or not _may_quote(html):
        return html, ""
    marker = _Reader(html).read()
    if marker is None:
        return html, ""
    head = html[: marker.start] + "".join(f"</{name}>" for name, _ in reversed(marker.opened))
    tail = "".join(tag for _, tag in marker.opened) + html[marker.start :]
    return head, tail

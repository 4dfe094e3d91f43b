"""Which parts of a message are its text, its HTML, its pictures and its attachments (RFC 2046, RFC 2387)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import unquote

from webmail.mime.structure import Part

TEXTS_SHOWN = 50
# Other forms of the same text: of no use beside plain text or HTML, and no attachment either.
_SKIPPED_FORMS = {"text/enriched", "text/richtext", "text/x-amp-html", "text/watch-html"}


@dataclass
class Body:
    """What a reader is shown of a message.

    ``texts`` are the text/plain parts to show one after another where HTML is not shown, ``text`` the first of them.
    ``shown`` is the richest reading in order, text/plain parts between text/html ones included; ``html`` is the first
    text/html in it. ``inline`` maps Content-IDs to the parts HTML may refer to; ``attachments`` is in document order.
    """

    text: Part | None = None
    html: Part | None = None
    attachments: list[Part] = field(default_factory=list)
    inline: dict[str, Part] = field(default_factory=dict)
    texts: list[Part] = field(default_factory=list)
    shown: list[Part] = field(default_factory=list)

    def unreferenced(self, html: str) -> list[Part]:
        """The inline parts the message's own ``html`` does not show: they are to be offered like attachments."""
        lowered = unquote(html).lower()
        listed = {id(part) for part in self.attachments}
        return [
            part for cid, part in self.inline.items() if f"cid:{cid.lower()}" not in lowered and id(part) not in listed
        ]


class _Reading(NamedTuple):
    """One way to read a subtree: its plain parts, its richest parts."""

    plain: list[Part]
    rich: list[Part]

    @property
    def has_html(self) -> bool:
        return any(part.type == "text/html" for part in self.rich)


class _Chooser:
    def __init__(self) -> None:
        self.body = Body()
        self.readings: dict[int, _Reading] = {}
        self.kept: set[int] = set()

    def run(self, root: Part) -> Body:
        order = self._order(root)
        seen_text = False
        for part, related, alternative in order:
            if not part.is_multipart:
                seen_text = self._leaf(part, related, alternative, seen_text, part is root)
        for part, _, _ in reversed(order):
            if part.is_multipart:
                self.readings[id(part)] = self._combine(part)
        reading = self.readings.pop(id(root), _Reading([], []))
        self._finish(order, reading)
        return self.body

    @staticmethod
    def _order(root: Part) -> list[tuple[Part, bool, bool]]:
        """All parts but those inside enclosed messages, parents first, with whether related and alternative enclose."""
        order: list[tuple[Part, bool, bool]] = []
        stack = [(root, False, False)]
        while stack:
            part, related, alternative = stack.pop()
            order.append((part, related, alternative))
            if part.is_multipart:
                related = related or part.type == "multipart/related"
                alternative = part.type == "multipart/alternative"
                stack.extend((child, related, alternative) for child in reversed(part.children))
        return order

    def _leaf(self, part: Part, related: bool, alternative: bool, seen_text: bool, is_root: bool) -> bool:
        kind = part.type
        readable = kind in {"text/plain", "text/html"} or (is_root and kind.startswith("text/"))
        if readable and part.disposition != "attachment" and not (part.filename and seen_text):
            plain = [] if kind == "text/html" else [part]
            self.readings[id(part)] = _Reading(plain, [part])
            return True
        if alternative and kind in _SKIPPED_FORMS:
            self.kept.add(id(part))
        elif part.content_id:
            self.body.inline.setdefault(part.content_id, part)
            if kind.startswith("image/") and (related or part.disposition != "attachment"):
                self.kept.add(id(part))
        return seen_text

    def _combine(self, part: Part) -> _Reading:
        children = [self.readings[id(child)] for child in part.children if id(child) in self.readings]
        if part.type == "multipart/alternative":
            return self._alternative(children)
        if part.type == "multipart/related" and (main := self._related_root(part)) is not None:
            return self.readings[id(main)]
        return _Reading(
            [leaf for reading in children for leaf in reading.plain],
            [leaf for reading in children for leaf in reading.rich],
        )

    def _alternative(self, children: list[_Reading]) -> _Reading:
        plain = next((reading.plain for reading in reversed(children) if reading.plain and not reading.has_html), None)
        if plain is None:
            plain = next((reading.plain for reading in reversed(children) if reading.plain), [])
        rich = next((reading.rich for reading in reversed(children) if reading.has_html), None)
        if rich is None:
            rich = next((reading.rich for reading in reversed(children) if reading.rich), [])
        # Alternatives that were passed over say the same again: they are shown nowhere.
        self.kept.update(id(leaf) for reading in children for leaf in (*reading.plain, *reading.rich))
        return _Reading(plain, rich)

    def _related_root(self, part: Part) -> Part | None:
        """The root of a multipart/related: its ``start`` parameter, else the first part that can be read."""
        start = part.params.get("start", "").strip("<> ")
        readable = [child for child in part.children if id(child) in self.readings]
        return next(
            (child for child in readable if start and child.content_id == start), readable[0] if readable else None
        )

    def _finish(self, order: list[tuple[Part, bool, bool]], reading: _Reading) -> None:
        body = self.body
        # Each text costs a fetch: those beyond the ceiling are files.
        body.texts, body.shown = reading.plain[:TEXTS_SHOWN], reading.rich[:TEXTS_SHOWN]
        body.text = body.texts[0] if body.texts else None
        body.html = next((part for part in body.shown if part.type == "text/html"), None)
        used = {id(part) for part in (*body.texts, *body.shown)}
        if body.html is not None:
            used |= self.kept
        else:
            pictures = {id(part) for part in body.inline.values()}
            used |= self.kept - pictures
        body.attachments = [part for part, _, _ in order if not part.is_multipart and id(part) not in used]


def choose(root: Part) -> Body:
    """Sort the parts below ``root`` by what a reader does with them.

    Of alternatives the last that can be read wins (RFC 2046 section 5.1.4). Enclosed messages are attachments.
    """
    return _Chooser().run(root)

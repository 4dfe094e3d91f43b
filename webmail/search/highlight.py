"""The words of a search marked in a line of text, as HTML."""

from collections.abc import Callable, Sequence
from functools import partial
from html import escape

from webmail.mime.folding import spans

from .query import Query, Term

LONGEST = 2_000
BEFORE, SEEN = 16, 32
Marker = Callable[[str], str]


def marker(query: Query, *fields: str) -> Marker:
    """A function that escapes a text and marks the words looked for anywhere or in one of these fields."""
    terms = [term for term in query.terms if not term.field or term.field in fields]
    return partial(marked, terms=terms) if terms else escape


def marked(text: str, terms: Sequence[Term]) -> str:
    text = text[:LONGEST]
    found = [(start, end, word) for start, end, parts in spans(text) for word in parts]
    hits = [False] * len(found)
    for term in terms:
        length = len(term.words)
        for at in range(len(found) - length + 1):
            if _stands_at(term, found, at):
                hits[at : at + length] = [True] * length
    pieces, at, index = [], 0, 0
    while index < len(found):
        if not hits[index]:
            index += 1
            continue
        start, end = found[index][:2]
        # Neighbours with nothing but a blank between them are one passage.
        while index + 1 < len(found) and hits[index + 1] and not text[end : found[index + 1][0]].strip():
            index += 1
            end = max(end, found[index][1])
        if start >= at:
            pieces += [escape(text[at:start]), "<mark>", escape(text[start:end]), "</mark>"]
            at = end
        index += 1
    return "".join(pieces) + escape(text[at:])


def in_sight(line: str) -> str:
    """What ``marked`` gave, from shortly before its first mark where that stands so far behind that a list cuts it off."""
    at = line.find("<mark>")
    if at <= SEEN:
        return line
    # Blanks stand in no entity, so nothing is cut in two.
    first = line.rfind(" ", 0, at - BEFORE) + 1
    return f"… {line[first:]}" if first else line


def _stands_at(term: Term, found: Sequence[tuple[int, int, str]], at: int) -> bool:
    last = len(term.words) - 1
    for place, word in enumerate(term.words):
        there = found[at + place][2]
        if not (there == word or (term.prefix and place == last and there.startswith(word))):
            return False
    return True

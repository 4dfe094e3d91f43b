"""Text to words, alike for what is indexed and for what is asked. Pure.

Both databases get words that are cut and folded here, so that a search finds the same on either: case and accents do not
matter, a word is a run of letters and digits, and each character of a script without blanks is a word of its own, so
that a phrase of them finds any passage.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice

LONGEST_WORD = 64

_RUN = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]"
)
_PIECES = re.compile(_UNSPACED.pattern + "|[^" + _UNSPACED.pattern[1:-1] + "]+")


def fold(text: str) -> str:
    """Lower case, compatibility forms resolved, marks dropped: “Ｓtraße Ünal” is “strasse unal”."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in folded if not unicodedata.combining(char)).casefold()


def words(text: str) -> Iterator[str]:
    """The words in order."""
    folded = fold(text)
    if folded.isascii():
        for run in _RUN.finditer(folded):
            yield run[0][:LONGEST_WORD]
        return
    for run in _RUN.finditer(folded):
        if _UNSPACED.search(run[0]):
            for piece in _PIECES.finditer(run[0]):
                yield piece[0][:LONGEST_WORD]
        else:
            yield run[0][:LONGEST_WORD]


def first_words(text: str, most: int) -> list[str]:
    return list(islice(words(text), most))


def is_unspaced(word: str) -> bool:
    """Whether it is one character of a script without blanks."""
    return len(word) == 1 and _UNSPACED.match(word) is not None


def spans(text: str) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Each run of letters and digits of the text as it is written: start, end and its words.

    A run of a script without blanks comes character by character.
    """
    for run in _RUN.finditer(_joined(text)):
        pieces = _PIECES.finditer(run[0]) if _UNSPACED.search(run[0]) else [re.match(r"(?s).*", run[0])]
        for piece in pieces:
            if piece is not None:
                start, end = run.start() + piece.start(), run.start() + piece.end()
                yield start, end, tuple(words(text[start:end]))


def _joined(text: str) -> str:
    """Of the same length, with combining marks made part of their word."""
    if text.isascii():
        return text
    return "".join("x" if unicodedata.combining(char) else char for char in text)

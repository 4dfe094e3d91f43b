"""Names and addresses as words that a person may begin to type. Pure."""

from functools import lru_cache

from webmail.mime.folding import words
from webmail.models.address_book import SEARCH_KEPT

MOST_ASKED = 8
CODED, BITS = 4, 15
MASK = (1 << BITS) - 1


def searchable(*texts: str, most: int = SEARCH_KEPT) -> str:
    """Folded words with a blank before each: what begins with the text typed is found by ``" " + typed``."""
    found = dict.fromkeys(map(_in_words, texts))
    return ("".join(f" {each}" for each in found if each))[:most]


@lru_cache(maxsize=64)
def _in_words(text: str) -> str:
    """Remembered for a moment: a name stands in the contact and beside each of its addresses."""
    return " ".join(words(text))


def of_address(name: str, address: str) -> str:
    """The name, then the address, its domain among its words."""
    return searchable(name, address)


def asked(text: str) -> list[str]:
    """What has to stand in ``searchable`` text, for what was typed: each piece begins a word, in any order."""
    pieces = (" ".join(words(piece)) for piece in text.split()[:MOST_ASKED])
    return [f" {piece}" for piece in dict.fromkeys(pieces) if piece]


def folded_key(address: str) -> str:
    return address.strip().casefold()[:320]


def codes(text: str) -> set[int]:
    """Of the beginnings of all words of ``searchable`` text."""
    return {_code(word) for word in text.split()}


def code_range(piece: str) -> tuple[int, int]:
    """In which range, the end excluded, stands a code of every text that has the asked piece; the narrowest of its words."""
    ranges = []
    for place, word in enumerate(reversed(piece.split())):
        # The last word is only begun, those before it are whole.
        begun = len(word) if place == 0 else CODED
        low = _code(word)
        ranges.append((low, low + (1 << max(0, CODED - begun) * BITS)))
    return min(ranges, key=lambda each: each[1] - each[0])


def _code(word: str) -> int:
    """Four characters of 15 bits; that some share a number costs a look and no hit."""
    number = 0
    for place in range(CODED):
        number = number << BITS | (ord(word[place]) & MASK if place < len(word) else 0)
    return number

"""Names of hosts: who registered them, how they are shown, what they could be mistaken for. Nothing here raises."""

import re
import unicodedata
from functools import lru_cache

from publicsuffixlist import PublicSuffixList

_LONGEST = 253
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\Z")
# UTS 46 section 2.3: what stands for a full stop between labels.
_DOTS = re.compile("[\u3002\uff0e\uff61]")
# First words of the names of characters that belong to every script.
_COMMON = frozenset({"DIGIT", "HYPHEN-MINUS", "LOW", "COMBINING", "MIDDLE", "KATAKANA-HIRAGANA"})
# Scripts that are written beside each other in one language (UTS 39 section 5.1).
_TOGETHER = (
    frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "CJK", "HANGUL"}),
    frozenset({"LATIN", "CJK", "BOPOMOFO"}),
)
# Letters of other scripts, and digits, that look like a Latin letter in most typefaces; i and l look like each other.
_ALIKE = str.maketrans(
    {
        letter: latin
        for latin, letters in {
            "a": "\u0430\u03b1\u0251",
            "b": "\u0432\u044c\u03b2\u0185\u0253",
            "c": "\u0441\u03f2",
            "d": "\u0501\u0111\u00f0",
            "e": "\u0435\u04bd\u03b5",
            "f": "\u0493\u0192",
            "g": "\u0581\u0261",
            "h": "\u04bb\u043d\u0570",
            "j": "\u0458\u03f3\u0575",
            "k": "\u043a\u03ba\u049d",
            "l": "i1|\u0131\u0456\u0269\u01c0\u03b9\u04cf\u056c\u2113\u029f\u0142",
            "m": "\u043c",
            "n": "\u043f\u03b7\u0578\u0274",
            "o": "0\u043e\u03bf\u0585\u00f8",
            "p": "\u0440\u03c1",
            "q": "\u051b\u0566",
            "s": "\u0455",
            "t": "\u0442\u03c4",
            "u": "\u03c5\u057d",
            "v": "\u03bd\u0475",
            "w": "\u051d\u0461\u03c9\u0561",
            "x": "\u0445\u03c7",
            "y": "\u0443\u03b3",
        }.items()
        for letter in letters
    }
)
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"))


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def warm() -> None:
    """Read the list of public suffixes, which takes a tenth of a second."""
    _suffixes()


@lru_cache(maxsize=4096)
def ascii_form(host: str) -> str:
    """``host`` in lower case with every label as an A-label (RFC 5890); "" for what is no name of a host."""
    if len(host) > _LONGEST * 2:
        return ""
    name = _DOTS.sub(".", unicodedata.normalize("NFKC", host)).lower().rstrip(".")
    if not name.isascii():
        try:
            name = ".".join(
                label if label.isascii() else "xn--" + label.encode("punycode").decode() for label in name.split(".")
            )
        except (UnicodeError, ValueError, OverflowError):
            return ""
    return name if len(name) <= _LONGEST and all(map(_LABEL.match, name.split("."))) else ""


@lru_cache(maxsize=8192)
def organisation(host: str) -> str:
    """The domain that somebody registered and ``host`` belongs to, as A-labels; "" for an address, a suffix, a bare word."""
    name = ascii_form(host)
    if not name or "." not in name or name.rpartition(".")[2].isdigit():
        return ""
    return str(_suffixes().privatesuffix(name) or "")


def is_known_suffix(host: str) -> bool:
    """Whether ``host`` ends in a suffix that exists, and has something before it."""
    name = ascii_form(host)
    ending = name.rpartition(".")[2]
    return (
        bool(ending) and _suffixes().publicsuffix(ending, accept_unknown=False) is not None and bool(organisation(name))
    )


def aligned(one: str, other: str) -> bool:
    """Relaxed alignment (RFC 7489 section 3.1): both belong to the same registered domain."""
    found = organisation(one)
    return bool(found) and found == organisation(other)


@lru_cache(maxsize=4096)
def unicode_form(host: str) -> str:
    """``host`` with its A-labels decoded; those that cannot be stay."""
    return ".".join(map(_decoded, ascii_form(host).split(".")))


def _decoded(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        text = label[4:].encode().decode("punycode")
        text.encode()
    except (UnicodeError, ValueError, OverflowError):
        return label
    # What would not come back the same is not what the label says.
    return text if text.isprintable() and ascii_form(text) == label else label


@lru_cache(maxsize=4096)
def is_odd(host: str) -> bool:
    """Whether a label mixes scripts, or is written in letters of another script that all look Latin."""
    return any(
        _odd_label(label) for label in unicode_form(host).split(".") if not label.isascii() or label[:4] == "xn--"
    )


def _odd_label(label: str) -> bool:
    if label.isascii():
        # An A-label that could not be decoded.
        return True
    scripts = {_script(char) for char in label} - _COMMON
    if len(scripts) > 1:
        return not any(scripts <= together for together in _TOGETHER)
    return scripts != {"LATIN"} and skeleton(label).isascii()


def _script(char: str) -> str:
    return unicodedata.name(char, "UNKNOWN").split(" ")[0].split("-")[0] if not char.isdigit() else "DIGIT"


def shown(host: str) -> str:
    """``host`` for people: in its own script, or as A-labels where that could deceive."""
    return ascii_form(host) if is_odd(host) else unicode_form(host)


@lru_cache(maxsize=4096)
def skeleton(text: str) -> str:
    """What ``text`` looks like at a glance: texts with the same skeleton can be mistaken for each other (UTS 39)."""
    bare = "".join(char for char in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(char))
    bare = bare.translate(_ALIKE)
    for pair, one in _PAIRS:
        bare = bare.replace(pair, one)
    return bare


@lru_cache(maxsize=8192)
def looks_like(host: str) -> str:
    """The skeleton of the registered domain of ``host``; "" where there is none."""
    return skeleton(unicode_form(organisation(host)))

"""CSS of foreign mail, reduced to what changes the look of its own document and loads nothing by itself."""

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import islice

import tinycss2
from bleach.css_sanitizer import CSSSanitizer
from tinycss2.ast import Node

STYLE_LIMIT = 200_000
_RULE_LIMIT = 2_000
_ATTRIBUTE_LIMIT = 8_000
_VALUE_LIMIT = 2_000
_PRELUDE_LIMIT = 2_000
_MEDIA_DEPTH = 3


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SIDES = ("", "-top", "-right", "-bottom", "-left")
_PROPERTIES = _words(
    "background background-clip background-color background-image background-origin background-position "
    "background-repeat background-size border-collapse border-radius border-spacing border-top-left-radius "
    "border-top-right-radius border-bottom-left-radius border-bottom-right-radius box-shadow box-sizing caption-side "
    "clear color color-scheme column-gap direction display empty-cells "
    "flex flex-basis flex-direction flex-flow flex-grow flex-shrink flex-wrap float font font-family "
    "font-feature-settings font-kerning font-size font-stretch font-style font-variant font-weight gap "
    "grid-template-columns height justify-content align-items align-content align-self letter-spacing "
    "line-break line-height list-style list-style-position list-style-type max-height max-width min-height min-width "
    "mso-hide object-fit opacity order orphans outline outline-color outline-style outline-width overflow "
    "overflow-wrap overflow-x overflow-y quotes row-gap tab-size table-layout text-align text-align-last "
    "text-decoration text-decoration-color text-decoration-line text-decoration-style text-indent text-justify "
    "text-overflow text-shadow text-size-adjust text-transform text-underline-offset unicode-bidi vertical-align "
    "visibility white-space widows width word-break word-spacing word-wrap writing-mode -webkit-text-size-adjust "
    "-ms-text-size-adjust -webkit-font-smoothing"
) | {
    *(f"margin{side}" for side in _SIDES),
    *(f"padding{side}" for side in _SIDES),
    *(f"border{side}{part}" for side in _SIDES for part in ("", "-color", "-style", "-width")),
}
_FUNCTIONS = _words(
    "rgb rgba hsl hsla hwb lab lch oklab oklch calc min max clamp linear-gradient radial-gradient conic-gradient "
    "repeating-linear-gradient repeating-radial-gradient repeat minmax fit-content"
)
_CSS = CSSSanitizer(allowed_css_properties=_PROPERTIES, allowed_svg_properties=frozenset())
# Words, numbers, colours and quoted names: no other function, no escape, comment or block.
_PLAIN_VALUE = re.compile(
    r"""(?:[\w\s#%.,+!-]++|'[\w\s.,-]*+'|"[\w\s.,-]*+"|(?:(?<=rgb)|(?<=rgba))\([\d\s.,%]*+\))*+""", re.IGNORECASE
)
# What browsers take minutes for, and the page around the mail stands still with it: everything is compared with everything
# before it, or painted many times over.
_COSTLY = re.compile(r"~(?!=)|:(?:has|is|where|matches|any|-webkit-any|-moz-any)\b", re.IGNORECASE)
_SHADOWS = frozenset({"box-shadow", "text-shadow"})
_SHADOW_LIMIT = 160
_NOT_LENGTHS = re.compile(r"\b(?:rgb|hsl)a?\([^()]*\)|!\s*important\b", re.IGNORECASE)
_SHADOW_WORD = re.compile(r"[a-z]+|#[0-9a-f]{3,8}|-?\d{0,2}(?:\.\d*)?(?:px)?", re.IGNORECASE)
_MEDIA = re.compile(r"[\w\s():,.+/>=-]{0,500}")
_DARK = re.compile(r"prefers-color-scheme\s*:\s*dark", re.IGNORECASE)
_SCHEME = re.compile(r"(?<![\w-])color-scheme\s*:[^;{}()]{0,100}\bdark\b", re.IGNORECASE)
_DARK_PAGE = re.compile(r"\bbody\b[^{}]{0,200}\{[^{}]{0,500}\bbackground", re.IGNORECASE)
_BLOCKS_READ = 20
_BLOCK_READ = 4_000
FOR_BOTH = ":root{color-scheme:light dark}"
_UNSAFE_IN_URL = re.compile(r"[\x00-\x20\"'()<>\\\x7f]")

Resolve = Callable[[str], str | None]


@lru_cache(maxsize=4096)
def _allowed(style: str) -> str:
    """The declarations of ``style`` whose property is allowed; the one place that uses bleach."""
    try:
        return _CSS.sanitize_css(style)
    except (RecursionError, ValueError):
        return ""


def forget() -> None:
    """Empty the memory of styles already seen; results never depend on it."""
    _allowed.cache_clear()


def _bearable(name: str, value: str, *, flat: bool) -> bool:
    """Whether a browser lays it out and paints it in time; ``flat`` as in :func:`declarations`."""
    if name == "display":
        return not flat or value.strip().lower().startswith("none")
    if name not in _SHADOWS:
        return True
    words = re.split(r"[\s,]+", _NOT_LENGTHS.sub(" ", value))
    return len(value) <= _SHADOW_LIMIT and all(_SHADOW_WORD.fullmatch(word) for word in words if word)


def _plain(style: str, *, flat: bool) -> str | None:
    """``style`` filtered without a parser where all its values are plain words, else None: most of mail is that."""
    kept = []
    for declaration in style.split(";"):
        name, _, value = declaration.partition(":")
        if not _PLAIN_VALUE.fullmatch(value) or "\\" in name or "/" in name:
            return None
        if value and (name := name.strip().lower()) in _PROPERTIES and _bearable(name, value, flat=flat):
            kept.append(f"{name}:{' '.join(value.split())}".replace("'", '"'))
    return ";".join(kept)


def declarations(style: str, resolve: Resolve, *, flat: bool = False) -> str:
    """A style attribute or the body of a rule, filtered. ``resolve`` gives the address to load for a url(), or None.

    ``flat`` is for markup that is nested deeply: boxes inside lines, a few hundred deep, end the process of the page.
    """
    if len(style) > _ATTRIBUTE_LIMIT:
        return ""
    if (plain := _plain(style, flat=flat)) is not None:
        return plain
    try:
        parsed = tinycss2.parse_declaration_list(_allowed(style), skip_comments=True, skip_whitespace=True)
        kept = []
        for declaration in parsed:
            if declaration.type != "declaration":
                continue
            value = _value(declaration.value, resolve)
            if value and _bearable(declaration.lower_name, value, flat=flat):
                kept.append(f"{declaration.lower_name}:{value}{' !important' if declaration.important else ''}")
    except (RecursionError, ValueError):
        return ""
    return ";".join(kept)


def _value(tokens: list[Node], resolve: Resolve) -> str:
    out: list[str] = []
    for token in tokens:
        address = _address(token)
        if address is not None:
            resolved = resolve(address)
            out.append(f'url("{_UNSAFE_IN_URL.sub(_percent, resolved)}")' if resolved else "")
        elif token.type == "comment":
            out.append(" ")
        elif _harmless(token):
            out.append(token.serialize())
        else:
            return ""
    value = " ".join("".join(out).split())
    return value if len(value) <= _VALUE_LIMIT and "<" not in value else ""


def _percent(found: re.Match[str]) -> str:
    return f"%{ord(found[0]):02X}"


def _address(token: Node) -> str | None:
    if token.type == "url":
        return str(token.value)
    if token.type == "function" and token.lower_name == "url":
        strings = [argument.value for argument in token.arguments if argument.type == "string"]
        return str(strings[0]) if strings else ""
    return None


def _harmless(token: Node) -> bool:
    match token.type:
        case "function":
            return token.lower_name in _FUNCTIONS and all(map(_harmless, token.arguments))
        case "() block":
            return all(map(_harmless, token.content))
        case "literal":
            return token.value in {",", "/", "+", "-", "*"}
        case kind:
            return kind in {"ident", "number", "percentage", "dimension", "hash", "string", "whitespace"}


def sheet(css: str, resolve: Resolve, *, flat: bool = False) -> str:
    """The text for a style element, safe inside it; @media is kept, every other at-rule goes, "" when over 200 kB.

    Rules for dark screens are kept where the design says that it is made for both (``FOR_BOTH``).
    """
    if len(css) > STYLE_LIMIT:
        return ""
    try:
        rules = tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True)
        return "\n".join(_rules(rules, resolve, 0, dark=for_both(css), flat=flat))
    except (RecursionError, ValueError):
        return ""


def for_both(css: str) -> bool:
    """Whether the design says so: by the property, or by a page that it makes dark itself."""
    if _SCHEME.search(css):
        return True
    for found in islice(_DARK.finditer(css), _BLOCKS_READ):
        block = css[found.end() : found.end() + _BLOCK_READ].partition("@media")[0]
        if _DARK_PAGE.search(block):
            return True
    return False


def _rules(rules: list[Node], resolve: Resolve, depth: int, *, dark: bool, flat: bool) -> list[str]:
    out: list[str] = []
    for rule in rules[:_RULE_LIMIT]:
        if rule.type == "qualified-rule":
            selector = " ".join(tinycss2.serialize(rule.prelude).split())
            if not selector or len(selector) > _PRELUDE_LIMIT or "<" in selector or _COSTLY.search(selector):
                continue
            if body := declarations(tinycss2.serialize(rule.content), resolve, flat=flat):
                out.append(f"{selector}{{{body}}}")
        elif rule.type == "at-rule" and rule.lower_at_keyword == "media" and rule.content and depth < _MEDIA_DEPTH:
            condition = " ".join(tinycss2.serialize(rule.prelude).split())
            if not dark and _DARK.search(condition):
                # A design is shown on white: half of it turned dark, as most of these rules do, could not be read.
                continue
            inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
            body = "\n".join(_rules(inner, resolve, depth + 1, dark=dark, flat=flat))
            if body and _MEDIA.fullmatch(condition):
                out.append(f"@media {condition}{{{body}}}")
    return out

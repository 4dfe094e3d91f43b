"""Parameters of MIME fields (RFC 2045 section 5.1, RFC 2231, RFC 2183), as written and as found."""

import re
from urllib.parse import unquote_to_bytes

from webmail.mime.charset import decode_charset
from webmail.mime.headers import display_text
from webmail.mime.words import decode_words, tidy, to_text

_FIELD_LIMIT = 16_384
_COUNT = 100
_NAME_LIMIT = 200
_PARAMETER = re.compile(
    r';[\s;]*([^=;\s"]{1,100})[ \t\r\n]*=[ \t\r\n]*(?:"((?:[^"\\]|\\.){0,8192})"|([^;]*))', re.DOTALL
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_CONTINUED = re.compile(r"(.+?)\*(?:(\d{1,3})(\*)?)?$")
_TOKEN = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}")
_TYPE = re.compile(r"\s*([A-Za-z0-9!#$&^_.+-]{1,127})\s*/\s*([A-Za-z0-9!#$&^_.+-]{1,127})")


def parse_value(raw: bytes | str | None) -> tuple[str, dict[str, str]]:
    """The value before the first ``;`` in lower case, and the decoded parameters by their lower-case names."""
    text = to_text(raw)[:_FIELD_LIMIT]
    head, _, _ = text.partition(";")
    pairs: list[tuple[str, str]] = []
    for found in _PARAMETER.finditer(text, len(head)):
        quoted, bare = found[2], found[3]
        value = _ESCAPED.sub(r"\1", quoted) if quoted is not None else bare.strip().strip('"')
        pairs.append((found[1].lower(), value))
        if len(pairs) >= _COUNT:
            break
    return tidy(head).lower(), merge(pairs)


def merge(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Decoded parameters out of raw ones: continuations and charsets of RFC 2231, and the encoded words it forbids.

    The first of several equal names wins; an RFC 2231 form wins over the plain one beside it.
    """
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for name, value in pairs:
        found = _CONTINUED.match(name)
        if found is None:
            plain.setdefault(name, tidy(decode_words(value)) if "=?" in value else tidy(value))
            continue
        encoded = found[2] is None or found[3] is not None
        pieces.setdefault(found[1], {}).setdefault(int(found[2] or 0), (value, encoded))
    return plain | {name: _joined(parts) for name, parts in pieces.items()}


def _joined(pieces: dict[int, tuple[str, bool]]) -> str:
    ordered = [pieces[number] for number in sorted(pieces)]
    charset = ""
    first, encoded = ordered[0]
    if encoded and first.count("'") >= 2:
        charset, _, rest = first.partition("'")
        ordered[0] = (rest.partition("'")[2], True)
    if not any(encoded for _, encoded in ordered):
        whole = "".join(value for value, _ in ordered)
        return tidy(decode_words(whole)) if "=?" in whole else tidy(whole)
    octets = b"".join(
        unquote_to_bytes(value) if encoded else value.encode("utf-8", "replace") for value, encoded in ordered
    )
    return tidy(decode_charset(octets, charset))


def media_type(value: str, default: str = "text/plain") -> str:
    """A media type in lower case; ``default`` where there is none or its syntax is broken (RFC 2045 section 5.2)."""
    found = _TYPE.match(value)
    if found is None and value.strip().lower() in {"text", "text/"}:
        return "text/plain"
    return f"{found[1]}/{found[2]}".lower() if found else default


def token(raw: bytes | str | None) -> str:
    """The first word of a field such as Content-Transfer-Encoding in lower case, or ""."""
    found = _TOKEN.search(to_text(raw)[:200].lower())
    return found[0] if found else ""


def safe_filename(name: str) -> str:
    """``name`` as a name only: no path, no controls, no tricks of direction, at most 200 characters, extension kept."""
    name = display_text(tidy(name)).replace("\\", "/").rsplit("/", 1)[-1].strip().strip('"')
    name = name.lstrip(".").rstrip(". ") if name.strip(". ") else ""
    if len(name) <= _NAME_LIMIT:
        return name
    stem, dot, extension = name.rpartition(".")
    if dot and len(extension) <= 16:
        return stem[: _NAME_LIMIT - 1 - len(extension)] + dot + extension
    return name[:_NAME_LIMIT]


def filename(type_params: dict[str, str], disposition_params: dict[str, str]) -> str:
    """The name a part asks to be saved under: Content-Disposition's filename, else Content-Type's name, made safe."""
    return safe_filename(disposition_params.get("filename") or type_params.get("name") or "")

"""vCards as properties (RFC 6350 section 3, RFC 2426, vCard 2.1), read however damaged and written as they should be."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from webmail.mime.charset import decode_charset, storable
from webmail.mime.transfer import decode_transfer

LINE_OCTETS = 75
_LONGEST_USUAL = 100  # characters of parameters that are remembered
_LINE = re.compile(r"\r\n|\r|\n")
_PROPERTY = re.compile(
    r"(?:(?P<group>[\w-]{1,40})\.)?(?P<name>[A-Za-z0-9-]{1,40})"
    r"(?P<params>(?:;[^:\"]*(?:\"[^\"]*\"[^:\"]*)*)?):(?P<value>.*)",
    re.DOTALL,
)
_PARAM = re.compile(r";((?:[^;\"]|\"[^\"]*\"?)*)")
_LISTED = re.compile(r"(?:[^,\"]|\"[^\"]*\"?)+")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_CARET = re.compile(r"\^([n'^])")
_CARET_MEANS = {"n": "\n", "'": '"', "^": "^"}
# A line cut between the octets of one character, as some programs do.
_CUT_CHARACTER = re.compile(rb"(?<=[\x80-\xff])\r?\n[ \t](?=[\x80-\xbf])")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")
_BARE = {"QUOTED-PRINTABLE", "BASE64", "8BIT", "7BIT"}
_NOT_KEPT = {"CHARSET", "ENCODING"}
Params = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Property:
    """``name`` and names of parameters in capitals; ``value`` as written, escapes and all, on one line."""

    name: str
    value: str
    group: str = ""
    params: Params = ()

    def param(self, name: str) -> tuple[str, ...]:
        return tuple(value for key, values in self.params if key == name for value in values)

    @property
    def preferred(self) -> bool:
        return bool(self.params) and (bool(self.param("PREF")) or "pref" in self.types)

    @property
    def types(self) -> list[str]:
        """TYPE, lower case, in order, each once."""
        found = (word.lower() for value in self.param("TYPE") for word in value.replace(",", " ").split())
        return list(dict.fromkeys(found))


def decoded(data: bytes, charset: str = "") -> str:
    return decode_charset(_CUT_CHARACTER.sub(b"", data), charset)


def cards(text: str, most_lines: int) -> Iterator[list[Property]]:
    """The properties of each card, BEGIN and END left out; a card that never ends ends with the text."""
    found: list[Property] | None = None
    for line in _logical_lines(text, most_lines):
        if (each := _property(line)) is None:
            continue
        if each.name in {"BEGIN", "END"}:
            if each.value.strip().upper() != "VCARD":
                continue
            if found:
                yield found
            found = [] if each.name == "BEGIN" else None
        elif found is not None:
            found.append(each)
    if found:
        yield found


def _logical_lines(text: str, most: int) -> list[str]:
    """Lines unfolded, those of quoted-printable (vCard 2.1) by their soft ends too."""
    lines: list[list[str]] = []
    soft = quoted = False
    for line in _LINE.split(text, maxsplit=most)[:most]:
        if soft and lines:
            lines[-1].append("\n" + line)
        elif line[:1] in {" ", "\t"} and lines:
            lines[-1].append(line[1:])
        else:
            lines.append([line])
            # Asked once for each property: its first piece may be as long as the file.
            quoted = "QUOTED-PRINTABLE" in line.upper()
        soft = quoted and line.endswith("=")
    return ["".join(pieces) for pieces in lines]


def _property(line: str) -> Property | None:
    found = _PROPERTY.match(line)
    if found is None:
        return None
    value = found["value"]
    written = found["params"]
    params = () if not written else _usual(written) if len(written) <= _LONGEST_USUAL else _params(written)
    said = {value.upper() for key, values in params for value in values if key == "ENCODING"}
    if "QUOTED-PRINTABLE" in said:
        charset = next((values[0] for key, values in params if key == "CHARSET" and values), "")
        octets = decode_transfer(value.encode("utf-8", "replace"), "quoted-printable")
        value = re.sub(r"\r\n|\r|\n", r"\\n", decode_charset(octets, charset.strip('"').lower()[:40]))
    kept = tuple(each for each in params if each[0] and each[0] not in _NOT_KEPT) if params else ()
    if said & {"B", "BASE64"}:
        value = re.sub(r"\s+", "", value)
        kept = (*kept, ("ENCODING", ("b",)))
    return Property(found["name"].upper(), _storable(value), (found["group"] or "").lower(), kept)


def _storable(value: str) -> str:
    return value if value.isprintable() else _CONTROL.sub("", storable(value))


def _params(text: str) -> Params:
    return tuple(_param(each) for each in _PARAM.findall(text))


# The same few stand in every card of a file.
_usual = lru_cache(maxsize=256)(_params)


def _param(text: str) -> tuple[str, tuple[str, ...]]:
    """Of vCard 2.1 a value may stand without its name."""
    name, equals, value = text.partition("=")
    if not equals:
        bare = name.strip().upper()
        return ("ENCODING" if bare in _BARE else "TYPE", (bare,)) if bare else ("", ())
    values = (each.replace('"', "").strip() for each in _LISTED.findall(value))
    unescaped = (_CARET.sub(lambda found: _CARET_MEANS[found[1]], _storable(each)) for each in values)
    key = re.sub(r"[^A-Z0-9-]", "", name.upper())[:40]
    return key, tuple(each for each in unescaped if each)


def unescape(value: str) -> str:
    if "\\" not in value:
        return value
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], value)


def fields(value: str, most: int = 20) -> list[str]:
    """The components of a structured value, as text."""
    return [unescape(each) for each in _cut(value, ";", most)]


def listed(value: str, most: int = 100) -> list[str]:
    return [unescape(each) for each in _cut(value, ",", most)]


def _cut(value: str, separator: str, most: int) -> list[str]:
    """At separators that no backslash stands before, unless that one is escaped itself."""
    if "\\" not in value:
        return value.split(separator, most)
    pieces: list[str] = []
    start = 0
    for found in re.finditer(rf"\\.|{separator}", value, re.DOTALL):
        if found[0] == separator and len(pieces) < most:
            pieces.append(value[start : found.start()])
            start = found.end()
    return [*pieces, value[start:]]


def escape(text: str) -> str:
    """RFC 6350 section 3.4; good for components and lists too."""
    text = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return _CONTROL.sub("", re.sub(r"\r\n|\r|\n", r"\\n", text))


def written(properties: Iterable[Property]) -> bytes:
    """One card in lines of at most 75 octets, each character whole (section 3.2)."""
    lines = [b"BEGIN:VCARD", *(_line(each) for each in properties), b"END:VCARD"]
    return b"".join(piece + b"\r\n" for line in lines for piece in _folded(line))


def _line(each: Property) -> bytes:
    params = "".join(
        f";{name}={','.join(_param_value(value) for value in values)}" for name, values in each.params if values
    )
    group = f"{each.group}." if each.group else ""
    return f"{group}{each.name}{params}:{_CONTROL.sub('', each.value)}".encode("utf-8", "replace")


def _param_value(value: str) -> str:
    value = value.replace("^", "^^").replace("\n", "^n").replace('"', "^'")
    value = _CONTROL.sub("", value)
    return f'"{value}"' if re.search(r"[,;:]", value) else value


def _folded(line: bytes) -> Iterator[bytes]:
    start, room = 0, LINE_OCTETS
    while len(line) - start > room:
        end = start + room
        while line[end] & 0xC0 == 0x80:
            end -= 1
        yield (b" " if start else b"") + line[start:end]
        start, room = end, LINE_OCTETS - 1
    yield (b" " if start else b"") + line[start:]

"""Header fields and text bodies as they are written into a message of ours."""

import binascii
import re
from base64 import b64encode
from collections.abc import Iterable
from urllib.parse import quote

from webmail.mime.address import Address
from webmail.mime.charset import storable

_LINE = 76
_HARD_LINE = 990
_LONG_WORD = 400
_WORD_OCTETS = 45
_BREAKS = re.compile(r"\r\n|\r|\n|\u2028|\u2029|\x0b|\x0c")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,70}")
_RESERVED = {
    *("from", "sender", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id", "in-reply-to", "references"),
    *("mime-version", "content-type", "content-transfer-encoding", "content-disposition", "content-id"),
}
_ATOM_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
# With its brackets and "In-Reply-To: " an id still fits a line of 998.
_ID = re.compile(r"[!-;=?-~]{1,980}")
_LOCAL = re.compile(r'[^\x00-\x20\x7f-\x9f()<>\[\]:;@\\,"\s]{1,256}|"[^\x00-\x1f\x7f-\x9f"\\]{1,256}"')
_DOMAIN = re.compile(r"[^\x00-\x20\x7f-\x9f()<>\[\]:;@\\,\"\s]{1,255}|\[[0-9A-Fa-f:.IPv]{1,60}\]")
_PLAIN_PARAMETER = re.compile(r"[A-Za-z0-9 !#$&'()+,.;=@^_`{}~-]{1,60}")


def raw_field(name: str, value: str) -> bytes:
    """``name: value`` folded at white space; the value must be ASCII without controls."""
    return fold(name, value.split(" "))


def fold(name: str, words: Iterable[str]) -> bytes:
    """A field of ``words`` parted by single spaces, broken before words that would pass column 76 (RFC 5322 2.2.3)."""
    lines = [f"{name}:"]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > _LINE and lines[-1].strip() and lines[-1] != f"{name}:":
            lines.append("")
        lines[-1] += f" {word}"
    return ("\r\n".join(lines) + "\r\n").encode()


def clean(text: str) -> str:
    """``text`` without line breaks, controls, NUL and lone surrogates."""
    return _CONTROLS.sub(" ", storable(text)).strip()


def encoded_words(text: str) -> list[str]:
    """``text`` as encoded words (RFC 2047 section 2) of at most 75 characters, none splitting a character."""
    words = []
    octets = b""
    for character in text:
        more = character.encode("utf-8", "replace")
        if len(octets) + len(more) > _WORD_OCTETS:
            words.append(octets)
            octets = b""
        octets += more
    if octets:
        words.append(octets)
    return [f"=?utf-8?b?{b64encode(word).decode('ascii')}?=" for word in words]


def _needs_encoding(text: str) -> bool:
    return not text.isascii() or "=?" in text or any(len(word) > _LONG_WORD for word in text.split(" "))


def text_field(name: str, text: str) -> bytes:
    """An unstructured field such as Subject."""
    text = clean(text)
    if _needs_encoding(text) or "  " in text:
        return fold(name, encoded_words(text))
    return fold(name, text.split(" "))


def extra_field(name: str, value: str) -> bytes:
    """A further field. ValueError for a name that is none or one of ours, and for a value with a line break or NUL."""
    if not _FIELD_NAME.fullmatch(name) or name.lower() in _RESERVED:
        raise ValueError("not the name of a further header field")
    if _CONTROLS.search(value):
        raise ValueError("a header field must not hold control characters")
    return text_field(name, value)


def ids_field(name: str, ids: list[str]) -> bytes:
    """A field of message ids. What cannot be an id raises ValueError where it is the only one, else is left out."""
    good = [each for each in ids if _ID.fullmatch(each)]
    if not good and ids:
        raise ValueError("not a message id")
    return fold(name, [f"<{each}>" for each in good])


def ascii_domain(domain: str) -> str:
    """``domain`` in ASCII (IDNA), or "" when it cannot be a domain."""
    domain = domain.strip().strip(".")
    if not _DOMAIN.fullmatch(domain):
        return ""
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


def address_spec(address: str) -> str:
    """``address`` for a header field, its domain in ASCII. ValueError when it is no address (RFC 5322 section 3.4.1)."""
    local, at, domain = address.rpartition("@")
    ascii_name = ascii_domain(domain)
    if not at or not _LOCAL.fullmatch(local) or not ascii_name:
        raise ValueError("not a mail address")
    return f"{local}@{ascii_name}"


def _phrase(shown: str) -> list[str]:
    """A display name (RFC 5322 section 3.4) as the words of a folded field."""
    if _needs_encoding(shown):
        return encoded_words(shown)
    if not shown or (_ATOM_NAME.fullmatch(shown) and "  " not in shown):
        return shown.split()
    return ('"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"').split(" ")


def addresses_field(name: str, people: list[Address], *, strict: bool = True) -> bytes:
    """An address list. What is no address raises ValueError, or stands as a name while not ``strict``.

    A local part beyond ASCII is written as UTF-8 (RFC 6532), which only servers with SMTPUTF8 take.
    """
    words: list[str] = []
    for number, person in enumerate(people):
        comma = "," if number < len(people) - 1 else ""
        shown = clean(person.name)
        try:
            spec = address_spec(person.address)
            words += [*_phrase(shown), f"<{spec}>"] if shown else [spec]
        except ValueError:
            if strict:
                raise
            words += _phrase(clean(f"{person.name} {person.address}")) or ['""']
        words[-1] += comma
    return fold(name, words)


def parameter_field(field: str, value: str, name: str, parameter: str) -> bytes:
    """``field: value; name=parameter``, the parameter in RFC 2231 form where it is not short plain ASCII."""
    if not parameter:
        return f"{field}: {value}\r\n".encode("ascii")
    if _PLAIN_PARAMETER.fullmatch(parameter):
        return f'{field}: {value};\r\n {name}="{parameter}"\r\n'.encode("ascii")
    octets = quote(parameter.encode("utf-8", "replace"), safe="")
    pieces = re.findall(r"(?:%..|[^%]){1,50}", octets)
    if len(pieces) == 1:
        return f"{field}: {value};\r\n {name}*=utf-8''{pieces[0]}\r\n".encode("ascii")
    pieces[0] = f"utf-8''{pieces[0]}"
    lines = ";\r\n ".join(f"{name}*{number}*={piece}" for number, piece in enumerate(pieces))
    return f"{field}: {value};\r\n {lines}\r\n".encode("ascii")


def one_line_ending(text: str) -> str:
    """``text`` storable and with CRLF line ends only."""
    return "\r\n".join(_BREAKS.split(storable(text)))


def flow(text: str) -> str:
    """``text`` as format=flowed (RFC 3676 section 4.2): long lines end softly, lines that need it are space-stuffed."""
    out: list[str] = []
    for line in _BREAKS.split(storable(text)):
        if line.rstrip(" ") == "--":
            out.append("-- " if line == "-- " else "--")
            continue
        marks = re.match(r">+", line)
        quote_marks = marks[0] if marks else ""
        content = line[len(quote_marks) :].rstrip(" ")
        out += _flowed(quote_marks, content.removeprefix(" ") if quote_marks else content)
    return "\r\n".join(out)


def _flowed(marks: str, content: str) -> list[str]:
    prefix = f"{marks} " if marks else " " if content.startswith((" ", ">", "From ")) else ""
    lines = []
    while len(content) > 72 and (cut := content.rfind(" ", 0, 72)) > 0 and content[cut + 1 :].strip():
        lines.append(f"{prefix}{content[: cut + 1]}")
        content = content[cut + 1 :]
        prefix = f"{marks} " if marks else " " if content.startswith((" ", ">", "From ")) else ""
    return [*lines, f"{prefix}{content}" if content or not marks else marks]


def encode_text(text: str) -> tuple[bytes, str]:
    """The octets of a CRLF text and the transfer encoding they are in: 7bit where it fits, else the shorter form."""
    data = text.encode("utf-8", "replace")
    if data.isascii() and all(len(line) <= _HARD_LINE for line in data.split(b"\r\n")) and b"\x00" not in data:
        return data, "7bit"
    beyond = sum(octet > 126 for octet in data)
    if beyond * 6 > len(data):
        lines = [b64encode(data[start : start + 57]) for start in range(0, len(data), 57)]
        return b"\r\n".join(lines), "base64"
    encoded = b"\r\n".join(
        binascii.b2a_qp(line, istext=True).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        for line in data.split(b"\r\n")
    )
    return encoded, "quoted-printable"

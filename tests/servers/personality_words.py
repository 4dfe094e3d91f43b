"""How a server writes what it knows of a message: ENVELOPE, BODYSTRUCTURE, sections (RFC 3501 section 7.4.2), and how it
reads a command."""

import re
from email import message_from_bytes, policy
from email.message import Message
from email.utils import getaddresses
from typing import Any

_TOKEN = re.compile(
    rb' *(?:(\()|(\))|"((?:[^"\\]|\\.)*)"|\{(\d+)\+?\}\r\n|((?:[^ ()\[\]\r\n]|\[[^\]]*\])+))', re.DOTALL
)


def read(command: bytes) -> list[Any]:
    """Atoms, strings and literals as bytes, parenthesised lists as lists."""
    stack: list[list[Any]] = [[]]
    at = 0
    while (found := _TOKEN.match(command, at)) is not None:
        at = found.end()
        if found[1]:
            stack.append([])
        elif found[2]:
            inner = stack.pop()
            stack[-1].append(inner)
        elif found[4]:
            stack[-1].append(command[at : at + int(found[4])])
            at += int(found[4])
        elif found[3] is not None:
            stack[-1].append(re.sub(rb"\\(.)", rb"\1", found[3]))
        else:
            stack[-1].append(found[5])
    return stack[0]


def quoted(value: str | bytes | None) -> bytes:
    if value is None:
        return b"NIL"
    octets = value.encode() if isinstance(value, str) else value
    if re.search(rb'["\\\r\n\x80-\xff]', octets):
        return b"{%d}\r\n" % len(octets) + octets
    return b'"' + octets + b'"'


def parsed(raw: bytes) -> Message:
    return message_from_bytes(raw, policy=policy.compat32)


def envelope(message: Message) -> bytes:
    def people(name: str) -> bytes:
        found = [
            b"(%s NIL %s %s)" % (quoted(shown or None), *(quoted(half) for half in address.rsplit("@", 1)))
            for shown, address in getaddresses(message.get_all(name, []))
            if "@" in address
        ]
        return b"(" + b"".join(found) + b")" if found else b"NIL"

    sender = people("From")
    fields = [quoted(message["Date"]), quoted(message["Subject"]), sender, sender, sender]
    fields += [people("To"), people("Cc"), people("Bcc"), quoted(message["In-Reply-To"]), quoted(message["Message-ID"])]
    return b"(" + b" ".join(fields) + b")"


def structure(message: Message) -> bytes:
    if message.is_multipart():
        inner = b"".join(structure(part) for part in message.get_payload())  # type: ignore[arg-type]
        return b"(" + inner + b" " + quoted(message.get_content_subtype().upper()) + b")"
    body = _body(message)
    charset = message.get_content_charset()
    parameters = b'("CHARSET" ' + quoted(charset) + b")" if charset else b"NIL"
    encoding = quoted((message["Content-Transfer-Encoding"] or "7BIT").upper())
    main, sub = quoted(message.get_content_maintype().upper()), quoted(message.get_content_subtype().upper())
    lines = b" %d" % body.count(b"\n") if message.get_content_maintype() == "text" else b""
    name = message.get_filename()
    disposition = b'("ATTACHMENT" ("FILENAME" ' + quoted(name) + b"))" if name else b"NIL"
    return b"(%s %s %s NIL NIL %s %d%s NIL %s NIL)" % (main, sub, parameters, encoding, len(body), lines, disposition)


def _body(message: Message) -> bytes:
    payload = message.get_payload()
    return payload.encode("utf-8", "surrogateescape") if isinstance(payload, str) else b""


def section(raw: bytes, name: str) -> bytes:
    """The octets of ``name``, "" for all of them; what is not there is empty."""
    head, separator, text = raw.partition(b"\r\n\r\n")
    whole = {"": raw, "HEADER": head + separator, "TEXT": text}
    if name in whole:
        return whole[name]
    if name.startswith("HEADER.FIELDS"):
        wanted = {each.lower() for each in re.findall(r"[A-Za-z0-9-]+", name[len("HEADER.FIELDS") :])}
        fields = re.findall(rb"[^\r\n]+(?:\r\n[ \t][^\r\n]*)*\r\n", head + b"\r\n")
        return b"".join(each for each in fields if each.split(b":")[0].decode().lower() in wanted) + b"\r\n"
    part: Any = parsed(raw)
    for step in name.removesuffix(".MIME").split("."):
        if part.is_multipart() and int(step) <= len(part.get_payload()):
            part = part.get_payload()[int(step) - 1]
        elif step != "1":
            return b""
    if name.endswith(".MIME"):
        return b"".join(f"{key}: {value}\r\n".encode() for key, value in part.items()) + b"\r\n"
    return _body(part)

"""A message as SMTP carries it: what the server must offer for it, the parameters it needs, its lines with dots doubled.

Pure: octets and words in, octets and words out.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from webmail.errors import AskUser, GiveUp, Reason
from webmail.mime.compose import address_spec

PIECE = 64 * 1024
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]+")
_LINE_END = re.compile(rb"\r\n|\r|\n")
_XTEXT = re.compile(r"[^!-*,-<>-~]")


@dataclass(frozen=True, slots=True)
class Envelope:
    """From whom ("" for a report, which nothing may answer) and to whom.

    ``report_id`` asks for reports of delivery under this name (RFC 3461); "" asks for none.
    """

    sender: str
    recipients: tuple[str, ...]
    report_id: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """Octets, whether any is beyond ASCII, and whether one is so in the header."""

    size: int
    eight_bit: bool
    utf8_header: bool


def measure(stream: BinaryIO) -> Measured:
    """Reads to the end and goes back to the start."""
    size, eight_bit, utf8_header, in_header, tail = 0, False, False, True, b""
    while piece := stream.read(PIECE * 4):
        size += len(piece)
        eight_bit = eight_bit or not piece.isascii()
        if in_header:
            joined = tail + piece
            end = joined.find(b"\r\n\r\n")
            header = joined if end < 0 else joined[:end]
            utf8_header = utf8_header or not header.isascii()
            in_header, tail = end < 0, piece[-3:]
    stream.seek(0)
    return Measured(size, eight_bit, utf8_header)


def spec(address: str) -> str:
    """``address`` as it goes into MAIL and RCPT, its domain in ASCII. Raise AskUser when it is none."""
    try:
        return address_spec(address)
    except ValueError:
        shown = CONTROLS.sub(" ", address)[:200]
        raise AskUser(Reason.ADDRESS, f"“{shown}” is not a mail address.") from None


def beyond_ascii(addresses: Iterable[str]) -> str:
    """The first address that only servers with SMTPUTF8 take (RFC 6531); "" when there is none."""
    return next((address for address in addresses if not address.rpartition("@")[0].isascii()), "")


def not_utf8(host: str, address: str) -> GiveUp:
    shown = f"“{CONTROLS.sub(' ', address)[:200]}” has letters beyond a–z before the @" if address else ""
    which = shown or "An address of this message has letters beyond a–z before the @"
    sentence = f"{which}, and {host} cannot handle such addresses. Use another address."
    return GiveUp(Reason.ADDRESS, sentence, detail="SMTPUTF8 is not offered")


def size_offered(offers: Mapping[str, str]) -> int:
    """The largest message in octets (RFC 1870); 0 where the server names no limit."""
    stated = offers.get("size", "").strip()
    return int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 16 else 0


def check_size(size: int, offers: Mapping[str, str]) -> None:
    limit = size_offered(offers)
    if 0 < limit < size:
        sentence = f"The message is {megabytes(size)}, but the outgoing server takes at most {megabytes(limit)}."
        raise GiveUp(Reason.TOO_LARGE, sentence, detail=f"SIZE {limit} < {size}")


def mail_parameters(host: str, offers: Mapping[str, str], measured: Measured, envelope: Envelope) -> tuple[str, bool]:
    """What follows MAIL FROM, and whether it is said in UTF-8. Raise GiveUp when the server cannot take the message."""
    parameters = ""
    if "size" in offers:
        check_size(measured.size, offers)
        parameters += f" SIZE={measured.size}"
    address = beyond_ascii([envelope.sender, *envelope.recipients])
    utf8 = measured.utf8_header or bool(address)
    if utf8 and "smtputf8" not in offers:
        raise not_utf8(host, address)
    if measured.eight_bit and "8bitmime" not in offers:
        raise GiveUp(Reason.UNSUPPORTED, "The outgoing server takes only 7-bit text.", detail="8BITMIME is not offered")
    parameters += (" BODY=8BITMIME" if measured.eight_bit else "") + (" SMTPUTF8" if utf8 else "")
    if envelope.report_id and "dsn" in offers:
        parameters += f" RET=HDRS ENVID={xtext(envelope.report_id[:90])}"
    return parameters, utf8


def rcpt_parameters(address: str, offers: Mapping[str, str], envelope: Envelope) -> str:
    if not envelope.report_id or "dsn" not in offers:
        return ""
    # The type "utf-8" of RFC 6533 is left out: its own encoding is one more that some server gets wrong.
    original = f" ORCPT=rfc822;{xtext(address)}" if address.isascii() else ""
    return f" NOTIFY=SUCCESS,FAILURE,DELAY{original}"


def xtext(text: str) -> str:
    """RFC 3461 section 4; ``text`` is ASCII."""
    return _XTEXT.sub(lambda found: f"+{ord(found[0]):02X}", text)


def megabytes(octets: int) -> str:
    return f"{octets / 1_000_000:.1f} MB" if octets >= 100_000 else f"{max(1, octets // 1000)} kB"


def stuffed(stream: BinaryIO) -> Iterator[bytes]:
    """The message in pieces with dots doubled (RFC 5321 section 4.5.2), all but the final one."""
    buffer, ended = bytearray(), True
    for line in stream:
        for piece in _whole_lines(line):
            buffer += b"." + piece if ended and piece.startswith(b".") else piece
            ended = piece.endswith(b"\r\n")
        if len(buffer) >= PIECE:
            yield bytes(buffer)
            buffer.clear()
    yield bytes(buffer) if ended else bytes(buffer) + b"\r\n"


def _whole_lines(line: bytes) -> Iterator[bytes]:
    """A lone CR or LF becomes a line end: some relay behind would take it for one, and find commands in a message."""
    if line.endswith(b"\r\n") and b"\r" not in line[:-2]:
        yield line
        return
    start = 0
    for found in _LINE_END.finditer(line):
        yield line[start : found.start()] + b"\r\n"
        start = found.end()
    if start < len(line):
        yield line[start:]

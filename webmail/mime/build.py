"""A message as the octets that are sent, stored and never changed again (RFC 5322, RFC 2045)."""

import secrets
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from io import SEEK_END, BytesIO
from typing import BinaryIO

from webmail.mime import compose
from webmail.mime.draft import ParsedDraft, parse_draft
from webmail.mime.headers import Address
from webmail.mime.params import media_type, parse_value, safe_filename, token
from webmail.mime.receipt import REPORT

__all__ = ["Attachment", "Outgoing", "ParsedDraft", "build", "new_message_id", "parse_draft", "write"]

# A multiple of 57 octets: every piece but the last fills whole lines of 76 characters.
_PIECE = 57 * 4096


@dataclass
class Attachment:
    """A file to send. ``open`` gives a fresh stream each time; ``inline`` ones are shown in the HTML by ``content_id``."""

    filename: str
    content_type: str
    content_id: str
    inline: bool
    open: Callable[[], BinaryIO]


@dataclass
class Outgoing:
    """What a person wrote. Ids are without brackets; ``html`` "" means plain text only; ``headers`` are further fields."""

    from_: Address
    subject: str
    text: str
    message_id: str
    date: datetime
    to: list[Address] = field(default_factory=list)
    cc: list[Address] = field(default_factory=list)
    bcc: list[Address] = field(default_factory=list)
    reply_to: list[Address] = field(default_factory=list)
    html: str = ""
    in_reply_to: str = ""
    references: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)


def new_message_id(domain: str) -> str:
    """A Message-ID without brackets that no other message has (RFC 5322 section 3.6.4)."""
    name = compose.ascii_domain(domain) or "localhost"
    return f"{secrets.token_urlsafe(18)}@{name}"


def build(message: Outgoing, *, include_bcc: bool = False) -> bytes:
    """The octets of ``message``: CRLF, 7 bit, lines of at most 998 octets.

    Bcc is left out unless ``include_bcc``: that is for drafts, whose unfinished addresses are kept too. Otherwise
    ValueError when an address, an id or a further field holds a line break, a NUL or anything else that cannot stand
    there; in subject, names and file names such characters are dropped.
    """
    out = BytesIO()
    write(out, message, include_bcc=include_bcc)
    return out.getvalue()


def write(out: BinaryIO, message: Outgoing, *, include_bcc: bool = False) -> None:
    """Write the octets of :func:`build` into a seekable file, attachments piece by piece."""
    out.writelines(_header(message, include_bcc))
    _write_body(out, message)
    out.seek(-2, SEEK_END)
    if out.read(2) != b"\r\n":
        # SMTP would add the line end (RFC 5321 section 4.1.1.4), and the copy kept would differ from what was sent.
        out.write(b"\r\n")


def _header(message: Outgoing, include_bcc: bool) -> Iterator[bytes]:
    yield compose.addresses_field("From", [message.from_], strict=not include_bcc)
    lists = [("To", message.to), ("Cc", message.cc), ("Reply-To", message.reply_to)]
    if include_bcc:
        lists.append(("Bcc", message.bcc))
    for name, people in lists:
        if people:
            yield compose.addresses_field(name, people, strict=not include_bcc)
    yield compose.text_field("Subject", message.subject)
    yield compose.raw_field("Date", format_datetime(message.date))
    yield compose.ids_field("Message-ID", [message.message_id])
    if message.in_reply_to:
        yield compose.ids_field("In-Reply-To", [message.in_reply_to])
    if message.references:
        yield compose.ids_field("References", message.references)
    for name, value in message.headers.items():
        yield compose.extra_field(name, value)
    yield b"MIME-Version: 1.0\r\n"


def _write_body(out: BinaryIO, message: Outgoing) -> None:
    inline = [each for each in message.attachments if each.inline and each.content_id and message.html]
    calendars = [each for each in message.attachments if _is_calendar(each)]
    reports = [each for each in message.attachments if each.content_type == REPORT][:1]
    shown = (*inline, *calendars, *reports)
    attached = [each for each in message.attachments if not any(each is other for other in shown)]
    mixed = _open(out, "multipart/mixed") if attached else ""
    if mixed:
        _delimit(out, mixed)
    report = _open(out, "multipart/report", "; report-type=disposition-notification") if reports else ""
    if report:
        _delimit(out, report)
    _write_texts(out, message, inline, calendars)
    for each in reports:
        _delimit(out, report)
        _write_report(out, each)
        _close(out, report)
    for each in attached:
        _delimit(out, mixed)
        _write_attachment(out, each, "attachment")
    if mixed:
        _close(out, mixed)


def _is_calendar(attachment: Attachment) -> bool:
    """An iMIP object (RFC 6047 section 2.4) is another form of the text, not a file: calendars look for it there."""
    kind, params = parse_value(attachment.content_type)
    return kind == "text/calendar" and "method" in params


def _write_texts(out: BinaryIO, message: Outgoing, inline: list[Attachment], calendars: list[Attachment]) -> None:
    if not message.html and not calendars:
        _write_text(out, "text/plain", message.text)
        return
    alternative = _open(out, "multipart/alternative")
    _delimit(out, alternative)
    _write_text(out, "text/plain", message.text)
    if message.html:
        _delimit(out, alternative)
        _write_html(out, message, inline)
    for each in calendars:
        _delimit(out, alternative)
        _write_calendar(out, each)
    _close(out, alternative)


def _write_html(out: BinaryIO, message: Outgoing, inline: list[Attachment]) -> None:
    related = _open(out, "multipart/related", '; type="text/html"') if inline else ""
    if related:
        _delimit(out, related)
    _write_text(out, "text/html", message.html)
    for each in inline:
        _delimit(out, related)
        _write_attachment(out, each, "inline")
    if related:
        _close(out, related)


def _write_calendar(out: BinaryIO, attachment: Attachment) -> None:
    method = token(parse_value(attachment.content_type)[1]["method"]).upper() or "PUBLISH"
    out.write(f"Content-Type: text/calendar; method={method}; charset=utf-8\r\n".encode("ascii"))
    out.write(b"Content-Transfer-Encoding: base64\r\n\r\n")
    with attachment.open() as stream:
        _write_base64(out, stream)


def _write_report(out: BinaryIO, attachment: Attachment) -> None:
    """Short lines of ASCII (RFC 8098 section 3)."""
    out.write(b"Content-Type: message/disposition-notification\r\n\r\n")
    with attachment.open() as stream:
        out.write(stream.read())


def _open(out: BinaryIO, kind: str, params: str = "") -> str:
    # "=_" cannot occur in base64 or quoted-printable (RFC 2045 section 6.7), the random rest in no text by chance.
    boundary = f"=_{secrets.token_hex(16)}"
    out.write(f'Content-Type: {kind}{params};\r\n boundary="{boundary}"\r\n\r\n'.encode("ascii"))
    return boundary


def _delimit(out: BinaryIO, boundary: str) -> None:
    out.write(f"\r\n--{boundary}\r\n".encode("ascii"))


def _close(out: BinaryIO, boundary: str) -> None:
    out.write(f"\r\n--{boundary}--\r\n".encode("ascii"))


def _write_text(out: BinaryIO, kind: str, text: str) -> None:
    flowed = "; format=flowed" if kind == "text/plain" else ""
    body = compose.flow(text) + "\r\n" if kind == "text/plain" else compose.one_line_ending(text)
    data, encoding = compose.encode_text(body)
    out.write(f"Content-Type: {kind}; charset=utf-8{flowed}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode())
    out.write(data)


def _write_attachment(out: BinaryIO, attachment: Attachment, disposition: str) -> None:
    name = safe_filename(attachment.filename)
    kind = media_type(attachment.content_type, "application/octet-stream")
    with attachment.open() as stream:
        as_it_is = kind == "message/rfc822" and _is_seven_bit(stream)
        if kind.startswith(("multipart/", "message/")) and not as_it_is:
            # Neither may be in base64 (RFC 2046 section 5.2.1): as a file it is octets.
            kind = "application/octet-stream"
        out.write(compose.parameter_field("Content-Type", kind, "name", name))
        out.write(compose.parameter_field("Content-Disposition", disposition, "filename", name))
        if attachment.content_id:
            out.write(compose.ids_field("Content-ID", [attachment.content_id]))
        if as_it_is:
            out.write(b"\r\n")
            while piece := _read(stream):
                out.write(piece)
        else:
            out.write(b"Content-Transfer-Encoding: base64\r\n\r\n")
            _write_base64(out, stream)


def _is_seven_bit(stream: BinaryIO) -> bool:
    """Whether a message can stand in another as it is, whatever the server that carries it (RFC 2045 section 2.7)."""
    rest = b""
    fits = True
    while fits and (piece := _read(stream)):
        *lines, rest = (rest + piece).split(b"\n")
        fits = piece.isascii() and b"\0" not in piece and len(rest) <= 998
        fits = fits and all(len(line) <= 999 and line.find(b"\r") == len(line) - 1 >= 0 for line in lines)
    stream.seek(0)
    return fits and b"\r" not in rest


def _write_base64(out: BinaryIO, stream: BinaryIO) -> None:
    while piece := _read(stream):
        out.writelines(b64encode(piece[start : start + 57]) + b"\r\n" for start in range(0, len(piece), 57))


def _read(stream: BinaryIO) -> bytes:
    """A whole piece even from a stream that gives less than it is asked for."""
    got = b""
    while len(got) < _PIECE and (more := stream.read(_PIECE - len(got))):
        got += more
    return got

"""The quoted mail in an answer, and the forwarded one: in HTML and in plain text, below the signature."""

from datetime import datetime, tzinfo

from django.utils.html import escape

from accounts.models import Identity
from webmail.mime.address import Address
from webmail.mime.html import clean_own
from webmail.mime.parts import Part
from webmail.mime.quoting import without_signature_html, without_signature_text
from webmail.mime.text import html_to_text, text_to_html, unflow
from webmail.models import Message

from .letter import written
from .signature import FORWARDED, as_html, as_text

LARGEST_QUOTE = 400_000
Parts = list[tuple[Part, str]]


def people_in(message: Message, field: str) -> list[Address]:
    listed = message.recipients.get(field) or []
    return [Address(str(each[0]), str(each[1])) for each in listed if len(each) == 2 and each[1]]


def answered(identity: Identity | None, message: Message, parts: Parts, zone: tzinfo) -> tuple[str, str]:
    """HTML and text of an answer that quotes ``parts`` without the signature of who wrote them."""
    intro = f"On {_moment(message.date or message.internaldate, zone)}, {_sender(message)} wrote:"
    parts = [(part, _without_signature(part, text)) for part, text in parts]
    quote = f'<blockquote type="cite">{_as_html(parts)}</blockquote>'
    above, below = as_html(identity, "above"), as_html(identity, "below")
    html = f"<div><br></div><div><br></div>{above}<div>{escape(intro)}</div>{quote}{below}"
    lines = _as_text(parts).strip("\n").rstrip().split("\n")
    quoted = "\n".join(f">{line}" if line.startswith(">") else f"> {line}".rstrip() for line in lines)
    return html, f"\n\n{as_text(identity, 'above')}{intro}\n{quoted}\n{as_text(identity, 'below')}"


def forwarded(identity: Identity | None, message: Message, parts: Parts, zone: tzinfo) -> tuple[str, str]:
    """HTML and text that pass ``parts`` on below a head saying where they come from."""
    head = _head(message, zone)
    lines = "".join(f"<div><b>{label}:</b> {escape(value)}</div>" for label, value in head)
    rest = f"<div>{FORWARDED}</div>{lines}<div><br></div>{_as_html(parts)}"
    text = "\n".join(f"{label}: {value}" for label, value in head)
    below = as_text(identity, "below")
    return (
        f"<div><br></div><div><br></div>{as_html(identity, 'above')}{rest}{as_html(identity, 'below')}",
        f"\n\n{as_text(identity, 'above')}{FORWARDED}\n{text}\n\n{_as_text(parts)}{below}",
    )


def _without_signature(part: Part, text: str) -> str:
    return without_signature_html(text) if part.type == "text/html" else without_signature_text(text)


def _moment(moment: datetime, zone: tzinfo) -> str:
    local = moment.astimezone(zone)
    return f"{local:%a}, {local.day} {local:%b %Y} at {local:%H:%M}"


def _sender(message: Message) -> str:
    name = message.from_name.strip()
    return f"{name} <{message.from_address}>" if name else message.from_address or "somebody"


def _head(message: Message, zone: tzinfo) -> list[tuple[str, str]]:
    people = {field: ", ".join(written(person) for person in people_in(message, field)) for field in ("to", "cc")}
    lines = [
        ("From", _sender(message)),
        ("Date", _moment(message.date or message.internaldate, zone)),
        ("Subject", message.subject),
        ("To", people["to"]),
        ("Cc", people["cc"]),
    ]
    return [(label, value) for label, value in lines if value]


def _as_html(parts: Parts) -> str:
    """The displayed parts by the rules for HTML of our own; pictures keep their cid: addresses."""
    pieces = []
    for part, text in parts:
        if part.type == "text/html" and len(text) <= LARGEST_QUOTE:
            pieces.append(clean_own(text))
        else:
            plain = html_to_text(text) if part.type == "text/html" else text
            flowed = part.type != "text/html" and part.params.get("format", "").lower() == "flowed"
            delsp = part.params.get("delsp", "").lower() == "yes"
            pieces.append(str(text_to_html(plain[:LARGEST_QUOTE], flowed=flowed, delsp=delsp)))
    return "<br>\n".join(pieces)


def _as_text(parts: Parts) -> str:
    pieces = []
    for part, text in parts:
        if part.type == "text/html":
            pieces.append(html_to_text(text))
        elif part.params.get("format", "").lower() == "flowed":
            pieces.append(unflow(text, part.params.get("delsp", "").lower() == "yes"))
        else:
            pieces.append(text.replace("\r\n", "\n"))
    return "\n\n".join(pieces)[:LARGEST_QUOTE]

"""A stored draft read back into what the composer edits."""

from dataclasses import dataclass, field

from webmail.mime.body import choose
from webmail.mime.charset import decode_charset
from webmail.mime.headers import Address, addresses, decode, first, message_ids, parse_header_block
from webmail.mime.parts import from_bytes, part_bytes
from webmail.mime.structure import Part
from webmail.mime.text import html_to_text, unflow


@dataclass
class ParsedDraft:
    """What was written so far; ``attachments`` includes the pictures of the HTML, their octets stay in the message."""

    to: list[Address] = field(default_factory=list)
    cc: list[Address] = field(default_factory=list)
    bcc: list[Address] = field(default_factory=list)
    reply_to: list[Address] = field(default_factory=list)
    from_: Address = Address("", "")  # noqa: RUF009 - a NamedTuple is immutable
    subject: str = ""
    text: str = ""
    html: str = ""
    message_id: str = ""
    in_reply_to: str = ""
    references: list[str] = field(default_factory=list)
    attachments: list[Part] = field(default_factory=list)


def parse_draft(raw: bytes) -> ParsedDraft:
    """The draft in ``raw``, by this or any other program; never raises. ``html`` is not sanitised."""
    fields = parse_header_block(raw)
    body = choose(from_bytes(raw))

    def content(part: Part) -> str:
        return decode_charset(part_bytes(raw, part.section) or b"", part.charset)

    def plain(part: Part) -> str:
        text = content(part).removesuffix("\r\n")
        if part.params.get("format", "").lower() == "flowed":
            return unflow(text, part.params.get("delsp", "").lower() == "yes")
        return text.replace("\r\n", "\n")

    html = content(body.html) if body.html else ""
    text = "\n".join(map(plain, body.texts)) or html_to_text(html)
    senders = addresses(first(fields, "from"))
    return ParsedDraft(
        to=addresses(first(fields, "to")),
        cc=addresses(first(fields, "cc")),
        bcc=addresses(first(fields, "bcc")),
        reply_to=addresses(first(fields, "reply-to")),
        from_=senders[0] if senders else Address("", ""),
        subject=decode(first(fields, "subject")),
        text=text,
        html=html,
        message_id=next(iter(message_ids(first(fields, "message-id"))), ""),
        in_reply_to=next(iter(message_ids(first(fields, "in-reply-to"))), ""),
        references=message_ids(first(fields, "references")),
        attachments=[*body.attachments, *(part for part in body.inline.values() if part not in body.attachments)],
    )

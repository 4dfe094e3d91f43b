"""The header of a whole message as the values a list row needs; the counterpart of IMAP's ENVELOPE (RFC 5322)."""

from dataclasses import dataclass
from datetime import datetime

from webmail.mime.headers import (
    HEADER_LIMIT,
    Address,
    addresses,
    decode,
    first,
    message_ids,
    parse_date,
    parse_header_block,
)
from webmail.mime.parts import Octets, Part, from_bytes


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything decoded; ``received`` is the date of the newest Received field, where there is one."""

    subject: str
    from_: list[Address]
    to: list[Address]
    cc: list[Address]
    bcc: list[Address]
    reply_to: list[Address]
    sender: list[Address]
    message_id: str
    in_reply_to: list[str]
    references: list[str]
    date: datetime | None
    received: datetime | None
    structure: Part
    mbox_status: str = ""  # Status and X-Status, as mbox programs write them


def header_of(raw: Octets) -> bytes:
    """The header block with its empty line, capped."""
    head = bytes(raw[: HEADER_LIMIT + 4])
    ends = [at + len(mark) for mark in (b"\r\n\r\n", b"\n\n") if (at := head.find(mark)) >= 0]
    return head[: min(ends)] if ends else head


def summarise(raw: Octets) -> Summary:
    """Never raises."""
    fields = parse_header_block(header_of(raw))
    ids = message_ids(first(fields, "message-id"))
    received = first(fields, "received")
    status = b"".join(first(fields, name) or b"" for name in ("status", "x-status"))
    return Summary(
        subject=decode(first(fields, "subject")),
        from_=addresses(first(fields, "from")),
        to=addresses(first(fields, "to")),
        cc=addresses(first(fields, "cc")),
        bcc=addresses(first(fields, "bcc")),
        reply_to=addresses(first(fields, "reply-to")),
        sender=addresses(first(fields, "sender")),
        message_id=ids[0] if ids else "",
        in_reply_to=message_ids(first(fields, "in-reply-to")),
        references=message_ids(first(fields, "references")),
        date=parse_date(first(fields, "date")),
        received=parse_date(received.rpartition(b";")[2]) if received else None,
        structure=from_bytes(raw),
        mbox_status=status.decode("ascii", "replace").strip()[:20],
    )

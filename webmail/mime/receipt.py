"""Receipts for mail that was read (RFC 8098): whether one is asked for, and the report that says so."""

import re
from contextlib import suppress

from webmail.mime.address import addresses
from webmail.mime.compose import address_spec, ids_field, raw_field
from webmail.mime.words import to_text

Fields = list[tuple[str, bytes]]

# The parameter tells one of ours from one that is only passed on as a file.
REPORT = "message/disposition-notification; report-type=disposition-notification"
# Mail that a program sent, or to many: nobody there waits to hear of one reader (RFC 3834 section 2).
_BULK = frozenset(
    {"list-id", "list-post", "list-unsubscribe", "list-help", "list-owner", "list-subscribe", "feedback-id"}
)
_AGAINST = {
    "auto-submitted": re.compile(r"\A\s*(?!no\b)", re.IGNORECASE),
    "content-type": re.compile(r"\A\s*multipart/report\b", re.IGNORECASE),
    "disposition-notification-options": re.compile(r"=\s*required\b", re.IGNORECASE),
    "precedence": re.compile(r"\A\s*(?:bulk|junk|list)\b", re.IGNORECASE),
    "return-path": re.compile(r"\A\s*<\s*>"),
}


def asked(fields: Fields) -> str:
    """The one address that a receipt is to go to; "" where none is asked for, or where none may be offered.

    None for mail of lists and programs, for reports, for several addresses at once (section 2.1), and where an option
    is required, because none is known here (section 2.2).
    """
    wanted: list[str] = []
    for name, value in fields:
        lowered = name.lower()
        if lowered == "disposition-notification-to":
            wanted += [each.address for each in addresses(value)[:3]]
        elif lowered in _BULK or (lowered in _AGAINST and _AGAINST[lowered].search(to_text(value))):
            return ""
    if len({each.casefold() for each in wanted}) != 1:
        return ""
    try:
        address_spec(wanted[0])
    except ValueError:
        return ""
    return wanted[0] if len(wanted[0]) <= 320 else ""


def notification(reader: str, message_id: str) -> bytes:
    """What a program reads (section 3.1): ``reader``, whose address is ASCII, was shown the message and chose to say so.

    Raise ValueError for another address.
    """
    address = address_spec(reader)
    if not address.isascii():
        raise ValueError("only ASCII stands in this form")
    lines = raw_field("Final-Recipient", f"rfc822;{address}")
    if message_id:
        # What is no id refers to nothing.
        with suppress(ValueError):
            lines += ids_field("Original-Message-ID", [message_id])
    return lines + raw_field("Disposition", "manual-action/MDN-sent-manually; displayed")

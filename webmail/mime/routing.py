"""What a header says about where answers go, and by which of its addresses a mail came in."""

from dataclasses import dataclass, field
from urllib.parse import unquote

from webmail.mime.address import Address, addresses
from webmail.mime.headers import first, parse_header_block
from webmail.mime.words import to_text

_DELIVERED = ("delivered-to", "x-original-to", "x-delivered-to", "envelope-to", "x-envelope-to")
_MOST = 50


@dataclass(frozen=True)
class Routing:
    """``list_post`` is the address of the list (RFC 2369 section 3.4), "" if there is none or nobody may write to it."""

    list_post: str = ""
    followup_to: list[Address] = field(default_factory=list)
    delivered_to: list[str] = field(default_factory=list)


def routing(header: bytes) -> Routing:
    """Read a header block; never raises."""
    fields = parse_header_block(header)
    delivered = [
        person.address
        for name, value in fields
        if name.lower() in _DELIVERED
        for person in addresses(value)
        if person.address
    ]
    followup = [person for person in addresses(first(fields, "mail-followup-to")) if person.address]
    return Routing(_list_post(to_text(first(fields, "list-post"))), followup[:_MOST], delivered[:_MOST])


def _list_post(value: str) -> str:
    """The first mailto address of a List-Post field."""
    for piece in value[:2_000].split("<")[1:]:
        url, closed, _ = piece.partition(">")
        if closed and url.strip().lower().startswith("mailto:"):
            found = addresses(unquote(url.strip()[len("mailto:") :].partition("?")[0]))
            if found and "@" in found[0].address:
                return found[0].address
    return ""

"""The items of a FETCH response to a message row: envelope (RFC 3501 section 7.4.2), flags, dates, references."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from webmail.imap.bodystructure import structure
from webmail.imap.response import internaldate, number
from webmail.imap.types import RemoteMessage
from webmail.mime.headers import Address, decode, first, message_ids, parse_date, parse_header_block

_ADDRESS_LIMIT = 2_000
_FLAG_LIMIT = 100
_FLAG_LENGTH = 200
_CACHED_OCTETS = 500
_LIST_ID = re.compile(r"<([^<>\s]{1,255})>")
_PLAIN_ID = re.compile(rb"<([!-;?-~]{1,998})>\Z")
_PLAIN_DATE = re.compile(
    rb"(?:[A-Za-z]{3}, )?(\d{1,2}) ([A-Za-z]{3}) (\d{4}) (\d\d:\d\d:\d\d [+-](?:0\d|1[0-4])[0-5]\d)(?: \([A-Za-z ]{1,40}\))?\Z"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_DOMAIN = frozenset({b"", b"MISSING_DOMAIN", b".SYNTAX-ERROR.", b".MISSING-HOST-NAME."})
_NO_MAILBOX = frozenset({b"", b"MISSING_MAILBOX", b"UNEXPECTED_DATA_AFTER_ADDRESS"})
_SYSTEM_FLAGS = {
    name.lower(): name for name in ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "\\Recent")
}


def flags(value: object) -> frozenset[str]:
    """FLAGS as written by RFC 3501 section 2.3.2, without \\Recent; keywords keep their case."""
    if not isinstance(value, list):
        return frozenset()
    return _flags(tuple(each[:_FLAG_LENGTH] for each in value[:_FLAG_LIMIT] if isinstance(each, bytes)))


@lru_cache(maxsize=1024)
def _flags(names: tuple[bytes, ...]) -> frozenset[str]:
    found = set()
    for name in names:
        # PostgreSQL keeps no NUL.
        text = name.replace(b"\0", b"").decode("ascii", "replace")
        text = _SYSTEM_FLAGS.get(text.lower(), text)
        if text and text != "\\Recent":
            found.add(text)
    return frozenset(found)


def addresses(value: object) -> list[Address]:
    """An address list of ENVELOPE; the marks around a group (a NIL host) are left out, its members stay."""
    if not isinstance(value, list):
        return []
    found = []
    for each in value[:_ADDRESS_LIMIT]:
        if not isinstance(each, list) or len(each) < 4 or not isinstance(each[3], bytes):
            continue
        name, _, mailbox, host = each[:4]
        parts = (
            name if isinstance(name, bytes) else b"",
            mailbox if isinstance(mailbox, bytes) else b"",
            host,
        )
        # The same people write again and again; what is huge is not kept.
        small = len(parts[0]) + len(parts[1]) + len(host) <= _CACHED_OCTETS
        address = _cached_address(*parts) if small else _address(*parts)
        if address.name or address.address:
            found.append(address)
    return found


def _address(name: bytes, mailbox: bytes, host: bytes) -> Address:
    local = "" if mailbox in _NO_MAILBOX else decode(mailbox)
    domain = "" if host in _NO_DOMAIN else decode(host)
    address = f"{local}@{domain}" if local and domain else local
    written = decode(name)[:1000]
    return Address("" if written == address else written, address[:998])


_cached_address = lru_cache(maxsize=8192)(_address)


def message(uid: int, items: dict[bytes, Any]) -> RemoteMessage:
    """A row out of the items asked for by ``reading.fetch_envelopes``; whatever is missing is empty."""
    envelope = items.get(b"ENVELOPE")
    fields: list[Any] = list(envelope[:10]) if isinstance(envelope, list) else []
    fields += [None] * (10 - len(fields))
    date, subject, from_, sender, reply_to, to, cc, bcc, in_reply_to, message_id = fields
    header = _header(items)
    # Both repeat From in nearly all mail; servers fill them in where they are missing.
    authors = addresses(from_)
    sent = _sent(date)
    ids = _ids(message_id)
    return RemoteMessage(
        uid=uid,
        flags=flags(items.get(b"FLAGS")),
        modseq=number(items.get(b"MODSEQ")),
        internaldate=internaldate(items.get(b"INTERNALDATE")) or sent or _EPOCH,
        size=number(items.get(b"RFC822.SIZE")) or 0,
        subject=decode(_bytes(subject)),
        from_=authors,
        to=addresses(to),
        cc=addresses(cc),
        bcc=addresses(bcc),
        reply_to=list(authors) if reply_to == from_ else addresses(reply_to),
        sender=list(authors) if sender == from_ else addresses(sender),
        message_id=ids[0] if ids else "",
        in_reply_to=_ids(in_reply_to),
        references=message_ids(first(header, "references")),
        date=sent,
        structure=structure(items.get(b"BODYSTRUCTURE")),
        listed_id=_list_id(first(header, "list-id")),
        complete=isinstance(envelope, list) and isinstance(items.get(b"BODYSTRUCTURE"), list),
    )


def placeholder(uid: int, items: dict[bytes, Any]) -> RemoteMessage:
    """A row for a message whose answer cannot be read; it is listed, and its source stays reachable."""
    plain = (b"FLAGS", b"MODSEQ", b"INTERNALDATE", b"RFC822.SIZE")
    return message(uid, {name: items[name] for name in plain if name in items})


def _header(items: dict[bytes, Any]) -> list[tuple[str, bytes]]:
    for name, value in items.items():
        if name.startswith(b"BODY[HEADER.FIELDS") and isinstance(value, bytes):
            return parse_header_block(value) if len(value) > 2 else []
    return []


def _ids(value: object) -> list[str]:
    if isinstance(value, bytes) and (plain := _PLAIN_ID.match(value)) is not None:
        return [plain[1].decode("ascii")]
    return message_ids(_bytes(value))


def _sent(value: object) -> datetime | None:
    """The Date field; the form RFC 5322 prescribes differs from INTERNALDATE by its hyphens only."""
    if not isinstance(value, bytes):
        return None
    plain = _PLAIN_DATE.match(value)
    return (internaldate(b"%b-%b-%b %b" % plain.groups()) if plain else None) or parse_date(value)


def _list_id(value: bytes | None) -> str:
    if not value:
        return ""
    text = decode(value)
    found = _LIST_ID.search(text)
    return found[1].lower() if found else ""


def _bytes(value: object) -> bytes | None:
    return value if isinstance(value, bytes) else None

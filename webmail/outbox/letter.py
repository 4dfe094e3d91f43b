"""An outgoing row as a message: recipients read, text and HTML made, attachments opened."""

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import BinaryIO, cast

from accounts.models import Identity, MailAccount
from webmail.errors import GiveUp, Reason
from webmail.mime import build
from webmail.mime.address import Address, addresses
from webmail.mime.compose import address_spec, clean
from webmail.mime.html import clean_own
from webmail.mime.outgoing_html import outgoing_html
from webmail.mime.receipt import REPORT
from webmail.mime.text import html_to_text
from webmail.models import OutgoingAttachment, OutgoingMessage

Opener = Callable[[OutgoingAttachment], BinaryIO]
FIELDS = ("to", "cc", "bcc")
OWN_PICTURE = "@webmail"  # the end of the Content-ID of a picture that was put into a text here
EDITABLE = (OutgoingMessage.State.DRAFT, OutgoingMessage.State.REJECTED)
_DOCUMENT = '<!DOCTYPE html>\n<html><head><meta charset="utf-8"></head><body>\n{}\n</body></html>\n'
_EMPTY = re.compile(r"(?:<(?:div|p|br)\b[^<>]*>|</(?:div|p)>|&nbsp;|\s)*", re.IGNORECASE)
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)


def sender(outgoing: OutgoingMessage) -> Address:
    identity = outgoing.identity
    return Address(identity.name, identity.address) if identity else Address("", outgoing.account.address)


def reply_to(outgoing: OutgoingMessage) -> list[Address]:
    return addresses(outgoing.identity.reply_to) if outgoing.identity and outgoing.identity.reply_to else []


def default_identity(account: MailAccount) -> Identity | None:
    return account.identities.order_by("-is_default", "position", "id").first()


def is_address(address: str) -> bool:
    """Whether mail could be sent there (RFC 5321 section 4.1.2)."""
    try:
        domain = address_spec(address).rpartition("@")[2]
    except ValueError:
        return False
    return bool(domain.startswith("[") or _DOMAIN.fullmatch(domain)) and len(address) <= 320


def recipients(outgoing: OutgoingMessage) -> list[str]:
    """Every address once, in order. Raise GiveUp(ADDRESS) naming the first that is none, or if there are none."""
    found: dict[str, str] = {}
    for field in FIELDS:
        for person in addresses(getattr(outgoing, field)):
            if not is_address(person.address):
                shown = clean(person.address or person.name)[:200]
                raise GiveUp(Reason.ADDRESS, f"“{shown}” is not a mail address. Correct or remove it.", detail=field)
            found.setdefault(person.address.casefold(), person.address)
    if not found:
        raise GiveUp(Reason.ADDRESS, "Say who this is for: add a recipient.", detail="to")
    return list(found.values())


def written(person: Address) -> str:
    """An address as a person types it; ``addresses`` reads it back."""
    name = clean(person.name)
    if not name or not person.address:
        return person.address or name
    if re.fullmatch(r"[\w .'-]+", name):
        return f"{name} <{person.address}>"
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{person.address}>'


def has_html(outgoing: OutgoingMessage) -> bool:
    return not outgoing.plain and _EMPTY.fullmatch(outgoing.html) is None


def as_mime(outgoing: OutgoingMessage, *, message_id: str, date: datetime, open_file: Opener) -> build.Outgoing:
    """``open_file`` is called while the message is built, and may raise MailError."""
    rich = has_html(outgoing)
    html = outgoing_html(clean_own(outgoing.html)) if rich else ""
    return build.Outgoing(
        from_=sender(outgoing),
        to=addresses(outgoing.to),
        cc=addresses(outgoing.cc),
        bcc=addresses(outgoing.bcc),
        reply_to=reply_to(outgoing),
        subject=outgoing.subject,
        text=html_to_text(html) if rich else outgoing.text,
        html=_DOCUMENT.format(html) if rich else "",
        message_id=message_id,
        date=date,
        in_reply_to=outgoing.in_reply_to,
        references=outgoing.references.split(),
        headers=_wishes(outgoing),
        attachments=[_attachment(row, html, open_file) for row in outgoing.attachments.all() if carried(row, html)],
    )


def carried(row: OutgoingAttachment, html: str) -> bool:
    """Whether the message takes this file along: pictures that were taken out of the text stay behind.

    In a plain text there is no place for them: those of the signature stay behind, the others are files like any.
    """
    return _in_text(row, html) or not (row.of_signature or (html and _of_text(row)))


def _of_text(row: OutgoingAttachment) -> bool:
    """Put into the text here, or quoted with it. Other programs give files a Content-ID, too."""
    return bool(row.content_id) and (bool(row.section) or row.content_id.endswith(OWN_PICTURE))


def listed(outgoing: OutgoingMessage, rows: Iterable[OutgoingAttachment]) -> list[OutgoingAttachment]:
    """Those of its files that the composer lists below the text."""
    html = outgoing.html if has_html(outgoing) else ""
    return [row for row in rows if carried(row, html) and not _in_text(row, html)]


def _in_text(row: OutgoingAttachment, html: str) -> bool:
    return bool(row.content_id) and f"cid:{row.content_id}" in html


def _wishes(outgoing: OutgoingMessage) -> dict[str, str]:
    """Priority (RFC 2156 section 5.3.4, and what everybody else reads) and the request of a receipt (RFC 8098)."""
    headers = {}
    if outgoing.priority:
        headers["Importance"] = outgoing.priority
        headers["X-Priority"] = "1" if outgoing.priority == OutgoingMessage.Priority.HIGH else "5"
    address = sender(outgoing).address
    if outgoing.ask_read and address.isascii():
        headers["Disposition-Notification-To"] = f"<{address}>"
    return headers


def _attachment(row: OutgoingAttachment, html: str, open_file: Opener) -> build.Attachment:
    inline = _in_text(row, html)
    return build.Attachment(row.filename, row.content_type, row.content_id, inline, lambda: open_file(row))


def open_local(row: OutgoingAttachment) -> BinaryIO:
    """Raise GiveUp naming the file if it is no longer there: a mail is never sent without it unnoticed (fault F44)."""
    name = str(row.file.name or "")
    missing = GiveUp(
        Reason.GONE, f"The file “{row.filename}” is no longer here. Remove it or attach it again.", detail=name
    )
    if not name:
        raise missing
    try:
        size = row.file.storage.size(name)
        stream = row.file.storage.open(name, "rb")
    except OSError as error:
        raise missing from error
    if size != row.size:
        stream.close()
        raise missing
    return cast(BinaryIO, stream)


def is_report(rows: Iterable[OutgoingAttachment]) -> bool:
    """Whether the message only says what became of another: nothing may be sent back for it (RFC 8098 section 3)."""
    return any(row.content_type == REPORT for row in rows)


def is_local(rows: Iterable[OutgoingAttachment]) -> bool:
    return all(row.file for row in rows)

"""Signatures: where they stand in a new text, how one takes the place of another, the pictures they bring along.

In HTML a signature is the content of ``<div class="signature">``; in plain text it follows "-- " (RFC 3676 section 4.3).
Only what is still exactly the old signature is ever replaced: whatever a person wrote stays.
"""

import re
import uuid

from django.core.files.base import File

from accounts.models import Identity, SignaturePicture
from webmail.mime.text import html_to_text
from webmail.models import OutgoingAttachment, OutgoingMessage

Place = Identity.SignaturePlace
FORWARDED = "---------- Forwarded message ----------"
_CID = re.compile(r'"cid:([^"]{1,200})"')
_DASHES = "-- \n"


def bare_html(identity: Identity | None) -> str:
    """What stands inside of it; "" where none is wanted."""
    if identity is None or identity.signature_place == Place.NONE or not identity.signature_html.strip():
        return ""
    return identity.signature_html


def bare_text(identity: Identity | None) -> str:
    html = bare_html(identity)
    return html_to_text(html).strip() if html else ""


def as_html(identity: Identity | None, place: str = "") -> str:
    """With what sets it off from the text; "" if it has its place elsewhere than at ``place``."""
    html = bare_html(identity)
    if not html or identity is None or (place and identity.signature_place != place):
        return ""
    gap = "<div><br></div>"
    written = f'<div class="signature">{html}</div>'
    return f"{gap}{written}" if identity.signature_place == Place.BELOW and place else f"{written}{gap}"


def as_text(identity: Identity | None, place: str = "") -> str:
    text = bare_text(identity)
    if not text or identity is None or (place and identity.signature_place != place):
        return ""
    return f"\n{_DASHES}{text}\n" if identity.signature_place == Place.BELOW and place else f"{_DASHES}{text}\n\n"


def swap_text(text: str, old: Identity | None, new: Identity | None) -> str:
    """``text`` with the signature of ``new`` where that of ``old`` stands; where that is gone, nothing is done."""
    before, after = bare_text(old), bare_text(new)
    if before == after:
        return text
    if before:
        standing = f"{_DASHES}{before}"
        at = -1
        while (at := text.find(standing, at + 1)) >= 0:
            end = at + len(standing)
            # Whole lines, not quoted, and nothing written after the last word.
            if (at == 0 or text[at - 1] == "\n") and text[end : end + 1] in {"", "\n"}:
                return text[:at] + (f"{_DASHES}{after}" if after else "") + text[end:]
        return text
    at = _quote_begins(text) if new is not None and new.signature_place == Place.ABOVE else len(text)
    head, tail = text[:at].rstrip("\n"), text[at:]
    return f"{head}\n\n{_DASHES}{after}\n" + (f"\n{tail}" if tail else "")


def _quote_begins(text: str) -> int:
    """Where the attribution, the first quoted line or a forwarded message begins; the end where nothing is quoted."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if line == FORWARDED or line.startswith(">"):
            first = number
            if line != FORWARDED and number and lines[number - 1].rstrip().endswith(":"):
                first = number - 1
            return sum(len(each) + 1 for each in lines[:first])
    return len(text)


def carry_pictures(outgoing: OutgoingMessage, html: str) -> None:
    """Give the draft its own copies of the signatures' pictures that ``html`` names; nothing happens where it names none."""
    named = set(_CID.findall(html))
    if not named:
        return
    named -= set(outgoing.attachments.filter(content_id__in=named).values_list("content_id", flat=True))
    for picture in SignaturePicture.objects.filter(account__user_id=outgoing.user_id, content_id__in=named):
        row = OutgoingAttachment(
            outgoing=outgoing,
            filename=picture.filename,
            content_type=picture.content_type,
            size=picture.size,
            content_id=picture.content_id,
            of_signature=True,
        )
        try:
            with picture.file.storage.open(str(picture.file.name), "rb") as stream:
                row.file.save(uuid.uuid4().hex, File(stream), save=False)
        except OSError:
            continue
        row.save()

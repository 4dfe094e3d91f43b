"""Parts of a message that are neither its text nor mere files: what a reader explains beside the text."""

from webmail.mime.report import READERS
from webmail.mime.structure import DEPTH_LIMIT, PART_LIMIT, Part
from webmail.mime.unpack import kind_of

CALENDAR = frozenset({"text/calendar", "application/ics"})
VCARD = frozenset({"text/vcard", "text/x-vcard", "text/directory"})
MESSAGE = frozenset({"message/rfc822", "message/global"})
HEADERS = frozenset({"text/rfc822-headers", "message/global-headers"})
SHOWN = 50


def explained(root: Part) -> list[Part]:
    """The parts, outside of enclosed messages, whose content is explained to the reader; at most 50, each once."""
    return [part for part in _outside(root) if kind(part)][:SHOWN]


def kind(part: Part) -> str:
    """report, calendar, vcard, message, tnef or smime; "" for a part that is not explained."""
    if part.type in READERS:
        return "report"
    if part.type in CALENDAR or (part.type == "application/octet-stream" and part.filename.lower().endswith(".ics")):
        return "calendar"
    if part.type in VCARD or (part.type == "application/octet-stream" and part.filename.lower().endswith(".vcf")):
        return "vcard"
    return "message" if part.type in MESSAGE else kind_of(part)


def _outside(root: Part) -> list[Part]:
    """The parts in document order without those inside enclosed messages."""
    found: list[Part] = []
    stack = [root]
    while stack:
        part = stack.pop()
        found.append(part)
        if part.is_multipart:
            stack.extend(reversed(part.children))
    return found


def remarks(root: Part) -> list[str]:
    """What the mere structure says of signatures, encryption and ceilings, in sentences. Nothing is ever verified here."""
    found: dict[str, None] = {}
    parts = _outside(root)
    for part in parts:
        if part.type == "multipart/signed":
            found[_SIGNED.get(part.params.get("protocol", "").lower(), _SIGNED[""])] = None
        elif part.type == "multipart/encrypted":
            found[
                "This message is encrypted with OpenPGP. It can be read only with the key of whom it was written to."
            ] = None
        elif part.type == "message/partial":
            found["This is one piece of a message that was sent in several. The others came as mails of their own."] = (
                None
            )
        elif part.type == "message/external-body":
            found["A file of this message lies on another server. It is not fetched from there."] = None
    if len(parts) >= PART_LIMIT or _deep(root):
        found["This message has more parts, or nests them deeper, than can be shown. Its source can be downloaded."] = (
            None
        )
    return list(found)


_SIGNED = {
    "": "This message carries a signature, which has not been checked.",
    "application/pgp-signature": "This message carries an OpenPGP signature, which has not been checked.",
    "application/pkcs7-signature": "This message carries an S/MIME signature, which has not been checked.",
    "application/x-pkcs7-signature": "This message carries an S/MIME signature, which has not been checked.",
}


def _deep(root: Part) -> bool:
    level = [root]
    for _ in range(DEPTH_LIMIT):
        level = [child for part in level for child in part.children]
        if not level:
            return False
    return True


def is_explained(root: Part) -> bool:
    """Whether there is anything to say about the message beside its text and its files."""
    return bool(explained(root)) or bool(remarks(root))

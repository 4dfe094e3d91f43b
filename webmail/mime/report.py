"""Reports about mail: what became of it (RFC 3464), that it was read (RFC 8098), that it was complained of (RFC 5965)."""

import re
from dataclasses import dataclass, field

from webmail.mime.headers import decode, display_text, first, parse_header_block
from webmail.mime.status import explained

RECIPIENTS_SHOWN = 50
_BLOCK_END = re.compile(rb"\r?\n[ \t]*\r?\n")
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_REPLY = re.compile(r"\b([245]\d\d)[ -]")
_COMMENT = re.compile(r"\([^()]{0,200}\)")
_ACTIONS = {"failed", "delayed", "delivered", "relayed", "expanded"}

Fields = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a message for one recipient.

    ``action`` is failed, delayed, delivered, relayed or expanded; ``reason`` one sentence in plain words; ``said`` the
    words of the server that reported it; ``status`` the code of RFC 3463, or "".
    """

    recipient: str
    action: str
    reason: str
    permanent: bool
    status: str = ""
    said: str = ""
    server: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """``kind`` is delivery, reading or complaint; ``sentences`` explain the latter two; everything fit for a page."""

    kind: str
    deliveries: list[Delivery] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    more: int = 0

    @property
    def failed(self) -> list[Delivery]:
        return [each for each in self.deliveries if each.action == "failed"]


def _blocks(data: bytes) -> list[Fields]:
    """The groups of fields, which empty lines part; at most what is shown and one to count the rest by."""
    pieces = _BLOCK_END.split(data.strip(b"\r\n"), maxsplit=2_000)[:2_000]
    return [fields for piece in pieces if (fields := parse_header_block(piece.strip(b"\r\n") + b"\r\n"))]


def _text(fields: Fields, name: str, limit: int = 500) -> str:
    return display_text(decode(first(fields, name)))[:limit].strip()


def _typed(fields: Fields, name: str, limit: int = 500) -> str:
    """The value behind the type of ``rfc822; ann@example.org`` and its like."""
    kind, semicolon, value = _text(fields, name, limit).partition(";")
    return (value if semicolon else kind).strip().strip("<>")


def delivery(data: bytes) -> Report | None:
    """A message/delivery-status part in words; None when it says nothing about any recipient. Never raises."""
    blocks = _blocks(data[:1_000_000])
    about = [fields for fields in blocks if any(first(fields, f"{kind}-recipient") for kind in ("final", "original"))]
    if not about:
        return None
    shown = [_delivery(fields, blocks[0]) for fields in about[:RECIPIENTS_SHOWN]]
    return Report("delivery", shown, more=len(about) - len(shown))


def _delivery(fields: Fields, whole: Fields) -> Delivery:
    said = _typed(fields, "diagnostic-code", 1_000)
    found = _STATUS.search(_COMMENT.sub("", _text(fields, "status"))) or _STATUS.search(said)
    status = ".".join(found.groups()) if found else ""
    reply = _REPLY.search(f"{said} ")
    kind = status[:1] or (reply[1][0] if reply else "")
    words = _text(fields, "action").lower().split()
    action = words[0] if words and words[0] in _ACTIONS else {"2": "delivered", "4": "delayed"}.get(kind, "failed")
    permanent = action == "failed" and kind != "4"
    reason = explained(status, reply[1] if reply else "", action)
    return Delivery(
        recipient=_typed(fields, "original-recipient") or _typed(fields, "final-recipient"),
        action=action,
        reason=reason,
        permanent=permanent,
        status=status,
        said=said,
        server=_typed(fields, "remote-mta", 255) or _typed(whole, "reporting-mta", 255),
    )


def reading(data: bytes) -> Report | None:
    """A message/disposition-notification part in words (RFC 8098 section 3); None when it is none. Never raises."""
    blocks = _blocks(data[:100_000])
    fields = [each for block in blocks for each in block]
    how, _, what = _text(fields, "disposition").lower().partition(";")
    kind = what.strip().partition("/")[0].strip()
    who = _typed(fields, "final-recipient") or _typed(fields, "original-recipient") or "The recipient"
    outcomes = {
        "displayed": f"{who} opened your message.",
        "deleted": f"{who} deleted your message without opening it, or its program did.",
        "dispatched": f"{who} passed your message on.",
        "processed": f"The mail program of {who} dealt with your message without showing it.",
        "denied": f"{who} would rather not say whether your message was read.",
        "failed": f"The mail program of {who} could not make a receipt for your message.",
    }
    if kind not in outcomes:
        return None
    sentences = [outcomes[kind]]
    if "automatic-action" in how:
        sentences.append("A program did this by itself; it does not mean that anybody read it.")
    elif kind == "displayed":
        sentences.append("That it was shown does not mean that it was read or understood.")
    if program := _text(fields, "reporting-ua", 200):
        sentences.append(f"Reported by {program.replace(';', ',')}.")
    return Report("reading", sentences=sentences)


_COMPLAINTS = {
    "abuse": "as unwanted mail",
    "fraud": "as fraud",
    "virus": "as carrying a virus",
    "auth-failure": "because it failed a check of its origin",
    "dmarc": "because it failed a check of its origin",
    "not-spam": "as wrongly held for unwanted mail",
    "opt-out": "to be taken off a list",
    "opt-out-list": "to be taken off a list",
    "other": "without a reason given",
}


def complaint(data: bytes) -> Report | None:
    """A message/feedback-report part in words (RFC 5965 section 3); None when it is none. Never raises."""
    fields = [each for block in _blocks(data[:100_000]) for each in block]
    kind = _text(fields, "feedback-type").lower()
    if not kind:
        return None
    sentences = [f"A message was reported {_COMPLAINTS.get(kind, _COMPLAINTS['other'])}."]
    lines = [
        ("It was sent to", _typed(fields, "original-rcpt-to")),
        ("It was sent from", _typed(fields, "original-mail-from")),
        ("It came from the address", _text(fields, "source-ip", 100)),
        ("It arrived on", _text(fields, "arrival-date", 100) or _text(fields, "received-date", 100)),
        ("Reported by", _text(fields, "user-agent", 200)),
    ]
    return Report("complaint", sentences=sentences + [f"{label} {value}." for label, value in lines if value])


READERS = {
    "message/delivery-status": delivery,
    "message/global-delivery-status": delivery,
    "message/disposition-notification": reading,
    "message/global-disposition-notification": reading,
    "message/feedback-report": complaint,
}

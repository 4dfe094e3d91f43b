"""What stands in the composer when a message is answered or passed on: recipients, subject, references, quoted text."""

from collections.abc import Iterable
from datetime import datetime, tzinfo

from django.db import transaction
from django.utils.html import escape

from accounts.models import Identity, User
from webmail.mime.address import Address
from webmail.mime.html import clean_own
from webmail.mime.parts import Part, choose
from webmail.mime.subject import forward_subject, reply_subject
from webmail.mime.text import html_to_text, text_to_html, unflow
from webmail.models import Message, OutgoingAttachment, OutgoingMessage

from .drafts import Fields, new_draft
from .letter import default_identity, written

LARGEST_QUOTE = 400_000
REFERENCES_KEPT = 50
Parts = list[tuple[Part, str]]


def reply(user: User, message: Message, parts: Parts, *, zone: tzinfo, to_all: bool = False) -> OutgoingMessage:
    """A draft that answers ``message``, whose displayed text ``parts`` is; dates are written in ``zone``."""
    own = own_addresses(user)
    identity = identity_for(message)
    to, cc = recipients(message, own, to_all=to_all)
    intro = f"{_date(message, zone)}, {_sender(message)} wrote:"
    given = Fields(
        to=", ".join(written(person) for person in to),
        cc=", ".join(written(person) for person in cc),
        subject=reply_subject(message.subject),
        html=_quoted_html(identity, intro, parts),
        text=_quoted_text(identity, intro, parts),
        identity_id=identity.pk if identity else None,
    )
    with transaction.atomic():
        draft = new_draft(
            user,
            message.account,
            given,
            in_reply_to=message.message_id,
            references=references(message),
            answers=message,
        )
        body = choose(Part.from_json(message.structure))
        shown = [part for part in body.inline.values() if f"cid:{part.content_id}" in draft.html]
        refer_to(draft, message, shown, inline=True)
    return draft


def forward(user: User, message: Message, parts: Parts, *, zone: tzinfo) -> OutgoingMessage:
    """A draft that passes ``message`` on with its files, which are fetched when it is sent."""
    identity = identity_for(message)
    given = Fields(
        subject=forward_subject(message.subject),
        html=_forwarded_html(identity, _head(message, zone), parts),
        text=_forwarded_text(identity, _head(message, zone), parts),
        identity_id=identity.pk if identity else None,
    )
    with transaction.atomic():
        draft = new_draft(user, message.account, given, references=references(message), forwards=message)
        body = choose(Part.from_json(message.structure))
        shown = [part for part in body.inline.values() if f"cid:{part.content_id}" in draft.html]
        refer_to(draft, message, shown, inline=True)
        refer_to(draft, message, [part for part in body.attachments if part not in shown], inline=False)
    return draft


def compose(
    user: User, identity: Identity, *, to: str = "", cc: str = "", subject: str = "", body: str = ""
) -> OutgoingMessage:
    """A new draft; the arguments come from a mailto link (RFC 6068) and are as untrusted as it is."""
    text = f"{body}\n\n{_text_signature(identity)}" if body or identity.signature_html else ""
    html = f"<div>{text_to_html(body) if body else '<br>'}</div><div><br></div>{_signature(identity)}" if text else ""
    given = Fields(to=to, cc=cc, subject=subject, text=text, html=html, identity_id=identity.pk)
    return new_draft(user, identity.account, given)


def own_addresses(user: User) -> set[str]:
    addresses = set(user.mail_accounts.values_list("address", flat=True))
    addresses |= set(Identity.objects.filter(account__user=user).values_list("address", flat=True))
    return {address.casefold() for address in addresses}


def identity_for(message: Message) -> Identity | None:
    """The identity the message was written to, or from; else the account's first."""
    identities = {row.address.casefold(): row for row in reversed(list(message.account.identities.all()))}
    for person in [*_people(message, "to"), *_people(message, "cc"), Address("", message.from_address)]:
        if person.address.casefold() in identities:
            return identities[person.address.casefold()]
    return default_identity(message.account)


def recipients(message: Message, own: set[str], *, to_all: bool) -> tuple[list[Address], list[Address]]:
    """To and Cc of an answer. What the person wrote goes to whom it went before; one's own addresses never."""
    writer = Address(message.from_name, message.from_address)
    mine = message.from_address.casefold() in own
    to = _people(message, "to") if mine else _people(message, "reply_to") or [writer]
    cc: list[Address] = []
    if to_all:
        others = [] if mine else _people(message, "to")
        # Where answers go elsewhere (a list), the writer is still one of "all".
        cc = [*([] if mine else [writer]), *others, *_people(message, "cc")]
    kept_to = _without(to, own) or _without(to, set())
    taken = own | {person.address.casefold() for person in kept_to}
    return kept_to, _without(cc, taken)


def _people(message: Message, field: str) -> list[Address]:
    listed = message.recipients.get(field) or []
    return [Address(str(each[0]), str(each[1])) for each in listed if len(each) == 2 and each[1]]


def _without(people: Iterable[Address], taken: set[str]) -> list[Address]:
    found: dict[str, Address] = {}
    for person in people:
        key = person.address.casefold()
        if key and key not in taken:
            found.setdefault(key, person)
    return list(found.values())


def references(message: Message) -> str:
    """RFC 5322 section 3.6.4, cut in the middle when a conversation has grown long."""
    ids = message.references.split() or ([message.in_reply_to] if message.in_reply_to else [])
    ids = list(dict.fromkeys([*ids, message.message_id] if message.message_id else ids))
    if len(ids) > REFERENCES_KEPT:
        ids = [ids[0], *ids[1 - REFERENCES_KEPT :]]
    return " ".join(ids)


def refer_to(draft: OutgoingMessage, message: Message, parts: Iterable[Part], *, inline: bool) -> None:
    """Attach parts of another message without fetching them."""
    OutgoingAttachment.objects.bulk_create(
        OutgoingAttachment(
            outgoing=draft,
            filename=(part.filename or _fallback_name(part))[:255],
            content_type=part.type[:255],
            size=part.size * 3 // 4 if part.encoding.lower() == "base64" else part.size,
            content_id=part.content_id[:200] if inline else "",
            message=message,
            section=part.section[:200],
        )
        for part in parts
    )


def _fallback_name(part: Part) -> str:
    return "message.eml" if part.type == "message/rfc822" else "attachment"


def _date(message: Message, zone: tzinfo) -> str:
    return f"On {_moment(message.date or message.internaldate, zone)}"


def _moment(moment: datetime, zone: tzinfo) -> str:
    local = moment.astimezone(zone)
    return f"{local:%a}, {local.day} {local:%b %Y} at {local:%H:%M}"


def _sender(message: Message) -> str:
    name = message.from_name.strip()
    return f"{name} <{message.from_address}>" if name else message.from_address or "somebody"


def _head(message: Message, zone: tzinfo) -> list[tuple[str, str]]:
    people = {field: ", ".join(written(person) for person in _people(message, field)) for field in ("to", "cc")}
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
            flowed = part.params.get("format", "").lower() == "flowed"
            pieces.append(str(text_to_html(plain[:LARGEST_QUOTE], flowed=flowed)))
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


def _quoted_html(identity: Identity | None, intro: str, parts: Parts) -> str:
    quote = f'<blockquote type="cite">{_as_html(parts)}</blockquote>'
    return f"<div><br></div><div><br></div>{_signature(identity)}<div>{escape(intro)}</div>{quote}"


def _quoted_text(identity: Identity | None, intro: str, parts: Parts) -> str:
    lines = _as_text(parts).rstrip().split("\n")
    quoted = "\n".join(f">{line}" if line.startswith(">") else f"> {line}".rstrip() for line in lines)
    return f"\n\n{_text_signature(identity)}{intro}\n{quoted}\n"


FORWARDED = "---------- Forwarded message ----------"


def _forwarded_html(identity: Identity | None, head: list[tuple[str, str]], parts: Parts) -> str:
    lines = "".join(f"<div><b>{label}:</b> {escape(value)}</div>" for label, value in head)
    return f"<div><br></div><div><br></div>{_signature(identity)}<div>{FORWARDED}</div>{lines}<div><br></div>{_as_html(parts)}"


def _forwarded_text(identity: Identity | None, head: list[tuple[str, str]], parts: Parts) -> str:
    lines = "\n".join(f"{label}: {value}" for label, value in head)
    return f"\n\n{_text_signature(identity)}{FORWARDED}\n{lines}\n\n{_as_text(parts)}"


def _signature(identity: Identity | None) -> str:
    if identity is None or not identity.signature_html.strip():
        return ""
    return f'<div class="signature">{identity.signature_html}</div><div><br></div>'


def _text_signature(identity: Identity | None) -> str:
    if identity is None or not identity.signature_html.strip():
        return ""
    return f"-- \n{html_to_text(identity.signature_html).strip()}\n\n"

"""What stands in the composer when a message is answered or passed on: recipients, subject, references, quoted text."""

from collections.abc import Iterable
from datetime import tzinfo

from django.db import transaction

from accounts.models import Identity, User
from webmail.mime.params import safe_filename
from webmail.mime.parts import Part, choose
from webmail.mime.routing import Routing
from webmail.mime.subject import forward_subject, reply_subject
from webmail.mime.text import text_to_html
from webmail.models import Message, OutgoingAttachment, OutgoingMessage

from .answering import Mode, identity_for, own_addresses, recipients
from .drafts import Fields, new_draft
from .letter import written
from .quoted import Parts, answered, forwarded
from .signature import as_html, as_text

REFERENCES_KEPT = 50


def reply(
    user: User,
    message: Message,
    parts: Parts,
    *,
    zone: tzinfo,
    mode: Mode = "sender",
    found: Routing | None = None,
) -> OutgoingMessage:
    """A draft that answers ``message``, of which ``parts`` are quoted; dates are written in ``zone``.

    Raise NoList if it shall go to a list and the message, whose header says ``found``, came from none.
    """
    to, cc = recipients(message, own_addresses(user), mode, found)
    identity = identity_for(message, found)
    html, text = answered(identity, message, parts, zone)
    given = Fields(
        to=", ".join(written(person) for person in to),
        cc=", ".join(written(person) for person in cc),
        subject=reply_subject(message.subject),
        html=html,
        text=text,
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
    html, text = forwarded(identity, message, parts, zone)
    given = Fields(
        subject=forward_subject(message.subject),
        html=html,
        text=text,
        identity_id=identity.pk if identity else None,
    )
    with transaction.atomic():
        draft = new_draft(user, message.account, given, references=references(message), forwards=message)
        body = choose(Part.from_json(message.structure))
        shown = [part for part in body.inline.values() if f"cid:{part.content_id}" in draft.html]
        refer_to(draft, message, shown, inline=True)
        refer_to(draft, message, [part for part in body.attachments if part not in shown], inline=False)
    return draft


def forward_whole(user: User, chosen: list[Message]) -> OutgoingMessage:
    """A draft with the messages themselves as files, named, not fetched: that happens when it is sent."""
    first = chosen[0]
    identity = identity_for(first)
    subject = forward_subject(first.subject) if len(chosen) == 1 else f"Fwd: {len(chosen)} messages"
    ending = as_html(identity)
    given = Fields(
        subject=subject,
        html=f"<div><br></div>{ending}" if ending else "",
        text=f"\n\n{as_text(identity)}" if ending else "",
        identity_id=identity.pk if identity else None,
    )
    with transaction.atomic():
        draft = new_draft(user, first.account, given, forwards=first)
        OutgoingAttachment.objects.bulk_create(
            OutgoingAttachment(
                outgoing=draft,
                filename=f"{safe_filename(message.subject)[:200] or 'message'}.eml",
                content_type="message/rfc822",
                size=message.size,
                message=message,
            )
            for message in chosen
        )
    return draft


def compose(
    user: User, identity: Identity, *, to: str = "", cc: str = "", subject: str = "", body: str = ""
) -> OutgoingMessage:
    """A new draft; the arguments come from a mailto link (RFC 6068) and are as untrusted as it is."""
    signed = as_html(identity)
    text = f"{body}\n\n{as_text(identity)}" if body or signed else ""
    html = f"<div>{text_to_html(body) if body else '<br>'}</div><div><br></div>{signed}" if text else ""
    given = Fields(to=to, cc=cc, subject=subject, text=text, html=html, identity_id=identity.pk)
    return new_draft(user, identity.account, given)


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

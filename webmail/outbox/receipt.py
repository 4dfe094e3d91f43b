"""Receipts a person gives or refuses (RFC 8098): once for each message, remembered here and on its server (RFC 3503)."""

import uuid

from django.core.files.base import ContentFile

from accounts.models import User
from webmail.errors import GiveUp, Reason
from webmail.mime.receipt import REPORT, notification
from webmail.mime.sender import RECEIPT
from webmail.models import Message, OutgoingAttachment, SenderCheck
from webmail.models.mirror import change

from .after import mark
from .answering import identity_for
from .drafts import Fields, new_draft
from .letter import is_address
from .queue import enqueue
from .reply import references
from .wake import ask_worker

MDN_SENT = "$MDNSent"


def asked_by(notes: list[list[str]]) -> str:
    """Where a receipt is to go; "" where none is asked for, or the person has decided."""
    return next((note[1] for note in notes if len(note) > 1 and note[0] == RECEIPT), "")


def is_settled(message: Message) -> bool:
    """Whether the person has decided, here or in another program."""
    return any(keyword.lower() == MDN_SENT.lower() for keyword in message.keywords)


def refuse(user: User, message: Message) -> None:
    """Raise GiveUp where nothing is to be decided."""
    with change(user.pk) as changed:
        for copy in _settled(message)[1]:
            changed.message(copy)


def give(user: User, message: Message) -> None:
    """Queue the receipt. Raise GiveUp where none is asked for any more, or where it cannot be sent; then nothing changed."""
    with change(user.pk) as changed:
        address, copies = _settled(message)
        for copy in copies:
            changed.message(copy)
        identity = identity_for(message)
        reader = identity.address if identity else message.account.address
        try:
            report = notification(reader, message.message_id)
        except ValueError:
            sentence = "A receipt cannot be written in the name of this address."
            raise GiveUp(Reason.ADDRESS, sentence) from None
        if not is_address(address):
            raise GiveUp(Reason.ADDRESS, "The address the receipt would go to is not a mail address.")
        given = Fields(
            to=address,
            subject=f"Read: {message.subject}",
            text=_words(message, reader),
            plain=True,
            identity_id=identity.pk if identity else None,
        )
        draft = new_draft(user, message.account, given, in_reply_to=message.message_id, references=references(message))
        row = OutgoingAttachment(outgoing=draft, filename="receipt.txt", content_type=REPORT, size=len(report))
        row.file.save(uuid.uuid4().hex, ContentFile(report), save=False)
        row.save()
        enqueue(draft, token=draft.token)


def _settled(message: Message) -> tuple[str, list[Message]]:
    """The address that asked, and all copies of the message; from now on nobody is asked. The caller holds the gate."""
    copies = Message.objects.filter(account_id=message.account_id, message_key=message.message_key)
    address = ""
    for check in SenderCheck.objects.filter(message__in=copies):
        if asked := asked_by(check.notes):
            address = asked if check.message_id == message.pk else address
            check.notes = [note for note in check.notes if note[0] != RECEIPT]
            check.save(update_fields=["notes"])
    message.refresh_from_db(fields=["keywords"])
    if not address or is_settled(message):
        raise GiveUp(Reason.GONE, "This was already decided, here or in another program.")
    marked = [copy for copy in copies if mark(copy, MDN_SENT)]
    ask_worker(message.account_id)
    return address, marked


def _words(message: Message, reader: str) -> str:
    when = f" of {message.date:%d %B %Y, %H:%M} UTC" if message.date else ""
    about = f" “{message.subject}”" if message.subject else ""
    return (
        f"Your message{about}{when} was shown to {reader}.\n\n"
        "That it was shown does not mean that it was read or understood.\n"
    )

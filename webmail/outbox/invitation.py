"""The answer to an invitation: an iMIP reply (RFC 6047) that goes the way of all mail, and what is remembered of it."""

import uuid
from collections.abc import Iterable

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from webmail.errors import GiveUp, Reason
from webmail.mime.address import Address
from webmail.mime.invitation import Event, answer
from webmail.models import InvitationAnswer, Message, OutgoingAttachment, OutgoingMessage

from .drafts import Fields, new_draft
from .letter import written
from .queue import enqueue
from .reply import identity_for, references

State = OutgoingMessage.State
# In these the answer is with the organizer, or on its way there.
GIVEN = frozenset({State.QUEUED, State.SENDING, State.SENT, State.UNCLEAR})
VERBS = {"accepted": "accepted", "tentative": "tentatively accepted", "declined": "declined"}


def respond(user: User, message: Message, calendar: str, event: Event, choice: str) -> InvitationAnswer:
    """Queue the reply to the organizer of ``event``, which stands in ``calendar``, and remember it.

    The reply is in the name of the guest the invitation was written to. Raise GiveUp where there is nobody to answer.
    """
    if event.organizer is None or not event.uid:
        raise GiveUp(Reason.REFUSED, "This invitation names nobody to answer.")
    if choice not in VERBS:
        raise GiveUp(Reason.REFUSED, "There is no such answer.")
    identity = identity_for(message)
    guest = Address(identity.name if identity else "", _invited(message, event) or _own(message))
    try:
        reply = answer(calendar, event, guest, choice, now=timezone.now())
    except ValueError:
        raise GiveUp(Reason.REFUSED, "This invitation cannot be answered: it is damaged.") from None
    summary = event.summary or "(no title)"
    given = Fields(
        to=written(Address(event.organizer.name, event.organizer.address)),
        subject=f"{choice.capitalize()}: {summary}",
        text=f"{guest.name or guest.address} has {VERBS[choice]} the invitation: {summary}\n",
        plain=True,
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
        row = OutgoingAttachment(
            outgoing=draft, filename="reply.ics", content_type="text/calendar; method=REPLY", size=len(reply)
        )
        row.file.save(uuid.uuid4().hex, ContentFile(reply), save=False)
        row.save()
        sent = enqueue(draft, token=draft.token)
        remembered, _ = InvitationAnswer.objects.update_or_create(
            account_id=message.account_id,
            uid=event.uid,
            recurrence_id=event.recurrence_id,
            defaults={
                "sequence": event.sequence,
                "choice": choice,
                "answered_at": timezone.now(),
                "outgoing": sent,
            },
        )
    return remembered


def _own(message: Message) -> str:
    identity = identity_for(message)
    return identity.address if identity else message.account.address


def _invited(message: Message, event: Event) -> str:
    """The address of the account's that was invited; "" when the invitation came by way of a list."""
    own = {row.address.casefold() for row in message.account.identities.all()} | {message.account.address.casefold()}
    return next((guest.address for guest in event.guests if guest.address.casefold() in own), "")


def answers_to(message: Message, events: Iterable[Event]) -> dict[tuple[str, str], InvitationAnswer]:
    """What was answered to these events, by uid and recurrence id."""
    uids = {event.uid for event in events if event.uid}
    if not uids:
        return {}
    rows = InvitationAnswer.objects.filter(account_id=message.account_id, uid__in=uids).select_related("outgoing")
    return {(row.uid, row.recurrence_id): row for row in rows}

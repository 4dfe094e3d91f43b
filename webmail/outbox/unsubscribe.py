"""Lists a person leaves: what is remembered, and the mail that asks for it, which goes the way of all mail."""

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from webmail.errors import GiveUp, Reason
from webmail.mime.mailing import Mailing, mailto
from webmail.models import Message, OutgoingMessage, Unsubscribed
from webmail.models.prepared import Prepared, Slot

from .drafts import Fields, new_draft
from .letter import is_address
from .reply import identity_for

LEFT = Prepared(
    lambda: Unsubscribed.objects.select_related("outgoing").filter(
        account__user_id=Slot("user"), key__in=[Slot("keys")]
    )
)
Key = tuple[int, str]


def key_of(message: Message, mailing: Mailing) -> Key:
    """What is left: the list, or the sender where no list is named; for this account."""
    return message.account_id, (mailing.id or message.from_address.casefold())[:500]


def left(user_id: int, keys: Iterable[Key]) -> dict[Key, Unsubscribed]:
    """One query, none where there is nothing to ask."""
    wanted = set(keys)
    rows = LEFT(user=user_id, keys=sorted({key for _, key in wanted}))
    return {(row.account_id, row.key): row for row in rows if (row.account_id, row.key) in wanted}


def remember(message: Message, mailing: Mailing, way: str, outgoing: OutgoingMessage | None = None) -> Unsubscribed:
    account_id, key = key_of(message, mailing)
    row, _ = Unsubscribed.objects.update_or_create(
        account_id=account_id, key=key, defaults={"way": way, "at": timezone.now(), "outgoing": outgoing}
    )
    return row


def by_mail(user: User, message: Message, mailing: Mailing) -> OutgoingMessage:
    """A draft to the address that takes people off the list, as whom it writes to. Raise GiveUp where there is none."""
    to, subject, body = mailto(mailing.mail)
    if not is_address(to):
        raise GiveUp(Reason.ADDRESS, "The address for unsubscribing is not a mail address.")
    identity = identity_for(message)
    given = Fields(
        to=to,
        subject=subject or "unsubscribe",
        text=body or "unsubscribe",
        plain=True,
        identity_id=identity.pk if identity else None,
    )
    with transaction.atomic():
        draft = new_draft(user, message.account, given)
        remember(message, mailing, Unsubscribed.Way.MAIL, draft)
    return draft

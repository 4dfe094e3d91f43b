"""Answers that are waited for: noticed when they come, missed when they do not.

Everything is read from the mirror, so nothing has to be hooked into the arrival of mail, and a worker that was away finds
what it has missed. Each step is one conditional UPDATE: however many workers look, a person is told once.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Identity, MailAccount
from webmail.errors import GiveUp, Reason
from webmail.mime.address import addresses
from webmail.models import Message, Notice, OutgoingMessage, ReferenceKey, Reminder, SpecialUse
from webmail.models.mirror import announce

from .conversations import hash_key

State = Reminder.State
AT_ONCE = 100
KEPT = timedelta(days=30)
# What such addresses write is about the delivery, not an answer.
MACHINES = ("mailer-daemon@", "postmaster@")


def run_due() -> int:
    """Begin the reminders of what was sent, tell of those whose time has come; return how many persons were told."""
    begin()
    told = 0
    due = Reminder.objects.filter(state=State.WAITING, due_at__lte=timezone.now())
    for reminder in due.select_related("user")[:AT_ONCE]:
        if is_answered(reminder):
            settle(reminder, State.ANSWERED)
        else:
            told += _tell(reminder)
    return told


def begin() -> None:
    """From the time of sending: a row that was taken asks for its reminder exactly once."""
    sent = OutgoingMessage.objects.filter(remind_after__gt=0, sent_at__isnull=False)
    for row in sent[:AT_ONCE]:
        with transaction.atomic():
            if row.sent_at is None or not sent.filter(pk=row.pk).update(remind_after=0):
                continue
            Reminder.objects.create(
                user_id=row.user_id,
                account_id=row.account_id,
                message_id=row.message_id,
                subject=row.subject,
                to=names(row.to or row.cc or row.bcc),
                sent_at=row.sent_at,
                due_at=row.sent_at + timedelta(days=row.remind_after),
            )
            announce(row.user_id)


def remind_of(message: Message, days: int, now: datetime) -> Reminder:
    """Wait for an answer to a message that is out already, for ``days`` from now. Raise GiveUp."""
    user_id = message.account.user_id
    if not message.message_id or message.from_address.casefold() not in own_addresses(user_id):
        raise GiveUp(Reason.REFUSED, "Only of messages you sent yourself you can be reminded.")
    people = [name or address for name, address in [*message.to, *message.cc]]
    values = {
        "subject": message.subject[:2000],
        "to": said(people),
        "sent_at": message.internaldate,
        "due_at": now + timedelta(days=days),
    }
    wanted = Reminder(user_id=user_id, account_id=message.account_id, message_id=message.message_id, **values)
    if is_answered(wanted):
        raise GiveUp(Reason.REFUSED, "Somebody has answered already.")
    with transaction.atomic():
        known = Reminder.objects.filter(user_id=user_id, message_id=message.message_id, state=State.WAITING).first()
        if known is not None:
            wanted.pk = known.pk
        wanted.save()
        announce(user_id)
    return wanted


def names(written: str) -> str:
    """Who is written to, as a person says it: "Ada", "Ada and Bob", "Ada, Bob and 3 more"."""
    return said([person.name or person.address for person in addresses(written)])


def said(people: list[str]) -> str:
    people = [name[:80] for name in people] or ["somebody"]
    if len(people) > 3:
        return f"{', '.join(people[:2])} and {len(people) - 2} more"
    return " and ".join(filter(None, [", ".join(people[:-1]), people[-1]]))


def sent_message(reminder: Reminder) -> Message | None:
    """The copy in the mirror, if the person can see it somewhere."""
    rows = Message.objects.filter(
        account_id=reminder.account_id,
        message_key=hash_key(reminder.message_id),
        message_id=reminder.message_id,
        shown_in__isnull=False,
    )
    rows = rows.exclude(shown_in__special_use=SpecialUse.DRAFTS).select_related("account", "folder", "shown_in")
    return rows.order_by("pk").first()


def is_answered(reminder: Reminder) -> bool:
    """Somebody else has written since: in the conversation, or under another subject but in reply to the message."""
    key = hash_key(reminder.message_id)
    keys = ReferenceKey.objects.filter(user_id=reminder.user_id, key=key)
    newer = Message.objects.filter(internaldate__gt=reminder.sent_at)
    own = own_addresses(reminder.user_id)

    def from_others(rows: list[tuple[str, str]]) -> bool:
        return any(
            use not in {SpecialUse.JUNK, SpecialUse.DRAFTS}
            and address.casefold() not in own
            and not address.casefold().startswith(MACHINES)
            for address, use in rows
        )

    columns = ("from_address", "folder__special_use")
    of_conversation = newer.filter(conversation__in=keys.values("conversation"))
    if from_others(list(of_conversation.values_list(*columns)[:AT_ONCE])):
        return True
    replies = newer.filter(shown_in__account__user_id=reminder.user_id, in_reply_to=reminder.message_id)
    return from_others(list(replies.values_list(*columns)[:AT_ONCE]))


def own_addresses(user_id: int) -> set[str]:
    found = set(MailAccount.objects.filter(user_id=user_id).values_list("address", flat=True))
    found |= set(Identity.objects.filter(account__user_id=user_id).values_list("address", flat=True))
    return {address.casefold() for address in found}


def _tell(reminder: Reminder) -> int:
    with transaction.atomic():
        if not Reminder.objects.filter(pk=reminder.pk, state=State.WAITING).update(state=State.DUE):
            return 0
        # The worker knows no browser: the day is that of the zone the person chose, if any.
        zone = ZoneInfo(reminder.user.time_zone) if reminder.user.time_zone in available_timezones() else None
        sent = timezone.localtime(reminder.sent_at, zone)
        text = f"No answer yet from {reminder.to} to “{reminder}”, sent on {sent:%A}, {sent.day} {sent:%B}."
        Notice.objects.create(user_id=reminder.user_id, reminder=reminder, text=text[:1000])
        announce(reminder.user_id)
    return 1


def settle(reminder: Reminder, state: str) -> None:
    """Answered, or no longer wanted: what tells of it goes, too."""
    with transaction.atomic():
        Reminder.objects.filter(pk=reminder.pk, state__in=[State.WAITING, State.DUE]).update(state=state)
        Notice.objects.filter(reminder=reminder, dismissed_at__isnull=True).update(dismissed_at=timezone.now())
        announce(reminder.user_id)


def tidy() -> None:
    """Now and then: answers that came early or late are noticed, and what ended long ago is forgotten."""
    open_ones = Q(state=State.WAITING) | Q(state=State.DUE, notices__dismissed_at__isnull=True)
    for reminder in Reminder.objects.filter(open_ones).distinct()[: AT_ONCE * 10]:
        if is_answered(reminder):
            settle(reminder, State.ANSWERED)
    ended = Reminder.objects.exclude(state=State.WAITING).filter(due_at__lt=timezone.now() - KEPT)
    ended.exclude(notices__dismissed_at__isnull=True, notices__isnull=False).delete()

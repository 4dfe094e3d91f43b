"""The demo person, as if she had lived here for a while: what is hers beside the mail stands in content/desk.py."""

from datetime import datetime, time, timedelta
from email.utils import formataddr, parsedate_to_datetime

from django.db import transaction
from django.utils import timezone

from accounts.models import Identity, MailAccount
from accounts.register import new_person, person_of
from accounts.servers import Typed, find_servers
from webmail.contacts import book
from webmail.demo.content import desk
from webmail.demo.content.people import OWNER
from webmail.demo.dovecot import Dovecot
from webmail.demo.secrets import DemoState
from webmail.models import MessageTemplate, Reminder
from webmail.outbox import drafts, queue

MORNING = time(8)


def register_owner(server: Dovecot, state: DemoState) -> None:
    """Make the demo person once, with her account, so that her mail is mirrored before she signs in.

    Somebody who is here already stays as she is. Raises MailServerError.
    """
    if state.values.get("furnished"):
        return
    found = find_servers(OWNER.address, Typed())
    if person_of(found) is None:
        with transaction.atomic():
            furnish(new_person(OWNER.address, found, state.password(OWNER.address)), server)
    state.values["furnished"] = True
    state.save()


def furnish(account: MailAccount, server: Dovecot) -> None:
    user = account.user
    Identity.objects.filter(account=account).update(name=OWNER.name, signature_html=desk.SIGNATURE)
    for known in desk.KNOWN:
        book.save(user, known.card)
    for name, subject, html in desk.TEMPLATES:
        MessageTemplate.objects.create(user=user, name=name, subject=subject, html=html)
    for subject, person, days in desk.WAITED:
        for message_id, sent_at in _sent(server, subject):
            Reminder.objects.create(
                user=user,
                account=account,
                message_id=message_id,
                subject=f"Re: {subject}",
                to=person.name,
                sent_at=sent_at,
                due_at=sent_at + timedelta(days=days),
            )
    _write_for_tomorrow(account)


def _sent(server: Dovecot, subject: str) -> list[tuple[str, datetime]]:
    """Message-ID and time of the last message of that subject she sent, as the server has it."""
    search = ("mailbox", "Sent", "subject", subject)
    told = server.doveadm("-f", "tab", "fetch", "-u", OWNER.address, "hdr.message-id hdr.date", *search)
    rows = [line.split("\t") for line in told.splitlines()[1:]]
    return [(message_id, parsedate_to_datetime(date)) for message_id, date in rows[-1:]]


def _write_for_tomorrow(account: MailAccount) -> None:
    person, subject, html = desk.TOMORROW
    tomorrow = timezone.localtime() + timedelta(days=1)
    fields = drafts.Fields(to=formataddr((person.name, person.address)), subject=subject, html=html, text="")
    letter = drafts.new_draft(account.user, account, fields)
    when = tomorrow.replace(hour=MORNING.hour, minute=0, second=0, microsecond=0)
    queue.enqueue(letter, token=letter.token, send_at=when)

"""Making and changing accounts: the rows that belong together, in one transaction."""

import uuid

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from webmail.models import Download
from webmail.models.mirror import announce
from webmail.models.prepared import Prepared, Slot
from webmail.sync import attention

from .models import Identity, MailAccount, User, sign_in_key
from .servers import Found

SIGNS_IN = Prepared(lambda: MailAccount.objects.filter(sign_in_key=Slot("key")).select_related("user"))


def person_of(found: Found) -> MailAccount | None:
    """The account whose password opens somebody's mail, for this server and user name."""
    return SIGNS_IN.first(key=sign_in_key(found.imap, found.username))


def new_person(address: str, found: Found, password: str, *, smtp_password: str = "") -> MailAccount:
    """Raise IntegrityError if somebody with this server and user name has appeared meanwhile."""
    with transaction.atomic():
        user = User(username=uuid.uuid4().hex, email=address[:254])
        user.set_unusable_password()
        user.save()
        return add_account(user, address, found, password, smtp_password=smtp_password, signs_in=True)


def add_account(
    user: User, address: str, found: Found, password: str, *, smtp_password: str = "", signs_in: bool = False
) -> MailAccount:
    """The caller has verified the password. Raise IntegrityError if the person already has this mailbox."""
    with transaction.atomic():
        last = MailAccount.objects.filter(user=user).aggregate(last=Max("position"))["last"]
        account = MailAccount(
            user=user,
            address=address,
            position=0 if last is None else last + 1,
            password=password,
            smtp_password=smtp_password,
            saves_sent=found.saves_sent,
            sent_watch=0 if found.saves_sent else MailAccount.SENT_WATCH,
        )
        set_servers(account, found)
        account.sign_in_key = sign_in_key(found.imap, found.username) if signs_in else None
        account.save()
        Identity.objects.create(
            account=account,
            address=address,
            name=user.get_full_name()[:200],
            is_default=True,
        )
        look_again(account)
    return account


def set_servers(account: MailAccount, found: Found) -> None:
    """On the row in memory; the caller saves it."""
    account.imap_host, account.imap_port, account.imap_security = found.imap.host, found.imap.port, found.imap.security
    if found.smtp is not None:
        account.smtp_host, account.smtp_port = found.smtp.host, found.smtp.port
        account.smtp_security = found.smtp.security
    account.username, account.smtp_username = found.username, found.smtp_username
    if account.signs_in:
        account.sign_in_key = sign_in_key(found.imap, found.username)


def look_again(account: MailAccount) -> None:
    """Forget what went wrong last, have the worker try at once, and tell open browsers."""
    with transaction.atomic():
        if account.is_local:
            Download.objects.filter(account=account).update(next_at=timezone.now(), failures=0)
        attention.retry(account.pk)
        announce(account.user_id)

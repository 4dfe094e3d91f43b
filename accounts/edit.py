"""Adding and changing accounts. Nothing about where mail is read is saved before that server has accepted it."""

from dataclasses import dataclass

from django.conf import settings
from django.db import IntegrityError, transaction

from webmail.sync.elsewhere import point_elsewhere
from webmail.sync.senders import trust

from . import pop3
from .check import Checked, check_both, check_incoming, check_outgoing
from .models import MailAccount, ProviderPreset, User, sign_in_key
from .register import add_account, look_again, set_servers
from .sealed import CredentialsUnreadable
from .servers import EVERYBODY, Found, Origin, Typed, domain_of
from .signin import Attempt, Refused, find, incoming_error, outgoing_error, refuse_elsewhere, verify_new

ALREADY_HERE = "This mailbox is already among your accounts."
SOMEBODY_ELSE = "Somebody already signs in with this mailbox."
NOT_BY_POP3 = "A POP3 account cannot be signed in with; choose one that is read by IMAP."


@dataclass(frozen=True, slots=True)
class Changes:
    """What the form holds. Empty passwords mean: unchanged."""

    name: str
    typed: Typed
    password: str = ""
    smtp_password: str = ""
    saves_sent: bool = False
    without_sending: bool = False
    authserv_id: str = ""

    def __repr__(self) -> str:
        return f"<changes to {self.name}>"


def servers_fixed(account: MailAccount) -> bool:
    """Whether the administrator decides about the servers of this account."""
    if not settings.ALLOW_ANY_SERVER:
        return True
    return ProviderPreset.objects.filter(domain__in=[domain_of(account.address), EVERYBODY]).exists()


def add(user: User, attempt: Attempt) -> tuple[MailAccount, tuple[str, ...]]:
    """A further mailbox for somebody who is signed in. Raise Refused."""
    found = find(attempt)
    if MailAccount.objects.filter(user=user, imap_host=found.imap.host, username=found.username).exists():
        raise Refused([("address", ALREADY_HERE)])
    said = verify_new(attempt, found)
    try:
        account = add_account(user, attempt.address, found, attempt.password, smtp_password=attempt.smtp_password)
    except IntegrityError as error:
        raise Refused([("address", ALREADY_HERE)]) from error
    return account, said


def save(account: MailAccount, changes: Changes) -> tuple[str, ...]:
    """Verify what has changed, then keep it. Raise Refused with nothing saved."""
    found = _found(account, changes.typed)
    said = _verify(account, changes, found)
    before = account.imap_host.lower(), account.username
    account.name, account.saves_sent = changes.name, changes.saves_sent
    if changes.password:
        account.password = changes.password
    if changes.smtp_password:
        account.smtp_password = changes.smtp_password
    set_servers(account, found)
    if changes.typed.smtp is None:
        account.smtp_host = ""
    _refuse_doubles(account, found)
    with transaction.atomic():
        account.save()
        if before != (account.imap_host.lower(), account.username):
            point_elsewhere(account)
        trust(account, changes.authserv_id)
        look_again(account)
    return said


def check(account: MailAccount) -> tuple[Checked, Checked]:
    """Both servers with what is stored. Raise Refused if a credential cannot be opened."""
    if account.is_local:
        return pop3.check(account)
    try:
        incoming = (account.imap_endpoint, account.username, account.password.reveal())
        outgoing = (account.smtp_endpoint if account.smtp_host else None, *account.smtp_credentials())
    except CredentialsUnreadable as error:
        raise Refused([("password", pop3.UNREADABLE)]) from error
    return check_both(incoming, outgoing)


def sign_in_with(account: MailAccount) -> None:
    """From now on this account's password opens the person's mail, instead of the present one's. Raise Refused."""
    if account.is_local:
        raise Refused([(None, NOT_BY_POP3)])
    incoming, _ = check(account)
    if not incoming.ok:
        raise Refused([(None, incoming.sentence)])
    try:
        with transaction.atomic():
            MailAccount.objects.filter(user_id=account.user_id).update(sign_in_key=None)
            account.sign_in_key = sign_in_key(account.imap_endpoint, account.username)
            account.save(update_fields=["sign_in_key"])
    except IntegrityError as error:
        raise Refused([(None, SOMEBODY_ELSE)]) from error


def _found(account: MailAccount, typed: Typed) -> Found:
    return Found(
        Origin.TYPED,
        typed.imap or account.imap_endpoint,
        typed.smtp,
        typed.username or account.username,
        typed.smtp_username,
    )


def _verify(account: MailAccount, changes: Changes, found: Found) -> tuple[str, ...]:
    said: tuple[str, ...] = ()
    smtp_before = account.smtp_endpoint if account.smtp_host else None
    moved = (found.imap, found.username) != (account.imap_endpoint, account.username)
    resent = (found.smtp, found.smtp_username) != (smtp_before, account.smtp_username)
    entered = {"password": changes.password, "smtp_password": changes.smtp_password}
    refuse_elsewhere(account, account.imap_host, found.imap.host, found.smtp, **entered)
    try:
        password = changes.password or account.password.reveal()
        smtp_password = changes.smtp_password or account.smtp_password.reveal() or password
    except CredentialsUnreadable as error:
        raise Refused([("password", pop3.UNREADABLE)]) from error
    if moved or changes.password:
        incoming = check_incoming(found.imap, found.username, password)
        if incoming.error is not None:
            raise Refused([incoming_error(incoming.error, found, account.address)])
    if found.smtp is not None and (resent or changes.password or changes.smtp_password):
        outgoing = check_outgoing(found.smtp, found.smtp_username or found.username, smtp_password)
        if not outgoing.ok and not changes.without_sending:
            raise Refused([outgoing_error(outgoing, found)], sending_failed=True)
        if not outgoing.ok:
            said = (f"Saved, but sending does not work: {outgoing.sentence}",)
    return said


def _refuse_doubles(account: MailAccount, found: Found) -> None:
    others = MailAccount.objects.exclude(pk=account.pk)
    if others.filter(user_id=account.user_id, imap_host=found.imap.host, username=found.username).exists():
        raise Refused([("imap_host", ALREADY_HERE)])
    if account.sign_in_key is not None and others.filter(sign_in_key=account.sign_in_key).exists():
        raise Refused([("imap_host", SOMEBODY_ELSE)])

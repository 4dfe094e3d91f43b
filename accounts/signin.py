"""Signing in with a mailbox: the mail server's word opens the door, never the address alone."""

import hmac
from dataclasses import dataclass, replace

from django.db import IntegrityError, transaction

from webmail.errors import AskUser, MailError, Reason
from webmail.imap.types import Endpoint
from webmail.models import SyncState

from .check import Checked, check_both, check_incoming
from .models import MailAccount
from .register import look_again, new_person, person_of
from .sealed import CredentialsUnreadable
from .servers import Found, Origin, Typed, find_servers, hint_for

UNREACHABLE = frozenset({Reason.HOST, Reason.PORT, Reason.TIMEOUT, Reason.LOST, Reason.BUSY, Reason.LIMIT})
PASSWORD_REFUSED = frozenset({Reason.PASSWORD, Reason.NEEDS_PROVIDER})

INCOMING_FIELDS = {
    Reason.HOST: "imap_host",
    Reason.PORT: "imap_port",
    Reason.TIMEOUT: "imap_host",
    Reason.CERTIFICATE: "imap_host",
    Reason.NO_TLS: "imap_security",
    Reason.PROTOCOL: "imap_port",
    Reason.PASSWORD: "password",
    Reason.NEEDS_PROVIDER: "password",
}
OUTGOING_FIELDS = {
    Reason.HOST: "smtp_host",
    Reason.PORT: "smtp_port",
    Reason.TIMEOUT: "smtp_host",
    Reason.CERTIFICATE: "smtp_host",
    Reason.NO_TLS: "smtp_security",
    Reason.PROTOCOL: "smtp_port",
    Reason.PASSWORD: "smtp_password",
    Reason.NEEDS_PROVIDER: "smtp_password",
    Reason.UNSUPPORTED: "smtp_host",
}


class Refused(Exception):
    """Sentences for the page, each with the field it belongs to (None: the page as a whole)."""

    def __init__(self, errors: list[tuple[str | None, str]], *, sending_failed: bool = False) -> None:
        super().__init__(" ".join(sentence for _, sentence in errors))
        self.errors = errors
        self.sending_failed = sending_failed


def refuse_to_show(field: str, host: str, known: tuple[str, ...], *, entered: bool) -> None:
    """What was entered for one server is never shown to another: a session left open gives no password away."""
    if host and not entered and host.lower() not in {each.lower() for each in known}:
        raise Refused([(field, "Enter the password for this server.")])


def refuse_elsewhere(
    account: MailAccount, before: str, incoming: str, outgoing: Endpoint | None, *, password: str, smtp_password: str
) -> None:
    """The same for both servers of an account; ``before`` is the host that incoming mail came from until now.

    The outgoing server has seen the password of the mailbox only where it has none of its own.
    """
    apart = bool(account.smtp_password)
    shown = (before,) if apart else (before, account.smtp_host)
    refuse_to_show("password", incoming, shown, entered=bool(password))
    host = outgoing.host if outgoing is not None else ""
    entered = bool(smtp_password or (password and not apart))
    refuse_to_show("smtp_password", host, (account.smtp_host,) if apart else shown, entered=entered)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was entered. ``smtp_password`` is "" when it is the same; ``without_sending`` accepts a failing outgoing server."""

    address: str
    password: str
    typed: Typed
    smtp_password: str = ""
    without_sending: bool = False

    def __repr__(self) -> str:
        return f"<attempt for {self.address}>"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """``said`` are sentences to show on the next page."""

    account: MailAccount
    found: Found
    said: tuple[str, ...] = ()


def sign_in(attempt: Attempt, remembered: Found | None = None) -> SignedIn:
    """Raise Refused with a sentence for each thing that is wrong."""
    found = find(attempt, remembered)
    known = person_of(found)
    if known is None:
        said = verify_new(attempt, found)
        try:
            account = new_person(attempt.address, found, attempt.password, smtp_password=attempt.smtp_password)
            return SignedIn(account, found, (*_words(found), *said))
        except IntegrityError:
            # The same person signed in twice at the same moment.
            known = person_of(found)
            if known is None:
                raise
    return SignedIn(known, found, (*_words(found), *_verify_known(known, attempt, found)))


def find(attempt: Attempt, remembered: Found | None = None) -> Found:
    try:
        return find_servers(attempt.address, attempt.typed, remembered)
    except AskUser as error:
        raise Refused([("address" if error.reason == Reason.UNSUPPORTED else None, error.sentence)]) from error


def verify_new(attempt: Attempt, found: Found) -> tuple[str, ...]:
    """Try both servers. Raise Refused unless the incoming one accepts, and the outgoing one does or may fail."""
    incoming, outgoing = check_both(
        (found.imap, found.username, attempt.password),
        (found.smtp, found.smtp_username or found.username, attempt.smtp_password or attempt.password),
    )
    if incoming.error is not None:
        raise Refused([incoming_error(incoming.error, found, attempt.address)])
    if outgoing.ok:
        return ()
    if attempt.without_sending:
        return (f"You can read your mail, but not send yet: {outgoing.sentence}",)
    raise Refused([outgoing_error(outgoing, found)], sending_failed=True)


def incoming_error(error: MailError, found: Found, address: str) -> tuple[str | None, str]:
    field = INCOMING_FIELDS.get(error.reason)
    sentence = error.sentence
    if error.reason in PASSWORD_REFUSED and (hint := found.hint or hint_for(address)):
        sentence = f"{sentence} {hint}"
    # Nobody can mend at this page what an administrator has set, nor what was never entered here.
    return (field if field == "password" or found.origin == Origin.TYPED else None), sentence


def outgoing_error(outgoing: Checked, found: Found) -> tuple[str | None, str]:
    reason = outgoing.error.reason if outgoing.error is not None else Reason.HOST
    if found.origin == Origin.PRESET:
        return None, f"Sending does not work: {outgoing.sentence}"
    return OUTGOING_FIELDS.get(reason, "smtp_host"), outgoing.sentence


def _verify_known(account: MailAccount, attempt: Attempt, found: Found) -> tuple[str, ...]:
    """Ask the server that this account is known to live on; what was typed now could be anybody's server."""
    if not account.user.is_active:
        raise Refused([(None, "This account has been closed by the administrator.")])
    trusted = found.imap if found.origin == Origin.PRESET else account.imap_endpoint
    checked = check_incoming(trusted, account.username, attempt.password)
    if checked.error is None:
        _keep(account, attempt.password, found)
        return ()
    if checked.error.reason in UNREACHABLE and _is_the_sealed_one(account, attempt.password):
        return (f"{checked.sentence} You see your mail as it was when it was last fetched.",)
    own = replace(found, imap=trusted, username=account.username)
    raise Refused([incoming_error(checked.error, own, attempt.address)])


def _keep(account: MailAccount, password: str, found: Found) -> None:
    """Store what the server has just accepted, if it is new: the password, or an administrator's new port."""
    try:
        changed = not hmac.compare_digest(account.password.reveal().encode(), password.encode())
    except CredentialsUnreadable:
        changed = True
    moved = found.origin == Origin.PRESET and account.imap_endpoint != found.imap
    if not changed and not moved:
        return
    with transaction.atomic():
        if changed:
            account.password = password
            # Whoever knew the old password stays signed in nowhere.
            account.user.end_sessions()
        if moved:
            account.imap_port, account.imap_security = found.imap.port, found.imap.security
        account.save(update_fields=["password", "imap_port", "imap_security"])
        look_again(account)


def _is_the_sealed_one(account: MailAccount, password: str) -> bool:
    """Without the server: only the password it accepted last counts, and not if it has refused that one since."""
    if SyncState.objects.filter(account=account, reason__in=PASSWORD_REFUSED).exists():
        return False
    try:
        sealed = account.password.reveal()
    except CredentialsUnreadable:
        return False
    return bool(sealed) and hmac.compare_digest(sealed.encode(), password.encode())


def _words(found: Found) -> tuple[str, ...]:
    if not found.typed_ignored:
        return ()
    return (f"The administrator has set the servers for this address ({found.imap.host}); yours were not used.",)

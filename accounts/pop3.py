"""Accounts that download by POP3: adding, changing, trying them, and ending the download while the mail stays."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from webmail.errors import GiveUp
from webmail.imap.types import Endpoint
from webmail.models import Download, Folder, LedgerEntry, Maildrop, SpecialUse
from webmail.sync.folder_actions import create_folder
from webmail.sync.local import STANDARD, ensure_folders

from .check import Checked, at_once, check_outgoing
from .maildrop import check_maildrop, put_off
from .models import DownloadRules, Identity, MailAccount, User
from .register import look_again
from .sealed import CredentialsUnreadable
from .servers import find_outgoing
from .signin import INCOMING_FIELDS, OUTGOING_FIELDS, Refused, refuse_elsewhere

NOT_ALLOWED = "Only the administrator of this site can add POP3 accounts."
ALREADY_HERE = "This mailbox is already downloaded into one of your accounts."
UNREADABLE = "The stored password cannot be opened any more. Enter it again."
# Mail that comes in has no business in what the person wrote or threw away.
NOT_FOR_NEW_MAIL = (SpecialUse.DRAFTS, SpecialUse.SENT, SpecialUse.TRASH)


@dataclass(frozen=True, slots=True)
class Wishes:
    """How to download. ``days`` counts from the fetch of a message; ``since`` None means everything."""

    policy: str
    days: int
    since: date | None
    tag: str
    every_minutes: int


@dataclass(frozen=True, slots=True)
class PopAttempt:
    """What was entered. Empty passwords mean the one that is stored; ``outgoing`` None: it was left open."""

    name: str
    incoming: Endpoint
    username: str
    password: str
    outgoing: Endpoint | None
    smtp_username: str
    smtp_password: str
    wishes: Wishes
    without_sending: bool = False

    def __repr__(self) -> str:
        return f"<attempt for {self.username} at {self.incoming.host}>"


def servers_fixed() -> bool:
    """Whether only the administrator decides to which server a password goes."""
    return not settings.ALLOW_ANY_SERVER


def may_add() -> bool:
    """Whether people add POP3 accounts themselves."""
    return not servers_fixed() and DownloadRules.current().people_add


def folders_for_mail(account: MailAccount) -> list[Folder]:
    """Where a download may file, Inbox first."""
    rows = Folder.objects.filter(account=account, hidden=False, selectable=True).exclude(
        special_use__in=NOT_FOR_NEW_MAIL
    )
    return sorted(rows, key=lambda folder: (folder.special_use != SpecialUse.INBOX, folder.name.casefold()))


def add(user: User, address: str, attempt: PopAttempt, folder_name: str) -> tuple[MailAccount, tuple[str, ...]]:
    """Verify both servers, then keep the account; returns it and what the person should know. Raise Refused."""
    if not may_add():
        raise Refused([(None, NOT_ALLOWED)])
    _refuse_double(user, attempt)
    outgoing = attempt.outgoing or find_outgoing(address, attempt.incoming.host)
    incoming, sending = _check_both(attempt, outgoing)
    said = _incoming_said(incoming) + _outgoing_said(sending, attempt)
    with transaction.atomic():
        # One at a time for a person: no constraint of the database sees two rows of two tables.
        User.objects.select_for_update().get(pk=user.pk)
        _refuse_double(user, attempt)
        last = MailAccount.objects.filter(user=user).aggregate(last=Max("position"))["last"]
        account = MailAccount(
            kind=MailAccount.Kind.POP3, user=user, address=address, position=0 if last is None else last + 1
        )
        _set(account, attempt, outgoing)
        account.save()
        Identity.objects.create(account=account, address=address, name=user.get_full_name()[:200], is_default=True)
        ensure_folders(account)
        folder = _folder_named(account, folder_name)
        Download.objects.create(account=account, folder=folder, **_columns(attempt))
        look_again(account)
    return account, said


def save(account: MailAccount, attempt: PopAttempt, folder_id: int) -> tuple[str, ...]:
    """Verify what has changed, then keep it. Raise Refused with nothing saved."""
    download = Download.objects.filter(account=account).first()
    _refuse_double(account.user, attempt, account)
    said = _verify_changes(account, download, attempt)
    before = (download.host, account.username) if download is not None else None
    moved = before is not None and before != (attempt.incoming.host, attempt.username)
    folder = next((each for each in folders_for_mail(account) if each.pk == folder_id), None)
    with transaction.atomic():
        _set(account, attempt, attempt.outgoing)
        account.save()
        columns = {**_columns(attempt), "folder": folder}
        if download is None:
            Download.objects.create(account=account, **columns)
        else:
            # Not save(): what the worker notes about a run under way stays.
            Download.objects.filter(pk=download.pk).update(**columns)
        if moved:
            forget_ids(account)
        look_again(account)
    return said


def check(account: MailAccount) -> tuple[Checked, Checked]:
    """Both servers with what is stored. Raise Refused if a credential cannot be opened."""
    download = Download.objects.filter(account=account).first()
    try:
        password, sending = account.password.reveal(), account.smtp_credentials()
    except CredentialsUnreadable as error:
        raise Refused([("password", UNREADABLE)]) from error
    outgoing = account.smtp_endpoint if account.smtp_host else None
    if download is None:
        return Checked("Incoming mail: nothing is downloaded."), check_outgoing(outgoing, *sending)
    endpoint, policy = download.endpoint, download.policy
    plain_text = DownloadRules.current().plain_text_allowed
    return at_once(
        lambda: check_maildrop(endpoint, account.username, password, policy, plain_text=plain_text),
        lambda: check_outgoing(outgoing, *sending),
    )


def check_entered(address: str, attempt: PopAttempt) -> tuple[Checked, Checked]:
    """Both servers as they were entered; nothing is kept. Raise Refused where they may not be asked."""
    if not may_add():
        raise Refused([(None, NOT_ALLOWED)])
    outgoing = attempt.outgoing or find_outgoing(address, attempt.incoming.host)
    return _check_both(attempt, outgoing)


def forget_ids(account: MailAccount) -> None:
    """Another server, or another maildrop: equal ids mean nothing there, so what it lists is known by its content only.

    Without this a message nobody has fetched could be taken for one that was, and be deleted.
    """
    # A session at the old place files nothing more, and with that notes no more ids.
    Maildrop.objects.filter(account=account).delete()
    entries = LedgerEntry.objects.filter(account=account)
    entries.filter(state=LedgerEntry.State.SKIPPED).delete()
    entries.exclude(uidl="").update(uidl="")


def stop_download(account: MailAccount) -> None:
    """The mail stays, and so does the ledger: set up again, the download fetches nothing twice."""
    with transaction.atomic():
        Maildrop.objects.filter(account=account).delete()
        Download.objects.filter(account=account).delete()
        look_again(account)


def _verify_changes(account: MailAccount, download: Download | None, attempt: PopAttempt) -> tuple[str, ...]:
    host = download.host if download is not None else ""
    entered = {"password": attempt.password, "smtp_password": attempt.smtp_password}
    refuse_elsewhere(account, host, attempt.incoming.host, attempt.outgoing, **entered)
    try:
        password = attempt.password or account.password.reveal()
        smtp_password = attempt.smtp_password or account.smtp_password.reveal() or password
    except CredentialsUnreadable as error:
        raise Refused([("password", UNREADABLE)]) from error
    before = (download.endpoint, account.username) if download is not None else None
    smtp_before = (account.smtp_endpoint if account.smtp_host else None, account.smtp_username)
    said: tuple[str, ...] = ()
    if before != (attempt.incoming, attempt.username) or attempt.password:
        plain_text = DownloadRules.current().plain_text_allowed
        policy = attempt.wishes.policy
        incoming = check_maildrop(attempt.incoming, attempt.username, password, policy, plain_text=plain_text)
        said += _incoming_said(incoming)
    resent = smtp_before != (attempt.outgoing, attempt.smtp_username)
    if attempt.outgoing is not None and (resent or attempt.password or attempt.smtp_password):
        username = attempt.smtp_username or attempt.username
        said += _outgoing_said(check_outgoing(attempt.outgoing, username, smtp_password), attempt)
    return said


def _check_both(attempt: PopAttempt, outgoing: Endpoint | None) -> tuple[Checked, Checked]:
    username, password = attempt.smtp_username or attempt.username, attempt.smtp_password or attempt.password
    plain_text, policy = DownloadRules.current().plain_text_allowed, attempt.wishes.policy
    return at_once(
        lambda: check_maildrop(attempt.incoming, attempt.username, attempt.password, policy, plain_text=plain_text),
        lambda: check_outgoing(outgoing, username, password),
    )


def _incoming_said(checked: Checked) -> tuple[str, ...]:
    if checked.error is None:
        return (checked.sentence,)
    if put_off(checked.error):
        # Servers let one program in at a time, or one visit in so many minutes; waiting is the worker's work.
        return (f"Saved without a test. {checked.sentence}",)
    field = INCOMING_FIELDS.get(checked.error.reason)
    raise Refused([(field and field.replace("imap_", "pop_"), checked.sentence)])


def _outgoing_said(checked: Checked, attempt: PopAttempt) -> tuple[str, ...]:
    if checked.error is None:
        return ()
    if attempt.without_sending:
        return (f"Saved, but sending does not work: {checked.sentence}",)
    field = OUTGOING_FIELDS.get(checked.error.reason, "smtp_host")
    raise Refused([(field, checked.sentence)], sending_failed=True)


def _refuse_double(user: User, attempt: PopAttempt, account: MailAccount | None = None) -> None:
    others = Download.objects.filter(account__user=user, host=attempt.incoming.host, account__username=attempt.username)
    if account is not None:
        others = others.exclude(account=account)
    if others.exists():
        raise Refused([("username", ALREADY_HERE)])


def _set(account: MailAccount, attempt: PopAttempt, outgoing: Endpoint | None) -> None:
    """On the row in memory; the caller saves it."""
    account.name, account.username, account.smtp_username = attempt.name, attempt.username, attempt.smtp_username
    account.smtp_host = outgoing.host if outgoing is not None else ""
    if outgoing is not None:
        account.smtp_port, account.smtp_security = outgoing.port, outgoing.security
    if attempt.password:
        account.password = attempt.password
    if attempt.smtp_password:
        account.smtp_password = attempt.smtp_password


def _columns(attempt: PopAttempt) -> dict[str, Any]:
    wishes, incoming = attempt.wishes, attempt.incoming
    return {
        "host": incoming.host,
        "port": incoming.port,
        "security": incoming.security,
        "policy": wishes.policy,
        "days": wishes.days,
        "since": wishes.since,
        "tag": wishes.tag,
        "every_minutes": wishes.every_minutes,
    }


def _folder_named(account: MailAccount, name: str) -> Folder:
    """One of the folders that are there, whatever the case, or a new one. Raise Refused."""
    wanted = name.strip().casefold() or "inbox"
    usual = {each.casefold(): each for each in STANDARD}
    if wanted in usual:
        folder = Folder.objects.get(account=account, name=usual[wanted])
        if folder.special_use in NOT_FOR_NEW_MAIL:
            raise Refused([("folder_name", f"New mail cannot be filed into {folder.title}.")])
        return folder
    try:
        folder = create_folder(account.user, account, name)
    except GiveUp as error:
        raise Refused([("folder_name", error.sentence)]) from error
    ensure_folders(account)
    return folder

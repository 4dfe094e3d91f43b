"""The copy of a sent message: exactly one at the end, whoever makes it (faults F06, F41).

Before a copy is appended the folder is searched for the Message-ID. A provider that is said to file sent mail, and one that
nobody knows yet, is given a little time first. The row says before APPEND that one was begun. Where its answer never came,
because the connection or the worker was lost, the server may still be carrying it out: the copy is looked for again and again
before another is appended, and from then on nothing in Sent tells who made it. What is there twice all the same is the
matter of ``sent_twins``.
"""

import logging
from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from accounts.models import Identity, MailAccount
from webmail.errors import GiveUp, Reason
from webmail.models import Folder, OutgoingMessage, SpecialUse
from webmail.outbox.wake import come_back

from .filing import select_special, tell, update
from .local import AnyMailbox
from .server_drafts import rows_of

logger = logging.getLogger(__name__)
State, SentCopy = OutgoingMessage.State, OutgoingMessage.SentCopy

# Seconds after it was sent at which the provider's copy is looked for, before one is appended from here.
TRUSTED = (0, 10, 30, 90, 300)
UNKNOWN = (0, 3)
KNOWN = (0,)
# Seconds after an APPEND without an answer was begun at which its copy is looked for, before it is made again.
UNANSWERED = (1, 3, 10, 30, 60)


def unfiled(account: MailAccount) -> list[OutgoingMessage]:
    """Rows whose copy is to be looked for now; for the others the worker comes back."""
    now = timezone.now()
    ready = []
    for row in rows_of(account).filter(sent_copy__in=[SentCopy.DUE, SentCopy.EXPECTED]):
        row.account = account
        at = _next_look(row) if row.sent_copy_begun_at is None else None
        if at is None or at <= now:
            ready.append(row)
        else:
            come_back(account.pk, at)
    return ready


def file_sent(connection: AnyMailbox, row: OutgoingMessage) -> None:
    """One copy in Sent, or in the folder that the identity has for it."""
    update(row, sent_copy_attempts=row.sent_copy_attempts + 1)
    unanswered = row.sent_copy_begun_at is not None
    try:
        folder = selected(connection, row)
        if connection.find_message_id(row.message_id):
            _learn(row)
            update(row, sent_copy=SentCopy.FILED)
            return
        again = _next_look(row)
        if again is not None:
            come_back(row.account_id, again)
            return
        with row.raw.storage.open(row.raw.name or "", "rb") as stream:
            raw = stream.read()
        if not _begin(row):
            return
        appended = connection.append(folder.name, raw, ["\\Seen"], timezone.now())
    except OSError as error:
        _keep(row, "its bytes are no longer here", str(error))
    except GiveUp as problem:
        if not unanswered:
            update(row, sent_copy_begun_at=None)
        _keep(row, problem.sentence.rstrip("."), problem.detail)
    else:
        named = appended.uid is not None and not unanswered
        numbers = (appended.uid, appended.uidvalidity) if named else (None, None)
        _filed(row, *numbers, alone=not unanswered)


def _next_look(row: OutgoingMessage) -> datetime | None:
    """None when there is nothing more to wait for."""
    if row.sent_copy_begun_at is not None:
        now = timezone.now()
        if row.sent_copy_begun_at > now:
            return None  # The clock was set back since.
        moments = [row.sent_copy_begun_at + timedelta(seconds=seconds) for seconds in UNANSWERED]
        return next((moment for moment in moments if moment > now), None)
    looks = _looks(row)
    if row.sent_copy_attempts >= len(looks):
        return None
    return (row.sent_at or row.updated_at) + timedelta(seconds=looks[row.sent_copy_attempts])


def _looks(row: OutgoingMessage) -> tuple[int, ...]:
    if row.account.is_local:
        return KNOWN
    if row.sent_copy == SentCopy.EXPECTED:
        return TRUSTED
    return UNKNOWN if row.account.sent_watch else KNOWN


def _begin(row: OutgoingMessage) -> bool:
    """Recorded before APPEND; False where another worker was faster, whose copy it is then."""
    now = timezone.now()
    before = OutgoingMessage.objects.filter(
        pk=row.pk, sent_copy=row.sent_copy, sent_copy_begun_at=row.sent_copy_begun_at
    )
    row.sent_copy_begun_at = now
    return bool(before.update(sent_copy_begun_at=now, sent_copy_uid=None, sent_copy_uidvalidity=None))


def _filed(row: OutgoingMessage, uid: int | None, uidvalidity: int | None, *, alone: bool) -> None:
    """``alone``: no other APPEND of it was begun from here. If one was while this one took its time, nothing is certain."""
    ours = OutgoingMessage.objects.filter(pk=row.pk, sent_copy_begun_at=row.sent_copy_begun_at)
    if not ours.update(sent_copy=SentCopy.FILED, sent_copy_uid=uid, sent_copy_uidvalidity=uidvalidity) or not alone:
        return
    if row.sent_copy == SentCopy.EXPECTED:
        _server_does_not(row.account)
    else:
        MailAccount.objects.filter(pk=row.account_id, sent_watch__gt=0).update(sent_watch=F("sent_watch") - 1)


def selected(connection: AnyMailbox, row: OutgoingMessage) -> Folder:
    """The folder of the identity, or the account's Sent: also where that folder is gone, for no copy must get lost."""
    own = own_folder(row)
    if own is not None:
        try:
            connection.select(own.name, uidvalidity=None)
            return own
        except GiveUp as problem:
            if problem.reason != Reason.GONE:
                raise
    return select_special(connection, row.account, SpecialUse.SENT)[0]


def own_folder(row: OutgoingMessage) -> Folder | None:
    identity = row.identity
    if identity is None or identity.sent_rule != Identity.SentRule.FOLDER or identity.sent_folder_id is None:
        return None
    usable = Folder.objects.filter(pk=identity.sent_folder_id, account_id=row.account_id)
    return usable.filter(selectable=True, hidden=False).first()


def _learn(row: OutgoingMessage) -> None:
    """Somebody else filed it, unless an APPEND was begun from here and only the answer was lost."""
    account = row.account
    settled = account.is_local or account.saves_sent or not account.sent_watch
    if settled or row.sent_copy_begun_at is not None:
        return
    identity = row.identity
    if identity is None or (identity.own_server is None and identity.sent_rule == Identity.SentRule.ACCOUNT):
        server_files(account)


def server_files(account: MailAccount) -> None:
    account.saves_sent, account.sent_watch = True, 0
    account.save(update_fields=["saves_sent", "sent_watch"])
    logger.info("account %s: its provider files sent mail itself", account.pk)


def _server_does_not(account: MailAccount) -> None:
    """It was waited for in vain. The next messages tell whether it was only late this time."""
    account.saves_sent, account.sent_watch = False, MailAccount.SENT_WATCH
    account.save(update_fields=["saves_sent", "sent_watch"])
    logger.warning("account %s: its provider was to file sent mail, and did not", account.pk)


def _keep(row: OutgoingMessage, why: str, detail: str) -> None:
    """The mail is out all the same (fault F06)."""
    logger.warning("message %s was sent but could not be filed: %s", row.pk, detail)
    update(row, sent_copy=SentCopy.KEPT)
    tell(row, f"“{row}” was sent, but could not be filed in Sent: {why}. Its copy is kept in the outbox.")

"""The copy of a sent message: exactly one at the end, whoever makes it (faults F06, F41).

Before a copy is appended the folder is searched for the Message-ID. A provider that is said to file sent mail, and one that
nobody knows yet, is given a little time first. If its copy turns up after ours has been appended, ours goes away again,
which is done only where the server named the number of it (APPENDUID, RFC 4315) and both copies still stand; from then on
the account counts as one whose server files.
"""

import logging
from collections import Counter
from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from accounts.models import Identity, MailAccount
from webmail.errors import GiveUp, Reason
from webmail.models import Folder, Message, OutgoingMessage, SpecialUse

from .conversations import hash_key
from .filing import select_special, tell, update
from .local import AnyMailbox
from .server_drafts import rows_of

logger = logging.getLogger(__name__)
State, SentCopy = OutgoingMessage.State, OutgoingMessage.SentCopy

# Seconds after it was sent at which the provider's copy is looked for, before one is appended from here.
TRUSTED = (0, 10, 30, 90, 300)
UNKNOWN = (0, 3)
KNOWN = (0,)
BEGUN = 0  # in place of a number: a copy was appended, or may have been, under one that nobody named
WATCHED = timedelta(days=2)
WATCHED_AT_ONCE = 50


def _waiting(account: MailAccount) -> list[tuple[datetime, OutgoingMessage]]:
    """Rows without a copy, and when it is to be looked for next."""
    found = []
    for row in rows_of(account).filter(sent_copy__in=[SentCopy.DUE, SentCopy.EXPECTED]):
        row.account = account
        looks = _looks(row)
        seconds = looks[min(row.sent_copy_attempts, len(looks) - 1)]
        found.append(((row.sent_at or row.updated_at) + timedelta(seconds=seconds), row))
    return found


def next_look(account: MailAccount) -> datetime | None:
    """When the worker has to come back for a copy. A pass under way cannot ask for another one: it is still due itself."""
    return min((at for at, _ in _waiting(account)), default=None)


def unfiled(account: MailAccount) -> list[OutgoingMessage]:
    """Rows whose copy is to be looked for now; :func:`next_look` says when it is the turn of the others."""
    now = timezone.now()
    return [row for at, row in _waiting(account) if at <= now]


def file_sent(connection: AnyMailbox, row: OutgoingMessage) -> None:
    """One copy in Sent, or in the folder that the identity has for it."""
    looks = _looks(row)
    update(row, sent_copy_attempts=row.sent_copy_attempts + 1)
    try:
        folder = selected(connection, row)
        if connection.find_message_id(row.message_id):
            _learn(row)
            update(row, sent_copy=SentCopy.FILED)
            return
        if row.sent_copy_attempts < len(looks):
            return
        with row.raw.storage.open(row.raw.name or "", "rb") as stream:
            raw = stream.read()
        update(row, sent_copy_uid=BEGUN, sent_copy_uidvalidity=None)
        appended = connection.append(folder.name, raw, ["\\Seen"], timezone.now())
    except OSError as error:
        _keep(row, "its bytes are no longer here", str(error))
    except GiveUp as problem:
        _keep(row, problem.sentence.rstrip("."), problem.detail)
    else:
        uid = BEGUN if appended.uid is None else appended.uid
        update(row, sent_copy=SentCopy.FILED, sent_copy_uid=uid, sent_copy_uidvalidity=appended.uidvalidity)
        MailAccount.objects.filter(pk=row.account_id, sent_watch__gt=0).update(sent_watch=F("sent_watch") - 1)


def _looks(row: OutgoingMessage) -> tuple[int, ...]:
    if row.account.is_local:
        return KNOWN
    if row.sent_copy == SentCopy.EXPECTED:
        return TRUSTED
    return UNKNOWN if row.account.sent_watch else KNOWN


def selected(connection: AnyMailbox, row: OutgoingMessage) -> Folder:
    """The folder of the identity, or the account's Sent: also where that folder is gone, for no copy must get lost."""
    own = _own_folder(row)
    if own is not None:
        try:
            connection.select(own.name, uidvalidity=None)
            return own
        except GiveUp as problem:
            if problem.reason != Reason.GONE:
                raise
    return select_special(connection, row.account, SpecialUse.SENT)[0]


def _own_folder(row: OutgoingMessage) -> Folder | None:
    identity = row.identity
    if identity is None or identity.sent_rule != Identity.SentRule.FOLDER or identity.sent_folder_id is None:
        return None
    usable = Folder.objects.filter(pk=identity.sent_folder_id, account_id=row.account_id)
    return usable.filter(selectable=True, hidden=False).first()


def _learn(row: OutgoingMessage) -> None:
    """Somebody else filed it, unless it was appended from here and only the answer was lost."""
    account = row.account
    settled = account.is_local or account.saves_sent or not account.sent_watch
    if settled or row.sent_copy_uid is not None or row.sent_copy != SentCopy.DUE:
        return
    identity = row.identity
    if identity is None or (identity.own_server is None and identity.sent_rule == Identity.SentRule.ACCOUNT):
        _server_files(account)


def _server_files(account: MailAccount) -> None:
    account.saves_sent, account.sent_watch = True, 0
    account.save(update_fields=["saves_sent", "sent_watch"])
    logger.info("account %s: its provider files sent mail itself", account.pk)


def _keep(row: OutgoingMessage, why: str, detail: str) -> None:
    """The mail is out all the same (fault F06)."""
    logger.warning("message %s was sent but could not be filed: %s", row.pk, detail)
    update(row, sent_copy=SentCopy.KEPT)
    tell(row, f"“{row}” was sent, but could not be filed in Sent: {why}. Its copy is kept in the outbox.")


def doubled(account: MailAccount) -> list[OutgoingMessage]:
    """Rows whose copy from here has a twin in the mirror of its folder. Asks no server."""
    rows = rows_of(account).filter(sent_copy=SentCopy.FILED, sent_copy_uid__gt=BEGUN)
    recent = list(rows.filter(sent_at__gt=timezone.now() - WATCHED).order_by("-pk")[:WATCHED_AT_ONCE])
    if not recent:
        return []
    ids = {row.message_id for row in recent}
    copies = Message.objects.filter(account=account, message_key__in=[hash_key(each) for each in ids])
    standing = copies.filter(message_id__in=ids, uid__isnull=False, missing_since__isnull=True)
    found = set(standing.values_list("message_id", "folder_id", "uidvalidity", "uid"))
    folders = {(message_id, uidvalidity, uid): folder for message_id, folder, uidvalidity, uid in found}
    counts = Counter((message_id, folder) for message_id, folder, _, _ in found)
    return [
        row
        for row in recent
        if (folder := folders.get((row.message_id, row.sent_copy_uidvalidity, row.sent_copy_uid))) is not None
        and counts[row.message_id, folder] > 1
    ]


def remove_double(connection: AnyMailbox, row: OutgoingMessage) -> None:
    """Take our copy away where the provider's stands beside it, and leave it to the provider from now on."""
    numbered = Message.objects.filter(account_id=row.account_id, message_key=hash_key(row.message_id))
    ours = (
        numbered.filter(uid=row.sent_copy_uid, uidvalidity=row.sent_copy_uidvalidity).select_related("folder").first()
    )
    if ours is None or ours.uid is None:
        return
    opened = connection.select(ours.folder.name, uidvalidity=None)
    there = connection.find_message_id(row.message_id)
    twins = [uid for uid in there if uid != ours.uid]
    if opened.uidvalidity == ours.uidvalidity and ours.uid in there and twins:
        marks = [name for name, stands in (("\\Flagged", ours.flagged), ("\\Answered", ours.answered)) if stands]
        connection.store(str(max(twins)), add=["\\Seen", *marks, *ours.keywords])
        connection.expunge([ours.uid])
        if row.identity is None or row.identity.own_server is None:
            _server_files(row.account)
    update(row, sent_copy_uid=BEGUN, sent_copy_uidvalidity=None)

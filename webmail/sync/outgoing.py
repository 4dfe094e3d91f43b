"""The account's part in writing mail: drafts kept on the server, sent mail filed, forwarded files fetched.

Every copy is made under a Message-ID that is recorded before APPEND, and looked for before it is made again: a lost answer
leaves one copy, not two (faults F05, F41). The old copy of a draft goes only when the new one is confirmed.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from accounts.models import Identity, MailAccount
from webmail.errors import FolderReset, GiveUp
from webmail.models import Folder, OutgoingMessage, SpecialUse
from webmail.models.mirror import announce
from webmail.outbox import after, attachments, queue
from webmail.outbox.wake import come_back

from .filing import bring_files, open_file, select_special, tell, update
from .local import AnyMailbox
from .sent_copies import file_sent, selected, unfiled
from .sent_twins import doubled, remove_double
from .server_drafts import changed_drafts, discarded_or_sent, remove_copy, rows_of, save_copy

logger = logging.getLogger(__name__)
State, SentCopy, Held = OutgoingMessage.State, OutgoingMessage.SentCopy, OutgoingMessage.Held
LOOKS_FOR_UNCLEAR = 5
SENT_KEPT = timedelta(days=2)
ABANDONED = timedelta(days=1)


def push_outgoing(connection: AnyMailbox, account: MailAccount) -> bool:
    """Return whether the server was asked for anything, so that its folders may have changed.

    Raise RetryLater or AskUser when the connection or the account is at fault; what one row is at fault for stays its.
    """
    if not Folder.objects.filter(account=account).exists():
        return False  # before the first look at the server every folder would seem to be missing
    _freeze_waiting(account)
    asked = _each(account, discarded_or_sent(account), remove_copy, connection)
    asked |= _each(account, changed_drafts(account), save_copy, connection)
    asked |= _each(account, unfiled(account), file_sent, connection)
    asked |= _each(account, doubled(account), remove_double, connection)
    unclear = rows_of(account).filter(state=State.UNCLEAR, discarded=False, sent_copy_attempts__lt=LOOKS_FOR_UNCLEAR)
    asked |= _each(account, unclear, _look_for_unclear, connection)
    asked |= _each(account, rows_of(account).filter(state=State.QUEUED, held=Held.LOOK), _look_for_late, connection)
    _forget(account)
    return asked


def _each(
    account: MailAccount,
    rows: Iterable[OutgoingMessage],
    act: Callable[[AnyMailbox, OutgoingMessage], None],
    connection: AnyMailbox,
) -> bool:
    asked = False
    for row in rows:
        asked = True
        row.account = account
        try:
            act(connection, row)
        except (GiveUp, FolderReset) as problem:
            logger.warning("outgoing message %s: %s %s", row.pk, problem.sentence, problem.detail)
    return asked


# --- sent mail


def _look_for_unclear(connection: AnyMailbox, row: OutgoingMessage) -> None:
    """A provider that files what it takes gives away that it took it."""
    update(row, sent_copy_attempts=row.sent_copy_attempts + 1)
    select_special(connection, row.account, SpecialUse.SENT)
    if not connection.find_message_id(row.message_id):
        come_back(row.account_id, timezone.now() + timedelta(seconds=30))
        return
    _settle_sent(row, State.UNCLEAR, f"“{row}” was sent after all: it stands in Sent.")


def _look_for_late(connection: AnyMailbox, row: OutgoingMessage) -> None:
    """What waits although its time is past may be out already: the database may be that of an earlier day (fault F55)."""
    selected(connection, row)
    waiting = OutgoingMessage.objects.filter(pk=row.pk, state=State.QUEUED, held=Held.LOOK)
    if connection.find_message_id(row.message_id):
        _settle_sent(row, State.QUEUED, f"“{row}” stands in Sent already. It was not sent again.")
    elif _would_stand_in_sent(row):
        waiting.update(held=Held.NO)
        announce(row.user_id)
    elif waiting.update(held=Held.ASK):
        tell(row, f"“{row}” should have been sent earlier, and perhaps was. Decide in the outbox what becomes of it.")


def _would_stand_in_sent(row: OutgoingMessage) -> bool:
    """A mailbox that lives here is of the same day as the row; receipts, and what some identities send, leave no copy."""
    keeps = row.identity is None or row.identity.sent_rule != Identity.SentRule.NONE
    return bool(row.envelope_from) and keeps and not row.account.is_local


def _settle_sent(row: OutgoingMessage, state: str, text: str) -> None:
    recipients = [each | {"code": each["code"] or 250} for each in row.recipients]
    settled = OutgoingMessage.objects.filter(pk=row.pk, state=state).update(
        state=State.SENT,
        sent_at=timezone.now(),
        follow_up=True,
        sent_copy=SentCopy.FILED,
        held=Held.NO,
        sentence="",
        recipients=recipients,
    )
    if settled:
        tell(row, text)
        after.sent([row])


# --- files of other messages


def _freeze_waiting(account: MailAccount) -> None:
    waiting = rows_of(account).filter(state=State.QUEUED, raw="")
    for row in waiting.filter(send_at__isnull=True):
        row.account = account
        queue.freeze_waiting(row, open_file)
    for row in waiting.filter(send_at__isnull=False):
        try:
            bring_files(row)
        except GiveUp as problem:
            queue.reject(row, f"It could not be made ready: {problem.sentence}")


def _forget(account: MailAccount) -> None:
    """Rows that have nothing more to say: sent ones after two days, pages opened and never written in, discarded ones once
    no other window can be open on them any more.
    """
    now = timezone.now()
    rows = rows_of(account).filter(draft_uid__isnull=True, copy_message_id="")
    done = Q(state=State.SENT, sentence="", sent_at__lt=now - SENT_KEPT, sent_copy__in=[SentCopy.NONE, SentCopy.FILED])
    gone = Q(discarded=True, updated_at__lt=now - ABANDONED)
    unused = Q(state=State.DRAFT, revision=1, saved_revision=1, updated_at__lt=now - ABANDONED)
    for row in rows.filter(done | gone | unused)[:200]:
        attachments.delete_with_files(row)

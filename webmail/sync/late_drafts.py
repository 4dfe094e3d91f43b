"""Copies of drafts whose APPEND was not answered: the server may carry it out when another copy stands there already (F05).

Each is remembered before APPEND, until the server has told its number. What turns up of them later goes as soon as the draft
has a newer copy that is confirmed, was sent or thrown away; what another program left under the same Message-ID stays.
"""

import logging
from datetime import timedelta
from hashlib import sha256

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import MailAccount
from webmail.errors import GiveUp
from webmail.models import BegunCopy, Message, OutgoingMessage, SpecialUse
from webmail.outbox.wake import DISCARD_KEPT, come_back

from .conversations import hash_key
from .filing import digest_of
from .local import AnyMailbox

logger = logging.getLogger(__name__)
KEPT = timedelta(days=2)
AT_ONCE = 100


def begin(row: OutgoingMessage, message_id: str, raw: bytes) -> BegunCopy | None:
    """Recorded before APPEND; None where the draft belongs to another account by now."""
    standing = OutgoingMessage.objects.filter(pk=row.pk, account_id=row.account_id)
    with transaction.atomic():
        if not standing.update(copy_message_id=message_id, copy_confirmed=False):
            return None
        row.copy_message_id, row.copy_confirmed = message_id, False
        digest = sha256(raw).hexdigest()
        return BegunCopy.objects.create(account_id=row.account_id, outgoing=row, message_id=message_id, sha256=digest)


def confirm(begun: BegunCopy, uid: int | None, uidvalidity: int) -> None:
    """It was answered. Without its number it may still be hard to find, and where the draft went over to another account
    meanwhile it is one too many: then it stays remembered.
    """
    standing = OutgoingMessage.objects.filter(
        pk=begun.outgoing_id or 0, account_id=begun.account_id, copy_message_id=begun.message_id
    )
    values = {"draft_uid": uid, "draft_uidvalidity": uidvalidity, "copy_confirmed": uid is not None}
    with transaction.atomic():
        if standing.update(**values) and uid is not None:
            begun.delete()


def newest(connection: AnyMailbox, row: OutgoingMessage) -> list[int]:
    """UIDs in the selected folder of the copy that was tried last."""
    begun = BegunCopy.objects.filter(account_id=row.account_id, message_id=row.copy_message_id).first()
    return _found(connection, begun) if begun is not None else connection.find_message_id(row.copy_message_id)


def _found(connection: AnyMailbox, begun: BegunCopy) -> list[int]:
    return [uid for uid in connection.find_message_id(begun.message_id) if digest_of(connection, uid) == begun.sha256]


def remove_late(connection: AnyMailbox, account: MailAccount) -> None:
    """Take away what came too late. Only the mirror is asked until there is something."""
    begun = BegunCopy.objects.filter(account=account).select_related("outgoing").order_by("-begun_at")[:AT_ONCE]
    unwanted = {each.message_id: each for each in begun if _superseded(each)}
    if not unwanted:
        return
    standing = Message.objects.filter(
        account=account,
        message_key__in=[hash_key(message_id) for message_id in unwanted],
        message_id__in=list(unwanted),
        folder__special_use=SpecialUse.DRAFTS,
        uid__isnull=False,
        missing_since__isnull=True,
    )
    places = set(standing.values_list("message_id", "folder__name"))
    for message_id, folder in places:
        _remove(connection, unwanted[message_id], folder)
    if places:
        come_back(account.pk, timezone.now())


def _superseded(begun: BegunCopy) -> bool:
    row = begun.outgoing
    if row is None or row.account_id != begun.account_id or row.state == OutgoingMessage.State.SENT:
        return True
    if row.discarded:
        return row.updated_at < timezone.now() - DISCARD_KEPT
    return row.copy_confirmed and row.copy_message_id != begun.message_id


def _remove(connection: AnyMailbox, begun: BegunCopy, folder: str) -> None:
    """It has come, so no other one will: from now on it is left alone, whatever was made of it."""
    try:
        connection.select(folder, uidvalidity=None)
        uids = _found(connection, begun)
        if uids:
            connection.expunge(uids)
    except GiveUp as problem:
        logger.warning("a late copy of draft %s stays: %s %s", begun.outgoing_id, problem.sentence, problem.detail)
    begun.delete()


def forget() -> None:
    """No server takes that long over an APPEND."""
    newer = Q(outgoing=None) | Q(outgoing__copy_confirmed=True) | ~Q(outgoing__copy_message_id=F("message_id"))
    BegunCopy.objects.filter(newer, begun_at__lt=timezone.now() - KEPT).delete()

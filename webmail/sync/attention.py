"""Asking the worker to look at an account. It wakes at the commit; ``mirror.announce`` tells it where that needs a word."""

from django.db.models import Q
from django.utils import timezone

from accounts.models import MailAccount
from webmail.errors import Reason
from webmail.models import SyncState
from webmail.models.prepared import PreparedUpdate, Slot
from webmail.outbox import queue

Status = SyncState.Status
FAILING = Q(status__in=[Status.WAITING, Status.BLOCKED]) | Q(reason=Reason.LIMIT)
LEFT_ALONE = FAILING & Q(account__kind=MailAccount.Kind.IMAP)
DUE = PreparedUpdate(
    lambda: SyncState.objects.filter(account_id=Slot("account")).exclude(LEFT_ALONE), due_at=Slot("now")
)


def ask(account_id: int) -> None:
    """Something is to be done: the account is due now, unless its server is being left alone after a failure.

    What is done to mail that lives here needs no server.
    """
    now = timezone.now()
    if not DUE(account=account_id, now=now):
        SyncState.objects.get_or_create(account_id=account_id, defaults={"due_at": now})


def retry(account_id: int) -> None:
    """The person or an administrator changed something or wants it tried: forget the failures."""
    now = timezone.now()
    SyncState.objects.get_or_create(account_id=account_id, defaults={"due_at": now})
    SyncState.objects.filter(account_id=account_id).update(due_at=now, failures=0, reason="", sentence="", detail="")
    SyncState.objects.filter(account_id=account_id, status__in=[Status.WAITING, Status.BLOCKED]).update(
        status=Status.NEW
    )
    queue.unblock(account_id)

"""When an account is looked at next.

While a pass runs its row says ``UNDER_WAY``. Whatever is asked for meanwhile, by a click or by the pass itself, is earlier than
that and outlasts the end of the pass; where the worker dies, the end of its lease makes the account due.
"""

from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from accounts.models import MailAccount
from webmail.models import SyncState


def begin(account_id: int) -> datetime | None:
    """A pass begins; return when it was due, None when there is no such account any more."""
    states = SyncState.objects.filter(pk=account_id)
    due_at = states.values_list("due_at", flat=True).first()
    states.update(due_at=SyncState.UNDER_WAY)
    return min(due_at, timezone.now()) if due_at == SyncState.UNDER_WAY else due_at


def end(account_id: int, next_at: datetime) -> None:
    """It came to rest; ``next_at`` counts where nobody asked for an earlier time."""
    SyncState.objects.filter(pk=account_id, due_at__gt=next_at).update(due_at=next_at)


def put_off(account_id: int, next_at: datetime) -> None:
    """It failed: the server is left alone until ``next_at``, whoever asked, from the second failure on.

    An account that was edited meanwhile has no failures any more and stays due: what failed was the old setting. So call this
    before the failure is counted.
    """
    failing_again = Q(failures__gt=0) & Q(account__kind=MailAccount.Kind.IMAP)
    SyncState.objects.filter(Q(due_at__gt=next_at) | failing_again, pk=account_id).update(due_at=next_at)


def give_back(account_id: int, due_at: datetime) -> None:
    """It was broken off: nothing is settled yet."""
    SyncState.objects.filter(pk=account_id, due_at=SyncState.UNDER_WAY).update(due_at=due_at)

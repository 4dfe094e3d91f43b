"""What the administrator has to know first."""

from datetime import timedelta
from typing import Any

from django import template
from django.db.models import Q
from django.utils import timezone

from accounts.models import MailAccount, User
from webmail.models import OutgoingMessage, PendingAction, SyncState

register = template.Library()
SHOWN = 20
SLOW_SECONDS = 10.0
OVERDUE = timedelta(minutes=5)

Status = SyncState.Status


@register.simple_tag
def overview() -> dict[str, Any]:
    active = SyncState.objects.filter(account__paused=False).select_related("account")
    trouble = Q(status__in=[Status.WAITING, Status.BLOCKED]) & ~Q(sentence="")
    now = timezone.now()
    return {
        "people": User.objects.count(),
        "accounts": MailAccount.objects.count(),
        "actions": PendingAction.objects.filter(
            state__in=[PendingAction.State.PENDING, PendingAction.State.RUNNING]
        ).count(),
        "queued": OutgoingMessage.objects.filter(
            state__in=[OutgoingMessage.State.QUEUED, OutgoingMessage.State.SENDING]
        ).count(),
        "unclear": OutgoingMessage.objects.filter(state=OutgoingMessage.State.UNCLEAR).count(),
        "overdue": active.filter(due_at__lt=now - OVERDUE)
        .filter(Q(lease_until__isnull=True) | Q(lease_until__lt=now))
        .count(),
        "failing": list(active.filter(trouble).order_by("-failures", "account__address")[:SHOWN]),
        "slow": list(active.filter(last_pass_seconds__gt=SLOW_SECONDS).order_by("-last_pass_seconds")[:5]),
    }

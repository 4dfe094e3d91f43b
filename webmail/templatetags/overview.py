"""What the administrator has to know first."""

from datetime import timedelta
from typing import Any

from django import template
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import MailAccount, User
from webmail.models import CollectedAddress, Contact, Download, OutgoingMessage, PendingAction, SyncState
from webmail.pop3.importer import FAILURES_BEFORE_PAUSE

register = template.Library()
SHOWN = 20
SLOW_SECONDS = 10.0
OVERDUE = timedelta(minutes=5)

Status = SyncState.Status


@register.simple_tag
def overview() -> dict[str, Any]:
    states = SyncState.objects.select_related("account__user", "account__download")
    active = states.filter(account__paused=False)
    trouble = Q(account__paused=False, status__in=[Status.WAITING, Status.BLOCKED]) & ~Q(sentence="")
    given_up = Q(account__paused=True, account__download__failures__gte=FAILURES_BEFORE_PAUSE)
    downloads = Download.objects.all()
    now = timezone.now()
    return {
        "people": User.objects.count(),
        "accounts": MailAccount.objects.count(),
        "contacts": Contact.objects.filter(removed_at__isnull=True).count(),
        "collected": CollectedAddress.objects.count(),
        "actions": PendingAction.objects.filter(
            state__in=[PendingAction.State.PENDING, PendingAction.State.RUNNING]
        ).count(),
        "queued": OutgoingMessage.objects.filter(
            state__in=[OutgoingMessage.State.QUEUED, OutgoingMessage.State.SENDING]
        ).count(),
        "unclear": OutgoingMessage.objects.filter(state=OutgoingMessage.State.UNCLEAR).count(),
        "overdue": active.filter(Q(due_at__lt=now - OVERDUE) | Q(due_at=SyncState.UNDER_WAY))
        .filter(Q(lease_until__isnull=True) | Q(lease_until__lt=now))
        .count(),
        "failing": list(states.filter(trouble | given_up).order_by("-failures", "account__address")[:SHOWN]),
        "more_failing": max(0, states.filter(trouble | given_up).count() - SHOWN),
        "downloads": downloads.count(),
        "downloads_paused": downloads.filter(account__paused=True).count(),
        "downloads_running": downloads.filter(
            Q(finished_at__isnull=True) | Q(finished_at__lt=F("started_at")),
            started_at__isnull=False,
            account__sync__lease_until__gt=now,
        ).count(),
        "slow": list(active.filter(last_pass_seconds__gt=SLOW_SECONDS).order_by("-last_pass_seconds")[:5]),
    }

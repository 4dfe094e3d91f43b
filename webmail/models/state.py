"""Whose turn it is: the worker's queue and lease per account, and the stamp that tells browsers something changed."""

from datetime import UTC, datetime

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models import MailAccount


class SyncState(models.Model):
    """The worker's row for an account: when it is due, who holds it, how it fares."""

    class Status(models.TextChoices):
        NEW = "new", "Not yet looked at"
        OK = "ok", "Up to date"
        SYNCING = "syncing", "Catching up"
        WAITING = "waiting", "Waiting for the server"
        BLOCKED = "blocked", "Needs you"

    # In due_at while a pass runs: whatever is asked for meanwhile is earlier, and still stands when the pass ends.
    UNDER_WAY = datetime(9999, 1, 1, tzinfo=UTC)

    account = models.OneToOneField(MailAccount, on_delete=models.CASCADE, related_name="sync", primary_key=True)
    due_at = models.DateTimeField(default=timezone.now, db_index=True)
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True)
    status = models.CharField(max_length=8, choices=Status, default=Status.NEW)
    reason = models.CharField(max_length=20, blank=True)
    sentence = models.CharField(max_length=500, blank=True)
    detail = models.CharField(max_length=1000, blank=True)
    failures = models.PositiveIntegerField(default=0)
    last_pass_at = models.DateTimeField(null=True)
    last_pass_seconds = models.FloatField(null=True)
    watched_until = models.DateTimeField(null=True, help_text="A browser looks at this account until then.")
    capabilities = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.account_id}: {self.status}"


class UserStamp(models.Model):
    """Grows with every change of a person's mirror. Its row is the lock that orders the changes."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="stamp"
    )
    revision = models.PositiveBigIntegerField(default=0)

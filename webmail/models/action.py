"""The journal of what the person did and the server has not yet been told."""

import uuid

from django.conf import settings
from django.db import models

from accounts.models import MailAccount

from .bulk import BulkAction
from .folder import Folder
from .message import Message


class PendingAction(models.Model):
    """One operation on one message or folder, carried out by the worker in order per account.

    pending → running → done | refused. A row found running at the start of a pass was cut short: the worker looks at the
    server before it repeats it. Done rows stay for a while because undo needs to know what was done.
    """

    class Kind(models.TextChoices):
        STORE = "store", "change a flag"
        MOVE = "move", "move"
        CARRY = "carry", "move"  # to another account
        EXPUNGE = "expunge", "delete for good"
        CREATE_FOLDER = "create_folder", "create a folder"
        RENAME_FOLDER = "rename_folder", "rename a folder"
        DELETE_FOLDER = "delete_folder", "delete a folder"
        SUBSCRIBE = "subscribe", "subscribe a folder"

    class State(models.TextChoices):
        PENDING = "pending"
        RUNNING = "running"
        DONE = "done"
        REFUSED = "refused"

    account = models.ForeignKey(MailAccount, on_delete=models.CASCADE, related_name="pending_actions")
    kind = models.CharField(max_length=16, choices=Kind)
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    bulk = models.ForeignKey(BulkAction, on_delete=models.SET_NULL, null=True, related_name="actions", db_index=False)
    batch = models.UUIDField(default=uuid.uuid4, db_index=True, help_text="What one click did; undo takes it back.")
    message = models.ForeignKey(Message, on_delete=models.CASCADE, null=True, related_name="actions")
    # Where the message was for the person when the action was taken; the action outlives that folder.
    source = models.ForeignKey(Folder, on_delete=models.SET_NULL, null=True, related_name="+")
    target = models.ForeignKey(Folder, on_delete=models.CASCADE, null=True, related_name="+")
    flag = models.CharField(max_length=100, blank=True)
    value = models.BooleanField(default=True)
    name = models.CharField(max_length=1000, blank=True, help_text="New name of a folder.")
    old_name = models.CharField(max_length=1000, blank=True, help_text="Name the folder had on the server.")
    # Of the target when a copy was first written there (CARRY): a copy whose answer was lost is not older than that. Of the
    # folder when the person clicked (DELETE_FOLDER): what came later was not seen.
    uidvalidity = models.BigIntegerField(null=True)
    uidnext = models.BigIntegerField(null=True)
    lease_until = models.DateTimeField(null=True, help_text="Until then whoever carries it (CARRY) is believed alive.")
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=1000, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["account", "state", "id"], name="journal"),
            models.Index(
                fields=["bulk", "state", "id"], condition=models.Q(bulk__isnull=False), name="journal_of_bulk"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.state})"


class Notice(models.Model):
    """Something the person must be told that no page was waiting for."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices")
    text = models.CharField(max_length=1000)
    reminder = models.ForeignKey("webmail.Reminder", on_delete=models.CASCADE, null=True, related_name="notices")
    created_at = models.DateTimeField(auto_now_add=True)
    dismissed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["user"], condition=models.Q(dismissed_at__isnull=True), name="open_notices")]

    def __str__(self) -> str:
        return self.text

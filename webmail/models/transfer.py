"""Mail on its way in bulk: a file that was uploaded, or the folders of one account copied into another."""

import secrets
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import models, transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils import timezone

from accounts.models import MailAccount

FAILURES_NAMED = 200


def upload_path(instance: models.Model, filename: str) -> str:
    """What the file is called on the person's computer plays no part in it."""
    return f"transfers/{secrets.token_hex(20)}"


class Transfer(models.Model):
    """A job of the worker: waiting → running → done | failed | cancelled; failed and cancelled ones can go on.

    Its folders say what goes where, its items what became of each message, so that it can be cut off at any step.
    """

    class Kind(models.TextChoices):
        UPLOAD = "upload", "Import of a file"
        COPY = "copy", "Copy of an account"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Under way"
        DONE = "done", "Done"
        FAILED = "failed", "Stopped"
        CANCELLED = "cancelled", "Cancelled"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="transfers")
    kind = models.CharField(max_length=8, choices=Kind)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    file = models.FileField(upload_to=upload_path, blank=True, max_length=300)
    filename = models.CharField(max_length=255, blank=True, help_text="As the person knows it; shown, never used.")
    source = models.ForeignKey(MailAccount, on_delete=models.SET_NULL, null=True, related_name="transfers_out")
    source_name = models.CharField(max_length=320, blank=True)
    target = models.ForeignKey(MailAccount, on_delete=models.CASCADE, related_name="transfers_in")

    octets_done = models.PositiveBigIntegerField(default=0)
    octets_total = models.PositiveBigIntegerField(default=0)
    failures = models.JSONField(default=list, help_text="[[name, reason], …] of the first messages that failed.")

    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    next_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Interruptions in a row without any progress.")
    sentence = models.CharField(max_length=500, blank=True)
    detail = models.CharField(max_length=1000, blank=True)
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["state", "next_at"], name="transfers_due")]

    def __str__(self) -> str:
        return self.filename or f"{self.source_name} → {self.target}"

    @property
    def active(self) -> bool:
        return self.state in {self.State.WAITING, self.State.RUNNING}


class TransferFolder(models.Model):
    """What goes into one folder, and the numbers of both sides.

    Folders are remembered by id and name without a constraint: they may be renamed or deleted while a transfer waits.
    """

    transfer = models.ForeignKey(Transfer, on_delete=models.CASCADE, related_name="folders")
    source_folder = models.BigIntegerField(null=True)
    source_name = models.CharField(max_length=1000, blank=True)
    target_name = models.CharField(max_length=1000, help_text="As the target's server knows it; created if missing.")
    total = models.PositiveIntegerField(default=0, help_text="Messages of the source; of a file, those found so far.")
    copied = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0, help_text="Already there, by Message-ID and size.")
    failed = models.PositiveIntegerField(default=0)
    target_before = models.PositiveIntegerField(null=True)
    target_after = models.PositiveIntegerField(null=True)
    finished = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.source_name or 'file'} → {self.target_name}"

    @property
    def settled(self) -> int:
        return self.copied + self.skipped + self.failed


class TransferItem(models.Model):
    """What became of one message. ``trying`` stands from before it is written until the answer is known."""

    class State(models.TextChoices):
        TRYING = "trying", "Being written"
        COPIED = "copied", "Copied"
        SKIPPED = "skipped", "Already there"
        FAILED = "failed", "Failed"

    folder = models.ForeignKey(TransferFolder, on_delete=models.CASCADE, related_name="items")
    key = models.CharField(max_length=60, help_text="Id of the message, or its place in the file.")
    state = models.CharField(max_length=8, choices=State, default=State.TRYING)
    message_pk = models.BigIntegerField(null=True, help_text="Id of the message that is copied.")
    message_key = models.BigIntegerField(help_text="As in Message.")
    message_id = models.CharField(max_length=998, blank=True)
    size = models.PositiveBigIntegerField()
    uidvalidity = models.BigIntegerField(null=True)
    uid_from = models.BigIntegerField(null=True, help_text="UIDNEXT of the target before the first try, or less.")
    tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["folder", "key"], name="one_item_per_message")]
        indexes = [
            models.Index(fields=["folder", "message_key"], name="item_message_key"),
            models.Index(fields=["folder", "message_pk"], name="item_message_pk"),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.state}"


class Backup(models.Model):
    """A download of everything in an account that came to its end."""

    account = models.ForeignKey(MailAccount, on_delete=models.CASCADE, related_name="backups")
    messages = models.PositiveIntegerField()
    missing = models.PositiveIntegerField(default=0, help_text="Messages whose content could not be had.")
    finished_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.messages} messages"


@receiver(post_delete, sender=Transfer)
def _delete_file(sender: type[Transfer], instance: Transfer, **kwargs: Any) -> None:
    name = instance.file.name
    if name:
        transaction.on_commit(lambda: default_storage.delete(name))

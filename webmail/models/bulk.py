"""One click on thousands of messages: what was meant by it, how far it has come, what became of it."""

import uuid

from django.conf import settings
from django.db import models

from .folder import Folder


class BulkAction(models.Model):
    """A selection frozen at the click, carried out by the worker in pieces: applying → sending → done | stopped.

    *Applying* changes the mirror and writes the journal, *sending* waits until the servers have answered for all of it.
    ``undoes`` is set where it takes another one back. The numbers count messages.
    """

    class Verb(models.TextChoices):
        SEEN = "seen", "marked as read"
        UNSEEN = "unseen", "marked as unread"
        FLAG = "flag", "starred"
        UNFLAG = "unflag", "unstarred"
        ARCHIVE = "archive", "archived"
        DELETE = "delete", "moved to Trash"
        JUNK = "junk", "marked as junk"
        NOT_JUNK = "not-junk", "moved to Inbox"
        MOVE = "move", "moved"
        EXPUNGE = "expunge", "deleted for good"
        UNDO = "undo", "put back"

    class State(models.TextChoices):
        APPLYING = "applying"
        SENDING = "sending"
        DONE = "done"
        STOPPED = "stopped"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="bulk_actions")
    batch = models.UUIDField(default=uuid.uuid4, unique=True, help_text="As in PendingAction; undo takes it back.")
    verb = models.CharField(max_length=8, choices=Verb)
    undoes = models.OneToOneField("self", on_delete=models.CASCADE, null=True, related_name="undone_by")
    state = models.CharField(max_length=8, choices=State, default=State.APPLYING)
    target_title = models.CharField(max_length=1000, blank=True, help_text="Of the folder the person chose.")
    # What came into being after the click is not meant by it; what the person did after it stays.
    last_message = models.BigIntegerField(default=0, help_text="Highest id of a message at the click.")
    last_action = models.BigIntegerField(default=0, help_text="Highest id in the journal at the click.")
    undone_to = models.BigIntegerField(default=0, help_text="Id in the journal up to which this has been taken back.")
    total = models.PositiveIntegerField(default=0, help_text="Known for certain once all is applied.")
    applied = models.PositiveIntegerField(default=0, help_text="Changed here and noted in the journal.")
    confirmed = models.PositiveIntegerField(default=0, help_text="Carried out by the server.")
    refused = models.PositiveIntegerField(default=0, help_text="Put back because the server said no.")
    missed = models.PositiveIntegerField(default=0, help_text="Gone from the server before their turn came.")
    error = models.CharField(max_length=500, blank=True, help_text="Why the last ones were refused.")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    dismissed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=["state", "id"], condition=models.Q(state__in=["applying", "sending"]), name="bulk_active"
            ),
            models.Index(fields=["user", "id"], condition=models.Q(dismissed_at__isnull=True), name="bulk_open"),
        ]

    def __str__(self) -> str:
        return f"{self.confirmed} of {self.total} {self.get_verb_display()}"

    @property
    def active(self) -> bool:
        return self.state in {self.State.APPLYING, self.State.SENDING}


class BulkFolder(models.Model):
    """The part of a bulk action that lies in one folder, worked off newest first; the cursor is the last one done."""

    bulk = models.ForeignKey(BulkAction, on_delete=models.CASCADE, related_name="folders")
    folder = models.ForeignKey(Folder, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=16, help_text="As in PendingAction.")
    target = models.ForeignKey(Folder, on_delete=models.CASCADE, null=True, related_name="+")
    uidvalidity = models.BigIntegerField(null=True)
    uidnext = models.BigIntegerField(default=0, help_text="Of the folder at the click, as far as it was mirrored.")
    cursor_date = models.DateTimeField(null=True)
    cursor_id = models.BigIntegerField(default=0)
    finished = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.folder_id}"

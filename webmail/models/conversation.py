"""Conversations, the keys that find them, and the materialised rows of a folder's list."""

import uuid

from django.conf import settings
from django.db import models

from .folder import Folder


class Conversation(models.Model):
    """Messages that answer each other, across the folders and accounts of one person."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="conversations")
    base_subject = models.CharField(max_length=300, blank=True)
    # Of its messages outside Trash and Junk, unless it has no others.
    count = models.PositiveIntegerField(default=0)
    participants = models.JSONField(default=list, help_text="[name, address] in order of first appearance.")
    # What a person decided; rows are written by column, so the database has the defaults.
    muted_at = models.DateTimeField(null=True, help_text="What arrives after that skips the inbox.")
    apart = models.BooleanField(
        default=False, db_default=False, help_text="Split off by hand: no message joins it to another conversation."
    )
    further_subjects = models.JSONField(
        null=True, help_text="Base subjects of what was merged into it by hand: its answers join, too."
    )

    def __str__(self) -> str:
        return self.base_subject or f"conversation {self.pk}"


class ConversationChange(models.Model):
    """What a person decided over conversations with one click; kept as long as it can be undone."""

    class Kind(models.TextChoices):
        MUTE = "mute"
        UNMUTE = "unmute"
        SPLIT = "split"
        MERGE = "merge"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="conversation_changes")
    batch = models.UUIDField(default=uuid.uuid4, unique=True)
    kind = models.CharField(max_length=6, choices=Kind)
    before = models.JSONField(default=dict, help_text="What there was, as undo needs it.")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.batch}"


class ReferenceKey(models.Model):
    """Hash of a Message-ID that a conversation owns or mentions (RFC 5322 section 3.6.4)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.BigIntegerField()
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="keys")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="one_conversation_per_key")]


class ListRow(models.Model):
    """One line of a folder's list: a conversation as far as it stands in that folder."""

    folder = models.ForeignKey(Folder, on_delete=models.CASCADE, related_name="rows")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="rows")
    latest = models.ForeignKey("webmail.Message", on_delete=models.CASCADE, related_name="+")
    latest_date = models.DateTimeField()
    count = models.PositiveIntegerField()
    unread = models.PositiveIntegerField()
    flagged = models.BooleanField()
    answered = models.BooleanField()
    has_attachment = models.BooleanField()
    # The person, on rows of inboxes alone: one index then holds all inboxes of a person in the order they are shown.
    inbox_of = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+", db_index=False
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["folder", "conversation"], name="one_row_per_conversation")]
        indexes = [
            models.Index(fields=["folder", "-latest_date", "-id"], name="list_order"),
            models.Index(
                fields=["inbox_of", "-latest_date", "-id"],
                condition=models.Q(inbox_of__isnull=False),
                name="unified_order",
            ),
        ]

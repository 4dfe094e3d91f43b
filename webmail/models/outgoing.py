"""A message on its way out: draft → queued → sending → sent | rejected | unclear."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models import Identity, MailAccount

from .message import Message


class OutgoingMessage(models.Model):
    """What the person writes, and later the frozen bytes that are sent.

    The bytes are made once, when Send is pressed or when the time chosen for it has come: SMTP, the copy in Sent and every
    retry use them. ``rejected`` can be edited and sent again; ``unclear`` (the connection broke after the data was handed
    over) is never repeated by itself.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        QUEUED = "queued", "Waiting to be sent"
        SENDING = "sending", "Being sent"
        SENT = "sent", "Sent"
        REJECTED = "rejected", "Not sent"
        UNCLEAR = "unclear", "May have been sent"

    class SentCopy(models.TextChoices):
        NONE = "none", "Not yet"
        DUE = "due", "To be filed in Sent"
        EXPECTED = "expected", "The provider is to file it"
        FILED = "filed", "Filed in Sent"
        KEPT = "kept", "Could not be filed; kept here"

    class Held(models.TextChoices):
        NO = "", "No"
        LOOK = "look", "Perhaps sent already; looked for in Sent first"
        ASK = "ask", "Its time is long past; the person is asked"

    class Priority(models.TextChoices):
        LOW = "low", "Low"
        NORMAL = "", "Normal"
        HIGH = "high", "High"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="outgoing")
    account = models.ForeignKey(MailAccount, on_delete=models.CASCADE, related_name="outgoing")
    identity = models.ForeignKey(Identity, on_delete=models.SET_NULL, null=True, related_name="+")
    token = models.UUIDField(
        default=uuid.uuid4, unique=True, help_text="One per send intent: the second press gets the first's result."
    )
    state = models.CharField(max_length=8, choices=State, default=State.DRAFT)

    to = models.TextField(blank=True)
    cc = models.TextField(blank=True)
    bcc = models.TextField(blank=True)
    subject = models.CharField(max_length=2000, blank=True)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True, help_text="Empty when written as plain text.")
    plain = models.BooleanField(default=False)
    priority = models.CharField(max_length=4, choices=Priority, blank=True, default=Priority.NORMAL)
    ask_read = models.BooleanField(default=False, help_text="Recipients are asked to say when they read it (RFC 8098).")
    ask_delivered = models.BooleanField(default=False, help_text="Servers are asked to report delivery (RFC 3461).")
    in_reply_to = models.CharField(max_length=998, blank=True)
    references = models.TextField(blank=True)
    answers = models.ForeignKey(Message, on_delete=models.SET_NULL, null=True, related_name="+")
    forwards = models.ForeignKey(Message, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(default=timezone.now)

    # The draft's copy on the server: revision grows with each save, saved_revision is the one that stands in Drafts.
    revision = models.PositiveIntegerField(default=0)
    saved_revision = models.PositiveIntegerField(default=0)
    draft_uidvalidity = models.BigIntegerField(null=True)
    draft_uid = models.BigIntegerField(null=True)
    copy_message_id = models.CharField(max_length=998, blank=True, help_text="Of the newest copy tried on the server.")
    copy_confirmed = models.BooleanField(default=False, help_text="That copy is the one at draft_uid.")
    draft_message = models.ForeignKey(Message, on_delete=models.SET_NULL, null=True, related_name="draft_of")
    discarded = models.BooleanField(default=False, help_text="Thrown away; the server's copy is still to be removed.")

    writer = models.CharField(max_length=36, blank=True, help_text="The open composer that saved last.")

    # Sent later, and looked after later.
    send_at = models.DateTimeField(null=True, help_text="The time the person chose; of a draft, the time proposed.")
    held = models.CharField(max_length=4, choices=Held, blank=True, default=Held.NO)
    remind_after = models.PositiveSmallIntegerField(
        default=0, help_text="Days from sending until an answer is missed; 0 once a reminder stands."
    )

    # Frozen at Send, or when the chosen time has come.
    message_id = models.CharField(max_length=998, blank=True, db_index=True)
    raw = models.FileField(upload_to="outgoing/", blank=True, max_length=300)
    envelope_from = models.CharField(max_length=320, blank=True)
    recipients = models.JSONField(default=list, help_text="[{address, code, text}] – code 0 until the server answered.")
    send_after = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    data_begun = models.BooleanField(
        default=False, help_text="DATA was about to be sent: from here on a crash is unclear."
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    sentence = models.CharField(max_length=1000, blank=True)
    sent_at = models.DateTimeField(null=True)
    follow_up = models.BooleanField(
        default=False, help_text="It is out, and what follows on that is still to be written down."
    )
    sent_copy = models.CharField(max_length=8, choices=SentCopy, default=SentCopy.NONE)
    sent_copy_attempts = models.PositiveSmallIntegerField(default=0)
    # Set before a copy is appended from here, and kept: with it what stands in Sent may be ours, once or twice.
    sent_copy_begun_at = models.DateTimeField(null=True)
    # Its number, where the server named it (RFC 4315) and no other can be ours: only with both it can be taken away again.
    sent_copy_uid = models.BigIntegerField(null=True)
    sent_copy_uidvalidity = models.BigIntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["state", "send_after"], name="outbox"),
            models.Index(fields=["account", "sent_copy"], name="sent_copies"),
            models.Index(fields=["sent_at"], condition=models.Q(remind_after__gt=0), name="to_be_reminded"),
            models.Index(fields=["sent_at"], condition=models.Q(follow_up=True), name="to_be_followed_up"),
        ]

    def __str__(self) -> str:
        return self.subject or "(no subject)"


class OutgoingAttachment(models.Model):
    """A file of a draft: uploaded, or a part of a message that is forwarded (fetched when the bytes are frozen)."""

    outgoing = models.ForeignKey(OutgoingMessage, on_delete=models.CASCADE, related_name="attachments")
    filename = models.CharField(max_length=255)
    content_type = models.CharField(max_length=255, default="application/octet-stream")
    size = models.PositiveBigIntegerField(default=0)
    content_id = models.CharField(max_length=200, blank=True, help_text="Set for an image inside the text.")
    of_signature = models.BooleanField(default=False, help_text="Came with a signature, and goes where that goes.")
    file = models.FileField(upload_to="attachments/", blank=True, max_length=300)
    message = models.ForeignKey(Message, on_delete=models.SET_NULL, null=True, related_name="+")
    section = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.filename


class BegunCopy(models.Model):
    """A copy of a draft whose APPEND was begun and not answered: the server may carry it out long after.

    It outlives the draft, whose row goes once it is sent or thrown away.
    """

    account = models.ForeignKey(MailAccount, on_delete=models.CASCADE, related_name="begun_copies")
    outgoing = models.ForeignKey(OutgoingMessage, on_delete=models.SET_NULL, null=True, related_name="begun_copies")
    message_id = models.CharField(max_length=998)
    sha256 = models.CharField(
        max_length=64, help_text="Of its octets: another program may leave its own text under this Message-ID."
    )
    begun_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.message_id

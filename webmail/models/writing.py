"""Around what is being written: earlier texts of a draft, texts to begin with, answers that are waited for."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.text import Truncator

from accounts.models import MailAccount
from webmail.mime.plain import html_to_text

from .outgoing import OutgoingMessage

BEGINNING = 120


class DraftVersion(models.Model):
    """What a draft said before it was changed. Files are not part of it; they stay with the draft."""

    class Reason(models.TextChoices):
        WRITING = "writing", "While writing"
        CUT = "cut", "Before much was removed"
        ELSEWHERE = "elsewhere", "Before it was changed in another window"
        PROGRAM = "program", "Before another program changed it"
        TEMPLATE = "template", "Before a template was used"
        SEND = "send", "As it was sent"
        RESTORE = "restore", "Before an older version was restored"

    outgoing = models.ForeignKey(OutgoingMessage, on_delete=models.CASCADE, related_name="versions")
    created_at = models.DateTimeField(default=timezone.now)
    reason = models.CharField(max_length=10, choices=Reason)
    to = models.TextField(blank=True)
    cc = models.TextField(blank=True)
    bcc = models.TextField(blank=True)
    subject = models.CharField(max_length=2000, blank=True)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    plain = models.BooleanField(default=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.get_reason_display()}: {self.subject or '(no subject)'}"


class MessageTemplate(models.Model):
    """A saved text to begin a message with; ``html`` is by the rules of our own."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="templates")
    name = models.CharField(max_length=100)
    subject = models.CharField(max_length=2000, blank=True)
    html = models.TextField(blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def beginning(self) -> str:
        """For a list."""
        return Truncator(" ".join(html_to_text(self.html).split())).chars(BEGINNING)


class Reminder(models.Model):
    """An answer to a sent message is waited for until ``due_at``.

    It outlives the row of the outgoing message, which is forgotten once it is filed: the message is known by its
    Message-ID.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting for an answer"
        DUE = "due", "No answer yet"
        ANSWERED = "answered", "Answered"
        DISMISSED = "dismissed", "Dismissed"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="reminders")
    account = models.ForeignKey(MailAccount, on_delete=models.CASCADE, related_name="reminders")
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    message_id = models.CharField(max_length=998)
    subject = models.CharField(max_length=2000, blank=True)
    to = models.CharField(max_length=500, blank=True, help_text="Whose answer is waited for, as the person reads it.")
    sent_at = models.DateTimeField()
    due_at = models.DateTimeField()

    class Meta:
        ordering = ["due_at", "id"]
        indexes = [
            models.Index(fields=["state", "due_at"], name="reminders_due"),
            models.Index(fields=["user", "state"], name="reminders_of"),
        ]

    def __str__(self) -> str:
        return self.subject or "(no subject)"

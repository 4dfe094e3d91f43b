"""What is known about who sent a message, and the lists a person has left."""

from django.db import models

from accounts.models import MailAccount

from .message import Message
from .outgoing import OutgoingMessage


class SenderCheck(models.Model):
    """What the header of a message says about its sender, judged once; made again where ``policy`` is an older one."""

    class Result(models.TextChoices):
        VERIFIED = "verified", "Confirmed"
        FAILED = "failed", "Not confirmed"
        UNKNOWN = "unknown", "Unknown"

    message = models.OneToOneField(Message, on_delete=models.CASCADE, primary_key=True, related_name="sender_check")
    policy = models.PositiveSmallIntegerField()
    result = models.CharField(max_length=8, choices=Result, default=Result.UNKNOWN)
    method = models.CharField(max_length=10, help_text="By which it was confirmed, or why nothing is known.")
    domain = models.CharField(max_length=253, blank=True)
    notes = models.JSONField(default=list, help_text="[[kind, detail, …], …], see webmail.mime.sender.")
    mailing = models.JSONField(default=dict, help_text="Of mail in bulk, see webmail.mime.mailing.")

    def __str__(self) -> str:
        return f"{self.message_id}: {self.result}"


class Unsubscribed(models.Model):
    """A list that a person asked not to write any more, and how; every mail of it says so."""

    class Way(models.TextChoices):
        POST = "post", "Asked the sender’s server"
        MAIL = "mail", "Wrote a mail"
        LINK = "link", "Opened the page"

    account = models.ForeignKey(MailAccount, on_delete=models.CASCADE, related_name="unsubscribed")
    key = models.CharField(max_length=500, help_text="The List-Id, or the sender's address where there is none.")
    way = models.CharField(max_length=4, choices=Way)
    at = models.DateTimeField()
    outgoing = models.ForeignKey(OutgoingMessage, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "key"], name="left_once")]

    def __str__(self) -> str:
        return self.key

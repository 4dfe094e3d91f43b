"""What the person answered to invitations."""

from django.db import models

from accounts.models import MailAccount

from .outgoing import OutgoingMessage


class InvitationAnswer(models.Model):
    """The last answer to one event, or to one meeting of a series; every mail about it shows it (RFC 5546)."""

    class Choice(models.TextChoices):
        ACCEPTED = "accepted", "Accepted"
        TENTATIVE = "tentative", "Tentative"
        DECLINED = "declined", "Declined"

    account = models.ForeignKey(MailAccount, on_delete=models.CASCADE, related_name="invitation_answers")
    uid = models.CharField(max_length=500)
    recurrence_id = models.CharField(max_length=100, blank=True, help_text="Of the one meeting, as written; or all.")
    sequence = models.PositiveIntegerField(default=0, help_text="Of the version that was answered.")
    choice = models.CharField(max_length=9, choices=Choice)
    answered_at = models.DateTimeField()
    outgoing = models.ForeignKey(OutgoingMessage, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "uid", "recurrence_id"], name="one_answer_per_event"),
        ]

    def __str__(self) -> str:
        return self.get_choice_display()

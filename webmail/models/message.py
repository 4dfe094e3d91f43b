"""One row per message in a folder; its primary key is the stable identity that links hang on."""

from django.db import models

from accounts.models import MailAccount

from .conversation import Conversation
from .folder import Folder


class Message(models.Model):
    """A message as mirrored.

    ``folder``, ``uidvalidity`` and ``uid`` say where the server has it, as far as it has told us; ``shown_in`` where the
    person sees it. The two differ only while a PendingAction is under way, so the server can always be asked about the
    right message and a list never waits for it. ``uid`` is NULL after a move whose new uid the server did not name;
    ``shown_in`` is NULL once the person deleted it, or once it vanished (``missing_since``) and may turn up elsewhere.
    """

    # Neither has an index of its own: others begin with them, and SQLite would read a whole mailbox through one of these
    # where its statistics are of a smaller one.
    account = models.ForeignKey(MailAccount, on_delete=models.CASCADE, related_name="messages", db_index=False)
    folder = models.ForeignKey(Folder, on_delete=models.CASCADE, related_name="messages", db_index=False)
    shown_in = models.ForeignKey(
        Folder, on_delete=models.CASCADE, null=True, related_name="shown_messages", db_index=False
    )
    uidvalidity = models.BigIntegerField(null=True)
    uid = models.BigIntegerField(null=True)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages", db_index=False)
    message_id = models.CharField(max_length=998, blank=True)
    message_key = models.BigIntegerField(
        help_text="Hash of the Message-ID, or of sender, date and subject without one."
    )
    in_reply_to = models.CharField(max_length=998, blank=True)
    references = models.TextField(blank=True, help_text="Message-IDs without <>, separated by blanks.")
    subject = models.TextField(blank=True)
    from_name = models.CharField(max_length=500, blank=True)
    from_address = models.CharField(max_length=500, blank=True)
    # {"to": [[name, address], …], "cc": …, "bcc": …, "reply_to": …, "sender": …}
    recipients = models.JSONField(default=dict)
    date = models.DateTimeField(null=True)
    internaldate = models.DateTimeField()
    size = models.PositiveBigIntegerField(default=0)
    seen = models.BooleanField(default=False)
    flagged = models.BooleanField(default=False)
    answered = models.BooleanField(default=False)
    draft = models.BooleanField(default=False)
    keywords = models.JSONField(default=list)
    structure = models.JSONField(default=dict)
    has_attachment = models.BooleanField(default=False)
    preview = models.CharField(max_length=300, blank=True)
    preview_known = models.BooleanField(default=False)
    missing_since = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["folder", "uidvalidity", "uid"], name="one_row_per_uid"),
        ]
        indexes = [
            models.Index(fields=["account", "message_key"], name="message_key"),
            models.Index(fields=["conversation", "shown_in"], name="conversation_place"),
            models.Index(fields=["shown_in", "-internaldate", "-id"], name="shown_order"),
            models.Index(
                fields=["account", "missing_since"], condition=models.Q(missing_since__isnull=False), name="missing"
            ),
            models.Index(fields=["folder"], condition=models.Q(uid__isnull=True), name="uid_unknown"),
        ]

    def __str__(self) -> str:
        return self.subject or "(no subject)"

    @property
    def to(self) -> list[list[str]]:
        return self.recipients.get("to", [])

    @property
    def cc(self) -> list[list[str]]:
        return self.recipients.get("cc", [])

    @property
    def moving(self) -> bool:
        return self.shown_in_id != self.folder_id

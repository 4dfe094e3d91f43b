"""A folder as the server has it, and how far the mirror of it has come."""

from django.db import models

from accounts.models import MailAccount


class SpecialUse(models.TextChoices):
    """RFC 6154 attributes, and INBOX."""

    NONE = "", "—"
    INBOX = "inbox", "Inbox"
    DRAFTS = "drafts", "Drafts"
    SENT = "sent", "Sent"
    ARCHIVE = "archive", "Archive"
    JUNK = "junk", "Junk"
    TRASH = "trash", "Trash"
    ALL = "all", "All mail"
    FLAGGED = "flagged", "Starred"
    IMPORTANT = "important", "Important"


class Folder(models.Model):
    account = models.ForeignKey(MailAccount, on_delete=models.CASCADE, related_name="folders")
    name = models.CharField(max_length=1000, help_text="The decoded remote name, with its parents.")
    delimiter = models.CharField(max_length=4, blank=True)
    special_use = models.CharField(max_length=10, choices=SpecialUse, blank=True, default=SpecialUse.NONE)
    selectable = models.BooleanField(default=True)
    subscribed = models.BooleanField(default=True)
    hidden = models.BooleanField(default=False, help_text="Deleted by the person; the server is still to be told.")
    read_only = models.BooleanField(default=False)
    uidvalidity = models.BigIntegerField(null=True)
    # Every uid in [backfill_uid, uidnext) has been mirrored; below backfill_uid is still to come. 1 means all of it.
    uidnext = models.BigIntegerField(null=True)
    backfill_uid = models.BigIntegerField(null=True)
    # The mirror holds all flag changes up to at least this one (RFC 7162).
    highestmodseq = models.BigIntegerField(null=True)
    # What STATUS said last: shown while the backfill is under way, and compared to find changes.
    server_messages = models.PositiveIntegerField(default=0)
    server_unseen = models.PositiveIntegerField(default=0)
    server_uidnext = models.BigIntegerField(null=True)
    server_highestmodseq = models.BigIntegerField(null=True)
    # Of the messages shown here; kept by webmail.models.mirror in the transaction that changes them.
    total = models.PositiveIntegerField(default=0)
    unread = models.PositiveIntegerField(default=0)
    revision = models.PositiveBigIntegerField(default=0, help_text="Grows with every change a list would show.")
    compared_at = models.DateTimeField(null=True, help_text="Last comparison of all uids with the server.")
    leaving_to = models.BigIntegerField(
        null=True, help_text="A bulk action takes everything up to this message id away; lists do not show it any more."
    )
    flags_scanned_uid = models.BigIntegerField(
        null=True, help_text="Where the rolling flag scan stands (no CONDSTORE)."
    )
    verified_at = models.DateTimeField(null=True, help_text="Last comparison of all uids and flags with the server.")
    verify_uid = models.BigIntegerField(
        null=True, help_text="Below this uid the comparison under way is still to come."
    )
    doubted_at = models.DateTimeField(
        null=True, help_text="Much of the folder seemed gone and nothing has confirmed it: every pass looks again."
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="one_folder_per_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def leaf(self) -> str:
        """The last level of the name; what the sidebar shows."""
        return self.name.rsplit(self.delimiter, 1)[-1] if self.delimiter else self.name

    @property
    def parent_name(self) -> str:
        return self.name.rpartition(self.delimiter)[0] if self.delimiter else ""

    @property
    def depth(self) -> int:
        return self.name.count(self.delimiter) if self.delimiter else 0

    @property
    def title(self) -> str:
        return self.get_special_use_display() if self.special_use in MAIN_USES else self.leaf

    @property
    def backfilled(self) -> bool:
        return self.backfill_uid is not None and self.backfill_uid <= 1

    @property
    def shown_unread(self) -> int:
        return self.unread if self.backfilled else max(self.unread, self.server_unseen)

    @property
    def shown_total(self) -> int:
        return self.total if self.backfilled else max(self.total, self.server_messages)


MAIN_USES = frozenset(
    {SpecialUse.INBOX, SpecialUse.DRAFTS, SpecialUse.SENT, SpecialUse.ARCHIVE, SpecialUse.JUNK, SpecialUse.TRASH}
)

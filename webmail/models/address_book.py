"""The people a person knows: contacts they keep, and addresses collected from their mail, which are kept apart."""

from django.conf import settings
from django.db import models

from accounts.models import MailAccount

SEARCH_KEPT = 300


class Contact(models.Model):
    """A person or a company as somebody wrote them down, with everything a vCard (RFC 6350) said that has no column.

    ``removed_at`` hides a contact until undo is over; ``batch`` names the step that removed it, ``made_by`` the step that
    made it out of others, so that undo can put those back.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="contacts")
    uid = models.CharField(max_length=255, help_text="Of the vCard.")
    name = models.CharField(max_length=300, blank=True, help_text="As shown.")
    prefix = models.CharField(max_length=100, blank=True)
    given = models.CharField(max_length=200, blank=True)
    middle = models.CharField(max_length=200, blank=True)
    family = models.CharField(max_length=200, blank=True)
    suffix = models.CharField(max_length=100, blank=True)
    nickname = models.CharField(max_length=200, blank=True)
    organisation = models.CharField(max_length=300, blank=True)
    title = models.CharField(max_length=200, blank=True)
    birthday = models.CharField(max_length=20, blank=True, help_text="1985-04-12, or --04-12 without a year.")
    note = models.TextField(blank=True)
    phones = models.JSONField(default=list, help_text="[[kind, number], …]")
    places = models.JSONField(default=list, help_text="[[kind, street, city, region, code, country], …]")
    links = models.JSONField(default=list, help_text="[[kind, address], …]")
    kept = models.JSONField(default=list, help_text="Properties of a vCard that have no column, for the way back.")
    sort_key = models.CharField(max_length=200, blank=True)
    search = models.TextField(blank=True, help_text="Folded words, a blank before each.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    removed_at = models.DateTimeField(null=True)
    batch = models.UUIDField(null=True, db_index=True)
    made_by = models.UUIDField(null=True, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "uid"], condition=models.Q(removed_at__isnull=True), name="one_contact_per_uid"
            )
        ]
        indexes = [models.Index(fields=["user", "sort_key", "id"], name="contact_order")]

    def __str__(self) -> str:
        return self.name or self.organisation or "Unnamed contact"


class ContactAddress(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="addresses")
    kind = models.CharField(max_length=60, blank=True)
    address = models.CharField(max_length=320)
    key = models.CharField(max_length=320, help_text="The address with case folded.")
    # Follows that of the collected addresses; what a contact weighs more comes on top when suggestions are ranked.
    rank = models.FloatField(default=0)
    search = models.CharField(max_length=SEARCH_KEPT, blank=True, help_text="As in CollectedAddress.")

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["contact", "key"], name="contact_address_once")]
        indexes = [
            models.Index(fields=["user", "key"], name="contact_by_address"),
            models.Index(fields=["user", "-rank", "search"], name="contact_suggestions"),
        ]

    def __str__(self) -> str:
        return self.address


class ContactGroup(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="contact_groups")
    name = models.CharField(max_length=100)
    key = models.CharField(max_length=200, help_text="The name folded.")
    members = models.ManyToManyField(Contact, related_name="groups")

    class Meta:
        ordering = ["key", "id"]
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="one_group_per_name")]

    def __str__(self) -> str:
        return self.name


class CollectedAddress(models.Model):
    """An address that wrote to an account or was written to from it. Goes with the account."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    account = models.ForeignKey(MailAccount, on_delete=models.CASCADE, related_name="+", db_index=False)
    address = models.CharField(max_length=320)
    key = models.CharField(max_length=320, help_text="The address with case folded.")
    name = models.CharField(max_length=300, blank=True)
    named_at = models.DateTimeField(null=True, help_text="Of the mail that gave the name.")
    heard = models.PositiveIntegerField(default=0)
    written = models.PositiveIntegerField(default=0)
    last_heard = models.DateTimeField(null=True)
    last_written = models.DateTimeField(null=True)
    rank = models.FloatField(help_text="Grows with each mail, by more the newer it is; see webmail.contacts.weight.")
    search = models.CharField(max_length=SEARCH_KEPT, blank=True, help_text="Folded words, a blank before each.")
    hidden = models.BooleanField(default=False, help_text="The person wants it suggested no more.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "key"], name="collected_once")]
        indexes = [
            models.Index(fields=["user", "-rank", "search"], name="collected_suggestions"),
            models.Index(fields=["user", "key"], name="collected_by_address"),
            models.Index(
                fields=["user", "-last_written", "-id"],
                condition=models.Q(last_written__isnull=False),
                name="collected_written",
            ),
        ]

    def __str__(self) -> str:
        return self.address


class CollectedCode(models.Model):
    """The beginning of a word of a collected address, as a number: finds what few addresses have.

    Numbers sort alike in every database, whatever its collation; see webmail.contacts.words.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    code = models.BigIntegerField()
    collected = models.ForeignKey(CollectedAddress, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "code", "collected"], name="collected_code_once")]

    def __str__(self) -> str:
        return str(self.code)


class CollectedPast(models.Model):
    """How far the mail has been gone through that was here before addresses were collected: one row, or none."""

    upto = models.BigIntegerField(help_text="Highest id of a message then; newer ones are counted as they are indexed.")
    cursor = models.BigIntegerField(help_text="Messages above this id have been counted.")


class ContactImport(models.Model):
    """A file of contacts that is looked at before it is taken in."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    filename = models.CharField(max_length=255, blank=True)
    content = models.BinaryField(help_text="Compressed.")
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

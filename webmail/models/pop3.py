"""Mail that lives here: what a POP3 account downloads, what it has already seen, and the bytes themselves."""

import secrets

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import Error, InterfaceError, OperationalError, connection, models
from django.utils import timezone

from accounts.models import MailAccount, Security
from webmail.imap.types import Endpoint

from .folder import Folder
from .message import Message


class Download(models.Model):
    """POP3 download of one account (RFC 1939): from where, what stays on the server, and how far the import is."""

    class Policy(models.TextChoices):
        KEEP = "keep", "Keep messages on the server"
        DELETE = "delete", "Delete from the server once fetched"
        AFTER_DAYS = "after_days", "Delete from the server after some days"
        FOLLOW = "follow", "Delete from the server when I delete here"

    account = models.OneToOneField(MailAccount, on_delete=models.CASCADE, related_name="download", primary_key=True)
    host = models.CharField("POP3 server", max_length=253)
    port = models.PositiveIntegerField("POP3 port", default=995)
    security = models.CharField("POP3 security", max_length=8, choices=Security, default=Security.TLS)
    policy = models.CharField(max_length=10, choices=Policy, default=Policy.KEEP)
    days = models.PositiveSmallIntegerField(default=14, help_text="Counted from when a message was fetched.")
    since = models.DateField(null=True, blank=True, help_text="Older messages stay on the server and are not fetched.")
    folder = models.ForeignKey(Folder, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    tag = models.CharField(max_length=50, blank=True)
    next_at = models.DateTimeField(default=timezone.now, help_text="When the server is asked next.")
    every_minutes = models.PositiveSmallIntegerField(default=10)

    # The run under way, or the last one.
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    messages_done = models.PositiveIntegerField(default=0)
    messages_total = models.PositiveIntegerField(default=0)
    octets_done = models.PositiveBigIntegerField(default=0)
    octets_total = models.PositiveBigIntegerField(default=0)
    imported = models.PositiveIntegerField(default=0, help_text="Messages fetched since the account was added.")
    remark = models.CharField(max_length=500, blank=True, help_text="What the person should know about this server.")
    failures = models.PositiveSmallIntegerField(
        default=0, help_text="Visits in a row that failed; waiting for a busy server is no failure."
    )

    class Meta:
        verbose_name = "POP3 download"

    def __str__(self) -> str:
        return f"POP3 download of {self.account}"

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.host, self.port, self.security, settings.TRUSTED_CA_FILE)


class LedgerEntry(models.Model):
    """A message of the maildrop, remembered longer than the message: nothing is fetched twice, nothing lost for an equal UIDL.

    have → deleting (DELE sent) → gone (after +OK to QUIT). ``skipped`` was older than the person wanted.
    """

    class State(models.TextChoices):
        HAVE = "have", "Fetched"
        SKIPPED = "skipped", "Left on the server"
        DELETING = "deleting", "Being deleted on the server"
        GONE = "gone", "No longer on the server"

    account = models.ForeignKey(MailAccount, on_delete=models.CASCADE, related_name="ledger")
    uidl = models.CharField(max_length=300, blank=True)
    size = models.PositiveBigIntegerField(help_text="Octets fetched; what the server listed for one that was skipped.")
    listed_size = models.PositiveBigIntegerField(default=0, help_text="Octets as LIST said.")
    sha256 = models.CharField(max_length=64, blank=True)
    header_sha256 = models.CharField(max_length=64, blank=True, help_text="Of TOP 0, where the server has no UIDL.")
    state = models.CharField(max_length=8, choices=State, default=State.HAVE)
    wanted_gone = models.BooleanField(default=False, help_text="The person deleted the message here.")
    fetched_at = models.DateTimeField(help_text="Of one that was skipped: the date of the message.")
    message = models.ForeignKey(Message, on_delete=models.SET_NULL, null=True, related_name="ledger")

    class Meta:
        verbose_name_plural = "ledger entries"
        indexes = [
            models.Index(fields=["account", "uidl"], name="ledger_uidl"),
            models.Index(fields=["account", "sha256"], name="ledger_sha256"),
            models.Index(fields=["account", "state", "fetched_at"], name="ledger_state"),
        ]

    def __str__(self) -> str:
        return f"{self.uidl or '(no UIDL)'} {self.state}"


class Maildrop(models.Model):
    """Held by the one session that may be in a maildrop, whoever's account it belongs to; it ends with the lease.

    ``token`` is new with every session: a commit that finds another one there comes from a session that lost its place.
    """

    key = models.CharField(max_length=640, unique=True)
    account = models.ForeignKey(MailAccount, on_delete=models.CASCADE, related_name="+")
    token = models.CharField(max_length=32)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return self.key


def content_path(instance: models.Model, filename: str) -> str:
    """An unguessable name, spread over 4,096 directories; what the message says plays no part in it."""
    token = secrets.token_hex(20)
    return f"mail/{token[:3]}/{token}"


class StoredContent(models.Model):
    """The bytes of a message that lives here, exactly as they came."""

    message = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="stored")
    file = models.FileField(upload_to=content_path, max_length=300)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()
    damaged = models.CharField(max_length=200, blank=True, help_text="What verifymail found wrong.")

    def __str__(self) -> str:
        return f"{self.size} octets"


def delete_files(names: list[str]) -> None:
    """After the rows are gone; a file left behind by a crash is found by ``manage.py verifymail``."""
    for name in names:
        default_storage.delete(name)


def discard_files(names: list[str], error: BaseException | None = None) -> None:
    """Of messages whose commit failed with ``error``. Raises OSError.

    Where the answer to a commit was lost, it may have been carried out all the same, or may be yet: then what rows refer to
    stays, and everything where the database cannot be asked for certain. ``manage.py verifymail`` finds what is left over.
    """
    if connection.vendor == "postgresql" and isinstance(error, (InterfaceError, OperationalError)):
        return
    try:
        used = set(StoredContent.objects.filter(file__in=names).values_list("file", flat=True))
    except Error:
        return
    delete_files([name for name in names if name not in used])

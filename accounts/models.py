"""WHO: users, their mail accounts with endpoints and sealed credentials, identities, provider presets."""

import secrets

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.crypto import salted_hmac

from webmail.imap.types import Endpoint

from .fields import authserv_names
from .pictures import PictureChoice  # noqa: F401 - a model, found by Django here
from .sealed import SealedField

AUTHSERV_HELP = (
    "As it names itself at the beginning of Authentication-Results. Only for a server that adds this to every mail. "
    "Empty: what is known of the provider."
)


class Security(models.TextChoices):
    TLS = "tls", "TLS from the start"
    STARTTLS = "starttls", "STARTTLS"
    PLAIN = "plain", "None (not private)"


def new_salt() -> str:
    return secrets.token_urlsafe(24)


class User(AbstractUser):
    """A person. ``username`` is an opaque name: the address alone does not say whose mailbox it is, its server does too."""

    class Theme(models.TextChoices):
        SYSTEM = "system", "As the system"
        LIGHT = "light", "Light"
        DARK = "dark", "Dark"

    class Density(models.TextChoices):
        COMFORTABLE = "comfortable", "Comfortable"
        COMPACT = "compact", "Compact"

    theme = models.CharField(max_length=8, choices=Theme, default=Theme.SYSTEM)
    density = models.CharField(max_length=12, choices=Density, default=Density.COMFORTABLE)
    time_zone = models.CharField(max_length=64, blank=True)
    undo_seconds = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="How long a sent message can be taken back; empty: as set for this server."
    )
    show_conversations = models.BooleanField(default=True, db_default=True)
    newest_first = models.BooleanField(default=False, db_default=False)
    asks_receipts = models.BooleanField(
        default=True, db_default=True, help_text="Whether a line says that a sender wants a receipt (RFC 8098)."
    )
    session_salt = models.CharField(max_length=64, default=new_salt, editable=False)

    def __str__(self) -> str:
        return self.email or self.username

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        # Most people have no password here, so the salt is what ends their sessions everywhere.
        value = self.password + self.session_salt
        return salted_hmac("accounts.User.session", value, secret=secret, algorithm="sha256").hexdigest()

    def end_sessions(self) -> None:
        """Make every session of this person worthless; the caller renews its own with ``update_session_auth_hash``."""
        self.session_salt = new_salt()
        self.save(update_fields=["session_salt"])
        self.browsers.all().delete()


class Browser(models.Model):
    """Where a person is signed in: one session, and what is known of the browser that has it.

    ``session_key`` is that of the row in Django's own table of sessions, and stays in the database like it; pages name a
    browser by its id. What the browser says of itself is not kept, only what was recognised in it.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="browsers")
    session_key = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=60, blank=True)
    network = models.CharField(max_length=50, blank=True, help_text="The first part of its network address.")
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["-seen_at"]

    def __str__(self) -> str:
        return self.name or "A browser"


class DownloadRules(models.Model):
    """What holds for the POP3 downloads of everybody; one row, see ``current``."""

    MEGABYTE = 1024 * 1024

    people_add = models.BooleanField(
        "people may add POP3 accounts",
        default=True,
        help_text="Otherwise only administrators add them. Accounts that are here go on.",
    )
    plain_text = models.BooleanField(
        "allow connections without TLS",
        default=False,
        help_text="Passwords and mail can then be read on the way. Without it such accounts are not fetched.",
    )
    largest_mb = models.PositiveSmallIntegerField(
        "largest message (MB)",
        default=1024,
        validators=[MinValueValidator(1), MaxValueValidator(1024)],
        help_text="Larger ones stay on the server, whatever is chosen for them.",
    )
    least_minutes = models.PositiveSmallIntegerField(
        "shortest time between two runs (minutes)",
        default=5,
        validators=[MinValueValidator(1), MaxValueValidator(1440)],
        help_text="Holds for accounts that are here, too.",
    )
    every_minutes = models.PositiveSmallIntegerField(
        "minutes between two runs, for new accounts",
        default=10,
        validators=[MinValueValidator(1), MaxValueValidator(1440)],
    )
    policy = models.CharField("what happens on the server, for new accounts", max_length=10, default="keep")
    days = models.PositiveSmallIntegerField(
        "days until they are deleted there, for new accounts",
        default=14,
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
    )

    class Meta:
        verbose_name = verbose_name_plural = "POP3 downloads: general"

    def __str__(self) -> str:
        return "POP3 downloads: general"

    @classmethod
    def current(cls) -> "DownloadRules":
        """The row, or the defaults where nobody has saved any."""
        return cls.objects.filter(pk=1).first() or cls(pk=1)

    @property
    def largest_octets(self) -> int:
        return self.largest_mb * self.MEGABYTE

    @property
    def plain_text_allowed(self) -> bool:
        return self.plain_text or settings.ALLOW_PLAINTEXT

    def may_be(self, security: str) -> bool:
        return security != Security.PLAIN or self.plain_text_allowed


class Servers(models.Model):
    """Where a mailbox is read and where its mail is handed in."""

    imap_host = models.CharField("incoming server", max_length=253)
    imap_port = models.PositiveIntegerField("incoming port", default=993)
    imap_security = models.CharField("incoming security", max_length=8, choices=Security, default=Security.TLS)
    smtp_host = models.CharField("outgoing server", max_length=253)
    smtp_port = models.PositiveIntegerField("outgoing port", default=465)
    smtp_security = models.CharField("outgoing security", max_length=8, choices=Security, default=Security.TLS)

    class Meta:
        abstract = True


class ProviderPreset(Servers):
    """Servers for the addresses of a domain; the preset for ``*`` serves everybody else."""

    domain = models.CharField(max_length=253, unique=True, help_text="example.org, or * for everybody")
    name = models.CharField(max_length=100, blank=True)
    username_template = models.CharField(
        max_length=100, default="{address}", help_text="{address}, {local} and {domain} are filled in."
    )
    saves_sent = models.BooleanField(default=False, help_text="The provider files sent mail in Sent by itself.")
    authserv_id = models.CharField(
        "server that checks senders",
        max_length=300,
        blank=True,
        default="",
        validators=[authserv_names],
        help_text=AUTHSERV_HELP,
    )
    hint = models.CharField(
        max_length=300, blank=True, help_text="Shown on the sign-in page, such as “use an app password”."
    )

    class Meta:
        ordering = ["domain"]

    def __str__(self) -> str:
        return self.name or self.domain


def sign_in_key(endpoint: Endpoint, username: str) -> str:
    """Who somebody is: a server and a user name there, never an address alone.

    Anybody can run a server that vouches for any address, so another server means another person. The usual ports of one
    host, with TLS, are one server, and so is what the administrator has named in a preset, even if its port changes; any
    other port might belong to somebody else on that machine.
    """
    usual = endpoint.port in {143, 993} and endpoint.security != Security.PLAIN
    server = endpoint.host
    if not usual and not _is_preset(endpoint):
        server = f"{endpoint.host}:{endpoint.port}/{endpoint.security}"
    return f"{server} {username.casefold()}"


def _is_preset(endpoint: Endpoint) -> bool:
    return ProviderPreset.objects.filter(
        imap_host__iexact=endpoint.host, imap_port=endpoint.port, imap_security=endpoint.security
    ).exists()


class MailAccount(Servers):
    """One mailbox of a person: a mirror of an IMAP server, or one that lives here and downloads by POP3."""

    SENT_WATCH = 3  # messages; who files sent mail itself does it with the first

    class Kind(models.TextChoices):
        IMAP = "imap", "IMAP"
        POP3 = "pop3", "POP3"

    kind = models.CharField(max_length=4, choices=Kind, default=Kind.IMAP)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="mail_accounts")
    address = models.EmailField(max_length=320)
    name = models.CharField("label", max_length=100, blank=True)
    username = models.CharField("user name", max_length=320)
    password = SealedField(blank=True, default="")
    smtp_username = models.CharField("outgoing user name", max_length=320, blank=True)
    smtp_password = SealedField("outgoing password", blank=True, default="")
    sign_in_key = models.CharField(
        max_length=640,
        null=True,
        unique=True,
        editable=False,
        help_text="Set for the one mailbox whose password opens this person's mail; see sign_in_key().",
    )
    saves_sent = models.BooleanField("provider files sent mail itself", default=False)
    sent_watch = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text="So many more sent messages are watched for a copy of the provider's own."
    )
    authserv_id = models.CharField(
        "server that checks senders",
        max_length=300,
        blank=True,
        default="",
        validators=[authserv_names],
        help_text=AUTHSERV_HELP,
    )
    paused = models.BooleanField(default=False)
    position = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "imap_host", "username"],
                condition=models.Q(kind="imap"),
                name="one_account_per_mailbox",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.address

    @property
    def is_local(self) -> bool:
        """Its messages live here; there is no server that could be asked about them."""
        return self.kind == self.Kind.POP3

    @property
    def imap_endpoint(self) -> Endpoint:
        return Endpoint(self.imap_host, self.imap_port, self.imap_security, settings.TRUSTED_CA_FILE)

    @property
    def smtp_endpoint(self) -> Endpoint:
        return Endpoint(self.smtp_host, self.smtp_port, self.smtp_security, settings.TRUSTED_CA_FILE)

    @property
    def signs_in(self) -> bool:
        return self.sign_in_key is not None

    def smtp_credentials(self) -> tuple[str, str]:
        """User name and password for the outgoing server; those of the mailbox unless others are set."""
        password = self.smtp_password or self.password
        return self.smtp_username or self.username, password.reveal()


class Identity(models.Model):
    """A name and address to write as, with the server its mail goes out through and what becomes of the copy."""

    class SignaturePlace(models.TextChoices):
        ABOVE = "above", "Above what is quoted"
        BELOW = "below", "Below what is quoted"
        NONE = "none", "No signature"

    class SentRule(models.TextChoices):
        ACCOUNT = "account", "As the account does"
        FOLDER = "folder", "In a folder of its own"
        SERVER = "server", "The outgoing server files it"
        NONE = "none", "Keep no copy"

    account = models.ForeignKey(MailAccount, on_delete=models.CASCADE, related_name="identities")
    name = models.CharField(max_length=200, blank=True)
    address = models.CharField(max_length=320)
    reply_to = models.CharField(max_length=320, blank=True)
    signature_html = models.TextField(blank=True, help_text="Its pictures are named by cid:, see SignaturePicture.")
    signature_place = models.CharField(max_length=5, choices=SignaturePlace, default=SignaturePlace.ABOVE)
    is_default = models.BooleanField(default=False)
    position = models.PositiveSmallIntegerField(default=0)
    # An empty host means: the account's server and credentials.
    smtp_host = models.CharField("outgoing server", max_length=253, blank=True)
    smtp_port = models.PositiveIntegerField("outgoing port", default=465)
    smtp_security = models.CharField("outgoing security", max_length=8, choices=Security, default=Security.TLS)
    smtp_username = models.CharField("outgoing user name", max_length=320, blank=True)
    smtp_password = SealedField("outgoing password", blank=True, default="")
    sent_rule = models.CharField("copy of sent mail", max_length=7, choices=SentRule, default=SentRule.ACCOUNT)
    sent_folder = models.ForeignKey(
        "webmail.Folder",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="For “in a folder of its own”; where it is gone, the account's Sent is meant.",
    )

    class Meta:
        verbose_name_plural = "identities"
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else self.address

    @property
    def own_server(self) -> Endpoint | None:
        """Where its mail is handed in, unless that is the account's business."""
        if not self.smtp_host:
            return None
        return Endpoint(self.smtp_host, self.smtp_port, self.smtp_security, settings.TRUSTED_CA_FILE)


class SignaturePicture(models.Model):
    """A picture that signatures of the account may show, under the name it has in them and in a message (RFC 2392)."""

    account = models.ForeignKey(MailAccount, on_delete=models.CASCADE, related_name="signature_pictures")
    content_id = models.CharField(max_length=200, unique=True)
    filename = models.CharField(max_length=255)
    content_type = models.CharField(max_length=100)
    size = models.PositiveIntegerField(default=0)
    file = models.FileField(upload_to="signatures/", max_length=300)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.filename


class ServerOffer(models.Model):
    """What an outgoing server said it can do when mail was last handed in there, or tried to be (EHLO, RFC 5321)."""

    host = models.CharField(max_length=253)
    port = models.PositiveIntegerField()
    extensions = models.JSONField(default=dict, help_text="Names in lower case, each with its parameters.")
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["host", "port"]
        constraints = [models.UniqueConstraint(fields=["host", "port"], name="one_offer_per_server")]

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

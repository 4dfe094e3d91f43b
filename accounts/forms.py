"""The forms about mailboxes: sign in, add one, change one."""

from typing import Any, ClassVar

from django import forms
from django.conf import settings

from webmail.imap.types import Endpoint

from .fields import AddressField, AuthservField, HostField, NameField, PortField, SecretField
from .kept import Kept
from .models import MailAccount, Security
from .servers import Typed, endpoint
from .signin import Attempt

IMAP_PORTS = {"tls": 993, "starttls": 143, "plain": 143}
SMTP_PORTS = {"tls": 465, "starttls": 587, "plain": 587}


def securities() -> list[tuple[str, str]]:
    """Plain text is offered only where the administrator allows it."""
    return [(value, label) for value, label in Security.choices if value != Security.PLAIN or settings.ALLOW_PLAINTEXT]


class StyledForm(forms.Form):
    """Gives the inputs the class the stylesheet knows, and adds a sentence to a field or to the page as a whole."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        options.setdefault("label_suffix", "")
        super().__init__(*arguments, **options)
        for field in self.fields.values():
            if not isinstance(field.widget, (forms.CheckboxInput, forms.RadioSelect)):
                field.widget.attrs["class"] = "input"
        self.use_required_attribute = False

    def refuse(self, errors: list[tuple[str | None, str]]) -> None:
        for name, sentence in errors:
            self.add_error(name if name in self.fields else None, sentence)


class OutgoingForm(StyledForm):
    """Where mail is handed in. Ports left open follow the security chosen."""

    smtp_host = HostField(label="Outgoing server (SMTP)")
    smtp_security = forms.ChoiceField(label="Security", choices=securities, initial="tls", required=False)
    smtp_port = PortField(label="Port")
    smtp_username = NameField(label="User name, if different")
    smtp_password = SecretField(label="Password, if different", autocomplete="off", required=False)

    # By the prefix of the fields' names.
    PORTS: ClassVar[dict[str, dict[str, int]]] = {"smtp": SMTP_PORTS}

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for prefix, ports in self.PORTS.items():
            chosen = self.data.get(f"{prefix}_security") or self.get_initial_for_field(
                self.fields[f"{prefix}_security"], f"{prefix}_security"
            )
            self.fields[f"{prefix}_port"].widget.attrs["placeholder"] = ports.get(str(chosen), ports["tls"])
            self.fields[f"{prefix}_security"].widget.attrs["data-ports"] = " ".join(
                f"{security}:{port}" for security, port in ports.items()
            )

    def endpoint_of(self, prefix: str) -> Endpoint | None:
        """What was entered under this prefix; None when it was left open."""
        data = self.cleaned_data
        if not data[f"{prefix}_host"]:
            return None
        security = data[f"{prefix}_security"] or "tls"
        return endpoint(data[f"{prefix}_host"], data[f"{prefix}_port"] or self.PORTS[prefix][security], security)


class ServersForm(OutgoingForm):
    """The fields under "More settings"."""

    imap_host = HostField(label="Incoming server (IMAP)")
    imap_security = forms.ChoiceField(label="Security", choices=securities, initial="tls", required=False)
    imap_port = PortField(label="Port")
    username = NameField(label="User name, if it is not the address")

    PORTS: ClassVar[dict[str, dict[str, int]]] = {"imap": IMAP_PORTS, "smtp": SMTP_PORTS}
    SERVER_FIELDS = (
        "imap_host",
        "imap_security",
        "imap_port",
        "username",
        "smtp_host",
        "smtp_security",
        "smtp_port",
        "smtp_username",
        "smtp_password",
    )

    @property
    def opened(self) -> bool:
        """Whether the disclosure has to stand open: something is filled in there or wrong there."""
        return any(name in self.errors or self.data.get(name) for name in self.SERVER_FIELDS if name[5:] != "security")

    def typed(self) -> Typed:
        data = self.cleaned_data
        return Typed(
            self.endpoint_of("imap"),
            self.endpoint_of("smtp"),
            data["username"],
            data["smtp_username"],
        )


class SignInForm(ServersForm):
    address = AddressField(label="Email address", error_messages={"required": "Enter your email address."})
    password = SecretField(
        label="Password", autocomplete="current-password", error_messages={"required": "Enter your password."}
    )
    without_sending = forms.BooleanField(label="Continue without sending for now", required=False)

    field_order = ["address", "password"]

    def __init__(self, data: Any = None, *, kept: Kept | None = None) -> None:
        super().__init__(data)
        self.kept = kept
        self.fields["password"].required = kept is None
        self.fields["address"].widget.attrs["autocomplete"] = "username"
        self.sending_failed = bool(self.data.get("without_sending"))
        self.password_accepted = kept is not None

    def attempt(self) -> Attempt:
        data = self.cleaned_data
        password, smtp_password = data["password"], data["smtp_password"]
        if self.kept is not None and not password:
            password, smtp_password = self.kept.password, smtp_password or self.kept.smtp_password
        return Attempt(data["address"], password, self.typed(), smtp_password, bool(data["without_sending"]))


class AccountForm(ServersForm):
    """One account as it is. An empty password means: unchanged."""

    name = forms.CharField(label="Label", max_length=100, required=False)
    password = SecretField(label="New password", autocomplete="new-password", required=False)
    saves_sent = forms.BooleanField(label="The provider files sent mail in Sent by itself", required=False)
    authserv_id = AuthservField()
    without_sending = forms.BooleanField(label="Save although sending does not work", required=False)

    def __init__(self, account: MailAccount, *, servers_fixed: bool, data: Any = None) -> None:
        smtp_host = account.smtp_host
        super().__init__(
            data,
            initial={
                "name": account.name,
                "imap_host": account.imap_host,
                "imap_port": account.imap_port,
                "imap_security": account.imap_security,
                "username": account.username,
                "smtp_host": smtp_host,
                "smtp_port": account.smtp_port if smtp_host else None,
                "smtp_security": account.smtp_security,
                "smtp_username": account.smtp_username,
                "saves_sent": account.saves_sent,
                "authserv_id": account.authserv_id,
            },
        )
        self.account = account
        self.sending_failed = bool(self.data.get("without_sending"))
        self.fields["username"].label = "User name"
        self.fields["smtp_password"].label = "New outgoing password, if different"
        for name in ("imap_host", "imap_port", "imap_security", "smtp_host", "smtp_port", "smtp_security"):
            # A disabled field ignores what is posted.
            self.fields[name].disabled = servers_fixed
        for name in ("imap_host", "username"):
            self.fields[name].required = True
            self.fields[name].error_messages["required"] = "This is needed to read the mail."

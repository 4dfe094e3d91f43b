"""The forms of accounts that download by POP3."""

import re
from datetime import date, timedelta
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils import timezone

from webmail.errors import GiveUp
from webmail.models import Download
from webmail.sync.folder_actions import checked_leaf

from . import pop3
from .fields import AddressField, AuthservField, HostField, NameField, PortField, SecretField, refuse_controls
from .forms import SMTP_PORTS, OutgoingForm
from .kept import Kept
from .models import DownloadRules, MailAccount, Security
from .pop3 import PopAttempt, Wishes

POP_PORTS = {"tls": 995, "starttls": 110, "plain": 110}
Policy = Download.Policy
POLICIES = [
    (Policy.KEEP, "Keep messages on the server"),
    (Policy.DELETE, "Delete them from the server once they have been fetched"),
    (Policy.AFTER_DAYS, "Delete them from the server some days later"),
    (Policy.FOLLOW, "Delete them from the server when I delete them here"),
]
BEGINNINGS = [
    ("all", "Everything that is there"),
    ("30", "The last 30 days"),
    ("365", "The last year"),
    ("date", "From a certain day on"),
]
OFTEN = {
    5: "Every 5 minutes",
    10: "Every 10 minutes",
    15: "Every 15 minutes",
    30: "Every half hour",
    60: "Every hour",
    180: "Every 3 hours",
    720: "Twice a day",
    1440: "Once a day",
}
LONGEST_DAYS = 3650
OLDEST = date(1970, 1, 1)
# An atom of IMAP (RFC 3501 section 9): the tag goes with a message that is moved to another server.
TAG = re.compile(r"\A[A-Za-z0-9!#$&'+,./:;<=>?@^_`|~-]+\Z")


class PopForm(OutgoingForm):
    """What an account that is added and one that is changed have in common."""

    name = forms.CharField(label="Label", max_length=100, required=False, validators=[refuse_controls])
    pop_host = HostField(
        label="Incoming server (POP3)", required=True, error_messages={"required": "Enter the name of the POP3 server."}
    )
    pop_security = forms.ChoiceField(label="Security", choices=Security.choices, initial="tls", required=False)
    pop_port = PortField(label="Port")
    username = NameField(label="User name")
    policy = forms.ChoiceField(
        label="What happens on the server", choices=POLICIES, initial=Policy.KEEP, widget=forms.RadioSelect
    )
    days = forms.IntegerField(
        label="Days until they are deleted there", min_value=1, max_value=LONGEST_DAYS, initial=14, required=False
    )
    understood = forms.BooleanField(label="Yes, delete messages on the server", required=False)
    begin = forms.ChoiceField(label="Fetch", choices=BEGINNINGS, initial="all")
    since = forms.DateField(
        label="First day", required=False, widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )
    tag = forms.CharField(
        label="Tag its messages with (one word)",
        max_length=50,
        required=False,
        validators=[RegexValidator(TAG, "A tag is one word of plain letters, digits and signs.")],
    )
    every_minutes = forms.TypedChoiceField(
        label="Look for new mail", choices=list(OFTEN.items()), coerce=int, initial=10
    )
    without_sending = forms.BooleanField(label="Save although sending does not work", required=False)

    PORTS: ClassVar[dict[str, dict[str, int]]] = {"pop": POP_PORTS, "smtp": SMTP_PORTS}

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.rules = DownloadRules.current()
        self._choose("pop_security", [choice for choice in Security.choices if self.rules.may_be(choice[0])])
        self._offer_times(self.get_initial_for_field(self.fields["every_minutes"], "every_minutes"))
        self.sending_failed = bool(self.data.get("without_sending"))
        self.fields["days"].widget.attrs.update({"min": 1, "max": LONGEST_DAYS, "inputmode": "numeric"})
        self.fields["tag"].widget.attrs.update({"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"})

    @property
    def confirmed_before(self) -> str:
        """The policy that has been agreed to already."""
        return Policy.KEEP

    @property
    def opened(self) -> bool:
        """Whether the outgoing server has to be shown: something is filled in there or wrong there."""
        names = ("smtp_host", "smtp_port", "smtp_username", "smtp_password")
        return self.sending_failed or any(
            name in self.errors or self.data.get(name) or self.initial.get(name) for name in names
        )

    def _choose(self, name: str, choices: list[tuple[Any, str]]) -> None:
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField):
            field.choices = choices

    def _offer_times(self, chosen: int) -> None:
        """Those the administrator allows, and the one that holds now."""
        least = self.rules.least_minutes
        holds = max(chosen, least)
        often = {minutes: label for minutes, label in OFTEN.items() if minutes >= least}
        often.setdefault(holds, "Every minute" if holds == 1 else f"Every {holds} minutes")
        self._choose("every_minutes", sorted(often.items()))
        self.initial["every_minutes"] = holds

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("policy") == Policy.AFTER_DAYS and "days" in data and data["days"] is None:
            self.add_error("days", "After how many days?")
        if data.get("policy", Policy.KEEP) not in {Policy.KEEP, self.confirmed_before} and not data.get("understood"):
            self.add_error("understood", "Messages will be deleted on the server. Confirm that this is what you want.")
        if data.get("begin") == "date" and "since" in data and data["since"] is None:
            self.add_error("since", "From which day on?")
        return data

    def clean_since(self) -> date | None:
        since: date | None = self.cleaned_data["since"]
        if since is not None and not OLDEST <= since <= timezone.localdate():
            raise ValidationError("This day cannot be chosen.")
        return since

    def wishes(self) -> Wishes:
        data = self.cleaned_data
        since: date | None = data["since"] if data["begin"] == "date" else None
        if data["begin"].isdigit():
            since = timezone.localdate() - timedelta(days=int(data["begin"]))
        return Wishes(data["policy"], data["days"] or 14, since, data["tag"], data["every_minutes"])

    def attempt(self) -> PopAttempt:
        data = self.cleaned_data
        incoming = self.endpoint_of("pop")
        if incoming is None:
            raise ValueError("a form that is valid has a server")
        return PopAttempt(
            data["name"],
            incoming,
            data["username"],
            data["password"],
            self.endpoint_of("smtp"),
            data["smtp_username"],
            data["smtp_password"],
            self.wishes(),
            bool(data["without_sending"]),
        )


class PopAddForm(PopForm):
    address = AddressField(label="Email address", error_messages={"required": "Enter your email address."})
    password = SecretField(
        label="Password", autocomplete="off", error_messages={"required": "Enter the password of the mailbox."}
    )
    folder_name = forms.CharField(label="File messages into", max_length=200, required=False, initial="Inbox")

    def __init__(self, data: Any = None, *, kept: Kept | None = None) -> None:
        rules = DownloadRules.current()
        super().__init__(
            data, initial={"policy": rules.policy, "days": rules.days, "every_minutes": rules.every_minutes}
        )
        self.kept = kept
        self.fields["password"].required = kept is None
        self.fields["username"].label = "User name, if it is not the address"
        self.fields["address"].widget.attrs["autocomplete"] = "email"
        self.password_accepted = kept is not None

    def clean_folder_name(self) -> str:
        name: str = self.cleaned_data["folder_name"].strip() or "Inbox"
        try:
            return checked_leaf(name, "/")
        except GiveUp as error:
            raise ValidationError(error.sentence) from error

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        data["username"] = data.get("username") or data.get("address", "")
        if self.kept is not None and not data.get("password"):
            data["password"] = self.kept.password
            data["smtp_password"] = data.get("smtp_password") or self.kept.smtp_password
        return data


class PopEditForm(PopForm):
    """One account as it is. An empty password means: unchanged."""

    password = SecretField(label="New password", autocomplete="new-password", required=False)
    folder = forms.TypedChoiceField(label="File messages into", coerce=int)
    authserv_id = AuthservField()

    def __init__(self, account: MailAccount, download: Download | None, data: Any = None) -> None:
        folders = pop3.folders_for_mail(account)
        super().__init__(data, initial=_initial(account, download, folders[0].pk if folders else None))
        self.download = download
        self.fields["username"].required = True
        self.fields["username"].error_messages["required"] = "This is needed to fetch the mail."
        self.fields["smtp_password"].label = "New outgoing password, if different"
        self._choose("folder", [(folder.pk, folder.title) for folder in folders])
        self._choose("begin", [choice for choice in BEGINNINGS if choice[0] in {"all", "date"}])
        if pop3.servers_fixed():
            for name in ("pop_host", "pop_port", "pop_security", "smtp_host", "smtp_port", "smtp_security"):
                # A disabled field ignores what is posted.
                self.fields[name].disabled = True

    @property
    def confirmed_before(self) -> str:
        return self.download.policy if self.download is not None else Policy.KEEP


def _initial(account: MailAccount, download: Download | None, inbox_id: int | None) -> dict[str, Any]:
    values: dict[str, Any] = {
        "name": account.name,
        "username": account.username,
        "smtp_host": account.smtp_host,
        "smtp_port": account.smtp_port if account.smtp_host else None,
        "smtp_security": account.smtp_security,
        "smtp_username": account.smtp_username,
        "folder": inbox_id,
        "authserv_id": account.authserv_id,
    }
    if download is None:
        return values
    return values | {
        "pop_host": download.host,
        "pop_port": download.port,
        "pop_security": download.security,
        "policy": download.policy,
        "days": download.days,
        "begin": "date" if download.since else "all",
        "since": download.since,
        "tag": download.tag,
        "every_minutes": download.every_minutes,
        "folder": download.folder_id or inbox_id,
    }

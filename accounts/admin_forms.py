"""The administrator's forms of presets and mail accounts. Passwords can be set and are never shown."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from webmail.imap.types import Endpoint

from .fields import clean_host
from .models import Identity, MailAccount, ProviderPreset, sign_in_key

ANEW = "Set the password, too: what was entered for one server is never shown to another."


class HostsForm(forms.ModelForm):
    """Server names as every other page stores them."""

    def clean_imap_host(self) -> str:
        host = self.cleaned_data["imap_host"]
        return clean_host(host) if host else ""

    def clean_smtp_host(self) -> str:
        host = self.cleaned_data["smtp_host"]
        return clean_host(host) if host else ""

    def moved(self, name: str) -> bool:
        """Whether another host is named than the one that a stored credential was entered for."""
        host = self.cleaned_data.get(name)
        return bool(host) and host != self.initial.get(name)


class PresetForm(HostsForm):
    class Meta:
        model = ProviderPreset
        fields = "__all__"  # noqa: DJ007 - the administrator sets all of a preset

    def clean_domain(self) -> str:
        return str(self.cleaned_data["domain"]).strip().lower()


class MailAccountForm(HostsForm):
    new_password = forms.CharField(
        label="Set password", required=False, strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "off"})
    )
    new_smtp_password = forms.CharField(
        label="Set outgoing password",
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Only if it differs from that of the mailbox.",
    )
    signs_in = forms.BooleanField(
        label="Opens this person's mail", required=False, help_text="The person signs in with this mailbox."
    )

    class Meta:
        model = MailAccount
        exclude = ["password", "smtp_password"]  # noqa: DJ006 - credentials are written through the fields above

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["signs_in"].initial = self.instance.signs_in if self.instance.pk else not self._is_pop3({})
        self.fields["smtp_host"].required = self.fields["imap_host"].required = False
        self.fields["new_password"].required = not self.instance.pk

    def _is_pop3(self, data: dict[str, Any]) -> bool:
        return str(data.get("kind") or self.initial.get("kind") or self.instance.kind) == MailAccount.Kind.POP3

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        needed = "new_smtp_password" if self.instance.smtp_password else "new_password"
        known = bool(self.instance.pk)
        if known and self.moved("smtp_host") and not data.get("new_smtp_password") and not data.get(needed):
            self.add_error("new_smtp_password", ANEW)
        if self._is_pop3(data):
            if data.get("signs_in"):
                self.add_error("signs_in", "Nobody can sign in with a POP3 account.")
            data["imap_host"] = ""
            self.instance.sign_in_key = None
            return data
        if not data.get("imap_host") and "imap_host" not in self.errors:
            self.add_error("imap_host", "An IMAP account needs its server.")
        if known and self.moved("imap_host") and not data.get("new_password"):
            self.add_error("new_password", ANEW)
        if data.get("signs_in") and {"imap_host", "imap_port", "imap_security", "username"} <= data.keys():
            key = sign_in_key(Endpoint(data["imap_host"], data["imap_port"], data["imap_security"]), data["username"])
            if MailAccount.objects.filter(sign_in_key=key).exclude(pk=self.instance.pk).exists():
                raise ValidationError("Somebody else already signs in with this mailbox.")
            self.instance.sign_in_key = key
        else:
            self.instance.sign_in_key = None
        return data


class IdentityForm(HostsForm):
    new_smtp_password = forms.CharField(
        label="Set outgoing password",
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Of the identity's own server.",
    )

    class Meta:
        model = Identity
        fields = (
            *("account", "name", "address", "reply_to", "is_default", "position"),
            *("smtp_host", "smtp_port", "smtp_security", "smtp_username"),
        )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if self.moved("smtp_host") and not data.get("new_smtp_password"):
            self.add_error("new_smtp_password", ANEW)
        return data

"""The form of an identity: name and addresses, signature, its own outgoing server, what becomes of the copy."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import escape

from webmail.mime.html import clean_own
from webmail.mime.plain import html_to_text
from webmail.models import Folder, SpecialUse

from .fields import AnyAddressField, refuse_controls
from .forms import OutgoingForm
from .models import Identity, SignaturePicture

LONGEST_SIGNATURE = 40_000
Rule = Identity.SentRule
_NOT_FOR_SENT = (SpecialUse.DRAFTS, SpecialUse.TRASH, SpecialUse.JUNK)


class IdentityForm(OutgoingForm):
    """The signature arrives as HTML from the editor, as text without JavaScript. An empty password means: unchanged."""

    name = forms.CharField(label="Your name", max_length=200, required=False, validators=[refuse_controls])
    address = AnyAddressField(label="Email address", error_messages={"required": "Enter the address to write as."})
    reply_to = AnyAddressField(label="Answers go to, if another address", required=False)
    signature = forms.CharField(
        label="Signature", required=False, max_length=LONGEST_SIGNATURE, widget=forms.Textarea(attrs={"rows": 5})
    )
    signature_format = forms.ChoiceField(
        choices=[("text", "text"), ("html", "html")], required=False, widget=forms.HiddenInput, initial="text"
    )
    signature_place = forms.ChoiceField(
        label="In answers and forwarded messages it stands", choices=Identity.SignaturePlace, required=False
    )
    sent_copy = forms.ChoiceField(label="A copy of what you send", required=False)
    without_sending = forms.BooleanField(label="Save although sending does not work", required=False)
    is_default = forms.BooleanField(label="Use this one for new messages of the account", required=False)

    def __init__(self, identity: Identity, data: Any = None, *, server_allowed: bool = True) -> None:
        own = bool(identity.smtp_host)
        super().__init__(
            data,
            initial={
                "name": identity.name,
                "address": identity.address,
                "reply_to": identity.reply_to,
                "signature": html_to_text(identity.signature_html).strip(),
                "signature_place": identity.signature_place,
                "sent_copy": _written_rule(identity),
                "is_default": identity.is_default,
                "smtp_host": identity.smtp_host,
                "smtp_port": identity.smtp_port if own else None,
                "smtp_security": identity.smtp_security,
                "smtp_username": identity.smtp_username,
            },
        )
        self.identity = identity
        self.sending_failed = bool(self.data.get("without_sending"))
        self.fields["name"].widget.attrs["autocomplete"] = "name"
        self.fields["smtp_host"].label = "Server, if not the account’s"
        self.fields["smtp_username"].label = "User name, if different"
        self.fields["smtp_password"].label = "New password" if identity.smtp_password else "Password"
        self.fields["sent_copy"].choices = self._copies()  # type: ignore[attr-defined]
        if not server_allowed:
            for name in ("smtp_host", "smtp_port", "smtp_security", "smtp_username", "smtp_password"):
                # A disabled field ignores what is posted.
                self.fields[name].disabled = True

    def _copies(self) -> list[Any]:
        folders = Folder.objects.filter(account=self.identity.account, selectable=True, hidden=False, read_only=False)
        folders = folders.exclude(special_use__in=_NOT_FOR_SENT).order_by("name")
        named = [(f"{Rule.FOLDER}:{folder.pk}", folder.name) for folder in folders]
        choices: list[Any] = [(rule.value, rule.label) for rule in Rule if rule != Rule.FOLDER]
        return [*choices, ("In a folder", named)] if named else choices

    @property
    def opened(self) -> bool:
        """Whether the part about the server has to stand open."""
        named = ("smtp_host", "smtp_port", "smtp_username", "smtp_password")
        return bool(self.identity.smtp_host) or any(name in self.errors or self.data.get(name) for name in named)

    @property
    def signature_html(self) -> str:
        """What the editor starts with, its pictures by their addresses here."""
        html = self.identity.signature_html
        if self.is_bound and self.data.get("signature_format") == "html":
            html = clean_own(self._with_cids(str(self.data.get("signature", ""))[:LONGEST_SIGNATURE]))
        addresses = {row.content_id: picture_url(row) for row in self._pictures()}
        return clean_own(html, cid_url=addresses.get)

    def cleaned_signature(self) -> str:
        """The signature as HTML. Text that was not touched leaves the formatted one as it is."""
        written = self.cleaned_data["signature"]
        if self.cleaned_data["signature_format"] == "html":
            return clean_own(self._with_cids(written))
        text = written.replace("\r\n", "\n").strip()
        if text == html_to_text(self.identity.signature_html).strip():
            return self.identity.signature_html
        return clean_own(escape(text).replace("\n", "<br>"))

    def _pictures(self) -> QuerySet[SignaturePicture]:
        return SignaturePicture.objects.filter(account__user_id=self.identity.account.user_id)

    def _with_cids(self, html: str) -> str:
        """The inverse of what the editor is given."""
        for row in self._pictures():
            html = html.replace(f'"{picture_url(row)}"', f'"cid:{row.content_id}"')
        return html

    def rule(self) -> tuple[str, int | None]:
        """The rule about the copy, and the folder it names."""
        rule, _, folder = str(self.cleaned_data["sent_copy"] or Rule.ACCOUNT).partition(":")
        return rule, int(folder) if folder else None


def picture_url(row: SignaturePicture) -> str:
    return reverse("signature-picture", args=[row.pk])


def _written_rule(identity: Identity) -> str:
    if identity.sent_rule != Rule.FOLDER:
        return identity.sent_rule
    return f"{Rule.FOLDER}:{identity.sent_folder_id}" if identity.sent_folder_id else Rule.ACCOUNT

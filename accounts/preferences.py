"""The forms of identities and of how pages look."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils.html import escape

from webmail.mime.html import clean_own
from webmail.mime.plain import html_to_text

from .fields import AddressField, refuse_controls
from .forms import StyledForm
from .models import Identity, User

LONGEST_SIGNATURE = 20_000


class IdentityForm(StyledForm):
    """A name and address to write as. The signature arrives as HTML from the editor, as text without JavaScript."""

    name = forms.CharField(label="Your name", max_length=200, required=False, validators=[refuse_controls])
    address = AddressField(label="Email address")
    reply_to = AddressField(label="Answers go to, if another address", required=False)
    signature = forms.CharField(
        label="Signature", required=False, max_length=LONGEST_SIGNATURE, widget=forms.Textarea(attrs={"rows": 5})
    )
    signature_format = forms.ChoiceField(
        choices=[("text", "text"), ("html", "html")], required=False, widget=forms.HiddenInput, initial="text"
    )
    is_default = forms.BooleanField(label="Use this one for new messages of the account", required=False)

    def __init__(self, identity: Identity, data: Any = None) -> None:
        super().__init__(
            data,
            initial={
                "name": identity.name,
                "address": identity.address,
                "reply_to": identity.reply_to,
                "signature": html_to_text(identity.signature_html),
                "is_default": identity.is_default,
            },
        )
        self.identity = identity
        self.fields["name"].widget.attrs["autocomplete"] = "name"

    @property
    def signature_html(self) -> str:
        """What the editor starts with."""
        return self.identity.signature_html

    def save(self) -> Identity:
        identity, data = self.identity, self.cleaned_data
        identity.name, identity.address, identity.reply_to = data["name"], data["address"], data["reply_to"]
        signature = data["signature"]
        if data["signature_format"] != "html":
            signature = escape(signature.strip()).replace("\r\n", "\n").replace("\n", "<br>")
        identity.signature_html = clean_own(signature)
        others = Identity.objects.filter(account=identity.account).exclude(pk=identity.pk)
        identity.is_default = data["is_default"] or not others.filter(is_default=True).exists()
        if identity.is_default:
            others.update(is_default=False)
        identity.save()
        return identity


def _either(label: str, no: str, yes: str, *, yes_first: bool = False) -> forms.TypedChoiceField:
    """A choice of two; one that is not sent stays as it is."""
    choices = [("False", no), ("True", yes)]
    return forms.TypedChoiceField(
        label=label,
        choices=choices[::-1] if yes_first else choices,
        coerce=lambda value: value == "True",
        empty_value=None,
        required=False,
        widget=forms.RadioSelect,
    )


class AppearanceForm(forms.ModelForm):
    show_conversations = _either("Messages that answer each other", "One by one", "As conversations", yes_first=True)
    newest_first = _either("In a conversation", "Oldest message first", "Newest message first")

    class Meta:
        model = User
        fields = ["theme", "density", "show_conversations", "newest_first", "time_zone"]
        labels = {"theme": "Theme", "density": "Density", "time_zone": "Time zone"}
        widgets = {"theme": forms.RadioSelect, "density": forms.RadioSelect}

    def __init__(self, data: Any = None, *, instance: User) -> None:
        super().__init__(data, instance=instance, label_suffix="")
        zones = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/"))
        self.fields["time_zone"] = forms.ChoiceField(
            label="Time zone",
            required=False,
            choices=[("", "As the browser says"), ("UTC", "UTC"), *((zone, zone.replace("_", " ")) for zone in zones)],
            widget=forms.Select(attrs={"class": "input"}),
        )

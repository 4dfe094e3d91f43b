"""The form of how pages look."""

from typing import Any
from zoneinfo import available_timezones

from django import forms

from .models import User


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

"""The POP3 download of an account, on the administrator's page of that account."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError

from webmail.models import Download, Folder

from .admin_forms import ANEW
from .fields import clean_host
from .models import DownloadRules
from .pop3 import NOT_FOR_NEW_MAIL
from .pop3_forms import TAG
from .status import runs


class DownloadForm(forms.ModelForm):
    class Meta:
        model = Download
        fields = ("host", "port", "security", "policy", "days", "since", "folder", "tag", "every_minutes", "next_at")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.rules = DownloadRules.current()
        self.fields["every_minutes"].widget.attrs["min"] = 1
        if self.instance.pk is None:
            for name in ("every_minutes", "policy", "days"):
                self.fields[name].initial = getattr(self.rules, name)
        choices = self.fields["folder"]
        if isinstance(choices, forms.ModelChoiceField):
            account_id = self.instance.pk or 0
            choices.queryset = Folder.objects.filter(account=account_id, hidden=False, selectable=True).exclude(
                special_use__in=NOT_FOR_NEW_MAIL
            )
            choices.empty_label = "Inbox"

    def clean_host(self) -> str:
        return clean_host(self.cleaned_data["host"])

    def clean_port(self) -> int:
        port: int = self.cleaned_data["port"]
        if not 1 <= port <= 65535:
            raise ValidationError("A port is a number from 1 to 65535.")
        return port

    def clean_security(self) -> str:
        security: str = self.cleaned_data["security"]
        if not self.rules.may_be(security):
            raise ValidationError("Connections without TLS are not allowed; see “POP3 downloads: general”.")
        return security

    def clean_tag(self) -> str:
        tag: str = self.cleaned_data["tag"]
        if tag and not TAG.match(tag):
            raise ValidationError("A tag is one word of plain letters, digits and signs.")
        return tag

    def clean_days(self) -> int:
        return at_least_one(self.cleaned_data["days"])

    def clean_every_minutes(self) -> int:
        return at_least_one(self.cleaned_data["every_minutes"])


def at_least_one(number: int) -> int:
    if number < 1:
        raise ValidationError("At least 1.")
    return number


class DownloadFormSet(forms.BaseInlineFormSet):
    """A POP3 account has a download, an IMAP account has none; nobody downloads the same maildrop twice."""

    def clean(self) -> None:
        super().clean()
        account = self.instance
        filled = [form.cleaned_data for form in self.forms if form.is_valid() and form.cleaned_data.get("host")]
        filled = [data for data in filled if not data.get("DELETE")]
        if filled and not account.is_local:
            raise ValidationError("Only an account of kind POP3 downloads.")
        if not filled and account.is_local and account.pk is None and not any(self.errors):
            raise ValidationError("A POP3 account needs its server.")
        # One that is deleted and set up again is another one, too.
        moved = account.pk is not None and any("host" in form.changed_data for form in self.forms)
        if moved and filled and not self.data.get("new_password"):
            raise ValidationError(ANEW)
        others = Download.objects.filter(account__user_id=account.user_id, account__username=account.username)
        if any(others.filter(host=data["host"]).exclude(account_id=account.pk).exists() for data in filled):
            raise ValidationError("This person already downloads this mailbox.")


class DownloadInline(admin.StackedInline):
    model = Download
    form = DownloadForm
    formset = DownloadFormSet
    max_num = 1
    verbose_name_plural = "POP3 download (for accounts of kind POP3)"
    readonly_fields = ("fetched",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("host", "port", "security"),
                    ("policy", "days"),
                    "since",
                    ("folder", "tag"),
                    ("every_minutes", "next_at"),
                    "fetched",
                )
            },
        ),
    )

    @admin.display(description="runs")
    def fetched(self, download: Download) -> str:
        if download.pk is None:
            return "—"
        return " ".join(filter(None, [runs(download.account, download), download.remark])) or "—"

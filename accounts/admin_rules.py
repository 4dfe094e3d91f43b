"""POP3 downloads in general: one row of rules, always there, never two."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from webmail.models import Download

from .models import DownloadRules


class DownloadRulesForm(forms.ModelForm):
    policy = forms.ChoiceField(label="What happens on the server", choices=Download.Policy.choices)

    class Meta:
        model = DownloadRules
        fields = ("people_add", "plain_text", "largest_mb", "least_minutes", "every_minutes", "policy", "days")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["every_minutes"].label = "Minutes between two runs"
        self.fields["days"].label = "Days until they are deleted there"

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if {"every_minutes", "least_minutes"} <= data.keys() and data["every_minutes"] < data["least_minutes"]:
            self.add_error("every_minutes", "This is less than the shortest time between two runs.")
        return data


@admin.register(DownloadRules)
class DownloadRulesAdmin(admin.ModelAdmin):
    form = DownloadRulesForm
    fieldsets = (
        ("Limits for all accounts", {"fields": ("people_add", "plain_text", "largest_mb", "least_minutes")}),
        ("What is suggested for a new account", {"fields": ("every_minutes", "policy", "days")}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        DownloadRules.objects.get_or_create(pk=1)
        return redirect("admin:accounts_downloadrules_change", 1)

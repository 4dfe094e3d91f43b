"""The administrator's view of people and accounts. Passwords can be set here and are never shown."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.admin.options import InlineModelAdmin
from django.contrib.auth.admin import UserAdmin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.timesince import timesince

from webmail.models import Message
from webmail.sync.elsewhere import point_elsewhere
from webmail.sync.local import ensure_folders
from webmail.sync.senders import forget

from . import attempts, edit
from .admin_download import DownloadInline
from .admin_forms import IdentityForm, MailAccountForm, PresetForm
from .admin_rules import DownloadRulesAdmin
from .check import in_lines
from .models import Identity, MailAccount, ProviderPreset, User
from .pop3 import forget_ids
from .register import look_again
from .removal import remove_account
from .signin import Refused

__all__ = ["DownloadRulesAdmin", "IdentityAdmin", "MailAccountAdmin", "PersonAdmin", "ProviderPresetAdmin"]
TESTED_AT_ONCE = 10
# As ModelAdmin.get_deleted_objects has it: lines, counts by kind, permissions that are missing, protected objects.
Deleted = tuple[list[str], dict[str, int], set[str], list[str]]


def deleted_with(accounts: Iterable[MailAccount]) -> Deleted:
    found = list(accounts)
    counted = Message.objects.filter(account__in=found).values("account").annotate(count=Count("pk")).order_by()
    messages_of = {row["account"]: row["count"] for row in counted}
    lines = [f"Mail account: {account}; messages here: {messages_of.get(account.pk, 0):,}" for account in found]
    return lines, {"mail accounts": len(found), "messages": sum(messages_of.values())}, set(), []


class LimitedLoginForm(AdminAuthenticationForm):
    """Django's own form, with as many attempts as the sign-in page gives."""

    def clean(self) -> dict[str, Any]:
        name = f"admin {self.cleaned_data.get('username', '')}"
        if self.request is not None and not attempts.may_try(self.request, name):
            raise ValidationError(attempts.TOO_MANY)
        data = super().clean()
        if self.request is not None:
            attempts.forget(self.request, name)
        return data


admin.site.login_form = LimitedLoginForm


@admin.register(MailAccount)
class MailAccountAdmin(admin.ModelAdmin):
    form = MailAccountForm
    list_display = ("address", "person", "kind", "server", "state", "trouble", "last_pass", "paused")
    list_filter = ("kind", "sync__status", "paused", "imap_host")
    list_select_related = ("user", "sync", "download")
    search_fields = ("address", "username", "name", "imap_host", "download__host", "user__email", "user__username")
    autocomplete_fields = ("user",)
    readonly_fields = ("state", "trouble", "server_words", "last_pass", "created_at")
    actions = ("test", "look_again", "pause", "resume")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "kind",
                    "user",
                    "address",
                    "name",
                    "username",
                    "new_password",
                    "signs_in",
                    "paused",
                    "position",
                )
            },
        ),
        ("State", {"fields": ("state", "trouble", "server_words", "last_pass", "created_at")}),
        ("Incoming mail by IMAP", {"fields": ("imap_host", "imap_port", "imap_security")}),
        (
            "Outgoing",
            {
                "fields": (
                    "smtp_host",
                    "smtp_port",
                    "smtp_security",
                    "smtp_username",
                    "new_smtp_password",
                    "saves_sent",
                )
            },
        ),
        ("Who really sent it", {"fields": ("authserv_id",)}),
    )

    @admin.display(description="person", ordering="user__email")
    def person(self, account: MailAccount) -> str:
        return account.user.email or account.user.username

    @admin.display(description="server", ordering="imap_host")
    def server(self, account: MailAccount) -> str:
        download = getattr(account, "download", None) if account.is_local else None
        return download.host if download is not None else account.imap_host or "—"

    @admin.display(description="state", ordering="sync__status")
    def state(self, account: MailAccount) -> str:
        sync = getattr(account, "sync", None)
        return "Paused" if account.paused else sync.get_status_display() if sync is not None else "—"

    @admin.display(description="why")
    def trouble(self, account: MailAccount) -> str:
        sync = getattr(account, "sync", None)
        return (sync.sentence if sync is not None else "") or "—"

    @admin.display(description="the server's words")
    def server_words(self, account: MailAccount) -> str:
        sync = getattr(account, "sync", None)
        return (sync.detail if sync is not None else "") or "—"

    @admin.display(description="last looked at", ordering="sync__last_pass_at")
    def last_pass(self, account: MailAccount) -> str:
        sync = getattr(account, "sync", None)
        return f"{timesince(sync.last_pass_at)} ago" if sync is not None and sync.last_pass_at else "—"

    def get_queryset(self, request: HttpRequest) -> QuerySet[MailAccount]:
        return super().get_queryset(request).select_related("user", "sync", "download")

    def get_inlines(self, request: HttpRequest, account: MailAccount | None) -> list[type[InlineModelAdmin]]:
        return [DownloadInline] if account is None or account.is_local else []

    def get_readonly_fields(self, request: HttpRequest, account: MailAccount | None = None) -> tuple[str, ...]:
        """What an account is and whose cannot be changed: its folders live elsewhere, its mail is for nobody else."""
        return (*self.readonly_fields, "kind", "user") if account is not None else self.readonly_fields

    def save_model(self, request: HttpRequest, account: MailAccount, form: forms.ModelForm, change: bool) -> None:
        if password := form.cleaned_data["new_password"]:
            account.password = password
        if smtp_password := form.cleaned_data["new_smtp_password"]:
            account.smtp_password = smtp_password
        with transaction.atomic():
            if account.signs_in:
                MailAccount.objects.filter(user=account.user).exclude(pk=account.pk).update(sign_in_key=None)
            super().save_model(request, account, form, change)
            if not change:
                Identity.objects.create(account=account, address=account.address, is_default=True)
                if account.is_local:
                    ensure_folders(account)
            elif not account.is_local and {"imap_host", "username"} & set(form.changed_data):
                point_elsewhere(account)
            if change and "authserv_id" in form.changed_data:
                forget(account)
            look_again(account)

    def get_deleted_objects(self, objs: Iterable[MailAccount], request: HttpRequest) -> Deleted:
        """What goes, counted and not listed: an account may hold a million messages."""
        return deleted_with(list(objs))

    def delete_model(self, request: HttpRequest, account: MailAccount) -> None:
        remove_account(account, keep_person=True)

    def delete_queryset(self, request: HttpRequest, accounts: QuerySet[MailAccount]) -> None:
        for account in accounts:
            remove_account(account, keep_person=True)

    def save_related(self, request: HttpRequest, form: forms.ModelForm, formsets: list[Any], change: bool) -> None:
        changed = {
            *form.changed_data,
            *(name for formset in formsets for each in formset for name in each.changed_data),
        }
        with transaction.atomic():
            super().save_related(request, form, formsets, change)
            if change and form.instance.is_local and changed & {"host", "username"}:
                forget_ids(form.instance)

    @admin.action(description="Test the servers")
    def test(self, request: HttpRequest, accounts: QuerySet[MailAccount]) -> None:
        for account in accounts[:TESTED_AT_ONCE]:
            try:
                lines = in_lines(edit.check(account))
            except Refused as refused:
                self.message_user(request, f"{account}: {refused}", messages.ERROR)
                continue
            for ok, sentence in lines:
                self.message_user(request, f"{account}: {sentence}", messages.SUCCESS if ok else messages.ERROR)
        if (left := accounts.count() - TESTED_AT_ONCE) > 0:
            self.message_user(request, f"{left} more were not tested; take up to {TESTED_AT_ONCE}.", messages.WARNING)

    @admin.action(description="Look again now", permissions=["change"])
    def look_again(self, request: HttpRequest, accounts: QuerySet[MailAccount]) -> None:
        for account in accounts:
            look_again(account)
        self.message_user(request, "The worker looks at them now.")

    @admin.action(description="Pause", permissions=["change"])
    def pause(self, request: HttpRequest, accounts: QuerySet[MailAccount]) -> None:
        self.message_user(request, f"{accounts.update(paused=True)} paused.")

    @admin.action(description="Resume", permissions=["change"])
    def resume(self, request: HttpRequest, accounts: QuerySet[MailAccount]) -> None:
        chosen = list(accounts)
        accounts.update(paused=False)
        for account in chosen:
            look_again(account)
        self.message_user(request, f"{len(chosen)} resumed.")


@admin.register(User)
class PersonAdmin(UserAdmin):
    list_display = ("label", "account_count", "is_staff", "is_active", "last_login", "date_joined")
    list_filter = ("is_staff", "is_active")
    search_fields = ("email", "username", "first_name", "last_name", "mail_accounts__address")
    ordering = ("-date_joined",)
    actions = ("sign_out",)
    fieldsets = (
        (None, {"fields": ("username", "password", "email", "first_name", "last_name")}),
        ("Pages", {"fields": ("theme", "density", "time_zone")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).annotate(accounts=Count("mail_accounts", distinct=True))

    def get_deleted_objects(self, objs: Iterable[User], request: HttpRequest) -> Deleted:
        people = list(objs)
        lines, counts, missing, protected = deleted_with(MailAccount.objects.filter(user__in=people))
        return [*(f"Person: {user.email or user.username}" for user in people), *lines], counts, missing, protected

    def delete_model(self, request: HttpRequest, user: User) -> None:
        """Account by account, so that no row is loaded and what is stored goes, too."""
        with transaction.atomic():
            for account in MailAccount.objects.filter(user=user):
                remove_account(account, keep_person=True)
            user.delete()

    def delete_queryset(self, request: HttpRequest, users: QuerySet[User]) -> None:
        for user in users:
            self.delete_model(request, user)

    @admin.display(description="person", ordering="email")
    def label(self, user: User) -> str:
        return user.email or user.username

    @admin.display(description="accounts", ordering="accounts")
    def account_count(self, user: User) -> int:
        return int(getattr(user, "accounts", 0))

    @admin.action(description="Sign out everywhere", permissions=["change"])
    def sign_out(self, request: HttpRequest, users: QuerySet[User]) -> None:
        for user in users:
            user.end_sessions()
        self.message_user(request, "Their sessions have ended.")


@admin.register(ProviderPreset)
class ProviderPresetAdmin(admin.ModelAdmin):
    form = PresetForm
    list_display = ("domain", "name", "imap_host", "imap_port", "smtp_host", "smtp_port", "saves_sent")
    search_fields = ("domain", "name", "imap_host")


@admin.register(Identity)
class IdentityAdmin(admin.ModelAdmin):
    """Signature and rule for the copy are the person's own business."""

    form = IdentityForm
    fields = (
        *("account", "name", "address", "reply_to", "is_default", "position"),
        *("smtp_host", "smtp_port", "smtp_security", "smtp_username", "new_smtp_password"),
    )
    list_display = ("address", "name", "account", "is_default")
    list_select_related = ("account",)
    search_fields = ("address", "name", "account__address")
    autocomplete_fields = ("account",)

    def get_readonly_fields(self, request: HttpRequest, identity: Identity | None = None) -> tuple[str, ...]:
        """Its signature, its folder for the copy and drafts in its name are those of the account."""
        return ("account",) if identity is not None else ()

    def save_model(self, request: HttpRequest, identity: Identity, form: forms.ModelForm, change: bool) -> None:
        if password := form.cleaned_data["new_smtp_password"]:
            identity.smtp_password = password
        elif not identity.smtp_host:
            identity.smtp_password = ""
        super().save_model(request, identity, form, change)

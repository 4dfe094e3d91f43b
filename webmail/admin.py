"""The administrator's view of the mirror, the journal and the outbox. Nothing here shows what a message says, or is about."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from accounts.models import MailAccount
from accounts.register import look_again
from accounts.status import fetching
from webmail.models import (
    Download,
    Folder,
    LedgerEntry,
    Message,
    OutgoingMessage,
    PendingAction,
    StoredContent,
    SyncState,
)
from webmail.sync import attention

admin.site.site_header = f"{settings.PRODUCT_NAME} administration"
admin.site.site_title = admin.site.site_header
admin.site.index_title = "Administration"


class LookOnly(admin.ModelAdmin):
    """Rows that follow from what servers and people do: changed through the product only."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class OfMail(LookOnly):
    """Messages, which say of themselves what they are about."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found: Any = super().get_object(request, object_id, from_field)
        if found is not None:
            found.subject = ""
        return found

    def action_checkbox(self, obj: Any) -> SafeString:
        obj.subject = ""
        return super().action_checkbox(obj)


class CanAct(LookOnly):
    """Actions ask for the right to change, although no form does."""

    def has_act_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")


@admin.register(SyncState)
class SyncStateAdmin(CanAct):
    list_display = ("account", "status", "sentence", "failures", "due_at", "last_pass_at", "seconds", "lease_owner")
    list_filter = ("status", "reason")
    list_select_related = ("account",)
    search_fields = ("account__address", "sentence", "detail")
    ordering = ("-failures", "due_at")
    actions = ("look_again",)

    @admin.display(description="took", ordering="last_pass_seconds")
    def seconds(self, state: SyncState) -> str:
        return f"{state.last_pass_seconds:.1f} s" if state.last_pass_seconds is not None else "—"

    @admin.action(description="Look again now", permissions=["act"])
    def look_again(self, request: HttpRequest, states: QuerySet[SyncState]) -> None:
        for state in states.select_related("account"):
            look_again(state.account)
        self.message_user(request, "The worker looks at them now.")


@admin.register(Folder)
class FolderAdmin(LookOnly):
    list_display = ("name", "account", "special_use", "total", "unread", "server_messages", "complete", "hidden")
    list_filter = ("special_use", "selectable", "hidden", "subscribed")
    list_select_related = ("account",)
    search_fields = ("name", "account__address")

    @admin.display(description="mirrored", boolean=True)
    def complete(self, folder: Folder) -> bool:
        return folder.backfilled


@admin.register(Message)
class MessageAdmin(OfMail):
    list_display = ("id", "from_address", "account", "folder", "uid", "internaldate", "size", "seen")
    list_filter = ("seen", "flagged")
    list_select_related = ("account", "folder")
    search_fields = ("=message_id", "=from_address", "account__address")
    ordering = ("-id",)
    fields = (
        "from_address",
        "account",
        "folder",
        "shown_in",
        "uidvalidity",
        "uid",
        "message_id",
        "internaldate",
        "size",
        "seen",
        "flagged",
        "answered",
        "draft",
        "keywords",
        "missing_since",
    )


@admin.register(PendingAction)
class PendingActionAdmin(CanAct):
    list_display = ("id", "account", "kind", "what", "state", "attempts", "error", "created_at", "finished_at")
    list_filter = ("state", "kind")
    list_select_related = ("account", "source", "target")
    search_fields = ("account__address", "error", "name")
    ordering = ("-id",)
    exclude = ("message",)
    actions = ("retry",)

    @admin.display(description="what")
    def what(self, action: PendingAction) -> str:
        if action.kind == PendingAction.Kind.STORE:
            return f"{'+' if action.value else '−'}{action.flag}"
        if action.target is not None:
            return f"{action.source or '?'} → {action.target}"
        return action.name or str(action.source or "")

    @admin.action(description="Try again", permissions=["act"])
    def retry(self, request: HttpRequest, actions: QuerySet[PendingAction]) -> None:
        """What was refused has been put back for the person already, so only what still waits is tried again."""
        waiting = actions.filter(state__in=[PendingAction.State.PENDING, PendingAction.State.RUNNING])
        accounts = set(waiting.values_list("account_id", flat=True))
        count = waiting.update(attempts=0, error="")
        for account_id in accounts:
            attention.retry(account_id)
        self.message_user(request, f"{count} will be tried again now.")


@admin.register(OutgoingMessage)
class OutgoingMessageAdmin(OfMail, CanAct):
    list_display = ("id", "account", "state", "sentence", "attempts", "send_after", "sent_at", "sent_copy")
    list_filter = ("state", "sent_copy")
    list_select_related = ("account",)
    search_fields = ("account__address", "message_id", "sentence")
    ordering = ("-id",)
    actions = ("send_now",)
    fields = (
        "account",
        "user",
        "state",
        "sentence",
        "message_id",
        "envelope_from",
        "recipients",
        "send_after",
        "lease_until",
        "data_begun",
        "attempts",
        "sent_at",
        "sent_copy",
        "sent_copy_attempts",
        "created_at",
        "updated_at",
    )

    @admin.action(description="Send the waiting ones now", permissions=["act"])
    def send_now(self, request: HttpRequest, outgoing: QuerySet[OutgoingMessage]) -> None:
        """Only what waits to be sent: nothing that may already have been sent is repeated from here."""
        waiting = outgoing.filter(state=OutgoingMessage.State.QUEUED, lease_until__isnull=True)
        accounts = set(waiting.values_list("account_id", flat=True))
        count = waiting.update(send_after=timezone.now(), attempts=0)
        for account_id in accounts:
            attention.retry(account_id)
        self.message_user(request, f"{count} will be sent now.")


@admin.register(Download)
class DownloadAdmin(CanAct):
    """Set up on the page of the account, where its user name and password are."""

    list_display = ("account", "person", "state", "trouble", "failures", "runs", "imported", "host")
    list_filter = ("policy", "account__paused", "account__sync__status")
    list_select_related = ("account__user", "account__sync", "account__download")
    search_fields = ("account__address", "account__username", "host", "account__user__email")
    ordering = ("-failures", "next_at")
    actions = ("run_now", "pause", "resume")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return all(
            request.user.has_perm(name) for name in ("accounts.add_mailaccount", f"{self.opts.app_label}.add_download")
        )

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return redirect(f"{reverse('admin:accounts_mailaccount_add')}?kind={MailAccount.Kind.POP3}")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return redirect("admin:accounts_mailaccount_change", object_id)

    @admin.display(description="person", ordering="account__user__email")
    def person(self, download: Download) -> str:
        return download.account.user.email or download.account.user.username

    @admin.display(description="state", ordering="account__sync__status")
    def state(self, download: Download) -> str:
        status = fetching(download.account)
        if status is None or not status.running:
            sync = getattr(download.account, "sync", None)
            return "Paused" if download.account.paused else sync.get_status_display() if sync is not None else "—"
        return "Fetching" if status.percent is None else f"Fetching, {status.percent} %"

    @admin.display(description="last and next run", ordering="next_at")
    def runs(self, download: Download) -> str:
        status = fetching(download.account)
        return (status.runs if status is not None else "") or "—"

    @admin.display(description="last error")
    def trouble(self, download: Download) -> str:
        sync = getattr(download.account, "sync", None)
        return (sync.sentence if sync is not None else "") or "—"

    @admin.action(description="Run now", permissions=["act"])
    def run_now(self, request: HttpRequest, downloads: QuerySet[Download]) -> None:
        waiting = [download.account for download in downloads.select_related("account")]
        for account in waiting:
            look_again(account)
        paused = sum(account.paused for account in waiting)
        self.message_user(request, f"{len(waiting) - paused} run now." + (f" {paused} are paused." if paused else ""))

    @admin.action(description="Pause", permissions=["act"])
    def pause(self, request: HttpRequest, downloads: QuerySet[Download]) -> None:
        accounts = MailAccount.objects.filter(pk__in=downloads.values("pk"))
        self.message_user(request, f"{accounts.update(paused=True)} paused.")

    @admin.action(description="Resume", permissions=["act"])
    def resume(self, request: HttpRequest, downloads: QuerySet[Download]) -> None:
        accounts = list(MailAccount.objects.filter(pk__in=downloads.values("pk")))
        MailAccount.objects.filter(pk__in=[account.pk for account in accounts]).update(paused=False)
        for account in accounts:
            look_again(account)
        self.message_user(request, f"{len(accounts)} resumed.")


@admin.register(LedgerEntry)
class LedgerEntryAdmin(LookOnly):
    list_display = ("id", "account", "uidl", "size", "state", "wanted_gone", "fetched_at", "message_id")
    list_filter = ("state", "wanted_gone")
    list_select_related = ("account",)
    search_fields = ("=uidl", "=sha256", "account__address")
    ordering = ("-id",)
    fields = (
        "account",
        "uidl",
        "size",
        "listed_size",
        "sha256",
        "header_sha256",
        "state",
        "wanted_gone",
        "fetched_at",
        "message_id",
    )

    @admin.display(description="message")
    def message_id(self, entry: LedgerEntry) -> str:
        return str(entry.message_id or "—")


@admin.register(StoredContent)
class StoredContentAdmin(LookOnly):
    """Whether the bytes are there and whole; never what they say."""

    list_display = ("id", "account", "size", "sha256", "damaged")
    list_filter = (("damaged", admin.EmptyFieldListFilter),)
    list_select_related = ("message__account",)
    search_fields = ("=sha256", "message__account__address")
    ordering = ("-id",)
    fields = ("account", "size", "sha256", "damaged", "place")

    @admin.display(description="account")
    def account(self, content: StoredContent) -> str:
        return str(content.message.account)

    @admin.display(description="stored as")
    def place(self, content: StoredContent) -> str:
        return str(content.file.name)

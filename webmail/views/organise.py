"""What a person does to messages from a list or the reader, and taking it back."""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from accounts.models import User
from webmail.errors import GiveUp
from webmail.models import Folder, ListRow, Message, Notice, SpecialUse
from webmail.models.mirror import announce
from webmail.sync import actions

from . import sidebar
from .access import folder_of, user_of
from .when import clock_of

MOST_IDS = 5000
VERBS: dict[str, Callable[[User, Iterable[Message]], actions.Done]] = {
    "seen": lambda user, messages: actions.store(user, messages, "seen", value=True),
    "unseen": lambda user, messages: actions.store(user, messages, "seen", value=False),
    "flag": lambda user, messages: actions.store(user, messages, "flagged", value=True),
    "unflag": lambda user, messages: actions.store(user, messages, "flagged", value=False),
    "archive": actions.archive,
    "delete": actions.delete,
    "junk": actions.junk,
    "not-junk": actions.not_junk,
}
# A star or an unread mark on a conversation stands on its newest message.
ON_NEWEST = frozenset({"flag", "unseen"})


@dataclass(frozen=True)
class Selection:
    """What the form named: conversations as far as they stand in the folder, single messages, or all of the folder."""

    conversations: list[int]
    messages: list[int]
    everything: bool

    def __bool__(self) -> bool:
        return bool(self.conversations or self.messages or self.everything)

    def rows(self, user: User, folder: Folder, *, newest_only: bool) -> list[Message]:
        shown = Message.objects.filter(account__user=user, shown_in__isnull=False)
        if self.everything:
            return list(shown.filter(shown_in=folder).defer("structure", "recipients", "references"))
        found = list(shown.filter(pk__in=self.messages)) if self.messages else []
        if self.conversations and newest_only:
            lines = ListRow.objects.filter(folder=folder, conversation_id__in=self.conversations)
            found += shown.filter(pk__in=lines.values("latest_id"))
        elif self.conversations:
            found += shown.filter(shown_in=folder, conversation_id__in=self.conversations)
        return list({message.pk: message for message in found}.values())


@login_required
@require_POST
def organise(request: HttpRequest, folder_id: int, verb: str) -> HttpResponse:
    user, folder = user_of(request), folder_of(request, folder_id)
    selection = selected(request)
    if not selection:
        return refused(request, "Select a message first.", folder)
    if verb == "delete" and folder.special_use == SpecialUse.TRASH and "confirmed" not in request.POST:
        return _ask(request, folder, selection)
    rows = selection.rows(user, folder, newest_only=verb in ON_NEWEST)
    return _carry_out(request, folder, lambda: VERBS[verb](user, rows))


@login_required
@require_POST
def move(request: HttpRequest, folder_id: int) -> HttpResponse:
    """Without ``target`` the page that asks where to."""
    user, folder = user_of(request), folder_of(request, folder_id)
    selection = selected(request)
    if not selection:
        return refused(request, "Select a message first.", folder)
    if not request.POST.get("target"):
        side = sidebar.build(user.pk, clock_of(request), current=folder.pk)
        own = next(view for view in side.accounts if view.account.pk == folder.account_id)
        return render(request, "mailbox/move.html", _kept(folder, selection) | {"entries": own.entries})
    targets = _ids([request.POST["target"]])
    if not targets:
        raise Http404
    target = folder_of(request, targets[0])
    rows = selection.rows(user, folder, newest_only=False)
    return _carry_out(request, folder, lambda: actions.move(user, rows, target))


@login_required
@require_POST
def undo(request: HttpRequest, batch: uuid.UUID) -> HttpResponse:
    user = user_of(request)
    try:
        done = actions.undo(user, batch)
    except GiveUp as error:
        return refused(request, error.sentence, None)
    return told(request, done.text, None, folder=None)


@login_required
@require_POST
def notice_dismiss(request: HttpRequest, notice_id: int) -> HttpResponse:
    """404 for a notice of somebody else; dismissing twice is harmless."""
    open_ones = Notice.objects.filter(pk=notice_id, user_id=user_of(request).pk)
    if not open_ones.exists():
        raise Http404
    if open_ones.filter(dismissed_at__isnull=True).update(dismissed_at=timezone.now()):
        announce(user_of(request).pk)
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse()
    return redirect(back(request, None))


def selected(request: HttpRequest) -> Selection:
    return Selection(
        _ids(request.POST.getlist("conversation")),
        _ids(request.POST.getlist("message")),
        request.POST.get("all") == "1",
    )


def _ids(values: list[str]) -> list[int]:
    """Whatever is no id is left out; an id of somebody else finds nothing later."""
    wanted = {int(value) for value in values[:MOST_IDS] if value.isascii() and value.isdigit() and len(value) < 19}
    return sorted(wanted)


def _carry_out(request: HttpRequest, folder: Folder, act: Callable[[], actions.Done]) -> HttpResponse:
    try:
        done = act()
    except GiveUp as error:
        return refused(request, error.sentence, folder)
    text = done.text if done.count else "Nothing to change"
    return told(request, text, done.batch if done.count else None, folder=folder)


def _ask(request: HttpRequest, folder: Folder, selection: Selection) -> HttpResponse:
    return render(request, "mailbox/delete_for_good.html", _kept(folder, selection))


def _kept(folder: Folder, selection: Selection) -> dict[str, Any]:
    """For a page that asks before the form is sent again."""
    fields = [("conversation", pk) for pk in selection.conversations] + [("message", pk) for pk in selection.messages]
    return {"folder": folder, "kept": fields + ([("all", 1)] if selection.everything else [])}


def told(request: HttpRequest, text: str, batch: uuid.UUID | None, *, folder: Folder | None) -> HttpResponse:
    """The toast alone for the script, the toast on the next page without it."""
    toasts.success(request, text, extra_tags=str(batch) if batch else "")
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "mailbox/_toasts.html")
    return redirect(back(request, folder))


def refused(request: HttpRequest, sentence: str, folder: Folder | None) -> HttpResponse:
    toasts.error(request, sentence)
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "mailbox/_toasts.html", status=409)
    return redirect(back(request, folder))


def back(request: HttpRequest, folder: Folder | None) -> str:
    """Where the form was, if that is a page of ours; else the folder's list."""
    wanted = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return wanted
    return reverse("folder", args=[folder.pk]) if folder is not None else reverse("home")

"""Managing folders: create, rename, delete, subscribe, empty."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import MailAccount
from webmail.errors import GiveUp
from webmail.models import Folder, SpecialUse
from webmail.sync import actions, bulk, folder_actions

from . import sidebar
from .access import account_of, folder_of, user_of

LONGEST_INPUT = 1000
CAN_BE_EMPTIED = frozenset({SpecialUse.TRASH, SpecialUse.JUNK})


@login_required
@require_safe
def folders_page(request: HttpRequest, account_id: int) -> HttpResponse:
    return _page(request, account_of(request, account_id))


@login_required
@require_POST
def folder_new(request: HttpRequest, account_id: int) -> HttpResponse:
    account = account_of(request, account_id)
    name = request.POST.get("name", "")[:LONGEST_INPUT]
    chosen = request.POST.get("parent", "")
    parent = None
    if chosen:
        if not (chosen.isascii() and chosen.isdigit() and len(chosen) < 19):
            raise Http404
        parent = folder_of(request, int(chosen))
    try:
        created = folder_actions.create_folder(user_of(request), account, name, parent)
    except GiveUp as error:
        context = {"new_error": error.sentence, "new_name": name, "new_parent": parent.pk if parent else None}
        return _page(request, account, status=422, **context)
    toasts.success(request, f"“{created.leaf}” created")
    return redirect("folders", account.pk)


@login_required
@require_POST
def folder_rename(request: HttpRequest, folder_id: int) -> HttpResponse:
    folder = folder_of(request, folder_id)
    name = request.POST.get("name", "")[:LONGEST_INPUT]
    try:
        folder_actions.rename_folder(user_of(request), folder, name)
    except GiveUp as error:
        return _page(
            request, folder.account, status=422, error_at=folder.pk, rename_error=error.sentence, rename_name=name
        )
    return redirect("folders", folder.account_id)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def folder_delete(request: HttpRequest, folder_id: int) -> HttpResponse:
    """GET asks."""
    folder = folder_of(request, folder_id)

    def act() -> str:
        folder_actions.delete_folder(user_of(request), folder)
        return f"“{folder.title}” deleted"

    return _after_asking(request, folder, "delete", act)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def folder_empty(request: HttpRequest, folder_id: int) -> HttpResponse:
    """GET asks. Only Trash and Junk can be emptied."""
    folder = folder_of(request, folder_id)
    if folder.special_use not in CAN_BE_EMPTIED:
        raise Http404

    if request.method == "POST" and bulk.size("expunge", [folder]) > bulk.INLINE:
        bulk.begin(user_of(request), "expunge", [folder])
        return redirect("folder", folder.pk)

    def act() -> str:
        return actions.empty(user_of(request), folder).text

    return _after_asking(request, folder, "empty", act)


@login_required
@require_POST
def folder_subscribe(request: HttpRequest, folder_id: int) -> HttpResponse:
    folder = folder_of(request, folder_id)
    folder_actions.subscribe(user_of(request), folder, request.POST.get("value") == "1")
    return redirect("folders", folder.account_id)


def _after_asking(request: HttpRequest, folder: Folder, what: str, act: Callable[[], str]) -> HttpResponse:
    if request.method != "POST":
        return render(request, "mailbox/folder_question.html", {"folder": folder, "what": what})
    try:
        text = act()
    except GiveUp as error:
        return _page(request, folder.account, status=422, error_at=folder.pk, rename_error=error.sentence)
    toasts.success(request, text)
    if what == "empty":
        return redirect("folder", folder.pk)
    return redirect("folders", folder.account_id)


def _page(request: HttpRequest, account: MailAccount, *, status: int = 200, **extra: Any) -> HttpResponse:
    found = list(Folder.objects.filter(account=account, hidden=False))
    context = {"account": account, "entries": sidebar.tree(found, everything=True)}
    return render(request, "mailbox/folders.html", context | extra, status=status)

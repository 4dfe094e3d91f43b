"""“Move my old mailbox”: from an account that lives here to one on an IMAP server, in steps that can be left and returned to.

Nothing remembers which step somebody is at: each step's state is read from what there is.
"""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.models import MailAccount
from accounts.register import look_again
from webmail.errors import GiveUp
from webmail.models import Backup, Download, Folder, SpecialUse
from webmail.models.mirror import announce
from webmail.transfer import jobs

from .access import account_of, user_of
from .transfer import POLL_SECONDS
from .transfer_state import Progress, progress

LEFT_OUT = frozenset({SpecialUse.JUNK, SpecialUse.TRASH})
VIRTUAL = frozenset({SpecialUse.ALL, SpecialUse.FLAGGED, SpecialUse.IMPORTANT})


@dataclass(frozen=True)
class Choice:
    """A line of the form: a local folder, the folders it can go to, and the value that is chosen."""

    folder: Folder
    suggestion: str
    chosen: str

    @property
    def chosen_pk(self) -> int | None:
        return int(self.chosen[1:]) if self.chosen[:1] == "f" and self.chosen[1:19].isdecimal() else None


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def account_move(request: HttpRequest, account_id: int) -> HttpResponse:
    account = account_of(request, account_id)
    if not account.is_local:
        raise Http404
    if request.method != "POST":
        return _page(request, account, _chosen_target(request, account, request.GET.get("target", "")))
    action = request.POST.get("action", "")
    if action in {"pause", "resume"}:
        _pause(account, action == "pause")
        return redirect("account-move", account.pk)
    if action != "copy":
        raise Http404
    target = _chosen_target(request, account, request.POST.get("target", ""))
    if target is None:
        raise Http404
    try:
        jobs.copy_account(user_of(request), account, target, _routes(request, account, target))
    except GiveUp as problem:
        return _page(request, account, target, error=problem.sentence, status=422)
    return redirect("account-move", account.pk)


def _page(
    request: HttpRequest, account: MailAccount, target: MailAccount | None, *, error: str = "", status: int = 200
) -> HttpResponse:
    copy = jobs.copies_of(account)
    done = progress(copy) if copy is not None else None
    backup = Backup.objects.filter(account=account).first()
    folders = jobs.copyable(account)
    count = sum(folder.total for folder in folders)
    fetching = Download.objects.filter(account=account).exists() and not account.paused
    targets = list(MailAccount.objects.filter(user=account.user_id, kind=MailAccount.Kind.IMAP))
    active = copy is not None and copy.active
    known = _target_folders(target) if target is not None and not active else []
    context: dict[str, Any] = {
        "account": account,
        "count": count,
        "backup": backup,
        "newer": max(0, count - backup.messages - backup.missing) if backup is not None else 0,
        "fetching": fetching,
        "targets": targets,
        "target": target,
        "known": known,
        "choices": _choices(request, folders, target, known) if target is not None and known else [],
        "transfer": copy,
        "progress": done,
        "not_copied": jobs.not_copied(account, folders) if copy is not None and not active else 0,
        "current": _current(bool(backup), fetching, bool(targets), done),
        "poll_seconds": POLL_SECONDS,
        "error": error,
        "section": "accounts",
    }
    return render(request, "transfer/move.html", context, status=status)


def _current(backed_up: bool, fetching: bool, has_target: bool, done: Progress | None) -> int:
    """The number of the first step that is still to be done."""
    steps = [backed_up, not fetching, has_target, done is not None and done.complete]
    return next((number for number, finished in enumerate(steps, start=1) if not finished), 5)


def _pause(account: MailAccount, paused: bool) -> None:
    with transaction.atomic():
        account.paused = paused
        account.save(update_fields=["paused"])
        if paused:
            announce(account.user_id)
        else:
            look_again(account)


def _chosen_target(request: HttpRequest, account: MailAccount, asked: str) -> MailAccount | None:
    """The IMAP account that was chosen, else the one of the last copy, else the only one there is."""
    own = MailAccount.objects.filter(user=user_of(request), kind=MailAccount.Kind.IMAP)
    if asked:
        found = own.filter(pk=int(asked)).first() if asked.isascii() and asked.isdigit() and len(asked) < 19 else None
        if found is None:
            raise Http404
        return found
    last = jobs.copies_of(account)
    if last is not None and last.target.kind == MailAccount.Kind.IMAP:
        return last.target
    several = list(own[:2])
    return several[0] if len(several) == 1 else None


def _target_folders(target: MailAccount) -> list[Folder]:
    found = Folder.objects.filter(account=target, hidden=False, selectable=True, read_only=False)
    return [folder for folder in found.order_by("name") if folder.special_use not in VIRTUAL]


def _choices(request: HttpRequest, folders: list[Folder], target: MailAccount, known: list[Folder]) -> list[Choice]:
    names = {folder.name: folder for folder in known}
    naming = jobs.Naming(target, known)
    choices = []
    for folder in folders:
        suggestion = naming.suggest(folder)
        existing = names.get(suggestion)
        chosen = f"f{existing.pk}" if existing is not None else "new"
        if folder.special_use in LEFT_OUT or not folder.total:
            chosen = ""
        posted = request.POST.get(f"folder-{folder.pk}")
        choices.append(
            Choice(folder, "" if existing is not None else suggestion, posted if posted is not None else chosen)
        )
    return choices


def _routes(request: HttpRequest, account: MailAccount, target: MailAccount) -> list[jobs.Route]:
    """What was chosen; a folder of somebody else, or of another account, does not exist."""
    known = _target_folders(target)
    naming = jobs.Naming(target, known)
    by_value = {f"f{folder.pk}": folder.name for folder in known}
    routes = []
    for folder in jobs.copyable(account):
        value = request.POST.get(f"folder-{folder.pk}", "")
        if not value:
            continue
        if value == "new":
            routes.append(jobs.Route(folder, naming.suggest(folder)))
        elif value in by_value:
            routes.append(jobs.Route(folder, by_value[value]))
        else:
            raise Http404
    return routes

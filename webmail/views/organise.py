"""What a person does to messages from a list or the reader, and taking it back."""

import uuid
from collections.abc import Callable, Iterable

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from accounts.models import MailAccount, User
from webmail.contacts import book
from webmail.errors import GiveUp
from webmail.models import Folder, Message, Notice, SpecialUse
from webmail.models.mirror import announce
from webmail.sync import actions, bulk, bulk_undo, choices

from . import sidebar
from .access import folder_of, user_of
from .bulk import open_lines
from .place import Place, place_of
from .selection import ids_of, selected
from .when import clock_of

ONE_BY_ONE = "Of a search, select the messages that are shown."
PlaceOf = Callable[[HttpRequest, int | None], Place]
VERBS: dict[str, Callable[[User, Iterable[Message]], actions.Done]] = {
    "seen": lambda user, messages: actions.store(user, messages, "seen", value=True),
    "unseen": lambda user, messages: actions.store(user, messages, "seen", value=False),
    "flag": lambda user, messages: actions.store(user, messages, "flagged", value=True),
    "unflag": lambda user, messages: actions.store(user, messages, "flagged", value=False),
    "archive": actions.archive,
    "delete": actions.delete,
    "junk": actions.junk,
    "not-junk": actions.not_junk,
    "mute": choices.mute,
    "unmute": choices.unmute,
    "merge": choices.merge,
}
# Of conversations, each of which somebody has looked at: never of everything in a folder.
OF_CONVERSATIONS = frozenset({"mute", "unmute", "merge"})
# A star or an unread mark on a conversation stands on its newest message.
ON_NEWEST = frozenset({"flag", "unseen"})


@login_required
@require_POST
def organise(request: HttpRequest, verb: str, folder_id: int | None = None, find: PlaceOf = place_of) -> HttpResponse:
    """Without ``folder_id`` on the unified inbox, or on what ``find`` finds."""
    user, place = user_of(request), find(request, folder_id)
    selection = selected(request)
    if not selection or (selection.everything and place.searched):
        return refused(request, ONE_BY_ONE if selection else "Select a message first.", place)
    if selection.everything and verb in OF_CONVERSATIONS:
        return refused(request, "Select the conversations that are meant.", place)
    in_trash = place.special_use == SpecialUse.TRASH or any(pick.folder_id in place.trash for pick in selection.picks)
    if verb == "delete" and in_trash and "confirmed" not in request.POST:
        return render(request, "mailbox/delete_for_good.html", {"place": place, "kept": selection.fields()})
    if selection.everything and bulk.size(verb, place.folders) > bulk.INLINE:
        return in_bulk(request, place, verb)
    rows = selection.rows(user, place, verb, newest_only=verb in ON_NEWEST)
    return _carry_out(request, place, lambda: VERBS[verb](user, rows))


@login_required
@require_POST
def move(request: HttpRequest, folder_id: int | None = None, find: PlaceOf = place_of) -> HttpResponse:
    """Without ``target`` the page that asks where to."""
    user, place = user_of(request), find(request, folder_id)
    selection = selected(request)
    if not selection or (selection.everything and place.searched):
        return refused(request, ONE_BY_ONE if selection else "Select a message first.", place)
    many = selection.everything and bulk.size("move", place.folders) > bulk.INLINE
    rows = [] if many else selection.rows(user, place, newest_only=False)
    if not request.POST.get("target"):
        if not rows and not many:
            return refused(request, "What you selected is no longer here.", place)
        context = {"place": place, "kept": selection.fields(), "groups": _targets(request, place, rows)}
        return render(request, "mailbox/move.html", context)
    targets = ids_of([request.POST["target"]])
    if not targets:
        raise Http404
    target = folder_of(request, targets[0])
    if many:
        return in_bulk(request, place, "move", target)
    return _carry_out(request, place, lambda: actions.move(user, rows, target))


def _targets(request: HttpRequest, place: Place, rows: list[Message]) -> list[tuple[MailAccount, list[sidebar.Entry]]]:
    """The folders to choose from, those of the accounts that messages are selected of first."""
    sources = {row.shown_in_id for row in rows} or place.here
    accounts = {row.account_id for row in rows} | {place.account_id}
    views = sidebar.build(user_of(request).pk, clock_of(request)).accounts
    views.sort(key=lambda view: view.account.pk not in accounts)
    return [
        (view.account, [each for each in view.entries if each.takes_mail and sources != {each.folder.pk}])
        for view in views
    ]


@login_required
@require_POST
def undo(request: HttpRequest, batch: uuid.UUID) -> HttpResponse:
    user = user_of(request)
    try:
        if (text := book.undo(user, batch)) is not None:
            return _told_of_contacts(request, text)
        if bulk_undo.undo(user, batch) is not None:
            return bulk_told(request, None)
        done = choices.undo(user, batch) or actions.undo(user, batch)
    except GiveUp as error:
        return refused(request, error.sentence, None)
    return told(request, done.text, None, place=None)


def _told_of_contacts(request: HttpRequest, text: str) -> HttpResponse:
    """The page the toast stood on may be that of a contact that is no more."""
    if request.htmx:  # type: ignore[attr-defined]
        return told(request, text, None, place=None)
    toasts.success(request, text)
    return redirect("contacts")


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


def _carry_out(request: HttpRequest, place: Place, act: Callable[[], actions.Done]) -> HttpResponse:
    try:
        done = act()
    except GiveUp as error:
        return refused(request, error.sentence, place)
    text = done.text if done.count else "Nothing to change"
    return told(request, text, done.batch if done.count else None, place=place)


def in_bulk(request: HttpRequest, place: Place, verb: str, target: Folder | None = None) -> HttpResponse:
    """Too many for one request: the worker carries it on, and a line tells how far it is."""
    try:
        bulk.begin(user_of(request), verb, place.folders, target)
    except GiveUp as error:
        return refused(request, error.sentence, place)
    return bulk_told(request, place)


def bulk_told(request: HttpRequest, place: Place | None) -> HttpResponse:
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "mailbox/_bulk.html", {"bulk_lines": open_lines(user_of(request).pk)})
    return redirect(back(request, place))


def told(request: HttpRequest, text: str, batch: uuid.UUID | None, *, place: Place | None) -> HttpResponse:
    """The toast alone for the script, the toast on the next page without it."""
    toasts.success(request, text, extra_tags=str(batch) if batch else "")
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "mailbox/_toasts.html")
    return redirect(back(request, place))


def refused(request: HttpRequest, sentence: str, place: Place | None) -> HttpResponse:
    toasts.error(request, sentence)
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "mailbox/_toasts.html", status=409)
    return redirect(back(request, place))


def back(request: HttpRequest, place: Place | None) -> str:
    """Where the form was, if that is a page of ours; else the list itself."""
    wanted = request.POST.get("next", "")
    hosts = {request.get_host()}
    # What does not begin with a slash would be taken for the name of a view.
    if wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, hosts, require_https=request.is_secure()):
        return wanted
    return place.url if place is not None else reverse("home")

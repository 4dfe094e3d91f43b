"""The mailbox page, its sidebar and its list."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts.landing import landing
from webmail.models import Notice, SpecialUse
from webmail.models.prepared import Prepared, Slot

from . import rows, sidebar
from .access import user_of
from .bulk import open_lines
from .people import own_addresses
from .place import UNIFIED, Place, place_of
from .when import Clock, clock_of

PANES_COOKIE = "panes"
NARROWEST, WIDEST = 160, 900
NOTICES_SHOWN = 5
OPEN_NOTICES = Prepared(
    lambda: Notice.objects.filter(user_id=Slot("user"), dismissed_at__isnull=True).order_by("-pk")[:NOTICES_SHOWN]
)


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The inbox, that of all accounts where there are several, or the place to add an account."""
    user_id = user_of(request).pk
    if url := landing(user_id):
        return redirect(url)
    side = sidebar.build(user_id, clock_of(request))
    other = side.inbox()
    if other is not None:
        return redirect("folder", other.pk)
    if not side.accounts:
        return redirect("account-add")
    response = render(request, "mailbox/waiting.html", {"sidebar": side})
    response.headers["Refresh"] = "1"
    return response


@login_required
@require_safe
def folder(request: HttpRequest, folder_id: int | None = None) -> HttpResponse:
    """The whole page; for htmx the list, and with ``after`` or ``rows`` nothing but rows.

    Without ``folder_id`` it is the unified inbox.
    """
    clock = clock_of(request)
    after = request.GET.get("after", "")
    if not request.htmx:  # type: ignore[attr-defined]
        return render(request, "mailbox/page.html", page_context(request, folder_id, clock, after=after))
    place = place_of(request, folder_id)
    own = own_addresses(user_of(request).pk)
    context: dict[str, Any] = {"place": place, "summary": summary(place)}
    context["refreshed"] = "rows" in request.GET
    if after or "rows" in request.GET:
        context["page"] = rows.page(place, own, clock, after=after, size=page_size(request))
        return render(request, "mailbox/_rows.html", context)
    context["page"] = rows.page(place, own, clock)
    return render(request, "mailbox/_list.html", context | list_context(place))


def page_context(
    request: HttpRequest,
    folder_id: int | None,
    clock: Clock,
    *,
    after: str = "",
    own: frozenset[str] | None = None,
    opened: int | str | None = None,
) -> dict[str, Any]:
    """What every full mailbox page needs; 404 unless the folder is the person's own."""
    user = user_of(request)
    user_id = user.pk
    side = sidebar.build(user_id, clock, current=folder_id, at_unified=folder_id is None)
    place = _place_in(side, user_id, folder_id, single=not user.show_conversations)
    if own is None:
        own = own_addresses(user_id)
    return {
        "sidebar": side,
        "place": place,
        "page": rows.page(place, own, clock, after=after, current=opened),
        "after": after,
        **frame_context(request),
        **list_context(place),
    }


def frame_context(request: HttpRequest) -> dict[str, Any]:
    """What stands around the list, whatever it lists."""
    user_id = user_of(request).pk
    return {"panes": panes(request), "notices": open_notices(user_id), "bulk_lines": open_lines(user_id)}


def _place_in(side: sidebar.Sidebar, user_id: int, folder_id: int | None, *, single: bool) -> Place:
    """As ``place_of``, from what the sidebar has read."""
    if folder_id is None:
        entries = (entry.folder for view in side.accounts for entry in view.entries)
        inboxes = tuple(f for f in entries if f.special_use == SpecialUse.INBOX)
        return Place(user_id, inboxes, unified=True, single=single)
    current = side.folders.get(folder_id)
    if current is None or not hasattr(current, "account"):
        raise Http404
    return Place(user_id, (current,), single=single)


def list_context(place: Place) -> dict[str, Any]:
    return {
        "in_trash": place.special_use == SpecialUse.TRASH,
        "in_junk": place.special_use == SpecialUse.JUNK,
        "in_archive": place.special_use == SpecialUse.ARCHIVE,
        "summary": summary(place),
        "empty_text": EMPTY_TEXTS.get(place.special_use, EMPTY_TEXTS[SpecialUse.NONE]),
    }


def summary(place: Place) -> str:
    """What stands beside the name of the list."""
    if place.shown_unread and place.special_use != SpecialUse.TRASH:
        return f"{place.shown_unread:,} unread"
    return "1 message" if place.shown_total == 1 else f"{place.shown_total:,} messages"


EMPTY_TEXTS = {
    SpecialUse.NONE: ("Nothing here yet", "Move messages here to keep them together."),
    SpecialUse.INBOX: ("All done", "New messages will appear here by themselves."),
    SpecialUse.DRAFTS: ("No drafts", "What you begin to write is kept here until you send it."),
    SpecialUse.SENT: ("Nothing sent yet", "Messages you send will be filed here."),
    SpecialUse.ARCHIVE: ("The archive is empty", "Archive a message to get it out of the way without deleting it."),
    SpecialUse.JUNK: ("No junk", "Messages marked as junk end up here."),
    SpecialUse.TRASH: ("The trash is empty", "Deleted messages stay here until you empty it."),
}


@login_required
@require_safe
def sidebar_fragment(request: HttpRequest) -> HttpResponse:
    """``folder`` marks the current one."""
    wanted = request.GET.get("folder") or "0"
    try:
        current = int(wanted)
    except ValueError:
        current = 0
    side = sidebar.build(user_of(request).pk, clock_of(request), current=current, at_unified=wanted == UNIFIED)
    return render(request, "mailbox/_sidebar.html", {"sidebar": side})


@login_required
@require_safe
def notices_fragment(request: HttpRequest) -> HttpResponse:
    user_id = user_of(request).pk
    context = {"notices": open_notices(user_id), "bulk_lines": open_lines(user_id)}
    return render(request, "mailbox/_notices.html", context)


def open_notices(user_id: int) -> list[Notice]:
    return OPEN_NOTICES(user=user_id)


def panes(request: HttpRequest) -> tuple[int, int] | None:
    """Widths of sidebar and list in pixels, as the browser remembered them."""
    first, _, second = request.COOKIES.get(PANES_COOKIE, "").partition("-")
    if not (first.isascii() and first.isdigit() and second.isascii() and second.isdigit()) or len(first + second) > 8:
        return None
    return (min(max(int(first), NARROWEST), WIDEST), min(max(int(second), NARROWEST), WIDEST))


def page_size(request: HttpRequest) -> int:
    """How many rows a refresh asks for, within bounds."""
    try:
        wanted = int(request.GET.get("rows") or rows.PAGE)
    except ValueError:
        wanted = rows.PAGE
    return min(max(wanted, rows.PAGE), rows.MOST_ROWS)

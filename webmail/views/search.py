"""The page of a search, and reading in it."""

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webmail.models import SpecialUse
from webmail.search import find, index, server

from . import search_rows, sidebar
from .access import conversation_of, user_of
from .conversation import read
from .mailbox import frame_context, page_size
from .people import own_addresses
from .search_place import SearchPlace, place_for, search_place
from .when import Clock, clock_of

NOTHING_FOUND = ("Nothing found", "No message has all of this. Take a word or a filter away, or look for other words.")
NOTHING_ASKED = (
    "Search your mail",
    "Type words, or narrow it down: from:ann, subject:invoice, has:attachment, after:2026-01.",
)


@login_required
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """The whole page; for htmx the list, and with ``after`` or ``rows`` nothing but rows."""
    clock = clock_of(request)
    after = request.GET.get("after", "")
    if not request.htmx:  # type: ignore[attr-defined]
        return render(request, "mailbox/page.html", whole_page(request, clock, after=after))
    own = own_addresses(user_of(request).pk)
    place = search_place(request, own=own)
    if after or "rows" in request.GET:
        page = search_rows.page(place, own, clock, after=after, size=page_size(request))
        context = {"place": place, "page": page, "refreshed": "rows" in request.GET, "summary": summary(page)}
        return render(request, "mailbox/_rows.html", context | {"behind": behind(place)})
    page = search_rows.page(place, own, clock)
    return render(request, "mailbox/_list.html", {"place": place, "page": page, **list_context(place, page)})


@login_required
@require_safe
def search_conversation(request: HttpRequest, folder_id: int, conversation_id: int) -> HttpResponse:
    """A conversation as far as it stands in a folder, beside the results; for htmx the reader alone."""
    clock = clock_of(request)
    own = own_addresses(user_of(request).pk)
    htmx = bool(request.htmx)  # type: ignore[attr-defined]
    key = f"{folder_id}-{conversation_id}"
    context = {} if htmx else whole_page(request, clock, own=own, opened=key)
    place = search_place(request, own=own) if htmx else context["place"]
    if folder_id not in place.by_id:
        raise Http404
    folder = place.by_id[folder_id]
    found = conversation_of(request, conversation_id)
    newest_first = user_of(request).newest_first
    context |= read(found, place, frozenset({folder_id}), own, clock, newest_first=newest_first)
    context |= {
        "key": key,
        "marks": [place.marks[folder_id]],
        "in_trash": folder.special_use == SpecialUse.TRASH,
        "in_junk": folder.special_use == SpecialUse.JUNK,
        "in_archive": folder.special_use == SpecialUse.ARCHIVE,
    }
    if htmx:
        return render(request, "mailbox/_reader.html", context)
    return render(request, "mailbox/page.html", context | list_context(place, context["page"]))


def whole_page(
    request: HttpRequest, clock: Clock, *, after: str = "", own: frozenset[str] | None = None, opened: str = ""
) -> dict[str, Any]:
    user_id = user_of(request).pk
    side = sidebar.build(user_id, clock)
    if own is None:
        own = own_addresses(user_id)
    place = place_for(request, (folder for folder in side.folders.values() if hasattr(folder, "account")), own, clock)
    page = search_rows.page(place, own, clock, after=after, current=opened)
    return {
        "sidebar": side,
        "place": place,
        "page": page,
        "after": after,
        **frame_context(request),
        **list_context(place, page),
    }


def list_context(place: SearchPlace, page: search_rows.Page) -> dict[str, Any]:
    plan = place.plan
    waiting = behind(place)
    mirrored = sum(folder.total for folder in place.folders)
    return {
        "in_trash": place.special_use == SpecialUse.TRASH,
        "in_junk": place.special_use == SpecialUse.JUNK,
        "in_archive": False,
        "summary": summary(page) if plan.query else "",
        "empty_text": NOTHING_FOUND if plan.query else NOTHING_ASKED,
        "chips": [(chip.text, urlencode({"q": chip.rest})) for chip in plan.query.chips],
        "problems": plan.problems,
        "aside": find.count(plan.in_trash_and_junk()) if plan.query and plan.aside else 0,
        "anywhere": urlencode({"q": f"{plan.query.text} in:anywhere"}),
        "behind": waiting,
        "ask_server": server.can_help(plan),
        "mirrored": mirrored,
        "ready": max(0, mirrored - waiting),
    }


def behind(place: SearchPlace) -> int:
    """How many messages of the person are not in the index yet."""
    return index.still_to_come({folder.account_id for folder in place.folders}) if place.plan.query else 0


def summary(page: search_rows.Page) -> str:
    if page.next:
        return f"{page.count} and more" if page.count else "Looking…"
    return "1 found" if page.count == 1 else f"{page.count} found"

"""Searching on the mail servers, a step at each request: no page waits for it, the results grow as it goes on."""

from dataclasses import dataclass
from time import monotonic

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from webmail.models import ServerHit
from webmail.search import server
from webmail.search.plan import Plan

from .search_place import search_place
from .selection import ids_of

# Without the script one request takes as many steps as fit into so many seconds.
AT_ONCE_SECONDS = 8.0
LONGEST_PROBLEMS = 600


@dataclass(frozen=True, slots=True)
class Progress:
    """``problems``: sentences about servers whose answer is not complete. ``next`` is None at the end."""

    found: int
    next: server.Step | None
    problems: str


@login_required
@require_POST
def search_server(request: HttpRequest) -> HttpResponse:
    """Begin, or go on at ``folder`` below the UID ``below``; answers with the line that tells how far it is."""
    place = search_place(request)
    plan = place.plan
    if not server.can_help(plan):
        raise Http404
    step = _wanted(request, plan) if "folder" in request.POST else server.first(plan)
    problems = request.POST.get("problems", "")[:LONGEST_PROBLEMS]
    if request.htmx:  # type: ignore[attr-defined]
        progress = _take(plan, step, problems)
        return render(request, "search/_server.html", {"place": place, "progress": progress})
    end = monotonic() + AT_ONCE_SECONDS
    progress = _take(plan, step, problems)
    while progress.next is not None and monotonic() < end:
        progress = _take(plan, progress.next, progress.problems)
    ending = "It was not finished." if progress.next is not None else ""
    toasts.info(request, f"{progress.found} found on the server. {progress.problems} {ending}".strip())
    return redirect(place.url)


def _wanted(request: HttpRequest, plan: Plan) -> server.Step | None:
    ids = [ids_of([request.POST.get(name, "")]) for name in ("folder", "below")]
    step = server.step_at(plan, ids[0][0], ids[1][0]) if all(ids) else None
    if step is None:
        raise Http404
    return step


def _take(plan: Plan, step: server.Step | None, problems: str) -> Progress:
    if step is not None:
        outcome = server.take(plan, step)
        if outcome.problem:
            problems = f"{problems} {outcome.problem}".strip()[:LONGEST_PROBLEMS]
        step = outcome.next
    found = ServerHit.objects.filter(user_id=plan.user_id, question=plan.question).count()
    return Progress(found, step, problems)

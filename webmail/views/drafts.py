"""A draft as others have changed it, and as it was before."""

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_POST

from webmail.mime.headers import display_text
from webmail.mime.text import html_to_text
from webmail.models import DraftVersion
from webmail.outbox import letter, versions

from .access import outgoing_of
from .compose_actions import by_script
from .when import Clock, clock_of

BEGINNING = 160
SHOWN = 20_000
private = cache_control(private=True, no_store=True)


@login_required
@require_GET
@private
def draft_state(request: HttpRequest, outgoing_id: int) -> JsonResponse:
    """What an open composer asks when something has changed: is this still the draft it shows?"""
    outgoing = outgoing_of(request, outgoing_id)
    return JsonResponse(
        {
            "revision": outgoing.revision,
            "writer": outgoing.writer,
            "editable": outgoing.state in letter.EDITABLE,
            "discarded": outgoing.discarded,
            "changed": clock_of(request).label(outgoing.updated_at).short,
        }
    )


@login_required
@require_GET
@private
def draft_versions(request: HttpRequest, outgoing_id: int) -> HttpResponse:
    outgoing = outgoing_of(request, outgoing_id)
    if outgoing.state not in letter.EDITABLE:
        return redirect("outbox")
    clock = clock_of(request)
    found = [_shown(version, clock) for version in outgoing.versions.all()]
    fragment = request.headers.get("HX-Request") == "true"
    template = "compose/_versions.html" if fragment else "compose/versions.html"
    response = render(request, template, {"draft": outgoing, "versions": found})
    response["Vary"] = "HX-Request"
    return response


def _shown(version: DraftVersion, clock: Clock) -> dict[str, object]:
    text = html_to_text(version.html) if version.html else version.text
    return {
        "row": version,
        "when": clock.label(version.created_at),
        "reason": version.get_reason_display(),
        "beginning": display_text(" ".join(text[: BEGINNING * 4].split()))[:BEGINNING],
        "text": text[:SHOWN],
        "more": len(text) > SHOWN,
    }


@login_required
@require_POST
@private
def version_restore(request: HttpRequest, outgoing_id: int, version_id: int) -> HttpResponse:
    outgoing = outgoing_of(request, outgoing_id)
    version = outgoing.versions.filter(pk=version_id).first()
    if version is None:
        raise Http404
    if not versions.restore(outgoing, version):
        sentence = "This message is already on its way; an older version cannot be restored any more."
        if by_script(request):
            return JsonResponse({"error": sentence}, status=409)
        toasts.error(request, sentence)
        return redirect("outbox")
    text = "The older version is back. What stood there before is kept among the versions."
    if by_script(request):
        return JsonResponse({"page": reverse("draft", args=[outgoing.pk]), "text": text})
    toasts.success(request, text)
    return redirect("draft", outgoing.pk)

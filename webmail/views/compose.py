"""Writing: the composer, docked or as a page."""

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from webmail.mime.html import clean_own
from webmail.mime.text import html_to_text
from webmail.models import OutgoingAttachment, OutgoingMessage
from webmail.outbox import letter, schedule
from webmail.outbox.place import identities_of, may_report, size_limit
from webmail.outbox.smtp_message import megabytes

from .access import outgoing_of, user_of
from .when import clock_of, zone_of

INLINE_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
REMINDS = [
    (0, "Do not remind me"),
    (1, "After a day"),
    (2, "After 2 days"),
    (3, "After 3 days"),
    (7, "After a week"),
    (14, "After 2 weeks"),
    (30, "After a month"),
]
# Each is readable on white and on black, as text or behind it.
TEXT_COLOURS = [
    *(("Standard", ""), ("Grey", "#757575"), ("Red", "#c5221f"), ("Orange", "#b3590b"), ("Green", "#188038")),
    *(("Teal", "#007b83"), ("Blue", "#1967d2"), ("Purple", "#8430ce"), ("Pink", "#c2185b"), ("Brown", "#8d5524")),
]
BACK_COLOURS = [
    *(("None", ""), ("Grey", "#e8eaed"), ("Red", "#fad2cf"), ("Orange", "#fee0c0"), ("Yellow", "#fff3a3")),
    *(("Green", "#ceead6"), ("Teal", "#cbf0f3"), ("Blue", "#d2e3fc"), ("Purple", "#e9d2fd"), ("Pink", "#fdcfe8")),
]
private = cache_control(private=True, no_store=True)


@dataclass(frozen=True)
class Trouble:
    """Why something was not done; ``field`` is the one it stands next to."""

    sentence: str = ""
    field: str = ""


@login_required
@require_GET
@private
def draft(request: HttpRequest, outgoing_id: int) -> HttpResponse:
    outgoing = outgoing_of(request, outgoing_id)
    if outgoing.state not in letter.EDITABLE or outgoing.discarded:
        return redirect("outbox")
    return composer(request, outgoing)


def composer(
    request: HttpRequest, outgoing: OutgoingMessage, trouble: Trouble | None = None, status: int = 200
) -> HttpResponse:
    """The fragment for the dock, or a page of its own; the same form in both."""
    fragment = request.headers.get("HX-Request") == "true"
    template = "compose/_composer.html" if fragment else "compose/page.html"
    response = render(request, template, form_of(request, outgoing, trouble or Trouble()), status=status)
    response["Cache-Control"] = "private, no-store"
    response["Vary"] = "HX-Request"
    return response


def form_of(request: HttpRequest, outgoing: OutgoingMessage, trouble: Trouble) -> dict[str, object]:
    rows = list(outgoing.attachments.all())
    pictures = {row.content_id: content_url(row) for row in rows if row.content_id}
    html = clean_own(outgoing.html, cid_url=pictures.get) if outgoing.html else ""
    limit = size_limit(outgoing.account, outgoing.identity)
    return {
        "draft": outgoing,
        "identities": identities_of(user_of(request)),
        "reports": may_report(outgoing),
        "html": html,
        "text": outgoing.text if outgoing.plain or not html else html_to_text(html),
        "attachments": [attachment_view(row) for row in letter.listed(outgoing, rows)],
        "text_colours": TEXT_COLOURS,
        "back_colours": BACK_COLOURS,
        "limit": limit,
        "limit_text": megabytes(limit),
        "saved_at": clock_of(request).label(outgoing.updated_at).short if outgoing.revision > 1 else "",
        "later": later_of(request, outgoing),
        "reminds": [(days, text, days == outgoing.remind_after) for days, text in REMINDS],
        "trouble": trouble if trouble.sentence else Trouble(outgoing.sentence),
    }


def later_of(request: HttpRequest, outgoing: OutgoingMessage) -> dict[str, object]:
    """Times to send it at; the one chosen before stays proposed."""
    zone, clock, now = zone_of(request), clock_of(request), timezone.now()
    proposed = outgoing.send_at if outgoing.send_at is not None and outgoing.send_at > now else None
    presets = [
        {"label": label, "value": value, "when": clock.ahead(schedule.read(value, zone, now))}
        for label, value in schedule.presets(now, zone)
    ]
    if proposed is not None:
        value = schedule.wall_clock(proposed, zone)
        presets.insert(0, {"label": "As chosen before", "value": value, "when": clock.ahead(proposed)})
    return {
        "presets": presets,
        "least": schedule.wall_clock(now, zone),
        "value": schedule.wall_clock(proposed, zone) if proposed is not None else "",
        "zone": str(zone).replace("_", " "),
    }


def attachment_view(row: OutgoingAttachment) -> dict[str, object]:
    return {
        "id": row.pk,
        "name": row.filename,
        "octets": row.size,
        "size": megabytes(row.size) if row.size else "empty",
        "remove": reverse("attachment-remove", args=[row.outgoing_id, row.pk]),
        "url": content_url(row) if row.content_id else "",
    }


def content_url(row: OutgoingAttachment) -> str:
    return reverse("attachment-content", args=[row.outgoing_id, row.pk])


def with_cids(outgoing: OutgoingMessage, html: str) -> str:
    """The inverse of what the composer is given: addresses of pictures become those they have in a message."""
    for row in outgoing.attachments.exclude(content_id=""):
        html = html.replace(f'"{content_url(row)}"', f'"cid:{row.content_id}"')
    return html


@login_required
@require_GET
@private
def attachment_content(request: HttpRequest, outgoing_id: int, attachment_id: int) -> HttpResponse | FileResponse:
    """A picture inside the text that is being written; nothing else is shown from here."""
    outgoing = outgoing_of(request, outgoing_id)
    row = outgoing.attachments.filter(pk=attachment_id, content_type__in=INLINE_IMAGES).first()
    if row is None:
        raise Http404
    if not row.file:
        if row.message_id is None:
            raise Http404
        return redirect(reverse("message-part", args=[row.message_id, row.section]) + "?inline=1")
    try:
        stream = row.file.storage.open(str(row.file.name), "rb")
    except OSError:
        raise Http404 from None
    response = FileResponse(stream, content_type=row.content_type)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response

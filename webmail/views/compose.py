"""Writing: the composer, docked or as a page, and the outbox."""

from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from accounts.models import Identity
from webmail.mime.html import clean_own
from webmail.mime.text import html_to_text
from webmail.models import OutgoingAttachment, OutgoingMessage
from webmail.outbox import letter, queue
from webmail.outbox.place import size_limit
from webmail.outbox.smtp_message import megabytes

from .access import outgoing_of, user_of
from .when import clock_of

State, SentCopy = OutgoingMessage.State, OutgoingMessage.SentCopy
INLINE_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
RECENT = timedelta(minutes=15)
OUTBOX_ROWS = 200
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
        "identities": Identity.objects.filter(account__user=user_of(request)).select_related("account"),
        "html": html,
        "text": outgoing.text if outgoing.plain or not html else html_to_text(html),
        "attachments": [attachment_view(row) for row in rows if not _in_text(row, outgoing)],
        "limit": limit,
        "limit_text": megabytes(limit),
        "saved_at": clock_of(request).label(outgoing.updated_at).short if outgoing.revision > 1 else "",
        "trouble": trouble if trouble.sentence else Trouble(outgoing.sentence),
    }


def _in_text(row: OutgoingAttachment, outgoing: OutgoingMessage) -> bool:
    return bool(row.content_id) and f"cid:{row.content_id}" in outgoing.html


def attachment_view(row: OutgoingAttachment) -> dict[str, object]:
    return {
        "id": row.pk,
        "name": row.filename,
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


@login_required
@require_GET
@private
def outbox(request: HttpRequest) -> HttpResponse:
    """Everything that is not finally sent, what was sent just now, and what became of it."""
    clock = clock_of(request)
    now = timezone.now()
    rows = list(
        OutgoingMessage.objects.filter(user=user_of(request), discarded=False)
        .filter(
            Q(state__in=[State.QUEUED, State.SENDING, State.REJECTED, State.UNCLEAR])
            | Q(state=State.SENT, sent_at__gt=now - RECENT)
            | Q(state=State.SENT, sent_copy=SentCopy.KEPT)
            | (Q(state=State.SENT) & ~Q(sentence=""))
        )
        .select_related("account")
        .order_by("-updated_at")[:OUTBOX_ROWS]
    )
    entries = [_entry(row, clock.label(row.sent_at or row.updated_at).short) for row in rows]
    moving = any(entry["moving"] for entry in entries)
    return render(request, "compose/outbox.html", {"entries": entries, "moving": moving})


def _entry(row: OutgoingMessage, when: str) -> dict[str, object]:
    refused = queue.refused(row) if row.state == State.SENT else []
    waiting = row.state == State.QUEUED
    return {
        "row": row,
        "when": when,
        "to": row.to or row.cc or row.bcc,
        "state": _state_text(row, refused),
        "tone": {State.REJECTED: "danger", State.UNCLEAR: "warn"}.get(State(row.state), "warn" if refused else ""),
        "moving": row.state == State.SENDING or (waiting and not row.attempts),
        "can_undo": waiting and row.sent_at is None,
        "can_retry": waiting and row.attempts > 0,
        "can_edit": row.state == State.REJECTED,
        "can_repeat": row.state == State.UNCLEAR,
        "refused": refused,
        "can_dismiss": row.state == State.SENT and (bool(row.sentence) or row.sent_copy == SentCopy.KEPT),
        "kept": row.sent_copy == SentCopy.KEPT,
    }


def _state_text(row: OutgoingMessage, refused: list[str]) -> str:
    if row.state == State.QUEUED:
        return "Waiting" if row.attempts else "Sending in a moment"
    if row.state == State.SENT:
        return "Sent, but not to everybody" if refused else "Sent"
    return {
        State.SENDING: "Being sent",
        State.REJECTED: "Not sent",
        State.UNCLEAR: "May or may not have been sent",
    }.get(State(row.state), row.get_state_display())

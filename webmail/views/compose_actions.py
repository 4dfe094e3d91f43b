"""What the composer and the outbox ask for. Each answers a script with JSON and a plain form with a page."""

import uuid
from datetime import datetime
from typing import BinaryIO, cast

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST

from accounts.models import Identity
from webmail.errors import GiveUp
from webmail.models import OutgoingAttachment, OutgoingMessage
from webmail.outbox import attachments, drafts, letter, queue, reply, schedule

from .access import outgoing_of, user_of
from .compose import INLINE_IMAGES, Trouble, attachment_view, composer, content_url, with_cids
from .compose_identity import with_signature
from .when import clock_of, zone_of

LATER_TOLD = 10  # seconds for which the way back is offered; the outbox offers it until the time has come
CONFLICT = "This draft was changed elsewhere. What you wrote here is kept as a new draft."
private = cache_control(private=True, no_store=True)


def by_script(request: HttpRequest) -> bool:
    return "application/json" in request.headers.get("Accept", "")


def opened(request: HttpRequest, outgoing: OutgoingMessage) -> HttpResponse:
    """In the dock at once; otherwise at its own address, so that a reload does not make another."""
    if request.headers.get("HX-Request") == "true":
        return composer(request, outgoing)
    return redirect("draft", outgoing.pk)


# --- beginning


@login_required
@require_POST
@private
def compose(request: HttpRequest) -> HttpResponse:
    """A new draft; ``to``, ``cc``, ``subject``, ``body`` as a mailto link has them, ``account`` to write from."""
    user = user_of(request)
    identities = Identity.objects.filter(account__user=user).select_related("account")
    asked = request.GET.get("account", "")
    own = identities.filter(account_id=int(asked)) if asked.isascii() and asked.isdigit() and len(asked) < 18 else None
    identity = (own.first() if own is not None else None) or identities.order_by(
        "account__position", "account_id", "-is_default", "id"
    ).first()
    if identity is None:
        toasts.error(request, "Add a mail account before you write.")
        return redirect("account-add")
    wanted = {name: request.GET.get(name, "") for name in ("to", "cc", "subject", "body")}
    return opened(request, reply.compose(user, identity, **wanted))


# --- while writing


def _fields(request: HttpRequest, outgoing: OutgoingMessage) -> drafts.Fields:
    """Raise TooLong."""
    given = _written(request, outgoing)
    drafts.check_length(given)
    return given


def _written(request: HttpRequest, outgoing: OutgoingMessage) -> drafts.Fields:
    posted = request.POST
    identity, remind = posted.get("identity", ""), posted.get("remind_after", "")
    to, cc, bcc, subject, text = (posted.get(name, "") for name in ("to", "cc", "bcc", "subject", "text"))
    given = drafts.Fields(
        *(to, cc, bcc, subject, text),
        html=with_cids(outgoing, posted.get("html", "")),
        plain=posted.get("plain") == "1",
        priority=posted.get("priority", ""),
        ask_read=posted.get("ask_read") == "1",
        ask_delivered=posted.get("ask_delivered") == "1",
        identity_id=int(identity) if identity.isascii() and identity.isdigit() and len(identity) < 18 else None,
        remind_after=int(remind) if remind.isascii() and remind.isdigit() and len(remind) < 5 else 0,
    )
    return given if by_script(request) else with_signature(outgoing, given)


def _revision(request: HttpRequest) -> int:
    known = request.POST.get("revision", "")
    return int(known) if known.isascii() and known.isdigit() and len(known) < 10 else -1


def _writer(request: HttpRequest) -> str:
    """The name an open page gave itself."""
    try:
        return str(uuid.UUID(request.POST.get("writer", "")))
    except ValueError:
        return ""


def _send_at(request: HttpRequest) -> datetime | None:
    """The time chosen, of a button or of the field beside it; None: at once. Raise GiveUp."""
    later = request.POST.get("later", "")
    if not later:
        return None
    written = request.POST.get(schedule.FIELD, "") if later == "chosen" else later
    return schedule.read(written, zone_of(request), timezone.now())


def _shown(request: HttpRequest) -> frozenset[int] | None:
    """The files that the page lists."""
    if "shown" not in request.POST:
        return None
    ids = request.POST["shown"].split(",")
    return frozenset(int(each) for each in ids if each.isascii() and each.isdigit() and len(each) < 18)


def _token(request: HttpRequest) -> uuid.UUID:
    try:
        return uuid.UUID(request.POST.get("token", ""))
    except ValueError:
        raise Http404 from None


def _keep_text(request: HttpRequest, outgoing: OutgoingMessage) -> drafts.Saved:
    """A plain form carries everything written so far with every button."""
    if "revision" not in request.POST:
        return drafts.Saved(outgoing)
    return drafts.save_draft(outgoing, _fields(request, outgoing), _revision(request))


def _keep_all(request: HttpRequest, outgoing: OutgoingMessage) -> list[OutgoingAttachment]:
    """The text, and the files that were chosen. Raise NotSaved, GiveUp."""
    saved = _keep_text(request, outgoing)
    if saved.conflict:
        raise queue.NotSaved(saved.outgoing, CONFLICT)
    inline = request.POST.get("inline") == "1"
    rows = []
    for upload in request.FILES.getlist("files"):
        kind = upload.content_type or "application/octet-stream"
        stream = cast(BinaryIO, upload.file)
        inside = inline and kind in INLINE_IMAGES
        rows.append(attachments.attach(outgoing, stream, upload.name or "", kind, inline=inside))
    return rows


def _kept(request: HttpRequest, outgoing: OutgoingMessage) -> int:
    """What a plain form carries with every button is kept first; return the revision that stands then. Raise as above."""
    if by_script(request) or outgoing.state not in letter.EDITABLE or "revision" not in request.POST:
        return _revision(request)
    _keep_all(request, outgoing)
    return outgoing.revision


def _moved(request: HttpRequest, sentence: str, copy: OutgoingMessage) -> HttpResponse:
    if by_script(request):
        return JsonResponse({"error": sentence, "moved": reverse("draft", args=[copy.pk])}, status=409)
    toasts.warning(request, sentence)
    return redirect("draft", copy.pk)


def _trouble(request: HttpRequest, outgoing: OutgoingMessage, problem: GiveUp) -> HttpResponse:
    if by_script(request):
        told: dict[str, object] = {"error": problem.sentence, "field": problem.detail}
        # The text may have been saved on the way; the page goes on from there only where nothing else stands in the draft.
        if "revision" in request.POST and drafts.same(outgoing, drafts.tidy(_written(request, outgoing))):
            told["revision"] = outgoing.revision
        return JsonResponse(told, status=422)
    outgoing.refresh_from_db()
    if isinstance(problem, drafts.TooLong):
        given = _written(request, outgoing)
        for name in ("to", "cc", "bcc", "subject", "text", "html", "plain"):
            setattr(outgoing, name, getattr(given, name))
    return composer(request, outgoing, Trouble(problem.sentence, problem.detail), status=422)


@login_required
@require_POST
@private
def draft_save(request: HttpRequest, outgoing_id: int) -> HttpResponse:
    outgoing = outgoing_of(request, outgoing_id)
    try:
        given = _fields(request, outgoing)
        revision = _kept(request, outgoing)
        saved = drafts.save_draft(outgoing, given, revision, writer=_writer(request))
    except queue.NotSaved as problem:
        return _moved(request, problem.sentence, problem.copy)
    except GiveUp as problem:
        return _trouble(request, outgoing, problem)
    if saved.conflict:
        return _moved(request, CONFLICT, saved.outgoing)
    row = saved.outgoing
    if by_script(request):
        when = clock_of(request).label(row.updated_at).short
        return JsonResponse({"revision": row.revision, "saved": when})
    then = {"versions": "draft-versions", "templates": "draft-templates"}.get(request.POST.get("then", ""))
    if then is not None:
        return redirect(then, row.pk)
    toasts.success(request, "Draft saved")
    return redirect("draft", row.pk)


@login_required
@require_POST
@private
def draft_send(request: HttpRequest, outgoing_id: int) -> HttpResponse:
    outgoing = outgoing_of(request, outgoing_id)
    try:
        given = _fields(request, outgoing)
        revision = _kept(request, outgoing)
        token, send_at, shown = _token(request), _send_at(request), _shown(request)
        row = queue.send(outgoing, given, revision, token=token, send_at=send_at, shown=shown)
    except queue.NotSaved as problem:
        return _moved(request, problem.sentence, problem.copy)
    except GiveUp as problem:
        return _trouble(request, outgoing, problem)
    if by_script(request):
        later = row.send_at is not None
        return JsonResponse(
            {
                "text": f"Scheduled for {clock_of(request).label(row.send_at).full}" if row.send_at else "Sending…",
                "undo": reverse("send-undo", args=[row.pk]),
                "seconds": LATER_TOLD if later else queue.undo_seconds(user_of(request)),
                "count": not later,
                "outbox": reverse("outbox"),
            }
        )
    return redirect("outbox")


@login_required
@require_POST
@private
def draft_discard(request: HttpRequest, outgoing_id: int) -> HttpResponse:
    outgoing = outgoing_of(request, outgoing_id)
    done = drafts.discard(outgoing)
    text = "Draft discarded" if done else "It is too late: this message is already on its way."
    if by_script(request):
        undo = reverse("draft-restore", args=[outgoing.pk]) if done else ""
        return JsonResponse({"text": text, "undo": undo}, status=200 if done else 409)
    toasts.success(request, text) if done else toasts.error(request, text)
    return redirect("home" if done else "outbox")


@login_required
@require_POST
@private
def draft_restore(request: HttpRequest, outgoing_id: int) -> HttpResponse:
    outgoing = outgoing_of(request, outgoing_id)
    if not drafts.restore(outgoing):
        raise Http404
    return _page_of(request, outgoing)


def _page_of(request: HttpRequest, outgoing: OutgoingMessage) -> HttpResponse:
    page = reverse("draft", args=[outgoing.pk])
    return JsonResponse({"page": page}) if by_script(request) else HttpResponseRedirect(page)


@login_required
@require_POST
@private
def draft_attach(request: HttpRequest, outgoing_id: int) -> HttpResponse:
    outgoing = outgoing_of(request, outgoing_id)
    try:
        rows = _keep_all(request, outgoing)
    except queue.NotSaved as problem:
        return _moved(request, problem.sentence, problem.copy)
    except GiveUp as problem:
        return _trouble(request, outgoing, problem)
    added = [attachment_view(row) | {"content": content_url(row) if row.content_id else ""} for row in rows]
    return JsonResponse({"attachments": added}) if by_script(request) else redirect("draft", outgoing.pk)


@login_required
@require_POST
@private
def attachment_remove(request: HttpRequest, outgoing_id: int, attachment_id: int) -> HttpResponse:
    outgoing = outgoing_of(request, outgoing_id)
    row = outgoing.attachments.filter(pk=attachment_id).first()
    if row is None:
        raise Http404
    try:
        saved = _keep_text(request, outgoing)
        if saved.conflict:
            return _moved(request, CONFLICT, saved.outgoing)
        attachments.remove_attachment(outgoing, row)
    except GiveUp as problem:
        return _trouble(request, outgoing, problem)
    return JsonResponse({}) if by_script(request) else redirect("draft", outgoing.pk)


# --- after Send


@login_required
@require_POST
@private
def send_undo(request: HttpRequest, outgoing_id: int) -> HttpResponse:
    outgoing = outgoing_of(request, outgoing_id)
    if queue.undo(outgoing) or outgoing.state in letter.EDITABLE:
        if request.POST.get("stay") == "1":
            toasts.success(request, f"“{outgoing}” is a draft again.")
            return redirect("outbox")
        return _page_of(request, outgoing)
    text = "It is too late to take this back: it is already on its way."
    if by_script(request):
        return JsonResponse({"error": text}, status=409)
    toasts.error(request, text)
    return redirect("outbox")


@login_required
@require_POST
@private
def send_again(request: HttpRequest, outgoing_id: int) -> HttpResponse:
    outgoing = outgoing_of(request, outgoing_id)
    try:
        row = queue.try_refused(outgoing) if request.POST.get("how") == "same" else queue.send_again(outgoing)
    except GiveUp as problem:
        toasts.error(request, problem.sentence)
        return redirect("outbox")
    return redirect("draft", row.pk) if row.state in letter.EDITABLE else redirect("outbox")


@login_required
@require_POST
@private
def sent_dismiss(request: HttpRequest, outgoing_id: int) -> HttpResponse:
    queue.dismiss(outgoing_of(request, outgoing_id))
    return redirect("outbox")

"""Contacts in and out: files looked at before they are taken in, vCards to take along."""

from collections.abc import Iterator
from typing import Any

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from webmail.contacts import book, taking_in
from webmail.errors import GiveUp, MailError
from webmail.mime import findings
from webmail.mime.person_card import LARGEST, MOST_CARDS
from webmail.mime.person_card_out import write
from webmail.models import Contact, ContactImport
from webmail.sync import bodies

from .access import message_of, user_of
from .contacts import LARGEST_ID, book_page, contact_of, number_of, private
from .contacts_edit import group_or_404
from .message import begun, download

KIND = "text/vcard; charset=utf-8"
LISTED = 200


@login_required
@require_safe
def contacts_export(request: HttpRequest) -> HttpResponseBase:
    """All contacts, or those of a ``group``, in one file; ``version`` 4.0 or 3.0."""
    own = Contact.objects.filter(user_id=user_of(request).pk, removed_at__isnull=True)
    name = "Contacts"
    if request.GET.get("group"):
        group = group_or_404(request, number_of(request.GET["group"]))
        own, name = own.filter(groups=group), group.name
    rows = own.order_by("sort_key", "pk").prefetch_related("addresses", "groups")
    version = _version(request)
    pieces: Iterator[bytes] = (write(book.card_of(each), version) for each in rows.iterator(chunk_size=500))
    return download(begun(pieces), KIND, f"{name} {timezone.now():%Y-%m-%d}.vcf")


@login_required
@require_safe
def contact_export(request: HttpRequest, contact_id: int) -> HttpResponseBase:
    contact = contact_of(request, contact_id)
    return download(iter([write(book.card_of(contact), _version(request))]), KIND, f"{contact}.vcf")


def _version(request: HttpRequest) -> str:
    return "3.0" if request.GET.get("version") == "3.0" else "4.0"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@private
def contacts_import(request: HttpRequest) -> HttpResponse:
    """A form for a file; what would come of it is shown before it does."""
    error = ""
    if request.method == "POST":
        file = request.FILES.get("file")
        if file is None:
            error = "Choose a file."
        elif file.size is None or file.size > LARGEST:
            error = f"The file is larger than {LARGEST // 1_000_000} MB."
        else:
            try:
                kept = taking_in.keep(user_of(request), file.read(), file.name or "")
            except GiveUp as problem:
                error = problem.sentence
            else:
                return redirect("contacts-import-look", kept.pk)
    context = {"error": error, "limit": LARGEST // 1_000_000, "most": f"{MOST_CARDS:,}"}
    return render(
        request, "contacts/import.html", book_page(request, section="import") | context, status=422 if error else 200
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@private
def contacts_import_look(request: HttpRequest, import_id: int) -> HttpResponse:
    own = ContactImport.objects.filter(user_id=user_of(request).pk)
    kept = own.filter(pk=import_id).first() if import_id < LARGEST_ID else None
    if kept is None:
        raise Http404
    if request.method == "POST":
        try:
            new, changed = taking_in.take_in(user_of(request), kept)
        except GiveUp as problem:
            return _look(request, kept, problem.sentence)
        toasts.success(request, _said(new, changed))
        return redirect("contacts")
    return _look(request, kept)


def _look(request: HttpRequest, kept: ContactImport, error: str = "") -> HttpResponse:
    plan = taking_in.plan(user_of(request), kept)
    entries = [*plan.new, *plan.completed]
    context: dict[str, Any] = book_page(request, section="import") | {
        "kept": kept,
        "plan": plan,
        "error": error,
        "entries": entries[:LISTED],
        "further": max(0, len(entries) - LISTED),
    }
    return render(
        request,
        "contacts/import_look.html",
        book_page(request, section="import") | context,
        status=422 if error else 200,
    )


def _said(new: int, changed: int) -> str:
    if not new and not changed:
        return "Everything was here already"
    parts = [f"{new:,} added" if new else "", f"{changed:,} completed" if changed else ""]
    return f"Contacts: {', '.join(filter(None, parts))}"


@login_required
@require_POST
def card_import(request: HttpRequest, message_id: int, section: str) -> HttpResponse:
    """The business cards of a message, looked at like a file."""
    message = message_of(request, message_id)
    try:
        part = bodies.find_part(message, section)
        if findings.kind(part) != "vcard" or part.size > LARGEST:
            raise Http404
        kept = taking_in.keep(user_of(request), bodies.content(message, part), part.filename or "Card")
    except MailError as problem:
        toasts.error(request, problem.sentence)
        return redirect("message-findings", message.pk)
    return redirect("contacts-import-look", kept.pk)

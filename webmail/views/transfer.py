"""Mail in and out in bulk: downloads of folders and accounts, the import of a file, and how a transfer is doing."""

from typing import Any, cast

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.files.uploadhandler import MemoryFileUploadHandler, TemporaryFileUploadHandler
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import redirect, render
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from webmail.errors import GiveUp, MailError
from webmail.models import Folder, Transfer
from webmail.transfer import export, jobs
from webmail.transfer.names import safe_name

from .access import account_of, folder_of, user_of
from .parts import begun, download, unavailable
from .transfer_state import progress

FORM_OCTETS = 1024 * 1024  # what a form has beside its file
RECENT = 5
POLL_SECONDS = 2


@login_required
@require_GET
def account_export(request: HttpRequest, account_id: int) -> HttpResponseBase:
    """Everything in the account: a zip archive of .eml files in directories, or of one mbox per folder."""
    account = account_of(request, account_id)
    kind = _format(request)
    name = f"{safe_name(str(account), 'mail')} {timezone.now():%Y-%m-%d}{' mbox' if kind == 'mbox' else ''}.zip"
    try:
        pieces = begun(export.account_archive(account, kind))
    except MailError as error:
        return unavailable(request, error)
    return download(pieces, "application/zip", name)


@login_required
@require_GET
def folder_export(request: HttpRequest, folder_id: int) -> HttpResponseBase:
    folder = folder_of(request, folder_id)
    kind = _format(request)
    name = f"{safe_name(folder.leaf, 'mail')} {timezone.now():%Y-%m-%d}.{kind}"
    try:
        pieces = begun(export.folder_archive(folder, kind))
    except MailError as error:
        return unavailable(request, error)
    return download(pieces, "application/mbox" if kind == "mbox" else "application/zip", name)


@csrf_exempt  # checked below: the check reads the form, and the form may be too large to be read
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def folder_import(request: HttpRequest, folder_id: int) -> HttpResponse:
    """A form for an mbox, a zip archive or a message, and what became of earlier ones."""
    folder = folder_of(request, folder_id)
    if request.method != "POST":
        return _import_page(request, folder)
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > settings.MAX_IMPORT_BYTES + FORM_OCTETS:
        return _import_page(request, folder, error=f"The file is larger than {_limit()}.", status=413)
    # Instead of those with the ceiling of an attachment; the file goes to the disk as it comes.
    request.upload_handlers = [MemoryFileUploadHandler(request), TemporaryFileUploadHandler(request)]
    return cast(HttpResponse, _received(request, folder))


@csrf_protect
def _received(request: HttpRequest, folder: Folder) -> HttpResponse:
    try:
        file = request.FILES.get("file")
    except MultiPartParserError:
        file = None
    if file is None:
        return _import_page(request, folder, error="Choose a file.", status=422)
    try:
        transfer = jobs.import_file(user_of(request), folder, file, file.name or "")
    except GiveUp as problem:
        return _import_page(request, folder, error=problem.sentence, status=422)
    return redirect("transfer", transfer.pk)


@login_required
@require_GET
def transfer_page(request: HttpRequest, transfer_id: int) -> HttpResponse:
    """How far it is; reads itself again while it goes on."""
    return _transfer_page(request, transfer_of(request, transfer_id))


@login_required
@require_POST
def transfer_cancel(request: HttpRequest, transfer_id: int) -> HttpResponse:
    transfer = transfer_of(request, transfer_id)
    jobs.cancel(transfer)
    return _back(transfer)


@login_required
@require_POST
def transfer_resume(request: HttpRequest, transfer_id: int) -> HttpResponse:
    """Go on where it stopped; messages that failed are tried again."""
    transfer = transfer_of(request, transfer_id)
    try:
        jobs.go_on(transfer)
    except GiveUp as problem:
        return _transfer_page(request, transfer, error=problem.sentence, status=409)
    return _back(transfer)


def transfer_of(request: HttpRequest, transfer_id: int) -> Transfer:
    rows = Transfer.objects.select_related("target", "source")
    transfer = rows.filter(pk=transfer_id, user=user_of(request)).first()
    if transfer is None:
        raise Http404
    return transfer


def _back(transfer: Transfer) -> HttpResponse:
    if transfer.kind == Transfer.Kind.COPY and transfer.source_id is not None:
        return redirect("account-move", transfer.source_id)
    return redirect("transfer", transfer.pk)


def _transfer_page(request: HttpRequest, transfer: Transfer, *, status: int = 200, error: str = "") -> HttpResponse:
    context = {
        "transfer": transfer,
        "progress": progress(transfer),
        "poll_seconds": POLL_SECONDS,
        "error": error,
        "section": "accounts",
    }
    return render(request, "transfer/transfer.html", context, status=status)


def _import_page(request: HttpRequest, folder: Folder, *, status: int = 200, error: str = "") -> HttpResponse:
    earlier = Transfer.objects.filter(
        user=user_of(request), kind=Transfer.Kind.UPLOAD, target=folder.account, folders__target_name=folder.name
    )
    context: dict[str, Any] = {
        "folder": folder,
        "limit": _limit(),
        "error": error,
        "earlier": list(earlier[:RECENT]),
        "section": "accounts",
    }
    return render(request, "transfer/import.html", context, status=status)


def _limit() -> str:
    return filesizeformat(settings.MAX_IMPORT_BYTES)


def _format(request: HttpRequest) -> export.Format:
    wanted = request.GET.get("format", "zip")
    if wanted == "zip":
        return "zip"
    if wanted == "mbox":
        return "mbox"
    raise Http404

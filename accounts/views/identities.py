"""Identities: the list of them, one of them, and the pictures of their signatures."""

from typing import BinaryIO, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import attempts, identities
from accounts.access import account_of, identity_of, person, picture_of
from accounts.identity_forms import IdentityForm, picture_url
from accounts.models import Identity, MailAccount
from accounts.signin import Refused


@login_required
@require_GET
def identities_page(request: HttpRequest) -> HttpResponse:
    accounts = MailAccount.objects.filter(user=person(request)).prefetch_related("identities__sent_folder")
    return render(request, "accounts/identities.html", {"accounts": accounts, "section": "identities"})


@login_required
@sensitive_post_parameters("smtp_password")
@require_http_methods(["GET", "HEAD", "POST"])
def identity_add(request: HttpRequest, account_id: int) -> HttpResponse:
    account = account_of(request, account_id)
    return _identity_page(request, Identity(account=account, address=account.address))


@login_required
@sensitive_post_parameters("smtp_password")
@require_http_methods(["GET", "HEAD", "POST"])
def identity_edit(request: HttpRequest, identity_id: int) -> HttpResponse:
    return _identity_page(request, identity_of(request, identity_id))


@sensitive_variables("form")
def _identity_page(request: HttpRequest, identity: Identity) -> HttpResponse:
    account = identity.account
    allowed = identities.server_allowed() or bool(identity.smtp_host)
    form = IdentityForm(identity, request.POST if request.method == "POST" else None, server_allowed=allowed)
    status = 200
    if request.method == "POST":
        status = 422
        asks = form.is_valid() and bool(form.cleaned_data["smtp_host"])
        if asks and not attempts.may_try(request, account.address):
            form.add_error(None, attempts.TOO_MANY)
            status = 429
        elif form.is_valid():
            try:
                said = identities.save(identity, form)
            except Refused as refused:
                form.refuse(refused.errors)
                form.sending_failed = refused.sending_failed
                identity = Identity.objects.filter(pk=identity.pk).select_related("account").first() or identity
            else:
                if asks:
                    attempts.forget(request, account.address)
                messages.success(request, "Saved.")
                for sentence in said:
                    messages.warning(request, sentence)
                return redirect("settings-identities")
    context = {"form": form, "identity": identity, "account": account, "allowed": allowed, "section": "identities"}
    return render(request, "accounts/identity.html", context, status=status)


@login_required
@require_POST
def identity_remove(request: HttpRequest, identity_id: int) -> HttpResponse:
    """The last one stays: without an address nothing can be written."""
    identity = identity_of(request, identity_id)
    address = identity.address
    try:
        identities.remove(identity)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, f"{address} was removed from your identities.")
    return redirect("settings-identities")


@login_required
@require_POST
def identity_up(request: HttpRequest, identity_id: int) -> HttpResponse:
    identities.move_up(identity_of(request, identity_id))
    return redirect("settings-identities")


@login_required
@require_POST
def picture_add(request: HttpRequest, account_id: int) -> JsonResponse:
    """A picture for a signature; only the editor asks for this."""
    account = account_of(request, account_id)
    upload = request.FILES.get("file")
    if upload is None:
        return JsonResponse({"error": "There is no file."}, status=422)
    try:
        row = identities.keep_picture(account, cast(BinaryIO, upload.file), upload.name or "")
    except Refused as refused:
        return JsonResponse({"error": str(refused)}, status=422)
    return JsonResponse({"url": picture_url(row)})


@login_required
@require_GET
@cache_control(private=True, max_age=3600)
def picture_content(request: HttpRequest, signature_picture_id: int) -> FileResponse:
    picture = picture_of(request, signature_picture_id)
    try:
        stream = picture.file.storage.open(str(picture.file.name), "rb")
    except OSError:
        raise Http404 from None
    response = FileResponse(stream, content_type=picture.content_type)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response

"""Identities, appearance, security."""

from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import browsers
from accounts.access import account_of, identity_of, person
from accounts.models import Browser, Identity, MailAccount
from accounts.preferences import AppearanceForm, IdentityForm


@login_required
@require_GET
def settings_page(request: HttpRequest) -> HttpResponse:
    return redirect("settings-accounts")


@login_required
@require_GET
def identities_page(request: HttpRequest) -> HttpResponse:
    accounts = MailAccount.objects.filter(user=person(request)).prefetch_related("identities")
    return render(request, "accounts/identities.html", {"accounts": accounts, "section": "identities"})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def identity_add(request: HttpRequest, account_id: int) -> HttpResponse:
    account = account_of(request, account_id)
    return _identity_page(request, Identity(account=account, address=account.address))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def identity_edit(request: HttpRequest, identity_id: int) -> HttpResponse:
    return _identity_page(request, identity_of(request, identity_id))


@login_required
@require_POST
def identity_remove(request: HttpRequest, identity_id: int) -> HttpResponse:
    """The last one stays: without an address nothing can be written."""
    identity = identity_of(request, identity_id)
    with transaction.atomic():
        others = Identity.objects.filter(account=identity.account).exclude(pk=identity.pk)
        heir = others.first()
        if heir is None:
            messages.error(request, f"This is the only identity of {identity.account}, so it stays.")
            return redirect("settings-identities")
        if identity.is_default:
            others.filter(pk=heir.pk).update(is_default=True)
        identity.delete()
    messages.success(request, f"{identity.address} was removed from your identities.")
    return redirect("settings-identities")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def appearance_page(request: HttpRequest) -> HttpResponse:
    form = AppearanceForm(request.POST if request.method == "POST" else None, instance=person(request))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Saved.")
        return redirect("settings-appearance")
    status = 422 if request.method == "POST" else 200
    return render(request, "accounts/appearance.html", {"form": form, "section": "appearance"}, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def security_page(request: HttpRequest) -> HttpResponse:
    """POST ends every session of the person; with ``here`` this one, too."""
    user = person(request)
    if request.method != "POST":
        context = {
            "account": MailAccount.objects.filter(user=user, sign_in_key__isnull=False).first(),
            "browsers": browsers.browsers_of(user),
            "here": request.session.session_key,
            "picture_choices": user.picture_choices.all(),
            "section": "security",
        }
        return render(request, "accounts/security.html", context)
    user.end_sessions()
    if "here" in request.POST:
        logout(request)
        return redirect("sign-in")
    update_session_auth_hash(request, user)
    browsers.note(request, user)
    messages.success(request, "Signed out everywhere else.")
    return redirect("settings-security")


@login_required
@require_POST
def browser_sign_out(request: HttpRequest, browser_id: int) -> HttpResponse:
    """End one session of the person."""
    browser = get_object_or_404(Browser, pk=browser_id, user=person(request))
    if browser.session_key == request.session.session_key:
        logout(request)
        return redirect("sign-in")
    browsers.end(browser)
    messages.success(request, f"{browser} was signed out.")
    return redirect("settings-security")


def _identity_page(request: HttpRequest, identity: Identity) -> HttpResponse:
    form = IdentityForm(identity, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            form.save()
        messages.success(request, "Saved.")
        return redirect("settings-identities")
    context = {"form": form, "identity": identity, "section": "identities"}
    return render(request, "accounts/identity.html", context, status=422 if request.method == "POST" else 200)

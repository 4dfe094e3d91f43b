"""Appearance, security."""

from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import browsers
from accounts.access import person
from accounts.models import Browser, MailAccount
from accounts.preferences import AppearanceForm


@login_required
@require_GET
def settings_page(request: HttpRequest) -> HttpResponse:
    return redirect("settings-accounts")


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
def receipts_choice(request: HttpRequest) -> HttpResponse:
    user = person(request)
    user.asks_receipts = request.POST.get("ask") == "yes"
    user.save(update_fields=["asks_receipts"])
    messages.success(request, "Saved.")
    return redirect(reverse("settings-security") + "#receipts")


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

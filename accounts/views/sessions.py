"""Signing in and out."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from accounts import attempts, kept
from accounts.forms import SignInForm
from accounts.landing import landing
from accounts.remembered import recall, remember
from accounts.signin import Attempt, Refused, SignedIn, sign_in

BACKEND = "accounts.sessions.PersonBackend"


@never_cache
@sensitive_post_parameters("password", "smtp_password")
@sensitive_variables("form", "attempt")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_page(request: HttpRequest) -> HttpResponse:
    target = next_page(request)
    if request.user.is_authenticated:
        return redirect(target)
    if request.method != "POST":
        return _page(request, SignInForm(), target)
    form = SignInForm(request.POST, kept=kept.recall(request))
    if not form.is_valid():
        return _page(request, form, target, status=422)
    if not attempts.may_try(request, form.cleaned_data["address"]):
        form.add_error(None, attempts.TOO_MANY)
        return _page(request, form, target, status=429)
    attempt = form.attempt()
    try:
        done = sign_in(attempt, recall(request, attempt.address))
    except Refused as refused:
        refuse(request, form, attempt, refused)
        return _page(request, form, target, status=422)
    return _signed_in(request, done, form.cleaned_data["address"], target)


def refuse(request: HttpRequest, form: SignInForm, attempt: Attempt, refused: Refused) -> None:
    """Put the sentences at their fields. A password the incoming server has accepted need not be typed again."""
    form.refuse(refused.errors)
    form.sending_failed = refused.sending_failed
    form.password_accepted = refused.sending_failed
    if refused.sending_failed:
        kept.keep(request, attempt.password, attempt.smtp_password)
    else:
        kept.forget(request)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("sign-in")


def next_page(request: HttpRequest) -> str:
    """Where to go afterwards, if it is a page of this site."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    hosts = {request.get_host()}
    # What does not begin with a slash would be taken for the name of a view.
    if wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, hosts, require_https=request.is_secure()):
        return wanted
    return str(resolve_url(settings.LOGIN_REDIRECT_URL))


def _signed_in(request: HttpRequest, done: SignedIn, address: str, target: str) -> HttpResponse:
    attempts.forget(request, address)
    # A new session key and nothing of what an earlier person of this browser left behind.
    request.session.flush()
    login(request, done.account.user, backend=BACKEND)
    for sentence in done.said:
        messages.warning(request, sentence)
    # Straight to the inbox, where that is what the home page would answer.
    at_home = target == resolve_url(settings.LOGIN_REDIRECT_URL)
    response = redirect((at_home and landing(done.account.user_id)) or target)
    remember(request, response, address, done.found)
    return response


def _page(request: HttpRequest, form: SignInForm, target: str, status: int = 200) -> HttpResponse:
    return render(
        request,
        "accounts/sign_in.html",
        {
            "form": form,
            "next": target,
            "product": settings.PRODUCT_NAME,
            "any_server": settings.ALLOW_ANY_SERVER,
        },
        status=status,
    )

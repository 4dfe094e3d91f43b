"""The accounts of a person: how each fares, adding, changing, trying, pausing and removing them."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import attempts, edit, kept
from accounts.access import account_of, person
from accounts.check import in_lines
from accounts.forms import AccountForm, SignInForm
from accounts.models import MailAccount
from accounts.register import look_again
from accounts.signin import Refused
from accounts.status import fetching, looked_at, state_of
from webmail.models import Folder
from webmail.models.mirror import announce

from .pop3 import edit_pop3, tested_page
from .sessions import refuse


@login_required
@require_GET
def accounts_page(request: HttpRequest) -> HttpResponse:
    accounts = list(MailAccount.objects.filter(user=person(request)).select_related("sync", "download"))
    lines = [(account, looked_at(account), fetching(account), *state_of(account)) for account in accounts]
    return render(request, "accounts/accounts.html", {"lines": lines, "section": "accounts"})


@login_required
@sensitive_post_parameters("password", "smtp_password")
@sensitive_variables("form", "attempt")
@require_http_methods(["GET", "HEAD", "POST"])
def account_add(request: HttpRequest) -> HttpResponse:
    user = person(request)
    form = SignInForm(request.POST, kept=kept.recall(request)) if request.method == "POST" else SignInForm()
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid() and not attempts.may_try(request, form.cleaned_data["address"]):
            form.add_error(None, attempts.TOO_MANY)
            status = 429
        elif form.is_valid():
            attempt = form.attempt()
            try:
                account, said = edit.add(user, attempt)
            except Refused as refused:
                refuse(request, form, attempt, refused)
            else:
                kept.forget(request)
                attempts.forget(request, account.address)
                for sentence in said or (f"{account.address} was added; its mail is on the way.",):
                    messages.success(request, sentence)
                return redirect("settings-accounts")
    context = {"form": form, "section": "accounts", "any_server": settings.ALLOW_ANY_SERVER, "kind": "imap"}
    return render(request, "accounts/account_add.html", context, status=status)


@login_required
@sensitive_post_parameters("password", "smtp_password")
@sensitive_variables("form", "changes")
@require_http_methods(["GET", "HEAD", "POST"])
def account_edit(request: HttpRequest, account_id: int) -> HttpResponse:
    account = account_of(request, account_id)
    if account.is_local:
        return edit_pop3(request, account)
    fixed = edit.servers_fixed(account)
    form = AccountForm(account, servers_fixed=fixed, data=request.POST if request.method == "POST" else None)
    if request.method != "POST":
        return _edit_page(request, account, form, fixed)
    if not form.is_valid():
        return _edit_page(request, account, form, fixed, status=422)
    if not attempts.may_try(request, account.address):
        form.add_error(None, attempts.TOO_MANY)
        return _edit_page(request, account, form, fixed, status=429)
    data = form.cleaned_data
    changes = edit.Changes(
        data["name"],
        form.typed(),
        data["password"],
        data["smtp_password"],
        bool(data["saves_sent"]),
        bool(data["without_sending"]),
        data["authserv_id"],
    )
    try:
        said = edit.save(account, changes)
    except Refused as refused:
        form.refuse(refused.errors)
        form.sending_failed = refused.sending_failed
        return _edit_page(request, account_of(request, account_id), form, fixed, status=422)
    attempts.forget(request, account.address)
    for sentence in said or (f"{account} was saved.",):
        messages.success(request, sentence)
    return redirect("settings-accounts")


@login_required
@require_POST
def account_test(request: HttpRequest, account_id: int) -> HttpResponse:
    """Try both servers with what is stored; a fragment for htmx, the whole page otherwise."""
    account = account_of(request, account_id)
    try:
        results = in_lines(edit.check(account))
    except Refused as refused:
        results = [(False, sentence) for _, sentence in refused.errors]
    if results[0][0]:
        look_again(account)
    if request.headers.get("HX-Request"):
        return render(request, "accounts/_results.html", {"results": results})
    if account.is_local:
        return tested_page(request, account, results)
    fixed = edit.servers_fixed(account)
    return _edit_page(request, account, AccountForm(account, servers_fixed=fixed), fixed, results=results)


@login_required
@require_POST
def account_pause(request: HttpRequest, account_id: int) -> HttpResponse:
    """Pause, or go on."""
    account = account_of(request, account_id)
    with transaction.atomic():
        account.paused = not account.paused
        account.save(update_fields=["paused"])
        if account.paused:
            announce(account.user_id)
        else:
            look_again(account)
    messages.success(request, f"{account} is paused." if account.paused else f"{account} goes on.")
    return redirect("account-edit", account.pk) if "stay" in request.POST else redirect("settings-accounts")


@login_required
@require_POST
def account_sign_in(request: HttpRequest, account_id: int) -> HttpResponse:
    """Make this the account the person signs in with."""
    account = account_of(request, account_id)
    try:
        edit.sign_in_with(account)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, f"You now sign in with {account.address}.")
    return redirect("settings-accounts")


def _edit_page(
    request: HttpRequest,
    account: MailAccount,
    form: AccountForm,
    fixed: bool,
    *,
    status: int = 200,
    results: list[tuple[bool, str]] | None = None,
) -> HttpResponse:
    kind, sentence = state_of(account)
    context = {
        "account": account,
        "form": form,
        "fixed": fixed,
        "results": results,
        "state": kind,
        "sentence": sentence,
        "folders": Folder.objects.filter(account=account, hidden=False).count(),
        "section": "accounts",
    }
    return render(request, "accounts/account_edit.html", context, status=status)

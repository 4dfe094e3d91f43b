"""Accounts that download by POP3: adding and changing them, asking now, and how far a download is."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import attempts, kept, pop3
from accounts.access import account_of, person
from accounts.check import in_lines
from accounts.models import MailAccount
from accounts.pop3_forms import PopAddForm, PopEditForm
from accounts.register import look_again
from accounts.signin import Refused
from accounts.status import fetching, state_of
from webmail.models import Download, Folder
from webmail.sync.senders import trust


@login_required
@sensitive_post_parameters("password", "smtp_password")
@sensitive_variables("form", "attempt")
@require_http_methods(["GET", "HEAD", "POST"])
def account_add_pop3(request: HttpRequest) -> HttpResponse:
    user = person(request)
    if request.method != "POST":
        return _add_page(request, PopAddForm())
    form = PopAddForm(request.POST, kept=kept.recall(request))
    if "test" in request.POST:
        return _tried(request, form)
    if not form.is_valid():
        return _add_page(request, form, status=422)
    address = form.cleaned_data["address"]
    if not attempts.may_try(request, address):
        form.add_error(None, attempts.TOO_MANY)
        return _add_page(request, form, status=429)
    attempt = form.attempt()
    try:
        account, said = pop3.add(user, address, attempt, form.cleaned_data["folder_name"])
    except Refused as refused:
        form.refuse(refused.errors)
        form.sending_failed = form.password_accepted = refused.sending_failed
        if refused.sending_failed:
            kept.keep(request, attempt.password, attempt.smtp_password)
        else:
            kept.forget(request)
        return _add_page(request, form, status=422)
    kept.forget(request)
    attempts.forget(request, address)
    for sentence in said:
        messages.success(request, sentence)
    return redirect("account-edit", account.pk)


@sensitive_variables("form", "attempt")
def edit_pop3(request: HttpRequest, account: MailAccount) -> HttpResponse:
    download = _download(account)
    form = PopEditForm(account, download, request.POST if request.method == "POST" else None)
    if request.method != "POST":
        return edit_page(request, account, form)
    if not form.is_valid():
        return edit_page(request, account, form, status=422)
    if not attempts.may_try(request, account.address):
        form.add_error(None, attempts.TOO_MANY)
        return edit_page(request, account, form, status=429)
    attempt = form.attempt()
    try:
        said = pop3.save(account, attempt, form.cleaned_data["folder"])
        trust(account, form.cleaned_data["authserv_id"])
    except Refused as refused:
        form.refuse(refused.errors)
        form.sending_failed = refused.sending_failed
        return edit_page(request, account_of(request, account.pk), form, status=422)
    attempts.forget(request, account.address)
    for sentence in said or (f"{account} was saved.",):
        messages.success(request, sentence)
    return redirect("account-edit", account.pk)


@login_required
@require_POST
def account_import(request: HttpRequest, account_id: int) -> HttpResponse:
    """Ask the server now, whatever the schedule and earlier failures say."""
    account = _local(request, account_id)
    if account.paused:
        messages.error(request, f"{account} is paused. Resume it first.")
    elif _download(account) is None:
        messages.error(request, f"Nothing is downloaded into {account}.")
    else:
        look_again(account)
    if request.headers.get("HX-Request"):
        return _fragment(request, account_of(request, account_id))
    return redirect("account-edit", account.pk)


@login_required
@require_GET
def account_progress(request: HttpRequest, account_id: int) -> HttpResponse:
    """How the download is doing, for a page that stays open."""
    return _fragment(request, _local(request, account_id))


def edit_page(
    request: HttpRequest,
    account: MailAccount,
    form: PopEditForm,
    *,
    status: int = 200,
    results: list[tuple[bool, str]] | None = None,
) -> HttpResponse:
    state, sentence = state_of(account)
    context: dict[str, Any] = {
        "account": account,
        "form": form,
        "fixed": pop3.servers_fixed(),
        "results": results,
        "fetching": fetching(account),
        "state": state,
        "sentence": sentence,
        "folders": Folder.objects.filter(account=account, hidden=False).count(),
        "section": "accounts",
    }
    return render(request, "accounts/pop3_edit.html", context, status=status)


def tested_page(request: HttpRequest, account: MailAccount, results: list[tuple[bool, str]]) -> HttpResponse:
    return edit_page(request, account, PopEditForm(account, _download(account)), results=results)


@sensitive_variables("form", "attempt")
def _tried(request: HttpRequest, form: PopAddForm) -> HttpResponse:
    """Say a line about each server; a fragment for htmx, else the page, on which an accepted password is remembered."""
    results: list[tuple[bool, str]] = []
    if not form.is_valid():
        results = [(False, f"{_label(form, name)}{errors[0]}") for name, errors in form.errors.items()]
    elif not attempts.may_try(request, form.cleaned_data["address"]):
        results = [(False, attempts.TOO_MANY)]
    else:
        attempt = form.attempt()
        try:
            checks = pop3.check_entered(form.cleaned_data["address"], attempt)
        except Refused as refused:
            results = [(False, sentence) for _, sentence in refused.errors]
        else:
            results = in_lines(checks)
            if checks[0].ok:
                form.password_accepted = True
                kept.keep(request, attempt.password, attempt.smtp_password)
    if request.headers.get("HX-Request"):
        return render(request, "accounts/_results.html", {"results": results})
    return _add_page(request, form, status=200 if form.is_valid() else 422, results=results)


def _label(form: PopAddForm, name: str) -> str:
    return f"{form.fields[name].label}: " if name in form.fields else ""


def _add_page(
    request: HttpRequest, form: PopAddForm, status: int = 200, results: list[tuple[bool, str]] | None = None
) -> HttpResponse:
    context = {
        "form": form,
        "section": "accounts",
        "fixed": not pop3.may_add(),
        "kind": "pop3",
        "results": results,
    }
    return render(request, "accounts/pop3_add.html", context, status=status)


def _fragment(request: HttpRequest, account: MailAccount) -> HttpResponse:
    return render(request, "accounts/_fetching.html", {"account": account, "fetching": fetching(account)})


def _local(request: HttpRequest, account_id: int) -> MailAccount:
    account = account_of(request, account_id)
    if not account.is_local:
        raise Http404
    return account


def _download(account: MailAccount) -> Download | None:
    return getattr(account, "download", None)

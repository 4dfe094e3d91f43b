"""Removing an account. What lives nowhere else is asked about separately."""

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.access import account_of
from accounts.models import MailAccount
from accounts.pop3 import stop_download
from accounts.removal import remove_account
from webmail.models import Message

UNDECIDED = "Say what becomes of the messages: they are stored nowhere but here."


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def account_remove(request: HttpRequest, account_id: int) -> HttpResponse:
    account = account_of(request, account_id)
    others = MailAccount.objects.filter(user=account.user).exclude(pk=account.pk)
    count = Message.objects.filter(account=account).count()
    needed = account.signs_in and others.exists()
    asks = account.is_local and count > 0
    fate = request.POST.get("mail") if asks else "delete"
    if request.method == "POST" and not needed:
        if fate == "keep" and getattr(account, "download", None) is not None:
            stop_download(account)
            messages.success(request, f"Nothing is downloaded into {account} any more. Its mail stays here.")
            return redirect("settings-accounts")
        if fate == "delete":
            address = account.address
            if remove_account(account):
                logout(request)
                return redirect("sign-in")
            messages.success(request, f"{address} was removed from here. The mailbox itself is untouched.")
            return redirect("settings-accounts")
    context = {
        "account": account,
        "needed": needed,
        "only_pop3": needed and not others.filter(kind=MailAccount.Kind.IMAP).exists(),
        "alone": not others.exists() and not account.user.is_staff,
        "count": count,
        "asks": asks,
        "undecided": UNDECIDED if request.method == "POST" and not needed else "",
        "waiting": account.pending_actions.filter(state__in=["pending", "running"]).count(),
        "outgoing": account.outgoing.filter(discarded=False).exclude(state="sent").count(),
        "section": "accounts",
    }
    status = 200 if request.method != "POST" else 409 if needed else 422
    return render(request, "accounts/account_remove.html", context, status=status)

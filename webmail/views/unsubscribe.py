"""Leaving a list: what would happen, then one request, a mail that is prepared, or the page of whoever sent it."""

import logging
from typing import Any

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from webmail.errors import MailError
from webmail.mime.domains import shown
from webmail.mime.headers import display_text
from webmail.mime.links import target
from webmail.mime.mailing import Mailing, mailto
from webmail.models import Message, Unsubscribed
from webmail.outbox.unsubscribe import by_mail, key_of, left, remember
from webmail.outside.address import Refused
from webmail.outside.gate import Gate
from webmail.outside.leave import leave
from webmail.sync.rendering import ask_first

from . import senders
from .access import message_of, user_of
from .when import clock_of

logger = logging.getLogger(__name__)

SECONDS = 10.0
FAILED = "The sender’s server did not take it, so you are still on the list. Try again later, or another way."
BUSY = "Too much is being asked of other servers right now. Try again in a moment."
gate = Gate(most=4, each=2)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, message_id: int) -> HttpResponse:
    """For the card of a message a fragment; without a script a page of its own. A POST does what ``way`` says."""
    message = message_of(request, message_id)
    mailing = senders.mailing_of(message)
    if not mailing.can_leave:
        raise Http404
    if request.method != "POST":
        return _page(request, message, mailing)
    way = request.POST.get("way", "")
    if way == Unsubscribed.Way.POST and mailing.one_click:
        return _one_click(request, message, mailing)
    if way == Unsubscribed.Way.MAIL and mailing.mail:
        try:
            draft = by_mail(user_of(request), message, mailing)
        except MailError as error:
            return _page(request, message, mailing, trouble=error.sentence, status=422)
        toasts.info(request, "This mail asks to take you off the list. Send it when you are ready.")
        return redirect("draft", draft.pk)
    page = ask_first(mailing.url, "") if way == Unsubscribed.Way.LINK and mailing.url else None
    if page is None:
        return _page(request, message, mailing, trouble="This way is not open here.", status=422)
    remember(message, mailing, Unsubscribed.Way.LINK)
    return redirect(page)


def _one_click(request: HttpRequest, message: Message, mailing: Mailing) -> HttpResponse:
    with gate.entered(user_of(request).pk) as room:
        if not room:
            return _page(request, message, mailing, trouble=BUSY, status=503)
        try:
            leave(mailing.url, seconds=SECONDS)
        except Refused as refused:
            logger.info("unsubscribing by message %s was refused: %s", message.pk, refused)
            return _page(request, message, mailing, trouble=FAILED, status=502)
    remember(message, mailing, Unsubscribed.Way.POST)
    return _page(request, message, mailing)


def _page(
    request: HttpRequest, message: Message, mailing: Mailing, *, trouble: str = "", status: int = 200
) -> HttpResponse:
    key = key_of(message, mailing)
    done = left(user_of(request).pk, [key]).get(key)
    goes = target(mailing.url)
    context: dict[str, Any] = {
        "message": message,
        "mailing": mailing,
        "list": mailing.name or display_text(message.from_name or message.from_address),
        "address": message.account.address,
        "host": shown(goes.domain) or goes.host,
        "mail": display_text(mailto(mailing.mail)[0]),
        "outcome": senders.outcome(done, clock_of(request)) if done is not None else "",
        "trouble": trouble,
        "title": "Unsubscribe",
    }
    alone = request.headers.get("HX-Request") == "true"
    template = "mailbox/_unsubscribe.html" if alone else "mailbox/unsubscribe.html"
    return render(request, template, context, status=status)

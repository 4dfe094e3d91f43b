"""The answer to who asks for a receipt: given or refused, once."""

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from webmail.errors import MailError
from webmail.outbox.receipt import give, refuse

from . import senders
from .access import message_of, user_of

CHOICES = {"send": (give, "The receipt is on its way."), "no": (refuse, "No receipt is sent.")}


@login_required
@require_POST
def message_receipt(request: HttpRequest, message_id: int) -> HttpResponse:
    """For a script the piece of the card; else back to the mail."""
    message = message_of(request, message_id)
    found = CHOICES.get(request.POST.get("choice", ""))
    if found is None:
        return HttpResponse("There is no such choice.", status=422)
    decide, said = found
    trouble = ""
    try:
        decide(user_of(request), message)
    except MailError as error:
        trouble, said = error.sentence, ""
    if request.headers.get("HX-Request") == "true":
        asks = senders.receipt_line(message_of(request, message_id)) if trouble else ""
        context = {"message": message, "asks": asks, "said": said, "trouble": trouble}
        return render(request, "mailbox/_receipt.html", context)
    if trouble:
        toasts.error(request, trouble)
    else:
        toasts.success(request, said)
    return redirect("conversation", message.shown_in_id, message.conversation_id)

"""The original of a message: its header, field by field, to be searched; and the beginning of its source."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from webmail.errors import GiveUp, MailError
from webmail.mime.headers import display_text
from webmail.mime.original import as_written, fields_of, matching
from webmail.sync import bodies

from .access import message_of

LONGEST_SHOWN = 256 * 1024
LONGEST_FILTER = 200


@login_required
@require_safe
def message_original(request: HttpRequest, message_id: int) -> HttpResponse:
    """``q`` filters the fields, ``folded`` shows them as they are broken into lines."""
    message = message_of(request, message_id)
    wanted = request.GET.get("q", "")[:LONGEST_FILTER]
    context = {
        "message": message,
        "title": display_text(message.subject).strip() or "(no subject)",
        "q": wanted,
        "folded": "folded" in request.GET,
        "back": reverse("conversation", args=[message.shown_in_id, message.conversation_id]),
    }
    try:
        fields = fields_of(bodies.headers(message))
    except MailError as error:
        again = "" if isinstance(error, GiveUp) else request.get_full_path()
        context |= {"sentence": error.sentence, "again": again}
        return render(request, "mailbox/original.html", context, status=503 if again else 404)
    context |= {"fields": matching(fields, wanted), "count": len(fields)}
    return render(request, "mailbox/original.html", context)


@login_required
@require_safe
def message_text(request: HttpRequest, message_id: int) -> HttpResponse:
    """The beginning of the source, as it came: for htmx into the page above, else a page of its own."""
    message = message_of(request, message_id)
    context = {"message": message, "title": display_text(message.subject).strip() or "(no subject)"}
    status = 200
    try:
        source = bodies.beginning(message, LONGEST_SHOWN)
    except MailError as error:
        context["sentence"] = error.sentence
        status = 404 if isinstance(error, GiveUp) else 503
    else:
        context["text"] = as_written(source.decode("utf-8", "replace"))
        context["longer"] = message.size > LONGEST_SHOWN
    alone = request.headers.get("HX-Request") == "true"
    template = "mailbox/_original_text.html" if alone else "mailbox/original_text.html"
    # A fragment that says what is wrong is shown as well.
    return render(request, template, context, status=200 if alone else status)

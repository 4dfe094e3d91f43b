"""What is inside a message: the findings beside its text, enclosed messages as pages of their own, invitations answered."""

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from webmail.errors import GiveUp, MailError
from webmail.mime.findings import is_explained
from webmail.mime.headers import addresses, display_text, first, parse_header_block
from webmail.mime.parts import choose
from webmail.models import Message
from webmail.outbox.invitation import VERBS, respond
from webmail.sync import bodies, rendering

from . import findings, frame
from .access import message_of, user_of
from .policy import MESSAGE_POLICY
from .reader import attachment_of
from .when import clock_of


@login_required
@require_safe
def message_findings(request: HttpRequest, message_id: int) -> HttpResponse:
    """For the card of an open message a fragment; without a script a page of its own."""
    message = message_of(request, message_id)
    found = findings.find(message, clock_of(request))
    template = "mailbox/_findings.html" if request.headers.get("HX-Request") == "true" else "mailbox/findings.html"
    return render(request, template, {"message": message, "found": found, "title": _title(message)})


@login_required
@require_safe
def enclosed_message(request: HttpRequest, message_id: int, section: str) -> HttpResponse:
    """The page of a message inside a message: who, when, its text in a frame, its files, what is inside it in turn."""
    message = message_of(request, message_id)
    clock = clock_of(request)
    try:
        header, root = bodies.enclosed(message, section)
    except GiveUp:
        raise Http404 from None
    except MailError as error:
        context = {"message": message, "sentence": error.sentence, "title": _title(message)}
        return render(request, "mailbox/enclosed.html", context, status=503)
    fields = parse_header_block(header)
    lines = [
        (label, [(display_text(each.name), display_text(each.address)) for each in addresses(first(fields, name))[:50]])
        for label, name in (("From", "from"), ("To", "to"), ("Cc", "cc"))
    ]
    inner = [part for part in choose(root).attachments if findings.is_message(part)]
    context = {
        "message": message,
        "section": section,
        "enclosed": findings.enclosed_card(section, header, clock),
        "lines": [(label, people) for label, people in lines if people],
        "attachments": [attachment_of(part) for part in choose(root).attachments],
        "inner": [part.section for part in inner],
        "explained": is_explained(root),
        "title": _title(message),
    }
    return render(request, "mailbox/enclosed.html", context)


@login_required
@require_safe
def enclosed_body(request: HttpRequest, message_id: int, section: str) -> HttpResponse:
    """The document of its frame, behind the same policy as that of any message."""
    message = message_of(request, message_id)
    theme = user_of(request).theme
    try:
        body = rendering.rendered_enclosed(message, section)
    except MailError as error:
        again = "" if isinstance(error, GiveUp) else request.path
        document = frame.problem(error.sentence, again, theme=theme)
    else:
        document = frame.document(
            body.written,
            body.quoted,
            remote=body.remote,
            too_complex=body.too_complex,
            theme=theme,
            trackers=body.trackers,
        )
    response = HttpResponse(document)
    response.headers["Content-Security-Policy"] = MESSAGE_POLICY
    # A name that is looked up tells its owner that the mail was opened.
    response.headers["X-DNS-Prefetch-Control"] = "off"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@login_required
@require_POST
def invitation_answer(request: HttpRequest, message_id: int, section: str) -> HttpResponse:
    """Answer one event of a calendar; the reply goes through the outbox and can be taken back like any mail."""
    message = message_of(request, message_id)
    choice, index = request.POST.get("choice", ""), request.POST.get("event", "0")
    try:
        part, text = findings.calendar_text(message, section)
        calendar = findings.read_calendar(message, part, text)
        number = int(index) if index.isascii() and index.isdigit() and len(index) < 4 else -1
        if calendar is None or not 0 <= number < len(calendar.events):
            raise Http404
        respond(user_of(request), message, text, calendar.events[number], choice)
    except MailError as error:
        toasts.error(request, error.sentence)
    else:
        organizer = calendar.events[number].organizer
        to = display_text(organizer.name or organizer.address) if organizer else ""
        toasts.success(request, f"Your answer is on its way to {to}: {VERBS[choice]}.")
    return redirect("conversation", message.shown_in_id, message.conversation_id)


def _title(message: Message) -> str:
    return display_text(message.subject).strip() or "(no subject)"

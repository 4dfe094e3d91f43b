"""The files of messages: one looked at on a page of its own, all of a message or a conversation listed and packed."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from webmail.errors import GiveUp, MailError
from webmail.mime.charset import decode_text
from webmail.mime.headers import display_text
from webmail.mime.parts import Part, choose
from webmail.mime.preview import TEXT_LIMIT, preview_of, table_of
from webmail.models import Conversation, Message
from webmail.sync import bodies, pieces
from webmail.transfer import files as archives

from . import reader
from .access import conversation_of, message_of
from .parts import begun, download, file_name, unavailable
from .people import full_name
from .reader import Attachment, attachment_of
from .when import Clock, clock_of


@login_required
@require_safe
def part_view(request: HttpRequest, message_id: int, section: str) -> HttpResponse:
    """A file shown as well as it can be, with the one before and the one after it; for a script without the page around."""
    message = message_of(request, message_id)
    shown: dict[str, Any] = {}
    part, status = None, 200
    try:
        part = bodies.find_part(message, section)
        shown = _shown(message, part)
    except MailError as error:
        if part is None and isinstance(error, GiveUp):
            raise Http404 from None
        status = 404 if isinstance(error, GiveUp) else 503
        shown = {"sentence": error.sentence, "again": request.path if status == 503 else ""}
    sections = [each.section for each in files_of(message)[: reader.MOST_FILES]]
    place = sections.index(section) if section in sections else -1
    context = {
        "message": message,
        "file": attachment_of(part) if part is not None else None,
        "back": reverse("conversation", args=[message.shown_in_id, message.conversation_id]),
        "before": sections[place - 1] if place > 0 else "",
        "after": sections[place + 1] if 0 <= place < len(sections) - 1 else "",
        "number": place + 1,
        "count": len(sections),
        **shown,
    }
    alone = request.headers.get("HX-Request") == "true"
    return render(request, "files/_viewer.html" if alone else "files/viewer.html", context, status=status)


def _shown(message: Message, part: Part) -> dict[str, Any]:
    kind = preview_of(part).kind
    if kind not in {"text", "table"}:
        return {}
    content = pieces.open_content(message, part.section)
    octets, cut = _beginning(content.read(0, None if content.size is None else TEXT_LIMIT), content.size)
    text = decode_text(octets, part.type, part.charset)
    if kind == "table":
        rows, more = table_of(text)
        return {"rows": rows, "cut": cut or more}
    return {"text": text, "cut": cut}


def _beginning(octets: Iterator[bytes], size: int | None) -> tuple[bytes, bool]:
    held, length = [], 0
    for piece in octets:
        held.append(piece)
        length += len(piece)
        if length > TEXT_LIMIT:
            break
    return b"".join(held)[:TEXT_LIMIT], length > TEXT_LIMIT or (size or 0) > TEXT_LIMIT


def files_of(message: Message) -> list[Part]:
    """As the card of the message shows them."""
    return choose(bodies.structure(message)).attachments


@login_required
@require_safe
def message_zip(request: HttpRequest, message_id: int) -> HttpResponseBase:
    message = message_of(request, message_id)
    return _zip(request, [(message, part) for part in files_of(message)], message.subject)


class Listed(NamedTuple):
    """The files of one message, and what says which message it is."""

    message: Message
    sender: str
    when: str
    full: str
    files: list[Attachment]


@login_required
@require_safe
def conversation_files(request: HttpRequest, conversation_id: int) -> HttpResponse:
    conversation = conversation_of(request, conversation_id)
    messages = messages_of(conversation)
    listed = [_listed(message, clock_of(request)) for message in messages if message.has_attachment]
    listed = [each for each in listed if each.files]
    context = {
        "conversation": conversation,
        "title": display_text(messages[0].subject).strip() or "(no subject)",
        "listed": listed,
        "count": sum(len(each.files) for each in listed),
        "back": reverse("conversation", args=[messages[-1].shown_in_id, conversation.pk]),
    }
    return render(request, "files/conversation.html", context)


def _listed(message: Message, clock: Clock) -> Listed:
    when = clock.label(message.date or message.internaldate)
    sender = full_name(message.from_name, message.from_address)
    return Listed(
        message, sender, when.short, when.full, [attachment_of(part) for part in files_of(message)[: reader.MOST_FILES]]
    )


@login_required
@require_safe
def conversation_zip(request: HttpRequest, conversation_id: int) -> HttpResponseBase:
    messages = messages_of(conversation_of(request, conversation_id))
    with_account = Message.objects.select_related("account", "folder").in_bulk([each.pk for each in messages])
    files = [(message, part) for message in with_account.values() for part in files_of(message)]
    return _zip(request, files, messages[0].subject)


def messages_of(conversation: Conversation) -> list[Message]:
    """Oldest first; what lies in Trash or Junk only if nothing else is there. 404 where nothing is left."""
    shown = reader.shown(conversation, frozenset()).messages
    if not shown:
        rows = Message.objects.filter(conversation=conversation, shown_in__isnull=False).select_related("shown_in")
        shown = list(rows.order_by("internaldate", "pk")[: reader.MOST_CARDS])
    if not shown:
        raise Http404
    return shown


def _zip(request: HttpRequest, files: list[tuple[Message, Part]], subject: str) -> HttpResponseBase:
    if not files:
        raise Http404
    try:
        octets = begun(archives.archive(files, _name))
    except MailError as error:
        return unavailable(request, error)
    return download(octets, "application/zip", f"{file_name(subject, 'Attachments')[:80]}.zip")


def _name(part: Part) -> str:
    return file_name(part.filename or reader.NAMELESS.get(part.type, ""), f"part-{part.section}")

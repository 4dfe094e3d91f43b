"""People met in mail and the address book: those somebody wrote to, those of a message, one click from being contacts."""

import uuid

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.db.models import Exists, OuterRef, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from webmail.contacts import book
from webmail.contacts.words import folded_key
from webmail.errors import GiveUp
from webmail.mime.charset import storable
from webmail.mime.headers import display_text
from webmail.mime.person_card import PersonCard, line
from webmail.models import CollectedAddress, Contact, ContactAddress, Message
from webmail.outbox.letter import FIELDS, is_address

from .access import message_of, user_of
from .contacts import LARGEST_ID, book_page, number_of, private
from .organise import back
from .people import own_addresses, pairs
from .when import clock_of

PAGE = 60
MOST_PEOPLE = 60


@login_required
@require_safe
@private
def written_people(request: HttpRequest) -> HttpResponse:
    """Everybody one wrote to who is no contact yet, the last first; after the row ``after``."""
    user, clock = user_of(request), clock_of(request)
    own = CollectedAddress.objects.filter(user=user, last_written__isnull=False, hidden=False)
    same = CollectedAddress.objects.filter(user=user, key=OuterRef("key"))
    later = Q(last_written__gt=OuterRef("last_written")) | Q(
        last_written=OuterRef("last_written"), pk__gt=OuterRef("pk")
    )
    contact = ContactAddress.objects.filter(user=user, key=OuterRef("key"), contact__removed_at__isnull=True)
    rows = own.exclude(Exists(same.filter(later))).exclude(Exists(contact)).order_by("-last_written", "-pk")
    after = request.GET.get("after", "")
    if after:
        last = own.filter(pk=number_of(after)).first()
        if last is not None:
            rows = rows.filter(last_written__lte=last.last_written).exclude(
                last_written=last.last_written, pk__gte=last.pk
            )
    found = list(rows[: PAGE + 1])
    context = {
        "people": [
            {
                "pk": each.pk,
                "name": display_text(each.name) or each.address,
                "address": each.address if each.name else "",
                "count": each.written,
                "when": clock.label(each.last_written).short if each.last_written else "",
            }
            for each in found[:PAGE]
        ],
        "next": found[PAGE - 1].pk if len(found) > PAGE else 0,
    }
    return render(request, "contacts/written.html", book_page(request, section="written") | context)


@login_required
@require_POST
def written_add(request: HttpRequest, collected_id: int) -> HttpResponse:
    collected = _collected_of(request, collected_id)
    return _add(request, collected.name, collected.address)


@login_required
@require_POST
def written_forget(request: HttpRequest, collected_id: int) -> HttpResponse:
    """Not listed and not suggested any more, until it is written to again."""
    collected = _collected_of(request, collected_id)
    CollectedAddress.objects.filter(user_id=collected.user_id, key=collected.key).update(hidden=True)
    toasts.success(request, f"“{collected.address}” is no longer suggested")
    return redirect(back(request, None))


@login_required
@require_POST
def contact_add(request: HttpRequest) -> HttpResponse:
    """``name`` and ``address`` as a contact at once."""
    return _add(request, request.POST.get("name", ""), request.POST.get("address", ""))


@login_required
@require_safe
@private
def message_people(request: HttpRequest, message_id: int) -> HttpResponse:
    """Everybody a message names, and who of them is a contact: a piece for the card, a page by itself."""
    message = message_of(request, message_id)
    people = _people(message, own_addresses(user_of(request).pk))
    rows = ContactAddress.objects.filter(
        user_id=user_of(request).pk,
        key__in=[folded_key(address) for _, address in people],
        contact__removed_at__isnull=True,
    )
    known = dict(rows.values_list("key", "contact_id"))
    context = {
        "message": message,
        "people": [
            {"name": display_text(name), "address": address, "contact": known.get(folded_key(address), 0)}
            for name, address in people
        ],
        "next": reverse("message-people", args=[message.pk]),
    }
    if request.headers.get("HX-Request") == "true":
        return render(request, "contacts/_people.html", context)
    return render(request, "contacts/people.html", context)


def _people(message: Message, own: frozenset[str]) -> list[tuple[str, str]]:
    recipients = message.recipients if isinstance(message.recipients, dict) else {}
    everyone = [(message.from_name, message.from_address)]
    for name in ("reply_to", *FIELDS):
        everyone += pairs(recipients.get(name))
    found: dict[str, tuple[str, str]] = {}
    for name, address in everyone:
        key = folded_key(address)
        if key not in own and is_address(address) and (key not in found or (name and not found[key][0])):
            found[key] = (name, address)
    return list(found.values())[:MOST_PEOPLE]


def _collected_of(request: HttpRequest, pk: int) -> CollectedAddress:
    own = CollectedAddress.objects.filter(user_id=user_of(request).pk)
    found = own.filter(pk=pk).first() if pk < LARGEST_ID else None
    if found is None:
        raise Http404
    return found


def _add(request: HttpRequest, name: str, address: str) -> HttpResponse:
    user, address = user_of(request), line(storable(address), 320)
    name = line(storable(name), 300)
    if not is_address(address):
        return _told(request, f"“{address[:100]}” is not a mail address.", None, error=True)
    known = Contact.objects.filter(user=user, removed_at__isnull=True, addresses__key=folded_key(address)).first()
    if known is not None:
        return _told(request, f"“{known}” is in your contacts already", known)
    batch = uuid.uuid4()
    try:
        made = book.save(user, PersonCard(name=name, addresses=[("", address)]), batch=batch)
    except GiveUp as problem:
        return _told(request, problem.sentence, None, error=True)
    return _told(request, f"“{made}” added to your contacts", made, batch)


def _told(
    request: HttpRequest, text: str, contact: Contact | None, batch: uuid.UUID | None = None, *, error: bool = False
) -> HttpResponse:
    """For the script what stands in place of the button, for a page the toast on the one before."""
    if request.headers.get("HX-Request") == "true":
        return render(request, "contacts/_added.html", {"text": text, "contact": contact, "error": error})
    (toasts.error if error else toasts.success)(request, text, extra_tags=str(batch) if batch else "")
    return redirect(back(request, None))

"""Contacts written, taken away, put into groups; groups made, renamed and given up."""

from collections.abc import Iterable
from itertools import zip_longest
from typing import Any

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.datastructures import MultiValueDict
from django.views.decorators.http import require_http_methods, require_POST

from webmail.contacts import book
from webmail.errors import GiveUp
from webmail.mime.charset import storable
from webmail.mime.folding import fold
from webmail.mime.person_card import LONGEST_NOTE, MOST_EACH, PLACE_FIELDS, PersonCard, as_birthday, as_kind, line
from webmail.models import Contact, ContactGroup
from webmail.outbox.letter import is_address

from .access import user_of
from .contacts import book_page, contact_of, number_of, private
from .organise import back

KINDS = ("", "home", "work", "mobile", "fax", "other")
PARTS = {
    "prefix": "Before the name",
    "given": "First name",
    "middle": "Middle name",
    "family": "Last name",
    "suffix": "After the name",
}
LENGTHS = {
    "name": 300,
    "prefix": 100,
    "given": 200,
    "middle": 200,
    "family": 200,
    "suffix": 100,
    "nickname": 200,
    "organisation": 300,
    "title": 200,
}
MOST_PICKED, MOST_POSTED = 500, 5_000
SEVERAL = {"addresses": "addresses", "phones": "numbers", "links": "links", "places": "postal addresses"}

Errors = dict[str, str]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@private
def contact_new(request: HttpRequest) -> HttpResponse:
    """A form, filled with ``name`` and ``address`` where a page already knows them."""
    if request.method == "POST":
        return _save(request, None)
    card = PersonCard(name=line(storable(request.GET.get("name", "")), 300))
    address = line(storable(request.GET.get("address", "")), 320)
    if address:
        card.addresses.append(("", address))
    return _form(request, card, {})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@private
def contact_edit(request: HttpRequest, contact_id: int) -> HttpResponse:
    contact = contact_of(request, contact_id)
    if request.method == "POST":
        return _save(request, contact)
    return _form(request, book.card_of(contact), {}, contact)


@login_required
@require_POST
def contact_delete(request: HttpRequest, contact_id: int) -> HttpResponse:
    contact = contact_of(request, contact_id)
    batch = book.remove(user_of(request), [contact])
    toasts.success(request, f"“{contact}” deleted", extra_tags=str(batch))
    return redirect("contacts")


@login_required
@require_POST
def contacts_picked(request: HttpRequest) -> HttpResponse:
    """What is done with several: ``do`` is delete or group; merging has a page of its own."""
    user = user_of(request)
    picked = list(picked_contacts(request, request.POST))
    if not picked:
        toasts.error(request, "Choose some contacts first.")
    elif request.POST.get("do") == "delete":
        batch = book.remove(user, picked)
        told = f"“{picked[0]}” deleted" if len(picked) == 1 else f"{len(picked)} contacts deleted"
        toasts.success(request, told, extra_tags=str(batch))
    elif (group := group_of(request, request.POST.get("group", ""))) is not None:
        group.members.add(*picked)
        toasts.success(request, f"Added to “{group}”")
    return redirect(back(request, None))


def picked_contacts(request: HttpRequest, given: MultiValueDict[str, str]) -> Iterable[Contact]:
    """Own contacts of the ids ``id``, in the order of the list."""
    ids = [number_of(each) for each in given.getlist("id")[:MOST_PICKED]]
    own = Contact.objects.filter(user_id=user_of(request).pk, removed_at__isnull=True, pk__in=ids)
    return own.prefetch_related("addresses", "groups").order_by("sort_key", "pk")


@login_required
@require_POST
def group_new(request: HttpRequest) -> HttpResponse:
    name = line(storable(request.POST.get("name", "")), 100)
    if not name:
        toasts.error(request, "Give the group a name.")
        return redirect("contacts")
    try:
        group = book.group_named(user_of(request), name)
    except GiveUp as problem:
        toasts.error(request, problem.sentence)
        return redirect("contacts")
    return redirect(f"{reverse('contacts')}?group={group.pk}")


@login_required
@require_POST
def group_rename(request: HttpRequest, group_id: int) -> HttpResponse:
    group = group_or_404(request, group_id)
    name = line(storable(request.POST.get("name", "")), 100)
    taken = ContactGroup.objects.filter(user=group.user, key=book.group_key(name)).exclude(pk=group.pk)
    if not name:
        toasts.error(request, "Give the group a name.")
    elif taken.exists():
        toasts.error(request, f"There is a group “{name}” already.")
    else:
        group.name, group.key = name, book.group_key(name)
        group.save()
    return redirect(f"{reverse('contacts')}?group={group.pk}")


@login_required
@require_POST
def group_delete(request: HttpRequest, group_id: int) -> HttpResponse:
    group = group_or_404(request, group_id)
    group.delete()
    toasts.success(request, f"The group “{group}” is gone. Its contacts stay.")
    return redirect("contacts")


def group_or_404(request: HttpRequest, group_id: int) -> ContactGroup:
    group = group_of(request, str(group_id))
    if group is None:
        raise Http404
    return group


def group_of(request: HttpRequest, pk: str) -> ContactGroup | None:
    own = ContactGroup.objects.filter(user_id=user_of(request).pk)
    return own.filter(pk=number_of(pk)).first()


def _save(request: HttpRequest, contact: Contact | None) -> HttpResponse:
    card, errors = read_form(request, contact)
    if not errors:
        try:
            saved = book.save(user_of(request), card, contact)
        except GiveUp as problem:
            errors["form"] = problem.sentence
        else:
            toasts.success(request, "Saved" if contact else f"“{saved}” added")
            return redirect("contact", saved.pk)
    return _form(request, card, errors, contact, status=422)


def read_form(request: HttpRequest, contact: Contact | None) -> tuple[PersonCard, Errors]:
    """What was typed, all of it, and what is wrong with it by the name of the field."""
    card = book.card_of(contact) if contact is not None else PersonCard()
    # Contacts that were made one may have more than a form begins with; none of it goes unsaid.
    room = {name: max(MOST_EACH, len(getattr(card, name))) for name in SEVERAL}
    given, errors = request.POST, {}
    for name, most in LENGTHS.items():
        setattr(card, name, line(storable(given.get(name, "")), most))
    if not card.name:
        card.name = line(" ".join(filter(None, (getattr(card, part) for part in PARTS))), 300)
    card.addresses = _pairs(given, "address", 320)
    card.phones = _pairs(given, "phone", 100)
    card.links = _pairs(given, "link", 500)
    card.places = _places(given)
    card.note = storable(given.get("note", ""))[:LONGEST_NOTE].replace("\r\n", "\n").strip()
    typed = given.get("birthday", "").strip()
    card.birthday = as_birthday(typed) or line(storable(typed), 20)
    if typed and not as_birthday(typed):
        errors["birthday"] = "Write it as 1985-04-12, or --04-12 without the year."
    chosen = {each for each in given.getlist("group") if each.isascii() and each.isdigit()}
    groups = ContactGroup.objects.filter(user_id=user_of(request).pk)
    card.categories = [group.name for group in groups if str(group.pk) in chosen]
    for name, what in SEVERAL.items():
        if len(getattr(card, name)) > room[name]:
            errors["form"] = f"A contact can have {room[name]} {what}."
    for number, (_, address) in enumerate(card.addresses):
        if not is_address(address):
            errors[f"address-{number}"] = f"“{address[:100]}” is not a mail address."
    if not (card.name or card.organisation or card.addresses or card.phones):
        errors["name"] = "Say at least a name, an address or a number."
    return card, errors


def _pairs(given: MultiValueDict[str, str], name: str, most: int) -> list[tuple[str, str]]:
    values = given.getlist(name)[:MOST_POSTED]
    kinds = given.getlist(f"{name}_kind")[: len(values)]
    pairs = zip_longest(kinds, values, fillvalue="")
    return [(as_kind(storable(kind)), line(storable(value), most)) for kind, value in pairs if value.strip()]


def _places(given: MultiValueDict[str, str]) -> list[tuple[str, str, str, str, str, str]]:
    columns = [given.getlist(f"place_{name}")[:MOST_POSTED] for name in ("kind", *PLACE_FIELDS)]
    found = []
    for kind, street, *rest in zip_longest(*columns, fillvalue=""):
        place = (as_kind(storable(kind)), line(storable(street), 300), *(line(storable(part), 200) for part in rest))
        if any(place[1:]):
            found.append(place)
    return found  # type: ignore[return-value]


def _form(
    request: HttpRequest, card: PersonCard, errors: Errors, contact: Contact | None = None, status: int = 200
) -> HttpResponse:
    """With one empty line more for each thing there may be several of."""
    page = book_page(request, contact)
    context: dict[str, Any] = {
        "contact": contact,
        "card": card,
        "errors": errors,
        "parts": [(name, label, getattr(card, name)) for name, label in PARTS.items()],
        "addresses": [
            (kind, address, errors.get(f"address-{number}", ""))
            for number, (kind, address) in enumerate(card.addresses)
        ],
        "kinds": KINDS[1:],
        "in_groups": {fold(name) for name in card.categories},
        "new_address": not card.addresses,
    }
    return render(request, "contacts/form.html", page | context, status=status)

"""Contacts that may be one person, looked at as one before they are made one."""

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from webmail.contacts import book
from webmail.contacts.duplicates import duplicates
from webmail.contacts.joining import joined

from .access import user_of
from .contacts import birthday_words, book_page, place_lines, private
from .contacts_edit import picked_contacts


@login_required
@require_safe
@private
def contact_duplicates(request: HttpRequest) -> HttpResponse:
    sets = [
        {"contacts": found, "query": "&".join(f"id={each.pk}" for each in found)}
        for found in duplicates(user_of(request))
    ]
    return render(request, "contacts/duplicates.html", book_page(request, section="duplicates") | {"sets": sets})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@private
def contacts_merge(request: HttpRequest) -> HttpResponse:
    """What would come of the contacts ``id``; posted, it does. What the ``first`` one says comes first."""
    user = user_of(request)
    given = request.POST if request.method == "POST" else request.GET
    contacts = sorted(picked_contacts(request, given), key=lambda each: str(each.pk) != given.get("first", ""))
    if len(contacts) < 2:
        toasts.error(request, "Choose two contacts or more to make them one.")
        return redirect("contacts")
    if request.method == "POST":
        made, batch = book.merge(user, contacts)
        toasts.success(request, f"{len(contacts)} contacts are now one", extra_tags=str(batch))
        return redirect("contact", made.pk)
    card = joined([book.card_of(each) for each in contacts])
    context = {
        "contacts": contacts,
        "card": card,
        "birthday": birthday_words(card.birthday),
        "query": "&".join(f"id={each.pk}" for each in contacts),
        "places": [(kind, ", ".join(place_lines(list(parts)))) for kind, *parts in card.places],
    }
    return render(request, "contacts/merge.html", book_page(request, section="duplicates") | context)

"""The address book: the list with its groups, one contact beside it."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from webmail.contacts.suggest import MEMBERS
from webmail.contacts.words import asked
from webmail.mime.address import Address
from webmail.mime.headers import display_text
from webmail.models import Contact, ContactAddress, ContactGroup
from webmail.outbox.letter import written

from .access import user_of
from .when import MONTHS

PAGE = 60
LONGEST = 200
LONGEST_TO = 2_500  # of an address that every server takes; larger groups are completed in the composer
LARGEST_ID = 2**63
private = cache_control(private=True, no_store=True)


@dataclass(frozen=True, slots=True)
class Line:
    """One contact in the list; ``letter`` where a new one begins."""

    pk: int
    name: str
    detail: str
    initial: str
    hue: int
    url: str
    letter: str = ""


@login_required
@require_safe
@private
def contacts(request: HttpRequest) -> HttpResponse:
    """The list, of all or of a ``group``, of what fits ``q``; for htmx the lines after the contact ``after``."""
    context = book_page(request, section="all")
    if request.headers.get("HX-Request") == "true":
        return render(request, "contacts/_lines.html", context)
    return render(request, "contacts/list.html", context)


@login_required
@require_safe
@private
def contact(request: HttpRequest, contact_id: int) -> HttpResponse:
    found = contact_of(request, contact_id)
    return render(request, "contacts/contact.html", book_page(request, found) | shown(found))


def contact_of(request: HttpRequest, contact_id: int) -> Contact:
    """With its addresses and groups."""
    own = Contact.objects.filter(user_id=user_of(request).pk, removed_at__isnull=True)
    found = (
        own.prefetch_related("addresses", "groups").filter(pk=contact_id).first() if contact_id < LARGEST_ID else None
    )
    if found is None:
        raise Http404
    return found


def number_of(text: str) -> int:
    """An id as a page names it; 0, which nothing has, for whatever is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def shown(found: Contact) -> dict[str, Any]:
    """What the page of a contact needs beside it."""
    addresses = list(found.addresses.all())
    parts = (found.prefix, found.given, found.middle, found.family, found.suffix)
    asks = [f"{where}:{each.address}" for each in addresses[:5] for where in ("from", "to")]
    return {
        "contact": found,
        "addresses": [
            {"kind": each.kind, "address": each.address, "mailto": urlencode({"to": to_text(found, each.address)})}
            for each in addresses
        ],
        "mail_with": urlencode({"q": " OR ".join(asks)}),
        "places": [(kind, place_lines(parts)) for kind, *parts in found.places],
        "links": [(kind, link, link.lower().startswith(("http://", "https://"))) for kind, link in found.links],
        "birthday": birthday_words(found.birthday),
        "avatar": avatar(found.name or found.organisation, addresses[0].address if addresses else ""),
        "parts": " ".join(filter(None, parts)),
    }


def place_lines(parts: list[str]) -> list[str]:
    """Of a place, as on a letter."""
    street, city, region, code, country = parts
    return [each for each in (street, f"{code} {city}".strip(), region, country) if each]


def to_text(found: Contact, address: str) -> str:
    return written(Address(found.name, address))


def birthday_words(day: str) -> str:
    if not day:
        return ""
    month, number = int(day[-5:-3]), int(day[-2:])
    return f"{number} {MONTHS[month - 1]}{'' if day.startswith('-') else f' {day[:4]}'}"


def avatar(name: str, address: str) -> tuple[str, int]:
    """Initial and hue, as in the cards of mail."""
    initial = next((char for char in name or address if char.isalnum()), "?").upper()
    return initial, sum(address.lower().encode() or name.encode()) * 47 % 360


def book_page(request: HttpRequest, current: Contact | None = None, *, section: str = "") -> dict[str, Any]:
    """The two panes every page of the address book has: groups and list."""
    user = user_of(request)
    given = request.GET
    text, group_text, after = given.get("q", "")[:LONGEST], given.get("group", ""), given.get("after", "")
    members = Count("members", filter=Q(members__removed_at__isnull=True))
    groups = list(ContactGroup.objects.filter(user=user).annotate(count=members))
    group = next((each for each in groups if str(each.pk) == group_text), None)
    if group_text and group is None:
        raise Http404
    own = Contact.objects.filter(user=user, removed_at__isnull=True)
    everyone = _everyone(group.pk) if group is not None else ""
    lines, more = _lines(_wanted(own, group, text), after, {"q": text, "group": group_text})
    return {
        "section": section,
        "groups": groups,
        "group": group,
        "group_mailto": urlencode({"to": everyone}) if 0 < len(everyone) <= LONGEST_TO else "",
        "q": text,
        "total": own.count(),
        "lines": lines,
        "more": more,
        "current": current.pk if current else 0,
        "place": _query({"q": text, "group": group_text}),
        "first_page": not after,
    }


def _everyone(group_id: int) -> str:
    """The first address of each member, as the recipients' field takes them."""
    first: dict[int, str] = {}
    for _, contact, name, address in MEMBERS(groups=[group_id]):
        first.setdefault(contact, written(Address(name, address)))
    return ", ".join(first.values())


def _wanted(own: QuerySet[Contact], group: ContactGroup | None, text: str) -> QuerySet[Contact]:
    if group is not None:
        own = own.filter(groups=group)
    pieces = asked(text)
    if text.strip() and not pieces:
        return own.none()
    for piece in pieces:
        own = own.filter(search__contains=piece)
    return own


def _lines(wanted: QuerySet[Contact], after: str, place: dict[str, str]) -> tuple[list[Line], str]:
    """A page of lines, and the address of the next one or ""."""
    before = ""
    if after:
        last = wanted.filter(pk=number_of(after)).values_list("sort_key", "pk").first()
        if last is not None:
            before = _letter(last[0])
            wanted = wanted.filter(sort_key__gte=last[0]).exclude(sort_key=last[0], pk__lte=last[1])
    first = ContactAddress.objects.filter(contact=OuterRef("pk")).order_by("pk").values("address")[:1]
    rows = wanted.order_by("sort_key", "pk").values_list("pk", "name", "organisation", "sort_key", Subquery(first))
    found = list(rows[: PAGE + 1])
    lines = []
    for pk, name, organisation, key, address in found[:PAGE]:
        letter = _letter(key)
        title = name or organisation or address or "Unnamed contact"
        detail = address or (organisation if organisation != title else "")
        initial, hue = avatar(title, address or "")
        url = reverse("contact", args=[pk]) + _query(place)
        lines.append(
            Line(
                pk,
                display_text(title),
                detail if detail != title else "",
                initial,
                hue,
                url,
                letter if letter != before else "",
            )
        )
        before = letter
    more = _query(place | {"after": str(found[PAGE - 1][0])}) if len(found) > PAGE else ""
    return lines, more


def _letter(key: str) -> str:
    return key[:1].upper() if key[:1].isalpha() else "#"


def _query(values: dict[str, str]) -> str:
    text = urlencode({key: value for key, value in values.items() if value})
    return f"?{text}" if text else ""

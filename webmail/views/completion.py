"""People to write to, offered while somebody types: contacts, groups, and addresses collected from mail."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from webmail.contacts.suggest import Suggestion, suggest
from webmail.contacts.words import folded_key
from webmail.mime.address import Address
from webmail.mime.headers import display_text
from webmail.models import CollectedAddress
from webmail.outbox.letter import written

from .access import user_of

LONGEST = 200


@login_required
@require_GET
def people(request: HttpRequest) -> JsonResponse:
    """For the text ``q``: ``{"people": [{name, address, text, kind, detail, members?}]}``.

    ``text`` is what the recipients' field takes; of a group all its members, who also come one by one.
    """
    found = suggest(user_of(request).pk, request.GET.get("q", "")[:LONGEST])
    response = JsonResponse({"people": [_told(each) for each in found]})
    response["Cache-Control"] = "private, no-store"
    return response


def _told(each: Suggestion) -> dict[str, object]:
    members = each.members if each.kind == "group" else [Address(each.name, each.address)]
    told: dict[str, object] = {
        "name": display_text(each.name),
        "address": each.address,
        "text": ", ".join(written(person) for person in members),
        "kind": each.kind,
        "detail": display_text(each.detail),
    }
    if each.kind == "group":
        told["members"] = [
            {"name": display_text(person.name), "address": person.address, "text": written(person)}
            for person in members
        ]
    return told


@login_required
@require_POST
def forget_person(request: HttpRequest) -> HttpResponse:
    """Suggest the collected ``address`` no more, until it is written to again. Contacts stay."""
    key = folded_key(request.POST.get("address", "")[:400].replace("\0", ""))
    CollectedAddress.objects.filter(user_id=user_of(request).pk, key=key).update(hidden=True)
    return HttpResponse(status=204)

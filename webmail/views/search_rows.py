"""Hits as rows of a list, with the words looked for marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import BadRequest
from django.db.models import Exists, OuterRef
from django.utils.safestring import SafeString

from webmail.mime.headers import display_text
from webmail.models import ListRow, Message, PendingAction
from webmail.search import find
from webmail.search.highlight import in_sight, marker
from webmail.search.passage import passages

from .people import full_name, pairs, people_line
from .row_html import Row, rows_html
from .rows import PAGE, UNDER_WAY, WRITTEN_HERE
from .search_place import SearchPlace
from .when import Clock

MOST_PASSAGES = 12
FIELDS = (
    "pk",
    "subject",
    "preview",
    "from_name",
    "from_address",
    "recipients",
    "internaldate",
    "seen",
    "flagged",
    "answered",
    "has_attachment",
    "folder_id",
    "shown_in_id",
    "waits",
)


@dataclass(slots=True)
class Page:
    """``count`` rows; ``next`` is the cursor of the page after it, or ""."""

    html: SafeString
    next: str
    count: int


def page(
    place: SearchPlace, own: frozenset[str], clock: Clock, *, after: str = "", size: int = PAGE, current: str = ""
) -> Page:
    """BadRequest for a cursor that is none."""
    if not place.plan.query:
        return Page(rows_html([]), "", 0)
    found = find.page(place.plan, size, _cursor(after))
    rows = rows_of(place, found.hits, own, clock)
    return Page(rows_html(rows, current), str(found.after) if found.after is not None else "", len(rows))


def _cursor(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20) or int(text) >= 2**63:
        raise BadRequest("The address of this page is not valid.")
    return int(text)


def rows_of(place: SearchPlace, hits: Sequence[find.Hit], own: frozenset[str], clock: Clock) -> list[Row]:
    """Two queries, however many hits; three more where some show nothing of what was looked for."""
    waits = PendingAction.objects.filter(message_id=OuterRef("pk"), state__in=UNDER_WAY)
    messages = Message.objects.filter(pk__in=[hit.message_id for hit in hits]).annotate(waits=Exists(waits))
    known = {row["pk"]: row for row in messages.values(*FIELDS)}
    lines = ListRow.objects.filter(
        conversation_id__in={hit.conversation_id for hit in hits}, folder_id__in={hit.folder_id for hit in hits}
    ).values_list("folder_id", "conversation_id", "unread", "flagged")
    states = {(folder, conversation): (unread, flagged) for folder, conversation, unread, flagged in lines}
    query = place.plan.query
    in_who, in_subject, in_text = marker(query, "sender", "recipients"), marker(query, "subject"), marker(query)
    rows = []
    unseen: dict[int, Row] = {}
    for hit in hits:
        message = known.get(hit.message_id)
        if message is None:
            continue
        unread, flagged = states.get((hit.folder_id, hit.conversation_id), (not message["seen"], message["flagged"]))
        row = _row(place, hit, message, own, clock)
        row.unread, row.flagged = bool(unread), bool(flagged)
        row.marked = in_who(row.who), in_subject(row.subject), in_sight(in_text(row.preview))
        rows.append(row)
        if not any("<mark>" in each for each in row.marked):
            unseen[hit.message_id] = row
    terms = [term for term in query.terms if not term.field]
    if terms and unseen:
        found = passages(list(unseen)[:MOST_PASSAGES], terms)
        for pk, line in found.items():
            row = unseen[pk]
            row.marked = in_who(row.who), in_subject(row.subject), in_sight(in_text(display_text(line)))
    return rows


def _row(place: SearchPlace, hit: find.Hit, message: dict[str, Any], own: frozenset[str], clock: Clock) -> Row:
    folder = place.by_id[hit.folder_id]
    if folder.special_use in WRITTEN_HERE:
        fields = message["recipients"] if isinstance(message["recipients"], dict) else {}
        who = "To: " + people_line(pairs(fields.get("to")) + pairs(fields.get("cc")), own, alone="(no recipient)")
    else:
        who = full_name(message["from_name"], message["from_address"])
    key = f"{hit.folder_id}-{hit.conversation_id}"
    when = clock.label(message["internaldate"])
    return Row(
        id=hit.conversation_id,
        key=key,
        url=f"{place.path}conversation/{key}/{place.query}",
        who=who,
        count=1,
        subject=display_text(message["subject"]).strip() or "(no subject)",
        preview=display_text(message["preview"]),
        short=when.short,
        full=when.full,
        unread=not message["seen"],
        flagged=message["flagged"],
        answered=message["answered"],
        attachment=message["has_attachment"],
        waiting=message["waits"] or message["shown_in_id"] != message["folder_id"],
        account=place.marks[hit.folder_id],
        use=folder.special_use,
    )

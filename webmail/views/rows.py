"""A page of a list: keyset paging over the materialised rows, and each row made ready for the template."""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from heapq import merge
from itertools import islice
from typing import Any

from django.core.exceptions import BadRequest
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.safestring import SafeString

from webmail.mime.headers import display_text
from webmail.models import ListRow, Message, PendingAction, SpecialUse
from webmail.models.prepared import Prepared, Slot

from .people import pairs, people_line
from .place import Place
from .row_html import Row, rows_html
from .when import Clock

PAGE = 50
MOST_ROWS = 400
LONGEST_CURSOR = 64
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WRITTEN_HERE = frozenset({SpecialUse.SENT, SpecialUse.DRAFTS})
UNDER_WAY = (PendingAction.State.PENDING, PendingAction.State.RUNNING)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The row a page begins after."""

    date: datetime
    row_id: int

    def encode(self) -> str:
        micros = (self.date - EPOCH) // timedelta(microseconds=1)
        return base64.urlsafe_b64encode(f"{micros}.{self.row_id}".encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> "Cursor":
        """Raise BadRequest for anything ``encode`` did not make."""
        try:
            if len(text) > LONGEST_CURSOR:
                raise ValueError
            raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
            micros, row_id = (int(part) for part in raw.decode("ascii").split("."))
            cursor = cls(EPOCH + timedelta(microseconds=micros), row_id)
        except (ValueError, OverflowError, binascii.Error) as error:
            raise BadRequest("The address of this page is not valid.") from error
        if not 0 < row_id < 2**63 or cursor.encode() != text:
            raise BadRequest("The address of this page is not valid.")
        return cursor


@dataclass(slots=True)
class Page:
    """``next`` is the cursor of the page after it, or ""."""

    html: SafeString
    next: str


def page(
    place: Place,
    own: frozenset[str],
    clock: Clock,
    *,
    after: str = "",
    size: int = PAGE,
    current: int | str | None = None,
) -> Page:
    """One query, whatever the size of the list; of single messages one for each inbox."""
    values: dict[str, Any] = {"place": place.user_id if place.unified else place.folders[0].pk}
    if after:
        cursor = Cursor.decode(after)
        values |= {"date": cursor.date, "row": cursor.row_id}
    if place.leaving_to is not None:
        values["leaving"] = place.leaving_to
    limit = -(-size // PAGE) * PAGE + 1
    written = place.special_use in WRITTEN_HERE
    if place.single:
        listing = _messages(bool(after), "leaving" in values, limit)
        each = [_as_lines(listing(**values | {"place": folder.pk}), written) for folder in place.folders]
        found = list(islice(merge(*each, key=lambda row: (row[2], row[0]), reverse=True), limit))
    else:
        found = _listing(place.unified, written, bool(after), "leaving" in values, limit)(**values)
    more = len(found) > size
    found = found[:size]
    rows = [_row(row, own, clock, place) for row in found]
    return Page(rows_html(rows, current), Cursor(found[-1][2], found[-1][0]).encode() if more else "")


@cache
def _listing(unified: bool, written: bool, after: bool, leaving: bool, limit: int) -> Prepared[tuple[Any, ...]]:
    """One range of one index, however many inboxes there are."""

    def build() -> QuerySet[ListRow, tuple[Any, ...]]:
        place = Slot("place")
        rows = ListRow.objects.filter(inbox_of_id=place) if unified else ListRow.objects.filter(folder_id=place)
        if after:
            # "date <= d and not (date = d and id >= i)" lets both databases walk the index; an OR would not.
            date = Slot("date")
            rows = rows.filter(latest_date__lte=date).exclude(latest_date=date, id__gte=Slot("row"))
        if leaving:
            rows = rows.filter(latest_id__gt=Slot("leaving"))
        waiting = PendingAction.objects.filter(message_id=OuterRef("latest_id"), state__in=UNDER_WAY)
        return rows.order_by("-latest_date", "-id").values_list(
            "id",
            "conversation_id",
            "latest_date",
            "unread",
            "flagged",
            "answered",
            "has_attachment",
            "latest__subject",
            "latest__preview",
            "latest__shown_in_id",
            "latest__folder_id",
            "conversation__count",
            "folder_id",
            "latest__recipients" if written else "conversation__participants",
            Exists(waiting),
            "conversation__muted_at",
        )[:limit]

    return Prepared(build)


@cache
def _messages(after: bool, leaving: bool, limit: int) -> Prepared[tuple[Any, ...]]:
    """Where conversations are switched off: the messages of a folder themselves, one range of the index of its order."""

    def build() -> QuerySet[Message, tuple[Any, ...]]:
        rows = Message.objects.filter(shown_in_id=Slot("place"))
        if after:
            date = Slot("date")
            rows = rows.filter(internaldate__lte=date).exclude(internaldate=date, id__gte=Slot("row"))
        if leaving:
            rows = rows.filter(id__gt=Slot("leaving"))
        waiting = PendingAction.objects.filter(message_id=OuterRef("id"), state__in=UNDER_WAY)
        return rows.order_by("-internaldate", "-id").values_list(
            "id",
            "conversation_id",
            "internaldate",
            "seen",
            "flagged",
            "answered",
            "has_attachment",
            "subject",
            "preview",
            "shown_in_id",
            "folder_id",
            "from_name",
            "from_address",
            "recipients",
            Exists(waiting),
            "conversation__muted_at",
        )[:limit]

    return Prepared(build)


def _as_lines(rows: Iterable[tuple[Any, ...]], written: bool) -> Iterable[tuple[Any, ...]]:
    """The columns of :func:`_listing`."""
    for row in rows:
        name, address, recipients, waiting, muted_at = row[11:]
        people = recipients if written else [[name, address]]
        yield (*row[:3], not row[3], *row[4:11], 1, row[9], people, waiting, muted_at)


def _row(row: tuple[Any, ...], own: frozenset[str], clock: Clock, place: Place) -> Row:
    (pk, conversation, date, unread, flagged, answered, attachment, subject, preview) = row[:9]
    shown_in, folder, count, lies_in, people, waiting, muted_at = row[9:]
    if place.special_use in WRITTEN_HERE:
        everyone = pairs(people.get("to")) + pairs(people.get("cc")) if isinstance(people, dict) else []
        who = "To: " + people_line(everyone, own, alone="(no recipient)")
    else:
        who = people_line(pairs(people), own)
    when = clock.label(date)
    name = f"m{pk}" if place.single else str(conversation)
    return Row(
        id=conversation,
        key=f"{lies_in}-{name}" if place.unified else name,
        url=f"{place.url}conversation/{name}/",
        who=who,
        count=count,
        subject=display_text(subject).strip() or "(no subject)",
        preview=display_text(preview),
        short=when.short,
        full=when.full,
        unread=unread > 0,
        flagged=flagged,
        answered=answered,
        attachment=attachment,
        waiting=waiting or shown_in != folder,
        account=place.marks.get(lies_in),
        muted=muted_at is not None,
    )

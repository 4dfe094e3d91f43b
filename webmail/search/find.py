"""Hits of a plan, newest first, page by page: a bounded number of candidates is looked at for each page.

The index gives candidates in the order of their numbers; what the index does not hold (folders, flags, sizes) is judged on
the message rows, in growing batches. A page may end early where many candidates were passed over; the next one goes on.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q

from webmail.models import SearchEntry, ServerHit

from . import store
from .plan import Plan

BATCHES = (160, 800, 2_500, 6_000)
MOST_SERVER_HITS = 5_000
MOST_EARLIER = 3_000
MOST_COUNTED = 2_000


@dataclass(frozen=True, slots=True)
class Hit:
    """One line of the results: the newest hit of a conversation in a folder."""

    docid: int
    message_id: int
    folder_id: int
    conversation_id: int


@dataclass(frozen=True, slots=True)
class Found:
    """``after``: where the next page begins, or None when there is none."""

    hits: list[Hit]
    after: int | None


def page(plan: Plan, size: int, after: int | None = None) -> Found:
    """Hits below the number ``after``. The same conversation in the same folder comes once over all pages."""
    if not plan.folders or plan.low >= plan.high:
        return Found([], None)
    found: dict[tuple[int, int], Hit] = {}
    high = plan.high if after is None else min(plan.high, after)
    start, named = high, _from_server(plan)
    for limit in BATCHES:
        candidates, high = _candidates(plan, high, limit, named)
        for hit in _judged(plan, candidates):
            found.setdefault((hit.folder_id, hit.conversation_id), hit)
        if after is not None and found:
            for line in _shown_before(plan, found, start, named):
                del found[line]
        if high <= plan.low or len(found) > size:
            break
    hits = sorted(found.values(), key=lambda hit: -hit.docid)
    if len(hits) > size:
        return Found(hits[:size], hits[size - 1].docid)
    return Found(hits, high if high > plan.low else None)


def _candidates(plan: Plan, high: int, limit: int, named: Iterable[int]) -> tuple[list[int], int]:
    """Numbers below ``high``, and the number down to which these are all."""
    found = store.newest(plan.alternatives, plan.low, high, limit)
    floor = found[-1] if len(found) == limit else plan.low
    return found + [docid for docid in named if floor <= docid < high], floor


def _from_server(plan: Plan) -> list[int]:
    if not plan.alternatives:
        return []
    named = ServerHit.objects.filter(user_id=plan.user_id, question=plan.question)
    docids = named.values_list("message__search_entry__docid", flat=True)[:MOST_SERVER_HITS]
    return [docid for docid in docids if docid is not None]


def _judged(plan: Plan, docids: Iterable[int]) -> list[Hit]:
    """Those that stand in the folders and meet the conditions, newest first. All numbers are the person's own."""
    entries = SearchEntry.objects.filter(
        *plan.conditions,
        docid__in=list(docids),
        message__shown_in_id__in=plan.folder_ids,
    )
    rows = entries.order_by("-docid").values_list(
        "docid", "message_id", "message__shown_in_id", "message__conversation_id"
    )
    return [Hit(*row) for row in rows]


def _shown_before(
    plan: Plan, found: dict[tuple[int, int], Hit], start: int, named: Iterable[int]
) -> set[tuple[int, int]]:
    """Lines that have a newer hit, and so stood on a page before this one."""
    lines = Q(message__conversation_id__in={conversation for _, conversation in found})
    earlier = SearchEntry.objects.filter(lines, docid__gte=start, docid__lt=plan.high)
    docids = list(earlier.values_list("docid", flat=True)[:MOST_EARLIER])
    if not docids:
        return set()
    hits = store.among(plan.alternatives, docids) | (set(named) & set(docids))
    return {line for hit in _judged(plan, hits) if (line := (hit.folder_id, hit.conversation_id)) in found}


def count(plan: Plan) -> int:
    """How many messages fit, of the newest ``MOST_COUNTED`` in these folders; for folders nobody reads all of."""
    if not plan.folders or plan.low >= plan.high:
        return 0
    entries = SearchEntry.objects.filter(message__shown_in_id__in=plan.folder_ids)
    docids = list(entries.order_by("-docid").values_list("docid", flat=True)[:MOST_COUNTED])
    return len(_judged(plan, store.among(plan.alternatives, docids)))

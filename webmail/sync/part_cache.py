"""Parts of messages that are here already; all of them can be fetched again."""

import zlib
from collections.abc import Iterable

from django.db.models import Sum
from django.utils import timezone

from webmail.models import CachedPart, Message
from webmail.models.content import intact

LARGEST_CACHED = 512 * 1024
DEFLATE_ABOVE = 512


def kept(message: Message, sections: Iterable[str]) -> dict[str, bytes]:
    rows = CachedPart.objects.filter(message=message, section__in=list(sections))
    return {section: data for (_, section), data in intact(rows).items()}


def row(message: Message, section: str, content: bytes) -> CachedPart:
    deflated = len(content) > DEFLATE_ABOVE
    stored = zlib.compress(content, 3) if deflated else content
    return CachedPart(
        message=message, section=section, content=stored, deflated=deflated, size=len(stored), used_at=timezone.now()
    )


def keep(message: Message, content: dict[str, bytes]) -> None:
    rows = [row(message, section, data) for section, data in content.items() if len(data) <= LARGEST_CACHED]
    CachedPart.objects.bulk_create(rows, ignore_conflicts=True)


def trim_cache(limit: int) -> None:
    """Drop the least recently kept bodies beyond ``limit`` octets."""
    total = CachedPart.objects.aggregate(size=Sum("size"))["size"] or 0
    if total <= limit:
        return
    surplus, ids = total - int(limit * 0.9), []
    for pk, size in CachedPart.objects.order_by("used_at").values_list("pk", "size").iterator(chunk_size=1000):
        ids.append(pk)
        surplus -= size
        if surplus <= 0:
            break
    for start in range(0, len(ids), 500):
        CachedPart.objects.filter(pk__in=ids[start : start + 500]).delete()

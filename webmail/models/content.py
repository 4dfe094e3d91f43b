"""Bodies that are already here. All of it can be fetched again; the worker drops the least recently used."""

import zlib
from collections.abc import Iterable

from django.db import models

from .message import Message


class CachedPart(models.Model):
    """One part's decoded bytes, deflated where that helps."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="cached_parts")
    section = models.CharField(max_length=200)
    content = models.BinaryField()
    deflated = models.BooleanField(default=False)
    size = models.PositiveIntegerField(help_text="Octets kept in this row.")
    used_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "section"], name="one_cache_per_part")]


def intact(rows: Iterable[CachedPart]) -> dict[tuple[int, str], bytes]:
    """The bytes by message and section. A row that was damaged is dropped: it is fetched again (fault F54)."""
    found, damaged = {}, []
    for row in rows:
        content = bytes(row.content)
        try:
            if len(content) != row.size:
                raise zlib.error("cut short")
            found[row.message_id, row.section] = zlib.decompress(content) if row.deflated else content
        except zlib.error:
            damaged.append(row.pk)
    if damaged:
        CachedPart.objects.filter(pk__in=damaged).delete()
    return found


class RenderedBody(models.Model):
    """The sanitised HTML of a message with remote content barred; and, once somebody asked for it, with its pictures."""

    message = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="rendered")
    policy = models.PositiveIntegerField()
    # What was written, NUL, the quoted tail.
    html = models.BinaryField(help_text="Deflated UTF-8.")
    remote = models.PositiveIntegerField(default=0, help_text="Remote things held back.")
    too_complex = models.BooleanField(default=False)
    trackers = models.JSONField(default=list, help_text="Whose they are, one entry each.")
    pictured = models.BinaryField(null=True, help_text="See sync/pictured.py.")
    made_at = models.DateTimeField(auto_now_add=True)

"""Remote pictures that were fetched for somebody."""

import secrets

from django.conf import settings
from django.db import models
from django.utils import timezone

DIRECTORY = "pictures"


def picture_path() -> str:
    """One directory a day, so that what nobody refers to can be told by its age."""
    return f"{DIRECTORY}/{timezone.now():%Y-%m-%d}/{secrets.token_hex(20)}"


class FetchedPicture(models.Model):
    """What a server answered for one person: another who sees the same mail learns nothing from it, not even its speed."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=64, help_text="SHA-256 of the address.")
    type = models.CharField(max_length=20, blank=True, help_text="As its first octets say; blank when it was refused.")
    path = models.CharField(max_length=100, blank=True, help_text="In the storage.")
    size = models.PositiveIntegerField(default=0)
    fetched_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="one_picture_per_person")]

    def __str__(self) -> str:
        return f"{self.key[:12]} for {self.user_id}"

"""Remote pictures kept for a day, in the storage; the worker keeps them within bounds."""

import hashlib
from datetime import timedelta

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import Sum
from django.utils import timezone

from webmail.models.picture import DIRECTORY, FetchedPicture, picture_path
from webmail.outside.pictures import Picture

KEPT = timedelta(days=1)
# A server that failed is not asked at every look, nor for ever left out.
REFUSED_KEPT = timedelta(minutes=5)
BATCH = 500


def recall(user_id: int, url: str) -> FetchedPicture | None:
    """What is fresh; its type is blank where the server failed a moment ago."""
    found = FetchedPicture.objects.filter(user_id=user_id, key=_key(url)).first()
    if found is None or found.fetched_at < timezone.now() - (KEPT if found.type else REFUSED_KEPT):
        return None
    return found


def keep(user_id: int, url: str, picture: Picture | None) -> None:
    """None for a failure. Raise OSError when there is no room."""
    path = default_storage.save(picture_path(), ContentFile(picture.content)) if picture else ""
    values = {
        "type": picture.type if picture else "",
        "path": path,
        "size": len(picture.content) if picture else 0,
        "fetched_at": timezone.now(),
    }
    # A file that was there before goes with its day.
    FetchedPicture.objects.update_or_create(user_id=user_id, key=_key(url), defaults=values)


def trim(limit: int) -> None:
    """Forget what is old, and the oldest beyond ``limit`` octets; then remove the files of days that are over."""
    now = timezone.now()
    old = FetchedPicture.objects.filter(fetched_at__lt=now - KEPT)
    while gone := list(old[:BATCH]):
        _forget(gone)
    total = FetchedPicture.objects.aggregate(size=Sum("size"))["size"] or 0
    while total > limit:
        gone = list(FetchedPicture.objects.filter(size__gt=0).order_by("fetched_at")[:BATCH])
        total -= sum(each.size for each in gone)
        if not gone:
            break
        _forget(gone)
    _sweep((now - 2 * KEPT).strftime("%Y-%m-%d"))


def _forget(pictures: list[FetchedPicture]) -> None:
    FetchedPicture.objects.filter(pk__in=[each.pk for each in pictures]).delete()
    for each in pictures:
        if each.path:
            default_storage.delete(each.path)


def _sweep(before: str) -> None:
    """What rows of persons who are gone referred to, and what was written for a row that never came."""
    try:
        days, _ = default_storage.listdir(DIRECTORY)
    except FileNotFoundError:
        return
    for day in days:
        if day < before:
            for name in default_storage.listdir(f"{DIRECTORY}/{day}")[1]:
                default_storage.delete(f"{DIRECTORY}/{day}/{name}")
            default_storage.delete(f"{DIRECTORY}/{day}")


def _key(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()

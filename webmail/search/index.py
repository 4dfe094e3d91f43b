"""The indexer: takes messages from the queue, newest first, in small transactions beside the work of the others."""

import logging
import time
from collections.abc import Callable, Collection
from datetime import datetime

from django.db import IntegrityError, transaction

from webmail.models import Folder, Message, SearchEntry, SearchQueue

from . import docid, store
from .text import words_of

logger = logging.getLogger(__name__)

BATCH = 200
# So long is rested after a batch, in batches' times: while mailboxes are being mirrored for the first time they come first.
REST, REST_DURING_BACKFILL = 1.0, 20.0


def work(should_stop: Callable[[], bool], rest: Callable[[float], object] = time.sleep) -> None:
    """Index until the queue is empty. ``rest`` waits for so many seconds."""
    while not should_stop():
        started = time.monotonic()
        try:
            done = batch()
        except IntegrityError:
            # A message went, or another worker was here, between reading and writing: read again.
            logger.info("a batch of the search index is done again")
            done = BATCH
        if not done:
            return
        spent = time.monotonic() - started
        rest(min(5.0, spent * (REST_DURING_BACKFILL if _mirroring() else REST)))


def batch(size: int = BATCH) -> int:
    """Index one batch; return how many entries of the queue it took."""
    waiting = list(SearchQueue.objects.order_by("-newness").values_list("pk", "message_id")[:size])
    if not waiting:
        return 0
    ids = {message_id for _, message_id in waiting}
    messages = list(Message.objects.filter(pk__in=ids).select_related("account"))
    known = dict(SearchEntry.objects.filter(message_id__in=ids).values_list("message_id", "docid"))
    fresh = [(each.pk, each.account.user_id, each.internaldate) for each in messages if each.pk not in known]
    numbers = known | docid.assign(fresh, _taken)
    if len(numbers) < len(messages):
        logger.warning("%s messages found no place in the search index", len(messages) - len(numbers))
    words = {each.pk: words_of(each, numbers[each.pk]) for each in messages if each.pk in numbers}
    with transaction.atomic():
        _write(dict(waiting), known, words)
    return len(waiting)


def _write(waiting: dict[int, int], known: dict[int, int], words: dict[int, store.Words]) -> None:
    """Whatever another worker has taken meanwhile is left to it."""
    mine = set(
        SearchQueue.objects.select_for_update(skip_locked=True)
        .filter(pk__in=list(waiting))
        .values_list("message_id", flat=True)
    )
    here = set(Message.objects.filter(pk__in=mine).values_list("pk", flat=True))
    gone = [known[pk] for pk in mine - here if pk in known]
    if gone:
        store.erase(gone)
        SearchEntry.objects.filter(docid__in=gone).delete()
    store.write(words[pk] for pk in here if pk in words)
    SearchEntry.objects.bulk_create(
        SearchEntry(docid=words[pk].docid, message_id=pk) for pk in here if pk in words and pk not in known
    )
    SearchQueue.objects.filter(pk__in=list(waiting), message_id__in=mine).delete()


def _taken(numbers: Collection[int]) -> set[int]:
    return set(SearchEntry.objects.filter(docid__in=list(numbers)).values_list("docid", flat=True))


def _mirroring() -> bool:
    return Folder.objects.filter(selectable=True, hidden=False, backfill_uid__gt=1, account__paused=False).exists()


def still_to_come(account_ids: Collection[int]) -> int:
    """How many messages of these accounts are not in the index yet."""
    return SearchQueue.objects.filter(account_id__in=account_ids).count()


def newest_indexed(user_id: int) -> datetime | None:
    """INTERNALDATE of the newest message in the index of a person."""
    low, high = docid.span(user_id)
    newest = SearchEntry.objects.filter(docid__gte=low, docid__lt=high).order_by("-docid")
    return newest.values_list("message__internaldate", flat=True).first()

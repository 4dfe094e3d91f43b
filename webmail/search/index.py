"""The indexer: takes messages from the queue, newest first, in small transactions beside the work of the others."""

import logging
import time
from collections.abc import Callable, Collection

from django.db import Error, IntegrityError, transaction

from webmail.contacts import collect
from webmail.models import Folder, Message, SearchEntry, SearchQueue, SyncState

from . import docid, store
from .text import words_of

logger = logging.getLogger(__name__)

BATCH = 200
# Words written in one transaction: on SQLite nobody else writes meanwhile, and a click wants to.
WORDS_AT_ONCE = 20_000
# So long is rested after a batch, in batches' times: while mailboxes are being mirrored for the first time they come first,
# and their first rows before anything else.
REST, REST_DURING_BACKFILL = 1.0, 20.0
LONGEST_REST = FIRST_REST = 3.0


def work(should_stop: Callable[[], bool], rest: Callable[[float], object] = time.sleep) -> None:
    """Index until the queue is empty. ``rest`` waits for so many seconds."""
    if _mirroring() and SearchQueue.objects.exists():
        rest(FIRST_REST)
    while not should_stop():
        started = time.monotonic()
        try:
            done = batch()
        except IntegrityError:
            # A message went, or another worker was here, between reading and writing: read again.
            logger.info("a batch of the search index is done again")
            done = BATCH
        except Error:
            # The database may be away or busy for a while; the queue stays.
            logger.exception("the search index could not be brought on")
            rest(LONGEST_REST)
            return
        if not done and not _past():
            return
        spent = time.monotonic() - started
        rest(min(LONGEST_REST, spent * (REST_DURING_BACKFILL if _mirroring() else REST)))


def batch(size: int = BATCH) -> int:
    """Index one batch; return how many entries of the queue it took."""
    ids = set(SearchQueue.objects.order_by("-newness").values_list("message_id", flat=True)[:size])
    if not ids:
        return 0
    # A message stands there once for each thing that happened to it; one reading answers them all, if it comes after.
    waiting = sorted(
        SearchQueue.objects.filter(message_id__in=ids).values_list("pk", "message_id"), key=lambda entry: entry[1]
    )
    rows = Message.objects.filter(pk__in=ids).select_related("account", "rendered").defer("rendered__pictured")
    messages = {each.pk: each for each in rows}
    known = dict(SearchEntry.objects.filter(message_id__in=ids).values_list("message_id", "docid"))
    timed = [(each.pk, each.account.user_id, each.internaldate) for each in messages.values()]
    # A message that came again, at another time, is counted where it now belongs.
    fresh = [each for each in timed if each[0] not in known or not docid.fits(known[each[0]], *each[1:])]
    numbers = known | docid.assign(fresh, _taken)
    if len(numbers) < len(messages):
        logger.warning("%s messages found no place in the search index", len(messages) - len(numbers))
    words = {pk: _words(each, numbers[pk]) for pk, each in messages.items() if pk in numbers}
    part: dict[int, int] = {}
    count = 0
    for entry, message_id in waiting:
        part[entry] = message_id
        count += sum(map(len, words[message_id].columns)) if message_id in words else 0
        if count >= WORDS_AT_ONCE:
            _write(part, known, words, messages)
            part, count = {}, 0
    _write(part, known, words, messages)
    return len(waiting)


@transaction.atomic
def _write(
    waiting: dict[int, int], known: dict[int, int], words: dict[int, store.Words], messages: dict[int, Message]
) -> None:
    """Whatever another worker has taken meanwhile is left to it. ``known`` learns what is in the index from now on."""
    mine = set(
        SearchQueue.objects.select_for_update(skip_locked=True)
        .filter(pk__in=list(waiting))
        .values_list("message_id", flat=True)
    )
    here = set(Message.objects.filter(pk__in=mine).values_list("pk", flat=True))
    anew = {pk for pk in here if pk in words and words[pk].docid != known.get(pk)}
    gone = [known[pk] for pk in (mine - here) | anew if pk in known]
    if gone:
        store.erase(gone)
        SearchEntry.objects.filter(docid__in=gone).delete()
    store.write(words[pk] for pk in here if pk in words)
    SearchEntry.objects.bulk_create(SearchEntry(docid=words[pk].docid, message_id=pk) for pk in anew)
    collect.indexed(messages[pk] for pk in anew if pk not in known)
    known.update({pk: words[pk].docid for pk in here if pk in words})
    SearchQueue.objects.filter(pk__in=list(waiting), message_id__in=mine).delete()


def _past() -> bool:
    """Whether there was mail from before addresses were collected; a chunk of it has been counted now."""
    try:
        return collect.go_through_past()
    except Error:
        logger.exception("older mail could not be gone through for addresses")
        return False


def _words(message: Message, number: int) -> store.Words:
    """One message that cannot be read must not keep all others out of the index."""
    try:
        return words_of(message, number)
    except Exception:
        logger.exception("message %s cannot be indexed", message.pk)
        return store.Words(number, [], [], [], [])


def _taken(numbers: Collection[int]) -> set[int]:
    return set(SearchEntry.objects.filter(docid__in=list(numbers)).values_list("docid", flat=True))


def _mirroring() -> bool:
    behind = Folder.objects.filter(selectable=True, hidden=False, backfill_uid__gt=1, account__paused=False)
    # An account whose server is not to be had holds nobody up.
    return behind.filter(account__sync__status__in=[SyncState.Status.SYNCING, SyncState.Status.OK]).exists()


def still_to_come(account_ids: Collection[int]) -> int:
    """How many messages of these accounts are not in the index yet."""
    return SearchQueue.objects.filter(account_id__in=account_ids).count()

"""What has to be done now and then: caches trimmed, what nobody refers to removed."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.browsers import forget_ended
from accounts.models import MailAccount
from webmail.contacts import tidy as contacts
from webmail.models import BulkAction, Conversation, ConversationChange, Message, Notice, PendingAction, ServerHit
from webmail.models.mirror import hold
from webmail.sync import late_drafts, picture_cache, reminders, tally
from webmail.sync.part_cache import trim_cache
from webmail.sync.server_drafts import forget_removed
from webmail.transfer.run import tidy

BATCH = 500
LONG_MISSING = timedelta(hours=1)
UNDO_KEPT = timedelta(minutes=30)
HITS_KEPT = timedelta(hours=2)
BULK_KEPT = timedelta(days=7)


def run() -> None:
    trim_cache(settings.BODY_CACHE_BYTES)
    picture_cache.trim(settings.PICTURE_CACHE_BYTES)
    tidy()
    forget_removed()
    late_drafts.forget()
    forget_ended()
    reminders.tidy()
    now = timezone.now()
    _forget_vanished(now - LONG_MISSING)
    settled = [PendingAction.State.DONE, PendingAction.State.REFUSED]
    ended = PendingAction.objects.filter(state__in=settled, finished_at__lt=now - UNDO_KEPT)
    ended.filter(Q(bulk__isnull=True) | Q(bulk__finished_at__lt=now - UNDO_KEPT)).delete()
    BulkAction.objects.filter(finished_at__lt=now - BULK_KEPT).delete()
    Notice.objects.filter(dismissed_at__lt=now - UNDO_KEPT).delete()
    ServerHit.objects.filter(found_at__lt=now - HITS_KEPT).delete()
    contacts.tidy()
    ConversationChange.objects.filter(created_at__lt=now - UNDO_KEPT).delete()
    # What a person decided outlives the messages: they may come back, with a rebuilt folder for one.
    forgettable = Conversation.objects.filter(muted_at=None, apart=False, further_subjects=None)
    empty = forgettable.filter(messages__isnull=True).values_list("pk", flat=True)[:BATCH]
    Conversation.objects.filter(pk__in=list(empty)).delete()
    if connection.vendor == "sqlite":
        # Without statistics SQLite picks indexes by their looks.
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA analysis_limit=400")
            cursor.execute("PRAGMA optimize")


def _forget_vanished(before: datetime) -> None:
    """What turned up nowhere, and what was still to be done to it. In pieces: it may be all of a large folder."""
    rebuilding = Q(folder__backfill_uid__isnull=True) | Q(folder__backfill_uid__gt=1)
    vanished = Message.objects.filter(missing_since__lt=before)
    forgettable = vanished.exclude(rebuilding)
    while user_id := forgettable.values_list("account__user_id", flat=True).first():
        ids = list(forgettable.filter(account__user_id=user_id).values_list("pk", flat=True)[:BATCH])
        with transaction.atomic():
            # What is found again in this moment stays.
            hold(user_id)
            gone = vanished.filter(pk__in=ids)
            waiting = PendingAction.objects.filter(message__in=gone, bulk__isnull=False)
            tally.missed(waiting.filter(state__in=[PendingAction.State.PENDING, PendingAction.State.RUNNING]))
            gone.delete()


def unwanted(account_ids: set[int]) -> set[int]:
    """Parked accounts that were paused or removed."""
    if not account_ids:
        return set()
    wanted = MailAccount.objects.filter(pk__in=account_ids, paused=False, user__is_active=True)
    return account_ids - set(wanted.values_list("pk", flat=True))

"""What the mirror has and the server has not, and the other way round. A row goes only when that was said often enough."""

import logging
from contextlib import closing
from datetime import timedelta

from django.utils import timezone

from webmail.errors import MailError
from webmail.imap.connection import MailConnection
from webmail.imap.types import Selected
from webmail.models import Folder, Message

from .changes import vanish
from .folders import save
from .foreground import open_connection

logger = logging.getLogger(__name__)

COMPARE_EVERY = timedelta(hours=6)
MANY_GONE, SHARE_GONE = 50, 0.2  # more than both: asked a second time
MOST_GONE, MOST_SHARE = 20, 0.5  # more than both: a second connection has to say the same


def missing_and_vanished(connection: MailConnection, folder: Folder, selected: Selected) -> list[int]:
    """Let go of what the selected folder has no longer; return the uids that were overlooked, newest first."""
    low, high = folder.backfill_uid or 1, (folder.uidnext or 1) - 1
    rows = Message.objects.filter(folder=folder, uidvalidity=selected.uidvalidity, uid__isnull=False)
    fresh = folder.compared_at is not None and timezone.now() - folder.compared_at < COMPARE_EVERY
    if low <= 1 and fresh and folder.doubted_at is None and rows.count() == selected.exists:
        return []
    if high < low:
        return []
    there = connection.uids(f"{low}:{high}")
    here = {uid for uid in rows.filter(uid__gte=low, uid__lte=high).values_list("uid", flat=True) if uid is not None}
    gone = here - there
    doubted = False
    if len(gone) > max(MANY_GONE, SHARE_GONE * len(here)) or (gone and not there):
        # Servers have answered with half a mailbox before: a large disappearance must be said twice.
        connection.noop()
        again = connection.select(folder.name, uidvalidity=selected.uidvalidity)
        gone -= connection.uids(f"{low}:{high}")
        doubted = low <= 1 and again.exists > len(here - gone) + len(there - here) + MANY_GONE
    if not doubted and len(gone) > max(MOST_GONE, MOST_SHARE * len(here)):
        elsewhere = _said_elsewhere(folder, f"{low}:{high}")
        doubted = elsewhere is None or bool(gone & elsewhere)
    if doubted:
        logger.warning("folder %s: %s of %s messages seem gone; that is doubted", folder.pk, len(gone), len(here))
        save(folder, doubted_at=timezone.now())
        return []
    if gone:
        vanish(folder, gone)
    save(folder, compared_at=timezone.now(), doubted_at=None)
    return sorted(there - here, reverse=True)


def _said_elsewhere(folder: Folder, uids: str) -> set[int] | None:
    """What a new connection sees; None when there is none to be had, or it sees another folder."""
    try:
        with closing(open_connection(folder.account)) as other:
            other.select(folder.name, uidvalidity=folder.uidvalidity)
            return other.uids(uids)
    except MailError as problem:
        logger.info("folder %s: nothing confirms that messages are gone: %s", folder.pk, problem)
        return None

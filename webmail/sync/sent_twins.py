"""A sent message that stands twice in Sent: all but one go, and the marks of all stay with that one (faults F06, F41).

A copy of ours whose number the server has named (APPENDUID, RFC 4315) makes room for one that came later from somebody else,
and the account then counts as one whose provider files. Where an APPEND of ours was never answered, both may be ours: then only
copies of the very same bytes are made one, the oldest, and nothing is learned. Nothing is taken away but by UID EXPUNGE.
"""

import logging
from collections import Counter, defaultdict
from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import MailAccount
from webmail.errors import GiveUp
from webmail.models import Message, OutgoingMessage, SpecialUse

from .conversations import hash_key
from .filing import digest_of, update
from .local import AnyMailbox
from .sent_copies import own_folder, server_files
from .server_drafts import rows_of

logger = logging.getLogger(__name__)
SentCopy = OutgoingMessage.SentCopy
WATCHED = timedelta(days=2)
WATCHED_AT_ONCE = 50


def doubled(account: MailAccount) -> list[OutgoingMessage]:
    """Rows with a copy from here that has a twin in the mirror of its folder. Asks no server."""
    rows = rows_of(account).filter(sent_copy=SentCopy.FILED, sent_copy_begun_at__isnull=False)
    recent = list(rows.filter(sent_at__gt=timezone.now() - WATCHED).order_by("-pk")[:WATCHED_AT_ONCE])
    if not recent:
        return []
    standing = _copies(account, {row.message_id for row in recent})
    places = Counter(standing.values_list("message_id", "folder_id"))
    twice = {message_id for (message_id, _), count in places.items() if count > 1}
    return [row for row in recent if row.message_id in twice and _twins(row)]


def _copies(account: MailAccount, ids: set[str]) -> QuerySet[Message]:
    copies = Message.objects.filter(account=account, message_key__in=[hash_key(each) for each in ids])
    return copies.filter(message_id__in=ids, uid__isnull=False, missing_since__isnull=True)


def _twins(row: OutgoingMessage) -> list[Message]:
    """The copies in one folder among which there is one to take away, oldest first."""
    found = _copies(row.account, {row.message_id}).select_related("folder").order_by("uid")
    own = own_folder(row)
    # Elsewhere the same number, under the same UIDVALIDITY, names what somebody was sent.
    copies = [copy for copy in found if copy.folder.special_use == SpecialUse.SENT or copy.folder == own]
    if row.sent_copy_uid is not None:
        number = row.sent_copy_uidvalidity, row.sent_copy_uid
        ours = next((copy for copy in copies if (copy.uidvalidity, copy.uid) == number), None)
        twins = [copy for copy in copies if ours is not None and copy.folder_id == ours.folder_id]
        return twins if len(twins) > 1 else []
    for folder_id in dict.fromkeys(copy.folder_id for copy in copies):
        there = [copy for copy in copies if copy.folder_id == folder_id]
        sizes = Counter(copy.size for copy in there)
        same = [copy for copy in there if sizes[copy.size] > 1]
        if same:
            return same
    return []


def remove_double(connection: AnyMailbox, row: OutgoingMessage) -> None:
    """Make the twins one, where that is safe; what is not is left alone from now on."""
    twins = _twins(row)
    if not twins:
        return
    folder = twins[0].folder
    opened = connection.select(folder.name, uidvalidity=None)
    there = set(connection.find_message_id(row.message_id))
    standing = [copy for copy in twins if copy.uid in there and copy.uidvalidity == opened.uidvalidity]
    if len(standing) < 2:
        return  # The mirror is behind, and sees so in this pass.
    try:
        if row.sent_copy_uid is not None:
            _make_room(connection, row, standing)
        elif _make_one(connection, standing):
            return  # Another one may still be on its way.
    except GiveUp as problem:
        logger.warning("message %s stands twice in Sent: %s %s", row.pk, problem.sentence, problem.detail)
    update(row, sent_copy_begun_at=None, sent_copy_uid=None, sent_copy_uidvalidity=None)


def _make_room(connection: AnyMailbox, row: OutgoingMessage, copies: list[Message]) -> None:
    ours = [copy for copy in copies if copy.uid == row.sent_copy_uid]
    others = [copy for copy in copies if copy.uid != row.sent_copy_uid]
    if ours and others:
        _replace(connection, others[-1], ours)
        if row.identity is None or row.identity.own_server is None:
            server_files(row.account)


def _make_one(connection: AnyMailbox, copies: list[Message]) -> bool:
    """Return whether any were the same."""
    same: dict[str, list[Message]] = defaultdict(list)
    for copy in copies:
        same[digest_of(connection, copy.uid or 0)].append(copy)
    found = [group for group in same.values() if len(group) > 1]
    for oldest, *newer in found:
        _replace(connection, oldest, newer)
    return bool(found)


def _replace(connection: AnyMailbox, kept: Message, gone: list[Message]) -> None:
    marks = {keyword for copy in gone for keyword in copy.keywords}
    marks |= {"\\Flagged"} if any(copy.flagged for copy in gone) else set()
    marks |= {"\\Answered"} if any(copy.answered for copy in gone) else set()
    connection.store(str(kept.uid), add=["\\Seen", *marks])
    connection.expunge([copy.uid for copy in gone if copy.uid is not None], exact=True)

"""Addresses collected from mail: counted once for each message, in batches, by the worker and never in a request.

The indexer of the search hands over the messages it takes into the index for the first time, in the same transaction: each
is counted once, whatever is cut short. Mail that was in the index before there was any of this is gone through once, in
chunks. What is sent is noted at once, and counted when its copy stands in Sent.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from webmail.mime.address import addresses
from webmail.models import CollectedAddress, CollectedPast, Folder, Message, OutgoingMessage, SpecialUse
from webmail.outbox.letter import FIELDS, is_address

from . import weight
from .collected import Batch, Met, write
from .words import folded_key

CHUNK = 500
# Of one message: a letter to all the world is no acquaintance with each of them.
MOST_RECIPIENTS = 50
# Of one person; beyond it the least likely go.
MOST_KEPT = 50_000
PASSED_OVER = frozenset(
    {SpecialUse.JUNK, SpecialUse.TRASH, SpecialUse.DRAFTS, SpecialUse.FLAGGED, SpecialUse.IMPORTANT}
)
# Local parts of machines: having been written to by them is no reason to write to them.
_MACHINE = re.compile(
    r"(?:^|[._+-])(?:no|do-?not|donot|never)[._-]?reply|[+-]bounces?\b|-request$|"
    r"^(?:mailer-daemon|postmaster|bounces?|notifications?|notify|newsletters?|news|alerts?|updates?|listserv|majordomo)"
    r"(?:$|[._+-])",
    re.IGNORECASE,
)
_ROW = (
    *("account__user_id", "account_id", "shown_in_id", "from_name", "from_address", "recipients", "draft"),
    "internaldate",
)


def indexed(messages: Iterable[Message]) -> None:
    """Count messages that are new in the index; with their accounts. Inside the caller's transaction."""
    upto = CollectedPast.objects.values_list("upto", flat=True).first() or 0
    _count(
        (
            *(each.account.user_id, each.account_id, each.shown_in_id, each.from_name, each.from_address),
            *(each.recipients, each.draft, each.internaldate),
        )
        for each in messages
        if each.pk > upto
    )


@transaction.atomic
def go_through_past() -> bool:
    """Count one chunk of the mail that was here before; False once there is nothing left. For when all is indexed."""
    past = CollectedPast.objects.select_for_update().first()
    if past is None:
        return False
    older = Message.objects.filter(pk__lte=past.cursor).order_by("-pk")
    rows = list(older.values_list("pk", *_ROW)[:CHUNK])
    if not rows:
        past.delete()
        return False
    past.cursor = rows[-1][0] - 1
    past.save(update_fields=["cursor"])
    _count(row[1:] for row in rows)
    return True


def sent(rows: Iterable[OutgoingMessage]) -> None:
    """Know the recipients from now on."""
    now = timezone.now()
    met: Batch = {}
    for row in rows:
        people = [person for field in FIELDS for person in addresses(getattr(row, field))]
        for name, address in people[:MOST_RECIPIENTS]:
            if one := _meet(met, (row.user_id, row.account_id), name, address, now):
                one.last_written, one.rank = now, weight.of_mail(weight.WRITTEN, now, now)
    write(met, counted=False)


def prune() -> None:
    """Let go of the least likely where somebody has more than ``MOST_KEPT``."""
    for user_id in list(CollectedAddress.objects.order_by().values_list("user_id", flat=True).distinct()):
        kept = CollectedAddress.objects.filter(user_id=user_id)
        for rank in list(kept.order_by("-rank").values_list("rank", flat=True)[MOST_KEPT : MOST_KEPT + 1]):
            kept.filter(rank__lte=rank).delete()


def is_machine(address: str) -> bool:
    """Whether an address says that nobody reads what is sent there."""
    return _MACHINE.search(address.partition("@")[0]) is not None


def _count(rows: Iterable[tuple[Any, ...]]) -> None:
    rows = list(rows)
    folders = Folder.objects.filter(pk__in={row[2] for row in rows if row[2]})
    uses = dict(folders.values_list("pk", "special_use")) if rows else {}
    now = timezone.now()
    met: Batch = {}
    for user_id, account_id, folder_id, name, address, recipients, draft, internaldate in rows:
        use = uses.get(folder_id)
        if draft or use is None or use in PASSED_OVER:
            continue
        owner, moment = (user_id, account_id), min(internaldate, now)
        # Only in Sent: what a message elsewhere says of its sender anybody can write.
        if use == SpecialUse.SENT:
            for written_name, written_address in _written_to(recipients):
                if one := _meet(met, owner, written_name, written_address, moment):
                    one.wrote(moment, now)
        elif not is_machine(address) and (one := _meet(met, owner, name, address, moment)):
            one.was_heard(moment, now)
    write(met)


def _written_to(recipients: object) -> list[list[str]]:
    found = [pair for field in FIELDS for pair in recipients.get(field, [])] if isinstance(recipients, dict) else []
    return [pair for pair in found if len(pair) == 2][:MOST_RECIPIENTS]


def _meet(met: Batch, owner: tuple[int, int], name: str, address: str, moment: datetime) -> Met | None:
    """``owner``: person and account."""
    key = (owner[1], folded_key(address))
    one = met.get(key)
    if one is None:
        if not is_address(address):
            return None
        one = met[key] = Met(owner[0], address)
    one.named(name, moment)
    return one

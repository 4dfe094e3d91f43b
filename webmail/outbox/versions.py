"""Earlier texts of a draft: kept at sensible moments, bounded, and brought back without losing the present."""

from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from webmail.models import DraftVersion, OutgoingMessage
from webmail.models.mirror import announce, hold

from .letter import EDITABLE
from .wake import QUIET, ask_worker

Reason = DraftVersion.Reason
EVERY = timedelta(minutes=3)
MOST_VERSIONS = 20
MOST_CHARACTERS = 4_000_000
MUCH = 200
COLUMNS = ("to", "cc", "bcc", "subject", "text", "html", "plain")


def keep(outgoing: OutgoingMessage, reason: Reason) -> DraftVersion | None:
    """A version of what the row says as it was read; None where there is nothing, or the newest version says the same."""
    values = {name: getattr(outgoing, name) for name in COLUMNS}
    if not any(values[name].strip() for name in ("subject", "text", "html")):
        return None
    newest = outgoing.versions.first()
    if newest is not None and all(getattr(newest, name) == value for name, value in values.items()):
        return None
    version = DraftVersion.objects.create(outgoing=outgoing, reason=reason, **values)
    _trim(outgoing)
    return version


def keep_before(outgoing: OutgoingMessage, *, text: str, html: str, writer: str) -> None:
    """What the row says goes into a version before ``text`` and ``html`` replace it, if this is a moment for one."""
    if outgoing.revision <= 1:
        return  # nothing was written yet
    if writer and outgoing.writer and writer != outgoing.writer:
        keep(outgoing, Reason.ELSEWHERE)
    elif _size(outgoing.text, outgoing.html) - 2 * _size(text, html) > MUCH:
        keep(outgoing, Reason.CUT)
    else:
        last = outgoing.versions.values_list("created_at", flat=True).first()
        if timezone.now() - (last or outgoing.created_at) >= EVERY:
            keep(outgoing, Reason.WRITING)


def _size(text: str, html: str) -> int:
    return len(html or text)


def _trim(outgoing: OutgoingMessage) -> None:
    """The newest ones that fit; the very newest always stays."""
    room = MOST_CHARACTERS
    gone = []
    for place, version in enumerate(outgoing.versions.all()):
        room -= sum(len(getattr(version, name)) for name in COLUMNS if name != "plain")
        if place >= MOST_VERSIONS or (room < 0 and place):
            gone.append(version.pk)
    if gone:
        DraftVersion.objects.filter(pk__in=gone).delete()


def restore(outgoing: OutgoingMessage, version: DraftVersion) -> bool:
    """The draft says what ``version`` says; what it said becomes a version first. False if it is already on its way."""
    with transaction.atomic():
        hold(outgoing.user_id)
        standing = OutgoingMessage.objects.select_for_update().filter(pk=outgoing.pk, state__in=EDITABLE).first()
        if standing is None:
            return False
        keep(standing, Reason.RESTORE)
        OutgoingMessage.objects.filter(pk=outgoing.pk).update(
            **{name: getattr(version, name) for name in COLUMNS},
            revision=F("revision") + 1,
            updated_at=timezone.now(),
            discarded=False,
            writer="",
        )
        ask_worker(outgoing.account_id, QUIET)
        announce(outgoing.user_id)
    outgoing.refresh_from_db()
    return True

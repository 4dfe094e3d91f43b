"""One click on thousands of messages. The click freezes what is meant; the worker applies it in pieces, newest first.

Each piece is one transaction under the person's lock: rows, journal, cursor and numbers change together, so it can be cut
off anywhere and carried on by anybody, and two at once do no harm. From the journal on it goes the way of any action.
What came into the folder after the click is not meant; what the person did to a message after the click stays done.
"""

from collections.abc import Iterable, Sequence

from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.models import User
from webmail.errors import GiveUp, Reason
from webmail.models import BulkAction, BulkFolder, Folder, Message, PendingAction, SpecialUse
from webmail.models.mirror import Change, change

from . import actions

INLINE = 500  # as many are done in the request itself
AT_ONCE = 100  # of a larger one, so that what is on the screen shows it
CHUNK = 500
Kind, State, Verb = PendingAction.Kind, BulkAction.State, BulkAction.Verb
FLAGS: dict[str, tuple[str, bool]] = {
    Verb.SEEN: ("seen", True),
    Verb.UNSEEN: ("seen", False),
    Verb.FLAG: ("flagged", True),
    Verb.UNFLAG: ("flagged", False),
}
PLACES = {
    Verb.ARCHIVE: SpecialUse.ARCHIVE,
    Verb.DELETE: SpecialUse.TRASH,
    Verb.JUNK: SpecialUse.JUNK,
    Verb.NOT_JUNK: SpecialUse.INBOX,
}


def matching(verb: str, folders: Iterable[Folder]) -> QuerySet[Message]:
    """Everything in the folders that the verb would change."""
    rows = Message.objects.filter(shown_in__in=[folder.pk for folder in folders])
    if verb in FLAGS:
        column, value = FLAGS[verb]
        rows = rows.filter(**{column: not value})
    return rows


def size(verb: str, folders: Sequence[Folder]) -> int:
    """How many that are, with those the mirror has not received yet."""
    if verb == Verb.SEEN:
        return sum(folder.shown_unread for folder in folders)
    if verb in FLAGS:
        return matching(verb, folders).count()
    return sum(folder.shown_total for folder in folders)


def begin(user: User, verb: str, folders: Sequence[Folder], target: Folder | None = None) -> BulkAction:
    """Freeze the selection, apply the newest of it, leave the rest to the worker.

    ``folders`` come with their accounts. Raise GiveUp if the target takes no messages, or nothing would change.
    """
    with change(user.pk) as changed:
        if target is not None:
            actions.check_target(target)
        bulk = BulkAction.objects.create(
            user=user,
            verb=verb,
            target_title=actions.place_name(target, (each.account_id for each in folders)) if target else "",
            total=size(verb, folders),
            last_message=Message.objects.aggregate(last=Max("pk"))["last"] or 0,
            last_action=PendingAction.objects.aggregate(last=Max("pk"))["last"] or 0,
        )
        parts = [part for folder in folders if (part := _part(bulk, folder, target)) is not None]
        if not parts:
            raise GiveUp(Reason.REFUSED, "They are there already.")
        BulkFolder.objects.bulk_create(parts)
        for part in parts:
            if part.kind != Kind.STORE:
                Folder.objects.filter(pk=part.folder_id).update(leaving_to=bulk.last_message)
                changed.folders.add(part.folder_id)
        for part in parts:
            _apply(bulk, part, changed, max(1, AT_ONCE // len(parts)))
    return bulk


def step(bulk_id: int, user_id: int) -> bool:
    """One piece; False when there is nothing to do now."""
    with change(user_id) as changed:
        bulk = BulkAction.objects.filter(pk=bulk_id, state=State.APPLYING).first()
        if bulk is None:
            changed.silent = True
            return False
        waiting = False
        for part in bulk.folders.filter(finished=False).select_related("folder", "target"):
            if _apply(bulk, part, changed, CHUNK):
                return True
            waiting |= not part.finished
        if waiting:
            changed.silent = not changed.folders
            return False
        # What went its own way between the click and its turn was never part of it.
        BulkAction.objects.filter(pk=bulk_id).update(state=State.SENDING, total=bulk.applied)
    return True


def stop(bulk: BulkAction, changed: Change) -> None:
    """Apply no more of it; the caller holds the gate."""
    bulk.folders.update(finished=True)
    BulkAction.objects.filter(pk=bulk.pk).update(state=State.STOPPED, finished_at=timezone.now())
    _show_again(bulk.folders.values_list("folder_id", flat=True), changed)


def _part(bulk: BulkAction, folder: Folder, target: Folder | None) -> BulkFolder | None:
    """None where there is nothing to do."""
    kind = Kind.STORE if bulk.verb in FLAGS else Kind.MOVE
    if bulk.verb == Verb.EXPUNGE or (bulk.verb == Verb.DELETE and folder.special_use == SpecialUse.TRASH):
        kind = Kind.EXPUNGE
    elif bulk.verb in PLACES:
        target = actions.special_folder(folder.account, PLACES[Verb(bulk.verb)])
    if kind == Kind.MOVE and (target is None or target.pk == folder.pk):
        return None
    return BulkFolder(
        bulk=bulk,
        folder=folder,
        kind=kind,
        target=target if kind == Kind.MOVE else None,
        uidvalidity=folder.uidvalidity,
        uidnext=max(folder.uidnext or 0, _highest_uid(folder) + 1),
    )


def _highest_uid(folder: Folder) -> int:
    """What is mirrored may be ahead of the folder's row for a moment."""
    rows = Message.objects.filter(folder=folder, uidvalidity=folder.uidvalidity)
    return rows.aggregate(highest=Max("uid"))["highest"] or 0


def _apply(bulk: BulkAction, part: BulkFolder, changed: Change, limit: int) -> int:
    """Return how many messages were changed; with none, the part is finished unless more is to come."""
    rows = list(_next(bulk, part)[:limit])
    if not rows and part.folder.backfilled and part.cursor_id:
        # Whatever came to stand above the cursor meanwhile.
        part.cursor_date, part.cursor_id = None, 0
        rows = list(_next(bulk, part)[:limit])
    if not rows:
        if part.folder.backfilled or not part.folder.selectable:
            part.finished = True
            part.save(update_fields=["finished"])
            _show_again([part.folder_id], changed)
        return 0
    changed.messages(rows)
    settled = _change(bulk, part, rows, changed)
    part.cursor_date, part.cursor_id = rows[-1].internaldate, rows[-1].pk
    part.save(update_fields=["cursor_date", "cursor_id"])
    note_applied(bulk, len(rows), settled)
    return len(rows)


def _change(bulk: BulkAction, part: BulkFolder, rows: list[Message], changed: Change) -> int:
    if part.kind == Kind.STORE:
        flag, value = FLAGS[bulk.verb]
        actions.set_flag(rows, flag, value)
        return actions.journal(rows, Kind.STORE, bulk.batch, changed, flag=flag, value=value, bulk=bulk)
    if part.target is not None:
        return actions.place(rows, part.target, bulk.batch, changed, bulk=bulk)
    settled = actions.journal(rows, Kind.EXPUNGE, bulk.batch, changed, bulk=bulk)
    actions.show(rows, None)
    return settled


def note_applied(bulk: BulkAction, count: int, settled: int) -> None:
    """``settled`` of them only took back what no server had heard of."""
    bulk.applied += count
    bulk.total = max(bulk.total, bulk.applied)
    BulkAction.objects.filter(pk=bulk.pk).update(
        applied=bulk.applied, total=bulk.total, confirmed=F("confirmed") + settled
    )


def _next(bulk: BulkAction, part: BulkFolder) -> QuerySet[Message]:
    """What is meant and still as it was, newest first."""
    on_server = Q(folder=part.folder_id, uid__isnull=False)
    there_then = on_server & Q(uidvalidity=part.uidvalidity, uid__lt=part.uidnext)
    shown_then = ~on_server & Q(pk__lte=bulk.last_message)
    rows = matching(bulk.verb, [part.folder]).filter(there_then | shown_then)
    since = PendingAction.objects.filter(message=OuterRef("pk"), pk__gt=bulk.last_action)
    if part.kind == Kind.STORE:
        since = since.filter(kind=Kind.STORE, flag=FLAGS[bulk.verb][0])
    else:
        since = since.filter(kind__in=actions.PLACING)
    rows = rows.filter(~Exists(since))
    if part.cursor_date is not None:
        rows = rows.filter(internaldate__lte=part.cursor_date).exclude(
            internaldate=part.cursor_date, id__gte=part.cursor_id
        )
    return rows.order_by("-internaldate", "-id").defer("structure", "recipients", "references")


def _show_again(folder_ids: Iterable[int], changed: Change) -> None:
    """Nothing is hidden any more but what another bulk action is about to take away."""
    for folder_id in set(folder_ids):
        others = BulkFolder.objects.filter(folder=folder_id, finished=False, bulk__state=State.APPLYING)
        last = others.exclude(kind=Kind.STORE).aggregate(last=Max("bulk__last_message"))["last"]
        Folder.objects.filter(pk=folder_id).update(leaving_to=last)
        changed.folders.add(folder_id)

"""Envelopes from the server become message rows; a message that only changed its place keeps its row."""

from collections import defaultdict
from collections.abc import Callable, Iterable

from webmail.imap.types import RemoteMessage
from webmail.mime.headers import Address, display_text
from webmail.mime.parts import choose
from webmail.models import CachedPart, Folder, Message, PendingAction, RenderedBody, SenderCheck, SpecialUse
from webmail.models.inserting import bulk_insert
from webmail.models.mirror import Change

from . import muted
from .conversations import assign, hash_key

KEYWORDS_KEPT = 50
UNREADABLE = "What the server says of this message cannot be read. Its source can be downloaded."
RECIPIENTS_KEPT = 200
SYSTEM_FLAGS = {"\\seen": "seen", "\\flagged": "flagged", "\\answered": "answered", "\\draft": "draft"}
COLUMNS = [str(field.column) for field in Message._meta.concrete_fields if not field.primary_key]  # noqa: SLF001
LINKED = [
    "folder",
    "shown_in",
    "uidvalidity",
    "uid",
    "seen",
    "flagged",
    "answered",
    "draft",
    "keywords",
    "missing_since",
]
DEFERRED = ["structure", "recipients", "references"]
CONTENT = ["internaldate", "structure", "has_attachment", "preview", "preview_known"]


def insert(changed: Change, folder: Folder, uidvalidity: int, found: Iterable[RemoteMessage]) -> list[Message]:
    """Insert what the folder does not have yet; return the rows that are new, newest first."""
    return insert_rows(changed, folder, uidvalidity, [as_row(folder, uidvalidity, message) for message in found])


def insert_rows(changed: Change, folder: Folder, uidvalidity: int, made: Iterable[Message]) -> list[Message]:
    """The same for rows that :func:`as_row` has made: what costs time is done before the database is locked."""
    fresh = {row.uid: row for row in made}
    known = Message.objects.filter(folder=folder, uidvalidity=uidvalidity, uid__in=list(fresh)).defer(*DEFERRED)
    _renew_flags(changed, [(old, fresh.pop(old.uid)) for old in known])
    if not fresh:
        return []
    rows = _relink(changed, folder, list(fresh.values()))
    silenced = assign(changed, rows)
    rows.sort(key=lambda row: (row.internaldate, row.uid or 0))
    ids = bulk_insert(Message, COLUMNS, [tuple(map(row.__dict__.get, COLUMNS)) for row in rows], ids=True)
    for row, pk in zip(rows, ids, strict=True):
        row.pk = pk
        row._state.adding = False  # noqa: SLF001 - what bulk_create does
    changed.folders.add(folder.pk)
    if silenced and folder.special_use == SpecialUse.INBOX:
        muted.skip_inbox(changed, folder, [row for row in rows if row.conversation_id in silenced], silenced)
    return rows[::-1]


def as_row(folder: Folder, uidvalidity: int, found: RemoteMessage) -> Message:
    sender = found.from_[0] if found.from_ else Address("", "")
    columns, keywords = split_flags(found.flags)
    structure = found.structure
    row = Message(
        account_id=folder.account_id,
        folder=folder,
        shown_in=folder,
        uidvalidity=uidvalidity,
        uid=found.uid,
        message_id=found.message_id[:998],
        in_reply_to=(found.in_reply_to[-1] if found.in_reply_to else "")[:998],
        references=" ".join(found.references),
        subject=display_text(found.subject),
        from_name=display_text(sender.name)[:500],
        from_address=sender.address[:500],
        recipients={
            key: [list(address) for address in addresses[:RECIPIENTS_KEPT]]
            for key, addresses in (
                ("to", found.to),
                ("cc", found.cc),
                ("bcc", found.bcc),
                ("reply_to", found.reply_to),
                ("sender", found.sender),
            )
            if addresses
        },
        date=found.date,
        internaldate=found.internaldate,
        size=max(0, found.size),
        keywords=keywords,
        structure=structure.to_json(),
        has_attachment=bool(choose(structure).attachments),
        **columns,
    )
    if not found.complete:
        row.preview, row.preview_known = UNREADABLE, True
    row.message_key = (
        hash_key(row.message_id)
        if row.message_id
        else hash_key("", row.from_address, str(row.date), row.subject, str(row.size))
    )
    return row


def split_flags(flags: Iterable[str]) -> tuple[dict[str, bool], list[str]]:
    """System flags (RFC 3501 section 2.3.2) have columns of their own; the others are keywords."""
    columns = dict.fromkeys(SYSTEM_FLAGS.values(), False)
    keywords = []
    for flag in flags:
        column = SYSTEM_FLAGS.get(flag.lower())
        if column:
            columns[column] = True
        elif not flag.startswith("\\"):
            keywords.append(flag[:100])
    return columns, sorted(keywords)[:KEYWORDS_KEPT]


def pending_flags(message_ids: Iterable[int]) -> set[tuple[int, str]]:
    """Flags the person changed and the server was not yet told: what the server says of them is older."""
    waiting = PendingAction.objects.filter(
        message_id__in=list(message_ids),
        kind=PendingAction.Kind.STORE,
        state__in=[PendingAction.State.PENDING, PendingAction.State.RUNNING],
    )
    return {(message_id or 0, flag) for message_id, flag in waiting.values_list("message_id", "flag")}


def pending_places(message_ids: Iterable[int]) -> dict[int, int | None]:
    """Messages whose place the person changed and the server was not yet told, and the folder they are shown in for it."""
    waiting = PendingAction.objects.filter(
        message_id__in=list(message_ids),
        kind__in=[PendingAction.Kind.MOVE, PendingAction.Kind.CARRY, PendingAction.Kind.EXPUNGE],
        state__in=[PendingAction.State.PENDING, PendingAction.State.RUNNING],
    )
    latest = waiting.order_by("pk").values_list("message_id", "kind", "target_id")
    return {pk or 0: target if kind == PendingAction.Kind.MOVE else None for pk, kind, target in latest}


def _renew_flags(changed: Change, pairs: list[tuple[Message, Message]]) -> None:
    """A row that was moved into a folder before anybody looked into it bears the flags of its former place."""
    if not pairs:
        return
    flags_waiting = pending_flags(old.pk for old, _ in pairs)
    for old, new in pairs:
        _take_flags(old, new, flags_waiting)
    rows = [old for old, _ in pairs]
    Message.objects.bulk_update(rows, [*SYSTEM_FLAGS.values(), "keywords"], batch_size=300)
    changed.messages(rows)


def _relink(changed: Change, folder: Folder, rows: list[Message]) -> list[Message]:
    """Give rows without a place (moved to an unknown uid, or vanished elsewhere) to the messages they are."""
    homeless: dict[tuple[int, int], list[Message]] = defaultdict(list)
    candidates = Message.objects.filter(
        account_id=folder.account_id, message_key__in={row.message_key for row in rows}, uid__isnull=True
    )
    for old in candidates.order_by("pk"):
        # A row that was moved here waits for this folder only; a vanished one may turn up anywhere.
        if old.missing_since is not None or old.folder_id == folder.pk:
            homeless[old.message_key, old.size].append(old)
    if not homeless:
        return rows
    placed = pending_places(old.pk for group in homeless.values() for old in group)
    flags_waiting = pending_flags(old.pk for group in homeless.values() for old in group)
    linked: list[Message] = []
    renewed: list[Message] = []
    fresh: list[Message] = []
    # Copies of one message are told apart by their time; those that match in it find each other first.
    exact = {row.uid: _taken(homeless, row, lambda each, row: each.internaldate == row.internaldate) for row in rows}
    for row in rows:
        found = exact[row.uid] or _taken(homeless, row, lambda each, row: True)
        if found is None:
            fresh.append(row)
            continue
        take_place(found, row, placed=placed, flags_waiting=flags_waiting)
        linked.append(found)
        if found.internaldate != row.internaldate:
            _take_content(found, row)
            renewed.append(found)
    _forget_content(renewed)
    Message.objects.bulk_update(linked, LINKED, batch_size=200)
    changed.messages(linked)
    return fresh


def _taken(
    homeless: dict[tuple[int, int], list[Message]], row: Message, fits: Callable[[Message, Message], bool]
) -> Message | None:
    group = homeless.get((row.message_key, row.size), [])
    found = next((each for each in group if fits(each, row) and alike(each, row)), None)
    if found is not None:
        group.remove(found)
    return found


def alike(one: Message, other: Message) -> bool:
    """Whether two rows with one Message-ID and size say the same of themselves: an id alone can be anybody's."""
    return (one.subject, one.from_address, one.date) == (other.subject, other.from_address, other.date)


def _take_content(old: Message, new: Message) -> None:
    """It arrived at another time, so it may have been written anew: nothing kept of the old text may stand for it."""
    for column in CONTENT:
        setattr(old, column, getattr(new, column))


def _forget_content(rows: list[Message]) -> None:
    Message.objects.bulk_update(rows, CONTENT, batch_size=200)
    CachedPart.objects.filter(message__in=rows).delete()
    RenderedBody.objects.filter(message__in=rows).delete()
    SenderCheck.objects.filter(message__in=rows).delete()


def take_place(
    old: Message, new: Message, *, placed: dict[int, int | None], flags_waiting: set[tuple[int, str]]
) -> None:
    """Let ``old`` stand where the server has ``new``; the caller saves it."""
    old.folder_id, old.uidvalidity, old.uid = new.folder_id, new.uidvalidity, new.uid
    if old.pk not in placed:
        old.shown_in_id = new.folder_id
    elif old.missing_since is not None:
        # It was hidden when it vanished; the person had moved it.
        old.shown_in_id = placed[old.pk]
    old.missing_since = None
    _take_flags(old, new, flags_waiting)


def _take_flags(old: Message, new: Message, flags_waiting: set[tuple[int, str]]) -> None:
    for column in SYSTEM_FLAGS.values():
        if (old.pk, column) not in flags_waiting:
            setattr(old, column, getattr(new, column))
    own = {flag for flag in old.keywords if (old.pk, flag) in flags_waiting}
    old.keywords = sorted({flag for flag in new.keywords if (old.pk, flag) not in flags_waiting} | own)

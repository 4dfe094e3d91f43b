"""The account's part in writing mail: drafts kept on the server, sent mail filed, forwarded files fetched.

Every copy is made under a Message-ID that is recorded before APPEND, and looked for before it is made again: a lost answer
leaves one copy, not two (faults F05, F41). The old copy of a draft goes only when the new one is confirmed.
"""

import logging
import tempfile
from collections.abc import Callable
from datetime import timedelta
from typing import BinaryIO, cast

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts.models import Identity, MailAccount
from webmail.errors import FolderReset, GiveUp, Reason
from webmail.mime.address import Address
from webmail.mime.build import build, new_message_id, parse_draft
from webmail.mime.parts import part_bytes
from webmail.models import Folder, Message, Notice, OutgoingAttachment, OutgoingMessage, SpecialUse
from webmail.models.mirror import announce
from webmail.outbox import after, drafts, letter, queue

from . import bodies
from .actions import special_folder
from .local import AnyMailbox

logger = logging.getLogger(__name__)
State, SentCopy = OutgoingMessage.State, OutgoingMessage.SentCopy
LOOKS_FOR_UNCLEAR = 5
SPOOL = 1024 * 1024
UNDO_KEPT = drafts.DISCARD_KEPT
SENT_KEPT = timedelta(days=2)
ABANDONED = timedelta(days=1)


def push_outgoing(connection: AnyMailbox, account: MailAccount) -> None:
    """Raise RetryLater or AskUser when the connection or the account is at fault; what one row is at fault for stays its."""
    if not Folder.objects.filter(account=account).exists():
        return  # before the first look at the server every folder would seem to be missing
    _freeze_waiting(account)
    _each(account, _discarded_or_sent(account), _remove_copy, connection)
    _each(account, _changed_drafts(account), _save_copy, connection)
    _each(account, _rows(account).filter(sent_copy=SentCopy.DUE), _file_sent, connection)
    unclear = _rows(account).filter(state=State.UNCLEAR, discarded=False, sent_copy_attempts__lt=LOOKS_FOR_UNCLEAR)
    _each(account, unclear, _look_for_unclear, connection)
    _forget(account)


def _rows(account: MailAccount) -> QuerySet[OutgoingMessage]:
    return OutgoingMessage.objects.filter(account=account).select_related("identity").order_by("pk")


def _each(
    account: MailAccount,
    rows: QuerySet[OutgoingMessage],
    act: Callable[[AnyMailbox, OutgoingMessage], None],
    connection: AnyMailbox,
) -> None:
    for row in rows:
        row.account = account
        try:
            act(connection, row)
        except (GiveUp, FolderReset) as problem:
            logger.warning("outgoing message %s: %s %s", row.pk, problem.sentence, problem.detail)


def _update(row: OutgoingMessage, **values: object) -> None:
    OutgoingMessage.objects.filter(pk=row.pk).update(**values)
    for name, value in values.items():
        setattr(row, name, value)


# --- drafts


def _changed_drafts(account: MailAccount) -> QuerySet[OutgoingMessage]:
    """Drafts that say something else than their copy, and have been left alone for a moment."""
    now = timezone.now()
    rows = _rows(account).filter(state__in=drafts.EDITABLE, discarded=False)
    rows = rows.filter(revision__gt=F("saved_revision"))
    if rows.filter(updated_at__gt=now - drafts.QUIET).exists():
        drafts.ask_worker(account.pk, drafts.QUIET)
    return rows.filter(updated_at__lte=now - drafts.QUIET)


def _save_copy(connection: AnyMailbox, row: OutgoingMessage) -> None:
    """APPEND the draft as it stands, then remove the copy before; if another client replaced that one, both stay."""
    revision, updated_at = row.revision, row.updated_at
    folder, uidvalidity = _select(connection, row.account, SpecialUse.DRAFTS)
    older = _copies(connection, row, uidvalidity)
    message_id = new_message_id(letter.sender(row).address.rpartition("@")[2])
    try:
        raw = _draft_bytes(row, message_id)
        _update(row, copy_message_id=message_id)
        uid = _append(connection, folder, raw, ["\\Draft", "\\Seen"], message_id)
    except GiveUp as problem:
        # Trying the same again would fail the same; the next change of the text tries anew.
        OutgoingMessage.objects.filter(pk=row.pk, revision=revision).update(saved_revision=revision)
        if problem.reason != Reason.ADDRESS:
            _tell(row, f"The draft “{row}” is kept here, but could not be saved on the server: {problem.sentence}")
        raise
    if older:
        connection.expunge(older)
    _update(row, draft_uid=uid, draft_uidvalidity=uidvalidity)
    OutgoingMessage.objects.filter(pk=row.pk, revision=revision, updated_at=updated_at).update(saved_revision=revision)
    announce(row.user_id)


def _draft_bytes(row: OutgoingMessage, message_id: str) -> bytes:
    message = letter.as_mime(row, message_id=message_id, date=timezone.now(), open_file=_open)
    try:
        return build(message, include_bcc=True)
    except ValueError as error:
        raise GiveUp(Reason.ADDRESS, "The draft cannot be written as a message yet.", detail=str(error)) from error


def _open(attachment: OutgoingAttachment) -> BinaryIO:
    if attachment.file:
        return letter.open_local(attachment)
    return _fetch(attachment)


def _copies(connection: AnyMailbox, row: OutgoingMessage, uidvalidity: int) -> list[int]:
    """What the selected folder holds of this draft: the copy known, and one whose APPEND was never answered."""
    uids = set(connection.find_message_id(row.copy_message_id)) if row.copy_message_id else set()
    if row.draft_uid is not None and row.draft_uidvalidity == uidvalidity:
        uids |= connection.uids(str(row.draft_uid))
    return sorted(uids)


def _discarded_or_sent(account: MailAccount) -> QuerySet[OutgoingMessage]:
    rows = _rows(account).filter(Q(draft_uid__isnull=False) | ~Q(copy_message_id=""))
    late = timezone.now() - UNDO_KEPT
    if rows.filter(discarded=True, updated_at__gt=late).exists():
        drafts.ask_worker(account.pk, UNDO_KEPT)
    return rows.filter(Q(discarded=True, updated_at__lte=late) | Q(state=State.SENT))


def _remove_copy(connection: AnyMailbox, row: OutgoingMessage) -> None:
    _, uidvalidity = _select(connection, row.account, SpecialUse.DRAFTS)
    uids = _copies(connection, row, uidvalidity)
    if uids:
        connection.expunge(uids)
    _update(row, draft_uid=None, draft_uidvalidity=None, copy_message_id="")


def edit_draft(message: Message) -> OutgoingMessage:
    """The row to edit for a message in Drafts: ours, or read from what another program left there. Raise MailError."""
    known = drafts.draft_of(message)
    if known is not None:
        return known
    raw = b"".join(bodies.source(message))
    parsed = parse_draft(raw)
    identity = _identity_of(message.account, parsed.from_.address)
    given = drafts.Fields(
        to=_written(parsed.to),
        cc=_written(parsed.cc),
        bcc=_written(parsed.bcc),
        subject=parsed.subject,
        text=parsed.text,
        html=parsed.html,
        plain=not parsed.html,
        identity_id=identity.pk if identity else None,
    )
    with transaction.atomic():
        row = drafts.new_draft(
            message.account.user,
            message.account,
            given,
            in_reply_to=parsed.in_reply_to,
            references=" ".join(parsed.references),
        )
        # Its files are kept here: the next copy on the server replaces the message they are in.
        for part in parsed.attachments:
            drafts.keep_file(
                row, part_bytes(raw, part.section) or b"", part.filename, part.type, content_id=part.content_id
            )
        _update(row, draft_message=message, draft_uid=message.uid, draft_uidvalidity=message.uidvalidity)
    return row


def _identity_of(account: MailAccount, address: str) -> Identity | None:
    return Identity.objects.filter(account=account, address__iexact=address).first()


def _written(people: list[Address]) -> str:
    return ", ".join(letter.written(person) for person in people)


# --- sent mail


def _file_sent(connection: AnyMailbox, row: OutgoingMessage) -> None:
    """One copy in Sent, whoever made it."""
    _update(row, sent_copy_attempts=row.sent_copy_attempts + 1)
    try:
        folder, _ = _select(connection, row.account, SpecialUse.SENT)
        if not connection.find_message_id(row.message_id):
            with row.raw.storage.open(row.raw.name or "", "rb") as stream:
                raw = stream.read()
            _append(connection, folder, raw, ["\\Seen"], row.message_id)
    except OSError as error:
        _keep(row, "its bytes are no longer here", str(error))
    except GiveUp as problem:
        _keep(row, problem.sentence.rstrip("."), problem.detail)
    else:
        _update(row, sent_copy=SentCopy.FILED)


def _keep(row: OutgoingMessage, why: str, detail: str) -> None:
    """The mail is out all the same (fault F06)."""
    logger.warning("message %s was sent but could not be filed: %s", row.pk, detail)
    _update(row, sent_copy=SentCopy.KEPT)
    _tell(row, f"“{row}” was sent, but could not be filed in Sent: {why}. Its copy is kept in the outbox.")


def _look_for_unclear(connection: AnyMailbox, row: OutgoingMessage) -> None:
    """A provider that files what it takes gives away that it took it."""
    _update(row, sent_copy_attempts=row.sent_copy_attempts + 1)
    _select(connection, row.account, SpecialUse.SENT)
    if not connection.find_message_id(row.message_id):
        drafts.ask_worker(row.account_id, timedelta(seconds=30))
        return
    recipients = [each | {"code": each["code"] or 250} for each in row.recipients]
    settled = OutgoingMessage.objects.filter(pk=row.pk, state=State.UNCLEAR).update(
        state=State.SENT, sent_at=timezone.now(), sent_copy=SentCopy.FILED, sentence="", recipients=recipients
    )
    if settled:
        _tell(row, f"“{row}” was sent after all: it stands in Sent.")
        after.sent(row)


# --- files of other messages


def _freeze_waiting(account: MailAccount) -> None:
    for row in _rows(account).filter(state=State.QUEUED, raw=""):
        row.account = account
        try:
            name = queue.freeze(row, row.message_id, _open)
        except GiveUp as problem:
            queue.reject(row, f"It could not be sent: {problem.sentence}")
            continue
        waiting = OutgoingMessage.objects.filter(pk=row.pk, state=State.QUEUED, raw="", message_id=row.message_id)
        if not waiting.update(raw=name):
            row.raw.storage.delete(name)
        announce(account.user_id)


def _fetch(attachment: OutgoingAttachment) -> BinaryIO:
    """The part an attachment names. Raise MailError; GiveUp names the file if it is gone."""
    gone = f"The file “{attachment.filename}” is gone with the message it came from."
    message = attachment.message
    if message is None:
        raise GiveUp(Reason.GONE, gone)
    spool = tempfile.SpooledTemporaryFile(max_size=SPOOL)  # noqa: SIM115 - whoever builds the message closes it
    octets = 0
    try:
        section = attachment.section
        pieces = bodies.open_part(message, section)[1] if section else bodies.source(message)
        for piece in pieces:
            octets += spool.write(piece)
    except GiveUp as error:
        raise GiveUp(Reason.GONE, gone, detail=error.detail) from error
    if not octets and attachment.size > 2:
        raise GiveUp(Reason.GONE, gone, detail=f"section {attachment.section} came back empty")
    spool.seek(0)
    return cast(BinaryIO, spool)


# --- folders


def _select(connection: AnyMailbox, account: MailAccount, use: SpecialUse) -> tuple[Folder, int]:
    """The folder for a purpose, made if the account has none (fault F06)."""
    folder = special_folder(account, use)
    try:
        selected = connection.select(folder.name, uidvalidity=None)
    except GiveUp as problem:
        if problem.reason != Reason.GONE:
            raise
        connection.create_folder(folder.name)
        selected = connection.select(folder.name, uidvalidity=None)
    return folder, selected.uidvalidity


def _append(connection: AnyMailbox, folder: Folder, raw: bytes, flags: list[str], message_id: str) -> int | None:
    """APPEND into the selected folder; the new UID, looked for where the server does not tell (no UIDPLUS)."""
    appended = connection.append(folder.name, raw, flags, timezone.now())
    if appended.uid is not None:
        return appended.uid
    connection.noop()
    found = connection.find_message_id(message_id)
    return max(found) if found else None


def _tell(row: OutgoingMessage, text: str) -> None:
    Notice.objects.create(user_id=row.user_id, text=text[:1000])
    announce(row.user_id)


def _forget(account: MailAccount) -> None:
    """Rows that have nothing more to say: discarded ones, sent ones after two days, pages opened and never written in."""
    now = timezone.now()
    rows = _rows(account).filter(draft_uid__isnull=True, copy_message_id="")
    done = Q(state=State.SENT, sentence="", sent_at__lt=now - SENT_KEPT, sent_copy__in=[SentCopy.NONE, SentCopy.FILED])
    gone = Q(discarded=True, updated_at__lt=now - UNDO_KEPT)
    unused = Q(state=State.DRAFT, revision=1, saved_revision=1, updated_at__lt=now - ABANDONED)
    for row in rows.filter(done | gone | unused)[:200]:
        drafts.delete_with_files(row)

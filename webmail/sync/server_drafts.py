"""Drafts kept on the server: one newest copy of each, and those of other programs taken over.

A copy's Message-ID is recorded before APPEND and looked for before it is made again, so a lost answer leaves one copy, not
two (fault F05); what a server carries out only later is the matter of ``late_drafts``. The old copy goes only when the new
one is confirmed.
"""

from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts.models import Identity, MailAccount
from webmail.errors import GiveUp, Reason
from webmail.mime.address import Address
from webmail.mime.build import ParsedDraft, build, new_message_id, parse_draft
from webmail.mime.parts import part_bytes
from webmail.models import BegunCopy, Message, OutgoingMessage, SpecialUse
from webmail.models.mirror import announce, hold
from webmail.outbox import attachments, drafts, letter
from webmail.outbox.wake import DISCARD_KEPT, QUIET, come_back

from . import bodies, late_drafts
from .filing import append, open_file, select_special, tell, update
from .local import AnyMailbox

State = OutgoingMessage.State
REMOVED_KEPT = timedelta(days=1)
REMOVED_AT_ONCE = 200


def rows_of(account: MailAccount) -> QuerySet[OutgoingMessage]:
    return OutgoingMessage.objects.filter(account=account).select_related("identity").order_by("pk")


def changed_drafts(account: MailAccount) -> QuerySet[OutgoingMessage]:
    """Drafts that say something else than their copy, and have been left alone for a moment."""
    now = timezone.now()
    rows = rows_of(account).filter(state__in=letter.EDITABLE, discarded=False)
    rows = rows.filter(revision__gt=F("saved_revision"))
    if rows.filter(updated_at__gt=now - QUIET).exists():
        come_back(account.pk, now + QUIET)
    return rows.filter(updated_at__lte=now - QUIET)


def save_copy(connection: AnyMailbox, row: OutgoingMessage) -> None:
    """APPEND the draft as it stands, then remove the copy before; if another client replaced that one, both stay."""
    revision, updated_at = row.revision, row.updated_at
    folder, uidvalidity = select_special(connection, row.account, SpecialUse.DRAFTS)
    older = _copies(connection, row, uidvalidity)
    message_id = new_message_id(letter.sender(row).address.rpartition("@")[2])
    try:
        raw = _draft_bytes(row, message_id)
        begun = late_drafts.begin(row, message_id, raw)
        if begun is None:
            return
        uid = append(connection, folder, raw, ["\\Draft", "\\Seen"], message_id)
    except GiveUp as problem:
        BegunCopy.objects.filter(account_id=row.account_id, message_id=message_id).delete()
        # Trying the same again would fail the same; the next change of the text tries anew.
        OutgoingMessage.objects.filter(pk=row.pk, revision=revision).update(saved_revision=revision)
        if problem.reason != Reason.ADDRESS:
            tell(
                row, f"The draft “{row}” is kept in the outbox: it could not be saved on the server. {problem.sentence}"
            )
        raise
    if older:
        connection.expunge(older)
    late_drafts.confirm(begun, uid, uidvalidity)
    OutgoingMessage.objects.filter(pk=row.pk, revision=revision, updated_at=updated_at).update(saved_revision=revision)
    announce(row.user_id)


def _draft_bytes(row: OutgoingMessage, message_id: str) -> bytes:
    message = letter.as_mime(row, message_id=message_id, date=timezone.now(), open_file=open_file)
    try:
        return build(message, include_bcc=True)
    except ValueError as error:
        raise GiveUp(Reason.ADDRESS, "The draft cannot be written as a message yet.", detail=str(error)) from error


def _copies(connection: AnyMailbox, row: OutgoingMessage, uidvalidity: int) -> list[int]:
    """What the selected folder holds of this draft: the copy known, and one whose APPEND was never answered.

    Another program may give its own text the Message-ID of the copy that it replaces: once that copy is confirmed, only its
    uid names it, and before, its octets do.
    """
    known = row.draft_uid is not None and row.draft_uidvalidity == uidvalidity
    uids = connection.uids(str(row.draft_uid)) if known else set()
    if row.copy_message_id and not (known and row.copy_confirmed):
        uids |= set(late_drafts.newest(connection, row))
    return sorted(uids)


def discarded_or_sent(account: MailAccount) -> QuerySet[OutgoingMessage]:
    rows = rows_of(account).filter(Q(draft_uid__isnull=False) | ~Q(copy_message_id=""))
    now = timezone.now()
    late = now - DISCARD_KEPT
    if rows.filter(discarded=True, updated_at__gt=late).exists():
        come_back(account.pk, now + DISCARD_KEPT)
    return rows.filter(Q(discarded=True, updated_at__lte=late) | Q(state=State.SENT))


def remove_copy(connection: AnyMailbox, row: OutgoingMessage) -> None:
    _, uidvalidity = select_special(connection, row.account, SpecialUse.DRAFTS)
    uids = _copies(connection, row, uidvalidity)
    if uids:
        connection.expunge(uids)
    update(row, draft_uid=None, draft_uidvalidity=None, copy_message_id="", copy_confirmed=False)


def forget_removed() -> None:
    """Drafts whose only text stood on the server, where another client deleted it: nothing shows them any more.

    Only where that is certain: the mirror of the folder is whole and numbered as it was, and nobody has written since.
    """
    stood_there = Q(copy_confirmed=True) | Q(copy_message_id="")
    rows = OutgoingMessage.objects.filter(
        stood_there,
        state=State.DRAFT,
        discarded=False,
        draft_uid__isnull=False,
        saved_revision__gte=F("revision"),
        updated_at__lt=timezone.now() - REMOVED_KEPT,
        account__folders__special_use=SpecialUse.DRAFTS,
        account__folders__uidvalidity=F("draft_uidvalidity"),
        account__folders__uidnext__gt=F("draft_uid"),
        account__folders__backfill_uid=1,
    )
    for row in rows.distinct()[:REMOVED_AT_ONCE]:
        if row.draft_message_id is None and not drafts.server_copies(row):
            attachments.delete_with_files(row)


def edit_draft(message: Message) -> OutgoingMessage:
    """The row to edit for a message in Drafts: ours, or read from what another program left there. Raise MailError."""
    known = drafts.draft_of(message)
    if known is not None:
        return known
    raw = b"".join(bodies.source(message))
    parsed = parse_draft(raw)
    given = fields_of(parsed, message.account)
    drafts.check_length(given)
    with transaction.atomic():
        # Whoever opens it at the same moment gets the same.
        hold(message.account.user_id)
        if (known := drafts.draft_of(message)) is not None:
            return known
        row = drafts.new_draft(
            message.account.user,
            message.account,
            given,
            in_reply_to=parsed.in_reply_to,
            references=" ".join(parsed.references),
        )
        # Its files are kept here: the next copy on the server replaces the message they are in.
        for part in parsed.attachments:
            attachments.keep_file(
                row, part_bytes(raw, part.section) or b"", part.filename, part.type, content_id=part.content_id
            )
        update(row, draft_message=message)
        if drafts.in_drafts(message):
            update(row, draft_uid=message.uid, draft_uidvalidity=message.uidvalidity)
    return row


def fields_of(parsed: ParsedDraft, account: MailAccount) -> drafts.Fields:
    """What the composer edits of a draft that was read."""
    identity = _identity_of(account, parsed.from_.address)
    return drafts.Fields(
        to=_written(parsed.to),
        cc=_written(parsed.cc),
        bcc=_written(parsed.bcc),
        subject=parsed.subject,
        text=parsed.text,
        html=parsed.html,
        plain=not parsed.html,
        identity_id=identity.pk if identity else None,
    )


def _identity_of(account: MailAccount, address: str) -> Identity | None:
    return Identity.objects.filter(account=account, address__iexact=address).first()


def _written(people: list[Address]) -> str:
    return ", ".join(letter.written(person) for person in people)

"""A draft of ours that another program has edited: IMAP has no way to change a message, so the copy goes and another comes.

Where nobody has written here since, the row takes over what stands there now; what it said stays as a version. Where somebody
has, nothing is done here: the next copy is saved beside the other program's, and both texts are kept.
"""

import logging

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import MailAccount
from webmail.errors import MailError
from webmail.mime.address import addresses
from webmail.mime.build import ParsedDraft, parse_draft
from webmail.mime.parts import part_bytes
from webmail.mime.subject import base_subject
from webmail.models import Folder, Message, OutgoingMessage, SpecialUse
from webmail.models.mirror import announce
from webmail.outbox import attachments, drafts, letter, versions

from . import bodies
from .server_drafts import fields_of

logger = logging.getLogger(__name__)
AT_ONCE = 200


def take_over_edits(account: MailAccount) -> int:
    """Return how many drafts were taken over. Only the mirror is asked until there is one."""
    rows = OutgoingMessage.objects.filter(
        account=account,
        state__in=letter.EDITABLE,
        discarded=False,
        draft_uid__isnull=False,
        saved_revision=F("revision"),
    )
    candidates = list(rows.select_related("identity")[:AT_ONCE])
    if not candidates:
        return 0
    folder = Folder.objects.filter(account=account, special_use=SpecialUse.DRAFTS, uidvalidity__isnull=False).first()
    return sum(_take_over(row, message) for row, message in _replaced(folder, candidates)) if folder else 0


def _replaced(folder: Folder, rows: list[OutgoingMessage]) -> list[tuple[OutgoingMessage, Message]]:
    """Rows whose copy is gone from the folder, each with the newest message there that can be its successor."""
    standing = Message.objects.filter(folder=folder, uidvalidity=folder.uidvalidity, missing_since__isnull=True)
    known = [row for row in rows if row.draft_uidvalidity == folder.uidvalidity]
    known = [row for row in known if row.draft_uid is not None and row.draft_uid < (folder.uidnext or 0)]
    there = set(standing.filter(uid__in=[row.draft_uid for row in known]).values_list("uid", flat=True))
    gone = [row for row in known if row.draft_uid not in there]
    if not gone:
        return []
    mine = OutgoingMessage.objects.filter(account_id=folder.account_id, draft_uidvalidity=folder.uidvalidity)
    oldest = min(row.draft_uid or 0 for row in gone)
    newer = standing.filter(uid__gt=oldest, shown_in=folder).exclude(
        uid__in=mine.filter(draft_uid__isnull=False).values("draft_uid")
    )
    messages = list(newer.select_related("account", "folder").order_by("-uid")[:AT_ONCE])
    others = {row.copy_message_id: row.pk for row in mine.exclude(copy_message_id="")}
    found = []
    for row in gone:
        for message in messages:
            is_ours = others.get(message.message_id, row.pk) == row.pk
            if is_ours and (message.uid or 0) > (row.draft_uid or 0) and _succeeds(message, row):
                messages.remove(message)
                found.append((row, message))
                break
    return found


def _succeeds(message: Message, row: OutgoingMessage) -> bool:
    """The same Message-ID, or an answer to the same message, or the same subject to the same people."""
    if row.copy_message_id and message.message_id == row.copy_message_id:
        return True
    if base_subject(message.subject) != base_subject(row.subject):
        return False
    if row.in_reply_to:
        return message.in_reply_to == row.in_reply_to
    theirs = {address.casefold() for _, address in message.to}
    ours = {person.address.casefold() for person in addresses(row.to)}
    return bool(row.subject.strip()) and theirs == ours and not message.in_reply_to


def _take_over(row: OutgoingMessage, message: Message) -> bool:
    try:
        raw = b"".join(bodies.source(message))
        parsed = parse_draft(raw)
        written = fields_of(parsed, message.account)
        drafts.check_length(written)
    except MailError as problem:
        # It is asked for again in the next pass.
        logger.info("draft %s: what another program made of it cannot be read: %s", row.pk, problem.detail)
        return False
    given = drafts.tidy(written)
    files = [(file.file.storage, file.file.name) for file in row.attachments.all() if file.file]
    with transaction.atomic():
        standing = OutgoingMessage.objects.select_for_update().filter(
            pk=row.pk, state__in=letter.EDITABLE, discarded=False, revision=row.revision, saved_revision=row.revision
        )
        if not standing.exists():
            return False
        versions.keep(row, versions.Reason.PROGRAM)
        _replace_files(row, raw, parsed)
        values = {name: getattr(given, name) for name in versions.COLUMNS}
        if given.identity_id is not None:
            values["identity_id"] = given.identity_id
        OutgoingMessage.objects.filter(pk=row.pk).update(
            **values,
            revision=F("revision") + 1,
            saved_revision=F("revision") + 1,
            updated_at=timezone.now(),
            writer="",
            draft_uid=message.uid,
            draft_uidvalidity=message.uidvalidity,
            draft_message=message,
            copy_message_id=message.message_id,
            copy_confirmed=True,
        )
        announce(row.user_id)
    for storage, name in files:
        storage.delete(str(name))
    return True


def _replace_files(row: OutgoingMessage, raw: bytes, parsed: ParsedDraft) -> None:
    row.attachments.all().delete()
    for part in parsed.attachments:
        content = part_bytes(raw, part.section) or b""
        attachments.keep_file(row, content, part.filename, part.type, content_id=part.content_id)

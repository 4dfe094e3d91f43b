"""Removing an account: only what is kept here goes, the mailbox on the server stays as it is."""

import logging
import tempfile
import threading
from collections.abc import Iterator
from itertools import chain, islice
from typing import IO, Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from webmail.models import (
    CachedPart,
    CollectedAddress,
    CollectedCode,
    Conversation,
    Download,
    Folder,
    LedgerEntry,
    ListRow,
    Message,
    OutgoingAttachment,
    OutgoingMessage,
    PendingAction,
    ReferenceKey,
    RenderedBody,
    StoredContent,
)
from webmail.models.mirror import change

from .models import Identity, MailAccount, SignaturePicture, User

logger = logging.getLogger(__name__)
# So many are deleted while the person waits; an object store takes some 30 ms for each.
DELETED_AT_ONCE = 300


def remove_account(account: MailAccount, *, keep_person: bool = False) -> bool:
    """Remove the account and its local copy; True if the person went with it, because it was all they had."""
    user = account.user
    alone = not MailAccount.objects.filter(user=user).exclude(pk=account.pk).exists()
    files = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed once the last file is gone, maybe in a thread
    try:
        with change(user.pk) as changed:
            _note_files(account, files)
            own = Conversation.objects.filter(user=user, messages__account=account)
            shared = own.filter(Exists(Message.objects.filter(conversation=OuterRef("pk")).exclude(account=account)))
            changed.conversations.update(shared.values_list("pk", flat=True))
            _forget_mail(account)
            _forget_empty_conversations(user)
            account.delete()
            person_too = alone and not user.is_staff and not keep_person
            if person_too:
                changed.silent = True
                user.delete()
            transaction.on_commit(lambda: _delete_files(files))
    except BaseException:
        files.close()
        raise
    return person_too


def _forget_mail(account: MailAccount) -> None:
    """Leaves first and without loading rows: a mailbox may hold a million messages."""
    messages = Message.objects.filter(account=account)
    for rows in (
        ListRow.objects.filter(folder__account=account),
        CachedPart.objects.filter(message__account=account),
        RenderedBody.objects.filter(message__account=account),
        PendingAction.objects.filter(account=account),
        LedgerEntry.objects.filter(account=account),
        StoredContent.objects.filter(message__account=account),
        Download.objects.filter(account=account),
        CollectedCode.objects.filter(collected__account=account),
        CollectedAddress.objects.filter(account=account),
    ):
        _delete(rows)
    # Drafts of another account may answer or forward a message of this one.
    for field in ("answers", "forwards", "draft_message"):
        OutgoingMessage.objects.filter(**{f"{field}__account": account}).update(**{field: None})
    OutgoingAttachment.objects.filter(message__account=account).update(message=None)
    Identity.objects.filter(account=account).update(sent_folder=None)
    _delete(messages)
    _delete(Folder.objects.filter(account=account))


def _forget_empty_conversations(user: User) -> None:
    empty = Conversation.objects.filter(user=user).exclude(Exists(Message.objects.filter(conversation=OuterRef("pk"))))
    _delete(ReferenceKey.objects.filter(conversation__in=empty))
    _delete(empty)


def _delete(rows: QuerySet[Any]) -> None:
    """DELETE … WHERE id IN (SELECT …) as one statement; what refers to these rows has gone before."""
    rows._raw_delete(using=rows.db)  # noqa: SLF001 - delete() would fetch every row to look for references


def _note_files(account: MailAccount, names: IO[str]) -> None:
    """Write the names down, one a line: a mailbox may hold a million of them."""
    outgoing = OutgoingMessage.objects.filter(account=account)
    for found in (
        outgoing.values_list("raw", flat=True),
        OutgoingAttachment.objects.filter(outgoing__account=account).values_list("file", flat=True),
        StoredContent.objects.filter(message__account=account).values_list("file", flat=True),
        SignaturePicture.objects.filter(account=account).values_list("file", flat=True),
    ):
        names.writelines(f"{name}\n" for name in found.iterator() if name)


def _delete_files(noted: IO[str]) -> None:
    """The first ones at once, the rest behind the person's back; what a restart leaves is found by ``verifymail``."""
    noted.seek(0)
    names = (line.rstrip("\n") for line in noted)
    for name in islice(names, DELETED_AT_ONCE):
        default_storage.delete(name)
    following = next(names, None)
    if following is None:
        noted.close()
        return
    threading.Thread(target=_delete_rest, args=(noted, following, names), name="removal", daemon=True).start()


def _delete_rest(noted: IO[str], first: str, names: Iterator[str]) -> None:
    with noted:
        for name in chain([first], names):
            try:
                default_storage.delete(name)
            except OSError as problem:
                logger.warning("%s was not deleted: %s", name, problem)

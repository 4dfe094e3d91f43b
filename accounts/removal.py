"""Removing an account: only what is kept here goes, the mailbox on the server stays as it is."""

from typing import Any

from django.core.files.storage import default_storage
from django.db.models import Exists, OuterRef, QuerySet

from webmail.models import (
    CachedPart,
    Conversation,
    Folder,
    ListRow,
    Message,
    OutgoingAttachment,
    OutgoingMessage,
    PendingAction,
    ReferenceKey,
    RenderedBody,
)
from webmail.models.mirror import change

from .models import MailAccount, User


def remove_account(account: MailAccount) -> bool:
    """Remove the account and its local copy; True if the person went with it, because it was all they had."""
    user = account.user
    alone = not MailAccount.objects.filter(user=user).exclude(pk=account.pk).exists()
    files = _files(account)
    with change(user.pk) as changed:
        own = Conversation.objects.filter(user=user, messages__account=account)
        shared = own.filter(Exists(Message.objects.filter(conversation=OuterRef("pk")).exclude(account=account)))
        changed.conversations.update(shared.values_list("pk", flat=True))
        _forget_mail(account)
        _forget_empty_conversations(user)
        account.delete()
    person_too = alone and not user.is_staff
    if person_too:
        user.delete()
    for name in files:
        default_storage.delete(name)
    return person_too


def _forget_mail(account: MailAccount) -> None:
    """Leaves first and without loading rows: a mailbox may hold a million messages."""
    messages = Message.objects.filter(account=account)
    for rows in (
        ListRow.objects.filter(folder__account=account),
        CachedPart.objects.filter(message__account=account),
        RenderedBody.objects.filter(message__account=account),
        PendingAction.objects.filter(account=account),
    ):
        _delete(rows)
    # Drafts of another account may answer or forward a message of this one.
    for field in ("answers", "forwards", "draft_message"):
        OutgoingMessage.objects.filter(**{f"{field}__account": account}).update(**{field: None})
    OutgoingAttachment.objects.filter(message__account=account).update(message=None)
    _delete(messages)
    _delete(Folder.objects.filter(account=account))


def _forget_empty_conversations(user: User) -> None:
    empty = Conversation.objects.filter(user=user).exclude(Exists(Message.objects.filter(conversation=OuterRef("pk"))))
    _delete(ReferenceKey.objects.filter(conversation__in=empty))
    _delete(empty)


def _delete(rows: QuerySet[Any]) -> None:
    """DELETE … WHERE id IN (SELECT …) as one statement; what refers to these rows has gone before."""
    rows._raw_delete(using=rows.db)  # noqa: SLF001 - delete() would fetch every row to look for references


def _files(account: MailAccount) -> list[str]:
    outgoing = OutgoingMessage.objects.filter(account=account)
    names = [*outgoing.values_list("raw", flat=True)]
    names += OutgoingAttachment.objects.filter(outgoing__account=account).values_list("file", flat=True)
    return [name for name in names if name]

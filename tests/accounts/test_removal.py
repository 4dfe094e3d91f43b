"""Removing an account takes what is kept of it here, and nothing else."""

import threading
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import removal
from accounts.models import MailAccount, User
from accounts.removal import remove_account
from webmail.models import (
    CachedPart,
    Conversation,
    Download,
    Folder,
    LedgerEntry,
    ListRow,
    Message,
    OutgoingMessage,
    PendingAction,
    ReferenceKey,
    StoredContent,
    SyncState,
)
from webmail.models.mirror import change

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def account_of(user: User, name: str) -> MailAccount:
    account = MailAccount.objects.create(user=user, address=f"{name}@example.test", imap_host=name, username=name)
    SyncState.objects.create(account=account)
    return account


def deliver(account: MailAccount, conversation: Conversation, key: int) -> Message:
    folder, _ = Folder.objects.get_or_create(account=account, name="INBOX")
    with change(account.user_id) as changed:
        message = Message.objects.create(
            account=account,
            folder=folder,
            shown_in=folder,
            conversation=conversation,
            message_key=key,
            internaldate=timezone.now(),
            from_address=account.address,
        )
        changed.message(message)
    return message


@pytest.fixture
def person() -> User:
    return User.objects.create(username="person")


def test_conversations_shared_with_another_account_keep_what_is_left(person: User) -> None:
    going, staying = account_of(person, "going"), account_of(person, "staying")
    shared, own = Conversation.objects.create(user=person), Conversation.objects.create(user=person)
    gone = deliver(going, shared, 1)
    left = deliver(staying, shared, 2)
    deliver(going, own, 3)
    ReferenceKey.objects.create(user=person, key=3, conversation=own)
    CachedPart.objects.create(message=gone, section="1", content=b"x", size=1)
    PendingAction.objects.create(account=going, kind="store", message=gone, source=gone.folder)
    answer = OutgoingMessage.objects.create(user=person, account=staying, answers=gone)

    assert remove_account(going) is False

    assert list(Message.objects.all()) == [left]
    assert list(Conversation.objects.all()) == [shared]
    shared.refresh_from_db()
    assert shared.count == 1
    assert ListRow.objects.get().folder == left.folder
    assert not ReferenceKey.objects.exists()
    assert not PendingAction.objects.exists()
    answer.refresh_from_db()
    assert answer.answers is None


def test_the_last_account_takes_the_person_but_nobody_else(person: User) -> None:
    other = User.objects.create(username="other")
    kept = deliver(account_of(other, "kept"), Conversation.objects.create(user=other), 1)
    account = account_of(person, "only")
    deliver(account, Conversation.objects.create(user=person), 2)

    assert remove_account(account) is True

    assert list(User.objects.all()) == [other]
    assert list(Message.objects.all()) == [kept]


def test_an_administrator_stays(person: User) -> None:
    person.is_staff = True
    person.save()
    assert remove_account(account_of(person, "only")) is False
    assert User.objects.exists()


def test_the_files_of_unsent_messages_go(person: User, django_capture_on_commit_callbacks: Any) -> None:
    account = account_of(person, "only")
    outgoing = OutgoingMessage.objects.create(user=person, account=account)
    outgoing.raw.save("unsent.eml", ContentFile(b"Subject: x"))
    name = str(outgoing.raw.name)
    assert default_storage.exists(name)
    with django_capture_on_commit_callbacks(execute=True):
        remove_account(account)
    assert not default_storage.exists(name)


def downloaded(account: MailAccount, key: int) -> str:
    message = deliver(account, Conversation.objects.create(user=account.user), key)
    content = StoredContent(message=message, sha256="0" * 64, size=3)
    content.file.save("x", ContentFile(b"abc"))
    LedgerEntry.objects.create(account=account, uidl=str(key), size=3, fetched_at=timezone.now(), message=message)
    return str(content.file.name)


def test_mail_that_lives_here_goes_with_its_files_and_its_ledger(
    person: User, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    staying, account = account_of(person, "staying"), account_of(person, "old")
    Download.objects.create(account=account, host="pop.example.test")
    kept = downloaded(staying, 1)
    names = [downloaded(account, key) for key in range(2, 9)]
    monkeypatch.setattr(removal, "DELETED_AT_ONCE", 3)
    with django_capture_on_commit_callbacks(execute=True):
        remove_account(account)
    for thread in threading.enumerate():
        if thread.name == "removal":
            thread.join(10)
    assert [name for name in names if default_storage.exists(name)] == []
    assert default_storage.exists(kept)
    assert LedgerEntry.objects.get().account == staying
    assert not Download.objects.exists()


def test_files_stay_when_the_removal_is_undone(person: User) -> None:
    account = account_of(person, "old")
    name = downloaded(account, 1)
    with transaction.atomic():
        remove_account(account)
        transaction.set_rollback(True)
    assert default_storage.exists(name)
    assert StoredContent.objects.exists()


def test_the_cost_does_not_grow_with_the_mailbox(person: User) -> None:

    def cost(name: str, messages: int) -> int:
        staying = account_of(person, f"{name}-staying")
        account = account_of(person, name)
        for key in range(messages):
            downloaded(account, key)
        with CaptureQueriesContext(connection) as caught:
            remove_account(account)
        staying.delete()
        return len(caught)

    account_of(person, "always")
    assert cost("small", 2) == cost("large", 12)

"""People with mail in the mirror, signed in."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Identity, MailAccount, User
from webmail.imap.types import RemoteMessage
from webmail.mime.headers import Address
from webmail.mime.parts import Part
from webmail.models import CachedPart, Conversation, Folder, Message, SpecialUse, SyncState
from webmail.models.mirror import change
from webmail.sync.insert import insert

START = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
FOLDERS = {
    "INBOX": SpecialUse.INBOX,
    "Drafts": SpecialUse.DRAFTS,
    "Sent": SpecialUse.SENT,
    "Archive": SpecialUse.ARCHIVE,
    "Junk": SpecialUse.JUNK,
    "Trash": SpecialUse.TRASH,
    "Clients": SpecialUse.NONE,
    "Clients/North": SpecialUse.NONE,
}


@dataclass
class Person:
    """A signed-in browser and what its owner has."""

    user: User
    account: MailAccount
    client: Client
    folders: dict[str, Folder]
    uids: Any = field(default_factory=lambda: itertools.count(1))

    def another(self, address: str, name: str = "") -> "Person":
        """The same person with one more account; what arrives there has uids of its own."""
        account, folders = equip(self.user, address, name)
        return Person(self.user, account, self.client, folders, itertools.count(self.account.pk * 1000 + 1000))

    def folder(self, name: str = "INBOX") -> Folder:
        return Folder.objects.get(pk=self.folders[name].pk)

    def arrive(self, subject: str = "Hello", folder: str = "INBOX", **fields: Any) -> Message:
        """A message as if a FETCH had brought it, its text in the cache."""
        text = str(fields.pop("text", "Good morning."))
        remote = remote_message(next(self.uids), subject, self.account.address, **fields)
        with change(self.user.pk) as changed:
            insert(changed, self.folders[folder], 7, [remote])
        message = Message.objects.get(folder=self.folders[folder], uid=remote.uid)
        Message.objects.filter(pk=message.pk).update(preview=text[:100], preview_known=True)
        section = "1"
        CachedPart.objects.create(message=message, section=section, content=text.encode(), size=len(text))
        return message

    def url(self, name: str = "INBOX") -> str:
        return f"/folder/{self.folders[name].pk}/"

    def conversation_url(self, message: Message, folder: str = "INBOX") -> str:
        return f"{self.url(folder)}conversation/{message.conversation_id}/"

    def fragment(self, url: str) -> Any:
        return self.client.get(url, headers={"HX-Request": "true"})

    def post(self, url: str, **data: Any) -> Any:
        return self.client.post(url, data, headers={"HX-Request": "true"})


def remote_message(uid: int, subject: str, owner: str, **fields: Any) -> RemoteMessage:
    name, _, address = str(fields.pop("sender", "Bob Berg <bob@example.test>")).partition(" <")
    values: dict[str, Any] = {
        "uid": uid,
        "flags": frozenset(),
        "modseq": None,
        "internaldate": START + timedelta(minutes=uid),
        "size": 1000 + uid,
        "subject": subject,
        "from_": [Address(name, address.rstrip(">"))],
        "to": [Address("", owner)],
        "cc": [],
        "bcc": [],
        "reply_to": [],
        "sender": [],
        "message_id": f"{uid}@example.test",
        "in_reply_to": [],
        "references": [],
        "date": START + timedelta(minutes=uid),
        "structure": Part(section="1", type="text/plain", charset="utf-8", size=100),
    }
    return RemoteMessage(**(values | fields))


def equip(user: User, address: str, name: str = "") -> tuple[MailAccount, dict[str, Folder]]:
    account = MailAccount.objects.create(
        user=user, address=address, name=name, username=address, imap_host="localhost", smtp_host="localhost"
    )
    Identity.objects.create(account=account, name=user.username.title(), address=address, is_default=True)
    SyncState.objects.create(account=account, status=SyncState.Status.OK)
    folders = {
        folder: Folder.objects.create(
            account=account, name=folder, delimiter="/", special_use=use, uidvalidity=7, uidnext=1, backfill_uid=1
        )
        for folder, use in FOLDERS.items()
    }
    return account, folders


MakePerson = Callable[[str], Person]


@pytest.fixture
def make_person(db: None) -> MakePerson:
    def make(name: str) -> Person:
        user = User.objects.create(username=name)
        account, folders = equip(user, f"{name}@example.test")
        client = Client()
        client.force_login(user)
        return Person(user, account, client, folders)

    return make


@pytest.fixture
def ada(make_person: MakePerson) -> Person:
    return make_person("ada")


@pytest.fixture
def bob(make_person: MakePerson) -> Person:
    return make_person("bob")


def conversation_of(message: Message) -> Conversation:
    return Conversation.objects.get(pk=Message.objects.get(pk=message.pk).conversation_id)

"""A person with one account, and messages that never saw a server."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import MailAccount, User
from webmail.imap.types import RemoteMessage
from webmail.mime.headers import Address
from webmail.mime.parts import Part
from webmail.models import Folder, Message, SpecialUse, SyncState
from webmail.models.mirror import change
from webmail.sync.insert import insert

START = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)


@pytest.fixture
def account(db: None) -> MailAccount:
    user = User.objects.create(username="ada")
    account = MailAccount.objects.create(
        user=user, address="ada@example.test", username="ada", imap_host="localhost", smtp_host="localhost"
    )
    SyncState.objects.create(account=account)
    return account


@pytest.fixture
def folders(account: MailAccount) -> dict[str, Folder]:
    """By name; none has been looked into."""
    uses = {
        "INBOX": SpecialUse.INBOX,
        "Sent": SpecialUse.SENT,
        "Trash": SpecialUse.TRASH,
        "Archive": SpecialUse.ARCHIVE,
        "Work": "",
    }
    return {
        name: Folder.objects.create(
            account=account, name=name, delimiter="/", special_use=use, uidvalidity=7, uidnext=1, backfill_uid=1
        )
        for name, use in uses.items()
    }


Arrive = Callable[..., Message]


@pytest.fixture
def arrive(account: MailAccount) -> Arrive:
    """Insert a message as if a FETCH had brought it."""
    uids = itertools.count(1)

    def insert_one(folder: Folder, subject: str = "Hello", **fields: object) -> Message:
        remote = remote_message(next(uids), subject, **fields)
        with change(account.user_id) as changed:
            insert(changed, folder, 7, [remote])
        return Message.objects.get(folder=folder, uid=remote.uid)

    return insert_one


def remote_message(uid: int, subject: str = "Hello", **fields: object) -> RemoteMessage:
    sender = fields.pop("sender", "Bob <bob@example.test>")
    name, _, address = str(sender).partition(" <")
    values: dict[str, object] = {
        "uid": uid,
        "flags": frozenset(),
        "modseq": None,
        "internaldate": START + timedelta(minutes=uid),
        "size": 1000 + uid,
        "subject": subject,
        "from_": [Address(name, address.rstrip(">"))],
        "to": [Address("Ada", "ada@example.test")],
        "cc": [],
        "bcc": [],
        "reply_to": [],
        "sender": [],
        "message_id": f"m{uid}@example.test",
        "in_reply_to": [],
        "references": [],
        "date": None,
        "structure": Part(section="1", type="text/plain"),
    }
    values.update(fields)
    return RemoteMessage(**values)  # type: ignore[arg-type]

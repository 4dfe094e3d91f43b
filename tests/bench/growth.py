"""``make growth``: what one more message costs in a folder that holds a thousand, and in one that holds a million.

The messages go through the door that a first sync uses; nothing is fetched. ``GROWTH_SIZES`` names the sizes.
"""

import os
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import MailAccount, User
from webmail.imap.types import RemoteMessage
from webmail.mime.headers import Address
from webmail.mime.parts import Part
from webmail.models import Folder, SpecialUse, SyncState
from webmail.models.mirror import change
from webmail.sync.insert import insert
from webmail.sync.messages import CHUNK

SIZES = [int(size) for size in (os.environ.get("GROWTH_SIZES") or "1000,10000,100000").split(",")]
MEASURED = 1000
START = datetime(2000, 1, 1, tzinfo=UTC)


def remote(uid: int) -> RemoteMessage:
    return RemoteMessage(
        uid=uid,
        flags=frozenset({"\\Seen"} if uid % 3 else ()),
        modseq=None,
        internaldate=START + timedelta(minutes=uid),
        size=1000 + uid,
        subject=f"Letter {uid}",
        from_=[Address("Bob", f"bob-{uid % 500}@example.test")],
        to=[Address("Ada", "ada@example.test")],
        cc=[],
        bcc=[],
        reply_to=[],
        sender=[],
        message_id=f"letter-{uid}@example.test",
        in_reply_to=[],
        references=[],
        date=START + timedelta(minutes=uid),
        structure=Part(section="1", type="text/plain"),
    )


@pytest.mark.django_db(transaction=True)
def test_what_one_more_message_costs() -> None:
    user = User.objects.create(username="ada")
    account = MailAccount.objects.create(
        user=user, address="ada@example.test", username="ada", imap_host="localhost", smtp_host="localhost"
    )
    SyncState.objects.create(account=account)
    folder = Folder.objects.create(
        account=account, name="INBOX", special_use=SpecialUse.INBOX, uidvalidity=1, uidnext=1, backfill_uid=1
    )
    client = Client()
    client.force_login(user)
    print("\n| messages | ms for one more | ms for the page of the list |\n|---:|---:|---:|")
    there = 0
    for size in sorted(SIZES):
        fill(folder, there + 1, size)
        began = time.perf_counter()
        fill(folder, size + 1, size + MEASURED)
        each = (time.perf_counter() - began) * 1000 / MEASURED
        there = size + MEASURED
        page = min(opened(client, folder) for _ in range(5))
        print(f"| {size:,} | {each:.2f} | {page:.1f} |", flush=True)


def fill(folder: Folder, first: int, last: int) -> None:
    for start in range(first, last + 1, CHUNK):
        found = [remote(uid) for uid in range(start, min(start + CHUNK, last + 1))]
        with change(folder.account.user_id) as changed:
            insert(changed, folder, 1, found)


def opened(client: Client, folder: Folder) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    assert client.get(reverse("folder", args=[folder.pk])).status_code == 200
    return (time.perf_counter() - began) * 1000

"""``make growth``: what a folder of a thousand messages costs, and one of a million.

A server that makes its messages up (``servers.vast_imap``) is mirrored by the code of the worker, from the wire to the
lines of the list; then what comes after the first sync is measured. Times are of this process's processor, in which the
server's own part is too. ``GROWTH_SIZES`` names the sizes.
"""

import gc
import os
import re
import time
from collections.abc import Callable
from contextlib import closing

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import MailAccount, Security, User
from tests.convergence.bounds import memory
from tests.servers.vast_imap import VastImap
from webmail.imap.connection import MailConnection
from webmail.models import Folder, ListRow, Message, SyncState
from webmail.search import index
from webmail.sync import actions, flags, verify
from webmail.sync.account import Pass
from webmail.sync.foreground import open_connection
from webmail.views.rows import Cursor
from webmail.worker import upkeep

SIZES = [int(size) for size in (os.environ.get("GROWTH_SIZES") or "1000,10000,100000").split(",")]
CHANGED = 10
ROW = re.compile(rb"/conversation/(\d+)/")
SCRIPT = {"hx-request": "true"}


def account_on(server: VastImap) -> MailAccount:
    """Somebody who has never looked at it."""
    account = MailAccount.objects.create(
        user=User.objects.create(username=f"ada-{server.count}-{server.condstore}"),
        address="ada@example.test",
        username="ada",
        password="secret",
        imap_host=server.host,
        imap_port=server.port,
        imap_security=Security.PLAIN,
        smtp_host="localhost",
    )
    SyncState.objects.create(account=account)
    return MailAccount.objects.select_related("user").get(pk=account.pk)


class Growth:
    """One size: an account of its own on a server of its own."""

    def __init__(self, server: VastImap) -> None:
        self.server = server
        self.account = account_on(server)
        self.client = Client()
        self.client.force_login(self.account.user)

    @property
    def inbox(self) -> Folder:
        return Folder.objects.get(account=self.account, name="INBOX")

    def passes(self, connection: MailConnection) -> None:
        while Pass(connection, self.account, lambda: False).run():
            pass

    def page(self, after: str = "") -> float:
        url = reverse("folder", args=[self.inbox.pk]) + (f"?after={after}" if after else "")
        headers = SCRIPT if after else None

        def load() -> None:
            response = self.client.get(url, headers=headers)
            assert response.status_code == 200
            assert len(set(ROW.findall(response.content))) == 50

        return min(seconds(load) for _ in range(5))

    def compare(self, connection: MailConnection) -> Callable[[], None]:
        def work() -> None:
            found = verify.verify(connection, self.inbox, repair=False)
            assert not found, found

        return work

    def deep(self) -> str:
        """The cursor of a page near the far end."""
        rows = ListRow.objects.filter(folder=self.inbox).order_by("latest_date", "pk")
        row = rows[min(200, rows.count() // 2)]
        return Cursor(row.latest_date, row.pk).encode()

    def search(self) -> float:
        def ask() -> None:
            page = self.client.get(reverse("search"), {"q": "letter"}).content
            assert page.count(b'class="subject"') >= 20

        return min(seconds(ask) for _ in range(3))

    def change_by_other(self) -> list[int]:
        uids = [max(1, self.server.count * at // (CHANGED + 1)) for at in range(1, CHANGED + 1)]
        for uid in uids:
            self.server.set_flags(uid, "\\Seen \\Flagged")
        return uids

    def flagged(self) -> set[int | None]:
        return set(Message.objects.filter(account=self.account, flagged=True).values_list("uid", flat=True))


def seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def say(name: str, value: float, unit: str = "ms") -> None:
    print(f"| {name} | {value:,.2f} {unit} |", flush=True)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", sorted(SIZES))
def test_what_a_folder_of_this_size_costs(size: int, settings, monkeypatch) -> None:
    settings.ALLOW_PLAINTEXT = True
    print(f"\n\n| {size:,} messages | |\n|---|---:|", flush=True)
    with VastImap(size) as server:
        growth = Growth(server)
        with closing(open_connection(growth.account)) as connection:
            gc.collect()
            before = memory()
            first = seconds(lambda: Pass(connection, growth.account, lambda: False).run())
            say("the first pass, with a page to look at", first, "s")
            say("the first sync, for each message", 1000 * (seconds(lambda: growth.passes(connection)) + first) / size)
            say("memory more than before it", (memory() - before) / 1e6, "MB")
            assert growth.inbox.total == size
            say("the first page", 1000 * growth.page())
            say("a page near the end", 1000 * growth.page(growth.deep()))
            say("a pass when nothing happened", 1000 * seconds(lambda: growth.passes(connection)))
            server.count += 1
            say("a pass with one new message", 1000 * seconds(lambda: growth.passes(connection)))
            uids = growth.change_by_other()
            say(f"a pass with {CHANGED} flags changed", 1000 * seconds(lambda: growth.passes(connection)))
            assert growth.flagged() == set(uids)
            server.expunge(size - 5)
            say("a pass with one deleted lately", 1000 * seconds(lambda: growth.passes(connection)))
            server.expunge(max(1, size // 7))
            say("a pass with one deleted long ago", 1000 * seconds(lambda: growth.passes(connection)))
            assert growth.inbox.total == size - 1
            row = Message.objects.filter(account=growth.account).latest("internaldate")
            say("a click on a star", 1000 * seconds(lambda: actions.store(growth.account.user, [row], "flagged", True)))
            growth.passes(connection)
            before = memory()
            say("the whole compared", seconds(growth.compare(connection)), "s")
            say("memory more than before it", (memory() - before) / 1e6, "MB")
        say("upkeep", 1000 * seconds(upkeep.run))
        say("the words of each message", 1000 * seconds(lambda: index.work(lambda: False, lambda _: None)) / size)
        say("a search", 1000 * growth.search())
    monkeypatch.setattr(flags, "SCAN_SECONDS", 0.0)
    server = VastImap(size + 1, condstore=False)
    server.flags, server.gone = {}, {size - 5, max(1, size // 7)}
    with server:
        MailAccount.objects.filter(pk=growth.account.pk).update(imap_port=server.port)
        growth.account.refresh_from_db()
        growth.server = server
        with closing(open_connection(growth.account)) as connection:
            growth.passes(connection)
            uids = growth.change_by_other()
            say(f"{CHANGED} flags changed, without CONDSTORE", seconds(lambda: growth.passes(connection)), "s")
            assert set(uids) <= growth.flagged()

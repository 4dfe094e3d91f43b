"""Folders of half a million messages (F18): a page at once, the rest in windows, and no answer too long to be read."""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import MailAccount
from tests.bench.growth import account_on
from tests.servers.scripted_imap import ScriptedImap
from tests.servers.vast_imap import VastImap
from webmail.imap.connection import MailConnection
from webmail.imap.types import Endpoint
from webmail.imap.uidset import expand, parse
from webmail.models import Folder, ListRow, Message
from webmail.sync import flags, messages
from webmail.sync.account import Pass
from webmail.sync.foreground import open_connection

pytestmark = [pytest.mark.django_db(transaction=True)]
SIZE = 500_000
LINE = 8_000  # octets of a command that every server takes (RFC 7162 section 4)


@pytest.fixture(params=[True, False], ids=["with CONDSTORE", "without"])
def server(request, settings, monkeypatch) -> Iterator[VastImap]:
    settings.ALLOW_PLAINTEXT = True
    monkeypatch.setattr(flags, "SCAN_SECONDS", 0.0)
    with VastImap(SIZE, condstore=request.param) as server:
        yield server


@pytest.fixture
def account(server: VastImap) -> MailAccount:
    return account_on(server)


@pytest.fixture
def connection(account: MailAccount) -> Iterator[MailConnection]:
    connection = open_connection(account)
    yield connection
    connection.close()


def uids_of(command: str) -> str:
    """The set of uids that a command names, "" for none."""
    words = command.split()
    if words[:2] == ["UID", "SEARCH"]:
        return words[words.index("UID", 1) + 1]
    return words[2] if words[0] == "UID" else ""


def test_f18_the_first_page_comes_at_once_and_the_rest_in_windows(server, account, connection) -> None:
    here = Message.objects.filter(account=account)
    Pass(connection, account, lambda: here.count() >= messages.FIRST_PAGE).run()
    inbox = Folder.objects.get(account=account, name="INBOX")
    newest = list(here.order_by("-uid").values_list("uid", flat=True)[: messages.FIRST_PAGE])
    assert newest == list(range(SIZE, SIZE - messages.FIRST_PAGE, -1))
    # Nothing but the page was asked for until it was there.
    rows = [line for line in server.lines if "ENVELOPE" in line]
    assert rows[0].startswith(f"FETCH {SIZE - messages.FIRST_PAGE + 1}:*")
    client = Client()
    client.force_login(account.user)
    page = client.get(reverse("folder", args=[inbox.pk]))
    assert page.status_code == 200
    assert ListRow.objects.filter(folder=inbox).count() >= 45
    assert inbox.shown_total == SIZE

    # It goes on where it was, and what another client marks far below is no reason to ask for everything.
    wanted = here.count() + 3 * messages.CHUNK
    server.set_flags(SIZE - 2, "\\Seen \\Flagged")
    while here.count() < wanted:
        Pass(connection, account, lambda: here.count() >= wanted).run()
    assert here.get(uid=SIZE - 2).flagged
    lowest = Folder.objects.get(pk=inbox.pk).backfill_uid or 0
    assert set(here.values_list("uid", flat=True)) == set(range(lowest, SIZE + 1))
    for line in server.lines:
        assert len(line) <= LINE, line[:200]
        asked = uids_of(line)
        if asked:
            assert sum(1 for _ in expand(parse(asked.replace("*", str(SIZE))))) <= messages.WINDOW, line
    assert not [line for line in server.lines if line.startswith(("SEARCH", "UID SEARCH ALL"))]


def test_f18_an_answer_of_a_quarter_of_a_million_uids_is_read() -> None:
    """imaplib gives up at a line of a million octets; without ESEARCH a server has no other way to say it."""
    uids = range(1_000_001, 1_250_001)
    answer = b"* SEARCH " + b" ".join(b"%d" % uid for uid in uids) + b"\r\n{tag} OK done\r\n"
    with ScriptedImap({"UID SEARCH": answer}) as server:
        connection = MailConnection.open(Endpoint(server.host, server.port, "plain"), "ada", "secret")
        connection.select("INBOX", uidvalidity=None)
        assert connection.uids("1240001:1250000") == set(uids[-10_000:])
        connection.close()

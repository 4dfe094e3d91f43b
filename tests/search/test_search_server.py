"""Searching on the server: what it finds stands among the results, and whatever it does wrong is said (F46)."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from accounts.models import MailAccount
from tests.servers.scripted_imap import ScriptedImap
from webmail.imap.connection import MailConnection
from webmail.imap.search import Wanted
from webmail.models import CachedPart, Message, ServerHit
from webmail.search import server
from webmail.sync import foreground

OK = b"{tag} OK done\r\n"
UTF8 = [[Wanted("Grüße")]]


@pytest.fixture
def scripted(settings: Any) -> Iterator[ScriptedImap]:
    settings.ALLOW_PLAINTEXT = True
    with ScriptedImap() as running:
        select = b"* 9 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 99] .\r\n{tag} OK [READ-WRITE] done\r\n"
        running.answers["SELECT"] = select
        yield running
    foreground._pool.close()


def connect(running: ScriptedImap) -> MailConnection:
    from webmail.imap.types import Endpoint

    connection = MailConnection.open(Endpoint(running.host, running.port, "plain", ""), "ada", "secret")
    connection.select("INBOX", uidvalidity=None)
    return connection


def ask(connection: MailConnection, wanted: Any, **how: Any) -> list[int]:
    return connection.search(wanted, **({"low": 1, "high": 98, "most": 10, "seconds": 20} | how))


def test_what_a_person_typed_goes_out_as_a_literal(scripted: ScriptedImap) -> None:
    scripted.answers["UID SEARCH"] = b"* SEARCH 3 5\r\n" + OK
    found = ask(connect(scripted), [[Wanted('a" UID 1 NOT "b')], [Wanted("x", "recipients"), Wanted("y", negated=True)]])
    assert found == [5, 3]
    assert b'UID SEARCH UID 1:98 TEXT {15}\r\na" UID 1 NOT "b OR OR TO "x" OR CC "x" BCC "x" NOT TEXT "y"\r\n' in (
        b"".join(scripted.received)
    )


def test_a_line_break_is_refused(scripted: ScriptedImap) -> None:
    with pytest.raises(Exception, match="cannot be searched for"):
        ask(connect(scripted), [[Wanted("a\r\nW9 LOGOUT")]])
    assert not any(b"SEARCH" in line for line in scripted.received)

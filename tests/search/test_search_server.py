"""Searching on the server: what it finds stands among the results, and whatever it does wrong is said (F46)."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from accounts.models import MailAccount
from tests.servers.scripted_imap import ScriptedImap
from webmail.errors import GiveUp, RetryLater
from webmail.imap.connection import MailConnection
from webmail.imap.search import Wanted
from webmail.imap.types import Endpoint
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
    connection = MailConnection.open(Endpoint(running.host, running.port, "plain", ""), "ada", "secret")
    connection.select("INBOX", uidvalidity=None)
    return connection


def ask(connection: MailConnection, wanted: Any, **how: Any) -> list[int]:
    return connection.search(wanted, **({"low": 1, "high": 98, "most": 10, "seconds": 20} | how))


def test_what_a_person_typed_goes_out_as_a_literal(scripted: ScriptedImap) -> None:
    scripted.answers["UID SEARCH"] = b"* SEARCH 3 5\r\n" + OK
    found = ask(
        connect(scripted), [[Wanted('a" UID 1 NOT "b')], [Wanted("x", "recipients"), Wanted("y", negated=True)]]
    )
    assert found == [5, 3]
    assert b'UID SEARCH UID 1:98 TEXT {15}\r\na" UID 1 NOT "b OR OR TO "x" OR CC "x" BCC "x" NOT TEXT "y"\r\n' in (
        b"".join(scripted.received)
    )


def test_a_line_break_is_refused(scripted: ScriptedImap) -> None:
    with pytest.raises(Exception, match="cannot be searched for"):
        ask(connect(scripted), [[Wanted("a\r\nW9 LOGOUT")]])
    assert not any(b"SEARCH" in line for line in scripted.received)


def test_other_alphabets_name_their_charset_and_its_refusal_is_a_refusal(scripted: ScriptedImap) -> None:
    scripted.answers["UID SEARCH"] = b"{tag} NO [BADCHARSET (US-ASCII)] what?\r\n"
    connection = connect(scripted)
    with pytest.raises(GiveUp):
        ask(connection, UTF8)
    assert "CHARSET UTF-8 UID 1:98 TEXT {7}\r\nGrüße".encode() in b"".join(scripted.received)
    assert not connection.broken


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b"* SEARCH 5 5 3 0 -1 x 99999999999 200\r\n* SEARCH\r\n* SEARCH 7\r\n" + OK, [7, 5, 3]),
        (OK, []),
        (b"* SEARCH " + b" ".join(b"%d" % uid for uid in range(1, 99)) + b"\r\n" + OK, list(range(98, 88, -1))),
    ],
)
def test_absurd_answers_stay_within_what_was_asked(scripted: ScriptedImap, answer: bytes, found: list[int]) -> None:
    scripted.answers["UID SEARCH"] = answer
    assert ask(connect(scripted), [[Wanted("x")]]) == found


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b'* ESEARCH (TAG "x") UID ALL 90:4294967295,3\r\n' + OK, [98, 97, 96, 95, 94, 93, 92, 91, 90, 3]),
        (b'* ESEARCH (TAG "x") UID\r\n' + OK, []),
        (b'* ESEARCH (TAG "x") UID ALL nonsense\r\n' + OK, []),
    ],
)
def test_compact_answers_are_bounded_too(scripted: ScriptedImap, answer: bytes, found: list[int]) -> None:
    scripted.answers["CAPABILITY"] = b"* CAPABILITY IMAP4rev1 ESEARCH\r\n" + OK
    scripted.answers["UID SEARCH"] = answer
    assert ask(connect(scripted), [[Wanted("x")]]) == found


def test_a_compact_answer_that_never_came_is_asked_for_again(scripted: ScriptedImap) -> None:
    scripted.answers["CAPABILITY"] = b"* CAPABILITY IMAP4rev1 ESEARCH\r\n" + OK
    scripted.answers["UID SEARCH"] = [b"{tag} BAD RETURN?\r\n", b"* SEARCH 4\r\n" + OK]
    assert ask(connect(scripted), [[Wanted("x")]]) == [4]


def test_a_server_that_takes_too_long_loses_the_connection(scripted: ScriptedImap) -> None:
    scripted.answers["UID SEARCH"] = b""
    connection = connect(scripted)
    with pytest.raises(RetryLater):
        ask(connection, [[Wanted("x")]], seconds=0.2)
    assert connection.broken


# --- through the pages


def subjects(html: str) -> list[str]:
    return [re.sub(r"<[^>]+>", "", each) for each in re.findall(r'<span class="subject"[^>]*>(.*?)</span>', html)]


@pytest.fixture
def remote(ada: Any, scripted: ScriptedImap, indexed: Any) -> Any:
    """Ada's account on the scripted server; the text of her messages is not here."""
    MailAccount.objects.filter(pk=ada.account.pk).update(
        imap_host=scripted.host, imap_port=scripted.port, imap_security="plain"
    )
    account = MailAccount.objects.get(pk=ada.account.pk)
    account.password = "secret"  # type: ignore[assignment]
    account.save()
    for number in range(1, 4):
        ada.arrive(f"Number {number}", text="Nothing.")
    CachedPart.objects.all().delete()
    for folder in ada.folders.values():
        type(folder).objects.filter(pk=folder.pk).update(uidnext=99 if folder.name == "INBOX" else 1)
    indexed()
    return ada


def steps(person: Any, question: str = "zebra") -> list[str]:
    """The lines the page shows one after another."""
    url, lines = f"/search/server/?q={question}", []
    fields: dict[str, str] = {}
    while True:
        html = person.post(url, **fields).text
        lines.append(" ".join(re.sub(r"<[^>]+>", " ", html).split()))
        more = re.search(r'data-folder-id="(\d+)" data-below="(\d+)" data-problems="([^"]*)"', html)
        if more is None:
            return lines
        fields = {"folder": more[1], "below": more[2], "problems": more[3]}


def test_what_the_server_names_stands_among_the_results(remote: Any, scripted: ScriptedImap) -> None:
    scripted.answers["UID SEARCH"] = b"* SEARCH 1 3 77\r\n" + OK  # 77 has been expunged since
    assert subjects(remote.client.get("/search/?q=zebra").text) == []
    assert "Search the server too" in remote.client.get("/search/?q=zebra").text
    assert steps(remote) == ["2 found on the server."]
    assert subjects(remote.client.get("/search/?q=zebra").text) == ["Number 3", "Number 1"]
    assert subjects(remote.client.get("/search/?q=zebra+is:flagged").text) == []
    assert subjects(remote.client.get("/search/?q=zebras").text) == []


def test_a_message_that_is_deleted_after_the_server_named_it_is_gone(remote: Any, scripted: ScriptedImap) -> None:
    scripted.answers["UID SEARCH"] = b"* SEARCH 1 3\r\n" + OK
    steps(remote)
    Message.objects.filter(uid=3).delete()
    assert subjects(remote.client.get("/search/?q=zebra").text) == ["Number 1"]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"{tag} NO not today\r\n", "does not search"),
        (b"{tag} NO [BADCHARSET] no\r\n", "does not search"),
        (b"", "answer may be incomplete"),
        (None, "answer may be incomplete"),
    ],
)
def test_what_went_wrong_is_said_and_the_page_stays(
    remote: Any, scripted: ScriptedImap, monkeypatch: pytest.MonkeyPatch, answer: bytes | None, sentence: str
) -> None:
    monkeypatch.setattr(server, "SECONDS", 0.2)
    scripted.answers["UID SEARCH"] = answer
    assert sentence in steps(remote)[-1]
    assert remote.client.get("/search/?q=zebra").status_code == 200


def test_a_large_folder_is_asked_about_in_windows_newest_first(
    remote: Any, scripted: ScriptedImap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "WINDOW", 50)
    scripted.answers["UID SEARCH"] = [b"* SEARCH\r\n" + OK, b"* SEARCH 2\r\n" + OK]
    lines = steps(remote)
    asked = [line for line in scripted.received if b"UID SEARCH" in line]
    assert [re.search(rb"UID (\d+:\d+)", line.split(b"SEARCH")[1])[1] for line in asked] == [b"49:98", b"1:48"]  # type: ignore[index]
    assert lines == ["Searching Inbox on the server… 0 found so far.", "1 found on the server."]


def test_the_hits_of_one_person_are_nobody_elses(remote: Any, bob: Any, scripted: ScriptedImap) -> None:
    scripted.answers["UID SEARCH"] = b"* SEARCH 1 2 3\r\n" + OK
    steps(remote)
    hit = ServerHit.objects.first()
    assert hit is not None
    ServerHit.objects.create(user=bob.user, question=hit.question, message=hit.message)
    assert subjects(bob.client.get("/search/?q=zebra").text) == []
    inbox = remote.folders["INBOX"].pk
    assert bob.post("/search/server/?q=zebra", folder=inbox, below=9).status_code == 404


def test_without_the_script_one_request_takes_all_steps(remote: Any, scripted: ScriptedImap) -> None:
    scripted.answers["UID SEARCH"] = b"* SEARCH 2\r\n" + OK
    answer = remote.client.post("/search/server/?q=zebra", follow=True)
    assert answer.redirect_chain[0][0] == "/search/?q=zebra"
    assert "1 found on the server." in answer.text
    assert subjects(answer.text) == ["Number 2"]

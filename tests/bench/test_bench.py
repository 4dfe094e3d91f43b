"""The measuring instruments themselves: what they fill, how far away they put it, what they conclude."""

import re
import shutil
import socketserver
import threading
import time
from collections.abc import Iterator
from socket import create_connection

import imapclient
import pytest

from tests.bench.fill import FOLDERS, PASSWORD, PER_FOLDER, address, fill
from tests.bench.latency import Distance
from tests.bench.letters import LAST_WORD, PROBES, Writer
from tests.bench.mailbox import Page
from tests.bench.product import Measured
from tests.bench.report import Outcome, Setting, goals, tables
from tests.bench.timing import Times
from tests.bench.visitor import Answer
from tests.servers.mailbox import server_directory
from webmail.demo.dovecot import Dovecot


def test_the_same_seed_writes_the_same_letters() -> None:
    first, second, other = (list(Writer(seed, "a@example.test").letters(60)) for seed in ("one", "one", "two"))
    assert first == second
    assert first != other


def test_letters_get_newer_and_probes_lie_behind_what_is_fetched_ahead() -> None:
    letters = list(Writer("order", "a@example.test").letters(1000, probes=True))
    dates = [letter.date for letter in letters]
    assert dates == sorted(dates)
    places = [
        index
        for index, letter in enumerate(letters)
        if any(f"Subject: {subject}".encode() in letter.raw for subject in PROBES.values())
    ]
    assert len(places) == 80
    for place in places:
        shown_parts = 2 if PROBES["newsletter"].encode() in letters[place].raw else 1
        assert letters[place].raw.count(LAST_WORD.encode()) == shown_parts
    assert 1000 - places[-1] > 300


def test_answers_refer_to_earlier_letters_of_the_same_mailbox() -> None:
    seen: set[bytes] = set()
    answers = 0
    for letter in Writer("answers", "a@example.test").letters(500):
        head = letter.raw.partition(b"\r\n\r\n")[0]
        if b"References:" in head:
            named = re.findall(rb"<[^>]+>", head.partition(b"References:")[2].partition(b"MIME-Version")[0])
            answers += 1
            assert set(named) <= seen
        found = re.search(rb"Message-ID: (<[^>]+>)", head)
        assert found is not None
        seen.add(found.group(1))
    assert 100 < answers < 250


@pytest.mark.mailserver
def test_a_filled_mailbox_has_what_was_asked_for_and_is_filled_once(capsys: pytest.CaptureFixture[str]) -> None:
    directory = server_directory()
    try:
        fill(directory, [120])
        assert "120 messages" in capsys.readouterr().out
        fill(directory, [120])
        assert capsys.readouterr().out == ""
        server = Dovecot(directory)
        server.start()
        try:
            client = imapclient.IMAPClient("127.0.0.1", server.ports.imap, ssl=False)
            client.login(address(120), PASSWORD)
            status = client.folder_status("INBOX", ["MESSAGES", "UNSEEN"])
            assert status[b"MESSAGES"] == 120
            assert 0 < status[b"UNSEEN"] < 40
            assert len(client.list_folders()) >= FOLDERS
            assert client.folder_status("Archive", ["MESSAGES"])[b"MESSAGES"] == PER_FOLDER
            client.select_folder("INBOX", readonly=True)
            assert client.search(["SUBJECT", PROBES["newsletter"]])
            client.logout()
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that sends back what it gets."""

    class Echo(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while data := self.request.recv(1 << 16):
                self.request.sendall(data)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_the_distance_costs_each_exchange_one_round_trip_and_each_connection_two(echo: int) -> None:
    distance = Distance(30, [echo])
    try:
        started = time.perf_counter()
        with create_connection(("127.0.0.1", distance.ports[echo]), timeout=10) as client:
            client.sendall(b"a")
            assert client.recv(1) == b"a"
            assert time.perf_counter() - started >= 0.118
            started = time.perf_counter()
            for _ in range(3):
                client.sendall(b"b")
                assert client.recv(1) == b"b"
            assert time.perf_counter() - started >= 0.175
    finally:
        distance.close()


def test_the_distance_does_not_limit_how_much_is_under_way(echo: int) -> None:
    distance = Distance(100, [echo])
    total = 4_000_000
    try:
        with create_connection(("127.0.0.1", distance.ports[echo]), timeout=20) as client:
            started = time.perf_counter()
            threading.Thread(target=client.sendall, args=(b"x" * total,), daemon=True).start()
            got = 0
            while got < total:
                got += len(client.recv(1 << 16))
            # Octet by octet or window by window it would be many round trips of 0.2 s.
            assert time.perf_counter() - started < 5
    finally:
        distance.close()


def test_a_page_is_read_back_from_any_markup_around_its_addresses() -> None:
    text = (
        '<li id="a"><a href="/folder/7/conversation/12/"><b>Ann</b> Budget</a><button data-u="/folder/7/conversation/12/">'
        '</li><li><a href="/folder/7/conversation/9/">Bob</a></li><a href="/folder/7/?after=MTIz">More</a>'
    )
    page = Page.of(Answer("/", 200, "", text.encode(), zipped=False, seconds=0))
    assert list(page.rows) == [12, 9]
    assert "Budget" in page.rows[12]
    assert "Bob" in page.rows[9]
    assert page.after == "MTIz"
    assert Page.of(Answer("/", 200, "", b"<p>Getting your mail</p>", zipped=False, seconds=0)).rows == {}


def test_an_answer_that_is_not_the_one_asked_for_is_no_measurement() -> None:
    with pytest.raises(AssertionError, match="answered 500"):
        Answer("/x/", 500, "", b"Server Error", zipped=False, seconds=0.001).expect()
    with pytest.raises(AssertionError, match="without"):
        Answer("/x/", 200, "", b"Sign in", zipped=False, seconds=0.001).expect("Inbox")


def test_p95_is_the_nearest_rank() -> None:
    assert Times(tuple(range(1, 21))).p95 == 19
    assert Times((0.3, 0.1, 0.2)).p95 == 0.3


def _outcome(first_page: float, usable: float = 0.5) -> Outcome:
    times = {"first page": Times((first_page,)), "first usable inbox": Times((usable,))}
    return Outcome(Measured(times), {"first page": Times((0.002,))})


def test_goals_are_judged_by_what_was_measured() -> None:
    outcomes = {
        Setting(1000, 0): _outcome(0.010),
        Setting(1000, 40): _outcome(0.011),
        Setting(100_000, 0): _outcome(0.012),
        Setting(100_000, 40): _outcome(0.030, usable=2.5),
    }
    lines = list(goals(outcomes))
    assert "* PASS first page at 0 ms, 100,000 : 1,000: 1.20 (wanted: below 1.3)" in lines
    assert "* MISS first page of 100,000, 40 ms : 0 ms: 2.50 (wanted: below 1.2)" in lines
    assert "* MISS first page of 100,000: 30.00 ms (wanted: below 25 ms)" in lines
    assert "* MISS first usable inbox of 100,000 at 40 ms: 2.50 s (wanted: below 2 s)" in lines
    assert "5.00" in tables(outcomes)


def test_what_was_not_measured_is_not_judged() -> None:
    lines = list(goals({Setting(1000, 0): _outcome(0.010)}))
    assert lines == ["* PASS first page of 1,000: 10.00 ms (wanted: below 25 ms)"]

"""The part of the benchmark that imports a maildrop: what it fills, what it counts, what it concludes."""

import shutil

import pytest

from tests.bench.importing import Import, Memory
from tests.bench.latency import Distance
from tests.bench.maildrop import Fetched, Maildrop, Plain, fill_maildrop, import_once, measure
from tests.bench.maildrop_report import goals, tables
from tests.servers.mailbox import server_directory
from webmail.demo.dovecot import Dovecot

MEGABYTE = 1_000_000


def test_a_maildrop_of_short_letters_has_as_many_as_one_of_any() -> None:
    short, mixed = list(Maildrop(200, 8000).letters()), list(Maildrop(200).letters())
    assert len(short) == len(mixed) == 200
    assert max(len(letter.raw) for letter in short) <= 8000 < max(len(letter.raw) for letter in mixed)


@pytest.mark.mailserver
@pytest.mark.timeout(180)
def test_the_import_and_poplib_read_the_same_octets(capsys: pytest.CaptureFixture[str]) -> None:
    directory, drop = server_directory(), Maildrop(60)
    try:
        fill_maildrop(directory, drop)
        assert "60 messages" in capsys.readouterr().out
        found = measure(directory, drop, [4])[4]
        assert "filled" not in capsys.readouterr().out
        octets = sum(len(letter.raw) for letter in drop.letters())
        assert (found.ours.messages, found.ours.octets) == (60, octets)
        assert found.plain.messages == 60
        assert found.plain.seconds > 60 * 0.004
        last = found.ours.since(60)[0]
        assert 0 < last.own < last.resident < 1000 * MEGABYTE
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.mark.mailserver
@pytest.mark.timeout(120)
def test_an_import_is_cut_short_when_its_time_is_over_and_one_that_fails_is_no_measurement() -> None:
    directory, drop = server_directory(), Maildrop(30)
    try:
        fill_maildrop(directory, drop)
        server = Dovecot(directory)
        server.start()
        distance = Distance(0, [server.ports.pop3s])
        port = distance.ports[server.ports.pop3s]
        try:
            assert import_once(server, port, drop, limit=0).messages == 0
            with pytest.raises(RuntimeError, match="the import failed"):
                import_once(server, port, Maildrop(31))
        finally:
            distance.close()
            server.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _fetched(seconds: float, *memory: tuple[int, int, int]) -> Fetched:
    """Memory in MB."""
    samples = [Memory(count, resident * MEGABYTE, own * MEGABYTE) for count, resident, own in memory]
    return Fetched(Import(seconds, memory[-1][0], 6 * MEGABYTE, samples), Plain(30.0, 600, 6 * MEGABYTE))


def test_goals_of_the_import_are_judged_by_what_was_measured() -> None:
    drop = Maildrop(600)
    level = [(0, 50, 40), (60, 90, 70), (300, 93, 72), (600, 92, 71)]
    lines = list(goals(drop, {0: _fetched(60.0, *level), 40: _fetched(10.0, *level)}))
    grown = "grew by 3.0 MB resident after 10%, 2.0 MB without mapped files (wanted: below 64 MB resident)"
    assert lines == [
        "* PASS import at 40 ms, messages/s : poplib: 3.00 (wanted: at least 3)",
        f"* PASS memory flat, import of 600 at 0 ms: {grown}",
        f"* PASS memory flat, import of 600 at 40 ms: {grown}",
    ]
    # What was given back in the end had been taken all the same, and mapped files count.
    slow, steep = list(goals(drop, {40: _fetched(10.1, (60, 90, 70), (300, 160, 72), (600, 95, 75))}))
    assert slow == "* MISS import at 40 ms, messages/s : poplib: 2.97 (wanted: at least 3)"
    assert steep.startswith("* MISS memory flat, import of 600 at 40 ms: grew by 70.0 MB resident after 10%, 5.0 MB")


def test_an_import_that_was_cut_short_says_how_far_it_came() -> None:
    text = tables(Maildrop(1000), {0: _fetched(10.0, (0, 50, 40), (100, 80, 60), (400, 81, 61))})
    cells = {line.split("|")[1].strip(): line.split("|")[2].strip() for line in text.splitlines() if "|" in line}
    assert cells["imported: messages"] == "400"
    assert cells["import, messages/s"] == "40"
    assert cells["import, MB resident / its own at 10%"] == "80 / 60"
    assert cells["import, MB resident / its own at 100%"] == "–"
    nothing = next(goals(Maildrop(1000), {0: _fetched(10.0, (50, 80, 60))}))
    assert nothing.startswith("* MISS memory flat")

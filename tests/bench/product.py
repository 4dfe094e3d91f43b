"""The product, measured through HTTP: the real web server and the real worker on a fresh database file."""

import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.fill import address
from tests.bench.latency import Distance
from tests.bench.letters import PROBES, PROBES_EACH, SEARCHES
from tests.bench.mailbox import FirstSignIn, MailboxVisitor, Page
from tests.bench.side import MOVABLE, Side
from tests.bench.timing import WARM_UP, Times, processor_seconds, repeat
from tests.servers.live import Live
from webmail.demo.dovecot import Dovecot

FIRST_SIGN_INS = 3
BACKFILL_SECONDS = 1200.0
CALM_SECONDS = 1.5
SETTLE_SECONDS = 30.0


@dataclass
class Measured:
    """Times by the names of report.CLICKS, and what else was seen. Seconds."""

    times: dict[str, Times] = field(default_factory=dict)
    checks: float = 0.0
    mirrored: float = 0.0
    indexed: float = 0.0
    settled: float = 0.0


def measure(server: Dovecot, distance: Distance, size: int, side: Side, *, static: Path, repetitions: int) -> Measured:
    """Sign in on fresh databases, wait until the last one mirrors everything, then click."""
    repetitions_of_open = min(repetitions, PROBES_EACH - WARM_UP)
    side.movable(repetitions + WARM_UP)
    result = Measured()
    sign_ins: list[FirstSignIn] = []
    for number in range(FIRST_SIGN_INS):
        with running(server, distance, static) as live:
            person = MailboxVisitor(live.url)
            started = time.perf_counter()
            sign_ins.append(person.sign_in(address(size)))
            if number == FIRST_SIGN_INS - 1:
                _wait_for_folders(live)
                result.mirrored = time.perf_counter() - started
                _wait_for_index(live)
                result.indexed = time.perf_counter() - started
                _wait_for_calm(live)
                result.times = _click(live, person, size, side, repetitions=repetitions, opens=repetitions_of_open)
                result.settled = _wait_for_server(side, repetitions + WARM_UP)
            person.visitor.close()
    result.checks = sorted(one.checks for one in sign_ins)[len(sign_ins) // 2]
    result.times["first rows after sign-in"] = Times(tuple(one.rows for one in sign_ins))
    result.times["first usable inbox"] = Times(tuple(one.usable for one in sign_ins))
    return result


@contextmanager
def running(server: Dovecot, distance: Distance, static: Path) -> Iterator[Live]:
    """gunicorn and a worker that know the mail server only through the proxy."""
    with tempfile.TemporaryDirectory(prefix="webmail-bench-") as var:
        extra = {
            "DJANGO_SETTINGS_MODULE": "webmail.settings",
            "STATIC_ROOT": str(static),
            "LIVE_IMAPS_PORT": str(distance.ports[server.ports.imaps]),
            "LIVE_SUBMISSIONS_PORT": str(distance.ports[server.ports.submissions]),
            "LOG_LEVEL": "WARNING",
        }
        live = Live(Path(var), server, extra)
        live.start()
        try:
            yield live
        except BaseException:
            print(live.web_log.read_text()[-3000:], live.worker_log.read_text()[-3000:], sep="\n", flush=True)
            raise
        finally:
            live.stop()


def _click(
    live: Live, person: MailboxVisitor, size: int, side: Side, *, repetitions: int, opens: int
) -> dict[str, Times]:
    person.find_archive()
    times = {
        "folder list": repeat(lambda _: person.sidebar().seconds, repetitions),
        "first page": repeat(lambda _: person.list().seconds, repetitions),
        "first page, reload": repeat(lambda _: person.whole_page().seconds, repetitions),
    }
    movable, probes, middle = _walk(person)
    times["deep page"] = repeat(lambda _: person.list(middle).seconds, repetitions)
    for kind, subject in PROBES.items():
        fresh = probes[kind]

        def cold(number: int, fresh: list[int] = fresh, subject: str = subject) -> float:
            return person.open(fresh[number % len(fresh)], subject)

        def warm(_: int, fresh: list[int] = fresh, subject: str = subject) -> float:
            return person.open(fresh[0], subject)

        # The first of them are for connections and caches to get ready; no letter is opened cold twice.
        times[f"open {kind}, cold"] = repeat(cold, min(opens, len(fresh) - WARM_UP))
        times[f"open {kind}, warm"] = repeat(warm, repetitions)
    # The texts of the probes came when they were opened.
    _wait_for_index(live)
    for search, text in SEARCHES.items():
        times[search] = repeat(lambda _, text=text: person.search(text), repetitions)  # type: ignore[misc]
    letter = probes["small"][-1]
    times["mark read"] = repeat(lambda number: person.act(("unseen", "seen")[number % 2], letter), repetitions)
    times["move"] = repeat(lambda number: person.act("move", movable[number], target=person.archive), repetitions)
    return times


def _walk(person: MailboxVisitor) -> tuple[list[int], dict[str, list[int]], str]:
    """Scroll through the list until all probes have been met: what can be moved, the probes, the address half-way down."""
    movable: list[int] = []
    probes: dict[str, list[int]] = {kind: [] for kind in PROBES}
    cursors: list[str] = []
    after = ""
    while True:
        page = Page.of(person.visitor.fragment(f"/folder/{person.inbox}/" + (f"?after={after}" if after else "")))
        for pk, text in page.rows.items():
            if MOVABLE in text:
                movable.append(pk)
            for kind, subject in PROBES.items():
                if subject in text:
                    probes[kind].append(pk)
        if page.rows and page.after and page.after != after:
            after = page.after
            cursors.append(after)
        else:
            break
    if not movable or not all(probes.values()):
        raise AssertionError(f"{len(cursors)} pages hold {len(movable)} letters to move and {probes} probes")
    return movable, probes, cursors[len(cursors) // 2]


def _wait_for_folders(live: Live) -> None:
    """Until every folder is mirrored."""
    _wait_until_none(
        live, "SELECT count(*) FROM webmail_folder WHERE selectable AND (backfill_uid IS NULL OR backfill_uid > 1)"
    )


def _wait_for_index(live: Live) -> None:
    """Until the search has every word that is here."""
    _wait_until_none(live, "SELECT count(*) FROM webmail_searchqueue")


def _wait_until_none(live: Live, query: str) -> None:
    end = time.monotonic() + BACKFILL_SECONDS
    with closing(sqlite3.connect(f"file:{live.var / 'webmail.sqlite3'}?mode=ro", uri=True)) as rows:
        while rows.execute(query).fetchone()[0]:
            if time.monotonic() > end:
                raise TimeoutError("the mailbox was not mirrored in time")
            time.sleep(0.25)


def _wait_for_calm(live: Live) -> None:
    """Until the worker has nothing left to do."""
    end = time.monotonic() + BACKFILL_SECONDS
    process = live.worker.process
    if process is None:
        raise RuntimeError("the worker does not run")
    calm, used = time.monotonic(), processor_seconds(process.pid)
    while time.monotonic() - calm < CALM_SECONDS and time.monotonic() < end:
        time.sleep(CALM_SECONDS / 5)
        now = processor_seconds(process.pid)
        if now - used > 0.05 * CALM_SECONDS:
            calm = time.monotonic()
            used = now


def _wait_for_server(side: Side, moved: int) -> float:
    """Seconds until the mail server has what the clicks only wrote down; raise TimeoutError if it never does."""
    started = time.monotonic()
    while side.count("Archive", MOVABLE) < moved:
        if time.monotonic() - started > SETTLE_SECONDS:
            raise TimeoutError("the moves never reached the mail server")
        time.sleep(0.05)
    return time.monotonic() - started

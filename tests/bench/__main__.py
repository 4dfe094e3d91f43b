"""``python -m tests.bench``: fill mailboxes, measure the product and the floor at both distances, print the tables.

Then the same for the import of a maildrop by POP3, for making newsletters safe, and for sending what is queued.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from tests.bench import floor, maildrop, maildrop_report, product, rendering, report, sending
from tests.bench.fill import fill
from tests.bench.latency import Distance
from tests.bench.maildrop import Fetched, Maildrop
from tests.bench.report import Outcome, Setting
from tests.bench.side import Side
from webmail.demo.dovecot import Dovecot, MailServerError
from webmail.demo.supervisor import BASE_DIR

SIZES = "1000,10000,100000"
ROUND_TRIPS = "0,40"
REPETITIONS = 15
POP3_MESSAGES = 600


def numbers(text: str) -> list[int]:
    return sorted({int(word) for word in text.replace(",", " ").split()})


def main() -> int:
    """Return 1 where a goal was missed, 2 where nothing could be measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    default = Path(os.environ.get("BENCH_DIR") or Path(os.environ.get("VAR_DIR") or BASE_DIR / "var") / "bench")
    parser.add_argument("--sizes", type=numbers, default=numbers(os.environ.get("SIZES") or SIZES))
    parser.add_argument("--round-trips", type=numbers, default=numbers(ROUND_TRIPS), help="milliseconds")
    parser.add_argument("--repetitions", type=int, default=int(os.environ.get("REPS") or REPETITIONS))
    parser.add_argument("--directory", type=Path, default=default, help="where mailboxes and results are kept")
    parser.add_argument("--only", choices=["imap", "pop3", "rendering", "sending"], help="measure one of the parts")
    parser.add_argument("--pop3-messages", type=int, default=int(os.environ.get("POP3_MESSAGES") or POP3_MESSAGES))
    parser.add_argument(
        "--pop3-largest", type=int, default=int(os.environ.get("POP3_LARGEST") or 0), help="octets; 0 for any size"
    )
    options = parser.parse_args()
    directory = options.directory.resolve()
    drop = Maildrop(options.pop3_messages, options.pop3_largest)
    outcomes: dict[Setting, Outcome] = {}
    fetched: dict[int, Fetched] = {}
    try:
        if options.only in {None, "imap"}:
            fill(directory / "mail", options.sizes)
            outcomes = measure(directory, options.sizes, options.round_trips, options.repetitions)
        if options.only in {None, "pop3"}:
            fetched = maildrop.measure(directory / "mail", drop, options.round_trips)
    except MailServerError as error:
        print(f"The benchmark needs its own mail server: {error}. --directory names another place.", file=sys.stderr)
        return 2
    rendered = rendering.measure(options.repetitions) if options.only in {None, "rendering"} else {}
    sent = sending.measure(options.round_trips) if options.only in {None, "sending"} else {}
    texts = [report.tables(outcomes)] if outcomes else []
    texts += [maildrop_report.tables(drop, fetched)] if fetched else []
    texts += [rendering.tables(rendered)] if rendered else []
    texts += [sending.tables(sent)] if sent else []
    text = "\n".join(texts)
    print(text)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "report.md").write_text(text)
    results = [as_json(*item) for item in outcomes.items()]
    results += [{**asdict(drop), "round_trip": trip, **asdict(one)} for trip, one in fetched.items()]
    results += [{"newsletter": octets, "seconds": times.samples} for octets, times in rendered.items()]
    results += [{"sending": trip, **asdict(one)} for trip, one in sent.items()]
    (directory / "results.json").write_text(json.dumps(results, indent=1))
    lines = [
        *report.goals(outcomes),
        *maildrop_report.goals(drop, fetched),
        *rendering.goals(rendered),
        *sending.goals(sent),
    ]
    return int(any(line.startswith("* MISS") for line in lines))


def measure(directory: Path, sizes: list[int], round_trips: list[int], repetitions: int) -> dict[Setting, Outcome]:
    static = directory / "static"
    collect_static(static)
    outcomes = {}
    server = Dovecot(directory / "mail")
    server.start()
    try:
        for size in sizes:
            side = Side(server.ports.imap, size)
            for round_trip in round_trips:
                started = time.monotonic()
                distance = Distance(round_trip / 2, [server.ports.imaps, server.ports.submissions])
                try:
                    side.restore()
                    least = floor.measure(distance.ports[server.ports.imaps], size, server.ca_file, side, repetitions)
                    side.restore()
                    ours = product.measure(server, distance, size, side, static=static, repetitions=repetitions)
                finally:
                    distance.close()
                    side.restore()
                outcomes[Setting(size, round_trip)] = Outcome(ours, least)
                seconds = time.monotonic() - started
                print(f"measured {size:,} messages at {round_trip} ms in {seconds:.0f} s", file=sys.stderr, flush=True)
    finally:
        server.stop()
    return outcomes


def collect_static(static: Path) -> None:
    """Files with the names and the compression they have in production."""
    environment = {**os.environ, "STATIC_ROOT": str(static), "SECRET_KEY": "collects-files-only", "DEBUG": "false"}
    environment["DJANGO_SETTINGS_MODULE"] = "webmail.settings"
    command = [sys.executable, "manage.py", "collectstatic", "--noinput", "--clear", "--verbosity", "0"]
    subprocess.run(command, check=True, cwd=BASE_DIR, env=environment)


def as_json(setting: Setting, outcome: Outcome) -> dict[str, object]:
    return {**asdict(setting), **asdict(outcome)}


if __name__ == "__main__":
    sys.exit(main())

"""Two programs on one mailbox, anything breaking at any moment: when it stops, all agree and nothing is lost.

``CONVERGENCE_SEEDS`` names the seeds (``1,2,40-60``), ``CONVERGENCE_OPS`` how many operations each has,
``CONVERGENCE_DROP`` which of them are left out.
"""

import os
from pathlib import Path

import pytest

from tests.convergence.draw import of_this_commit
from tests.convergence.run import Run
from tests.servers.smtp_sink import SmtpSink
from webmail.demo.dovecot import Dovecot

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mailserver, pytest.mark.timeout(600)]

FIXED = (1, 2, 3, 126223374, 900039)
FRESH = 5
OPERATIONS = int(os.environ.get("CONVERGENCE_OPS") or 50)


def numbers(text: str) -> list[int]:
    parts = [part.partition("-") for part in text.split(",") if part]
    return [number for low, _, high in parts for number in range(int(low), int(high or low) + 1)]


def seeds() -> list[str]:
    """Fresh ones get their number when they run: the processes of a parallel run have to agree on the names of the tests."""
    if wanted := os.environ.get("CONVERGENCE_SEEDS"):
        return [str(seed) for seed in numbers(wanted)]
    return [str(seed) for seed in FIXED] + [f"fresh-{number}" for number in range(1, FRESH + 1)]


@pytest.mark.parametrize("name", seeds())
def test_when_it_stops_all_agree_and_nothing_is_lost(
    name: str, dovecot: Dovecot, sink: SmtpSink, histories: Path
) -> None:
    seed = of_this_commit(name) if name.startswith("fresh") else int(name)
    path = histories / f"{seed}.jsonl"
    run = Run(dovecot, sink, seed, path, dropped=set(numbers(os.environ.get("CONVERGENCE_DROP") or "")))
    try:
        run.go(OPERATIONS)
    except BaseException as problem:
        problem.add_note(f"seed {seed}: CONVERGENCE_SEEDS={seed} CONVERGENCE_OPS={OPERATIONS}, history {path}")
        run.history.note("failed", why=repr(problem))
        raise
    finally:
        run.close()

"""The part of the benchmark that sends a queue: everything arrives, once from the worker and once from smtplib."""

import pytest

from tests.bench.sending import Sent, goals, send_once, tables


@pytest.mark.timeout(120)
def test_the_worker_and_smtplib_send_the_same_octets() -> None:
    found = send_once(4, 5)
    assert found.messages == 5
    assert found.octets > 5 * 3000
    # Three round trips a message at least, of four milliseconds.
    assert found.ours > 5 * 0.012
    assert found.plain > 5 * 0.012


def test_only_a_distance_is_judged() -> None:
    found = {0: Sent(1000, 4_000_000, 4.0, 1.0), 40: Sent(100, 400_000, 12.0, 18.0)}
    assert list(goals(found)) == ["* PASS sending at 40 ms : smtplib: 1.50 (wanted: at least 1)"]
    assert "| ratio " in tables(found)
    assert next(iter(goals({40: Sent(100, 1, 2.0, 1.0)}))).startswith("* MISS")

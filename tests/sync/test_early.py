"""What is asked for before it is needed, and what is written down after it was shown."""

import threading

import pytest

from webmail.errors import Reason, RetryLater
from webmail.sync import afterwards, early
from webmail.sync.early import Early


def test_what_was_begun_is_waited_for_and_taken_once() -> None:
    begun, gate = Early(), threading.Event()
    begun.begin("a", lambda: {"1": b"x" if gate.wait(5) else b""})
    threading.Timer(0.05, gate.set).start()
    assert begun.taken("a") == {"1": b"x"}
    assert begun.taken("a") is None
    assert begun.taken("b") is None


def test_the_same_is_not_asked_for_twice() -> None:
    begun, gate, times = Early(), threading.Event(), []

    def fetch() -> dict[str, bytes]:
        times.append(1)
        gate.wait(5)
        return {}

    begun.begin("a", fetch)
    begun.begin("a", fetch)
    gate.set()
    assert begun.taken("a") == {}
    assert times == [1]


def test_a_failure_is_that_of_whoever_waits_and_of_nobody_later() -> None:
    begun, gate = Early(), threading.Event()

    def fail() -> dict[str, bytes]:
        gate.wait(5)
        raise RetryLater(Reason.LOST, "The connection broke.")

    begun.begin("a", fail)
    threading.Timer(0.05, gate.set).start()
    with pytest.raises(RetryLater):
        begun.taken("a")
    begun.begin("a", fail)
    begun._threads.shutdown(wait=True)  # type: ignore[union-attr]
    assert begun.taken("a") is None


def test_few_are_asked_for_at_once_and_what_nobody_took_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, gate = Early(), threading.Event()
    for number in range(early.AT_ONCE + 3):
        begun.begin(number, lambda: {"1": b"x" if gate.wait(5) else b""})
    gate.set()
    assert [begun.taken(number) is not None for number in range(early.AT_ONCE + 3)] == [
        *[True] * early.AT_ONCE,
        *[False] * 3,
    ]
    begun.begin("old", dict)
    monkeypatch.setattr(early, "KEPT_SECONDS", -1.0)
    begun.begin("new", dict)
    assert begun.taken("old") is None
    assert begun.taken("new") == {}


def test_what_is_put_off_is_done_in_order_and_a_failure_stops_nothing() -> None:
    done: list[str] = []
    afterwards.do(lambda: done.append("now"))
    with afterwards.put_off() as works:
        afterwards.do(lambda: done.append("later"))
        afterwards.do(lambda: done.remove("never"))
        afterwards.do(lambda: done.append("last"))
        assert done == ["now"]
    afterwards.settle(works)
    assert done == ["now", "later", "last"]
    with afterwards.put_off() as works:
        afterwards.do(lambda: done.append("read"))
        afterwards.catch_up()
        assert done[-1] == "read"
    assert works == []

"""F57: a parser that takes too long, or breaks, ends without anybody waiting for it, and the text is shown without it."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from webmail.mime import clock
from webmail.mime.html import clean_own, sanitise
from webmail.mime.plain import html_to_text

# Quadratic in the parser that reads text out of markup: seconds for each look.
SLOW = f"<p>Good morning.</p><div {' '.join(f'a{n}=1' for n in range(70_000))}>Yours</div>"
NEWSLETTER = "<table>" + '<tr><td style="color:red"><img src="cid:a">Words of “a shop”</td></tr>' * 1000 + "</table>"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """No test meets a process that another left."""
    yield
    while clock._idle:
        clock._idle.pop().end()


def children() -> set[int]:
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


def test_large_markup_is_read_elsewhere_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def cid_url(content_id: str) -> str:
        asked.append(content_id)
        return f"/part/{content_id}?<>"

    assert len(NEWSLETTER) > clock.SMALL
    elsewhere = sanitise(NEWSLETTER, cid_url=cid_url), html_to_text(NEWSLETTER), clean_own(NEWSLETTER)
    assert set(asked) == {"a"}
    assert len(clock._idle) == 1
    monkeypatch.setattr(clock, "SMALL", 10**9)
    assert (sanitise(NEWSLETTER, cid_url=cid_url), html_to_text(NEWSLETTER), clean_own(NEWSLETTER)) == elsewhere


def test_what_takes_too_long_is_ended_and_shown_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "CPU_SECONDS", 0.3)
    before = children()
    with clock.message():
        assert "Good morning." in html_to_text(SLOW)
        assert clock.spent()
        assert not clock.doubtful()
        # What is left of the message costs nothing more, small as it may be.
        assert sanitise("<p>more</p>", cid_url=lambda _: None).too_complex
        assert html_to_text("<p>more</p>") == "more"
    assert children() <= before
    assert clock._idle == []
    # The next message has its own seconds.
    assert html_to_text("<p>next</p>") == "next"
    assert not sanitise(NEWSLETTER[:60_000], cid_url=lambda _: None).too_complex


def test_two_seconds_bound_what_one_message_may_take() -> None:
    clock.warm()
    clock.call("text", clock.SMALL + 1, ["<p>warm"])
    used = os.times()
    with clock.message():
        for _ in range(3):
            assert "Good morning." in html_to_text(SLOW)
    now = os.times()
    spent = now.children_user + now.children_system - used.children_user - used.children_system
    assert spent < clock.CPU_SECONDS + 1.5


def test_a_process_that_ended_while_nobody_asked_is_no_fault_of_the_message() -> None:
    clock.warm()
    clock._idle[0].process.kill()
    clock._idle[0].process.wait()
    assert not sanitise(NEWSLETTER, cid_url=lambda _: None).too_complex


def test_one_that_is_killed_gives_the_text() -> None:
    def crash(_: str) -> str:
        os.kill(clock_pid[0], signal.SIGKILL)
        time.sleep(0.05)
        return ""

    clock.warm()
    clock_pid = [clock._idle[0].process.pid]
    with clock.message():
        found = sanitise(NEWSLETTER, cid_url=crash)
        # It may work the next time: what is shown now is not kept.
        assert clock.doubtful()
    assert (found.html, found.too_complex) == ("", True)
    assert not sanitise(NEWSLETTER, cid_url=lambda _: None).too_complex


def test_the_other_process_knows_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "zq-secret")
    clock.warm()
    clock.call("text", clock.SMALL + 1, ["<p>started"])
    environment = Path(f"/proc/{clock._idle[0].process.pid}/environ").read_bytes()
    assert b"zq-secret" not in environment
    assert b"SECRET" not in environment

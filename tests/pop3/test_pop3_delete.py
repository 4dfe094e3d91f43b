"""Only +OK to QUIT says that messages were deleted; every other end leaves that open, or undoes it."""

from collections.abc import Callable

import pytest

from tests.servers.scripted_pop3 import Cut, ScriptedPop3
from webmail.errors import GiveUp, OutcomeUnknown, Reason, RetryLater
from webmail.pop3.client import PopConnection

Scripted = Callable[..., ScriptedPop3]
Opened = Callable[..., PopConnection]
LETTERS = [b"Subject: one\r\n\r\n"] * 250


@pytest.mark.parametrize("capabilities", [("USER",), ("USER", "PIPELINING")])
def test_marks_take_effect_with_a_confirmed_quit(
    scripted: Scripted, opened: Opened, capabilities: tuple[str, ...]
) -> None:
    server = scripted(LETTERS, capabilities=capabilities)
    connection = opened(server)
    assert connection.delete(range(1, 251)) == {}
    assert server.deleted == set()
    connection.quit()
    assert server.deleted == set(range(1, 251))
    assert connection.broken


@pytest.mark.parametrize("answer", [None, Cut(b"+O"), b"", b"garbage\r\n", b"+OK" + b"x" * 10_000], ids=str)
def test_a_lost_answer_to_quit_leaves_the_outcome_open(
    scripted: Scripted, opened: Opened, answer: bytes | Cut | None
) -> None:
    connection = opened(scripted(LETTERS, answers={"QUIT": answer}), timeout=0.2)
    connection.delete([1])
    with pytest.raises(OutcomeUnknown):
        connection.quit()
    assert connection.broken


def test_messages_the_server_did_not_delete_leave_the_outcome_open(scripted: Scripted, opened: Opened) -> None:
    connection = opened(scripted(LETTERS, answers={"QUIT": b"-ERR some deleted messages not removed\r\n"}))
    connection.delete([1, 2])
    with pytest.raises(OutcomeUnknown) as caught:
        connection.quit()
    assert caught.value.reason is Reason.REFUSED


@pytest.mark.parametrize("answer", [None, b"-ERR no\r\n"])
def test_without_marks_the_end_needs_no_confirmation(scripted: Scripted, opened: Opened, answer: bytes | None) -> None:
    connection = opened(scripted(LETTERS, answers={"QUIT": answer}))
    connection.delete([1])
    connection.reset()
    connection.quit()
    assert connection.broken


@pytest.mark.parametrize("place", [1, 2, 120])
@pytest.mark.parametrize("answer", [None, Cut(b"+OK\r\n"), Cut(b"+O")], ids=str)
def test_a_connection_lost_while_marking_deletes_nothing(
    scripted: Scripted, opened: Opened, place: int, answer: Cut | None
) -> None:
    server = scripted(LETTERS, answers={f"DELE {place}": answer})
    connection = opened(server)
    with pytest.raises(RetryLater) as caught:
        connection.delete(range(1, 200))
    assert not isinstance(caught.value, OutcomeUnknown)
    assert connection.broken
    with pytest.raises(RetryLater) as caught:
        connection.quit()
    assert not isinstance(caught.value, OutcomeUnknown)
    assert not server.commands("QUIT")
    assert server.deleted == set()


def test_refused_marks_are_named_and_the_others_stand(scripted: Scripted, opened: Opened) -> None:
    answers = {"DELE 2": b"-ERR read-only maildrop\r\n", "DELE 4": b"-ERR [SYS/TEMP] later\r\n"}
    server = scripted(LETTERS, answers=answers)
    connection = opened(server)
    refused = connection.delete([1, 2, 3, 4, 5])
    assert isinstance(refused[2], GiveUp)
    assert isinstance(refused[4], RetryLater)
    assert set(refused) == {2, 4}
    connection.quit()
    assert server.deleted == {1, 3, 5}


def test_closing_sends_nothing_and_can_be_repeated(scripted: Scripted, opened: Opened) -> None:
    server = scripted(LETTERS)
    connection = opened(server)
    connection.delete([1])
    connection.close()
    connection.close()
    assert not server.commands("QUIT")
    assert server.deleted == set()


def test_a_refused_noop_or_reset_is_told(scripted: Scripted, opened: Opened) -> None:
    connection = opened(scripted(answers={"NOOP": b"-ERR no\r\n", "RSET": b"-ERR no\r\n"}))
    for command in (connection.noop, connection.reset):
        with pytest.raises(GiveUp):
            command()
    assert not connection.broken

"""Servers that write marks of their own into the header of what was fetched: it stays the same message."""

from typing import Any

import pytest

from tests.pop3.importing import contents, fetch, letter
from webmail.models import Download, Message, StoredContent
from webmail.pop3.marks import unmarked
from webmail.sync.local import delete_messages

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


def marked(raw: bytes, *lines: bytes) -> bytes:
    head, _, body = raw.partition(b"\r\n\r\n")
    return b"\r\n".join([head, *lines]) + b"\r\n\r\n" + body


@pytest.mark.parametrize("capabilities", [("USER", "UIDL", "TOP"), ("USER", "UIDL"), ("USER", "TOP")])
def test_a_message_that_the_server_has_marked_as_read_is_no_other(
    scripted: Any, pop3_account: Any, capabilities: Any
) -> None:
    letters = [letter(1), letter(2)]
    server = scripted(letters, capabilities=capabilities, uidls=() if "UIDL" in capabilities else None)
    download = fetch(pop3_account(server))
    server.messages = [marked(each, b"Status: O", b"X-UIDL: abc") for each in letters]
    fetch(download)
    assert contents() == letters
    server.messages = [marked(each, b"X-UIDL: abc", b"Status: RO", b"X-Status: A") for each in letters]
    fetch(download)
    fetch(download)
    assert contents() == letters


def test_what_was_marked_is_deleted_on_the_server_and_stays_whole_here(scripted: Any, pop3_account: Any) -> None:
    server = scripted([letter(1), letter(2)], removes=True)
    download = fetch(pop3_account(server))
    server.messages = [marked(each, b"Status: RO", b"Content-Length: 8") for each in server.messages]
    Download.objects.update(policy=Download.Policy.DELETE)
    fetch(download)
    assert server.messages == []
    assert contents() == [letter(1), letter(2)]
    assert not StoredContent.objects.exclude(damaged="").exists()


def test_what_was_removed_here_does_not_come_back_for_a_mark(scripted: Any, pop3_account: Any) -> None:
    server = scripted([letter(1), letter(2)])
    download = fetch(pop3_account(server))
    delete_messages(download.account, [Message.objects.get(subject="Letter 1").pk])
    server.messages = [marked(each, b"Status: RO") for each in server.messages]
    fetch(download)
    assert contents() == [letter(2)]


def test_another_text_under_the_same_id_and_header_is_kept_whatever_its_marks(scripted: Any, pop3_account: Any) -> None:
    """F28"""
    server = scripted([letter(1, b"one\r\n")])
    download = fetch(pop3_account(server))
    server.messages = [marked(letter(1, b"two\r\n"), b"Status: RO")]
    fetch(download)
    assert contents() == sorted([letter(1, b"one\r\n"), *server.messages])


@pytest.mark.parametrize(
    ("header", "rest"),
    [
        (b"Status: RO\r\nTo: a\r\n\r\n", b"To: a"),
        (b"To: a\r\nX-UIDL: 1\r\n 2\r\nX-Status: \r\n\r\n", b"To: a"),
        (b"To: a\nstatus:O\n\n", b"To: a"),
        (b"X-Status-Of: 1\r\nSubject: x\r\n Status: O\r\n\r\n", b"X-Status-Of: 1\r\nSubject: x\r\n Status: O"),
    ],
)
def test_marks_are_lines_of_the_header_and_nothing_else(header: bytes, rest: bytes) -> None:
    assert unmarked(header) == rest

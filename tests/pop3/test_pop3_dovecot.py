"""A real POP3 server: everything is read as it was delivered, and only a confirmed QUIT deletes."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest

from tests.servers.mailbox import Mailbox
from webmail.errors import AskUser, Reason, RetryLater
from webmail.imap.types import Endpoint
from webmail.pop3.client import PopConnection
from webmail.pop3.types import Retrieved

pytestmark = pytest.mark.mailserver
Connect = Callable[[], PopConnection]


def letter(number: int, body: bytes = b"Hello.\r\n") -> bytes:
    return (
        b"From: ann@example.test\r\nSubject: Letter %d\r\nMessage-ID: <%d@example.test>\r\n\r\n" % (number, number)
        + body
    )


def test_capabilities_are_those_after_the_sign_in(connect: Connect) -> None:
    connection = connect()
    assert {"UIDL", "TOP", "PIPELINING", "RESP-CODES"} <= connection.capabilities
    assert connection.has_top is True
    assert connection.expire_days is None
    assert connection.login_delay is None
    connection.noop()


def test_an_empty_maildrop_is_no_error(connect: Connect) -> None:
    connection = connect()
    assert connection.stat() == (0, 0)
    assert connection.listing() == []
    assert connection.has_uidl is True
    connection.quit()


def test_ids_stay_the_same_in_the_next_session(connect: Connect, mailbox: Mailbox) -> None:
    for number in (1, 2, 3):
        mailbox.append(letter(number))
    first = connect()
    listed = first.listing()
    first.quit()
    assert [each.number for each in listed] == [1, 2, 3]
    assert [each.size for each in listed] == [len(letter(number)) for number in (1, 2, 3)]
    assert len({each.uidl for each in listed} - {""}) == 3
    assert not any(each.duplicate for each in listed)
    assert not any(" " in each.uidl for each in listed)
    assert connect().listing() == listed


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b".\r\n",
        b"..\r\n.\r\n...\r\n",
        b"text\r\n.hidden\r\n",
        b"x" * 3000 + b"\r\n",
        b"y" * 3_000_000 + b"\r\nafter\r\n",
        "Grüße, 字\r\n".encode(),
    ],
    ids=["empty", "dot", "dots", "leading dot", "3 kB line", "3 MB line", "8 bit"],
)
def test_what_was_appended_is_what_is_retrieved(connect: Connect, mailbox: Mailbox, body: bytes) -> None:
    raw = letter(1, body)
    mailbox.append(raw)
    sink = BytesIO()
    connection = connect()
    assert connection.retrieve(1, sink) == Retrieved(len(raw), hashlib.sha256(raw).hexdigest())
    assert sink.getvalue() == raw
    assert connection.stat()[0] == 1


def test_many_messages_come_in_order_with_several_in_flight(connect: Connect, mailbox: Mailbox) -> None:
    letters = [letter(number, b".%d\r\n" % number * number * 50) for number in range(1, 31)]
    for raw in letters:
        mailbox.append(raw)
    sinks: dict[int, BytesIO] = {}

    @contextmanager
    def sink_for(number: int) -> Iterator[BytesIO]:
        yield sinks.setdefault(number, BytesIO())

    connection = connect()
    found = list(connection.retrieve_many(range(1, 32), sink_for))
    assert [number for number, _ in found] == list(range(1, 32))
    assert [sinks[number].getvalue() for number in range(1, 31)] == letters
    assert isinstance(found[30][1], Exception)
    assert 31 not in sinks
    connection.quit()


def test_the_header_alone_can_be_had(connect: Connect, mailbox: Mailbox) -> None:
    mailbox.append(letter(1, b"one\r\ntwo\r\n"))
    connection = connect()
    assert connection.top(1) == letter(1, b"")
    assert connection.top(1, 1) == letter(1, b"one\r\n")


def test_deletion_happens_at_quit_only(connect: Connect, mailbox: Mailbox) -> None:
    kept, gone = mailbox.append(letter(1)), mailbox.append(letter(2))
    dropped = connect()
    assert dropped.delete([1, 2]) == {}
    dropped.close()
    assert mailbox.uids() == [kept, gone]

    undone = connect()
    undone.delete([1, 2])
    undone.reset()
    undone.quit()
    assert mailbox.uids() == [kept, gone]

    confirmed = connect()
    confirmed.delete([2])
    confirmed.quit()
    assert mailbox.uids() == [kept]


def test_a_message_marked_twice_is_reported_and_the_others_are_marked(connect: Connect, mailbox: Mailbox) -> None:
    for number in (1, 2):
        mailbox.append(letter(number))
    connection = connect()
    refused = connection.delete([1, 1, 2, 9])
    assert set(refused) == {1, 9}
    connection.quit()
    assert mailbox.uids() == []


def test_stls_encrypts_before_the_password_leaves(mailbox: Mailbox) -> None:
    endpoint = Endpoint(mailbox.host, mailbox.server.ports.pop3, "starttls", str(Path(mailbox.server.ca_file)))
    connection = PopConnection.open(endpoint, mailbox.address, mailbox.password)
    assert connection.stat() == (0, 0)
    connection.quit()


def test_a_certificate_nobody_vouches_for_is_refused(mailbox: Mailbox) -> None:
    for port, security in ((mailbox.server.ports.pop3s, "tls"), (mailbox.server.ports.pop3, "starttls")):
        with pytest.raises(AskUser) as caught:
            PopConnection.open(Endpoint(mailbox.host, port, security), mailbox.address, mailbox.password)
        assert caught.value.reason is Reason.CERTIFICATE


def test_a_wrong_password_is_told_as_such(mailbox: Mailbox) -> None:
    endpoint = Endpoint(mailbox.host, mailbox.server.ports.pop3s, "tls", str(Path(mailbox.server.ca_file)))
    with pytest.raises(AskUser) as caught:
        PopConnection.open(endpoint, mailbox.address, "not-the-password")
    assert caught.value.reason is Reason.PASSWORD


def test_tls_on_a_plain_port_is_told_as_such(mailbox: Mailbox) -> None:
    endpoint = Endpoint(mailbox.host, mailbox.server.ports.pop3, "tls", str(Path(mailbox.server.ca_file)))
    with pytest.raises(AskUser) as caught:
        PopConnection.open(endpoint, mailbox.address, mailbox.password)
    assert caught.value.reason is Reason.NO_TLS
    assert "110" in caught.value.sentence


def test_an_imap_server_is_not_taken_for_a_pop3_server(mailbox: Mailbox) -> None:
    with pytest.raises(AskUser) as caught:
        PopConnection.open(
            Endpoint(mailbox.host, mailbox.server.ports.imap, "plain"), mailbox.address, mailbox.password
        )
    assert caught.value.reason is Reason.PROTOCOL
    assert "POP3" in caught.value.sentence


def test_a_second_command_after_the_end_says_that_the_connection_is_closed(connect: Connect) -> None:
    connection = connect()
    connection.quit()
    assert connection.broken
    for use in (connection.stat, connection.listing, connection.quit, connection.noop):
        with pytest.raises(RetryLater) as caught:
            use()
        assert caught.value.reason is Reason.LOST
    connection.close()

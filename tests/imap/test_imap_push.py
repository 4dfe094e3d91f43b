"""News that arrive without asking, in the open folder and in others."""

import select
import time
from collections.abc import Callable, Iterator

import pytest

from tests.imap.conftest import Connect
from tests.servers.fault_proxy import FaultProxy
from tests.servers.mailbox import Mailbox
from tests.servers.scripted_imap import ScriptedImap
from webmail.errors import GiveUp, Reason, RetryLater
from webmail.imap.connection import MailConnection
from webmail.imap.types import Endpoint, Hint

pytestmark = pytest.mark.mailserver
RAW = b"Subject: news\r\n\r\nhello\r\n"


@pytest.fixture(params=["plain", "tls"])
def watching(request: pytest.FixtureRequest, mailbox: Mailbox) -> Iterator[MailConnection]:
    """INBOX opened, over plain TCP and over TLS."""
    ports = mailbox.server.ports
    port = ports.imap if request.param == "plain" else ports.imaps
    endpoint = Endpoint("localhost", port, request.param, str(mailbox.server.ca_file))
    connection = MailConnection.open(endpoint, mailbox.address, mailbox.password)
    connection.select("INBOX", uidvalidity=None)
    yield connection
    connection.close()


def gathered(connection: MailConnection, wanted: Hint, seconds: float = 3.0) -> list[Hint]:
    found: list[Hint] = []
    deadline = time.monotonic() + seconds
    while wanted not in found and (left := deadline - time.monotonic()) > 0:
        found += connection.read_idle(left)
    return found


def test_new_mail_flags_and_deletions_are_told(watching: MailConnection, mailbox: Mailbox) -> None:
    watching.begin_idle()
    assert watching.read_idle() == []
    uid = mailbox.append(RAW)
    assert Hint("exists") in gathered(watching, Hint("exists"))
    other = mailbox.imap()
    other.select_folder("INBOX")
    other.add_flags([uid], [b"\\Seen"])
    assert Hint("flags") in gathered(watching, Hint("flags"))
    other.delete_messages([uid])
    other.expunge()
    other.logout()
    assert Hint("expunge") in gathered(watching, Hint("expunge"))
    watching.end_idle()
    assert watching.uids() == set()


def test_the_descriptor_becomes_readable_for_a_selector(watching: MailConnection, mailbox: Mailbox) -> None:
    watching.begin_idle()
    mailbox.append(RAW)
    readable, _, _ = select.select([watching.fileno()], [], [], 3)
    assert readable
    assert Hint("exists") in watching.read_idle()
    watching.end_idle()


def test_news_between_other_answers_are_told_by_the_next_idle(watching: MailConnection, mailbox: Mailbox) -> None:
    mailbox.append(RAW)
    watching.noop()
    watching.begin_idle()
    assert Hint("exists") in watching.read_idle()
    watching.end_idle()


def test_other_folders_are_heard_of_within_a_second(watching: MailConnection, mailbox: Mailbox) -> None:
    assert watching.start_notify()
    watching.begin_idle()
    mailbox.append(RAW, folder="Archive")
    started = time.monotonic()
    assert Hint("folder", "Archive") in gathered(watching, Hint("folder", "Archive"))
    assert time.monotonic() - started < 1.0
    client = mailbox.imap()
    client.create_folder("Neu & schön")
    client.logout()
    assert Hint("folder", "Neu & schön") in gathered(watching, Hint("folder", "Neu & schön"))
    gathered(watching, Hint("exists"), 0.7)
    mailbox.append(RAW, folder="Neu & schön")
    assert Hint("folder", "Neu & schön") in gathered(watching, Hint("folder", "Neu & schön"))
    mailbox.append(RAW)
    assert Hint("exists") in gathered(watching, Hint("exists"))
    watching.end_idle()


def test_our_own_questions_about_folders_are_no_news(watching: MailConnection) -> None:
    watching.start_notify()
    watching.list_folders()
    watching.statuses(["INBOX", "Sent"])
    watching.begin_idle()
    assert watching.read_idle(0.2) == []
    watching.end_idle()


def test_a_server_without_idle_or_notify_says_so(make_proxy: Callable[..., FaultProxy], connect: Connect) -> None:
    connection = connect(through=make_proxy(hide=["IDLE", "NOTIFY"]))
    connection.select("INBOX", uidvalidity=None)
    assert not connection.start_notify()
    with pytest.raises(GiveUp) as caught:
        connection.begin_idle()
    assert caught.value.reason == Reason.UNSUPPORTED
    assert connection.alive


def test_a_command_while_idling_is_a_mistake_and_not_sent(watching: MailConnection) -> None:
    watching.begin_idle()
    with pytest.raises(RuntimeError):
        watching.noop()
    watching.end_idle()
    watching.noop()


def test_a_broken_connection_is_noticed_while_idling(proxy: FaultProxy, connect: Connect) -> None:
    connection = connect(through=proxy)
    connection.select("INBOX", uidvalidity=None)
    connection.begin_idle()
    proxy.cut_all()
    with pytest.raises(RetryLater) as caught:
        connection.read_idle(3)
    assert caught.value.reason == Reason.LOST
    assert connection.broken


def idle_answer(lines: bytes) -> MailConnection:
    capability = b"* CAPABILITY IMAP4rev1 IDLE\r\n{tag} OK done\r\n"
    with ScriptedImap({"CAPABILITY": capability, "IDLE": lines}) as server:
        connection = MailConnection.open(Endpoint(server.host, server.port, "plain"), "ann", "word")
        connection.select("INBOX", uidvalidity=None)
        connection.begin_idle()
        return connection


def test_signs_of_life_are_no_news() -> None:
    connection = idle_answer(b"+ idling\r\n* OK Still here\r\n* OK [ALERT] hello\r\n")
    assert connection.read_idle(0.3) == []


def test_half_a_line_waits_for_its_other_half() -> None:
    connection = idle_answer(b"+ idling\r\n* 5 EXISTS\r\n* 7 EXI")
    assert connection.read_idle(2) == [Hint("exists")]
    assert connection.read_idle(0.2) == []


def test_a_goodbye_while_idling_ends_the_connection() -> None:
    connection = idle_answer(b"+ idling\r\n* BYE AccessTokenExpired\r\n")
    with pytest.raises(RetryLater) as caught:
        connection.read_idle(2)
    assert caught.value.reason == Reason.LOST
    assert connection.broken


def test_a_refused_idle_is_not_taken_for_one() -> None:
    with pytest.raises(GiveUp):
        idle_answer(b"{tag} BAD no\r\n")

"""COMPRESS=DEFLATE (RFC 4978): the same answers in fewer octets, and nothing that a hostile stream could do."""

import zlib
from collections.abc import Iterator

import pytest

from tests.servers.mailbox import server_directory
from tests.servers.scripted_imap import ScriptedImap
from webmail.demo.dovecot import Dovecot
from webmail.errors import RetryLater
from webmail.imap.connection import MailConnection
from webmail.imap.types import Endpoint, Hint

pytestmark = pytest.mark.mailserver
CAPABILITY = b"* CAPABILITY IMAP4rev1 UIDPLUS COMPRESS=DEFLATE\r\n{tag} OK done\r\n"


def letter(number: int) -> bytes:
    return b"From: Ann <ann@example.test>\r\nSubject: Letter %d\r\nMessage-ID: <%d@example.test>\r\n\r\nHello\r\n" % (
        number,
        number,
    )


@pytest.fixture(scope="module")
def compressing() -> Iterator[Dovecot]:
    settings = "protocol imap {\n  mail_plugins = $mail_plugins imap_zlib\n}\n"
    server = Dovecot(server_directory(), settings=settings)
    server.start()
    server.add_user("ann@example.test", "secret-word")
    yield server
    server.stop()


@pytest.mark.parametrize("security", ["plain", "tls"])
def test_everything_goes_on_in_fewer_octets(compressing: Dovecot, security: str) -> None:
    ports = compressing.ports
    port = ports.imap if security == "plain" else ports.imaps
    endpoint = Endpoint("localhost", port, security, str(compressing.ca_file))
    connection = MailConnection.open(endpoint, "ann@example.test", "secret-word")
    assert connection.has("COMPRESS=DEFLATE")
    assert connection.compress()
    folder = f"Letters {security}"
    connection.create_folder(folder)
    for number in range(60):
        connection.append(folder, letter(number))
    connection.select(folder, uidvalidity=None)
    rows = connection.take_envelopes(connection.ask_envelopes("1:60"))
    assert [row.subject for row in rows] == [f"Letter {number}" for number in range(60)]
    assert connection.fetch_section(60, "") == letter(59)
    connection.begin_idle()
    compressing.doveadm("flags", "add", "-u", "ann@example.test", "\\Flagged", "mailbox", folder, "uid", "7")
    found: list[Hint] = []
    while Hint("flags") not in found:
        found += connection.read_idle(20)
    connection.end_idle()
    assert connection.fetch_flags([7])[0].flags == {"\\Flagged"}
    connection.close()


def test_a_server_without_it_or_that_refuses_goes_on_plainly() -> None:
    with ScriptedImap() as server:
        connection = MailConnection.open(Endpoint(server.host, server.port, "plain"), "ann", "word")
        assert not connection.compress()
        connection.close()
    with ScriptedImap({"CAPABILITY": CAPABILITY, "COMPRESS": b"{tag} NO [COMPRESSIONACTIVE] no\r\n"}) as server:
        connection = MailConnection.open(Endpoint(server.host, server.port, "plain"), "ann", "word")
        assert not connection.compress()
        connection.noop()
        connection.close()


def bomb() -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflate.compress(b"* OK " + b"x" * 40_000_000) + deflate.flush(zlib.Z_SYNC_FLUSH)


def ended() -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflate.compress(b"* OK still here\r\n") + deflate.flush(zlib.Z_FINISH)


@pytest.mark.parametrize("stream", [b"no deflate at all \xff\xff", bomb(), ended()], ids=["garbage", "bomb", "ended"])
def test_a_stream_that_makes_no_sense_ends_the_connection(stream: bytes) -> None:
    """F16: what comes after the OK, or beside it, is never read as if it were an answer."""
    with ScriptedImap({"CAPABILITY": CAPABILITY, "COMPRESS": [b"{tag} OK go\r\n", b""]}) as server:
        connection = MailConnection.open(Endpoint(server.host, server.port, "plain"), "ann", "word", timeout=10)
        assert connection.compress()
        # The scripted server reads no deflate: whatever it gets is answered with the stream.
        server.answers = dict.fromkeys(["", *map(chr, range(256))], stream)
        server._answer = lambda *names: stream  # type: ignore[method-assign]
        connection._client.wire._socket.sendall(b"\r\n")
        with pytest.raises(RetryLater):
            connection.noop()
        assert connection.broken


def test_octets_slipped_in_before_the_compression_begins_end_the_connection() -> None:
    answers: dict[str, bytes | list[bytes] | None] = {
        "CAPABILITY": CAPABILITY,
        "COMPRESS": b"{tag} OK go\r\n* 5 EXISTS\r\n",
    }
    with ScriptedImap(answers) as server:
        connection = MailConnection.open(Endpoint(server.host, server.port, "plain"), "ann", "word")
        with pytest.raises(RetryLater):
            connection.compress()
        assert connection.broken

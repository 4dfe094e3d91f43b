"""Every way a sign-in can fail has its own reason and sentence (F22, F24); no credential leaves unencrypted where encryption
was asked for."""

import datetime
import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.servers.mailbox import Mailbox
from tests.servers.scripted_imap import ScriptedImap
from webmail.errors import AskUser, GiveUp, MailError, Reason, RetryLater
from webmail.imap.connection import MailConnection
from webmail.imap.types import Endpoint

WORD = "secret-word"


def failure(endpoint: Endpoint, username: str = "ann", password: str = WORD, **options: float) -> MailError:
    with pytest.raises(MailError) as caught:
        MailConnection.open(endpoint, username, password, **{"timeout": 5.0, "connect_timeout": 2.0, **options})
    assert password not in caught.value.sentence + caught.value.detail
    return caught.value


def plain(server: ScriptedImap) -> Endpoint:
    return Endpoint(server.host, server.port, "plain")


class Certificate:
    """A certificate for ``name`` signed by itself, valid for the days given."""

    def __init__(self, directory: Path, name: str = "localhost", days: tuple[int, int] = (-1, 10)) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1]))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.file = directory / f"{name}.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        secret = directory / f"{name}.key"
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.file, secret)


@pytest.mark.mailserver
@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_signs_in_over_a_verified_connection(mailbox: Mailbox, security: str) -> None:
    ports = mailbox.server.ports
    port = ports.imaps if security == "tls" else ports.imap
    endpoint = Endpoint("localhost", port, security, str(mailbox.server.ca_file))
    connection = MailConnection.open(endpoint, mailbox.address, mailbox.password)
    assert connection.alive
    assert connection.has("idle")
    connection.close()
    assert not connection.alive


@pytest.mark.mailserver
def test_a_password_of_any_characters_reaches_the_server_unchanged(mailbox: Mailbox) -> None:
    mailbox.server.add_user("umlaut@example.test", 'pä"ss\\wörd {3}')
    endpoint = Endpoint("localhost", mailbox.server.ports.imap, "plain")
    MailConnection.open(endpoint, "umlaut@example.test", 'pä"ss\\wörd {3}').close()


@pytest.mark.mailserver
def test_a_wrong_password_is_said_to_be_one(mailbox: Mailbox) -> None:
    error = failure(Endpoint("localhost", mailbox.server.ports.imap, "plain"), mailbox.address, "wrong")
    assert isinstance(error, AskUser)
    assert error.reason == Reason.PASSWORD


@pytest.mark.mailserver
def test_the_limit_of_connections_is_not_taken_for_a_wrong_password(tmp_path: Path) -> None:
    with ScriptedImap({"LOGIN": b"{tag} NO [LIMIT] Maximum number of connections from user+IP exceeded\r\n"}) as server:
        error = failure(plain(server))
    assert isinstance(error, RetryLater)
    assert error.reason == Reason.LIMIT


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (b"NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)", AskUser, Reason.PASSWORD),
        (b"NO Login failed.", AskUser, Reason.PASSWORD),
        (b"NO", AskUser, Reason.PASSWORD),
        (b"NO [EXPIRED] password expired", AskUser, Reason.PASSWORD),
        (b"NO [UNAVAILABLE] Temporary authentication failure", RetryLater, Reason.BUSY),
        (b"NO Temporary authentication failure", RetryLater, Reason.BUSY),
        (b"NO [CONTACTADMIN] account disabled", AskUser, Reason.NEEDS_PROVIDER),
        (b"NO [ALERT] Application-specific password required: https://x", AskUser, Reason.NEEDS_PROVIDER),
        (b"NO [WEBALERT https://x] Web login required.", AskUser, Reason.NEEDS_PROVIDER),
        (b"NO [ALERT] Your account is not enabled for IMAP use.", AskUser, Reason.NEEDS_PROVIDER),
        (b"NO [ALERT] Too many simultaneous connections. (Failure)", RetryLater, Reason.LIMIT),
        (b"BAD User is authenticated but not connected.", RetryLater, Reason.LIMIT),
        (b"BAD Request is throttled. Suggested Backoff Time: 29926 milliseconds", RetryLater, Reason.LIMIT),
        (b"NO [PRIVACYREQUIRED] no", AskUser, Reason.NO_TLS),
        (b"BAD Unknown command", AskUser, Reason.PROTOCOL),
    ],
)
def test_each_refusal_of_a_sign_in_has_its_meaning(answer: bytes, kind: type[MailError], reason: Reason) -> None:
    with ScriptedImap({"LOGIN": b"{tag} " + answer + b"\r\n"}) as server:
        error = failure(plain(server))
    assert isinstance(error, kind)
    assert error.reason == reason


def test_the_time_a_throttle_names_is_kept() -> None:
    answer = b"{tag} BAD Request is throttled. Suggested Backoff Time: 29926 milliseconds\r\n"
    with ScriptedImap({"LOGIN": answer}) as server:
        error = failure(plain(server))
    assert isinstance(error, RetryLater)
    assert error.retry_after == pytest.approx(29.926)


@pytest.mark.parametrize(
    ("greeting", "kind", "reason"),
    [
        (b"* BYE Too many connections from your IP\r\n", RetryLater, Reason.LIMIT),
        (b"* BYE [UNAVAILABLE] down for maintenance\r\n", RetryLater, Reason.BUSY),
        (b"* BYE\r\n", RetryLater, Reason.LOST),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", AskUser, Reason.PROTOCOL),
        (b"220 smtp.example.test ESMTP\r\n", AskUser, Reason.PROTOCOL),
        (b"* PREAUTH welcome\r\n", AskUser, Reason.PROTOCOL),
        (b"", RetryLater, Reason.TIMEOUT),
    ],
)
def test_each_greeting_that_is_no_welcome_has_its_meaning(
    greeting: bytes, kind: type[MailError], reason: Reason
) -> None:
    with ScriptedImap(greeting=greeting) as server:
        error = failure(plain(server), connect_timeout=0.5)
        assert server.received == []
    assert isinstance(error, kind)
    assert error.reason == reason


@pytest.mark.parametrize("days", [(-20, -10), (10, 20)])
def test_a_certificate_outside_its_time_is_named_as_such(tmp_path: Path, days: tuple[int, int]) -> None:
    certificate = Certificate(tmp_path, days=days)
    with ScriptedImap(context=certificate.context) as server:
        error = failure(Endpoint("localhost", server.port, "tls", str(certificate.file)))
        assert server.received == []
    assert error.reason == Reason.CERTIFICATE
    assert ("has expired" if days[1] < 0 else "not valid yet") in error.sentence


def test_a_certificate_nobody_vouches_for_is_named_as_such(tmp_path: Path) -> None:
    certificate = Certificate(tmp_path)
    with ScriptedImap(context=certificate.context) as server:
        error = failure(Endpoint("localhost", server.port, "tls"))
        assert server.received == []
    assert error.reason == Reason.CERTIFICATE
    assert "self-signed" in error.sentence


def test_a_certificate_of_another_server_is_named_as_such(tmp_path: Path) -> None:
    certificate = Certificate(tmp_path, name="other.example.test")
    with ScriptedImap(context=certificate.context) as server:
        error = failure(Endpoint("localhost", server.port, "tls", str(certificate.file)))
    assert error.reason == Reason.CERTIFICATE
    assert "another server" in error.sentence


def test_tls_against_a_server_without_it_says_so() -> None:
    with ScriptedImap() as server:
        error = failure(Endpoint("localhost", server.port, "tls"))
    assert error.reason == Reason.NO_TLS


@pytest.mark.parametrize("refusal", [{}, {"STARTTLS": b"{tag} NO not now\r\n"}])
def test_without_starttls_nothing_of_the_credentials_is_sent(refusal: dict[str, bytes]) -> None:
    offered = b" STARTTLS" if refusal else b""
    capability = b"* CAPABILITY IMAP4rev1" + offered + b"\r\n{tag} OK done\r\n"
    with ScriptedImap({"CAPABILITY": capability, **refusal}) as server:
        error = failure(Endpoint("localhost", server.port, "starttls"))
        assert not any(b"secret-word" in each or b"LOGIN" in each for each in server.received)
    assert error.reason == Reason.NO_TLS


def test_octets_injected_before_the_handshake_end_the_connection(tmp_path: Path) -> None:
    certificate = Certificate(tmp_path)
    answers = {
        "CAPABILITY": b"* CAPABILITY IMAP4rev1 STARTTLS\r\n{tag} OK done\r\n",
        "STARTTLS": b"{tag} OK begin\r\n* OK injected\r\n",
    }
    with ScriptedImap(answers, starttls=certificate.context) as server:
        error = failure(Endpoint("localhost", server.port, "starttls", str(certificate.file)))
        assert not any(b"LOGIN" in each for each in server.received)
    assert error.reason == Reason.PROTOCOL


def test_capabilities_named_before_the_encryption_are_forgotten(tmp_path: Path) -> None:
    certificate = Certificate(tmp_path)
    lie = b"* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED MOVE\r\n{tag} OK done\r\n"
    truth = b"* CAPABILITY IMAP4rev1 IDLE\r\n{tag} OK done\r\n"
    with ScriptedImap({"CAPABILITY": [lie, truth]}, starttls=certificate.context) as server:
        endpoint = Endpoint("localhost", server.port, "starttls", str(certificate.file))
        connection = MailConnection.open(endpoint, "ann", "secret-word")
        assert connection.capabilities == {"IMAP4REV1", "IDLE"}
        connection.close()


def test_a_server_that_forbids_passwords_is_not_sent_one() -> None:
    capability = b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n{tag} OK done\r\n"
    with ScriptedImap({"CAPABILITY": capability}) as server:
        error = failure(plain(server))
        assert not any(b"secret-word" in each for each in server.received)
    assert error.reason == Reason.NO_TLS


def test_an_unknown_host_is_said_to_be_one() -> None:
    error = failure(Endpoint("no-such-host.invalid", 993, "tls"))
    assert error.reason == Reason.HOST


@pytest.mark.parametrize("host", ["", ".", "a\0b", "x" * 300, "a..b", ".example.test", "ü" * 70])
def test_what_is_no_host_name_is_said_to_be_none(host: str) -> None:
    error = failure(Endpoint(host, 1, "tls"))
    assert error.reason in {Reason.HOST, Reason.PORT}


def test_what_is_no_port_is_said_to_be_none() -> None:
    assert failure(Endpoint("127.0.0.1", 70_000, "tls")).reason == Reason.PORT


def test_an_unreadable_file_of_authorities_is_the_administrators_matter(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    for name in ("empty.pem", "missing.pem"):
        error = failure(Endpoint("127.0.0.1", 1, "tls", str(tmp_path / name)))
        assert error.reason == Reason.CERTIFICATE
        assert "administrator" in error.sentence


def test_a_closed_port_is_said_to_be_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert failure(Endpoint("127.0.0.1", port, "tls")).reason == Reason.PORT


@pytest.mark.parametrize("text", ["a\r\nA1 LOGOUT", "a\nb", "a\0b"])
@pytest.mark.parametrize("place", ["username", "password"])
def test_line_breaks_and_nul_in_credentials_are_refused_before_anything_is_sent(text: str, place: str) -> None:
    username, password = (text, "word") if place == "username" else ("ann", text)
    with ScriptedImap() as server, pytest.raises((AskUser, GiveUp)):
        MailConnection.open(plain(server), username, password)
    assert not any(b"LOGIN" in each for each in server.received)


def test_a_server_that_answers_without_text_is_understood() -> None:
    answers = {"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n{tag} OK\r\n", "LOGIN": b"{tag} OK\r\n"}
    with ScriptedImap(answers) as server:
        connection = MailConnection.open(plain(server), "ann", "word")
        assert connection.alive
        connection.close()


def test_the_program_introduces_itself_where_the_server_wants_to_know() -> None:
    answers = {"CAPABILITY": b"* CAPABILITY IMAP4rev1 ID\r\n{tag} OK done\r\n"}
    with ScriptedImap(answers) as server:
        MailConnection.open(plain(server), "ann", "word").close()
        assert any(b' ID ("name"' in each for each in server.received)

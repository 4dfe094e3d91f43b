"""Every way a sign-in can fail has its own reason; a lock or a limit is never taken for a wrong password."""

import base64
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.accounts.faulty_tls import certificate
from tests.servers.scripted_pop3 import Cut, ScriptedPop3
from webmail.errors import AskUser, MailError, Reason, RetryLater
from webmail.imap.types import Endpoint
from webmail.pop3.client import PopConnection
from webmail.pop3.problems import LOGIN_DELAY_SECONDS

WORD = "secret-word"
Scripted = Callable[..., ScriptedPop3]


def failure(server: ScriptedPop3, security: str = "plain", **options: Any) -> MailError:
    name, ca_file = options.pop("host", server.host), options.pop("ca_file", "")
    with pytest.raises(MailError) as caught:
        PopConnection.open(
            Endpoint(name, server.port, security, ca_file),
            "ann",
            WORD,
            **{"timeout": 2.0, "connect_timeout": 1.0, **options},
        )
    assert WORD not in caught.value.sentence + caught.value.detail
    return caught.value


def server_context(pem: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (b"-ERR [AUTH] Authentication failed.", AskUser, Reason.PASSWORD),
        (b"-ERR Logon failure: unknown user name or bad password.", AskUser, Reason.PASSWORD),
        (b"-ERR [AUTH] Not accepted. Try again later", AskUser, Reason.PASSWORD),
        (b"-ERR Invalid user name or password, please try again.", AskUser, Reason.PASSWORD),
        (b"-ERR", AskUser, Reason.PASSWORD),
        (b"-ERR [AUTH] Application-specific password required", AskUser, Reason.NEEDS_PROVIDER),
        (b"-ERR Logon failure: basic authentication is disabled", AskUser, Reason.NEEDS_PROVIDER),
        (b"-ERR ERR.LOGIN.REQCODE using authorization code to login", AskUser, Reason.NEEDS_PROVIDER),
        (b"-ERR [SYS/PERM] Your account is not enabled for POP access.", AskUser, Reason.NEEDS_PROVIDER),
        (b"-ERR Your account has been locked", AskUser, Reason.NEEDS_PROVIDER),
        (b"-ERR login fail. service is not open, password is incorrect", AskUser, Reason.NEEDS_PROVIDER),
        (b"-ERR [SYS/TEMP] Temporary authentication failure.", RetryLater, Reason.BUSY),
        (b"-ERR [IN-USE] Do you have another POP session running?", RetryLater, Reason.BUSY),
        (b"-ERR maildrop already locked", RetryLater, Reason.BUSY),
        (b"-ERR Your mailbox is already locked", RetryLater, Reason.BUSY),
        (b"-ERR Mailbox locked", RetryLater, Reason.BUSY),
        (b"-ERR Login failed, try again later", RetryLater, Reason.BUSY),
        (b"-ERR Temporary authentication failure", RetryLater, Reason.BUSY),
        (b"-ERR unable to lock maildrop", RetryLater, Reason.BUSY),
        (b"-ERR /var/mail/.ann.pop lock busy!  Is another session active? (11)", RetryLater, Reason.BUSY),
        (b"-ERR account currently locked by another session", RetryLater, Reason.BUSY),
        (b"-ERR Can't get lock.  Mailbox in use", RetryLater, Reason.BUSY),
        (b"-ERR Server Unavailable. 21", RetryLater, Reason.BUSY),
        (b"-ERR Maximum number of connections from user exceeded", RetryLater, Reason.LIMIT),
        (b"-ERR Exceeded the login limit for a 15 minute period. Reduce the frequency.", RetryLater, Reason.LIMIT),
        (b"-ERR Connection is closed. 14", RetryLater, Reason.LIMIT),
        (b"-ERR [AUTH] Too many login attempts", RetryLater, Reason.LIMIT),
        (b"-ERR unknown command", AskUser, Reason.PROTOCOL),
    ],
    ids=lambda value: value.decode() if isinstance(value, bytes) else "",
)
def test_each_refusal_has_its_reason(scripted: Scripted, answer: bytes, kind: type[MailError], reason: Reason) -> None:
    error = failure(scripted(answers={"PASS": answer + b"\r\n"}))
    assert isinstance(error, kind)
    assert error.reason is reason


@pytest.mark.parametrize(
    ("capabilities", "seconds"), [(("USER", "LOGIN-DELAY 300 USER"), 300.0), (("USER",), LOGIN_DELAY_SECONDS)]
)
def test_a_wanted_delay_is_handed_on(scripted: Scripted, capabilities: tuple[str, ...], seconds: float) -> None:
    server = scripted(
        capabilities=capabilities, answers={"PASS": b"-ERR [LOGIN-DELAY] minimum time between mail checks\r\n"}
    )
    error = failure(server)
    assert isinstance(error, RetryLater)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("greeting", "kind", "reason"),
    [
        (b"* OK IMAP4rev1 ready\r\n", AskUser, Reason.PROTOCOL),
        (b"220 mail.example.test ESMTP\r\n", AskUser, Reason.PROTOCOL),
        (b"\x00\xff\xfe\r\n", AskUser, Reason.PROTOCOL),
        (b"+OK" + b"x" * 100_000, AskUser, Reason.PROTOCOL),
        (b"-ERR [SYS/TEMP] come back\r\n", RetryLater, Reason.BUSY),
        (b"-ERR too many connections from your address\r\n", RetryLater, Reason.LIMIT),
        (b"-ERR go away\r\n", RetryLater, Reason.REFUSED),
        (b"", RetryLater, Reason.TIMEOUT),
    ],
    ids=["imap", "smtp", "binary", "endless", "temporary", "limit", "refused", "silence"],
)
def test_each_greeting_has_its_reason(
    scripted: Scripted, greeting: bytes, kind: type[MailError], reason: Reason
) -> None:
    server = scripted(greeting=greeting)
    error = failure(server)
    assert isinstance(error, kind)
    assert error.reason is reason
    assert not server.commands("USER")


def test_nothing_listening_and_unknown_names_are_told_apart(scripted: Scripted) -> None:
    server = ScriptedPop3()
    with server:
        pass
    assert failure(server).reason is Reason.PORT
    assert failure(server, host="nobody.invalid").reason is Reason.HOST
    assert failure(server, host="a b\r\n").reason is Reason.HOST


@pytest.mark.parametrize("answers", [{}, {"STLS": b"-ERR not now\r\n"}, {"STLS": b"-ERR unknown command\r\n"}])
@pytest.mark.parametrize("capabilities", [("USER", "UIDL"), ("USER", "STLS"), None])
def test_without_the_encryption_asked_for_no_credential_is_sent(
    scripted: Scripted, answers: dict[str, bytes], capabilities: tuple[str, ...] | None
) -> None:
    server = scripted(answers=answers, capabilities=capabilities)
    error = failure(server, "starttls")
    assert isinstance(error, AskUser)
    assert error.reason is Reason.NO_TLS
    assert "STARTTLS" in error.sentence
    assert server.received[-1] in {b"CAPA\r\n", b"STLS\r\n"}
    assert not any(line.upper().startswith((b"USER", b"PASS", b"AUTH")) for line in server.received)


def test_what_was_said_before_the_encryption_counts_for_nothing(scripted: Scripted, tmp_path: Path) -> None:
    pem = certificate(tmp_path, "localhost")
    server = scripted(capabilities=("STLS", "USER"), stls=server_context(pem))
    server.answers["CAPA"] = [b"+OK\r\nSTLS\r\nSASL PLAIN\r\nEXPIRE 1\r\n.\r\n", b"+OK\r\nUSER\r\nTOP\r\n.\r\n"]
    endpoint = Endpoint("localhost", server.port, "starttls", str(pem))
    connection = PopConnection.open(endpoint, "ann", WORD, timeout=5.0)
    assert connection.capabilities == {"USER", "TOP"}
    assert connection.expire_days is None
    assert server.commands("USER")
    connection.close()


def test_octets_pushed_in_before_the_handshake_end_the_connection(scripted: Scripted, tmp_path: Path) -> None:
    pem = certificate(tmp_path, "localhost")
    server = scripted(capabilities=("STLS",), answers={"STLS": b"+OK\r\n+OK injected\r\n"}, stls=server_context(pem))
    error = failure(server, "starttls", host="localhost", ca_file=str(pem))
    assert isinstance(error, AskUser)
    assert error.reason is Reason.PROTOCOL
    assert not server.commands("USER")


@pytest.mark.parametrize("security", ["tls", "starttls"])
@pytest.mark.parametrize(
    "case",
    [
        ("localhost", "untrusted", "self-signed"),
        ("localhost", "expired", "expired"),
        ("other.test", "", "another server"),
    ],
)
def test_a_wrong_certificate_is_named_and_no_credential_is_sent(
    scripted: Scripted, tmp_path: Path, security: str, case: tuple[str, str, str]
) -> None:
    name, flaw, words = case
    pem = certificate(tmp_path, name, expired=flaw == "expired")
    context = server_context(pem)
    server = scripted(
        capabilities=("STLS", "USER"),
        context=context if security == "tls" else None,
        stls=context if security == "starttls" else None,
    )
    error = failure(server, security, host="localhost", ca_file="" if flaw == "untrusted" else str(pem))
    assert error.reason is Reason.CERTIFICATE
    assert words in error.sentence
    assert not server.commands("USER")


@pytest.mark.parametrize("text", ["a\r\nDELE 1", "a\nb", "a\0b", ""])
@pytest.mark.parametrize("place", ["username", "password"])
def test_hostile_credentials_are_refused_before_anything_is_sent(scripted: Scripted, text: str, place: str) -> None:
    server = scripted()
    given = {"username": "ann", "password": "word", place: text}
    with pytest.raises(AskUser) as caught:
        PopConnection.open(Endpoint(server.host, server.port, "plain"), given["username"], given["password"])
    assert caught.value.reason is Reason.PASSWORD
    assert server.received == []


def test_the_mechanism_is_used_where_user_is_missing(scripted: Scripted, opened: Callable[..., PopConnection]) -> None:
    token = base64.b64encode(b"\0ann\0word").decode()
    answers = {"AUTH": b"+ \r\n", token.upper(): b"+OK\r\n"}
    server = scripted(capabilities=("SASL PLAIN", "UIDL"), answers=answers)
    opened(server)
    assert server.received[1:3] == [b"AUTH PLAIN\r\n", token.encode() + b"\r\n"]
    assert not server.commands("USER")


def test_a_mechanism_refused_at_once_gets_no_password(scripted: Scripted) -> None:
    server = scripted(capabilities=("SASL PLAIN",), answers={"AUTH": b"-ERR [AUTH] no\r\n"})
    assert failure(server).reason is Reason.PASSWORD
    assert server.received[-1] == b"AUTH PLAIN\r\n"


def test_spaces_and_foreign_letters_go_by_the_mechanism(scripted: Scripted) -> None:
    server = scripted(capabilities=("USER", "SASL LOGIN PLAIN"), answers={"AUTH": b"-ERR [AUTH] no\r\n"})
    with pytest.raises(AskUser):
        PopConnection.open(Endpoint(server.host, server.port, "plain"), "jürgen", "two words")
    assert not server.commands("USER")


def test_a_server_that_wants_encryption_first_gets_no_name_without_it(scripted: Scripted) -> None:
    server = scripted(capabilities=("UIDL", "STLS"))
    assert failure(server).reason is Reason.NO_TLS
    assert not server.commands("USER")


def test_a_server_without_password_sign_in_is_left_alone(scripted: Scripted, tmp_path: Path) -> None:
    pem = certificate(tmp_path, "localhost")
    server = scripted(capabilities=("SASL XOAUTH2",), context=server_context(pem))
    error = failure(server, "tls", host="localhost", ca_file=str(pem))
    assert error.reason is Reason.NEEDS_PROVIDER
    assert not server.commands("AUTH")


@pytest.mark.parametrize("answer", [None, Cut(b"+O")])
@pytest.mark.parametrize("command", ["CAPA", "USER", "PASS"])
def test_hanging_up_is_no_verdict_on_the_password(scripted: Scripted, command: str, answer: Cut | None) -> None:
    error = failure(scripted(answers={command: answer}))
    assert isinstance(error, RetryLater)
    assert error.reason is Reason.LOST


def test_a_password_the_server_repeats_is_not_repeated(scripted: Scripted) -> None:
    error = failure(scripted(answers={"PASS": b"-ERR bad command: PASS " + WORD.encode() + b"\r\n"}))
    assert "PASS …" in error.detail


def test_a_server_without_capa_is_usable(scripted: Scripted, opened: Callable[..., PopConnection]) -> None:
    connection = opened(scripted([b"a\r\n"], capabilities=None))
    assert connection.capabilities == frozenset()
    assert connection.has_top is None
    assert [each.uidl for each in connection.listing()] == ["id-1"]


@pytest.mark.parametrize(
    ("line", "days"), [("EXPIRE 30 USER", 30), ("EXPIRE 0", 0), ("EXPIRE NEVER", None), ("EXPIRE " + "9" * 50, None)]
)
def test_the_days_until_the_server_deletes_are_known(
    scripted: Scripted, opened: Callable[..., PopConnection], line: str, days: int | None
) -> None:
    assert opened(scripted(capabilities=("USER", line))).expire_days == days

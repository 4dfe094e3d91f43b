"""Handing in mail: what is sent, what is said when it cannot be, and when the outcome is open."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest

from tests.servers.smtp_sink import Script, SmtpSink
from webmail.errors import AskUser, GiveUp, MailError, OutcomeUnknown, Reason, RetryLater
from webmail.outbox import smtp
from webmail.outbox.smtp_message import Envelope

RAW = b"Subject: One\r\n\r\n.leading dot\r\n..two\r\nlast\r\n"


@dataclass
class Server:
    host: str
    port: int
    security: str
    ca_file: str


def at(sink: SmtpSink, security: str = "starttls") -> Server:
    port = sink.tls_port if security == "tls" else sink.port
    return Server("localhost", port, security, str(sink.ca_file))


def hand_in(
    sink: SmtpSink, *recipients: str, raw: bytes = RAW, report_id: str = "", **options: object
) -> list[smtp.RecipientResult]:
    session = smtp.open_session(at(sink), "a@example.test", "secret", timeout=3)
    try:
        envelope = Envelope("a@example.test", recipients or ("b@example.test",), report_id)
        return session.hand_in(envelope, BytesIO(raw), **options)  # type: ignore[arg-type]
    finally:
        session.close()


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_good_server_passes_the_check_without_a_message(smtp_sink: SmtpSink, security: str) -> None:
    smtp.check(at(smtp_sink, security), "a@example.test", "secret", timeout=3)
    assert smtp_sink.received == []
    assert not any(command.startswith("MAIL") for command in smtp_sink.commands)


def test_the_octets_arrive_as_they_were_with_dots_doubled_on_the_way(smtp_sink: SmtpSink) -> None:
    results = hand_in(smtp_sink, "b@example.test", "c@example.test")
    assert [(each.address, each.code) for each in results] == [("b@example.test", 250), ("c@example.test", 250)]
    (message,) = smtp_sink.wait_for(1)
    assert message.raw == RAW
    assert message.rcpt_to == ["b@example.test", "c@example.test"]
    assert f"SIZE={len(RAW)}" not in message.parameters


def test_a_lone_dot_or_line_feed_cannot_end_the_message_early(smtp_sink: SmtpSink) -> None:
    hand_in(smtp_sink, raw=b"Subject: x\r\n\r\none\n.\nMAIL FROM:<evil@example.test>\r.\r\nend")
    (message,) = smtp_sink.wait_for(1)
    assert message.raw == b"Subject: x\r\n\r\none\r\n.\r\nMAIL FROM:<evil@example.test>\r\n.\r\nend\r\n"
    assert [command for command in smtp_sink.commands if command.startswith("MAIL")] == ["MAIL FROM:<a@example.test>"]


def test_a_password_beyond_ascii_signs_in(smtp_sink: SmtpSink) -> None:
    smtp.check(at(smtp_sink), "ä@example.test", "geheimnisß", timeout=3)


SERVER_FAULTS = [
    (Script(starttls=False), AskUser, Reason.NO_TLS),
    (Script(auth_offered=False), AskUser, Reason.UNSUPPORTED),
    (Script(auth="535 5.7.8 Username and Password not accepted"), AskUser, Reason.PASSWORD),
    (Script(auth="535 5.7.139 Authentication unsuccessful, basic auth is disabled"), AskUser, Reason.NEEDS_PROVIDER),
    (Script(auth="534 5.7.9 Application-specific password required"), AskUser, Reason.NEEDS_PROVIDER),
    (Script(auth="535 5.7.0 Too many failed logins, rate limit exceeded"), RetryLater, Reason.LIMIT),
    (Script(auth="454 4.7.0 Temporary authentication failure"), RetryLater, Reason.BUSY),
    (Script(greeting="421 4.7.0 Too many connections"), RetryLater, Reason.LIMIT),
    (Script(greeting="554 5.7.1 Your address is on a list"), AskUser, Reason.REFUSED),
    (Script(greeting="+OK POP3 ready"), AskUser, Reason.PROTOCOL),
    (Script(hang_up="connect"), RetryLater, Reason.LOST),
    (Script(hang_up="starttls"), RetryLater, Reason.LOST),
    (Script(hang_up="auth"), RetryLater, Reason.LOST),
]


@pytest.mark.parametrize(("script", "kind", "reason"), SERVER_FAULTS)
def test_each_fault_of_the_server_has_its_own_error(
    smtp_sink: SmtpSink, script: Script, kind: type[MailError], reason: Reason
) -> None:
    smtp_sink.script = script
    with pytest.raises(kind) as caught:
        smtp.check(at(smtp_sink), "a@example.test", "secret", timeout=3)
    assert caught.value.reason == reason
    assert "secret" not in caught.value.sentence + caught.value.detail


def test_the_password_is_not_sent_before_the_connection_is_private(smtp_sink: SmtpSink) -> None:
    smtp_sink.script = Script(starttls=False)
    with pytest.raises(AskUser):
        smtp.check(at(smtp_sink), "a@example.test", "secret", timeout=3)
    assert "AUTH" not in smtp_sink.commands


def test_certificates_that_do_not_fit_are_refused_each_with_its_reason(
    smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookup = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *rest: lookup("127.0.0.1", *rest))
    sentences = set()
    for host, ca_file in [("localhost", ""), ("other.example.test", str(smtp_sink.ca_file))]:
        with pytest.raises(AskUser) as caught:
            smtp.check(Server(host, smtp_sink.tls_port, "tls", ca_file), "a", "secret", timeout=3)
        assert caught.value.reason == Reason.CERTIFICATE
        with pytest.raises(AskUser) as again:
            smtp.check(Server(host, smtp_sink.port, "starttls", ca_file), "a", "secret", timeout=3)
        assert again.value.sentence == caught.value.sentence
        sentences.add(caught.value.sentence)
    assert len(sentences) == 2


def test_unknown_host_closed_port_and_missing_tls_are_told_apart(smtp_sink: SmtpSink) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    faults = {
        Reason.HOST: Server("nowhere.invalid", 465, "tls", ""),
        Reason.PORT: Server("localhost", port, "tls", ""),
        Reason.NO_TLS: Server("localhost", smtp_sink.port, "tls", str(smtp_sink.ca_file)),
    }
    for reason, server in faults.items():
        with pytest.raises(MailError) as caught:
            smtp.check(server, "a", "secret", timeout=3)
        assert caught.value.reason == reason


@pytest.fixture
def endless(smtp_sink: SmtpSink) -> Iterator[int]:
    """A server whose greeting never ends."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        try:
            peer, _ = listener.accept()
            while True:
                peer.sendall(b"220-hello\r\n" * 1000)
        except OSError:
            return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.close()


def test_an_endless_reply_is_given_up(endless: int) -> None:
    with pytest.raises(AskUser) as caught:
        smtp.check(Server("127.0.0.1", endless, "starttls", ""), "a", "secret", timeout=3)
    assert caught.value.reason == Reason.PROTOCOL


def test_one_refused_recipient_does_not_keep_the_mail_from_the_others(smtp_sink: SmtpSink) -> None:
    smtp_sink.script = Script(
        rcpt={"bad@example.test": "550 5.1.1 No such user", "late@example.test": "451 4.2.0 Later"}
    )
    results = hand_in(smtp_sink, "b@example.test", "bad@example.test", "late@example.test")
    assert [(each.address, each.code) for each in results] == [
        ("b@example.test", 250),
        ("bad@example.test", 550),
        ("late@example.test", 451),
    ]
    assert smtp_sink.wait_for(1)[0].rcpt_to == ["b@example.test"]


def test_without_an_accepted_recipient_data_never_begins(smtp_sink: SmtpSink) -> None:
    smtp_sink.script = Script(rcpt_default="550 5.1.1 No such user")
    begun: list[bool] = []
    assert [each.code for each in hand_in(smtp_sink, before_data=lambda: begun.append(True))] == [550]
    assert not begun
    assert "DATA" not in smtp_sink.commands


MESSAGE_FAULTS = [
    (Script(mail="451 4.3.0 Later"), RetryLater, Reason.BUSY),
    (Script(mail="550 5.7.1 Not yours"), GiveUp, Reason.REFUSED),
    (Script(data="451 4.3.0 Later"), RetryLater, Reason.BUSY),
    (Script(data="554 5.6.0 No"), GiveUp, Reason.REFUSED),
    (Script(final="451 4.3.0 Later"), RetryLater, Reason.BUSY),
    (Script(final="554 5.7.1 Spam"), GiveUp, Reason.REFUSED),
    (Script(final="552 5.3.4 Message size exceeds fixed limit"), GiveUp, Reason.TOO_LARGE),
    (Script(size=20), GiveUp, Reason.TOO_LARGE),
    (Script(hang_up="mail"), RetryLater, Reason.LOST),
    (Script(hang_up="rcpt"), RetryLater, Reason.LOST),
    (Script(hang_up="data"), RetryLater, Reason.LOST),
    (Script(hang_up="reply"), OutcomeUnknown, Reason.LOST),
    (Script(hang_up="accepted"), OutcomeUnknown, Reason.LOST),
]


@pytest.mark.parametrize(("script", "kind", "reason"), MESSAGE_FAULTS)
def test_only_a_lost_answer_to_the_final_dot_leaves_the_outcome_open(
    smtp_sink: SmtpSink, script: Script, kind: type[MailError], reason: Reason
) -> None:
    """F36"""
    smtp_sink.script = script
    with pytest.raises(MailError) as caught:
        hand_in(smtp_sink)
    assert type(caught.value) is kind
    assert caught.value.reason == reason


def test_a_large_message_is_refused_before_anything_is_sent(smtp_sink: SmtpSink) -> None:
    """F42"""
    smtp_sink.script = Script(size=1_000_000)
    with pytest.raises(GiveUp, match=r"1\.5 MB.*1\.0 MB"):
        hand_in(smtp_sink, raw=b"x" * 1_500_000)
    assert not any(command.startswith("MAIL") for command in smtp_sink.commands)


def test_an_address_beyond_ascii_needs_a_server_that_takes_it(smtp_sink: SmtpSink) -> None:
    """F42"""
    hand_in(smtp_sink, "grün@example.test")
    assert "SMTPUTF8" in smtp_sink.wait_for(1)[0].parameters
    smtp_sink.reset()
    smtp_sink.script = Script(utf8=False)
    with pytest.raises(GiveUp) as caught:
        hand_in(smtp_sink, "grün@example.test")
    assert caught.value.reason == Reason.ADDRESS
    # A domain beyond ASCII has an ASCII form that every server takes.
    assert [each.code for each in hand_in(smtp_sink, "b@grün.example.test")] == [250]
    assert smtp_sink.wait_for(1)[0].rcpt_to == ["b@xn--grn-ioa.example.test"]


@pytest.mark.parametrize(
    "address", ["b@example.test\r\nRCPT TO:<c@example.test>", "b@example.test>\0", "b", "", "a b@example.test"]
)
def test_an_address_cannot_carry_a_command(smtp_sink: SmtpSink, address: str) -> None:
    with pytest.raises(AskUser) as caught:
        hand_in(smtp_sink, address)
    assert caught.value.reason == Reason.ADDRESS
    assert not any(command.startswith(("MAIL", "RCPT")) for command in smtp_sink.commands)


def test_a_silent_server_after_the_dot_is_waited_for_as_long_as_told(smtp_sink: SmtpSink) -> None:
    """F37"""
    smtp_sink.script = Script(delays={"reply": 1.2})
    assert [each.code for each in hand_in(smtp_sink, final_timeout=5)] == [250]
    with pytest.raises(OutcomeUnknown):
        hand_in(smtp_sink, final_timeout=0.2)


def test_a_missing_file_of_authorities_is_said(tmp_path: Path, smtp_sink: SmtpSink) -> None:
    server = Server("localhost", smtp_sink.tls_port, "tls", str(tmp_path / "none.pem"))
    with pytest.raises(AskUser) as caught:
        smtp.check(server, "a", "secret", timeout=3)
    assert caught.value.reason == Reason.CERTIFICATE

"""The misbehaving SMTP server misbehaves exactly as told."""

import smtplib
import ssl

import pytest

from tests.servers.smtp_sink import Script, SmtpSink

MAIL = "Subject: One\r\n\r\n.leading dot\r\nBody\r\n"


def connected(sink: SmtpSink) -> smtplib.SMTP:
    client = smtplib.SMTP("localhost", sink.port, timeout=5)
    client.starttls(context=ssl.create_default_context(cafile=str(sink.ca_file)))
    client.login("a@example.test", "secret")
    return client


def test_a_good_session_is_kept_with_envelope_and_user(smtp_sink: SmtpSink) -> None:
    with connected(smtp_sink) as client:
        client.sendmail("a@example.test", ["b@example.test"], MAIL)
    message = smtp_sink.wait_for(1)[0]
    assert (message.mail_from, message.rcpt_to, message.user) == (
        "a@example.test",
        ["b@example.test"],
        "a@example.test",
    )
    assert message.raw == MAIL.encode()


def test_implicit_tls_works_as_well(smtp_sink: SmtpSink) -> None:
    context = ssl.create_default_context(cafile=str(smtp_sink.ca_file))
    with smtplib.SMTP_SSL("localhost", smtp_sink.tls_port, context=context, timeout=5) as client:
        client.login("a@example.test", "secret")
        client.sendmail("a@example.test", ["b@example.test"], MAIL)
    smtp_sink.wait_for(1)


def test_one_recipient_can_be_refused_and_the_other_not(smtp_sink: SmtpSink) -> None:
    smtp_sink.script = Script(rcpt={"bad@example.test": "550 5.1.1 No such user"})
    with connected(smtp_sink) as client:
        refused = client.sendmail("a@example.test", ["b@example.test", "bad@example.test"], MAIL)
    assert refused == {"bad@example.test": (550, b"5.1.1 No such user")}
    assert smtp_sink.wait_for(1)[0].rcpt_to == ["b@example.test"]


@pytest.mark.parametrize(("moment", "kept"), [("mail", 0), ("data", 0), ("body", 0), ("reply", 0), ("accepted", 1)])
def test_hanging_up_loses_or_keeps_the_message_as_scripted(smtp_sink: SmtpSink, moment: str, kept: int) -> None:
    smtp_sink.script = Script(hang_up=moment)  # type: ignore[arg-type]
    client = connected(smtp_sink)
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        client.sendmail("a@example.test", ["b@example.test"], MAIL)
    client.close()
    assert len(smtp_sink.received) == kept


def test_refused_authentication_and_missing_starttls(smtp_sink: SmtpSink) -> None:
    smtp_sink.script = Script(auth="535 5.7.8 Wrong")
    with pytest.raises(smtplib.SMTPAuthenticationError):
        connected(smtp_sink)
    smtp_sink.script = Script(starttls=False)
    with pytest.raises(smtplib.SMTPNotSupportedError):
        connected(smtp_sink)

"""Whatever a person or a mail writes into the fields: no header of it, no recipient and no command comes from there."""

from email import policy
from email.parser import BytesParser
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Identity
from tests.outbox.conftest import Write
from tests.outbox.test_smtp import at
from tests.servers.smtp_sink import SmtpSink
from webmail.errors import AskUser, GiveUp, MailError
from webmail.models import OutgoingMessage
from webmail.outbox import drafts, letter, queue, smtp
from webmail.outbox.smtp_message import Envelope, Measured, mail_parameters, rcpt_parameters, xtext

EVIL = st.one_of(
    st.text(max_size=60),
    st.text(alphabet='ab@<>,;:"\\ \r\n\t\0\x0b\x85\u2028=?.()[]ü', max_size=60),
    st.sampled_from(
        [
            "x\r\nBcc: victim@example.test",
            "x\nBcc: victim@example.test\n\nbody",
            "=?utf-8?q?x=0D=0ABcc=3A_victim=40example=2Etest?=",
            '"a\r\nBcc: victim@example.test" <a@example.test>',
            "a@example.test>\r\nRCPT TO:<victim@example.test",
            "a@example.test\u2028Bcc: victim@example.test",
        ]
    ),
)
ALLOWED = {
    *("from", "to", "cc", "reply-to", "subject", "date", "message-id", "in-reply-to", "references", "mime-version"),
    *("content-type", "content-transfer-encoding", "importance", "x-priority", "disposition-notification-to"),
}


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(subject=EVIL, name=EVIL, people=EVIL, text=EVIL, answered=EVIL)
def test_no_field_becomes_a_header_and_bcc_stays_behind(  # noqa: PLR0917
    write: Write, subject: str, name: str, people: str, text: str, answered: str
) -> None:
    Identity.objects.update(name=name.replace("\0", "")[:200], reply_to="answers@example.test")
    draft = write()
    OutgoingMessage.objects.filter(pk=draft.pk).update(in_reply_to=answered.replace("\0", "")[:998])
    given_fields = drafts.Fields(
        to="bob@example.test",
        cc=people,
        bcc="secret@example.test",
        subject=subject,
        text=text,
        plain=True,
        ask_read=True,
        priority="high",
    )
    draft.refresh_from_db()
    draft = drafts.save_draft(draft, given_fields, draft.revision).outgoing
    try:
        recipients = letter.recipients(draft)
        row = queue.enqueue(draft, token=draft.token)
    except MailError:
        return
    raw = row.raw.read()
    head = raw.partition(b"\r\n\r\n")[0]
    message = BytesParser(policy=policy.compat32).parsebytes(raw)
    assert {header.lower() for header in message} <= ALLOWED
    assert b"secret@example.test" not in raw
    assert b"\n" not in head.replace(b"\r\n", b"")
    assert b"\r" not in head.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert [each["address"] for each in row.recipients] == recipients
    row.raw.storage.delete(str(row.raw.name))


@given(address=EVIL, report=EVIL)
def test_no_address_and_no_id_becomes_a_command(address: str, report: str) -> None:
    offers = {"dsn": "", "size": "", "smtputf8": "", "8bitmime": ""}
    envelope = Envelope("a@example.test", (address,), "".join(filter(str.isascii, report)))
    said, _ = mail_parameters("host", offers, Measured(1, False, False), envelope)
    said += rcpt_parameters(address, offers, envelope)
    assert said.isprintable()
    assert said.isascii()
    if address.isascii():
        assert " " not in xtext(address)


def test_an_evil_address_never_reaches_the_wire(smtp_sink: SmtpSink) -> None:
    for evil in ("a@example.test>\r\nRCPT TO:<victim@example.test", "a@example.test\0", "a\n@example.test"):
        session = smtp.open_session(at(smtp_sink), "a@example.test", "secret", timeout=3)
        with pytest.raises((AskUser, GiveUp)):
            session.hand_in(Envelope("a@example.test", ("b@example.test", evil)), BytesIO(b"Subject: x\r\n\r\nx\r\n"))
        session.close()
    assert not any("victim" in command or command.startswith("RCPT") for command in smtp_sink.commands)
    assert not smtp_sink.received

"""Rich mail as it leaves: the same for every parser, octet for octet on a server, and never whole in memory."""

import email
import tracemalloc
from email import policy
from email.message import EmailMessage
from io import BytesIO

import pytest

from accounts.models import MailAccount
from tests.outbox.conftest import Write, queued
from tests.outbox.test_outgoing import look
from tests.servers.mailbox import Mailbox
from tests.servers.smtp_sink import SmtpSink
from webmail.mime.parts import Part, choose, from_bytes, part_bytes
from webmail.models import Message, OutgoingMessage
from webmail.outbox import attachments, deliver, letter, queue, reply

State = OutgoingMessage.State
HTML = (
    '<div class="ed">Grüße, <b>Bob</b></div><ol><li>eins</li><ol><li>tief</li></ol></ol><img src="cid:{cid}" alt="Bild">'
    '<div class="signature"><i>Ada</i></div><blockquote type="cite">From there<br>&gt; older</blockquote>'
)


def rich(write: Write) -> OutgoingMessage:
    row = write(plain=False, text="", html="<div>x</div>", subject="Grüße aus Köln")
    picture = attachments.attach(row, BytesIO(b"\x89PNG" * 40), "bild.png", "image/png", inline=True)
    attachments.attach(row, BytesIO(bytes(range(256)) * 50), "Plan für Mai.bin", "application/octet-stream")
    attachments.attach(row, BytesIO(b""), "leer.txt", "text/plain")
    attachments.attach(row, BytesIO(b"zwei"), "leer.txt", "text/plain")
    OutgoingMessage.objects.filter(pk=row.pk).update(html=HTML.format(cid=picture.content_id))
    row.refresh_from_db()
    return row


def leaves(part: Part) -> list[Part]:
    return [leaf for child in part.children for leaf in leaves(child)] if part.children else [part]


def test_a_rich_mail_is_the_same_for_every_parser(write: Write) -> None:
    raw = queue.enqueue(row := rich(write), token=row.token).raw.read()
    theirs = email.message_from_bytes(raw, policy=policy.default)
    assert not [defect for part in theirs.walk() for defect in part.defects]
    found = [part for part in theirs.walk() if not part.is_multipart()]
    ours = leaves(from_bytes(raw))
    assert [part.get_content_type() for part in found] == [part.type for part in ours]
    assert [part.get_filename() or "" for part in found] == [part.filename for part in ours]
    assert [part.get_payload(decode=True) for part in found] == [part_bytes(raw, part.section) for part in ours]
    body = choose(from_bytes(raw))
    assert [part.filename for part in body.attachments] == ["Plan für Mai.bin", "leer.txt", "leer.txt"]
    assert [part.filename for part in body.inline.values()] == ["bild.png"]
    assert bytes(found[0].get_payload(decode=True)).decode().splitlines() == [
        *("Grüße, Bob", "", "1. eins", "   1. tief", "", "Bild", "Ada", "", "> From there", "> > older"),
    ]


@pytest.mark.mailserver
def test_a_rich_mail_comes_back_from_a_server_octet_for_octet(write: Write, mailbox: Mailbox) -> None:
    raw = queue.enqueue(row := rich(write), token=row.token).raw.read()
    assert mailbox.raw(mailbox.append(raw, "INBOX")) == raw


def test_a_large_mail_is_built_without_standing_in_memory(write: Write) -> None:
    row = write()
    size = 24 * 1024 * 1024
    attachments.attach(row, BytesIO(b"%PDF" * (size // 4)), "large.pdf", "application/pdf")
    row.refresh_from_db()
    tracemalloc.start()
    try:
        name = queue.freeze(row, "1@example.test", letter.open_local)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert row.raw.storage.size(name) > size * 4 // 3
    assert peak < 8 * 1024 * 1024


@pytest.mark.mailserver
def test_messages_forwarded_whole_arrive_as_they_stand_on_the_server(
    reading: MailAccount, mailbox: Mailbox, smtp_sink: SmtpSink
) -> None:
    originals = []
    for number in (1, 2):
        message = EmailMessage(policy=policy.SMTP)
        message["From"], message["Subject"], message["Message-ID"] = "b@x.test", f"No. {number}", f"<{number}@x.test>"
        message.set_content("Seven bits\n" * 2000)
        originals.append(message.as_bytes())
        mailbox.append(originals[-1])
    look(reading)
    chosen = list(Message.objects.filter(account=reading).order_by("uid"))
    draft = reply.forward_whole(reading.user, chosen)
    OutgoingMessage.objects.filter(pk=draft.pk).update(to="carl@example.test")
    draft.refresh_from_db()
    row = queued(draft)
    assert not row.raw
    look(reading)
    claimed = deliver.claim(row.pk)
    assert claimed is not None
    deliver.deliver(claimed)
    received = smtp_sink.wait_for(1)[0].raw
    parts = leaves_of_messages(received)
    assert [(part.type, part.filename) for part in parts] == [
        ("message/rfc822", "No. 1.eml"),
        ("message/rfc822", "No. 2.eml"),
    ]
    assert [part_bytes(received, part.section) for part in parts] == originals
    look(reading)
    assert all("$Forwarded" in each.keywords for each in Message.objects.filter(pk__in=[row.pk for row in chosen]))
    for uid in mailbox.uids():
        assert b"$Forwarded" in mailbox.flags(uid)


def leaves_of_messages(raw: bytes) -> list[Part]:
    return [part for part in from_bytes(raw).children if part.type == "message/rfc822"]

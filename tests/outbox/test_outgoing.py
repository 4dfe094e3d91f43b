"""Drafts and sent mail on a real server: one newest draft, one copy in Sent, whatever answer gets lost."""

from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from io import BytesIO

import pytest
from django.utils import timezone

from accounts.models import MailAccount
from tests.outbox.conftest import Write, queued
from tests.servers.fault_proxy import FaultProxy
from tests.servers.mailbox import Mailbox
from tests.servers.smtp_sink import Script, SmtpSink
from webmail.errors import RetryLater
from webmail.models import Folder, Message, Notice, OutgoingMessage, SpecialUse
from webmail.outbox import attachments, deliver, drafts, queue
from webmail.sync.account import Pass
from webmail.sync.foreground import open_connection
from webmail.sync.server_drafts import edit_draft

pytestmark = pytest.mark.mailserver
State, SentCopy = OutgoingMessage.State, OutgoingMessage.SentCopy


@pytest.fixture
def synced(reading: MailAccount) -> MailAccount:
    """The account after its first pass."""
    look(reading)
    return reading


def look(account: MailAccount) -> None:
    connection = open_connection(MailAccount.objects.get(pk=account.pk))
    try:
        Pass(connection, MailAccount.objects.select_related("user").get(pk=account.pk), lambda: False).run()
    finally:
        connection.close()


@pytest.fixture
def proxied(synced: MailAccount) -> Iterator[FaultProxy]:
    with FaultProxy("127.0.0.1", synced.imap_port) as proxy:
        synced.imap_host, synced.imap_port = proxy.host, proxy.port
        synced.save()
        yield proxy


def quiet(*rows: OutgoingMessage) -> None:
    OutgoingMessage.objects.filter(pk__in=[row.pk for row in rows]).update(
        updated_at=timezone.now() - timedelta(seconds=60)
    )
    for row in rows:
        row.refresh_from_db()


def more(row: OutgoingMessage, text: str) -> OutgoingMessage:
    given = drafts.Fields(to=row.to, subject=row.subject, text=text, plain=True, bcc="secret@example.test")
    saved = drafts.save_draft(row, given, row.revision).outgoing
    quiet(saved)
    return saved


def test_a_quiet_draft_stands_in_drafts_once_with_everything(
    synced: MailAccount, mailbox: Mailbox, write: Write
) -> None:
    row = more(write(), "Dear Bob")
    look(synced)
    (uid,) = mailbox.uids("Drafts")
    message = message_from_bytes(mailbox.raw(uid, "Drafts"))
    assert (message["To"], message["Bcc"], str(message.get_payload()).strip()) == (
        "bob@example.test",
        "secret@example.test",
        "Dear Bob",
    )
    assert b"\\Draft" in mailbox.flags(uid, "Drafts")
    row.refresh_from_db()
    assert (row.draft_uid, row.saved_revision) == (uid, row.revision)
    more(row, "Dear Bob, dear Carl")
    look(synced)
    (newer,) = mailbox.uids("Drafts")
    assert newer > uid
    assert b"dear Carl" in mailbox.raw(newer, "Drafts")


def test_a_draft_still_being_typed_is_left_alone(synced: MailAccount, mailbox: Mailbox, write: Write) -> None:
    write()
    look(synced)
    assert mailbox.uids("Drafts") == []


@pytest.mark.parametrize("moment", ["cut_before", "cut_after"])
def test_a_lost_answer_to_append_leaves_one_draft(
    proxied: FaultProxy, synced: MailAccount, mailbox: Mailbox, write: Write, moment: str
) -> None:
    """F05"""
    row = more(write(), "First")
    look(synced)
    proxied.rule("APPEND", moment)  # type: ignore[arg-type]
    row.refresh_from_db()
    row = more(row, "Second")
    with pytest.raises(RetryLater):
        look(synced)
    assert len(mailbox.uids("Drafts")) >= 1
    look(synced)
    (uid,) = mailbox.uids("Drafts")
    assert b"Second" in mailbox.raw(uid, "Drafts")


def test_a_lost_answer_to_the_removal_of_the_old_copy_leaves_one_draft(
    proxied: FaultProxy, synced: MailAccount, mailbox: Mailbox, write: Write
) -> None:
    row = more(write(), "First")
    look(synced)
    proxied.rule("EXPUNGE", "cut_before")
    row.refresh_from_db()
    more(row, "Second")
    with pytest.raises(RetryLater):
        look(synced)
    look(synced)
    (uid,) = mailbox.uids("Drafts")
    assert b"Second" in mailbox.raw(uid, "Drafts")


def test_another_program_replacing_the_draft_keeps_both_texts(
    synced: MailAccount, mailbox: Mailbox, write: Write
) -> None:
    row = more(write(), "Ours")
    look(synced)
    other = EmailMessage()
    other["Subject"], other["Message-ID"] = "Hello", "<other@client.test>"
    other.set_content("Theirs")
    theirs = mailbox.append(other.as_bytes(), "Drafts", (b"\\Draft",))
    client = mailbox.imap()
    client.select_folder("Drafts")
    row.refresh_from_db()
    client.delete_messages([row.draft_uid])
    client.uid_expunge([row.draft_uid]) if hasattr(client, "uid_expunge") else client.expunge()
    client.logout()
    more(row, "Ours, newer")
    look(synced)
    found = {mailbox.raw(uid, "Drafts").split(b"\r\n\r\n", 1)[1].strip() for uid in mailbox.uids("Drafts")}
    assert theirs in mailbox.uids("Drafts")
    assert found == {b"Theirs", b"Ours, newer"}


def test_a_discarded_draft_goes_and_a_sent_one_moves_to_sent(
    synced: MailAccount, mailbox: Mailbox, write: Write, smtp_sink: SmtpSink
) -> None:
    thrown, kept = more(write(), "Away with it"), more(write(), "Off it goes")
    look(synced)
    assert len(mailbox.uids("Drafts")) == 2
    assert drafts.discard(thrown)
    assert not Message.objects.filter(shown_in__special_use="drafts", message_id=thrown.copy_message_id).exists()
    look(synced)
    assert len(mailbox.uids("Drafts")) == 2  # it could still be taken back
    quiet(thrown)
    kept.refresh_from_db()
    claimed = deliver.claim(queued(kept).pk)
    assert claimed is not None
    deliver.deliver(claimed)
    look(synced)
    assert mailbox.uids("Drafts") == []
    (uid,) = mailbox.uids("Sent")
    assert mailbox.raw(uid, "Sent") == smtp_sink.wait_for(1)[0].raw
    assert b"\\Seen" in mailbox.flags(uid, "Sent")
    kept.refresh_from_db()
    assert (kept.sent_copy, kept.draft_uid) == (SentCopy.FILED, None)
    thrown.refresh_from_db()
    assert (thrown.draft_uid, thrown.copy_message_id) == (None, "")
    OutgoingMessage.objects.filter(pk=thrown.pk).update(updated_at=timezone.now() - timedelta(days=2))
    look(synced)
    assert not OutgoingMessage.objects.filter(pk=thrown.pk).exists()


def test_a_copy_the_provider_filed_itself_is_not_doubled(synced: MailAccount, mailbox: Mailbox, write: Write) -> None:
    """F41"""
    row = queued(write())
    mailbox.append(row.raw.read(), "Sent")
    claimed = deliver.claim(row.pk)
    assert claimed is not None
    deliver.deliver(claimed)
    look(synced)
    assert len(mailbox.uids("Sent")) == 1


def test_a_full_mailbox_keeps_the_copy_here_and_the_mail_counts_as_sent(
    proxied: FaultProxy, synced: MailAccount, write: Write
) -> None:
    """F06"""
    row = queued(write())
    claimed = deliver.claim(row.pk)
    assert claimed is not None
    deliver.deliver(claimed)
    proxied.rule("APPEND", "answer", text=b"{tag} NO [OVERQUOTA] Full\r\n")
    look(synced)
    row.refresh_from_db()
    assert (row.state, row.sent_copy) == (State.SENT, SentCopy.KEPT)
    assert "could not be filed" in Notice.objects.get(user=synced.user).text
    assert row.raw.read()
    queue.send_again(row)
    look(synced)
    row.refresh_from_db()
    assert row.sent_copy == SentCopy.FILED


def test_a_missing_sent_folder_is_made_once(synced: MailAccount, mailbox: Mailbox, write: Write) -> None:
    """F06"""
    client = mailbox.imap()
    if client.folder_exists("Sent"):
        client.delete_folder("Sent")
    client.logout()
    Folder.objects.filter(account=synced, special_use=SpecialUse.SENT).delete()
    for _ in range(2):
        claimed = deliver.claim(queued(write()).pk)
        assert claimed is not None
        deliver.deliver(claimed)
        look(synced)
    assert len(mailbox.uids("Sent")) == 2
    assert Folder.objects.filter(account=synced, special_use=SpecialUse.SENT).count() == 1


def test_an_unclear_mail_that_stands_in_sent_was_sent(
    synced: MailAccount, mailbox: Mailbox, write: Write, smtp_sink: SmtpSink
) -> None:
    smtp_sink.script = Script(hang_up="accepted")
    row = queued(write())
    claimed = deliver.claim(row.pk)
    assert claimed is not None
    deliver.deliver(claimed)
    look(synced)
    row.refresh_from_db()
    assert row.state == State.UNCLEAR
    mailbox.append(row.raw.read(), "Sent")
    look(synced)
    row.refresh_from_db()
    assert (row.state, row.sent_copy) == (State.SENT, SentCopy.FILED)
    assert len(mailbox.uids("Sent")) == 1


def foreign_draft() -> bytes:
    message = EmailMessage()
    message["To"], message["Subject"], message["Message-ID"] = "Bob <bob@example.test>", "Plan", "<d1@client.test>"
    message["From"], message["In-Reply-To"] = "ada@example.test", "<q@example.test>"
    message.set_content("Half a sentence")
    message.add_attachment(b"a,b", maintype="text", subtype="csv", filename="table.csv")
    return message.as_bytes()


def test_a_draft_of_another_program_is_edited_with_its_files(synced: MailAccount, mailbox: Mailbox) -> None:
    mailbox.append(foreign_draft(), "Drafts", (b"\\Draft",))
    look(synced)
    message = Message.objects.get(message_id="d1@client.test")
    row = edit_draft(message)
    assert (row.to, row.subject, row.text.strip(), row.plain) == (
        "Bob <bob@example.test>",
        "Plan",
        "Half a sentence",
        True,
    )
    assert row.in_reply_to == "q@example.test"
    assert edit_draft(message).pk == row.pk
    more(row, "A whole sentence")
    look(synced)
    (uid,) = mailbox.uids("Drafts")
    raw = mailbox.raw(uid, "Drafts")
    assert b"A whole sentence" in raw
    assert b"table.csv" in raw
    row.refresh_from_db()
    sent = queue.enqueue(row, token=row.token)
    assert b"table.csv" in sent.raw.read()


def test_files_of_a_forwarded_mail_are_fetched_before_it_is_sent(
    synced: MailAccount, mailbox: Mailbox, write: Write, smtp_sink: SmtpSink
) -> None:
    mailbox.append(foreign_draft(), "INBOX")
    look(synced)
    message = Message.objects.get(message_id="d1@client.test")
    row = write()
    row.attachments.create(filename="table.csv", content_type="text/csv", size=3, message=message, section="2")
    row = queued(row)
    assert not row.raw
    assert deliver.claim(row.pk) is None
    look(synced)
    claimed = deliver.claim(row.pk)
    assert claimed is not None
    deliver.deliver(claimed)
    parts = list(message_from_bytes(smtp_sink.wait_for(1)[0].raw).walk())
    assert [part.get_payload(decode=True) for part in parts if part.get_filename()] == [b"a,b"]


def test_a_forwarded_mail_that_is_gone_is_named_and_nothing_is_sent(
    synced: MailAccount, mailbox: Mailbox, write: Write
) -> None:
    uid = mailbox.append(foreign_draft(), "INBOX")
    look(synced)
    message = Message.objects.get(message_id="d1@client.test")
    row = write()
    row.attachments.create(filename="table.csv", content_type="text/csv", size=3, message=message, section="2")
    row = queued(row)
    Message.objects.filter(pk=message.pk).update(uid=uid + 1000)
    message.cached_parts.all().delete()
    look(synced)
    row.refresh_from_db()
    assert row.state == State.REJECTED
    assert "table.csv" in row.sentence


def test_an_attached_file_is_in_the_draft_on_the_server(synced: MailAccount, mailbox: Mailbox, write: Write) -> None:
    row = write()
    attachments.attach(row, BytesIO(b"%PDF"), "a.pdf", "application/pdf")
    quiet(row)
    look(synced)
    (uid,) = mailbox.uids("Drafts")
    assert b"a.pdf" in mailbox.raw(uid, "Drafts")

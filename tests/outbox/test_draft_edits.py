"""F05, F43: a draft that another program edits on the server, and what was said before."""

from email import message_from_bytes
from email.message import EmailMessage
from io import BytesIO

import pytest

from accounts.models import MailAccount
from tests.outbox.conftest import Write
from tests.outbox.test_outgoing import look, more
from tests.servers.mailbox import Mailbox
from webmail.models import Message, OutgoingMessage
from webmail.outbox import attachments
from webmail.sync.server_drafts import edit_draft

pytestmark = pytest.mark.mailserver


@pytest.fixture
def synced(reading: MailAccount) -> MailAccount:
    look(reading)
    return reading


@pytest.fixture
def saved(synced: MailAccount, write: Write) -> OutgoingMessage:
    """A draft that stands on the server, looked at once since."""
    row = more(write(), "Ours")
    look(synced)
    look(synced)
    row.refresh_from_db()
    assert row.draft_uid
    return row


def edited(row: OutgoingMessage, text: str, **headers: str) -> bytes:
    message = EmailMessage()
    for name, value in ({"To": row.to, "Subject": row.subject, "From": "ada@example.test"} | headers).items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    message.add_attachment(b"a,b", maintype="text", subtype="csv", filename="theirs.csv")
    return message.as_bytes()


def replace(mailbox: Mailbox, row: OutgoingMessage, raw: bytes) -> int:
    uid = mailbox.append(raw, "Drafts", (b"\\Draft",))
    client = mailbox.imap()
    client.select_folder("Drafts")
    client.delete_messages([row.draft_uid])
    client.expunge()
    client.logout()
    return uid


def texts(mailbox: Mailbox) -> list[str]:
    found = [message_from_bytes(mailbox.raw(uid, "Drafts")) for uid in mailbox.uids("Drafts")]
    parts = [next(part for part in message.walk() if part.get_content_type() == "text/plain") for message in found]
    return sorted(str(part.get_payload()).strip() for part in parts)


@pytest.mark.parametrize("same_id", [True, False])
def test_an_edit_elsewhere_is_taken_over_and_what_was_here_stays_a_version(
    synced: MailAccount, mailbox: Mailbox, saved: OutgoingMessage, same_id: bool
) -> None:
    attachments.attach(saved, BytesIO(b"old"), "ours.txt", "text/plain")
    saved = more(saved, "Ours, with a file")
    look(synced)
    look(synced)
    saved.refresh_from_db()
    known = saved.revision
    named = f"<{saved.copy_message_id}>" if same_id else "<new@client.test>"
    uid = replace(mailbox, saved, edited(saved, "Theirs", Message_ID=named))
    look(synced)
    saved.refresh_from_db()
    assert (saved.text.strip(), saved.draft_uid, saved.revision) == ("Theirs", uid, known + 1)
    assert saved.saved_revision == saved.revision
    assert [file.filename for file in saved.attachments.all()] == ["theirs.csv"]
    assert saved.versions.get(reason="program").text == "Ours, with a file"
    assert edit_draft(Message.objects.get(folder__name="Drafts", uid=uid)).pk == saved.pk
    more(saved, "Ours again")
    look(synced)
    assert texts(mailbox) == ["Ours again"]


@pytest.mark.parametrize("same_id", [True, False])
def test_both_texts_stay_where_somebody_wrote_here_too(
    synced: MailAccount, mailbox: Mailbox, saved: OutgoingMessage, same_id: bool
) -> None:
    named = f"<{saved.copy_message_id}>" if same_id else "<new@client.test>"
    uid = replace(mailbox, saved, edited(saved, "Theirs", Message_ID=named))
    more(saved, "Ours, newer")
    for _ in range(3):
        look(synced)
    assert texts(mailbox) == ["Ours, newer", "Theirs"]
    theirs = edit_draft(Message.objects.get(folder__name="Drafts", uid=uid))
    assert (theirs.text.strip(), OutgoingMessage.objects.get(pk=saved.pk).text) == ("Theirs", "Ours, newer")


def test_another_draft_is_no_edit_of_one_that_was_deleted(
    synced: MailAccount, mailbox: Mailbox, saved: OutgoingMessage
) -> None:
    replace(mailbox, saved, edited(saved, "Something else", Subject="Holidays"))
    look(synced)
    saved.refresh_from_db()
    assert saved.text == "Ours"
    assert texts(mailbox) == ["Something else"]

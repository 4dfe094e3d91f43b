"""An account that lives here is read, organised and written from by the same code as a mirrored one."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts.models import MailAccount, User
from webmail.models import Folder, LedgerEntry, Message, OutgoingMessage, PendingAction, StoredContent, SyncState
from webmail.outbox import drafts
from webmail.sync import actions, bodies, folder_actions
from webmail.sync.account import LocalPass
from webmail.sync.local import LocalMailbox, ensure_folders
from webmail.sync.server_drafts import edit_draft

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]

LETTER = (
    b"From: Bob <bob@example.test>\r\nTo: ada@example.test\r\nSubject: Plans\r\nMessage-ID: <plans@example.test>\r\n"
    b"Date: Fri, 20 Nov 2026 12:00:00 +0000\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="cut"\r\n\r\n--cut\r\nContent-Type: text/plain\r\n\r\nSee the file.\r\n'
    b"--cut\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"
    b'Content-Disposition: attachment; filename="data.bin"\r\n\r\nAAECAwQ=\r\n--cut--\r\n'
)


@pytest.fixture
def account(db: None) -> MailAccount:
    account = MailAccount.objects.create(
        user=User.objects.create(username="ada"),
        kind=MailAccount.Kind.POP3,
        address="ada@example.test",
        username="ada",
        smtp_host="localhost",
    )
    SyncState.objects.create(account=account)
    ensure_folders(account)
    return account


def settle(account: MailAccount) -> None:
    while LocalPass(account, lambda: False).run():
        pass


@pytest.fixture
def letter(account: MailAccount) -> Message:
    LocalMailbox(account).append("INBOX", LETTER)
    settle(account)
    return Message.objects.get()


def test_a_message_is_listed_previewed_and_read(letter):
    assert (letter.subject, letter.preview, letter.has_attachment) == ("Plans", "See the file.", True)
    assert [text for _, text in bodies.text_parts(letter)] == ["See the file."]
    part, pieces = bodies.open_part(letter, "2")
    assert (part.filename, b"".join(pieces)) == ("data.bin", b"\x00\x01\x02\x03\x04")
    assert b"".join(bodies.source(letter)) == LETTER
    assert bodies.headers(letter).startswith(b"From: Bob")


def test_actions_settle_without_any_server(account, letter):
    actions.store(account.user, [letter], "flagged", True)
    actions.archive(account.user, [letter])
    settle(account)
    letter.refresh_from_db()
    assert (letter.folder.name, letter.flagged, letter.moving) == ("Archive", True, False)
    assert not PendingAction.objects.exclude(state="done").exists()
    assert b"".join(bodies.source(letter)) == LETTER


def test_folders_are_created_renamed_and_deleted(account, letter):
    folder = folder_actions.create_folder(account.user, account, "Work")
    actions.move(account.user, [letter], folder)
    folder_actions.rename_folder(account.user, folder, "Jobs")
    settle(account)
    letter.refresh_from_db()
    assert letter.folder.name == "Jobs"
    actions.move(account.user, [letter], Folder.objects.get(name="INBOX"))
    folder_actions.delete_folder(account.user, folder)
    settle(account)
    assert not Folder.objects.filter(name="Jobs").exists()
    assert Message.objects.get().folder.name == "INBOX"


def test_deleting_for_good_removes_the_bytes_and_keeps_the_ledger(account, letter):
    entry = LedgerEntry.objects.create(
        account=account, uidl="u1", size=letter.size, fetched_at=letter.internaldate, message=letter
    )
    name = StoredContent.objects.get().file.name or ""
    actions.expunge(account.user, [letter])
    settle(account)
    assert not Message.objects.exists()
    assert not default_storage.exists(name)
    entry.refresh_from_db()
    assert (entry.message, entry.wanted_gone) == (None, True)


def test_a_sent_message_is_filed_here_once(account):
    raw = (
        b"From: ada@example.test\r\nTo: bob@example.test\r\nSubject: Sent\r\nMessage-ID: <s@example.test>\r\n\r\nHi\r\n"
    )
    name = default_storage.save("outgoing/sent.eml", BytesIO(raw))
    OutgoingMessage.objects.create(
        user=account.user,
        account=account,
        state=OutgoingMessage.State.SENT,
        sent_copy=OutgoingMessage.SentCopy.DUE,
        message_id="s@example.test",
        raw=name,
    )
    settle(account)
    settle(account)
    assert list(Message.objects.values_list("shown_in__name", "subject", "seen")) == [("Sent", "Sent", True)]
    assert OutgoingMessage.objects.get().sent_copy == OutgoingMessage.SentCopy.FILED


def text_of(uid: int, account: MailAccount, folder: str) -> bytes:
    message = Message.objects.get(account=account, folder__name=folder, uid=uid)
    return b"".join(bodies.source(message))


def test_a_draft_in_another_folder_is_no_draft_of_the_same_number(account):
    """I1, I6: here all folders have the same UIDVALIDITY, as they may have on any server."""
    mailbox = LocalMailbox(account)
    kept = LETTER.replace(b"plans@", b"kept@").replace(b"Plans", b"Kept")
    thrown = LETTER.replace(b"plans@", b"thrown@").replace(b"Plans", b"Thrown away")
    mailbox.append("Drafts", kept, ["\\Draft"])
    mailbox.append("Trash", thrown, ["\\Draft"])
    settle(account)
    message = Message.objects.get(folder__name="Trash")
    row = edit_draft(message)
    assert edit_draft(message) == row
    drafts.save_draft(row, drafts.Fields(to="bob@example.test", subject="Thrown away", text="After all"), row.revision)
    OutgoingMessage.objects.update(updated_at=timezone.now() - timedelta(minutes=1))
    settle(account)
    assert text_of(1, account, "Drafts") == kept
    assert b"After all" in text_of(2, account, "Drafts")
    assert text_of(1, account, "Trash") == thrown
    other = edit_draft(Message.objects.get(folder__name="Drafts", uid=1))
    assert (other.subject, other != row) == ("Kept", True)
    assert edit_draft(message) == row

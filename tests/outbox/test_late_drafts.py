"""F05: an APPEND of a draft that is carried out when nobody waits for it any more leaves the newest one, and all of others."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Identity, MailAccount
from tests.outbox.conftest import Write, queued
from tests.outbox.test_deliver import delivered
from tests.outbox.test_outgoing import look, more, proxied, quiet, synced
from tests.servers.fault_proxy import FaultProxy, Rule
from tests.servers.mailbox import Mailbox
from webmail.errors import RetryLater
from webmail.imap.connection import MailConnection
from webmail.models import BegunCopy, Message, OutgoingMessage
from webmail.outbox import drafts
from webmail.sync import late_drafts

__all__ = ["proxied", "synced"]
pytestmark = pytest.mark.mailserver


@pytest.fixture
def row(synced: MailAccount, write: Write) -> OutgoingMessage:
    """A draft that stands on the server."""
    row = more(write(), "First")
    look(synced)
    row.refresh_from_db()
    assert row.copy_confirmed
    return row


def delayed(proxied: FaultProxy, account: MailAccount, row: OutgoingMessage, text: str) -> Rule:
    """The connection is lost over the APPEND of ``text``, which the server has taken in."""
    late = proxied.rule("APPEND", "late")
    more(row, text)
    with pytest.raises(RetryLater):
        look(account)
    row.refresh_from_db()
    return late


def texts(mailbox: Mailbox) -> list[str]:
    raws = [mailbox.raw(uid, "Drafts") for uid in mailbox.uids("Drafts")]
    return [raw.split(b"\r\n\r\n", 1)[1].strip().decode() for raw in raws]


def shown() -> list[str]:
    rows = Message.objects.filter(shown_in__special_use="drafts", missing_since__isnull=True)
    return list(rows.order_by("uid").values_list("message_id", flat=True))


def test_what_comes_after_the_next_copy_goes(
    row: OutgoingMessage, synced: MailAccount, proxied: FaultProxy, mailbox: Mailbox
) -> None:
    late = delayed(proxied, synced, row, "Second")
    assert texts(mailbox) == ["First"]
    look(synced)
    assert texts(mailbox) == ["Second"]
    late.release()
    assert texts(mailbox) == ["Second", "Second"]
    look(synced)
    look(synced)
    row.refresh_from_db()
    assert mailbox.uids("Drafts") == [row.draft_uid]
    assert shown() == [row.copy_message_id]
    assert not BegunCopy.objects.exists()


def test_several_that_come_late_and_in_any_order_leave_the_newest(
    row: OutgoingMessage, synced: MailAccount, proxied: FaultProxy, mailbox: Mailbox
) -> None:
    second = delayed(proxied, synced, row, "Second")
    third = delayed(proxied, synced, row, "Third")
    third.release()
    second.release()
    more(row, "Fourth")
    for _ in range(3):
        look(synced)
    row.refresh_from_db()
    assert (texts(mailbox), mailbox.uids("Drafts")) == (["Fourth"], [row.draft_uid])


def test_the_only_copy_there_is_stays(
    row: OutgoingMessage, synced: MailAccount, proxied: FaultProxy, mailbox: Mailbox
) -> None:
    """The next one is refused: what came late is all there is on the server."""
    late = delayed(proxied, synced, row, "Second")
    proxied.rule("APPEND", "answer", text=b"{tag} NO [OVERQUOTA] Full\r\n")
    look(synced)
    client = mailbox.imap()
    client.select_folder("Drafts")
    client.delete_messages(mailbox.uids("Drafts"))
    client.expunge()
    client.logout()
    late.release()
    for _ in range(3):
        look(synced)
    assert texts(mailbox) == ["Second"]
    row.refresh_from_db()
    more(row, "Third")
    for _ in range(3):
        look(synced)
    assert texts(mailbox) == ["Third"]


@pytest.mark.parametrize("end", ["sent", "discarded"])
def test_a_draft_that_is_gone_leaves_nothing_behind(
    row: OutgoingMessage, synced: MailAccount, proxied: FaultProxy, mailbox: Mailbox, end: str
) -> None:
    late = delayed(proxied, synced, row, "Second")
    if end == "sent":
        delivered(queued(row))
    else:
        drafts.discard(row)
        quiet(row)
    look(synced)
    assert texts(mailbox) == []
    late.release()
    for _ in range(3):
        look(synced)
    assert texts(mailbox) == []
    assert not BegunCopy.objects.exists()


def edit_elsewhere(mailbox: Mailbox) -> None:
    """Another program saves the newest draft anew: its text is another one, its Message-ID the same."""
    uid = mailbox.uids("Drafts")[-1]
    raw = mailbox.raw(uid, "Drafts")
    client = mailbox.imap()
    client.select_folder("Drafts")
    client.delete_messages([uid])
    client.uid_expunge([uid])
    client.logout()
    mailbox.append(raw.replace(b"Second", b"Theirs"), "Drafts", (b"\\Draft",))


def test_what_another_program_made_of_a_late_copy_stays(
    row: OutgoingMessage, synced: MailAccount, proxied: FaultProxy, mailbox: Mailbox
) -> None:
    """It keeps the Message-ID, and the text is its own."""
    late = delayed(proxied, synced, row, "Second")
    look(synced)
    late.release()
    edit_elsewhere(mailbox)
    for _ in range(3):
        look(synced)
    assert sorted(texts(mailbox)) == ["Second", "Theirs"]


def test_what_another_program_made_of_a_copy_without_an_answer_stays(
    row: OutgoingMessage, synced: MailAccount, proxied: FaultProxy, mailbox: Mailbox
) -> None:
    proxied.rule("APPEND", "cut_after")
    more(row, "Second")
    with pytest.raises(RetryLater):
        look(synced)
    edit_elsewhere(mailbox)
    for _ in range(3):
        look(synced)
    assert sorted(texts(mailbox)) == ["Second", "Theirs"]


def test_it_is_not_waited_for_for_ever(row: OutgoingMessage, synced: MailAccount, proxied: FaultProxy) -> None:
    delayed(proxied, synced, row, "Second")
    begun = BegunCopy.objects.filter(outgoing=row)
    begun.update(begun_at=timezone.now() - timedelta(days=3))
    late_drafts.forget()
    assert begun.exists(), "it is the newest copy there may be"
    look(synced)
    late_drafts.forget()
    assert not begun.exists()


def test_a_draft_that_changes_its_account_meanwhile_takes_no_number_along(
    row: OutgoingMessage, synced: MailAccount, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I6: under that number there is another message in the other account."""
    work = MailAccount.objects.create(
        user=synced.user, address="ada@work.test", username="w", imap_host="x", smtp_host="x"
    )
    other = Identity.objects.create(account=work, address="ada@work.test")
    really = MailConnection.append

    def append(connection: MailConnection, *given: object) -> object:
        appended = really(connection, *given)  # type: ignore[arg-type]
        standing = OutgoingMessage.objects.get(pk=row.pk)
        given_now = drafts.Fields(to=row.to, text="From work", plain=True, identity_id=other.pk)
        drafts.save_draft(standing, given_now, standing.revision)
        return appended

    more(row, "Second")
    with monkeypatch.context() as patched:
        patched.setattr(MailConnection, "append", append)
        look(synced)
    row.refresh_from_db()
    assert (row.account, row.text, row.draft_uid, row.copy_message_id) == (work, "From work", None, "")
    OutgoingMessage.objects.filter(account=synced).update(updated_at=timezone.now() - timedelta(minutes=1))
    for _ in range(3):
        look(synced)
    assert mailbox.uids("Drafts") == []

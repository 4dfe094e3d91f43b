"""Exactly one copy of a sent message at the end, whoever files it and however late (faults F06, F41)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Identity, MailAccount
from tests.outbox.conftest import Write, queued
from tests.outbox.test_deliver import delivered
from tests.outbox.test_outgoing import look, proxied, synced
from tests.servers.fault_proxy import FaultProxy
from tests.servers.mailbox import Mailbox
from webmail.errors import RetryLater
from webmail.models import Folder, Message, Notice, OutgoingMessage
from webmail.sync import sent_copies

__all__ = ["proxied", "synced"]
pytestmark = pytest.mark.mailserver
State, SentCopy = OutgoingMessage.State, OutgoingMessage.SentCopy


def older(row: OutgoingMessage, seconds: float) -> None:
    OutgoingMessage.objects.filter(pk=row.pk).update(sent_at=timezone.now() - timedelta(seconds=seconds))


def sent(write: Write, **fields: object) -> OutgoingMessage:
    return delivered(queued(write(**fields)))


def watched(account: MailAccount, **values: object) -> None:
    MailAccount.objects.filter(pk=account.pk).update(**values)


def test_a_provider_that_files_a_moment_later_is_waited_for_and_learned(
    synced: MailAccount, mailbox: Mailbox, write: Write
) -> None:
    """F41"""
    watched(synced, sent_watch=3)
    row = sent(write)
    look(synced)
    assert mailbox.uids("Sent") == []
    # The pass was itself still due while it ran; the worker learns from this when to come back.
    synced.refresh_from_db()
    row.refresh_from_db()
    assert row.sent_at is not None
    assert sent_copies.next_look(synced) == row.sent_at + timedelta(seconds=sent_copies.UNKNOWN[1])
    mailbox.append(row.raw.read(), "Sent")
    older(row, 6)
    look(synced)
    row.refresh_from_db()
    synced.refresh_from_db()
    assert (row.sent_copy, len(mailbox.uids("Sent"))) == (SentCopy.FILED, 1)
    assert (synced.saves_sent, synced.sent_watch) == (True, 0)
    assert sent_copies.next_look(synced) is None


def test_where_nothing_comes_the_copy_is_appended_and_soon_nobody_waits_any_more(
    synced: MailAccount, mailbox: Mailbox, write: Write
) -> None:
    """F41"""
    watched(synced, sent_watch=1)
    row = sent(write)
    for seconds in (0, 4):
        older(row, seconds)
        assert mailbox.uids("Sent") == []
        look(synced)
    row.refresh_from_db()
    synced.refresh_from_db()
    assert (row.sent_copy, len(mailbox.uids("Sent")), synced.saves_sent) == (SentCopy.FILED, 1, False)
    sent(write)
    look(synced)
    assert len(mailbox.uids("Sent")) == 2


def test_a_provider_that_is_said_to_file_and_does_not_loses_no_copy(
    synced: MailAccount, mailbox: Mailbox, write: Write
) -> None:
    """F41"""
    watched(synced, saves_sent=True)
    row = sent(write)
    assert row.sent_copy == SentCopy.EXPECTED
    for seconds in sent_copies.TRUSTED:
        assert mailbox.uids("Sent") == []
        older(row, seconds + 1)
        look(synced)
    row.refresh_from_db()
    assert (row.sent_copy, len(mailbox.uids("Sent"))) == (SentCopy.FILED, 1)


def test_a_copy_of_the_providers_that_comes_late_takes_the_place_of_ours(
    synced: MailAccount, mailbox: Mailbox, write: Write
) -> None:
    """F41"""
    row = sent(write)
    look(synced)
    (ours,) = mailbox.uids("Sent")
    look(synced)
    Message.objects.filter(uid=ours, folder__special_use="sent").update(flagged=True)
    theirs = mailbox.append(row.raw.read(), "Sent")
    look(synced)
    look(synced)
    assert mailbox.uids("Sent") == [theirs]
    assert b"\\Flagged" in mailbox.flags(theirs, "Sent")
    synced.refresh_from_db()
    assert synced.saves_sent
    look(synced)
    shown = Message.objects.filter(shown_in__special_use="sent", missing_since__isnull=True)
    assert [message.uid for message in shown] == [theirs]


def test_without_its_number_no_copy_is_taken_away(
    synced: MailAccount, proxied: FaultProxy, mailbox: Mailbox, write: Write
) -> None:
    """F41"""
    proxied.rule("APPEND", "cut_after")
    row = sent(write)
    with pytest.raises(RetryLater):
        look(synced)
    look(synced)
    row.refresh_from_db()
    assert (row.sent_copy, row.sent_copy_uid) == (SentCopy.FILED, sent_copies.BEGUN)
    mailbox.append(row.raw.read(), "Sent")
    for _ in range(3):
        look(synced)
    assert len(mailbox.uids("Sent")) == 2
    synced.refresh_from_db()
    assert not synced.saves_sent


@pytest.mark.parametrize("answer", [b"NO [OVERQUOTA] Full", b"NO [TRYCREATE] No such folder", b"NO [TOOBIG] Too large"])
def test_a_refused_copy_is_kept_here_told_and_the_mail_counts_as_sent(
    synced: MailAccount, proxied: FaultProxy, mailbox: Mailbox, write: Write, answer: bytes
) -> None:
    """F06"""
    row = sent(write)
    proxied.rule("APPEND", "answer", text=b"{tag} " + answer + b"\r\n")
    look(synced)
    row.refresh_from_db()
    assert (row.state, row.sent_copy) == (State.SENT, SentCopy.KEPT)
    assert "could not be filed" in Notice.objects.get(user=synced.user).text
    assert row.raw.read()
    assert mailbox.uids("Sent") == []


def test_an_identity_files_in_its_own_folder_and_in_sent_where_that_is_gone(
    synced: MailAccount, mailbox: Mailbox, write: Write
) -> None:
    client = mailbox.imap()
    client.create_folder("Written at work")
    look(synced)
    Identity.objects.update(
        sent_rule="folder", sent_folder=Folder.objects.get(account=synced, name="Written at work").pk
    )
    sent(write)
    look(synced)
    assert (len(mailbox.uids("Written at work")), mailbox.uids("Sent")) == (1, [])
    client.delete_folder("Written at work")
    client.logout()
    sent(write)
    look(synced)
    assert len(mailbox.uids("Sent")) == 1

"""Exactly one copy of a sent message at the end, whoever files it and however late (faults F06, F41)."""

from datetime import datetime, timedelta
from unittest.mock import Mock

import pytest
from django.utils import timezone

from accounts.models import Identity, MailAccount
from tests.convergence.steps import Killed
from tests.outbox.conftest import Write, queued
from tests.outbox.test_deliver import delivered
from tests.outbox.test_outgoing import look, proxied, synced
from tests.servers.fault_proxy import Action, FaultProxy
from tests.servers.mailbox import Mailbox
from webmail.errors import RetryLater
from webmail.imap.connection import MailConnection
from webmail.models import Conversation, Folder, Message, Notice, OutgoingMessage, SyncState
from webmail.sync import sent_copies
from webmail.sync.conversations import hash_key
from webmail.sync.sent_twins import doubled

__all__ = ["proxied", "synced"]
pytestmark = pytest.mark.mailserver
State, SentCopy = OutgoingMessage.State, OutgoingMessage.SentCopy


def older(row: OutgoingMessage, seconds: float) -> None:
    OutgoingMessage.objects.filter(pk=row.pk).update(sent_at=timezone.now() - timedelta(seconds=seconds))


def sent(write: Write, **fields: object) -> OutgoingMessage:
    return delivered(queued(write(**fields)))


def due_at(account: MailAccount) -> datetime:
    return SyncState.objects.get(account=account).due_at


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
    mailbox.append(row.raw.read(), "Sent")
    older(row, 6)
    look(synced)
    row.refresh_from_db()
    synced.refresh_from_db()
    assert (row.sent_copy, len(mailbox.uids("Sent"))) == (SentCopy.FILED, 1)
    assert (synced.saves_sent, synced.sent_watch) == (True, 0)


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
    # It is believed no longer, until it files one after all.
    synced.refresh_from_db()
    assert (synced.saves_sent, synced.sent_watch) == (False, MailAccount.SENT_WATCH)
    row = sent(write)
    assert row.sent_copy == SentCopy.DUE
    mailbox.append(row.raw.read(), "Sent")
    look(synced)
    synced.refresh_from_db()
    assert (synced.saves_sent, len(mailbox.uids("Sent"))) == (True, 2)


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


def given_up(row: OutgoingMessage) -> None:
    """No server takes that long over an APPEND."""
    OutgoingMessage.objects.filter(pk=row.pk).update(sent_copy_begun_at=timezone.now() - timedelta(minutes=2))


def failing_look(account: MailAccount) -> None:
    with pytest.raises(RetryLater):
        look(account)


def certain(synced: MailAccount, row: OutgoingMessage, mailbox: Mailbox, *uids: int) -> None:
    """One copy, and whoever made it, nothing was learned from it."""
    synced.refresh_from_db()
    row.refresh_from_db()
    assert (row.sent_copy, mailbox.uids("Sent")) == (SentCopy.FILED, list(uids))
    assert (synced.saves_sent, synced.sent_watch) == (False, 3)


@pytest.fixture
def unknown(synced: MailAccount) -> MailAccount:
    """Nobody knows yet whether its provider files sent mail."""
    watched(synced, sent_watch=3)
    synced.refresh_from_db()
    return synced


@pytest.mark.parametrize("action", ["cut_before", "cut_after"])
def test_an_append_without_an_answer_is_looked_for_before_it_is_made_again(
    unknown: MailAccount, proxied: FaultProxy, mailbox: Mailbox, write: Write, action: Action
) -> None:
    """F41"""
    proxied.rule("APPEND", action)
    row = sent(write)
    older(row, 6)
    look(unknown)
    failing_look(unknown)
    look(unknown)
    there = mailbox.uids("Sent")
    assert len(there) == (action == "cut_after")
    if not there:
        # The worker comes back for it.
        assert due_at(unknown) < timezone.now() + timedelta(seconds=5)
        given_up(row)
        look(unknown)
        there = mailbox.uids("Sent")
    certain(unknown, row, mailbox, *there[:1])


def test_a_worker_that_dies_before_append_leaves_no_trace(
    unknown: MailAccount, mailbox: Mailbox, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F41"""
    row = sent(write)
    older(row, 6)
    look(unknown)
    with monkeypatch.context() as patched:
        patched.setattr(sent_copies, "_begin", Mock(side_effect=Killed))
        with pytest.raises(Killed):
            look(unknown)
    look(unknown)
    row.refresh_from_db()
    unknown.refresh_from_db()
    assert (row.sent_copy, mailbox.uids("Sent")) == (SentCopy.FILED, [row.sent_copy_uid])
    assert (unknown.saves_sent, unknown.sent_watch) == (False, 2)


def test_an_append_that_is_carried_out_late_is_waited_for(
    unknown: MailAccount, proxied: FaultProxy, mailbox: Mailbox, write: Write
) -> None:
    """F41"""
    late = proxied.rule("APPEND", "late")
    row = sent(write)
    older(row, 6)
    look(unknown)
    failing_look(unknown)
    look(unknown)
    assert mailbox.uids("Sent") == []
    late.release()
    look(unknown)
    (first,) = mailbox.uids("Sent")
    certain(unknown, row, mailbox, first)


def test_a_clock_that_is_set_back_makes_nobody_wait(
    unknown: MailAccount, proxied: FaultProxy, mailbox: Mailbox, write: Write
) -> None:
    """F41"""
    proxied.rule("APPEND", "cut_before")
    row = sent(write)
    older(row, 6)
    look(unknown)
    failing_look(unknown)
    OutgoingMessage.objects.filter(pk=row.pk).update(sent_copy_begun_at=timezone.now() + timedelta(hours=1))
    look(unknown)
    certain(unknown, row, mailbox, *mailbox.uids("Sent")[:1])


def test_an_append_that_is_carried_out_too_late_leaves_one_copy_and_teaches_nothing(
    unknown: MailAccount, proxied: FaultProxy, mailbox: Mailbox, write: Write
) -> None:
    """F41"""
    late = proxied.rule("APPEND", "late")
    row = sent(write)
    older(row, 6)
    look(unknown)
    failing_look(unknown)
    given_up(row)
    look(unknown)
    look(unknown)
    (second,) = mailbox.uids("Sent")
    Message.objects.filter(uid=second, folder__special_use="sent").update(answered=True)
    late.release()
    assert len(mailbox.uids("Sent")) == 2
    look(unknown)
    Message.objects.filter(uid=second + 1, folder__special_use="sent").update(flagged=True, keywords=["$Work"])
    look(unknown)
    certain(unknown, row, mailbox, second)
    assert {b"\\Seen", b"\\Flagged", b"$Work"} <= set(mailbox.flags(second, "Sent"))
    look(unknown)
    shown = Message.objects.filter(shown_in__special_use="sent", missing_since__isnull=True)
    assert [message.uid for message in shown] == [second]


def test_two_workers_at_once_never_count_as_a_provider(
    unknown: MailAccount, mailbox: Mailbox, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F41: one that was frozen in its APPEND while its lease ran out."""
    row = sent(write)
    older(row, 6)
    look(unknown)
    really = MailConnection.append
    frozen: list[object] = []

    def append(connection: MailConnection, *given: object) -> object:
        appended = really(connection, *given)  # type: ignore[arg-type]
        if not frozen:
            frozen.append(appended)
            mailbox_copy = mailbox.uids("Sent")[0]
            client = mailbox.imap()
            client.select_folder("Sent")
            raw = mailbox.raw(mailbox_copy, "Sent")
            client.delete_messages([mailbox_copy])
            client.expunge()
            given_up(row)
            look(unknown)
            client.append("Sent", raw)
            client.logout()
        return appended

    monkeypatch.setattr(MailConnection, "append", append)
    look(unknown)
    for _ in range(3):
        look(unknown)
    there = mailbox.uids("Sent")
    assert len(there) == 1
    certain(unknown, row, mailbox, *there)


def test_what_is_not_the_same_is_not_made_one(
    unknown: MailAccount, proxied: FaultProxy, mailbox: Mailbox, write: Write
) -> None:
    """F41"""
    proxied.rule("APPEND", "cut_after")
    row = sent(write)
    older(row, 6)
    look(unknown)
    failing_look(unknown)
    look(unknown)
    raw = row.raw.read()
    changed = raw.replace(b"Good morning", b"Good evening")
    mailbox.append(changed, "Sent")
    mailbox.append(raw.replace(b"Subject:", b"X-Stored: yes\r\nSubject:"), "Sent")
    for _ in range(3):
        look(unknown)
    there = mailbox.uids("Sent")
    assert len(there) == 3
    certain(unknown, row, mailbox, *there)
    # And nobody looks at them again.
    assert doubled(unknown) == []


@pytest.mark.parametrize("lacks", ["UIDPLUS", "UID EXPUNGE"])
def test_without_an_exact_expunge_both_stay(
    unknown: MailAccount, proxied: FaultProxy, mailbox: Mailbox, write: Write, lacks: str
) -> None:
    """F41"""
    if lacks == "UIDPLUS":
        proxied.hide.add(b"UIDPLUS")
    late = proxied.rule("APPEND", "late")
    proxied.rule("EXPUNGE", "answer", text=b"{tag} NO Not now\r\n")
    row = sent(write)
    older(row, 6)
    look(unknown)
    failing_look(unknown)
    given_up(row)
    look(unknown)
    late.release()
    for _ in range(3):
        look(unknown)
    there = mailbox.uids("Sent")
    assert len(there) == 2
    certain(unknown, row, mailbox, *there)
    assert all(b"\\Deleted" not in mailbox.flags(uid, "Sent") for uid in there)


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


def test_a_number_names_our_copy_only_where_copies_are_filed(account: MailAccount, write: Write) -> None:
    """I6: folders may have the same UIDVALIDITY, and a letter to oneself stands in several."""
    row = sent(write)
    OutgoingMessage.objects.filter(pk=row.pk).update(
        sent_copy=SentCopy.FILED, sent_copy_begun_at=timezone.now(), sent_copy_uid=7, sent_copy_uidvalidity=1
    )
    for use, uids in (("inbox", (7, 8)), ("sent", (7,))):
        folder = Folder.objects.create(account=account, name=use, special_use=use, uidvalidity=1)
        for uid in uids:
            Message.objects.create(
                account=account,
                folder=folder,
                shown_in=folder,
                conversation=Conversation.objects.create(user=account.user),
                message_id=row.message_id,
                message_key=hash_key(row.message_id),
                internaldate=timezone.now(),
                uid=uid,
                uidvalidity=1,
            )
    assert doubled(account) == []
    Message.objects.filter(folder__special_use="inbox", uid=8).update(folder=Folder.objects.get(special_use="sent"))
    assert doubled(account) == [row]

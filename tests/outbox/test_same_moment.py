"""F38, F39, F43, F44: what comes at the same moment, twice because an answer was lost, or from a worker that slept."""

from datetime import timedelta
from email import message_from_bytes
from io import BytesIO

import pytest
from django.db.models import F
from django.utils import timezone

from accounts.models import MailAccount
from tests.outbox.conftest import Write, due, queued
from tests.outbox.test_outgoing import foreign_draft, look
from tests.outbox.test_queue import fields_of
from tests.outbox.test_signature import picture_in_signature
from tests.servers.mailbox import Mailbox
from tests.servers.smtp_sink import SmtpSink
from webmail.errors import GiveUp
from webmail.models import Message, Notice, OutgoingMessage
from webmail.outbox import attachments, deliver, drafts, queue, reply, versions
from webmail.sync import server_drafts

State = OutgoingMessage.State


def test_a_file_that_comes_while_the_bytes_are_made_is_not_left_behind(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F44"""
    row = write()
    really = queue.freeze

    def freeze(*given: object) -> str:
        made = really(*given)  # type: ignore[arg-type]
        attachments.attach(OutgoingMessage.objects.get(pk=row.pk), BytesIO(b"late"), "late.txt", "text/plain")
        return made

    with monkeypatch.context() as patched:
        patched.setattr(queue, "freeze", freeze)
        with pytest.raises(GiveUp, match="changed elsewhere just now"):
            queue.enqueue(row, token=row.token)
    row.refresh_from_db()
    assert row.state == State.DRAFT
    assert b"late.txt" in queue.enqueue(row, token=row.token).raw.read()


def test_the_same_text_saved_twice_at_the_same_moment_is_one_draft(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F39"""
    row = write()

    def other(outgoing: OutgoingMessage, **_: object) -> None:
        OutgoingMessage.objects.filter(pk=outgoing.pk).update(text="More", revision=F("revision") + 1)

    monkeypatch.setattr(versions, "keep_before", other)
    saved = drafts.save_draft(row, fields_of(row, text="More"), row.revision)
    assert (saved.conflict, OutgoingMessage.objects.count()) == (False, 1)


def test_a_conflict_whose_answer_was_lost_makes_one_new_draft(write: Write) -> None:
    """F43"""
    row = write()
    known = row.revision
    attachments.attach(row, BytesIO(b"octets"), "a.txt", "text/plain")
    drafts.save_draft(row, fields_of(row, text="From the phone"), known)
    desk = fields_of(row, text="From the desk")
    first = drafts.save_draft(row, desk, known)
    again = drafts.save_draft(row, desk, known)
    assert (first.conflict, again.conflict) == (True, True)
    assert again.outgoing.pk == first.outgoing.pk
    assert first.outgoing.attachments.count() == 1


def test_a_conflict_doubles_no_picture_of_the_signature(write: Write, account: MailAccount) -> None:
    picture_in_signature(account)
    draft = reply.compose(account.user, account.identities.get(is_default=True), to="bob@example.test")
    given = drafts.Fields(to="bob@example.test", html=f"{draft.html}<div>Mine</div>")
    other = drafts.save_draft(draft, given, draft.revision - 1)
    assert other.conflict
    (kept,) = other.outgoing.attachments.all()
    assert kept.of_signature


@pytest.fixture
def asleep(write: Write) -> tuple[OutgoingMessage, OutgoingMessage]:
    """A row, and the claim of a worker that stopped before DATA and is taken for dead."""
    row = queued(write(text="Old"))
    claimed = deliver.claim(row.pk)
    assert claimed is not None
    OutgoingMessage.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    deliver.settle_abandoned()
    row.refresh_from_db()
    return row, claimed


def test_a_worker_that_slept_does_nothing_to_what_was_taken_back_and_sent_anew(
    asleep: tuple[OutgoingMessage, OutgoingMessage], smtp_sink: SmtpSink
) -> None:
    """F38, F40"""
    row, sleeper = asleep
    assert queue.undo(row)
    anew = queued(drafts.save_draft(row, fields_of(row, text="New"), row.revision).outgoing)
    awake = deliver.claim(anew.pk)
    assert awake is not None
    with pytest.raises(deliver.LostClaim):
        deliver._begin_data(sleeper, deliver.LEASE)
    deliver.deliver(sleeper)
    row.refresh_from_db()
    assert (row.state, Notice.objects.count()) == (State.SENDING, 0)
    deliver.deliver(awake)
    row.refresh_from_db()
    assert row.state == State.SENT
    assert [message_from_bytes(each.raw).get_payload() for each in smtp_sink.received] == ["New\r\n"]


def test_a_worker_that_slept_sends_nothing_to_those_alone_who_were_refused(
    asleep: tuple[OutgoingMessage, OutgoingMessage], smtp_sink: SmtpSink
) -> None:
    row, sleeper = asleep
    awake = deliver.claim(row.pk)
    assert awake is not None
    recipients = [
        {"address": "bob@example.test", "code": 250, "text": ""},
        {"address": "x@y.z", "code": 550, "text": ""},
    ]
    OutgoingMessage.objects.filter(pk=row.pk).update(
        state=State.SENT, sent_at=timezone.now(), recipients=recipients, attempts=2
    )
    row.refresh_from_db()
    due(queue.try_refused(row))
    assert deliver.claim(row.pk) is not None
    with pytest.raises(deliver.LostClaim):
        deliver._begin_data(sleeper, deliver.LEASE)
    assert smtp_sink.received == []


def test_what_was_taken_back_in_the_last_moment_is_not_forgotten(write: Write) -> None:
    row = write()
    assert drafts.discard(row)
    found = OutgoingMessage.objects.get(pk=row.pk)
    assert drafts.restore(row)
    attachments.delete_with_files(found)
    row.refresh_from_db()
    attachments.delete_with_files(row)
    assert not OutgoingMessage.objects.filter(pk=row.pk).exists()


@pytest.mark.mailserver
def test_a_draft_of_another_program_opened_twice_at_once_is_one(
    reading: MailAccount, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox.append(foreign_draft(), "Drafts", (b"\\Draft",))
    look(reading)
    message = Message.objects.get(message_id="d1@client.test")
    really = server_drafts.bodies.source
    others: list[OutgoingMessage] = []

    def source(given: Message) -> object:
        fetched = list(really(given))
        if not others:
            others.append(OutgoingMessage())
            others[0] = server_drafts.edit_draft(message)
        return fetched

    monkeypatch.setattr(server_drafts.bodies, "source", source)
    row = server_drafts.edit_draft(message)
    assert [row] == others
    assert row.attachments.count() == 1


def test_what_was_refused_of_an_earlier_try_says_nothing_of_the_next(write: Write) -> None:
    """A worker still fetches a file for what was taken back and sent anew without it."""
    row = queued(write())
    earlier = OutgoingMessage.objects.get(pk=row.pk)
    assert queue.undo(row)
    queued(row)
    queue.reject(earlier, "The file is gone.")
    row.refresh_from_db()
    assert (row.state, Notice.objects.count()) == (State.QUEUED, 0)


def test_what_is_sent_again_leaves_no_bytes_of_the_first_try_behind(write: Write) -> None:
    row = queued(write())
    first = str(row.raw.name)
    queue.reject(row, "Nobody is there.")
    row.refresh_from_db()
    queued(row)
    assert not row.raw.storage.exists(first)
    assert row.raw.storage.exists(str(row.raw.name))


@pytest.mark.mailserver
def test_a_foreign_draft_that_is_too_long_is_not_cut(
    reading: MailAccount, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I1: the next save would put what is left in its place."""
    mailbox.append(foreign_draft(), "Drafts", (b"\\Draft",))
    look(reading)
    monkeypatch.setattr(drafts, "LONGEST_TEXT", 10)
    with pytest.raises(drafts.TooLong):
        server_drafts.edit_draft(Message.objects.get(message_id="d1@client.test"))
    assert not OutgoingMessage.objects.exists()

"""F39, F40, F44, F55: sent later, taken back, missed, and put back to an earlier day."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email import message_from_bytes
from email.utils import parsedate_to_datetime
from io import BytesIO

import pytest
from django.db import connections
from django.utils import timezone

from accounts.models import Identity, MailAccount
from tests.outbox.conftest import Write, due, queued
from tests.outbox.test_outgoing import foreign_draft, look
from tests.servers.mailbox import Mailbox
from tests.servers.smtp_sink import SmtpSink
from webmail.models import Message, Notice, OutgoingMessage, Reminder
from webmail.outbox import attachments, deliver, queue
from webmail.sync import reminders
from webmail.sync.account import LocalPass
from webmail.worker.outbox import Outbox

State, Held = OutgoingMessage.State, OutgoingMessage.Held
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _in_this_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver._crew, "start", deliver.deliver_in_turn)


def scheduled(row: OutgoingMessage, ahead: timedelta = HOUR) -> OutgoingMessage:
    return queue.enqueue(row, token=row.token, send_at=timezone.now() + ahead)


def ago(row: OutgoingMessage, how_long: timedelta) -> None:
    OutgoingMessage.objects.filter(pk=row.pk).update(send_after=timezone.now() - how_long)
    row.refresh_from_db()


def test_the_bytes_are_made_once_when_the_time_has_come(write: Write) -> None:
    row = scheduled(write())
    message_id = row.message_id
    assert not row.raw
    assert queue.freeze_due() == 0
    assert deliver.claim(row.pk) is None
    due(row)
    assert queue.freeze_due() == 1
    assert queue.freeze_due() == 0
    row.refresh_from_db()
    message = message_from_bytes(row.raw.read())
    assert message["Message-ID"] == f"<{message_id}>"
    assert abs(parsedate_to_datetime(message["Date"]) - timezone.now()) < timedelta(minutes=1)
    assert deliver.claim(row.pk) is not None


def test_back_to_the_drafts_keeps_the_time_proposed(write: Write) -> None:
    row = scheduled(write())
    chosen = row.send_at
    assert queue.undo(row)
    assert (row.state, row.send_at, row.send_after) == (State.DRAFT, chosen, None)
    again = queue.enqueue(row, token=row.token)
    assert (again.state, again.send_at) == (State.QUEUED, None)


def test_taking_back_leaves_no_bytes_behind(write: Write) -> None:
    row = scheduled(write())
    stale = OutgoingMessage.objects.get(pk=row.pk)
    due(row)
    queue.freeze_due()
    row.refresh_from_db()
    storage, name = row.raw.storage, str(row.raw.name)
    assert queue.undo(stale)
    assert not storage.exists(name)


def test_send_now_does_not_wait_for_the_time(write: Write) -> None:
    row = scheduled(write())
    queue.send_again(row)
    assert queue.freeze_due() == 1
    assert deliver.claim(row.pk) is not None


def test_a_file_that_went_missing_meanwhile_is_named_and_nothing_is_sent(write: Write) -> None:
    row = write()
    file = attachments.attach(row, BytesIO(b"x"), "Plan.ods", "application/ods")
    scheduled(row)
    file.file.storage.delete(str(file.file.name))
    due(row)
    queue.freeze_due()
    row.refresh_from_db()
    assert row.state == State.REJECTED
    assert "Plan.ods" in row.sentence
    assert "Plan.ods" in Notice.objects.get(user=row.user).text


@pytest.mark.mailserver
def test_files_of_other_messages_are_fetched_when_it_is_scheduled(
    reading: MailAccount, mailbox: Mailbox, write: Write
) -> None:
    mailbox.append(foreign_draft(), "INBOX")
    look(reading)
    message = Message.objects.get(message_id="d1@client.test")
    row = write()
    row.attachments.create(filename="table.csv", content_type="text/csv", size=4, message=message, section="2")
    scheduled(row)
    look(reading)
    message.delete()
    due(row)
    assert queue.freeze_due() == 1
    row.refresh_from_db()
    parts = message_from_bytes(row.raw.read()).walk()
    assert [part.get_payload(decode=True) for part in parts if part.get_filename()] == [b"a,b"]


def test_what_was_missed_by_hours_is_sent_and_by_a_day_is_asked_about(write: Write, smtp_sink: SmtpSink) -> None:
    hours, days = scheduled(write(subject="Hours")), scheduled(write(subject="Days"))
    ago(hours, timedelta(hours=20))
    ago(days, timedelta(hours=25))
    running = Outbox()
    running.looked = True
    running.look("worker", lambda: False)
    assert [message_from_bytes(each.raw)["Subject"] for each in smtp_sink.wait_for(1)] == ["Hours"]
    days.refresh_from_db()
    assert (days.state, days.held) == (State.QUEUED, Held.ASK)
    assert "Days" in Notice.objects.get(user=days.user).text
    running.look("worker", lambda: False)
    assert Notice.objects.count() == 1
    queue.send_again(days)
    running.look("worker", lambda: False)
    assert len(smtp_sink.wait_for(2)) == 2


@pytest.mark.mailserver
@pytest.mark.parametrize("left", ["queued", "sending"])
def test_a_restored_backup_sends_nothing_that_is_out_already(
    reading: MailAccount, mailbox: Mailbox, write: Write, smtp_sink: SmtpSink, left: str
) -> None:
    """F55: the rows of yesterday evening say "waiting", Sent says otherwise."""
    look(reading)
    out, still = queued(write(subject="Out")), queued(write(subject="Still here"))
    mailbox.append(out.raw.read(), "Sent")
    for row in (out, still):
        ago(row, timedelta(hours=8))
    if left == "sending":
        OutgoingMessage.objects.filter(pk__in=[out.pk, still.pk]).update(
            state=State.SENDING, lease_until=timezone.now() - timedelta(hours=8)
        )
    worker = Outbox()
    worker.look("worker", lambda: False)
    assert smtp_sink.received == []
    look(reading)
    worker.look("worker", lambda: False)
    assert [message_from_bytes(each.raw)["Subject"] for each in smtp_sink.wait_for(1)] == ["Still here"]
    out.refresh_from_db()
    assert (out.state, out.held) == (State.SENT, Held.NO)
    assert len(mailbox.uids("Sent")) == 1


def test_an_hour_that_is_put_back_on_the_clock_sends_once(write: Write, smtp_sink: SmtpSink) -> None:
    """F40: times are kept as moments; a clock that goes back makes nothing due twice."""
    row = scheduled(write())
    due(row)
    worker = Outbox()
    worker.looked = True
    for _ in range(3):
        worker.look("worker", lambda: False)
        assert len(smtp_sink.received) == 1


def at_once(act: Callable[[], int]) -> list[int]:
    """What two workers get who do it at the same moment."""
    ready = threading.Barrier(2)

    def run() -> int:
        ready.wait(10)
        try:
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        return sorted(future.result(30) for future in [pool.submit(run), pool.submit(run)])


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_two_workers_make_and_claim_one_message_once(write: Write) -> None:
    """F39"""
    row = scheduled(write())
    due(row)
    at_once(queue.freeze_due)
    row.refresh_from_db()
    raw = row.raw.name
    assert raw
    directory, _, _ = str(raw).rpartition("/")
    assert raw.rpartition("/")[2] in row.raw.storage.listdir(directory)[1]
    assert at_once(lambda: int(deliver.claim(row.pk) is not None)) == [0, 1]
    row.refresh_from_db()
    assert (row.raw.name, row.attempts) == (raw, 1)


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_undo_and_a_worker_at_the_same_moment_never_both_win(write: Write) -> None:
    """F40"""
    for _ in range(3):
        row = scheduled(write())
        due(row)
        queue.freeze_due()
        sides: list[Callable[[], int]] = [
            lambda pk=row.pk: int(queue.undo(OutgoingMessage.objects.get(pk=pk))),  # type: ignore[misc]
            lambda pk=row.pk: int(deliver.claim(pk) is not None),  # type: ignore[misc]
        ]
        assert at_once(lambda both=sides: both.pop()()) == [0, 1]  # type: ignore[misc]


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_two_workers_begin_and_tell_one_reminder_once(write: Write) -> None:
    row = write()
    sent_at = timezone.now() - timedelta(days=4)
    OutgoingMessage.objects.filter(pk=row.pk).update(
        state=State.SENT, sent_at=sent_at, remind_after=3, message_id="s@x"
    )
    assert at_once(reminders.run_due) == [0, 1]
    assert Reminder.objects.get().state == Reminder.State.DUE
    assert Notice.objects.count() == 1


@pytest.mark.parametrize("place", ["pop3", "no copy", "receipt", "imap"])
@pytest.mark.mailserver
def test_a_restored_backup_asks_where_no_copy_could_tell(
    reading: MailAccount, write: Write, smtp_sink: SmtpSink, place: str
) -> None:
    """F55: what Sent says of an account that lives in the very database is of yesterday, too."""
    look(reading)
    row = queued(write())
    ago(row, timedelta(hours=8))
    if place == "pop3":
        MailAccount.objects.filter(pk=reading.pk).update(kind="pop3")
    elif place == "no copy":
        Identity.objects.update(sent_rule="none")
    elif place == "receipt":
        OutgoingMessage.objects.filter(pk=row.pk).update(envelope_from="")
    worker = Outbox()
    worker.look("worker", lambda: False)
    reading.refresh_from_db()
    if place == "pop3":
        LocalPass(reading, lambda: False).run()
    else:
        look(reading)
    worker.look("worker", lambda: False)
    row.refresh_from_db()
    if place == "imap":
        assert row.state == State.SENT
        return
    assert (smtp_sink.received, row.state, row.held) == ([], State.QUEUED, Held.ASK)
    assert "Decide in the outbox" in Notice.objects.get(user=row.user).text
    queue.send_again(row)
    worker.look("worker", lambda: False)
    assert len(smtp_sink.wait_for(1)) == 1

"""Delivery: one mail at most, whatever breaks and whenever."""

from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.core.files.base import ContentFile
from django.utils import timezone

from accounts.models import MailAccount
from tests.outbox.conftest import Write, due, queued
from tests.servers.smtp_sink import Script, SmtpSink
from webmail.contacts.suggest import suggest
from webmail.errors import GiveUp
from webmail.mime.receipt import REPORT
from webmail.models import (
    Conversation,
    Folder,
    Message,
    Notice,
    OutgoingAttachment,
    OutgoingMessage,
    PendingAction,
)
from webmail.outbox import after, deliver, drafts, queue

State, SentCopy = OutgoingMessage.State, OutgoingMessage.SentCopy


def delivered(outgoing: OutgoingMessage) -> OutgoingMessage:
    claimed = deliver.claim(outgoing.pk)
    assert claimed is not None
    deliver.deliver(claimed)
    outgoing.refresh_from_db()
    return outgoing


def test_a_good_delivery_ends_sent_with_a_copy_due(write: Write, smtp_sink: SmtpSink) -> None:
    row = delivered(queued(write(cc="carl@example.test", bcc="dora@example.test")))
    assert (row.state, row.sent_copy, row.sentence) == (State.SENT, SentCopy.DUE, "")
    assert [each["code"] for each in row.recipients] == [250, 250, 250]
    (message,) = smtp_sink.wait_for(1)
    assert message.mail_from == "ada@example.test"
    assert message.rcpt_to == ["bob@example.test", "carl@example.test", "dora@example.test"]
    assert message.raw == row.raw.read()


def test_whom_one_has_written_to_is_suggested_from_then_on(write: Write, account: MailAccount) -> None:
    delivered(queued(write(bcc="Dora <dora@example.test>")))
    assert [each.address for each in suggest(account.user_id, "example dor")] == ["dora@example.test"]


def test_a_provider_that_files_sent_mail_gets_no_copy_from_us_at_once(write: Write, account: MailAccount) -> None:
    account.saves_sent = True
    account.save()
    assert delivered(queued(write())).sent_copy == SentCopy.EXPECTED


def test_nothing_is_claimed_before_its_time_or_twice(write: Write) -> None:
    draft = write()
    queue.enqueue(draft, token=draft.token)
    assert deliver.claim(draft.pk) is None
    due(draft)
    assert deliver.claim(draft.pk) is not None
    assert deliver.claim(draft.pk) is None


def test_partial_refusal_is_sent_to_the_others_and_told(
    write: Write, smtp_sink: SmtpSink, account: MailAccount
) -> None:
    """F35"""
    smtp_sink.script = Script(rcpt={"bad@example.test": "550 5.1.1 No such user"})
    row = delivered(queued(write(to="bob@example.test, bad@example.test")))
    assert row.state == State.SENT
    assert "bad@example.test" in row.sentence
    assert "No such user" in Notice.objects.get(user=account.user).text
    again = queue.send_again(row)
    assert (again.state, again.to, again.text) == (State.DRAFT, "bad@example.test", "Good morning")


def test_only_those_who_were_put_off_are_tried_again(write: Write, smtp_sink: SmtpSink) -> None:
    """F35"""
    smtp_sink.script = Script(rcpt={"late@example.test": "451 4.2.0 Later"})
    row = delivered(queued(write(to="bob@example.test, late@example.test")))
    assert (row.state, row.sent_copy) == (State.QUEUED, SentCopy.DUE)
    assert row.send_after is not None
    assert row.send_after > timezone.now()
    assert not queue.undo(row)
    smtp_sink.script = Script()
    due(row)
    row = delivered(row)
    assert row.state == State.SENT
    assert [message.rcpt_to for message in smtp_sink.wait_for(2)] == [["bob@example.test"], ["late@example.test"]]
    assert [each["code"] for each in row.recipients] == [250, 250]


def test_all_refused_can_be_edited_and_sent_again(write: Write, smtp_sink: SmtpSink) -> None:
    """F35"""
    smtp_sink.script = Script(rcpt_default="550 5.1.1 No such user")
    draft = write()
    old_token = draft.token
    row = delivered(queued(draft))
    assert (row.state, row.sent_copy) == (State.REJECTED, SentCopy.NONE)
    assert "No such user" in row.sentence
    assert row.token != old_token
    smtp_sink.script = Script()
    saved = drafts.save_draft(row, drafts.Fields(to="bob2@example.test", text="x", plain=True), row.revision)
    assert delivered(queued(saved.outgoing)).state == State.SENT


@pytest.mark.parametrize(
    "script",
    [
        Script(greeting="421 4.3.2 Busy"),
        Script(mail="451 4.3.0 Later"),
        Script(rcpt_default="451 4.2.0 Greylisted"),
        Script(data="451 4.3.0 Later"),
        Script(final="451 4.3.0 Later"),
        Script(hang_up="connect"),
        Script(hang_up="mail"),
        Script(hang_up="data"),
    ],
)
def test_what_is_temporary_is_tried_again_and_arrives_once(write: Write, smtp_sink: SmtpSink, script: Script) -> None:
    smtp_sink.script = script
    row = delivered(queued(write()))
    assert (row.state, row.data_begun) == (State.QUEUED, False)
    assert row.send_after is not None
    assert timezone.now() < row.send_after < timezone.now() + timedelta(minutes=2)
    assert "tried again at" in row.sentence
    message_id = row.message_id
    smtp_sink.script = Script()
    due(row)
    row = delivered(row)
    assert (row.state, row.message_id) == (State.SENT, message_id)
    assert len(smtp_sink.wait_for(1)) == 1


def test_a_wrong_password_waits_for_the_person_and_is_said_once(
    write: Write, smtp_sink: SmtpSink, account: MailAccount
) -> None:
    smtp_sink.script = Script(auth="535 5.7.8 No")
    row = delivered(queued(write()))
    assert row.state == State.QUEUED
    assert row.send_after is not None
    assert row.send_after > timezone.now() + timedelta(minutes=30)
    assert "password" in row.sentence
    due(row)
    delivered(row)
    assert Notice.objects.filter(user=account.user).count() == 1
    queue.unblock(account.pk)
    smtp_sink.script = Script()
    assert delivered(row).state == State.SENT


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (Script(size=10), "at most"),
        (Script(final="554 5.7.1 Spam"), "Spam"),
        (Script(mail="550 5.7.1 Not yours"), "Not yours"),
    ],
)
def test_what_is_refused_for_good_is_kept_to_be_edited(
    write: Write, smtp_sink: SmtpSink, script: Script, said: str
) -> None:
    smtp_sink.script = script
    row = delivered(queued(write()))
    assert row.state == State.REJECTED
    assert said in row.sentence


@pytest.mark.parametrize("moment", ["reply", "accepted"])
def test_a_lost_answer_is_never_repeated_by_itself(write: Write, smtp_sink: SmtpSink, moment: str) -> None:
    """F36"""
    smtp_sink.script = Script(hang_up=moment)  # type: ignore[arg-type]
    row = delivered(queued(write()))
    assert row.state == State.UNCLEAR
    smtp_sink.script = Script()
    OutgoingMessage.objects.filter(pk=row.pk).update(send_after=timezone.now() - timedelta(days=1))
    deliver.settle_abandoned()
    assert deliver.claim(row.pk) is None


def test_plain_text_is_not_used_where_it_is_not_allowed(
    write: Write, smtp_sink: SmtpSink, account: MailAccount, settings: LazySettings
) -> None:
    account.smtp_security = "plain"
    account.save()
    settings.ALLOW_PLAINTEXT = False
    row = delivered(queued(write()))
    assert row.state == State.QUEUED
    assert "encryption" in row.sentence
    assert "AUTH" not in smtp_sink.commands


def test_lost_bytes_are_said_and_nothing_is_sent(write: Write, smtp_sink: SmtpSink) -> None:
    row = queued(write())
    row.raw.storage.delete(str(row.raw.name))
    assert delivered(row).state == State.REJECTED
    assert smtp_sink.received == []


# --- the worker is killed (fault F38)


@pytest.mark.django_db(transaction=True)
@pytest.mark.database
def test_two_workers_deliver_each_message_once(write: Write, smtp_sink: SmtpSink) -> None:
    """F39"""
    rows = [queued(write(subject=f"Number {number}")) for number in range(3)]
    while OutgoingMessage.objects.filter(state=State.QUEUED).exists():
        deliver.deliver_due("one", lambda: False)
        deliver.deliver_due("two", lambda: False)
        assert deliver.drain(20)
    assert {row.pk for row in OutgoingMessage.objects.filter(state=State.SENT)} == {row.pk for row in rows}
    assert len(smtp_sink.received) == 3


def test_a_stopping_worker_starts_nothing_new(write: Write) -> None:
    row = queued(write())
    assert deliver.deliver_due("one", lambda: True) == 0
    row.refresh_from_db()
    assert row.state == State.QUEUED


def test_the_original_is_marked_answered_here_and_on_the_server(write: Write, account: MailAccount) -> None:
    folder = Folder.objects.create(account=account, name="INBOX", special_use="inbox", uidvalidity=1, uidnext=2)
    message = Message.objects.create(
        account=account,
        folder=folder,
        shown_in=folder,
        uidvalidity=1,
        uid=1,
        conversation=Conversation.objects.create(user=account.user),
        message_key=1,
        internaldate=timezone.now(),
    )
    for link, column in [("answers", "answered"), ("forwards", "keywords")]:
        draft = write()
        OutgoingMessage.objects.filter(pk=draft.pk).update(**{link: message})
        draft.refresh_from_db()
        delivered(queued(draft))
        message.refresh_from_db()
        assert getattr(message, column) in (True, ["$Forwarded"])
    flags = list(PendingAction.objects.filter(message=message).values_list("flag", "value"))
    assert flags == [("answered", True), ("$Forwarded", True)]


def test_those_who_were_refused_get_the_same_message_later_and_nobody_gets_it_twice(
    write: Write, smtp_sink: SmtpSink
) -> None:
    """F35"""
    smtp_sink.script = Script(rcpt={"bad@example.test": "550 5.1.1 No such user"})
    row = delivered(queued(write(to="bob@example.test, bad@example.test")))
    message_id = row.message_id
    smtp_sink.script = Script()
    queue.try_refused(row)
    assert not queue.undo(row)
    row = delivered(row)
    assert (row.state, row.message_id, row.sentence) == (State.SENT, message_id, "")
    first, second = smtp_sink.wait_for(2)
    assert (first.rcpt_to, second.rcpt_to) == (["bob@example.test"], ["bad@example.test"])
    assert first.raw == second.raw
    with pytest.raises(GiveUp):
        queue.try_refused(row)
    with pytest.raises(GiveUp):
        queue.try_refused(write())


def test_refused_recipients_corrected_reach_only_those(write: Write, smtp_sink: SmtpSink) -> None:
    """F35"""
    smtp_sink.script = Script(rcpt={"bad@example.test": "550 5.1.1 No such user"})
    again = queue.send_again(delivered(queued(write(to="bob@example.test, bad@example.test", priority="high"))))
    given = drafts.Fields(to="good@example.test", subject=again.subject, text=again.text, plain=True, priority="high")
    delivered(queued(drafts.save_draft(again, given, again.revision).outgoing))
    assert [message.rcpt_to for message in smtp_sink.wait_for(2)] == [["bob@example.test"], ["good@example.test"]]


def test_a_receipt_goes_out_as_from_nobody_leaves_no_copy_and_makes_nobody_known(
    write: Write, account: MailAccount, smtp_sink: SmtpSink
) -> None:
    draft = write()
    report = b"Final-Recipient: rfc822;ada@example.test\r\nDisposition: manual-action/MDN-sent-manually; displayed\r\n"
    row = OutgoingAttachment(outgoing=draft, filename="receipt.txt", content_type=REPORT, size=len(report))
    row.file.save("receipt", ContentFile(report), save=False)
    row.save()
    sent = delivered(queued(draft))
    assert (sent.state, sent.sent_copy, sent.sentence) == (State.SENT, SentCopy.NONE, "")
    (message,) = smtp_sink.wait_for(1)
    assert message.mail_from == ""
    assert b"\r\nContent-Type: multipart/report; report-type=disposition-notification;\r\n" in message.raw
    assert report in message.raw
    after.sent([sent])
    assert suggest(account.user_id, "bob") == []

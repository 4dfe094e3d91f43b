"""What a server offers is used where it offers it, remembered, and said before sending where it is missing (fault F42)."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.conf import LazySettings
from django.utils import timezone

from accounts.models import Identity, MailAccount, ServerOffer
from tests.outbox.conftest import Write, queued
from tests.outbox.test_deliver import delivered
from tests.outbox.test_smtp import hand_in
from tests.servers.smtp_sink import Script, SmtpSink
from webmail.errors import GiveUp, Reason, RetryLater
from webmail.models import OutgoingMessage, SyncState
from webmail.outbox import attachments, place
from webmail.outbox.smtp_message import xtext

State = OutgoingMessage.State
ALL = ("8BITMIME", "ENHANCEDSTATUSCODES", "PIPELINING", "DSN")


def test_mail_and_recipients_go_in_one_flight_where_that_is_offered(smtp_sink: SmtpSink) -> None:
    many = [f"person{number}@example.test" for number in range(130)]
    smtp_sink.script = Script(rcpt={"person7@example.test": "550 No", "person129@example.test": "451 Later"})
    results = hand_in(smtp_sink, *many)
    assert [each.address for each in results] == many
    assert {each.address: each.code for each in results if not each.accepted} == {
        "person7@example.test": 550,
        "person129@example.test": 451,
    }
    assert len(smtp_sink.wait_for(1)[0].rcpt_to) == 128


def test_a_server_that_breaks_off_in_a_flight_gets_commands_one_by_one_from_then_on(smtp_sink: SmtpSink) -> None:
    smtp_sink.script = Script(one_by_one=True)
    with pytest.raises(RetryLater):
        hand_in(smtp_sink)
    assert [each.code for each in hand_in(smtp_sink)] == [250]
    assert len(smtp_sink.wait_for(1)) == 1


def test_an_end_in_the_middle_of_a_flight_is_told_as_the_server_said_it(smtp_sink: SmtpSink) -> None:
    smtp_sink.script = Script(rcpt={"b@example.test": "421 4.7.0 Too many connections"}, hang_up=None)
    with pytest.raises(RetryLater) as caught:
        hand_in(smtp_sink, "b@example.test", "c@example.test")
    assert caught.value.reason == Reason.LIMIT
    assert not smtp_sink.received


def test_without_pipelining_every_answer_is_waited_for(smtp_sink: SmtpSink) -> None:
    smtp_sink.script = Script(extensions=("8BITMIME",), one_by_one=True)
    assert [each.code for each in hand_in(smtp_sink, "b@example.test", "c@example.test")] == [250, 250]


def test_reports_of_delivery_are_asked_for_where_they_are_offered(write: Write, smtp_sink: SmtpSink) -> None:
    smtp_sink.script = Script(extensions=ALL)
    row = delivered(queued(write(to="b+c@example.test", ask_delivered=True)))
    (message,) = smtp_sink.wait_for(1)
    assert f"RET=HDRS ENVID={xtext(row.message_id)[:90]}" in message.parameters
    assert (
        "RCPT TO:<b+c@example.test> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;b+2Bc@example.test" in smtp_sink.commands
    )
    smtp_sink.reset()
    delivered(queued(write(ask_delivered=True)))
    assert not any("NOTIFY" in command or "ENVID" in command for command in smtp_sink.commands)
    smtp_sink.reset()
    smtp_sink.script = Script(extensions=ALL)
    delivered(queued(write()))
    assert not any("NOTIFY" in command or "ENVID" in command for command in smtp_sink.commands)


def test_what_a_server_offers_is_remembered_when_mail_was_sent(write: Write, smtp_sink: SmtpSink) -> None:
    smtp_sink.script = Script(size=5_000_000)
    delivered(queued(write()))
    offer = ServerOffer.objects.get(host="localhost", port=smtp_sink.port)
    assert offer.extensions["size"] == "5000000"
    assert "auth" not in offer.extensions
    smtp_sink.script = Script(utf8=False)
    delivered(queued(write()))
    offer.refresh_from_db()
    assert "smtputf8" not in offer.extensions


def known(smtp_sink: SmtpSink, **extensions: str) -> None:
    ServerOffer.objects.create(
        host="localhost", port=smtp_sink.port, extensions=extensions, seen_at=timezone.now() - timedelta(hours=1)
    )


@pytest.mark.parametrize("field", ["to", "cc", "bcc"])
def test_an_address_the_server_cannot_handle_is_named_before_sending(
    write: Write, smtp_sink: SmtpSink, field: str
) -> None:
    """F42"""
    known(smtp_sink, size="")
    draft = write(**{field: "grün@example.test"})
    with pytest.raises(GiveUp, match=r"“grün@example\.test”.*localhost cannot") as caught:
        queued(draft)
    assert caught.value.detail == field
    draft.refresh_from_db()
    assert draft.state == State.DRAFT


def test_where_nothing_is_known_of_the_server_it_is_said_by_sending_and_the_draft_is_kept(
    write: Write, smtp_sink: SmtpSink
) -> None:
    """F42"""
    smtp_sink.script = Script(utf8=False)
    row = delivered(queued(write(to="grün@example.test, bob@example.test")))
    assert row.state == State.REJECTED
    assert "“grün@example.test” has letters beyond a–z" in row.sentence
    assert not smtp_sink.received
    # Now it is known, and said at once.
    with pytest.raises(GiveUp):
        queued(row)
    smtp_sink.script = Script()
    ServerOffer.objects.all().delete()
    assert delivered(queued(row)).state == State.SENT


def test_the_limit_of_files_is_the_least_of_all(
    write: Write, smtp_sink: SmtpSink, account: MailAccount, settings: LazySettings
) -> None:
    settings.MAX_UPLOAD_BYTES = 50_000_000
    assert place.size_limit(account) == 50_000_000
    known(smtp_sink, size="20000000")
    of_smtp = place.size_limit(account)
    assert 14_000_000 < of_smtp < 20_000_000 * 57 / 78
    SyncState.objects.filter(account=account).update(capabilities=["IDLE", "APPENDLIMIT=10000000"])
    assert 7_000_000 < place.size_limit(account) < of_smtp
    settings.MAX_UPLOAD_BYTES = 1000
    assert place.size_limit(account) == 1000
    with pytest.raises(GiveUp):
        attachments.attach(write(), BytesIO(b"x" * 1001), "a", "x/y")


def test_a_message_that_fits_the_limit_of_files_fits_the_server(write: Write, smtp_sink: SmtpSink) -> None:
    """F42"""
    known(smtp_sink, size="1000000")
    smtp_sink.script = Script(size=1_000_000)
    draft = write()
    attachments.attach(draft, BytesIO(b"\xff" * place.size_limit(draft.account)), "a.bin", "application/octet-stream")
    assert delivered(queued(draft)).state == State.SENT


def test_a_message_over_the_servers_limit_is_refused_when_it_is_queued(write: Write, smtp_sink: SmtpSink) -> None:
    """F42"""
    known(smtp_sink, size="100000")
    draft = write(text="word " * 40_000)
    with pytest.raises(GiveUp) as caught:
        queued(draft)
    assert caught.value.reason == Reason.TOO_LARGE
    draft.refresh_from_db()
    assert (draft.state, draft.raw.name) == (State.DRAFT, "")


def test_old_knowledge_is_not_believed(write: Write, smtp_sink: SmtpSink) -> None:
    known(smtp_sink, size="10")
    ServerOffer.objects.update(seen_at=timezone.now() - timedelta(days=30))
    assert delivered(queued(write())).state == State.SENT


def test_priority_and_receipt_are_header_fields(write: Write, smtp_sink: SmtpSink) -> None:
    delivered(queued(write(priority="high", ask_read=True)))
    delivered(queued(write(priority="low")))
    delivered(queued(write()))
    first, second, third = (message.raw for message in smtp_sink.wait_for(3))
    for line in (b"Importance: high\r\n", b"X-Priority: 1\r\n", b"Disposition-Notification-To: <ada@example.test>\r\n"):
        assert line in first
    assert b"X-Priority: 5\r\n" in second
    assert b"Priority" not in third
    assert b"Disposition" not in third.partition(b"\r\n\r\n")[0]


def test_an_identity_hands_in_at_its_own_server(write: Write, account: MailAccount, smtp_sink: SmtpSink) -> None:
    Identity.objects.update(
        smtp_host="localhost", smtp_port=smtp_sink.tls_port, smtp_security="tls", smtp_username="other"
    )
    identity = Identity.objects.get()
    identity.smtp_password = "own"
    identity.save()
    account.smtp_host, account.saves_sent = "elsewhere.invalid", True
    account.save()
    row = delivered(queued(write()))
    assert smtp_sink.wait_for(1)[0].user == "other"
    # The account's provider knows nothing of it, so the copy is filed from here.
    assert row.sent_copy == OutgoingMessage.SentCopy.DUE


@pytest.mark.parametrize(
    ("rule", "copy"), [("account", "due"), ("none", "none"), ("server", "none"), ("folder", "due")]
)
def test_the_rule_of_the_identity_decides_about_the_copy(write: Write, rule: str, copy: str) -> None:
    Identity.objects.update(sent_rule=rule)
    assert delivered(queued(write())).sent_copy == copy


def test_a_line_over_998_octets_is_sent_as_lines_that_are_not(write: Write, smtp_sink: SmtpSink) -> None:
    """F42"""
    text = "x" * 5000 + " " + "ü" * 3000
    row = delivered(queued(write(text=text, subject="s" * 1900)))
    assert row.state == State.SENT
    assert max(map(len, smtp_sink.wait_for(1)[0].raw.split(b"\r\n"))) <= 998

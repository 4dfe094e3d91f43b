"""From draft to queue: nothing lost, nothing twice, nothing without its files."""

from datetime import timedelta
from email import message_from_bytes
from io import BytesIO

import pytest
from django.conf import LazySettings
from django.utils import timezone

from accounts.models import Identity, MailAccount, User
from tests.outbox.conftest import Write, queued
from webmail.errors import GiveUp, Reason
from webmail.models import OutgoingMessage
from webmail.outbox import attachments, deliver, drafts, queue
from webmail.sync.outgoing import _forget

State = OutgoingMessage.State


def fields_of(outgoing: OutgoingMessage, **changes: object) -> drafts.Fields:
    values = {name: getattr(outgoing, name) for name in ("to", "cc", "bcc", "subject", "text", "html", "plain")}
    return drafts.Fields(**(values | changes))  # type: ignore[arg-type]


def test_saving_grows_the_revision_and_asks_for_the_worker(write: Write) -> None:
    draft = write()
    saved = drafts.save_draft(draft, fields_of(draft, text="More"), draft.revision)
    assert not saved.conflict
    assert (saved.outgoing.text, saved.outgoing.revision) == ("More", 3)
    assert saved.outgoing.account.sync.due_at <= timezone.now() + timedelta(seconds=2)


def test_the_same_save_can_be_repeated_after_a_lost_answer(write: Write) -> None:
    draft = write()
    first = drafts.save_draft(draft, fields_of(draft, text="More"), 2)
    again = drafts.save_draft(draft, fields_of(draft, text="More"), 2)
    assert (again.conflict, again.outgoing.pk, again.outgoing.revision) == (False, draft.pk, first.outgoing.revision)


def test_two_devices_that_edit_one_draft_both_keep_their_text(write: Write, account: MailAccount) -> None:
    """F43"""
    draft = write()
    attachments.attach(draft, BytesIO(b"octets"), "a.txt", "text/plain")
    known = draft.revision
    drafts.save_draft(draft, fields_of(draft, text="From the phone"), known)
    second = drafts.save_draft(draft, fields_of(draft, text="From the desk"), known)
    assert second.conflict
    texts = set(OutgoingMessage.objects.filter(user=account.user).values_list("text", flat=True))
    assert texts == {"From the phone", "From the desk"}
    mine, copied = draft.attachments.get(), second.outgoing.attachments.get()
    attachments.remove_attachment(draft, mine)
    assert copied.file.read() == b"octets"


def test_a_file_that_arrives_while_the_text_is_saved_is_no_conflict(write: Write) -> None:
    draft = write()
    known = draft.revision
    attachments.attach(draft, BytesIO(b"x"), "x.txt", "text/plain")
    assert not drafts.save_draft(draft, fields_of(draft, text="More"), known).conflict


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"to": ""}, "recipient"),
        ({"to": "bob@example.test, nonsense"}, "nonsense"),
        ({"cc": "x@@example.test"}, "x@@example.test"),
        ({"bcc": "a b@"}, "a b@"),
        ({"to": "bob@exa_mple..test"}, "bob@exa_mple..test"),
    ],
)
def test_an_address_that_is_none_is_named(write: Write, change: dict[str, str], named: str) -> None:
    draft = write(**change)
    with pytest.raises(GiveUp) as caught:
        queue.enqueue(draft, token=draft.token)
    assert caught.value.reason == Reason.ADDRESS
    assert named in caught.value.sentence
    draft.refresh_from_db()
    assert draft.state == State.DRAFT


def test_the_bytes_are_frozen_once_with_their_message_id(write: Write) -> None:
    draft = write(to="Bob <bob@example.test>", cc="carl@example.test", bcc="dora@example.test, BOB@example.test")
    attachments.attach(draft, BytesIO(b"%PDF-1.4"), "report.pdf", "application/pdf")
    row = queue.enqueue(draft, token=draft.token)
    raw = row.raw.read()
    message = message_from_bytes(raw)
    assert message["Message-ID"] == f"<{row.message_id}>"
    assert message["Bcc"] is None
    assert message["From"] == "Ada Love <ada@example.test>"
    assert b"dora" not in raw
    assert [each["address"] for each in row.recipients] == [
        "bob@example.test",
        "carl@example.test",
        "dora@example.test",
    ]
    assert [part.get_filename() for part in message.walk() if part.get_filename()] == ["report.pdf"]
    assert row.envelope_from == "ada@example.test"


def test_a_double_click_gets_the_first_presses_result(write: Write) -> None:
    """F39"""
    draft = write()
    token, given = draft.token, fields_of(draft, text="Once")
    first = queue.send(draft, given, draft.revision, token=token)
    message_id, raw = first.message_id, first.raw.name
    second = queue.send(OutgoingMessage.objects.get(pk=draft.pk), given, 2, token=token)
    assert (second.pk, second.message_id, second.raw.name) == (draft.pk, message_id, raw)
    assert OutgoingMessage.objects.count() == 1


def test_an_old_page_cannot_send_what_was_taken_back(write: Write) -> None:
    """F39"""
    draft = write()
    token = draft.token
    queue.enqueue(draft, token=token)
    assert queue.undo(draft)
    with pytest.raises(GiveUp):
        queue.enqueue(OutgoingMessage.objects.get(pk=draft.pk), token=token)
    draft.refresh_from_db()
    assert (draft.state, draft.raw.name, draft.message_id) == (State.DRAFT, "", "")


def test_text_written_in_a_tab_whose_draft_is_already_out_becomes_a_draft(write: Write) -> None:
    """F39"""
    draft = write()
    stale = fields_of(draft, text="Something else")
    queue.enqueue(draft, token=draft.token)
    with pytest.raises(queue.NotSaved) as caught:
        queue.send(draft, stale, 2, token=draft.token)
    assert caught.value.copy.text == "Something else"
    assert caught.value.copy.state == State.DRAFT
    assert OutgoingMessage.objects.filter(state=State.QUEUED).count() == 1


def test_undo_and_the_worker_never_both_win(write: Write) -> None:
    taken_back = queued(write())
    assert queue.undo(taken_back)
    assert deliver.claim(taken_back.pk) is None
    claimed = queued(write())
    assert deliver.claim(claimed.pk) is not None
    assert not queue.undo(claimed)
    assert claimed.state == State.SENDING


def test_a_missing_file_is_named_and_nothing_is_sent(write: Write) -> None:
    """F44"""
    draft = write()
    attachment = attachments.attach(draft, BytesIO(b"x"), "Plan 7.ods", "application/ods")
    attachment.file.storage.delete(str(attachment.file.name))
    with pytest.raises(GiveUp, match=r"Plan 7\.ods"):
        queue.enqueue(draft, token=draft.token)
    draft.refresh_from_db()
    assert draft.state == State.DRAFT


def test_a_file_cut_in_the_storage_is_named_too(write: Write) -> None:
    """F44"""
    draft = write()
    attachment = attachments.attach(draft, BytesIO(b"long enough"), "cut.bin", "x/y")
    with attachment.file.storage.open(str(attachment.file.name), "wb") as stream:
        stream.write(b"long")
    with pytest.raises(GiveUp, match=r"cut\.bin"):
        queue.enqueue(draft, token=draft.token)


def test_files_of_the_same_name_and_of_no_length_arrive(write: Write) -> None:
    """F44"""
    draft = write()
    for content in (b"one", b"two", b""):
        attachments.attach(draft, BytesIO(content), "same.txt", "text/plain")
    message = message_from_bytes(queue.enqueue(draft, token=draft.token).raw.read())
    found = [part.get_payload(decode=True) for part in message.walk() if part.get_filename() == "same.txt"]
    assert found == [b"one", b"two", b""]


def test_what_is_too_large_is_refused_when_it_is_attached(write: Write, settings: LazySettings) -> None:
    settings.MAX_UPLOAD_BYTES = 10
    draft = write()
    attachments.attach(draft, BytesIO(b"123456"), "a", "x/y")
    with pytest.raises(GiveUp) as caught:
        attachments.attach(draft, BytesIO(b"123456"), "b.bin", "x/y")
    assert caught.value.reason == Reason.TOO_LARGE
    assert draft.attachments.count() == 1


def test_nothing_can_be_attached_to_what_is_on_its_way(write: Write) -> None:
    draft = write()
    queue.enqueue(draft, token=draft.token)
    with pytest.raises(GiveUp):
        attachments.attach(draft, BytesIO(b"x"), "x", "x/y")
    assert not draft.attachments.exists()


def test_a_discarded_draft_comes_back(write: Write) -> None:
    draft = write()
    assert drafts.discard(draft)
    assert drafts.restore(draft)
    draft.refresh_from_db()
    assert (draft.discarded, draft.text) == (False, "Good morning")


def test_whoever_goes_on_writing_keeps_what_was_discarded_elsewhere(write: Write, account: MailAccount) -> None:
    """F43: the other window says so, and the worker has been there since."""
    draft = write()
    attachments.attach(draft, BytesIO(b"octets"), "a.txt", "text/plain")
    assert drafts.discard(draft)
    OutgoingMessage.objects.update(updated_at=timezone.now() - timedelta(hours=1))
    _forget(account)
    saved = drafts.save_draft(draft, fields_of(draft, text="More"), draft.revision)
    assert (saved.conflict, saved.outgoing.discarded) == (False, False)
    assert saved.outgoing.attachments.get().file.read() == b"octets"
    assert drafts.discard(draft)
    OutgoingMessage.objects.update(updated_at=timezone.now() - timedelta(days=2))
    _forget(account)
    assert not OutgoingMessage.objects.exists()


def test_what_is_on_its_way_cannot_be_discarded(write: Write) -> None:
    draft = write()
    queue.enqueue(draft, token=draft.token)
    assert not drafts.discard(draft)


def test_nobody_writes_as_somebody_elses_identity(write: Write, account: MailAccount) -> None:
    other = MailAccount.objects.create(
        user=User.objects.create(username="eve"), address="eve@example.test", imap_host="x", smtp_host="x"
    )
    foreign = Identity.objects.create(account=other, address="eve@example.test")
    draft = write()
    saved = drafts.save_draft(draft, fields_of(draft, text="x", identity_id=foreign.pk), draft.revision)
    assert saved.outgoing.identity in account.identities.all()


def test_changing_the_identity_moves_the_draft_to_its_account(write: Write, account: MailAccount) -> None:
    work = MailAccount.objects.create(
        user=account.user, address="ada@work.test", username="w", imap_host="x", smtp_host="x"
    )
    identity = Identity.objects.create(account=work, address="ada@work.test")
    draft = write()
    OutgoingMessage.objects.filter(pk=draft.pk).update(draft_uid=7, draft_uidvalidity=1)
    draft.refresh_from_db()
    drafts.save_draft(draft, fields_of(draft, identity_id=identity.pk), draft.revision)
    draft.refresh_from_db()
    assert (draft.account, draft.draft_uid) == (work, None)
    leftover = OutgoingMessage.objects.get(discarded=True)
    assert (leftover.account, leftover.draft_uid) == (account, 7)


def test_sending_again_what_was_unclear_keeps_the_message_id(write: Write) -> None:
    row = queued(write())
    message_id = row.message_id
    OutgoingMessage.objects.filter(pk=row.pk).update(state=State.UNCLEAR)
    row.refresh_from_db()
    again = queue.send_again(row)
    assert (again.state, again.message_id) == (State.QUEUED, message_id)


def test_a_draft_cannot_be_sent_again(write: Write) -> None:
    with pytest.raises(GiveUp):
        queue.send_again(write())

"""Sending later, earlier versions, templates and reminders, through the pages."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import MailAccount
from tests.views.conftest import Person
from tests.views.test_compose import JSON, begin, form, person, post
from webmail.models import DraftVersion, Folder, MessageTemplate, Notice, OutgoingMessage, Reminder
from webmail.outbox import drafts
from webmail.sync import reminders
from webmail.sync.server_drafts import forget_removed

State, Held = OutgoingMessage.State, OutgoingMessage.Held


@pytest.fixture
def account(db: None) -> MailAccount:
    account = person("ada")
    account.user.time_zone = "Europe/Berlin"
    account.user.save()
    return account


@pytest.fixture
def page(client: Client, account: MailAccount) -> Client:
    client.force_login(account.user)
    return client


def outbox(page: Client) -> str:
    return page.get(reverse("outbox")).content.decode()


# --- later


def test_a_button_of_the_plain_form_schedules_in_the_persons_zone(page: Client) -> None:
    draft = begin(page)
    shown = page.get(reverse("draft", args=[draft.pk])).content.decode()
    assert "Tomorrow 8:00" in shown
    assert "Times are those of Europe/Berlin" in shown
    page.post(reverse("draft-send", args=[draft.pk]), form(draft, later="2027-07-01T08:00"))
    draft.refresh_from_db()
    assert (draft.state, draft.raw.name) == (State.QUEUED, "")
    assert draft.send_at is not None
    assert draft.send_at.isoformat() == "2027-07-01T06:00:00+00:00"
    assert "Scheduled for Thursday, 1 July 2027, 08:00" in outbox(page)


@pytest.mark.parametrize(
    ("written", "said"), [("", "Choose a day"), ("2020-01-01T08:00", "has passed"), ("x", "Choose")]
)
def test_a_time_that_cannot_be_is_refused_at_the_field_and_nothing_is_lost(
    page: Client, written: str, said: str
) -> None:
    draft = begin(page)
    fields = form(draft, later="chosen", send_at=written, text="Precious")
    answer = page.post(reverse("draft-send", args=[draft.pk]), fields)
    assert answer.status_code == 422
    text = answer.content.decode()
    assert said in text.split('data-trouble-for="send_at"')[1][:300]
    assert "Precious" in text
    draft.refresh_from_db()
    assert (draft.state, draft.text) == (State.DRAFT, "Precious")
    status, told = post(page, "draft-send", draft, later="chosen", send_at=written, text="Precious")
    assert (status, told["field"], told["revision"]) == (422, "send_at", draft.revision)
    status, told = post(page, "draft-send", draft, later="chosen", send_at=written, text="Not saved yet")
    assert (status, "revision" in told) == (422, False)


def test_edit_keeps_the_time_proposed_and_cancel_the_draft(page: Client) -> None:
    draft = begin(page)
    status, told = post(page, "draft-send", draft, later="2027-07-01T08:00")
    assert (status, told["text"]) == (200, "Scheduled for Thursday, 1 July 2027, 08:00")
    answer = page.post(reverse("send-undo", args=[draft.pk]))
    assert answer["Location"] == reverse("draft", args=[draft.pk])
    shown = page.get(answer["Location"]).content.decode()
    assert "As chosen before" in shown
    assert 'value="2027-07-01T08:00"' in shown
    post(page, "draft-send", draft, later="2027-07-02T08:00")
    answer = page.post(reverse("send-undo", args=[draft.pk]), {"stay": "1"}, follow=True)
    assert "is a draft again" in answer.content.decode()
    draft.refresh_from_db()
    assert (draft.state, draft.text) == (State.DRAFT, "Good morning")


def test_send_now_from_the_outbox(page: Client) -> None:
    draft = begin(page)
    post(page, "draft-send", draft, later="2027-07-01T08:00")
    page.post(reverse("send-again", args=[draft.pk]))
    draft.refresh_from_db()
    assert draft.send_at is None
    assert draft.send_after is not None
    assert draft.send_after <= timezone.now()


def test_what_was_missed_by_a_day_asks(page: Client) -> None:
    draft = begin(page)
    post(page, "draft-send", draft, later="2027-07-01T08:00")
    past = timezone.now() - timedelta(days=3)
    OutgoingMessage.objects.update(held=Held.ASK, send_at=past, send_after=past)
    text = outbox(page)
    assert "Was due on" in text
    assert "Send now" in text
    assert "Do not send" in text


def test_the_persons_time_to_take_back(page: Client, account: MailAccount) -> None:
    assert page.post(reverse("settings-writing"), {"seconds": "20"}).status_code == 302
    draft = begin(page)
    _, told = post(page, "draft-send", draft)
    assert (told["seconds"], told["count"]) == (20, True)
    draft.refresh_from_db()
    assert draft.send_after is not None
    assert timedelta(seconds=18) < draft.send_after - timezone.now() <= timedelta(seconds=20)
    assert page.post(reverse("settings-writing"), {"seconds": "900"}).status_code == 422
    assert page.post(reverse("settings-writing"), {"seconds": ""}).status_code == 302
    account.user.refresh_from_db()
    assert account.user.undo_seconds is None


@pytest.mark.parametrize("refused", ["never taken", "not as it is now"])
def test_a_draft_that_no_server_has_taken_can_be_reached(ada: Person, refused: str) -> None:
    """I1: no folder shows it."""
    ada.arrive()
    written, opened = (drafts.new_draft(ada.user, ada.account, drafts.Fields()) for _ in range(2))
    given = drafts.Fields(subject="Kept here", text="Precious", plain=True)
    written = drafts.save_draft(written, given, written.revision).outgoing
    rows = OutgoingMessage.objects.filter(pk=written.pk)
    if refused == "not as it is now":
        # Its older copy stood on the server, and another client has deleted that.
        rows.update(draft_uid=5, draft_uidvalidity=1, copy_message_id="x@y", saved_revision=written.revision)
        values = {"uidvalidity": 1, "uidnext": 9, "backfill_uid": 1}
        Folder.objects.update_or_create(account=ada.account, special_use="drafts", defaults={"name": "Drafts"} | values)
    assert "Kept here" not in outbox(ada.client)
    assert f'href="{reverse("outbox")}"' not in ada.client.get(ada.url()).content.decode()
    OutgoingMessage.objects.update(updated_at=timezone.now() - timedelta(days=2))
    forget_removed()
    page = outbox(ada.client)
    assert "Kept here" in page
    assert reverse("draft", args=[written.pk]) in page
    assert reverse("draft", args=[opened.pk]) not in page
    assert f'href="{reverse("outbox")}"' in ada.client.get(ada.url()).content.decode()
    rows.update(draft_uid=5, draft_uidvalidity=1, copy_confirmed=True, copy_message_id="x@y")
    assert "Kept here" not in outbox(ada.client)


def test_each_recipients_answer_is_shown(page: Client, account: MailAccount) -> None:
    OutgoingMessage.objects.create(
        user=account.user,
        account=account,
        state=State.SENT,
        sent_at=timezone.now(),
        recipients=[
            {"address": "bob@example.test", "code": 250, "text": "ok"},
            {"address": "eve@example.test", "code": 550, "text": "no such <b>user"},
        ],
    )
    text = outbox(page)
    assert "Needs you" in text
    assert "Sent, but not to everybody" in text
    assert "refused: no such &lt;b&gt;user" in text
    assert "accepted" in text


# --- versions and another window


def test_an_open_page_learns_that_another_one_wrote(page: Client) -> None:
    draft = begin(page)
    mine, other = "0b0d7c88-52d2-4ac7-a8c4-5a9a3b5a3b01", "0b0d7c88-52d2-4ac7-a8c4-5a9a3b5a3b02"
    post(page, "draft-save", draft, text="Mine", writer=mine)
    post(page, "draft-save", draft, text="Theirs", writer=other)
    state = json.loads(page.get(reverse("draft-state", args=[draft.pk])).content)
    assert (state["writer"], state["revision"], state["editable"]) == (other, 3, True)
    assert draft.versions.get().text == "Mine"
    post(page, "draft-save", draft, text="Odd", writer="not a uuid")
    assert OutgoingMessage.objects.get(pk=draft.pk).writer == other


def test_a_version_is_looked_at_and_restored_without_a_script(page: Client) -> None:
    draft = begin(page)
    post(page, "draft-save", draft, text="Old <script>text")
    draft.refresh_from_db()
    version = DraftVersion.objects.create(outgoing=draft, reason="writing", subject="Before", text="Old <script>text")
    answer = page.post(reverse("draft-save", args=[draft.pk]), form(draft, text="New", then="versions"))
    assert answer["Location"] == reverse("draft-versions", args=[draft.pk])
    shown = page.get(answer["Location"]).content.decode()
    assert "Old &lt;script&gt;text" in shown
    assert "While writing" in shown
    page.post(reverse("version-restore", args=[draft.pk, version.pk]))
    draft.refresh_from_db()
    assert (draft.text, draft.subject) == ("Old <script>text", "Before")
    assert draft.versions.first().text == "New"  # type: ignore[union-attr]


def test_a_version_of_another_draft_is_none_of_this(page: Client) -> None:
    draft, other = begin(page), begin(page)
    version = DraftVersion.objects.create(outgoing=other, reason="writing", text="Other")
    assert page.post(reverse("version-restore", args=[draft.pk, version.pk])).status_code == 404


# --- templates


def template(account: MailAccount, **values: Any) -> MessageTemplate:
    fields = {"name": "Thanks", "subject": "Thank you", "html": "<div>Dear {first name},</div><div>thanks.</div>"}
    return MessageTemplate.objects.create(user=account.user, **(fields | values))


def test_a_template_is_kept_clean_and_edited(page: Client, account: MailAccount) -> None:
    fields = {"name": "Thanks", "subject": "Hi", "text": "<b>Dear</b><script>alert(1)</script>", "text_format": "html"}
    assert page.post(reverse("template-add"), fields).status_code == 302
    row = MessageTemplate.objects.get(user=account.user)
    assert row.html == "<b>Dear</b>"
    page.post(reverse("template-edit", args=[row.pk]), {"name": "Thanks", "text": "a < b\nc", "text_format": "text"})
    row.refresh_from_db()
    assert row.html == "a &lt; b<br>c"
    assert "a &lt; b" in page.get(reverse("template-edit", args=[row.pk])).content.decode()
    assert page.post(reverse("template-add"), {"name": "", "text": "x"}).status_code == 422
    page.post(reverse("template-remove", args=[row.pk]))
    assert not MessageTemplate.objects.exists()


@pytest.mark.parametrize(
    ("to", "begins"),
    [
        ("Bob Frost <bob@example.test>", "Dear Bob,"),
        ('"Frost, Bob" <bob@example.test>', "Dear Bob,"),
        ('"<script>" <bob@example.test>', "Dear &lt;script&gt;,"),
        ("bob@example.test", "Dear,"),
    ],
)
def test_a_template_is_inserted_with_the_first_name(page: Client, account: MailAccount, to: str, begins: str) -> None:
    draft = begin(page)
    post(page, "draft-save", draft, to=to)
    row = template(account)
    answer = page.post(reverse("template-insert", args=[draft.pk, row.pk]), **JSON)
    assert begins in json.loads(answer.content)["html"]
    assert draft.versions.get().reason == "template"


def test_without_a_script_a_template_goes_above_what_is_written(page: Client, account: MailAccount) -> None:
    draft = begin(page)
    post(page, "draft-save", draft, to="Bob <bob@example.test>", subject="", text="Bye", remind_after="3")
    page.post(reverse("template-insert", args=[draft.pk, template(account).pk]))
    draft.refresh_from_db()
    assert draft.text.splitlines()[0] == "Dear Bob,"
    assert draft.text.endswith("Bye")
    assert (draft.subject, draft.remind_after) == ("Thank you", 3)


def test_a_text_becomes_a_template(page: Client, account: MailAccount) -> None:
    draft = begin(page)
    post(page, "draft-save", draft, subject="Weekly", text="Line <1>\nLine 2")
    answer = page.post(reverse("draft-templates", args=[draft.pk]), **JSON)
    assert "Weekly" in json.loads(answer.content)["text"]
    assert MessageTemplate.objects.get(user=account.user).html == "Line &lt;1&gt;<br>Line 2"
    assert "Weekly" in page.get(reverse("draft-templates", args=[draft.pk])).content.decode()


# --- reminders


def due_reminder(ada: Person) -> Reminder:
    sent = timezone.now() - timedelta(days=4)
    ada.arrive("Offer", "Sent", message_id="s1@example.test", sender=f"Ada <{ada.account.address}>", internaldate=sent)
    reminder = Reminder.objects.create(
        user=ada.user,
        account=ada.account,
        message_id="s1@example.test",
        subject="Offer",
        to="Bob",
        sent_at=sent,
        due_at=timezone.now(),
    )
    assert reminders.run_due() == 1
    return reminder


def test_a_choice_in_the_composer_is_saved_and_shown_again(page: Client) -> None:
    draft = begin(page)
    post(page, "draft-save", draft, remind_after="7")
    assert '<option value="7" selected>' in page.get(reverse("draft", args=[draft.pk])).content.decode()
    post(page, "draft-save", draft, remind_after="-1 or 1")
    draft.refresh_from_db()
    assert draft.remind_after == 0


def test_a_missed_answer_is_told_in_the_mailbox_and_leads_to_the_conversation(ada: Person) -> None:
    reminder = due_reminder(ada)
    shown = ada.client.get(ada.url()).content.decode()
    assert "No answer yet from Bob to “Offer”" in shown
    assert reverse("reminder-write", args=[reminder.pk]) in shown
    answer = ada.client.get(reverse("reminder", args=[reminder.pk]))
    assert answer["Location"].startswith(f"/folder/{ada.folders['Sent'].pk}/conversation/")
    written = ada.client.post(reverse("reminder-write", args=[reminder.pk]))
    draft = OutgoingMessage.objects.get(user=ada.user)
    assert written["Location"] == reverse("draft", args=[draft.pk])
    assert draft.in_reply_to == "s1@example.test"
    ada.client.post(f"/notice/{Notice.objects.get(user=ada.user).pk}/dismiss/")
    assert "Waiting for an answer" not in outbox(ada.client)


def test_a_reminder_is_listed_and_cancelled(ada: Person) -> None:
    now = timezone.now()
    reminder = Reminder.objects.create(
        user=ada.user,
        account=ada.account,
        message_id="gone@example.test",
        subject="Offer",
        to="Bob",
        sent_at=now,
        due_at=now + timedelta(days=3),
    )
    assert "You are reminded on" in outbox(ada.client)
    assert ada.client.get(reverse("reminder", args=[reminder.pk]))["Location"] == reverse("outbox")
    ada.client.post(reverse("reminder-dismiss", args=[reminder.pk]), {"next": reverse("outbox")})
    reminder.refresh_from_db()
    assert reminder.state == Reminder.State.DISMISSED
    assert "You are reminded on" not in outbox(ada.client)


def test_from_a_sent_message_one_can_ask_to_be_reminded(ada: Person) -> None:
    mine = ada.arrive("Offer", "Sent", message_id="s1@example.test", sender=f"Ada <{ada.account.address}>")
    theirs = ada.arrive("Question")
    for _ in range(2):
        answer = ada.post(reverse("message-remind", args=[mine.pk]))
        assert "You are reminded on" in answer.content.decode()
    assert Reminder.objects.get().due_at > timezone.now() + timedelta(days=2)
    assert ada.post(reverse("message-remind", args=[theirs.pk])).status_code == 409
    shown = ada.client.get(ada.conversation_url(mine, "Sent")).content.decode()
    assert reverse("message-remind", args=[mine.pk]) in shown
    Reminder.objects.all().delete()
    ada.arrive("Re: Offer", in_reply_to=["s1@example.test"], references=["s1@example.test"])
    answer = ada.post(reverse("message-remind", args=[mine.pk]))
    assert (answer.status_code, "answered already" in answer.content.decode()) == (409, True)


# --- how much is asked


def fill(account: MailAccount, draft: OutgoingMessage, count: int) -> None:
    now = timezone.now()
    for number in range(count):
        Reminder.objects.create(
            user=account.user, account=account, message_id=f"{number}", sent_at=now, due_at=now + timedelta(days=1)
        )
        template(account, name=f"T{number}")
        DraftVersion.objects.create(outgoing=draft, reason="writing", text=f"{number}")


def test_every_list_asks_the_same_for_few_and_many(
    page: Client, account: MailAccount, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    draft = drafts.new_draft(account.user, account, drafts.Fields())
    asked = {
        reverse("outbox"): 4,
        reverse("settings-writing"): 3,
        reverse("draft-versions", args=[draft.pk]): 4,
        reverse("draft-templates", args=[draft.pk]): 4,
        reverse("draft-state", args=[draft.pk]): 3,
    }
    for _ in range(2):
        fill(account, draft, 10)
        for url, count in asked.items():
            with django_assert_num_queries(count):
                page.get(url)

"""Writing through the pages: with a script, without one, and never in somebody else's draft."""

import html as html_module
import json
import re
import uuid
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Identity, MailAccount, User
from webmail.mime.parts import Part
from webmail.models import CachedPart, Conversation, Folder, Message, OutgoingMessage
from webmail.outbox import attachments, drafts

State = OutgoingMessage.State
JSON: dict[str, Any] = {"HTTP_ACCEPT": "application/json"}


def person(name: str) -> MailAccount:
    user = User.objects.create(username=name)
    account = MailAccount.objects.create(
        user=user, address=f"{name}@example.test", username=name, imap_host="localhost", smtp_host="localhost"
    )
    Identity.objects.create(account=account, name=name.title(), address=account.address, is_default=True)
    return account


@pytest.fixture
def account(db: None) -> MailAccount:
    return person("ada")


@pytest.fixture
def page(client: Client, account: MailAccount) -> Client:
    client.force_login(account.user)
    return client


def begin(page: Client, url: str = "") -> OutgoingMessage:
    response = page.post(url or reverse("compose"))
    assert response.status_code == 302
    return OutgoingMessage.objects.get(pk=int(re.findall(r"\d+", response["Location"])[0]))


def form(draft: OutgoingMessage, **changes: object) -> dict[str, object]:
    draft.refresh_from_db()
    values: dict[str, object] = {
        "to": "bob@example.test",
        "subject": "Hello",
        "text": "Good morning",
        "plain": "1",
        "identity": draft.identity_id or "",
        "revision": draft.revision,
        "token": str(draft.token),
    }
    return values | changes


def post(page: Client, name: str, draft: OutgoingMessage, **fields: object) -> tuple[int, dict[str, object]]:
    response = page.post(reverse(name, args=[draft.pk]), form(draft, **fields), **JSON)
    return response.status_code, json.loads(response.content)


def test_writing_and_sending_without_a_script(page: Client) -> None:
    draft = begin(page)
    shown = page.get(reverse("draft", args=[draft.pk]))
    assert b'name="to"' in shown.content
    assert "no-store" in shown["Cache-Control"]
    answer = page.post(reverse("draft-send", args=[draft.pk]), form(draft), follow=True)
    assert "Sending in a moment" in answer.content.decode()
    draft.refresh_from_db()
    assert (draft.state, draft.text) == (State.QUEUED, "Good morning")


def test_a_mistake_is_shown_where_it_is_and_nothing_is_lost(page: Client) -> None:
    draft = begin(page)
    answer = page.post(reverse("draft-send", args=[draft.pk]), form(draft, to="nonsense", text="Precious"))
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "“nonsense” is not a mail address" in text
    assert "Precious" in text
    assert 'value="nonsense" aria-invalid="true"' in text


def test_saving_by_script_and_sending_with_undo(page: Client) -> None:
    draft = begin(page)
    status, saved = post(page, "draft-save", draft)
    assert (status, saved["revision"]) == (200, 2)
    status, sent = post(page, "draft-send", draft)
    assert (status, sent["seconds"]) == (200, 8)
    back = json.loads(page.post(str(sent["undo"]), **JSON).content)
    assert back == {"page": reverse("draft", args=[draft.pk])}
    draft.refresh_from_db()
    assert draft.state == State.DRAFT


def test_undo_too_late_says_so(page: Client) -> None:
    draft = begin(page)
    post(page, "draft-send", draft)
    OutgoingMessage.objects.filter(pk=draft.pk).update(state=State.SENDING)
    response = page.post(reverse("send-undo", args=[draft.pk]), **JSON)
    assert response.status_code == 409
    assert "too late" in json.loads(response.content)["error"]


def test_a_double_click_sends_once(page: Client) -> None:
    draft = begin(page)
    fields = form(draft)
    first = page.post(reverse("draft-send", args=[draft.pk]), fields, **JSON)
    second = page.post(reverse("draft-send", args=[draft.pk]), fields, **JSON)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.content == second.content
    assert OutgoingMessage.objects.count() == 1


def test_a_draft_changed_elsewhere_moves_the_text_to_a_draft_of_its_own(page: Client) -> None:
    draft = begin(page)
    known = draft.revision
    post(page, "draft-save", draft, text="From the phone")
    status, moved = post(page, "draft-save", draft, text="From the desk", revision=known)
    assert status == 409
    copy = OutgoingMessage.objects.exclude(pk=draft.pk).get()
    assert (moved["moved"], copy.text) == (reverse("draft", args=[copy.pk]), "From the desk")


@pytest.mark.parametrize(("field", "length"), [("text", 2_000_001), ("to", 100_001)])
def test_what_is_too_long_is_said_and_never_cut(page: Client, field: str, length: int) -> None:
    draft = begin(page)
    OutgoingMessage.objects.filter(pk=draft.pk).update(html="<p>As it was</p>")
    long = ("bob@example.test, " * (length // 18 + 1))[:length]
    for name in ("draft-save", "draft-send"):
        status, answer = post(page, name, draft, **{field: long})
        assert (status, answer["field"], "revision" in answer) == (422, field, False)
        assert "too long" in str(answer["error"])
    shown = page.post(reverse("draft-save", args=[draft.pk]), form(draft, **{field: long}))
    assert shown.status_code == 422
    page_shown = html_module.unescape(shown.content.decode())
    assert long.strip() in page_shown
    assert "As it was" not in page_shown
    draft.refresh_from_db()
    assert (draft.state, draft.revision) == (State.DRAFT, 1)


def test_scripts_do_not_survive_in_what_is_written(page: Client) -> None:
    draft = begin(page)
    hostile = '<img src=x onerror=alert(1)><script>alert(1)</script><a href="javascript:alert(1)">x</a>Text'
    post(page, "draft-save", draft, html=hostile, plain="0", text="", subject="<script>alert(2)</script>")
    shown = page.get(reverse("draft", args=[draft.pk])).content.decode()
    assert "onerror" not in shown
    assert "javascript:" not in shown
    assert "<script>alert" not in shown


def test_discarding_can_be_undone(page: Client) -> None:
    draft = begin(page)
    status, answer = post(page, "draft-discard", draft)
    assert status == 200
    assert page.get(reverse("draft", args=[draft.pk])).status_code == 302
    page.post(str(answer["undo"]), **JSON)
    assert page.get(reverse("draft", args=[draft.pk])).status_code == 200


def test_the_dock_gets_the_form_alone(page: Client) -> None:
    response = page.post(reverse("compose"), {}, HTTP_HX_REQUEST="true")
    text = response.content.decode()
    assert response.status_code == 200
    assert text.lstrip().startswith("<section")
    assert "data-composer-script" in text


def test_a_mailto_link_fills_the_form_and_nothing_else(page: Client) -> None:
    query = (
        "?to=bob@example.test%0d%0aBcc:eve@example.test&subject=Hi%0aX&body=Line%201%0aLine%202&bcc=eve@example.test"
    )
    draft = begin(page, reverse("compose") + query)
    assert (draft.subject, draft.bcc) == ("Hi X", "")
    assert "\n" not in draft.to
    assert "Line 2" in draft.text


def message_of(account: MailAccount, **fields: object) -> Message:
    folder, _ = Folder.objects.get_or_create(
        account=account, name="INBOX", defaults={"special_use": "inbox", "uidvalidity": 1, "uidnext": 9}
    )
    values = {
        "account": account,
        "folder": folder,
        "shown_in": folder,
        "uidvalidity": 1,
        "uid": Message.objects.count() + 1,
        "conversation": Conversation.objects.create(user=account.user),
        "message_key": 1,
        "message_id": "q1@example.test",
        "references": "q0@example.test",
        "subject": "AW: Plan",
        "from_name": "Bob",
        "from_address": "bob@example.test",
        "internaldate": timezone.now() - timedelta(hours=1),
        "recipients": {
            "to": [["Ada", account.address], ["Carl", "carl@example.test"]],
            "cc": [["Dora", "dora@example.test"]],
        },
        "structure": Part(section="1", type="text/plain", size=20).to_json(),
    }
    message = Message.objects.create(**(values | fields))
    CachedPart.objects.create(message=message, section="1", content=b"Shall we meet?\r\n> Old", size=21)
    return message


def test_an_answer_goes_to_the_writer_with_the_text_quoted(page: Client, account: MailAccount) -> None:
    message = message_of(account)
    draft = begin(page, reverse("reply", args=[message.pk]))
    assert (draft.to, draft.cc, draft.subject) == ("Bob <bob@example.test>", "", "Re: Plan")
    assert (draft.in_reply_to, draft.references) == ("q1@example.test", "q0@example.test q1@example.test")
    assert "> Shall we meet?\n>> Old" in draft.text
    assert "Bob &lt;bob@example.test&gt; wrote:" in draft.html
    assert draft.answers == message


def test_an_answer_to_all_leaves_oneself_out(page: Client, account: MailAccount) -> None:
    draft = begin(page, reverse("reply-all", args=[message_of(account).pk]))
    assert draft.to == "Bob <bob@example.test>"
    assert draft.cc == "Carl <carl@example.test>, Dora <dora@example.test>"


def test_an_answer_to_ones_own_mail_goes_where_it_went(page: Client, account: MailAccount) -> None:
    message = message_of(account, from_address=account.address, recipients={"to": [["Carl", "carl@example.test"]]})
    assert begin(page, reverse("reply", args=[message.pk])).to == "Carl <carl@example.test>"


def test_reply_to_is_followed(page: Client, account: MailAccount) -> None:
    recipients = {"to": [["Ada", account.address]], "reply_to": [["List", "list@example.test"]]}
    draft = begin(page, reverse("reply-all", args=[message_of(account, recipients=recipients).pk]))
    assert (draft.to, draft.cc) == ("List <list@example.test>", "Bob <bob@example.test>")


def test_the_answer_is_written_as_whom_the_message_was_for(page: Client, account: MailAccount) -> None:
    second = Identity.objects.create(
        account=account, name="Dr. Ada", address="dr@example.test", signature_html="<b>A</b>"
    )
    message = message_of(account, recipients={"to": [["", "DR@example.test"]]})
    draft = begin(page, reverse("reply", args=[message.pk]))
    assert draft.identity == second
    assert "<b>A</b>" in draft.html
    assert "\n-- \nA\n" in draft.text


def test_a_forwarded_message_keeps_its_files_by_reference(page: Client, account: MailAccount) -> None:
    root = Part(section="", type="multipart/mixed")
    root.children = [
        Part(section="1", type="text/plain", size=20),
        Part(
            section="2",
            type="application/pdf",
            encoding="base64",
            size=4000,
            filename="a.pdf",
            disposition="attachment",
        ),
    ]
    message = message_of(account, structure=root.to_json())
    draft = begin(page, reverse("forward", args=[message.pk]))
    assert (draft.to, draft.subject, draft.forwards) == ("", "Fwd: Plan", message)
    assert "Forwarded message" in draft.text
    row = draft.attachments.get()
    assert (row.filename, row.section, row.size, row.file.name) == ("a.pdf", "2", 3000, "")


def test_the_outbox_asks_the_same_for_few_and_many(
    page: Client, account: MailAccount, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    def add(count: int) -> None:
        for _ in range(count):
            drafts.new_draft(account.user, account, drafts.Fields(to="b@example.test"))
        OutgoingMessage.objects.update(state=State.UNCLEAR, recipients=[{"address": "b", "code": 0, "text": ""}])

    add(10)
    page.get(reverse("outbox"))
    with django_assert_num_queries(4):
        assert page.get(reverse("outbox")).content.count(b"outbox-entry") == 10
    add(10)
    with django_assert_num_queries(4):
        assert page.get(reverse("outbox")).content.count(b"outbox-entry") == 20


def test_everything_of_another_person_does_not_exist(page: Client) -> None:
    other = person("eve")
    draft = drafts.new_draft(other.user, other, drafts.Fields(to="b@example.test", text="Secret", plain=True))
    attachment = attachments.attach(draft, BytesIO(b"octets"), "x.png", "image/png", inline=True)
    message = message_of(other)
    fields = {"revision": 1, "token": str(draft.token), "to": "me@example.test"}
    for name in (
        *("draft-save", "draft-send", "draft-discard", "draft-restore", "draft-attach"),
        *("send-undo", "send-again", "sent-dismiss"),
    ):
        assert page.post(reverse(name, args=[draft.pk]), fields).status_code == 404, name
    for name in ("reply", "reply-all", "forward", "edit-draft"):
        assert page.post(reverse(name, args=[message.pk])).status_code == 404, name
    assert page.get(reverse("draft", args=[draft.pk])).status_code == 404
    assert page.get(reverse("attachment-content", args=[draft.pk, attachment.pk])).status_code == 404
    assert page.post(reverse("attachment-remove", args=[draft.pk, attachment.pk])).status_code == 404
    mine = begin(page)
    assert page.post(reverse("attachment-remove", args=[mine.pk, attachment.pk])).status_code == 404
    assert b"Secret" not in page.get(reverse("outbox")).content
    draft.refresh_from_db()
    assert (draft.state, draft.text, draft.attachments.count()) == (State.DRAFT, "Secret", 1)


@pytest.mark.parametrize("field", ["revision", "token", "identity"])
@pytest.mark.parametrize("garbage", ["", "x", "9" * 40, "-1", "１"])
def test_garbage_in_a_field_is_no_server_error(page: Client, field: str, garbage: str) -> None:
    draft = begin(page)
    response = page.post(reverse("draft-send", args=[draft.pk]), form(draft, **{field: garbage}), **JSON)
    assert response.status_code in {200, 404, 409, 422}


def test_an_unknown_token_sends_nothing(page: Client) -> None:
    draft = begin(page)
    status, _ = post(page, "draft-send", draft, token=str(uuid.uuid4()))
    assert status == 422
    draft.refresh_from_db()
    assert draft.state == State.DRAFT

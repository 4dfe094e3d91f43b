"""Receipts that senders ask for: a quiet line, nothing by itself, once, and never for lists."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Identity, MailAccount
from webmail.mime.headers import parse_header_block
from webmail.mime.parts import from_bytes, part_bytes
from webmail.mime.receipt import asked
from webmail.models import Message, OutgoingMessage, PendingAction

from .conftest import START
from .test_senders import arrive, card, text

FROM = "From: Bob Berg <bob@example.test>\r\n"
ASKS = "Disposition-Notification-To: Bob <bob@example.test>\r\n"
LINE = "The sender asks for a receipt saying that you read this."


@pytest.fixture(autouse=True)
def here_before(ada: Any) -> None:
    MailAccount.objects.update(created_at=START - timedelta(days=1))


def wanted(person: Any, header: str = FROM + ASKS, **fields: Any) -> Message:
    message = arrive(person, header, sender="Bob Berg <bob@example.test>", **fields)
    card(person, message)
    return message


def decide(person: Any, message: Message, choice: str) -> Any:
    return person.post(f"/message/{message.pk}/receipt/", choice=choice)


def test_a_receipt_is_offered_in_a_line_and_sent_once(ada: Any) -> None:
    message = wanted(ada, subject="Grüße\r\nBcc: x@evil.test", message_id="first@example.test")
    html = ada.client.get(ada.conversation_url(message)).text
    assert LINE in html
    assert not OutgoingMessage.objects.exists()
    assert "The receipt is on its way." in decide(ada, message, "send").text
    sent = OutgoingMessage.objects.get()
    assert (sent.state, sent.envelope_from) == ("queued", "")
    assert [each["address"] for each in sent.recipients] == ["bob@example.test"]
    raw = sent.raw.read()
    root = from_bytes(raw)
    assert root.type == "multipart/report"
    assert root.params["report-type"] == "disposition-notification"
    assert [part.type for part in root.children] == ["text/plain", "message/disposition-notification"]
    assert b"was shown to ada@example.test" in (part_bytes(raw, "1") or b"").replace(b"=\r\n", b"").replace(
        b"\r\n", b""
    )
    assert (part_bytes(raw, "2") or b"").split(b"\r\n")[:3] == [
        b"Final-Recipient: rfc822;ada@example.test",
        b"Original-Message-ID: <first@example.test>",
        b"Disposition: manual-action/MDN-sent-manually; displayed",
    ]
    fields = parse_header_block(raw)
    assert "bcc" not in {name.lower() for name, _ in fields}
    message.refresh_from_db()
    assert message.keywords == ["$MDNSent"]
    assert not message.answered
    marked = PendingAction.objects.get()
    assert (marked.kind, marked.flag, marked.value, marked.message) == ("store", "$MDNSent", True, message)
    # Pressed again, in another window, or as a plain form: there is one.
    assert "already decided" in decide(ada, message, "send").text
    assert "already decided" in decide(ada, message, "no").text
    ada.client.post(f"/message/{message.pk}/receipt/", {"choice": "send"})
    assert OutgoingMessage.objects.count() == 1
    assert LINE not in ada.client.get(ada.conversation_url(message)).text


def test_a_receipt_that_is_refused_is_not_asked_for_again_wherever_a_copy_lies(ada: Any) -> None:
    message = wanted(ada, message_id="same@example.test")
    copy = wanted(ada, message_id="same@example.test", folder="Archive")
    assert "No receipt is sent." in decide(ada, message, "no").text
    assert not OutgoingMessage.objects.exists()
    assert set(PendingAction.objects.values_list("message", "flag")) == {
        (message.pk, "$MDNSent"),
        (copy.pk, "$MDNSent"),
    }
    for each in (message, copy):
        assert LINE not in card(ada, each)
    # Nor where the server keeps no such marks.
    Message.objects.update(keywords=[])
    assert LINE not in card(ada, message)
    assert "already decided" in decide(ada, message, "send").text


def test_without_a_script_it_is_a_form_that_leads_back(ada: Any) -> None:
    message = wanted(ada)
    answer = ada.client.post(f"/message/{message.pk}/receipt/", {"choice": "send"}, follow=True)
    assert answer.redirect_chain[-1][0] == ada.conversation_url(message)
    assert "The receipt is on its way." in answer.text
    assert ada.client.post(f"/message/{message.pk}/receipt/", {"choice": "maybe"}).status_code == 422
    assert ada.client.get(f"/message/{message.pk}/receipt/").status_code == 405


@pytest.mark.parametrize("folder", ["Junk", "Trash", "Sent", "Drafts"])
def test_nothing_is_offered_for_what_lies_aside(ada: Any, folder: str) -> None:
    assert "eceipt" not in text(card(ada, wanted(ada, folder=folder)))


def test_nothing_is_offered_where_it_was_decided_or_is_old_or_ones_own(ada: Any) -> None:
    assert LINE not in card(ada, wanted(ada, flags=frozenset({"$mdnsent"})))
    assert LINE not in card(ada, wanted(ada, internaldate=START - timedelta(days=2)))
    moved = wanted(ada)
    Message.objects.filter(pk=moved.pk).update(shown_in=ada.folders["Junk"])
    assert LINE not in card(ada, moved)
    own = arrive(ada, "From: ada@example.test\r\n" + ASKS, sender="Ada <ada@example.test>")
    assert "eceipt" not in text(card(ada, own))


def test_where_it_would_go_is_said_if_that_is_not_the_sender(ada: Any) -> None:
    html = card(ada, wanted(ada, FROM + 'Disposition-Notification-To: "<b>\u202e" <spy@else.test>\r\n'))
    assert "A receipt is asked for, to go to spy@else.test and not to the sender." in html


def test_what_cannot_be_sent_says_so_and_can_be_decided_again(ada: Any) -> None:
    message = wanted(ada)
    Identity.objects.update(address="ädä@example.test")
    answer = decide(ada, message, "send").text
    assert "A receipt cannot be written in the name of this address." in answer
    assert LINE in answer
    assert not OutgoingMessage.objects.exists()
    assert not PendingAction.objects.exists()
    assert LINE in card(ada, message)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (ASKS, "bob@example.test"),
        (ASKS + ASKS, "bob@example.test"),
        (
            ASKS + "Auto-Submitted: no\r\nPrecedence: first-class\r\nReturn-Path: <other@example.test>\r\n",
            "bob@example.test",
        ),
        (ASKS + "Disposition-Notification-Options: a=optional,x\r\n", "bob@example.test"),
        ("", ""),
        ("Disposition-Notification-To: a@x.test, b@x.test\r\n", ""),
        (ASKS + "Disposition-Notification-To: b@x.test\r\n", ""),
        ("Disposition-Notification-To: nobody\r\n", ""),
        (f"Disposition-Notification-To: {'a' * 300}@{'x' * 60}.test\r\n", ""),
        (ASKS + "Disposition-Notification-Options: a= REQUIRED,x\r\n", ""),
        (ASKS + "List-Id: <a.b>\r\n", ""),
        (ASKS + "List-Unsubscribe: <mailto:a@b>\r\n", ""),
        (ASKS + "Precedence: Bulk\r\n", ""),
        (ASKS + "Auto-Submitted: auto-generated\r\n", ""),
        (ASKS + "Return-Path: <>\r\n", ""),
        (ASKS + "Content-Type: multipart/report; report-type=x\r\n", ""),
    ],
)
def test_receipts_are_for_mail_between_people(header: str, found: str) -> None:
    assert asked(parse_header_block(header.encode())) == found


def test_who_wants_to_give_none_is_not_asked(ada: Any) -> None:
    message = wanted(ada)
    answer = ada.client.post("/settings/receipts/", {"ask": "no"}, follow=True)
    assert "Senders get no receipt, and you are not asked." in answer.text
    assert "eceipt" not in text(ada.client.get(ada.conversation_url(message)).text)
    assert "eceipt" not in text(card(ada, message))
    ada.client.post("/settings/receipts/", {"ask": "yes"})
    assert LINE in card(ada, message)

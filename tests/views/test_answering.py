"""Answers and forwards: who gets them, as whom, what is quoted, what is attached."""

from io import BytesIO
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Identity
from webmail.mime.build import build
from webmail.mime.parts import from_bytes, part_bytes
from webmail.models import CachedPart, Message, OutgoingMessage
from webmail.outbox import after, letter


def begun(answer: Any) -> OutgoingMessage:
    assert answer.status_code == 302, answer.content
    return OutgoingMessage.objects.get(pk=int(answer["Location"].strip("/").rpartition("/")[2]))


def press(person: Any, message: Message, what: str, **data: Any) -> OutgoingMessage:
    return begun(person.client.post(f"/message/{message.pk}/{what}/", data))


def header(message: Message, text: str) -> Message:
    content = text.replace("\n", "\r\n").encode()
    CachedPart.objects.create(message=message, section="HEADER", content=content, size=len(content))
    return message


def from_list(ada: Any, **fields: Any) -> Message:
    message = ada.arrive(to=[("", "dev@lists.example")], reply_to=[("Bob", "bob@example.test")], **fields)
    return header(message, "List-Post: <mailto:dev@lists.example>\nDelivered-To: ada+dev@example.test\n\n")


def test_an_answer_to_the_list_goes_there_alone_and_as_whom_it_came_to(ada: Any) -> None:
    second = Identity.objects.create(account=ada.account, name="Dev Ada", address="ada+dev@example.test")
    draft = press(ada, from_list(ada), "reply-list")
    assert (draft.to, draft.cc, draft.identity) == ("dev@lists.example", "", second)


def test_a_message_of_no_list_says_so(ada: Any) -> None:
    message = header(ada.arrive(), "List-Post: NO\n\n")
    answer = ada.post(f"/message/{message.pk}/reply-list/")
    assert answer.status_code == 503
    assert answer.content.decode() == "This message names no list to write to. Use Reply or Reply all."


def test_the_list_gets_an_answer_to_all_and_mail_followup_to_is_followed(ada: Any) -> None:
    draft = press(ada, from_list(ada), "reply-all")
    assert (draft.to, draft.cc) == ("Bob <bob@example.test>", "dev@lists.example")
    told = header(
        ada.arrive(to=[("", "dev@lists.example")]),
        "Mail-Followup-To: dev@lists.example, ada@example.test\nDelivered-To: ada@example.test\n\n",
    )
    draft = press(ada, told, "reply-all")
    assert (draft.to, draft.cc) == ("dev@lists.example", "")


def test_a_tag_after_the_name_is_still_oneself(ada: Any) -> None:
    message = ada.arrive(to=[("", "ada+shop@example.test"), ("Carl", "carl@example.test")])
    draft = press(ada, message, "reply-all")
    assert (draft.to, draft.cc, draft.identity) == (
        "Bob Berg <bob@example.test>",
        "Carl <carl@example.test>",
        ada.account.identities.get(),
    )


def test_an_answer_to_all_where_there_is_nobody_else_is_an_answer(ada: Any) -> None:
    draft = press(ada, ada.arrive(), "reply-all")
    assert (draft.to, draft.cc) == ("Bob Berg <bob@example.test>", "")


def test_no_header_is_fetched_where_the_message_names_the_person(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(row: Message) -> bytes:
        raise AssertionError("fetched")

    monkeypatch.setattr("webmail.views.answering.headers", never)
    press(ada, ada.arrive(), "reply")


def test_what_was_selected_is_quoted_alone_and_made_harmless(ada: Any) -> None:
    message = ada.arrive(text="First. Second.")
    draft = press(ada, message, "reply", selection='<p onclick="x()">Second.<script>x()</script></p>')
    assert '<blockquote type="cite"><p>Second.</p></blockquote>' in draft.html
    assert "First" not in draft.html + draft.text
    assert "> Second." in draft.text


def test_the_signature_of_the_other_is_not_quoted(ada: Any) -> None:
    draft = press(ada, ada.arrive(text="Yes.\r\n-- \r\nBob Berg\r\nTel. 1"), "reply")
    assert "Tel. 1" not in draft.html + draft.text
    assert "> Yes." in draft.text


def test_messages_are_forwarded_whole_by_reference_from_card_and_list(ada: Any) -> None:
    first, second = ada.arrive("One/two"), ada.arrive("Three")
    draft = press(ada, first, "forward-whole")
    assert (draft.subject, draft.forwards) == ("Fwd: One/two", first)
    chosen = [first.conversation_id, second.conversation_id]
    draft = begun(ada.client.post(f"{ada.url()}forward/", {"conversation": chosen}))
    rows = list(draft.attachments.all())
    assert [(row.content_type, row.section, row.message, row.size) for row in rows] == [
        ("message/rfc822", "", first, first.size),
        ("message/rfc822", "", second, second.size),
    ]
    assert draft.subject == "Fwd: 2 messages"
    assert not any(row.file for row in rows)
    OutgoingMessage.objects.filter(pk=draft.pk).update(follow_up=True)
    after.sent([draft])
    assert [Message.objects.get(pk=each.pk).keywords for each in (first, second)] == [["$Forwarded"], ["$Forwarded"]]


def test_nothing_selected_and_too_many_are_said(ada: Any) -> None:
    assert ada.post(f"{ada.url()}forward/").status_code == 409
    assert ada.post(f"{ada.url()}forward/", all="1").status_code == 409


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"Subject: x\r\n\r\nSeven bits\r\n", "message/rfc822"),
        (b"Subject: x\r\n\r\n" + b"long" * 300 + b"\r\n", "application/octet-stream"),
        ("Subject: x\r\n\r\ngrün\r\n".encode(), "application/octet-stream"),
        (b"Subject: x\n\nbare\n", "application/octet-stream"),
    ],
)
def test_a_whole_message_stands_in_the_other_octet_for_octet(ada: Any, raw: bytes, kind: str) -> None:
    """RFC 2046 section 5.2.1: as a message if seven bits carry it, else as a file that any server takes."""
    draft = press(ada, ada.arrive("Inner"), "forward-whole")
    message = letter.as_mime(
        draft, message_id="1@example.test", date=timezone.now(), open_file=lambda row: BytesIO(raw)
    )
    data = build(message)
    part = from_bytes(data).children[1]
    assert (part.type, part.filename) == (kind, "Inner.eml")
    assert part_bytes(data, "2") == raw

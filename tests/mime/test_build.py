"""Messages of ours: safe to send, the same in every parser, readable again as drafts."""

import email
import email.policy
import io
from datetime import UTC, datetime, timedelta, timezone
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webmail.mime import headers
from webmail.mime.build import Attachment, Outgoing, build, new_message_id, parse_draft
from webmail.mime.headers import Address
from webmail.mime.parts import choose, from_bytes, part_bytes

WHEN = datetime(2026, 3, 2, 10, 0, tzinfo=timezone(timedelta(hours=1)))


def outgoing(**changes: Any) -> Outgoing:
    fields: dict[str, Any] = {
        "from_": Address("Ann", "ann@example.org"),
        "to": [Address("Bob", "bob@example.net")],
        "subject": "Hello",
        "text": "Hi Bob",
        "message_id": "1@example.org",
        "date": WHEN,
    }
    return Outgoing(**(fields | changes))


def attachment(name: str = "a.pdf", data: bytes = b"data", kind: str = "application/pdf", cid: str = "") -> Attachment:
    return Attachment(name, kind, cid, bool(cid), lambda: io.BytesIO(data))


def read_by_stdlib(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def assert_well_formed(raw: bytes) -> None:
    assert raw.endswith(b"\r\n")
    assert raw.count(b"\n") == raw.count(b"\r") == raw.count(b"\r\n")
    assert b"\x00" not in raw
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert all(not part.defects for part in email.message_from_bytes(raw).walk())


def test_a_plain_message_is_as_small_as_it_can_be() -> None:
    assert build(outgoing()) == (
        b"From: Ann <ann@example.org>\r\n"
        b"To: Bob <bob@example.net>\r\n"
        b"Subject: Hello\r\n"
        b"Date: Mon, 02 Mar 2026 10:00:00 +0100\r\n"
        b"Message-ID: <1@example.org>\r\n"
        b"MIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8; format=flowed\r\n"
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"\r\n"
        b"Hi Bob\r\n"
    )


def test_every_reader_sees_the_same_message() -> None:
    raw = build(
        outgoing(
            from_=Address("Jörg Müller, Dr.", "jörg@müller.example".replace("ö", "o")),
            to=[
                Address('A "B" C', "a@example.org"),
                Address("", "c@example.org"),
                Address("日本 太郎", "t@example.org"),
            ],
            cc=[Address(f"Person {number}", f"p{number}@example.org") for number in range(60)],
            reply_to=[Address("", "reply@example.org")],
            subject="Grüße aus Köln, " * 12,
            text="Schöne Grüße\n> zitiert\n  eingerückt\nFrom here\n-- \nAnn",
            html='<p>Schöne Grüße <img src="cid:p1">',
            in_reply_to="0@example.org",
            references=["a@example.org", "b@example.org"],
            attachments=[
                attachment("Übersicht – 2026.pdf", b"\x00\xff" * 5_000),
                attachment("p.png", b"png", "image/png", "p1"),
                attachment("", b"", "nonsense"),
            ],
            headers={"X-Mailer": "test"},
        )
    )
    assert_well_formed(raw)
    assert raw.isascii()
    theirs = read_by_stdlib(raw)
    fields = headers.parse_header_block(raw)
    assert theirs["subject"] == headers.decode(headers.first(fields, "subject")) == ("Grüße aus Köln, " * 12).strip()
    for name in ("from", "to", "cc", "reply-to"):
        ours = [(address.name, address.address) for address in headers.addresses(headers.first(fields, name))]
        assert [(address.display_name, address.addr_spec) for address in theirs[name].addresses] == ours
    assert theirs["from"].addresses[0].display_name == "Jörg Müller, Dr."
    assert theirs["from"].addresses[0].domain == "xn--mller-kva.example"
    assert [part.get_content_type() for part in theirs.walk()] == [part.type for part in from_bytes(raw).walk()]
    assert [part.get_filename() for part in theirs.iter_attachments()] == ["Übersicht – 2026.pdf", None]
    body = choose(from_bytes(raw))
    assert body.html is not None
    assert list(body.inline) == ["p1"]
    assert part_bytes(raw, body.attachments[0].section) == b"\x00\xff" * 5_000
    assert part_bytes(raw, body.html.section) == '<p>Schöne Grüße <img src="cid:p1">'.encode()
    assert headers.message_ids(headers.first(fields, "references")) == ["a@example.org", "b@example.org"]
    assert headers.parse_date(headers.first(fields, "date")) == WHEN.astimezone(UTC)


@pytest.mark.parametrize(
    "changes",
    [
        {"from_": Address("x", "a@b.example\r\nBcc: z@z.example")},
        {"to": [Address("x", "a@b.example>, <z@z.example")]},
        {"to": [Address("x", "not an address")]},
        {"to": [Address("x", "a@b.example\x00")]},
        {"message_id": "x>\r\nBcc: z@z.example\r\n<y@z"},
        {"in_reply_to": "x\r\nBcc: z@z.example"},
        {"headers": {"X-A": "x\r\nBcc: z@z.example"}},
        {"headers": {"X-A: y\r\nBcc": "z@z.example"}},
        {"headers": {"Bcc": "z@z.example"}},
        {"headers": {"content-type": "text/html"}},
        {"attachments": [attachment(cid="x\r\nBcc: z@z.example")], "html": "x"},
    ],
)
def test_what_would_inject_a_field_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"not|must"):
        build(outgoing(**changes))


def test_line_breaks_in_names_become_spaces() -> None:
    raw = build(
        outgoing(
            subject="a\r\nBcc: z@z.example",
            to=[Address("x\r\nBcc: z@z.example\r\n", "a@b.example")],
            attachments=[attachment('a"\r\nX-Evil: 1\r\n.pdf', kind="text/html\r\nX-Evil: 1")],
        )
    )
    assert_well_formed(raw)
    message = email.message_from_bytes(raw)
    for part in message.walk():
        assert part["Bcc"] is None
        assert part["X-Evil"] is None
    assert headers.decode(message["Subject"]) == "a Bcc: z@z.example"


def test_blind_copies_are_written_into_drafts_only() -> None:
    message = outgoing(bcc=[Address("", "secret@example.org")])
    assert b"secret" not in build(message)
    assert b"\r\nBcc: secret@example.org\r\n" in build(message, include_bcc=True)


def test_a_draft_keeps_an_unfinished_address() -> None:
    draft = parse_draft(build(outgoing(to=[Address("", "bo"), Address("", "b@example.org")]), include_bcc=True))
    assert draft.to == [Address("", "bo"), Address("", "b@example.org")]


def test_a_draft_is_read_back_as_it_was_written() -> None:
    message = outgoing(
        text="Erste Zeile ü\n\n> zitiert " + "lang " * 40 + "ende\n  eingerückt\n-- \nAnn",
        html="<p>Erste Zeile ü",
        cc=[Address("C", "c@example.org")],
        bcc=[Address("", "d@example.org")],
        in_reply_to="0@example.org",
        references=["a@example.org"],
        attachments=[attachment("Ü.pdf"), attachment("p.png", b"p", "image/png", "p1")],
    )
    draft = parse_draft(build(message, include_bcc=True))
    assert (draft.from_, draft.to, draft.cc, draft.bcc) == (message.from_, message.to, message.cc, message.bcc)
    assert (draft.subject, draft.text, draft.html) == (message.subject, message.text, message.html)
    assert (draft.in_reply_to, draft.references) == (message.in_reply_to, message.references)
    assert [part.filename for part in draft.attachments] == ["Ü.pdf", "p.png"]


def test_a_message_attached_is_sent_as_a_file() -> None:
    raw = build(outgoing(attachments=[attachment("x.eml", b"Subject: x\n\ny", "message/rfc822")]))
    assert [part.type for part in from_bytes(raw).walk()] == [
        "multipart/mixed",
        "text/plain",
        "application/octet-stream",
    ]


def test_a_stream_that_gives_little_at_a_time_is_read_whole() -> None:
    class Trickle(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 1000) if size and size > 0 else size)

    data = bytes(range(256)) * 2_000
    raw = build(
        outgoing(attachments=[Attachment("a.bin", "application/octet-stream", "", False, lambda: Trickle(data))])
    )
    assert part_bytes(raw, "2") == data
    assert_well_formed(raw)


def test_message_ids_differ_and_name_the_domain() -> None:
    ids = {new_message_id("example.org") for _ in range(200)}
    assert len(ids) == 200
    assert all(each.endswith("@example.org") for each in ids)
    assert new_message_id("x\r\ny").endswith("@localhost")
    assert new_message_id("müller.example").endswith("@xn--mller-kva.example")


CHARACTERS = st.text(st.characters(exclude_categories=[]), max_size=120)


@settings(deadline=None)
@given(subject=CHARACTERS, name=CHARACTERS, text=CHARACTERS, html=CHARACTERS, filename=CHARACTERS)
def test_whatever_is_written_makes_a_well_formed_message(
    subject: str, name: str, text: str, html: str, filename: str
) -> None:
    raw = build(
        outgoing(
            subject=subject,
            to=[Address(name, "bob@example.net")] * 2,
            text=text,
            html=html,
            attachments=[attachment(filename)],
        )
    )
    assert_well_formed(raw)
    message = email.message_from_bytes(raw)
    assert {field.lower() for field in message} == {
        *("from", "to", "subject", "date", "message-id", "mime-version", "content-type"),
    }
    assert [address.address for address in headers.addresses(message["To"])] == ["bob@example.net"] * 2


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=300), st.integers(1, 40))
def test_plain_text_survives_sending_but_for_spaces_at_line_ends(line: str, times: int) -> None:
    line = line.lstrip(">")
    text = "\n".join([line, f"> {line.lstrip('> ')}x", line * times])
    expected = "\n".join(each.rstrip(" ") for each in text.split("\n"))
    sent = parse_draft(build(outgoing(text=text))).text
    assert [each.rstrip(" ") for each in sent.split("\n")] == expected.split("\n")

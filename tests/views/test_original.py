"""The original of a message: its header to be searched, its source as it came."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webmail.errors import GiveUp, Reason, RetryLater
from webmail.mime.original import fields_of, matching
from webmail.models import CachedPart, Message
from webmail.sync import bodies

HEADER = (
    b"Received: from a.example\r\n\tby b.example\r\n\twith ESMTP\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"From: Bob <bob@example.test>\r\n"
    b"X-Odd: <script>alert(1)</script> \xe2\x80\xaetxt.exe\r\n"
    b"a line that is no field\r\n"
    b"X-List: one\r\n two\r\n\r\n"
)


def mail(person: Any, header: bytes = HEADER) -> Message:
    message = person.arrive("Hello")
    CachedPart.objects.create(message=message, section="HEADER", content=header, size=len(header))
    return message


def test_fields_are_shown_on_one_line_or_as_written(ada: Any) -> None:
    message = mail(ada)
    page = ada.client.get(f"/message/{message.pk}/original/").text
    assert "from a.example by b.example with ESMTP" in page
    assert "=?utf-8?q?Gr=C3=BC=C3=9Fe?=" in page
    assert "Grüße" in page
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "6 fields" in page
    folded = ada.client.get(f"/message/{message.pk}/original/?folded=on").text
    assert "from a.example\n\tby b.example\n" in folded
    assert "from a.example by" not in folded


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("subject", ["Subject"]),
        ("GRÜSSE", ["Subject"]),
        ("example b.", ["Received"]),
        ("<script", ["X-Odd"]),
        ("zebra", []),
    ],
)
def test_the_header_is_searched_without_a_script(ada: Any, words: str, names: list[str]) -> None:
    assert [field.name for field in matching(fields_of(HEADER), words)] == names
    page = ada.client.get(f"/message/{mail(ada).pk}/original/", {"q": words}).text
    assert f"{len(names)} of 6 fields" in page
    assert ("No field holds this." in page) is (not names)


def test_the_source_is_shown_from_its_beginning_and_escaped(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    message = mail(ada)
    asked: list[int] = []

    def beginning(_: Message, octets: int) -> bytes:
        asked.append(octets)
        return b"A: b\r\n\r\n<b>bold</b> \xff\0"

    monkeypatch.setattr(bodies, "beginning", beginning)
    page = ada.client.get(f"/message/{message.pk}/original/text/").text
    assert "&lt;b&gt;bold" in page
    assert "<html" not in ada.fragment(f"/message/{message.pk}/original/text/").text
    assert asked == [256 * 1024] * 2
    assert "This is the beginning." not in page
    Message.objects.filter(pk=message.pk).update(size=10**9)
    assert "This is the beginning." in ada.client.get(f"/message/{message.pk}/original/text/").text


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RetryLater(Reason.LOST, "The connection broke."), 503),
        (GiveUp(Reason.GONE, "The message is no longer there."), 404),
    ],
)
def test_what_cannot_be_had_is_said(ada: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int) -> None:
    message = ada.arrive()

    def fail(*_: object) -> bytes:
        raise error

    monkeypatch.setattr(bodies, "headers", fail)
    monkeypatch.setattr(bodies, "beginning", fail)
    for path in ("original/", "original/text/"):
        answer = ada.client.get(f"/message/{message.pk}/{path}")
        assert answer.status_code == status
        assert str(error) in answer.text


@given(st.binary(max_size=2000), st.text(max_size=50))
def test_any_header_is_read_without_an_error(header: bytes, words: str) -> None:
    fields = fields_of(header)
    assert not any(set("\r\n\0\u202e\u2066") & set(field.value + field.meaning) for field in fields)
    matching(fields, words)


def test_a_header_of_many_fields_is_cut() -> None:
    assert len(fields_of(b"A: b\r\n" * 5000)) == 1000

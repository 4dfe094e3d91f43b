"""Files of messages: looked at, wound to any place, packed; with names and contents that mean no good."""

import io
import re
import unicodedata
import zipfile
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from webmail.errors import GiveUp, Reason, RetryLater
from webmail.mime.parts import Part
from webmail.models import CachedPart, Message
from webmail.sync import pieces
from webmail.views.parts import disposition, file_name

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
FILES = [
    ("photo.png", "image/png", PNG),
    ("plan.pdf", "application/pdf", b"%PDF-1.4 test"),
    ("notes.txt", "text/plain", "Grüße <script>alert(1)</script>".encode()),
    ("table.csv", "text/csv", b'name;sum\r\n"<b>x</b>";=1+1\r\n'),
    ("page.html", "text/html", b"<script>alert(1)</script>"),
    ("film.mp4", "video/mp4", b"\0\0\0\x20ftypisom" + b"\0" * 500),
    ("song.mp3", "application/octet-stream", b"ID3" + b"\0" * 500),
    ("secret.bin", "application/octet-stream", b"\0" * 50),
    ("drawing.svg", "image/svg+xml", b"<svg onload=alert(1)>"),
]


def with_files(person: Any, files: list[tuple[str, str, bytes]] = FILES, **fields: Any) -> Message:
    parts = [Part(section="1", type="text/plain", charset="utf-8", size=10)]
    for number, (name, kind, content) in enumerate(files, start=2):
        parts.append(
            Part(
                section=str(number),
                type=kind,
                size=len(content),
                filename=name,
                disposition="attachment",
                charset="utf-8",
            )
        )
    structure = Part(section="", type="multipart/mixed", children=parts)
    message = person.arrive("With files", structure=structure, **fields)
    for part, (_, _, content) in zip(parts[1:], files, strict=True):
        CachedPart.objects.create(message=message, section=part.section, content=content, size=len(content))
    return Message.objects.get(pk=message.pk)


def got(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def test_each_kind_of_file_is_shown_in_a_way_that_cannot_hurt(ada: Any) -> None:
    message = with_files(ada)
    pages = {}
    for number, (name, _, _) in enumerate(FILES, start=2):
        answer = ada.client.get(f"/message/{message.pk}/part/{number}/view/")
        assert answer.status_code == 200
        assert "script-src 'self'" in answer["Content-Security-Policy"]
        pages[name] = answer.text
        assert f"{number - 1} of {len(FILES)}" in answer.text
        assert "<script>alert" not in answer.text
        assert "<svg onload" not in answer.text
    url = f"/message/{message.pk}/part"
    assert f'<img src="{url}/2/?inline=1"' in pages["photo.png"]
    assert f'<iframe src="{url}/3/?inline=1"' in pages["plan.pdf"]
    assert "Grüße &lt;script&gt;" in pages["notes.txt"]
    assert "<td>&lt;b&gt;x&lt;/b&gt;</td><td>=1+1</td>" in pages["table.csv"]
    assert "&lt;script&gt;alert(1)" in pages["page.html"]
    assert f'<video src="{url}/7/?inline=1"' in pages["film.mp4"]
    assert f'<audio src="{url}/8/?inline=1"' in pages["song.mp3"]
    assert "no preview" in pages["secret.bin"]
    assert "&lt;svg onload" in pages["drawing.svg"]
    alone = ada.fragment(f"{url}/4/view/").text
    assert "<html" not in alone
    assert f'href="{url}/3/view/" data-viewer-step="-1"' in alone
    assert f'href="{url}/5/view/" data-viewer-step="1"' in alone


@pytest.mark.parametrize(("section", "kind"), [("2", "image/png"), ("7", "video/mp4"), ("8", "audio/mpeg")])
def test_only_what_a_browser_paints_or_plays_keeps_its_type(ada: Any, section: str, kind: str) -> None:
    message = with_files(ada)
    assert ada.client.get(f"/message/{message.pk}/part/{section}/?inline=1")["Content-Type"] == kind
    for other in ("4", "5", "6", "9", "10"):
        answer = ada.client.get(f"/message/{message.pk}/part/{other}/?inline=1")
        assert answer["Content-Type"] == "application/octet-stream"
        assert answer["Content-Disposition"].startswith("attachment")
        assert "sandbox" in answer["Content-Security-Policy"]


def test_a_long_text_is_shown_from_its_beginning(ada: Any) -> None:
    message = with_files(ada, [("long.log", "text/plain", b"line\n" * 100_000)])
    page = ada.client.get(f"/message/{message.pk}/part/2/view/").text
    assert "This is the beginning." in page
    assert len(page) < 300_000


def test_a_text_in_another_charset_is_read_in_it(ada: Any) -> None:
    message = with_files(ada, [("a.txt", "text/plain", "Grüße".encode("latin-1"))])
    assert "Grüße" in ada.client.get(f"/message/{message.pk}/part/2/view/").text


def test_what_cannot_be_had_is_said_on_the_page(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    message = with_files(ada)
    for error, status in ((RetryLater(Reason.LOST, "The connection broke."), 503), (GiveUp(Reason.GONE, "Gone."), 404)):

        def fail(*_: Any, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(pieces, "open_content", fail)
        answer = ada.client.get(f"/message/{message.pk}/part/4/view/")
        assert answer.status_code == status
        assert str(error) in answer.text
        assert ("Try again" in answer.text) is (status == 503)
    assert ada.client.get(f"/message/{message.pk}/part/99/view/").status_code == 404


@pytest.mark.parametrize(
    ("header", "status", "found", "place"),
    [
        ("bytes=0-", 206, PNG, "bytes 0-1031/1032"),
        ("bytes=5-9", 206, PNG[5:10], "bytes 5-9/1032"),
        ("bytes=-3", 206, PNG[-3:], "bytes 1029-1031/1032"),
        ("bytes=1000-9999", 206, PNG[1000:], "bytes 1000-1031/1032"),
        ("bytes=0-1,5-6", 200, PNG, None),
        ("bytes=x", 200, PNG, None),
        ("bytes=1032-", 416, b"", "bytes */1032"),
    ],
)
def test_a_range_is_given_as_asked(ada: Any, header: str, status: int, found: bytes, place: str | None) -> None:
    message = with_files(ada)
    answer = ada.client.get(f"/message/{message.pk}/part/2/?inline=1", headers={"Range": header})
    assert answer.status_code == status
    assert answer.get("Content-Range") == place
    body = got(answer) if answer.streaming else answer.content
    assert body == found
    if status != 416:
        assert answer["Content-Length"] == str(len(found))
        assert answer["Accept-Ranges"] == "bytes"


def test_a_range_of_something_else_is_not_given(ada: Any) -> None:
    message = with_files(ada)
    url = f"/message/{message.pk}/part/2/"
    tag = ada.client.get(url)["ETag"]
    assert ada.client.get(url, headers={"Range": "bytes=0-3", "If-Range": tag}).status_code == 206
    assert ada.client.get(url, headers={"Range": "bytes=0-3", "If-Range": '"other"'}).status_code == 200
    assert (
        ada.client.get(url, headers={"Range": "bytes=0-3", "If-Range": "Fri, 20 Nov 2026 12:00:00 GMT"}).status_code
        == 200
    )
    head = ada.client.head(url)
    assert (head.status_code, head["Content-Length"], got(head)) == (200, "1032", b"")


def opened_zip(answer: Any) -> zipfile.ZipFile:
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(got(answer)))
    assert archive.testzip() is None
    return archive


def test_all_files_of_a_message_come_in_one_archive(ada: Any) -> None:
    message = with_files(ada)
    archive = opened_zip(ada.client.get(f"/message/{message.pk}/files/zip/"))
    assert {name: archive.read(name) for name in archive.namelist()} == {name: content for name, _, content in FILES}


def test_names_in_an_archive_are_safe_and_none_is_lost(ada: Any) -> None:
    names = ["../../etc/passwd", "..\\..\\boot.ini", "con.txt", "a.png", "A.png", "a.png", "", "", "x" * 500 + ".pdf"]
    names += ["\u202egnp.exe", "a\r\nb.txt", "/absolute", "C:\\x.txt", ".bashrc", "dir/", "NUL"]
    message = with_files(ada, [(name, "application/pdf", str(at).encode()) for at, name in enumerate(names)])
    archive = opened_zip(ada.client.get(f"/message/{message.pk}/files/zip/"))
    found = archive.namelist()
    assert len(found) == len({name.casefold() for name in found}) == len(names)
    assert sorted(archive.read(name) for name in found) == sorted(str(at).encode() for at in range(len(names)))
    for name in found:
        assert not re.search(r'[/\\:*?"<>|\x00-\x1f\u202a-\u202e]', name)
        assert not name.startswith(".")
        assert len(name.encode()) <= 200
    assert [name for name in found if name.endswith(".png")] == ["a.png", "A (2).png", "a (3).png"]


def test_a_file_that_is_gone_is_named_in_the_archive_and_a_lost_server_ends_it(
    ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = with_files(ada)
    whole = pieces.open_content

    def some(message: Message, section: str) -> Any:
        if section == "3":
            raise GiveUp(Reason.GONE, "The message is no longer there.")
        return whole(message, section)

    monkeypatch.setattr(pieces, "open_content", some)
    archive = opened_zip(ada.client.get(f"/message/{message.pk}/files/zip/"))
    assert len(archive.namelist()) == len(FILES)
    assert b"plan.pdf: The message is no longer there." in archive.read("NOT-INCLUDED.txt")

    def lost(message: Message, section: str) -> Any:
        raise RetryLater(Reason.LOST, "The connection broke.")

    monkeypatch.setattr(pieces, "open_content", lost)
    assert ada.client.get(f"/message/{message.pk}/files/zip/").status_code == 503


def test_the_files_of_a_conversation_stand_on_one_page_and_in_one_archive(ada: Any) -> None:
    first = with_files(ada, FILES[:2])
    with_files(ada, FILES[2:4], in_reply_to=[first.message_id], sender="Cleo <cleo@example.test>")
    ada.arrive("Re: With files", in_reply_to=[first.message_id])
    with_files(ada, FILES[4:5], in_reply_to=[first.message_id], folder="Trash")
    page = ada.client.get(f"/conversation/{first.conversation_id}/files/").text
    assert [name for name, _, _ in FILES if name in page] == [name for name, _, _ in FILES[:4]]
    assert "All 4 as zip" in page
    assert "Cleo" in page
    archive = opened_zip(ada.client.get(f"/conversation/{first.conversation_id}/files/zip/"))
    assert archive.namelist() == [name for name, _, _ in FILES[:4]]
    alone = with_files(ada, FILES[:1], folder="Trash")
    assert "photo.png" in ada.client.get(f"/conversation/{alone.conversation_id}/files/").text
    nothing = ada.arrive("Nothing")
    assert "There are none." in ada.client.get(f"/conversation/{nothing.conversation_id}/files/").text
    assert ada.client.get(f"/conversation/{nothing.conversation_id}/files/zip/").status_code == 404
    assert ada.client.get(f"/message/{nothing.pk}/files/zip/").status_code == 404


def test_the_page_of_files_costs_the_same_for_any_number_of_messages(ada: Any) -> None:
    first = with_files(ada, FILES[:2])
    counts = []
    for _ in range(2):
        for _ in range(10):
            with_files(ada, FILES[:2], in_reply_to=[first.message_id])
        with CaptureQueriesContext(connection) as queries:
            ada.client.get(f"/conversation/{first.conversation_id}/files/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_large_picture_is_not_fetched_to_be_shown_small(ada: Any) -> None:
    parts = [
        Part(section="1", type="text/plain", size=10),
        Part(section="2", type="image/jpeg", size=100_000, filename="small.jpg", disposition="attachment"),
        Part(section="3", type="image/jpeg", size=9_000_000, filename="large.jpg", disposition="attachment"),
    ]
    message = ada.arrive("Photos", structure=Part(section="", type="multipart/mixed", children=parts))
    card = ada.client.get(f"/message/{message.pk}/").text
    assert f'src="/message/{message.pk}/part/2/?inline=1"' in card
    assert f'src="/message/{message.pk}/part/3/' not in card
    assert "large.jpg" in card


def test_a_picture_of_the_text_that_no_text_shows_is_offered_below_it(ada: Any) -> None:
    html = '<p>Hello <img src="cid:logo"></p>'
    parts = [
        Part(section="1", type="text/html", charset="utf-8", size=len(html)),
        Part(section="2", type="image/png", size=10, content_id="logo", filename="logo.png"),
        Part(section="3", type="image/png", size=10, content_id="lost", filename="<lost>.png"),
        Part(section="4", type="image/png", size=10, content_id="nameless"),
    ]
    message = ada.arrive("Related", text=html, structure=Part(section="", type="multipart/related", children=parts))
    body = ada.client.get(f"/message/{message.pk}/body/").text
    assert f'<img src="/message/{message.pk}/part/2/?inline=1">' in body
    links = re.findall(r'href="/message/\d+/part/(\d)/view/">([^<]*)<', body)
    assert links == [("3", "&lt;lost&gt;.png"), ("4", "PNG 4")]


@given(st.text(max_size=300))
def test_any_name_is_one_safe_name(name: str) -> None:
    safe = file_name(name)
    assert safe
    assert len(safe.encode()) <= 200
    assert not re.search(r'[\x00-\x1f\x7f/\\:*?"<>|]', safe)
    assert not any(
        unicodedata.bidirectional(char) in {"RLO", "LRO", "RLE", "LRE", "PDF", "RLI", "LRI", "FSI", "PDI"}
        for char in safe
    )
    assert safe not in {".", ".."}
    assert not re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", safe)
    header = disposition(name)
    assert header.isascii()
    assert header.isprintable()
    assert re.fullmatch(r"attachment; filename=\"[^\"\\]+\"(; filename\*=UTF-8''[A-Za-z0-9%._~-]+)?", header)


def test_both_forms_of_a_name() -> None:
    assert disposition("Übergröße.pdf") == (
        "attachment; filename=\"_bergr__e.pdf\"; filename*=UTF-8''%C3%9Cbergr%C3%B6%C3%9Fe.pdf"
    )
    assert disposition("plan.pdf", inline=True) == 'inline; filename="plan.pdf"'
    assert disposition("100%.pdf") == "attachment; filename=\"100_.pdf\"; filename*=UTF-8''100%25.pdf"
    assert [file_name(name) for name in ("aux", "nul.tar.gz", "console.txt", "com1.log")] == [
        "_aux",
        "_nul.tar.gz",
        "console.txt",
        "_com1.log",
    ]

"""The conversation and its messages: what is shown, how it is fenced in, what happens when it cannot be had."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from webmail.errors import GiveUp, Reason, RetryLater
from webmail.mime import clock
from webmail.mime.parts import Part
from webmail.models import CachedPart, Message, RenderedBody, SenderCheck
from webmail.sync import afterwards, bodies
from webmail.sync.senders import POLICY
from webmail.views import reader
from webmail.views.parts import BLOCK, blocks

MOST_QUERIES = 11
MOST_QUERIES_FRAGMENT = 6


def cards(html: str) -> list[str]:
    return re.findall(r'<details class="card[^"]*" id="m(\d+)"', html)


def opened(html: str) -> list[str]:
    return re.findall(r'<details class="card[^"]*" id="m(\d+)"[^>]* open>', html)


def test_unread_and_newest_are_open_and_the_rest_is_folded(ada: Any) -> None:
    read = frozenset({"\\Seen"})
    first = ada.arrive("Plan", flags=read)
    second = ada.arrive("Re: Plan", in_reply_to=[first.message_id])
    third = ada.arrive("Re: Plan", in_reply_to=[first.message_id], flags=read)
    html = ada.client.get(ada.conversation_url(first)).text
    assert cards(html) == [str(first.pk), str(second.pk), str(third.pk)]
    assert opened(html) == [str(second.pk), str(third.pk)]
    assert html.count("<h1 id=") == 1


def test_what_lies_in_the_trash_is_left_out_except_in_the_trash(ada: Any) -> None:
    first = ada.arrive("Plan")
    deleted = ada.arrive("Re: Plan", folder="Trash", in_reply_to=[first.message_id])
    assert cards(ada.client.get(ada.conversation_url(first)).text) == [str(first.pk)]
    assert str(deleted.pk) in cards(ada.client.get(ada.conversation_url(first, "Trash")).text)


def test_a_copy_of_the_same_message_in_two_folders_is_shown_once(ada: Any) -> None:
    note = ada.arrive("Note to self", folder="Sent", message_id="same@example.test")
    copy = ada.arrive("Note to self", message_id="same@example.test")
    assert copy.conversation_id == note.conversation_id
    assert cards(ada.client.get(ada.conversation_url(copy)).text) == [str(copy.pk)]


def test_the_reader_costs_the_same_for_any_number_of_messages(ada: Any) -> None:
    first = judged(ada.arrive("Plan"))
    counts = []
    for _ in range(2):
        for _ in range(10):
            judged(ada.arrive("Re: Plan", in_reply_to=[first.message_id]))
        with CaptureQueriesContext(connection) as queries:
            ada.client.get(ada.conversation_url(first))
        with CaptureQueriesContext(connection) as fragment:
            ada.fragment(ada.conversation_url(first))
        counts.append((len(queries), len(fragment)))
    assert counts[0] == counts[1]
    assert counts[0][0] <= MOST_QUERIES
    assert counts[0][1] <= MOST_QUERIES_FRAGMENT


def judged(message: Message) -> Message:
    """As one that was opened before."""
    SenderCheck.objects.create(message=message, policy=POLICY, method="untrusted")
    return message


def test_texts_that_were_never_here_are_asked_for_with_the_page_two_of_them(
    ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(bodies, "begin", lambda message: asked.append(message.pk))
    first = ada.arrive("Plan")
    url = ada.conversation_url(first)
    ada.fragment(url)
    assert asked == [], "it is here"
    CachedPart.objects.all().delete()
    with CaptureQueriesContext(connection) as alone:
        ada.fragment(url)
    assert asked == [first.pk]
    more = [ada.arrive("Re: Plan", in_reply_to=[first.message_id]) for _ in range(5)]
    CachedPart.objects.all().delete()
    with CaptureQueriesContext(connection) as several:
        ada.fragment(url)
    assert asked[1:] == [more[-2].pk, more[-1].pk]
    assert len(several) == len(alone) == MOST_QUERIES_FRAGMENT + 1
    del asked[:]
    Message.objects.filter(pk__in=[each.pk for each in more[1:]]).update(seen=True)
    judged(more[0])
    ada.fragment(url)
    assert asked == [first.pk, more[-1].pk]


def test_a_text_is_shown_before_it_is_kept(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    message = ada.arrive()
    CachedPart.objects.all().delete()
    header = b"From: Bob Berg <bob@example.test>\r\n\r\n"
    monkeypatch.setattr(bodies, "_brought", lambda *_: {"1": b"Good evening.", "HEADER": header})
    with monkeypatch.context() as out:
        out.setattr(afterwards, "settle", lambda works: None)
        assert "Good evening." in ada.client.get(f"/message/{message.pk}/body/").text
    assert not CachedPart.objects.exists()
    assert not SenderCheck.objects.exists()
    assert "Good evening." in ada.client.get(f"/message/{message.pk}/body/").text
    assert CachedPart.objects.get().section == "1"
    assert SenderCheck.objects.get().message == message
    monkeypatch.setattr(bodies, "load_parts", None)
    assert "Good evening." in ada.client.get(f"/message/{message.pk}/body/").text


def test_the_body_is_a_document_of_its_own_behind_its_own_policy(ada: Any) -> None:
    message = ada.arrive(text="See https://example.test/ <b>")
    answer = ada.client.get(f"/message/{message.pk}/body/")
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-popups" in policy
    assert "allow-scripts" not in policy
    assert "no-store" in answer["Cache-Control"]
    assert "&lt;b&gt;" in answer.text
    html = ada.client.get(ada.conversation_url(message)).text
    frame = re.search(r'<iframe[^>]*sandbox="([^"]*)"', html)
    assert frame is not None
    assert "allow-scripts" not in frame[1]


def test_quoted_text_is_folded_away(ada: Any) -> None:
    message = ada.arrive(text="Yes.\n\nOn Monday, Bob wrote:\n> Shall we?\n> Or not?\n")
    html = ada.client.get(f"/message/{message.pk}/body/").text
    assert '<details class="quote">' in html
    assert html.index("Yes.") < html.index("<details") < html.index("Shall we?")


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (RetryLater(Reason.LOST, "The connection to the mail server broke."), True),
        (GiveUp(Reason.GONE, "The message is no longer there."), False),
    ],
)
def test_a_body_that_cannot_be_had_is_a_sentence_and_never_an_error(
    ada: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, again: bool
) -> None:
    message = ada.arrive()

    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(bodies, "load_parts", fail)
    answer = ada.client.get(f"/message/{message.pk}/body/")
    assert answer.status_code == 200
    assert str(error) in answer.text
    assert ("Try again" in answer.text) is again
    part = ada.client.get(f"/message/{message.pk}/part/1/")
    assert part.status_code in {200, 404, 503}


def with_attachment(ada: Any, filename: str, kind: str = "application/pdf", content: bytes = b"%PDF-1.4 test") -> Any:
    structure = Part(
        section="",
        type="multipart/mixed",
        children=[
            Part(section="1", type="text/plain", charset="utf-8", size=10),
            Part(section="2", type=kind, size=len(content), filename=filename, disposition="attachment"),
        ],
    )
    message = ada.arrive("With a file", structure=structure)
    CachedPart.objects.create(message=message, section="2", content=content, size=len(content))
    return message


def test_an_attachment_is_a_download_that_cannot_run(ada: Any) -> None:
    message = with_attachment(ada, "page.html", "text/html", b"<script>alert(1)</script>")
    for query in ("", "?inline=1"):
        answer = ada.client.get(f"/message/{message.pk}/part/2/{query}")
        assert answer["Content-Type"] == "application/octet-stream"
        assert answer["Content-Disposition"].startswith("attachment")
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer["Content-Security-Policy"]
        assert b"".join(answer.streaming_content) == b"<script>alert(1)</script>"


def test_a_picture_or_pdf_may_be_looked_at_in_place(ada: Any) -> None:
    message = with_attachment(ada, "plan.pdf")
    answer = ada.client.get(f"/message/{message.pk}/part/2/?inline=1")
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"].startswith("inline")
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "filename",
    ['a"b.pdf', "Übergröße 日本.pdf", "a\r\nX-Evil: 1.pdf", "../../etc/passwd", "x" * 500, "<img src=x>.pdf", ";"],
)
def test_file_names_cannot_break_the_header_or_the_page(ada: Any, filename: str) -> None:
    message = with_attachment(ada, filename)
    answer = ada.client.get(f"/message/{message.pk}/part/2/")
    assert answer.status_code == 200
    assert "X-Evil" not in answer.headers
    assert "/" not in answer["Content-Disposition"].replace("utf-8''", "")
    html = ada.client.get(ada.conversation_url(message)).text
    assert "<img src=x>" not in html


@pytest.mark.parametrize("section", ["9", "1.2.3", "HEADER", "TEXT", "1]", "..", "1 BODY[2]", "0"])
def test_sections_that_do_not_exist_are_not_found_and_reach_no_server(ada: Any, section: str) -> None:
    message = ada.arrive()
    assert ada.client.get(f"/message/{message.pk}/part/{section}/").status_code == 404


def test_files_are_sent_in_large_pieces(ada: Any) -> None:
    pieces = list(blocks(iter([b"x" * 1000] * 600)))
    assert all(len(piece) >= BLOCK for piece in pieces[:-1])
    assert sum(map(len, pieces)) == 600_000


def test_a_card_can_be_fetched_alone(ada: Any) -> None:
    message = ada.arrive("Plan")
    assert cards(ada.client.get(f"/message/{message.pk}/").text) == [str(message.pk)]


@pytest.mark.parametrize("message_id", [0, 2**63 - 1, 2**63, 10**30])
def test_ids_of_any_size_are_not_found(ada: Any, message_id: int) -> None:
    assert ada.client.get(f"/message/{message_id}/").status_code == 404
    assert ada.client.get(f"/folder/{message_id}/").status_code == 404
    assert ada.client.get(f"{ada.url()}conversation/{message_id}/").status_code == 404


def html_message(ada: Any, html: str) -> Any:
    message = ada.arrive("Design", structure=Part(section="1", type="text/html", charset="utf-8", size=100), text=html)
    return f"/message/{message.pk}/body/"


def test_a_mail_that_names_no_direction_goes_by_its_letters(ada: Any) -> None:
    for html, by_line in (("<p>&#1513;&#1500;</p>", True), ('<p dir="rtl">&#1513;&#1500;</p>', False)):
        part = Part(section="1", type="text/html", charset="utf-8", size=len(html))
        message = ada.arrive(text=html, structure=part)
        body = ada.client.get(f"/message/{message.pk}/body/").text
        assert ('class="plain by-line"' in body) is by_line


def test_the_ground_of_a_mail_follows_the_theme_and_the_mail(ada: Any) -> None:
    ada.user.theme = "dark"
    ada.user.save()
    dark = "@media (prefers-color-scheme:dark){body{background:#111}}"
    grounds = {
        "<p>Words</p>": "dark",
        '<p style="color:black">Words</p>': "dark",
        '<p style="color:#d00">Words</p>': "white",
        f"<style>.a{{background:#fed}}{dark}</style><p>Words</p>": "dark",
    }
    for html, ground in grounds.items():
        assert f'data-ground="{ground}"' in ada.client.get(html_message(ada, html)).text, html
    simple = ada.client.get(html_message(ada, '<p style="color:black">Words</p>')).text
    assert ".adapt" in simple
    design = html_message(ada, '<p style="color:#d00">Words</p>')
    assert 'class="paper inverted"' in ada.client.get(f"{design}?on=dark").text
    follows = html_message(ada, f"<style>.a{{background:#fed}}{dark}</style><p>Words</p>")
    assert "@media (min-width:0){" in ada.client.get(follows).text
    assert "@media (max-width:0){" in ada.client.get(f"{follows}?on=white").text
    # Anything else asks for nothing.
    assert 'data-ground="dark"' in ada.client.get(f"{follows}?on=<script>").text


def test_a_mail_that_was_only_passed_on_is_not_folded_away(ada: Any) -> None:
    quote = '<div class="gmail_quote"><div>---------- Forwarded message ---------</div><p>Look at this</p></div>'
    html = ada.client.get(html_message(ada, f"<div><br><br></div>{quote}")).text
    assert '<details class="quote">' not in html
    assert "Look at this" in html
    assert '<details class="quote">' in ada.client.get(html_message(ada, f"<div>See</div>{quote}")).text


def test_a_mail_that_takes_too_long_is_listed_explained_and_downloadable(
    ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "CPU_SECONDS", 0.2)
    url = html_message(ada, f"<p>Good morning.</p><div {' '.join(f'a{n}=1' for n in range(70_000))}>Yours</div>")
    html = ada.client.get(url).text
    assert "too complex to be shown as designed" in html
    assert "Good morning." in html
    assert "Design" in ada.client.get(ada.url()).text
    message = Message.objects.get(subject="Design")
    assert f"/message/{message.pk}/source/" in ada.client.get(ada.conversation_url(message)).text
    assert RenderedBody.objects.get(message=message).too_complex


def test_a_conversation_that_is_too_long_says_so_and_where_the_rest_is(
    ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ada.arrive('The "plan"')
    for _ in range(4):
        ada.arrive('Re: The "plan"', in_reply_to=[first.message_id])
    url = ada.conversation_url(first)
    assert "more-cards" not in ada.client.get(url).text
    monkeypatch.setattr(reader, "MOST_CARDS", 3)
    html = ada.client.get(url).text
    assert len(cards(html)) == 3
    found = re.search(
        r'class="more-cards">Older messages of this conversation are not shown here. <a href="([^"]+)"', html
    )
    assert found is not None
    results = ada.client.get(found[1])
    assert results.status_code == 200
    assert html.index("more-cards") < html.index('id="cards"')
    ada.user.newest_first = True
    ada.user.save()
    html = ada.client.get(url).text
    assert html.index("more-cards") > html.index('id="cards"')


@pytest.mark.parametrize("kind", ["text/html", "text/plain"])
@pytest.mark.parametrize("letter", ["я", "x"])
def test_a_text_that_was_cut_says_so_once(ada: Any, monkeypatch: pytest.MonkeyPatch, kind: str, letter: str) -> None:
    whole = f"<p>{letter * 10_000}</p>" * 110 if kind == "text/html" else f"{letter * 100}\n" * 11_000
    octets = whole.encode()
    structure = Part(section="1", type=kind, charset="utf-8", size=len(octets))
    message = ada.arrive(structure=structure)
    CachedPart.objects.all().delete()
    monkeypatch.setattr(bodies, "_brought", lambda _, __, most: {"1": octets[:most], "HEADER": b""})
    shown = ada.client.get(f"/message/{message.pk}/body/").text
    said = shown.count("There is more text than can be shown.") + shown.count(
        "The message is longer than what is shown"
    )
    assert said == 1

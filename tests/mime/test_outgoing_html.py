"""The HTML that is sent: small, styled inline, nothing of the editor in it, and the plain text beside it."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webmail.mime.compose import flow
from webmail.mime.html import clean_own
from webmail.mime.outgoing_html import FONT, outgoing_html
from webmail.mime.text import html_to_text, unflow

PIECES = st.sampled_from(
    [
        *(
            '<div class="a" id="b">',
            "</div>",
            "<div><br></div>",
            "<span>",
            '<span class="ed-color" style="color:#b00">',
        ),
        *("</span>", "<b>", "</b>", "<ul>", "<ol start='3'>", "<li>", "</li>", "</ul>", "</ol>", "<blockquote>", "<p>"),
        *(
            '<blockquote type="cite">',
            "</blockquote>",
            "<pre>",
            "</pre>",
            '<img src="cid:x" width=1 height=1>',
            "&nbsp;",
        ),
        *(
            '<img src="cid:y" style="width:99.5px">',
            '<a href="https://a.example/?b=1&amp;c=2">link',
            "</a>",
            "text",
            "\n",
        ),
        *('<div class="signature">', "<table><tr><td>", "</table>", "\u200b", "<h1>", "</h1>", "&lt;", "<i></i>"),
    ]
)


def inside(html: str) -> str:
    found = re.fullmatch(rf'<div style="{re.escape(FONT)}">(.*)</div>', outgoing_html(html), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("<div>Hello</div>", "<div>Hello</div>"),
        ('<div class="x" id="y" data-z="1">Hi<b></b> <span>you</span></div><div><br></div>', "<div>Hi you</div>"),
        ("<div><div><div>x</div></div></div>", "<div>x</div>"),
        ('<span class="ed-color" style="color:#b3261e">red</span>', '<span style="color:#b3261e">red</span>'),
        (
            "<ul><li>a</li><ul><li>b</li></ul><li>c</li></ul>",
            '<ul style="{0}"><li>a<ul style="{0}"><li>b</li></ul></li><li>c</li></ul>'.format(
                "margin:0 0 0 24px;padding:0"
            ),
        ),
        (
            '<span style="background-color:#fff3a3">x</span>',
            '<span style="background-color:#fff3a3;color:#202124">x</span>',
        ),
        ("<div>a\u200bb</div>", "<div>ab</div>"),
        ('<a href="https://a.example/" target="_blank" rel="noopener">a</a>', '<a href="https://a.example/">a</a>'),
        ("<ul><li>a</li></ul>", '<ul style="margin:0 0 0 24px;padding:0"><li>a</li></ul>'),
        (
            '<img src="cid:a" style="width:200px">',
            '<img src="cid:a" style="width:200px;max-width:100%;height:auto" width="200" alt="">',
        ),
        ('<div>a</div><img src="https://t.example/o.gif" width="1" height="1">', "<div>a</div>"),
        ('<div class="signature"><i>Ann</i></div>', '<div class="moz-signature"><i>Ann</i></div>'),
        ('<blockquote type="cite"><p class="MsoNormal">x</p></blockquote>', None),
    ],
)
def test_what_the_editor_made_becomes_small_and_styled(written: str, sent: str | None) -> None:
    if sent is None:
        bar = "margin:0 0 0 8px;padding:0 0 0 12px;border-left:2px solid #cccccc"
        sent = f'<blockquote type="cite" style="{bar}"><p>x</p></blockquote>'
    assert inside(written) == sent


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=25).map("".join))
def test_it_is_stable_loses_no_text_and_stays_harmless(markup: str) -> None:
    cleaned = clean_own(markup)
    once = outgoing_html(cleaned)
    assert outgoing_html(once) == once
    shown = re.compile(r"<https:[^>]*>|[>\s\u200b]+")
    assert shown.sub("", html_to_text(once)) == shown.sub("", html_to_text(cleaned))
    assert not re.search(r"\b(?:id|data-\w+|rel|target)=", once)
    assert set(re.findall(r'class="([^"]*)"', once)) <= {"moz-signature"}


def test_the_plain_text_beside_it_reads_well() -> None:
    html = (
        "<div>Dear all,</div><div>see <a href='https://a.example/x'>the plan</a>:</div>"
        "<ol start='2'><li><div>first</div><ul><li>inner</li><li>other</li></ul></li><li>second</li></ol>"
        "<blockquote type='cite'>they said<blockquote>before that</blockquote></blockquote>"
    )
    assert html_to_text(html).split("\n") == [
        *("Dear all,", "see the plan <https://a.example/x> :", "", "2. first", "  - inner", "  - other", "3. second"),
        *("", "> they said", ">", ">> before that"),
    ]


LINES = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=200).map(
    lambda line: line.rstrip(" ")
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(LINES, st.sampled_from(["-- ", "From me", " indented", "", "a" * 90 + " b"])), max_size=8))
def test_flowed_text_comes_back_as_it_was_written(lines: list[str]) -> None:
    """RFC 3676; quote marks at the start of a line are quotes, so they are not part of this."""
    written = "\n".join(line.lstrip(">") for line in lines)
    sent = flow(written)
    assert all(len(line) <= 78 or " " not in line.strip()[:72] for line in sent.split("\r\n"))
    assert unflow(sent) == re.sub(r"(?m)^-- +$|^--$", lambda found: "-- " if found[0] == "-- " else "--", written)

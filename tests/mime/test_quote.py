"""The tail of a reply is found, folded, and never mistaken for new text."""

import time
from collections.abc import Callable

import pytest

from webmail.mime.html import sanitise, split_quote

OUTLOOK = "<p><b>From:</b> Ann &lt;a@x.test&gt;<br><b>Sent:</b> Monday<br><b>To:</b> Bob<br><b>Subject:</b> Plan</p><p>old</p>"
GERMAN = "<p><b>Von:</b> Ann<br>\n<b>Gesendet:</b> Montag<br>\n<b>An:</b> Bob<br>\n<b>Betreff:</b> Plan</p><p>alt</p>"


@pytest.mark.parametrize(
    ("markup", "new", "quoted"),
    [
        (
            '<div>New</div><div class="gmail_quote"><div>On Monday Ann wrote:</div><blockquote>old</blockquote></div><br>',
            "<div>New</div>",
            '<div class="gmail_quote"><div>On Monday Ann wrote:</div><blockquote>old</blockquote></div><br>',
        ),
        (
            '<p>New</p><div class="moz-cite-prefix">On 1/2/26 Ann wrote:<br></div><blockquote type="cite">old</blockquote>',
            "<p>New</p>",
            '<div class="moz-cite-prefix">On 1/2/26 Ann wrote:<br></div><blockquote type="cite">old</blockquote>',
        ),
        (
            '<div class="w"><p>New</p><hr><div id="divRplyFwdMsg">From: Ann</div><div>old</div></div>',
            '<div class="w"><p>New</p><hr></div>',
            '<div class="w"><div id="divRplyFwdMsg">From: Ann</div><div>old</div></div>',
        ),
        (
            "<p>New</p><p>Am Montag schrieb Ann:</p><blockquote>old</blockquote>",
            "<p>New</p><p></p>",
            "<p>Am Montag schrieb Ann:</p><blockquote>old</blockquote>",
        ),
        (
            "<p>New</p><p>-----Original Message-----<br>From: Ann</p><p>old</p>",
            "<p>New</p><p></p>",
            "<p>-----Original Message-----<br>From: Ann</p><p>old</p>",
        ),
        (
            f'<p>New</p><div style="x">{OUTLOOK}</div>',
            '<p>New</p><div style="x"><p><b></b></p></div>',
            f'<div style="x">{OUTLOOK}</div>',
        ),
        (f"<p>Neu</p>{GERMAN}", "<p>Neu</p><p><b></b></p>", GERMAN),
        (
            "<p>From: here to there</p><p>To: be or not</p><p>that is it</p>",
            "<p>From: here to there</p><p>To: be or not</p><p>that is it</p>",
            "",
        ),
        ("<p>No quote at all</p>", "<p>No quote at all</p>", ""),
        (
            '<blockquote type="cite">question</blockquote><p>answer below it</p>',
            '<blockquote type="cite">question</blockquote><p>answer below it</p>',
            "",
        ),
        ("<p>She wrote: nothing.</p>", "<p>She wrote: nothing.</p>", ""),
        (
            '<blockquote type="cite">q1</blockquote><p>a1</p><blockquote type="cite">tail</blockquote>',
            '<blockquote type="cite">q1</blockquote><p>a1</p>',
            '<blockquote type="cite">tail</blockquote>',
        ),
    ],
)
def test_the_quoted_tail_is_split_off(markup: str, new: str, quoted: str) -> None:
    assert split_quote(markup) == (new, quoted)


def test_both_halves_are_well_formed() -> None:
    markup = '<table><tbody><tr><td><div>New</div><div class="gmail_quote">old</div></td></tr></tbody></table>'
    for half in split_quote(markup):
        assert sanitise(half, cid_url=lambda _: None).html == half


GROWING: list[Callable[[int], str]] = [
    lambda n: "On " * n,
    lambda n: "On x wrote: " * n,
    lambda n: "<p>On x wrote:</p>" * (n // 4),
    lambda n: "<blockquote type=cite>x" * (n // 8),
    lambda n: '<div class="gmail_quote">x</div>y' * (n // 4),
    lambda n: "<b>" * (n // 4) + "</i>" * (n // 4),
    lambda n: "-" * n,
    lambda n: "<" * n,
    lambda n: '<p class="' * n,
]


@pytest.mark.parametrize("make", GROWING)
def test_time_grows_with_the_markup_and_no_faster(make: Callable[[int], str]) -> None:
    def seconds(size: int) -> float:
        markup = make(size)
        best = 9.0
        for _ in range(3):
            begin = time.process_time()
            split_quote(markup)
            best = min(best, time.process_time() - begin)
        return best

    assert seconds(40_000) < max(30 * seconds(5_000), 0.05)

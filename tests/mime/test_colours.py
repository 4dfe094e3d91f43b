"""Which mail can be shown on a dark page as it is, which adapts, which brings its own, and which stays on white."""

import time

import pytest

from webmail.mime import clock
from webmail.mime.colours import Manner, manner, with_dark_rules
from webmail.mime.html import sanitise

DARK_PAGE = "@media (prefers-color-scheme: dark) { body, .bg { background-color: #111 !important } .t { color: #eee } }"
DARK_PART = "@media (prefers-color-scheme: dark) { .head { background-color: #000 } }"


def clean(markup: str) -> str:
    return sanitise(markup, cid_url=lambda _: None).html


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p>Nothing but <b>words</b>. The background of color: red.</p>", Manner.PLAIN),
        ('<blockquote style="margin:0 0 0 .8ex;border-left:1px solid rgb(204,204,204)">old</blockquote>', Manner.PLAIN),
        (
            '<div style="font-family:Calibri;color:rgb(0, 0, 0);background-color:rgb(255, 255, 255)">x</div>',
            Manner.SIMPLE,
        ),
        ('<p class="MsoNormal" style="color:black;background:white"><a style="color:#0563C1">x</a></p>', Manner.SIMPLE),
        ('<style>p.MsoNormal{color:windowtext}</style><p class="MsoNormal">x</p>', Manner.SIMPLE),
        ('<font color="#222222">x</font><span style="color:#888888">-- </span>', Manner.SIMPLE),
        ('<div style="background:#ffffff none repeat scroll 0 0">x</div>', Manner.SIMPLE),
        ('<body bgcolor="#f4f4f4"><p>x</p>', Manner.DESIGNED),
        ('<div style="background:url(https://example.test/x.png) white">x</div>', Manner.DESIGNED),
        ('<span style="color:#d00000">late</span>', Manner.DESIGNED),
        ("<style>.head{background-color:#123456}</style><p>x</p>", Manner.DESIGNED),
        (f"<style>.a{{background:#fed}}{DARK_PART}</style><p>x</p>", Manner.DESIGNED),
        (f"<style>.a{{background:#fed}}{DARK_PAGE}</style><p>x</p>", Manner.FOLLOWS),
        (f'<meta name="color-scheme" content="light dark"><style>{DARK_PART}</style><p>x</p>', Manner.FOLLOWS),
        (
            f'<meta content="light dark" name="supported-color-schemes"><style>{DARK_PART}</style><p>x</p>',
            Manner.FOLLOWS,
        ),
        (f"<style>:root{{color-scheme: light dark}}{DARK_PART}</style><p>x</p>", Manner.FOLLOWS),
        (f'<meta name="color-scheme" content="light only"><style>.a{{color:#f00}}{DARK_PART}</style>', Manner.DESIGNED),
    ],
)
def test_the_manner_of_a_mail(markup: str, expected: Manner) -> None:
    cleaned = clean(markup)
    assert manner(cleaned) == expected, cleaned
    assert clean(cleaned) == cleaned


def test_dark_rules_are_switched_without_the_screen() -> None:
    cleaned = clean(f"<style>{DARK_PAGE}</style><p>(prefers-color-scheme: dark)</p>")
    on, off = with_dark_rules(cleaned, on=True), with_dark_rules(cleaned, on=False)
    assert "@media (min-width:0){" in on
    assert "@media (max-width:0){" in off
    # What the mail says is left alone.
    assert on.partition("</style>")[2] == off.partition("</style>")[2] == "<p>(prefers-color-scheme: dark)</p>"


@pytest.mark.parametrize(
    "piece",
    [
        "@media (prefers-color-scheme:dark){",
        "color-scheme:",
        "<meta color-scheme ",
        "body{background ",
        '<a style="color:',
    ],
)
def test_telling_takes_linear_time(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "SMALL", 10**9)

    def seconds(count: int) -> float:
        markup = f"<style>{piece * count}</style>" + piece * count
        began = time.thread_time()
        manner(sanitise(markup, cid_url=lambda _: None).html)
        manner(markup)
        return time.thread_time() - began

    small, large = min(seconds(1000) for _ in range(3)), min(seconds(2000) for _ in range(3))
    assert large < max(3 * small, 0.1)

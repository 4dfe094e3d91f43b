"""Plain text as it is shown, previewed and derived from HTML."""

import time
from collections.abc import Callable

import pytest

from webmail.mime.charset import decode_text
from webmail.mime.text import TEXT_LIMIT, decode_charset, html_to_text, preview, text_to_html, unflow


def test_text_is_escaped() -> None:
    assert text_to_html("<script>&\"'") == "&lt;script&gt;&amp;&quot;&#x27;"


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("see https://x.example/a?b=1&c=2.", ["https://x.example/a?b=1&amp;c=2"]),
        ("(https://x.example/wiki/A_(b))", ["https://x.example/wiki/A_(b)"]),
        ("<https://x.example/>, www.y.example/z!", ["https://x.example/", "https://www.y.example/z"]),
        ("mail a.b+c@x.example or mailto:d@y.example", ["mailto:a.b+c@x.example", "mailto:d@y.example"]),
        ('https://x.example/"onmouseover="alert(1)', ["https://x.example/"]),
        ("javascript:alert(1) ftp://x.example file:///x", []),
        ("https://user@x.example:8080/", ["https://user@x.example:8080/"]),
    ],
)
def test_addresses_become_links(text: str, targets: list[str]) -> None:
    shown = text_to_html(text)
    found = [piece.partition('"')[0] for piece in shown.split('<a href="')[1:]]
    assert found == targets
    assert shown.count('rel="noopener noreferrer" target="_blank"') == len(targets)


def test_quotes_nest_and_close() -> None:
    assert text_to_html("a\n> b\n>> c\n> d\ne") == (
        'a<blockquote type="cite">b<blockquote type="cite">c</blockquote>d</blockquote>e'
    )


def test_deep_quotes_are_capped() -> None:
    assert text_to_html(">" * 5_000 + " x").count("<blockquote") == 20


def test_spacing_survives_in_the_browser() -> None:
    assert text_to_html("  a  b\n\tc") == "\u00a0\u00a0a\u00a0 b<br>\n\u00a0\u00a0\u00a0\u00a0c"


def test_a_long_text_is_cut_with_a_notice() -> None:
    for text in ("x" * (TEXT_LIMIT + 1), "x\n" * 20_001):
        shown = text_to_html(text)
        assert len(shown) < TEXT_LIMIT + 2_000
        assert shown.endswith("Download it to read the rest.</p>")
    assert "notice" not in text_to_html("x" * TEXT_LIMIT)


@pytest.mark.parametrize(
    ("flowed", "text"),
    [
        ("soft \nbreak\n", "soft break\n"),
        ("> a \n> b\n>> c \n> d", "> a b\n>> c\n> d"),
        (" From space-stuffed\n >not a quote", "From space-stuffed\n>not a quote"),
        ("text \n-- \nsignature", "text\n-- \nsignature"),
        ("hard\nbreak", "hard\nbreak"),
    ],
)
def test_soft_line_breaks_are_undone(flowed: str, text: str) -> None:
    assert unflow(flowed) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("On Monday, Ann wrote:\n> old\n\nNew  words\n-- \nAnn", "New words"),
        ("Hello\n\n________\nFoot", "Hello Foot"),
        ("> only a quote\n> more", "only a quote more"),
        ("Op ma 2 mrt 2026 om 10:00 schreef Ann <a@x.example>:\n> oud\nNieuw", "Nieuw"),
        ("-----Original Message-----\nthe rest", "the rest"),
        ("\u200b\u00ad\u034f Deal \u200c\u2800 of the day", "Deal of the day"),
        ("", ""),
    ],
)
def test_a_preview_shows_what_was_written(text: str, words: str) -> None:
    assert preview(text) == words


def test_a_preview_is_as_long_as_asked() -> None:
    assert preview("word " * 100, limit=20) == "word word word word…"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>One</p><p>Two<br>Three</p>", "One\n\nTwo\nThree"),
        ("<div>a</div><div>b <b>c</b>\n d</div>", "a\nb c d"),
        ("<ul><li>x</li><li>y</li></ul><ol><li>1</li><li>2</li></ol>", "- x\n- y\n\n1. 1\n2. 2"),
        ("<p>new</p><blockquote><p>old</p><blockquote>older</blockquote></blockquote>", "new\n\n> old\n>\n>> older"),
        (
            '<a href="https://x.example/a">here</a> <a href="https://x.example/b">https://x.example/b</a>',
            "here <https://x.example/a> https://x.example/b",
        ),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        (
            "<head><title>t</title><style>p{}</style></head><script>x</script><p style='display:none'>pre</p><!-- c -->seen",
            "seen",
        ),
        ("<img alt='logo' src=x> text &amp; &eacute;&nbsp;x", "logo text & é x"),
        ("", ""),
    ],
)
def test_html_is_readable_as_text(markup: str, text: str) -> None:
    assert html_to_text(markup) == text


def test_html_beyond_the_ceilings_loses_its_tags_only() -> None:
    assert html_to_text("<div>" * 30_000 + "kept &amp; safe") == "kept & safe"


def test_iso_2022_jp_is_known_by_its_escapes() -> None:
    assert decode_charset("こんにちは".encode("iso-2022-jp"), "us-ascii") == "こんにちは"


GROWING: list[tuple[str, Callable[[int], str]]] = [
    ("quotes", lambda n: ">\n>>\n" * n),
    ("at signs", lambda n: "a@" * n),
    ("dots", lambda n: "a.a@a.a." * n),
    ("addresses", lambda n: "http://" * n),
    ("brackets", lambda n: "http://x" + ")" * n),
    ("spaces", lambda n: " " * n),
    ("soft breaks", lambda n: "x \n" * n),
    ("word", lambda n: "a" * n),
]


@pytest.mark.parametrize(("name", "make"), GROWING)
def test_time_grows_with_the_text_and_no_faster(name: str, make: Callable[[int], str]) -> None:
    def seconds(size: int) -> float:
        text = make(size)
        best = 9.0
        for _ in range(3):
            begin = time.process_time()
            text_to_html(text, flowed=True)
            preview(text)
            best = min(best, time.process_time() - begin)
        return best

    # Eight times the text: linear is 8, quadratic 64.
    assert seconds(40_000) < max(30 * seconds(5_000), 0.05), name


@pytest.mark.parametrize("text", ["Hällo, wie geht es?", "Привет, как дела сегодня", "日本語のテキスト", "ü"])
@pytest.mark.parametrize("charset", ["", "us-ascii", "utf-8", "iso-8859-1", "utf-16"])
@pytest.mark.parametrize("octets", ["utf-8-sig", "utf-16-le", "utf-16-be"])
def test_a_mark_at_the_beginning_says_what_a_text_is(text: str, charset: str, octets: str) -> None:
    data = text.encode(octets) if octets == "utf-8-sig" else f"\ufeff{text}".encode(octets)
    assert decode_charset(data, charset) == text
    if octets != "utf-8-sig":
        assert decode_charset(data[:-1], charset) == text[:-1]


def test_a_mark_alone_proves_nothing() -> None:
    assert decode_charset("ï»¿".encode("latin-1") + "é à ü ö ä é è".encode("latin-1"), "latin-1") == "ï»¿é à ü ö ä é è"


HEAD = '<html><head><meta http-equiv="Content-Type" content="text/html; charset={}"></head><p>{}</p>'


@pytest.mark.parametrize("charset", ["", "us-ascii"])
@pytest.mark.parametrize(
    ("named", "octets", "text"),
    [
        ("windows-1251", "cp1251", "Привет"),
        ("iso-8859-2", "iso-8859-2", "Zażółć gęślą jaźń"),
        ("shift_jis", "cp932", "日本語のテキスト"),
        ("iso-2022-jp", "iso-2022-jp", "日本語のテキスト"),
        # Said by programs that once held it so; it was sent as something else.
        ("utf-16", "ascii", "Hello there"),
        ("utf-16", "ascii", "Hello there."),
        ("windows-1252", "utf-8", "Grüße"),
    ],
)
def test_html_is_believed_about_its_charset_where_nobody_else_says_it(
    charset: str, named: str, octets: str, text: str
) -> None:
    data = HEAD.format(named, text).encode(octets)
    assert f"<p>{text}</p>" in decode_text(data, "text/html", charset)


def test_what_the_part_says_counts_for_more() -> None:
    assert "Привет" in decode_text(HEAD.format("windows-1252", "Привет").encode("koi8-r"), "text/html", "koi8-r")
    assert decode_text("charset=windows-1251 é".encode("latin-1"), "text/plain", "us-ascii").endswith("é")


def test_very_long_lines_are_blocks_of_their_own_and_nothing_of_them_is_lost() -> None:
    words = "ab " * 4_000
    shown = text_to_html(f"one\n{words}\ntwo\nthree\n> {'x' * 12_000}")
    assert shown.count("<div>") == 3 + 3
    assert shown.startswith("one<div>ab ab ")
    assert "</div>two<br>\nthree<blockquote" in shown
    assert shown.count("ab ") == 4_000
    assert shown.count("x") == 12_000
    assert "a</div>" not in shown
    assert "<div>" not in text_to_html("x" * 5_000)

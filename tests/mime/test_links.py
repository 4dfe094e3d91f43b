"""Where links go: pairs of a target and the text it stands under, and what is said about them."""

import re
import time
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webmail.mime.html import sanitise
from webmail.mime.links import MOST_ASKED, MOST_JUDGED, dangers, mark, shown_host, target
from webmail.mime.text import text_to_html


def said(url: str, text: str = "here") -> str:
    return " ".join(dangers(target(url), shown_host(text)))


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://shop.test/", "Shop now"),
        ("https://click.mail.shop.test/x?u=https://other.test", "Shop now"),
        ("https://www.shop.test/a", "shop.test"),
        ("https://shop.test/a", "www.shop.test"),
        ("https://login.shop.test/a", "https://shop.test/b"),
        ("https://shop.test:8443/a", "shop.test"),
        ("HTTPS://SHOP.TEST/A", "shop.test"),
        ("https://shop.test/a@b", "shop.test"),
        ("https://shop.test/?next=//evil.test", "shop.test"),
        ("https://b%C3%BCcher.example/", "bücher.example"),
        ("https://bücher.example/", "xn--bcher-kva.example"),
        ("https://почта.рф/", "почта.рф"),
        ("https://日本語.jp/", "日本語"),
        ("https://docs.test/", "report.pdf"),
        ("https://docs.test/", "notes.md"),
        ("https://docs.test/", "index.html"),
        ("https://docs.test/", "e.g. this"),
        ("https://docs.test/", "node.js"),
        ("https://docs.test/", "v1.2.3"),
        ("https://docs.test/", "info@bank.test"),
        ("https://docs.test/", "Read more at the end. Then go."),
        ("https://paypal.com/", "paypal.com"),
        ("https://www.paypal.com/x", "PayPal"),
        ("https://google.com.br/", "Google"),
    ],
)
def test_of_a_usual_link_nothing_is_said(url: str, text: str) -> None:
    assert said(url, text) == ""


@pytest.mark.parametrize(
    ("url", "text", "words"),
    [
        # The text names another place.
        ("https://evil.test/", "paypal.com", "The text shows paypal.com, but the link goes to evil.test."),
        ("https://evil.test/", "https://www.paypal.com/login", "The text shows www.paypal.com"),
        ("https://evil.test/", "http://paypal.com", "The text shows paypal.com"),
        ("https://evil.test/", "Visit www.paypal.com now", "The text shows www.paypal.com"),
        ("https://evil.test/", "“paypal.com”.", "The text shows paypal.com"),
        ("https://evil.test/", "<paypal.com>", "The text shows paypal.com"),
        ("https://evil.test/", "PAYPAL.COM:443/x", "The text shows paypal.com"),
        ("https://evil.test/", "bank.de", "The text shows bank.de"),
        ("https://evil.test/", "https://bank.test", "The text shows bank.test"),
        ("https://evil.test/", "https:\\\\paypal.com", "The text shows paypal.com"),
        ("https://evil.test/?paypal.com", "paypal.com", "goes to evil.test"),
        ("https://evil.test/paypal.com", "paypal.com", "goes to evil.test"),
        ("https://evil.test#paypal.com", "paypal.com", "goes to evil.test"),
        ("https:\\\\evil.test\\paypal.com", "paypal.com", "goes to evil.test"),
        ("https:////evil.test/", "paypal.com", "goes to evil.test"),
        ("https://paypal.com.br.evil.co.uk/", "paypal.com", "goes to evil.co.uk"),
        ("https://b.github.io/", "a.github.io", "goes to b.github.io"),
        ("https://192.0.2.1/", "paypal.com", "goes to 192.0.2.1"),
        # Something before the host that looks like one.
        ("https://paypal.com@evil.test/", "here", "begins with “paypal.com@”"),
        ("https://paypal.com:x@evil.test/", "here", "begins with “paypal.com:x@”"),
        ("https://paypal.com%2F@evil.test/", "here", "begins with “paypal.com/@”"),
        ("https://a@b@evil.test/", "here", "goes to evil.test"),
        # Numbers.
        ("http://192.0.2.1/x", "here", "number 192.0.2.1"),
        ("http://3221225985/", "here", "number 3221225985"),
        ("http://0xC0000201/", "here", "number"),
        ("http://0300.0.2.1/", "here", "number 0300.0.2.1"),
        ("http://192.0.2.1:8080/", "here", "number 192.0.2.1"),
        ("http://[2001:db8::1]/", "here", "number [2001:db8::1]"),
        ("http://１９２.0.2.1/", "here", "number 192.0.2.1"),
        # Names that look like others.
        ("https://раураӏ.com/", "here", "xn--80aa0cbo65f.com looks like paypal.com"),
        ("https://xn--80aa0cbo65f.com/", "here", "looks like paypal.com"),
        ("https://paypa1.com/", "here", "paypa1.com looks like paypal.com"),
        ("https://www.rnicrosoft.com/", "here", "rnicrosoft.com looks like microsoft.com"),
        ("https://g00gle.com/", "here", "looks like google.com"),
        ("https://päypal.com/", "here", "looks like paypal.com"),
        ("https://bаnk.test/", "here", "is written with letters that look like others"),
        ("https://paypal.com.evil.test/", "here", "belongs to evil.test, not to paypal.com"),
        ("https://www.paypal.com.login.evil.test/", "here", "belongs to evil.test, not to paypal.com"),
        # What cannot be read.
        ("https://evil..test/", "here", "cannot be read"),
        ("https://%00/", "here", "cannot be read"),
        ("https://-/", "here", "cannot be read"),
        ("https://" + "a" * 300 + ".test/", "here", "cannot be read"),
        ("https://exa mple.test/", "here", "cannot be read"),
    ],
)
def test_what_speaks_against_a_link_is_said(url: str, text: str, words: str) -> None:
    assert words in said(url, text)


def marked(html: str) -> str:
    return mark(sanitise(html, cid_url=lambda _: None).html, lambda url, named: f"/link/{named}")


def test_the_true_target_is_the_title_of_a_link_and_no_other() -> None:
    html = marked(
        '<a href="https://xn--bcher-kva.example/a?b=1&amp;c=2" title="https://bank.test/">the <b>shop</b></a>'
    )
    assert 'title="https://bücher.example/a?b=1&amp;c=2"' in html
    assert "bank.test" not in html
    assert 'href="https://xn--bcher-kva.example/a?b=1&amp;c=2"' in html
    assert 'rel="noopener noreferrer"' in html


def test_a_deceiving_link_leads_through_our_page_and_wears_a_mark() -> None:
    html = marked('<p>See <a href="https://evil.test/">www.<i>paypal</i>.com</a> soon</p>')
    assert re.search(r'<a [^>]*href="/link/www.paypal.com"', html)
    assert (
        "https://evil.test"
        not in html.replace('title="The text', "").partition("</a>")[0].partition('href="')[2].partition('"')[0]
    )
    assert html.index("</a>") < html.index("aria-label=") < html.index(" soon")
    assert "The text shows www.paypal.com, but the link goes to evil.test." in html


def test_text_that_hides_characters_is_read_as_it_looks() -> None:
    assert "/link/" in marked('<a href="https://evil.test/">pay\u200bpal\u202e.com</a>')
    assert "/link/" in marked('<a href="https://evil.test/">pay&shy;pal.com</a>')


def test_areas_mail_addresses_and_our_own_addresses() -> None:
    html = marked(
        '<map name="m"><area href="https://a@evil.test/" shape="rect" title="x"></map><a href="mailto:a@b.test" title="y">c</a>'
    )
    assert 'href="/link/"' in html
    assert "aria-label" not in html
    assert '<a href="mailto:a@b.test" target="_blank" rel="noopener noreferrer">c</a>' in html
    own = '<a class="button" target="_blank" href="/message/1/part/2/">file</a>'
    assert mark(own, lambda *_: "/link/") == own


def test_where_there_can_be_no_page_there_is_no_link() -> None:
    html = mark('<a href="https://a@evil.test/">x</a>', lambda *_: None)
    assert "href" not in html
    assert 'title="The address begins with' in html


def test_links_of_plain_text_are_marked_too() -> None:
    html = mark(text_to_html("See https://shop.test/ and https://paypal.com@evil.test/x."), lambda *_: "/link/")
    assert '<a href="https://shop.test/" rel="noopener noreferrer" target="_blank">https://shop.test/</a>' in html
    assert html.count("/link/") == 1


@pytest.mark.parametrize(
    "payload",
    [
        '<a href="https://a@evil.test/&quot;onmouseover=x">x</a>',
        "<a href='https://evil.test/\" onclick=\"x'>paypal.com</a>",
        '<a href="https://x@evil.test/<script>">paypal.com</a>',
        '<a href="https://evil.test/" title="&quot;>&lt;script>">https://paypal.com</a>',
        '<a href="https://evil.test/">&lt;img src=x onerror=y>paypal.com</a>',
    ],
)
def test_marking_adds_nothing_a_sanitiser_would_take(payload: str) -> None:
    html = marked(payload)
    plain = re.sub(r'(?:role|aria-label|style)="[^"]*"|<span [^>]*>.*?</span>', "", html)
    assert sanitise(plain.replace('"/link/', '"https://ours.test/'), cid_url=lambda _: None).html.count(
        "<"
    ) == plain.count("<")
    assert not re.search(r"<[^>]*\son\w+=", re.sub(r'="[^"]*"', "", html))


PIECES = st.sampled_from(
    [
        *(
            '<a href="https://a.test/">',
            '<a href="http://b@c.test">',
            "</a>",
            "paypal.com",
            "<b>",
            "</b>",
            '<a title="x">',
        ),
        *("<area>", "&amp;", "text", '<a href="https://[::1]/" title="y">', "\u202e", "<p>", "</p>", '"', "xn--", "。"),
    ]
)


@given(st.lists(PIECES, max_size=40).map("".join))
def test_any_markup_keeps_its_text(html: str) -> None:
    clean = sanitise(html, cid_url=lambda _: None).html
    after = mark(clean, lambda *_: "/link/")
    bare = re.sub(r"<[^<>]*>", "", after).replace("\u26a0\ufe0e", "").replace("&#9888;&#65038;", "")
    assert "".join(unescape(bare).split()) == "".join(unescape(re.sub(r"<[^<>]*>", "", clean)).split())


@given(st.text(st.characters(exclude_categories=[]), max_size=200), st.text(max_size=100))
def test_any_address_is_answered(url: str, text: str) -> None:
    for each in (url, f"https://{url}", f"http:\\{url}"):
        assert all(dangers(target(each), shown_host(text)))
        assert isinstance(target(each).readable, str)


@pytest.mark.parametrize(
    "piece",
    ['<a href="https://a.test/">', '<a href="https://evil.test/">paypal.com</a>', "<a ", "<area", '<a a="', "a.b."],
)
def test_time_grows_with_the_markup_and_no_faster(piece: str) -> None:
    def seconds(count: int) -> float:
        best = 9.0
        for _ in range(3):
            started = time.process_time()
            mark(piece * count, lambda *_: "/link/")
            shown_host(piece * count)
            best = min(best, time.process_time() - started)
        return best

    assert seconds(8_000) < max(0.1, 3 * seconds(4_000))


def test_of_very_many_links_the_first_are_judged_and_the_others_lead_nowhere() -> None:
    asked: list[str] = []

    def guard(url: str, named: str) -> str:
        asked.append(url)
        return "/link/x/"

    bad = mark("".join(f'<a href="https://a@evil{number}.test/">x</a>' for number in range(2_000)), guard)
    assert len(asked) == bad.count('href="/link/x/"') == MOST_ASKED
    assert bad.count("<a>x</a>") == 2_000 - MOST_ASKED
    good = mark("".join(f'<a href="https://good{number}.test/">x</a>' for number in range(6_000)), guard)
    assert good.count(' href="https://good') == MOST_JUDGED
    assert good.count("<a>x</a>") == 6_000 - MOST_JUDGED

"""Links in a message: safe ones open, others ask first on a page that goes nowhere by itself."""

import re
import time
from typing import Any

import pytest
from django.core import signing

from webmail.mime import clock
from webmail.mime.parts import Part
from webmail.models import Message
from webmail.sync.rendering import LINK_SALT, _rendered, ask_first

HTML = Part(section="1", type="text/html", charset="utf-8", size=100)


def frame(person: Any, text: str, **fields: Any) -> Any:
    return person.client.get(f"/message/{person.arrive(text=text, **fields).pk}/body/")


def page_of(person: Any, url: str, named: str = "") -> str:
    return str(person.client.get(ask_first(url, named)).text)


def test_a_deceiving_link_leads_to_a_page_that_says_where_it_goes(ada: Any) -> None:
    body = frame(ada, 'Pay at <a href="https://login.evil.test/pay?x=1&amp;y=2">paypal.com</a>', structure=HTML)
    assert body["Referrer-Policy"] == "no-referrer"
    assert 'href="https://login.evil.test' not in body.text
    inside = re.search(r'href="(/link/[^"]+)"', body.text)
    assert inside is not None
    answer = ada.client.get(inside[1])
    assert answer.status_code == 200
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    html = answer.text
    assert "The text shows paypal.com, but the link goes to evil.test." in html
    assert "<span>https://login.</span><strong>evil.test</strong><span>/pay?x=1&amp;y=2</span>" in html
    way = 'href="https://login.evil.test/pay?x=1&amp;y=2" rel="noopener noreferrer" referrerpolicy="no-referrer"'
    assert f'<a class="button" {way}>' in html


def test_links_of_plain_text_are_looked_at_too(ada: Any) -> None:
    body = frame(ada, "https://shop.test/ or https://bank.de@evil.test/").text
    assert 'href="https://shop.test/"' in body
    assert 'href="https://bank.de@' not in body
    assert "/link/" in body


def test_what_is_kept_of_a_message_keeps_working(ada: Any) -> None:
    message = ada.arrive(text="https://a@evil.test/")
    first, second = (ada.client.get(f"/message/{message.pk}/body/").text for _ in range(2))
    assert first == second
    inside = re.search(r"/link/[^\"]+", second)
    assert inside is not None
    assert ada.client.get(inside[0]).status_code == 200


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "a:b:c",
        signing.dumps(["https://evil.test/", ""], salt="other"),
        signing.dumps("https://evil.test/", salt=LINK_SALT),
        signing.dumps(["javascript:alert(1)", ""], salt=LINK_SALT),
        signing.dumps(["/message/1/", ""], salt=LINK_SALT),
        signing.dumps([1, 2, 3], salt=LINK_SALT),
    ],
    # Not by the tokens: they hold the time, and every process has to collect the same tests.
    ids=["nothing", "unsigned", "other purpose", "one value", "script", "path", "three values"],
)
def test_nothing_is_shown_that_was_not_made_here(ada: Any, token: str) -> None:
    assert ada.client.get(f"/link/{token}/").status_code == 404


def test_the_page_names_what_deceives_in_the_letters_of_its_address(ada: Any) -> None:
    html = page_of(ada, "https://раураӏ.com/\u202egnp.exe")
    assert "<strong>xn--80aa0cbo65f.com</strong>" in html
    assert "looks like paypal.com, but is another place." in html
    assert "\u202e" not in html
    assert "<strong>192.0.2.1</strong>" in page_of(ada, "http://192.0.2.1/x")


def test_an_address_too_long_for_a_page_is_no_link(ada: Any) -> None:
    noise = "".join(chr(97 + (n * n * 7 + n // 3) % 26) + str(n * 7919 % 97) for n in range(3_000))[:7_000]
    body = frame(ada, f'<a href="https://a@evil.test/{noise}">x</a>', structure=HTML).text
    assert "evil.test" in body
    assert "/link/" not in body
    assert 'href="https://a@evil' not in body


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://аррӏе.xn--p1ai.com/", "<span>https://xn--80ak6aa92e.</span><strong>рф.com</strong>"),
        ("https://www.аррӏе.почта.рф/", "<span>https://www.xn--80ak6aa92e.</span><strong>почта.рф</strong>"),
        ("https://новости.почта.рф/", "<span>https://новости.</span><strong>почта.рф</strong>"),
        ("https://a.b.example.org/", "<span>https://a.b.</span><strong>example.org</strong>"),
        ("https://10.0.0.1/", "<span>https://</span><strong>10.0.0.1</strong>"),
    ],
)
def test_the_name_in_bold_is_whole_whatever_letters_stand_before_it(ada: Any, url: str, shown: str) -> None:
    assert shown in page_of(ada, url)


@pytest.mark.parametrize(
    "link", ["https://é{0}-{1}{2}.com/", "https://a{0}.{1}@b{0}.com/", "> > > > > > > > > > x\nhttps://b{0}.{1}.com/"]
)
def test_texts_full_of_links_cost_seconds_and_not_minutes(link: str) -> None:
    texts = ["\n".join(link.format(number, place, "é" * 20) for number in range(3_500)) for place in range(50)]
    parts = [
        (Part(section=str(number), type="text/plain", charset="utf-8", size=len(text)), text)
        for number, text in enumerate(texts, start=1)
    ]
    began = time.process_time()
    with clock.message():
        shown = _rendered(Message(pk=1), parts, lambda _: None, None)
    # It took a minute, and came to a hundred megabytes.
    assert time.process_time() - began < 8.0
    assert len(shown.written) + len(shown.quoted) < 8_000_000
    assert "There is more text than can be shown." in shown.written + shown.quoted

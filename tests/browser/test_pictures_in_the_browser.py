"""Remote pictures in Chromium on the running product: nothing leaves before consent, nothing jumps after it."""

import struct
import zlib

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.test_mailbox import letter
from tests.browser.test_reading import Open, accessible, opened, read, shot
from tests.servers.live import LiveMailbox

pytestmark = [pytest.mark.browser, pytest.mark.mailserver]
__all__ = ["opened"]
# Addresses that need no resolver; the product refuses them, the tests answer in its place.
HOST = "http://127.0.0.1:8080"


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = (b"\0" + b"\x2b\x5f\xc7" * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


PICTURE = png(120, 30)
NEWSLETTER = (
    f"<style>.hero{{background:url({HOST}/hero.png)}}</style><div class=hero><h1>Autumn sale</h1></div>"
    f'<img src="{HOST}/wide.png" width="1200" height="300" alt="Everything must go"><br>'
    f'<img src="{HOST}/box.png" style="width:200px;height:120px" alt="A box">'
    f'<img src="{HOST}/o.gif" width="1" height="1"><img src="https://mail.list-manage.com/track/open.php?u=1" alt="">'
    f"<table background='{HOST}/table.png'><tr><td>Offers</td></tr></table><p>Unsubscribe</p>"
)


def height(page: Page) -> float:
    page.wait_for_timeout(150)
    return float(page.locator("iframe.body-frame").evaluate("frame => frame.getBoundingClientRect().height"))


def test_nothing_leaves_before_consent_and_nothing_jumps_after_it(live: LiveMailbox, opened: Open) -> None:
    live.mailbox.append(letter("Autumn sale", html=NEWSLETTER))
    live.mailbox.append(letter("Autumn sale again", html=NEWSLETTER, number=2))
    page = opened(color_scheme="light")
    asked: list[str] = []

    def answer(route: Route) -> None:
        route.fulfill(status=200, content_type="image/png", body=PICTURE)

    page.on("request", lambda request: asked.append(request.url))
    page.route("**/picture/**", answer)
    mail = read(page, "Autumn sale again")
    expect(mail.get_by_text("Unsubscribe")).to_be_visible()
    note = page.locator(".remote-note")
    expect(note).to_contain_text("4 remote images are not loaded")
    expect(note).to_contain_text("2 trackers stopped: 127.0.0.1, list-manage.com.")
    before = height(page)
    assert before > 300
    box = mail.locator("img").nth(1).bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (200, 120)
    assert [url for url in asked if not url.startswith(live.url)] == []
    assert not any("/picture/" in url for url in asked)
    accessible(page, ".conversation")
    shot(page, "barred")

    note.get_by_role("button", name="Show images").click()
    expect(mail.locator("img[src^='/picture/']")).to_have_count(2)
    page.wait_for_function(
        "() => [...document.querySelector('iframe.body-frame').contentDocument.images]"
        ".filter(image => image.src).every(image => image.complete && image.naturalWidth)"
    )
    expect(note).to_contain_text("2 trackers stopped")
    expect(note).not_to_contain_text("not loaded")
    assert height(page) == before
    assert len({url for url in asked if "/picture/" in url}) == 4
    assert [url for url in asked if not url.startswith(live.url)] == []
    shot(page, "shown")

    page.reload()
    expect(note).to_contain_text("4 remote images are not loaded")
    note.get_by_role("button", name="Always for").first.click()
    expect(mail.locator("img[src^='/picture/']")).to_have_count(2)
    mail = read(page, "Autumn sale")
    expect(note).to_contain_text("always loaded")
    expect(mail.locator("img[src^='/picture/']")).to_have_count(2)
    note.get_by_role("button", name="Ask again").click()
    expect(note).to_contain_text("4 remote images are not loaded")
    expect(mail.locator("img[src^='/picture/']")).to_have_count(0)


def test_the_proxy_refuses_this_machine_and_a_busy_one_is_asked_again(live: LiveMailbox, opened: Open) -> None:
    live.mailbox.append(letter("Inwards", html=f'<img src="{HOST}/a.png" width=90 height=90><p>Text</p>'))
    page = opened()
    answers: list[int] = []
    mail = read(page, "Inwards")
    expect(mail.get_by_text("Text")).to_be_visible()
    page.on("response", lambda found: answers.append(found.status) if "/picture/" in found.url else None)
    with page.expect_response("**/picture/**") as first:
        page.get_by_role("button", name="Show images").click()
    assert first.value.status == 404
    assert live.product.web_log.read_text().count("127.0.0.1 is at 127.0.0.1") == 1
    page.route("**/picture/**", lambda route: route.fulfill(status=200, content_type="image/png", body=PICTURE))
    page.wait_for_function(
        "() => document.querySelector('iframe.body-frame').contentDocument.images[0].naturalWidth === 120"
    )
    assert set(answers) == {404, 200}

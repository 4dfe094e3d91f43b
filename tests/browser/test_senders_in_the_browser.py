"""Who sent it, in Chromium on the running product: the badge, a link that asks first, the way out of a list."""

import os
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.test_mailbox import letter
from tests.servers.live import LiveMailbox

pytestmark = [pytest.mark.browser, pytest.mark.mailserver]
WIDE: ViewportSize = {"width": 1440, "height": 900}
SHOTS = os.environ.get("SHOTS", "")
HTML = (
    '<p>Your account is on hold.</p><p>Please sign in at <a href="https://login.evil.example/pay">www.paypal.com</a> or read '
    'the <a href="https://example.test/news/today?id=1">news</a>.</p>'
)
TRACE = (
    b"Authentication-Results: mx.example.test; dmarc=pass header.from=example.test; dkim=pass header.d=example.test\r\n"
    b"Received: from out.example.test by mx.example.test with ESMTPS; Fri, 20 Nov 2026 12:00:00 +0000\r\n"
    b"DKIM-Signature: v=1; d=example.test; h=from:list-unsubscribe:list-unsubscribe-post; b=x\r\n"
    b"List-Id: News of the town <news.example.test>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b"List-Unsubscribe: <https://192.168.0.1/u>, <mailto:leave@example.test>\r\n"
)
FORGED = TRACE.replace(b"dmarc=pass", b"dmarc=fail").partition(b"List-Id")[0] + b"Reply-To: thief@evil.example\r\n"


@pytest.fixture
def mail(live: LiveMailbox, page: Page) -> Page:
    live.mailbox.append(TRACE + letter("News of today", html=HTML).replace(b"\n", b"\r\n"))
    live.mailbox.append(FORGED + letter("Not from Bob", text="Send money.").replace(b"\n", b"\r\n"))
    page.set_default_timeout(20_000)
    page.set_viewport_size(WIDE)
    page.goto(f"{live.url}/sign-in/")
    page.get_by_label("address", exact=False).first.fill(live.mailbox.address)
    page.get_by_label("password", exact=False).first.fill(live.mailbox.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector(".list")
    return page


def shot(page: Page, name: str) -> None:
    for scheme in ("light", "dark") if SHOTS else ():
        page.emulate_media(color_scheme=scheme)
        for width in (1440, 900, 390):
            page.set_viewport_size({"width": width, "height": 844})
            page.wait_for_timeout(150)
            page.screenshot(path=f"{SHOTS}/{name}-{scheme}-{width}.png")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(WIDE)


def accessible(page: Page, context: str) -> None:
    found = Axe().run(page, context=context)
    assert found.violations_count == 0, found.generate_report()


def read(page: Page, subject: str) -> None:
    page.locator(".row", has_text=subject).first.locator(".row-link").click()
    page.wait_for_selector(".conversation iframe.body-frame")
    expect(page.frame_locator(".conversation iframe.body-frame").locator("body")).not_to_be_empty()


def test_a_sender_is_confirmed_and_a_deceiving_link_asks_first(live: LiveMailbox, mail: Page) -> None:
    read(mail, "News of today")
    expect(mail.locator(".sender-badge")).to_have_count(0)
    # Whom to trust is set; the header comes with the card that is looked at next.
    mail.goto(f"{live.url}/settings/accounts/")
    mail.locator("a[href*='/settings/accounts/'][href$='/']", has_text=re.compile(r"Edit|Settings|@")).first.click()
    mail.get_by_label("Server that checks senders").fill("mx.example.test")
    shot(mail, "settings")
    mail.get_by_role("button", name="Save").click()
    mail.goto(live.url)
    read(mail, "News of today")
    badge = mail.locator(".sender-badge.verified")
    expect(badge).to_have_attribute("title", "example.test confirmed this message (DMARC).")
    mail.locator(".addresses > summary").click()
    expect(mail.locator(".addresses")).to_contain_text("News of the town")
    shot(mail, "verified")
    accessible(mail, ".conversation")
    body = mail.frame_locator(".conversation iframe.body-frame")
    news = body.get_by_role("link", name="news")
    expect(news).to_have_attribute("title", "https://example.test/news/today?id=1")
    expect(body.get_by_role("img", name=re.compile("The text shows"))).to_be_visible()
    news.focus()
    shot(mail, "link-focus")
    with mail.context.expect_page() as opened:
        body.get_by_role("link", name="www.paypal.com").click()
    asks = opened.value
    expect(asks.locator(".link-target strong")).to_have_text("evil.example")
    expect(asks.locator(".note")).to_contain_text("The text shows www.paypal.com, but the link goes to evil.example.")
    accessible(asks, "main")
    shot(asks, "link")
    assert asks.url.startswith(f"{live.url}/link/")
    asks.close()
    mail.get_by_role("link", name="Unsubscribe").click()
    expect(mail.locator(".way-out-question")).to_contain_text("192.168.0.1 is asked to take you off the list")
    shot(mail, "unsubscribe")
    accessible(mail, ".way-out-question")
    # Its server is no public one and is not asked: nothing is claimed.
    mail.locator(".way-out-question").get_by_role("button", name="Unsubscribe").click()
    expect(mail.get_by_role("alert")).to_contain_text("you are still on the list")
    mail.goto(live.url)
    read(mail, "Not from Bob")
    expect(mail.locator(".sender-badge.failed")).to_have_text("Not confirmed")
    expect(mail.locator(".sender-notes")).to_contain_text("Answers go to thief@evil.example")
    shot(mail, "failed")
    accessible(mail, ".conversation")
    mail.set_viewport_size({"width": 390, "height": 844})
    assert mail.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_each_text_on_paper_keeps_its_styles_to_itself(live: LiveMailbox, mail: Page) -> None:
    rules = "p,dd,h1{color:#ff0000} :host{position:fixed!important;top:0!important}"
    styled = f"<style>{rules}</style><p>Red words</p>" + "<p>More</p>" * 200
    live.mailbox.append(letter("On paper", html=styled))
    expect(mail.locator(".row", has_text="On paper")).to_be_visible()
    read(mail, "On paper")
    mail.locator(".card-menu > summary").click()
    with mail.expect_request("**/print/"):
        mail.get_by_role("link", name="Print").click()
    printed = str(mail.locator("a[data-print]").first.get_attribute("href"))
    mail.goto(f"{live.url}{printed}")
    colour = "each => getComputedStyle(each).color"
    expect(mail.get_by_text("Red words")).to_be_visible()
    assert mail.get_by_text("Red words").evaluate(colour) == "rgb(255, 0, 0)"
    assert mail.locator("dd").first.evaluate(colour) == "rgb(0, 0, 0)"
    head, words = mail.locator("dl").bounding_box(), mail.get_by_text("Red words").bounding_box()
    assert head is not None
    assert words is not None
    assert words["y"] >= head["y"] + head["height"]
    pages = mail.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b", pages)) > 3
    shot(mail, "print")


def test_a_receipt_is_sent_when_the_person_says_so_and_every_program_knows(live: LiveMailbox, mail: Page) -> None:
    asks = b"Disposition-Notification-To: bob@example.test\r\n"
    for subject in ("Have you seen it", "And this one"):
        live.mailbox.append(asks + letter(subject, text="Please look at the plan.").replace(b"\n", b"\r\n"))
    mail.locator(".row", has_text="Have you seen it").wait_for()
    read(mail, "Have you seen it")
    line = mail.locator("[data-sender=receipt]")
    expect(line).to_contain_text("asks for a receipt")
    shot(mail, "receipt")
    accessible(mail, "#reader")
    line.get_by_role("button", name="Send the receipt").click()
    expect(line).to_have_text("The receipt is on its way.")
    shot(mail, "receipt-sent")
    read(mail, "And this one")
    mail.get_by_role("button", name="Send no receipt").focus()
    mail.keyboard.press("Enter")
    expect(line).to_have_text("No receipt is sent.")
    for _ in range(100):
        marked = [uid for uid in live.mailbox.uids() if b"$MDNSent" in live.mailbox.flags(uid)]
        if len(marked) == 2:
            break
        mail.wait_for_timeout(100)
    assert len(marked) == 2

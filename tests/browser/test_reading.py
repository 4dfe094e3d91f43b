"""Reading in Chromium on the running product: designs, dark, narrow; what is inside a message; an invitation answered."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.browser.test_mailbox import PHONE, WIDE, letter
from tests.servers.live import LiveMailbox

pytestmark = [pytest.mark.browser, pytest.mark.mailserver]
MAIL = Path(__file__).parent.parent / "mime" / "mail"
SHOTS = os.environ.get("SHOTS", "")
CELLS = "".join(f'<td width="200" style="padding:8px"><b>Offer {n}</b><br>Fresh and cheap</td>' for n in range(4))
NEWSLETTER = (
    "<html><head><style>.head{background-color:#123456;color:#ffffff;padding:20px}"
    "@media (prefers-color-scheme: dark){.head{background-color:#000000}}</style></head>"
    f'<body bgcolor="#f4f4f4"><table width="800" align="center" cellpadding="0"><tr><td colspan="4" class="head">'
    f"<h1>Autumn sale</h1></td></tr><tr>{CELLS}</tr></table></body></html>"
)
Open = Callable[..., Page]


@pytest.fixture
def opened(live: LiveMailbox, browser: Browser) -> Iterator[Open]:
    """Sign in; an error of a script fails the test."""
    errors: list[str] = []
    contexts = []

    def open_mailbox(size: dict[str, int] = WIDE, **options: object) -> Page:
        context = browser.new_context(viewport=size, **options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{live.url}/sign-in/")
        page.get_by_label("address", exact=False).first.fill(live.mailbox.address)
        page.get_by_label("password", exact=False).first.fill(live.mailbox.password)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_selector(".list")
        return page

    yield open_mailbox
    for context in contexts:
        context.close()
    assert errors == []


def read(page: Page, subject: str) -> FrameLocator:
    row = page.locator(".row", has_text=subject).first.locator(".row-link")
    shown = page.locator(f'.conversation[data-title*="{subject}"] iframe.body-frame')
    row.click()
    shown.first.wait_for()
    return page.frame_locator(".conversation iframe.body-frame")


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png")


def accessible(page: Page, context: str) -> None:
    found = Axe().run(page, context=context)
    assert found.violations_count == 0, found.generate_report()


def background(frame: FrameLocator) -> str:
    return str(frame.locator("body").evaluate("body => getComputedStyle(body).backgroundColor"))


def test_designs_stay_as_designed_and_plain_mail_goes_dark(live: LiveMailbox, opened: Open) -> None:
    live.mailbox.append(letter("Newsletter of the shop", html=NEWSLETTER))
    live.mailbox.append(letter("Plain words", html="<p>Nothing but <b>words</b>.</p>"))
    page = opened(color_scheme="dark")
    design = read(page, "Newsletter of the shop")
    expect(design.locator("h1")).to_have_text("Autumn sale")
    assert background(design) == "rgb(255, 255, 255)"
    head = design.locator(".head").evaluate("cell => getComputedStyle(cell).backgroundColor")
    assert head == "rgb(18, 52, 86)"
    shot(page, "design-dark")
    plain = read(page, "Plain words")
    expect(plain.locator("b")).to_have_text("words")
    assert background(plain) == "rgba(0, 0, 0, 0)"
    colour = plain.locator("body").evaluate("body => getComputedStyle(body).color")
    assert sum(int(part) for part in colour[4:-1].split(",")) > 600
    shot(page, "plain-dark")


def test_a_wide_design_is_scaled_to_a_phone(live: LiveMailbox, opened: Open) -> None:
    live.mailbox.append(letter("Newsletter of the shop", html=NEWSLETTER))
    live.mailbox.append(letter("Hopeless width", html='<div style="width:3000px;background-color:#eeeeee">wide</div>'))
    page = opened(PHONE)
    design = read(page, "Newsletter of the shop")
    expect(design.locator("h1")).to_be_visible()
    fits = "root => root.scrollWidth <= root.clientWidth + 1"
    page.wait_for_function(
        "() => { const root = document.querySelector('iframe.body-frame').contentDocument.documentElement;"
        f" return ({fits})(root) }}"
    )
    # No sideways scrolling of the page itself, whatever stands in the frame.
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shot(page, "design-phone")
    page.go_back()
    wide = read(page, "Hopeless width")
    expect(wide.locator("div")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_invitation_is_answered_where_it_is_read(live: LiveMailbox, opened: Open) -> None:
    raw = (MAIL / "calendar-recurring.eml").read_bytes().replace(b"Subject: Test", b"Subject: Come to the standup")
    organizer = f"ORGANIZER;CN=Cleo:mailto:{live.mailbox.address}\r\n".encode()
    live.mailbox.append(raw.replace(b"SUMMARY:", organizer + b"SUMMARY:"))
    page = opened(timezone_id="Europe/Berlin")
    read(page, "Come to the standup")
    event = page.locator(".finding.event")
    expect(event).to_contain_text("Every 2 weeks on Monday and Thursday, until 1 March 2027")
    expect(event).to_contain_text("Tuesday, 1 December 2026, 10:00")
    accessible(page, ".finding")
    shot(page, "invitation")
    event.get_by_role("button", name="Accept").click()
    expect(page.locator(".finding .outcome")).to_have_text("You accepted.")
    shot(page, "invitation-answered")


def test_a_report_is_explained_and_what_is_enclosed_opens(live: LiveMailbox, opened: Open) -> None:
    raw = (MAIL / "delivery-returned-message.eml").read_bytes()
    live.mailbox.append(raw.replace(b"Subject: Test", b"Subject: Undelivered", 1))
    page = opened()
    read(page, "Undelivered")
    expect(page.locator(".delivery")).to_contain_text("Not delivered: r@example.org")
    shot(page, "report")
    accessible(page, ".conversation")
    page.locator("a.enclosed", has_text="what was lost").click()
    expect(page.get_by_role("heading", name="what was lost")).to_be_visible()
    expect(page.frame_locator("iframe.body-frame").locator("body")).to_contain_text("text")
    shot(page, "enclosed")
    accessible(page, "main")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shot(page, "enclosed-phone")


def test_the_end_of_a_mail_of_any_length_can_be_read(live: LiveMailbox, opened: Open) -> None:
    live.mailbox.append(letter("Very long", text="\n".join(f"Line {number}" for number in range(9_000))))
    live.mailbox.append(letter("Grows with its frame", html='<div style="min-height:150vh">Tall</div><p>The end</p>'))
    page = opened()
    expect(read(page, "Very long").get_by_text("Line 8999")).to_be_attached()
    frame = page.locator(".conversation iframe.body-frame")
    for _ in range(50):
        height = frame.evaluate("frame => frame.offsetHeight")
        inside = frame.evaluate("frame => frame.contentDocument.body.getBoundingClientRect().height")
        if inside - 3 < height < inside + 30:
            break
        page.wait_for_timeout(100)
    assert inside > 150_000
    assert inside - 3 < height < inside + 30
    grown = read(page, "Grows with its frame")
    expect(grown.get_by_text("The end")).to_be_attached()
    page.wait_for_timeout(1_000)
    grown.get_by_text("The end").scroll_into_view_if_needed()
    expect(grown.get_by_text("The end")).to_be_in_viewport()

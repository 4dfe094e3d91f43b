"""Long conversations in Chromium on the running product: nothing jumps, the newest unread message is in view, keys."""

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_mailbox import letter
from tests.browser.test_reading import Open, accessible, opened, read, shot
from tests.servers.live import LiveMailbox

__all__ = ["opened"]
pytestmark = [pytest.mark.browser, pytest.mark.mailserver]
START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ROW = (
    '<tr><td width="300" style="padding:10px"><b>Offer {n}</b><br>Fresh and cheap, today only.</td><td>{n} €</td></tr>'
)
NEWSLETTER = (
    "<html><head><style>.head{{background-color:#123456;color:#ffffff;padding:20px}}</style></head>"
    '<body bgcolor="#f4f4f4"><table width="600" align="center" bgcolor="#ffffff"><tr><td colspan="2" class="head">'
    "<h1>Issue {number}</h1></td></tr>{rows}</table></body></html>"
)
SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (!entry.hadRecentInput) {
      const nodes = entry.sources.map((each) => each.node?.className ?? each.node?.nodeName ?? "");
      window.shifts.push([entry.value, ...nodes]);
    }
  }
}).observe({ type: "layout-shift", buffered: true });
"""


def issue(number: int) -> bytes:
    message = EmailMessage()
    message["From"] = "The shop <shop@example.test>"
    message["To"] = "ada@example.test"
    message["Subject"] = "Re: Weekly issue" if number else "Weekly issue"
    message["Date"] = format_datetime(START + timedelta(days=number))
    message["Message-ID"] = f"<issue-{number}@example.test>"
    if number:
        message["In-Reply-To"] = "<issue-0@example.test>"
    message.set_content(f"Issue {number}")
    rows = "".join(ROW.format(n=n) for n in range(10 + number * 5))
    message.add_alternative(NEWSLETTER.format(number=number, rows=rows), subtype="html")
    return bytes(message)


def read_at(page: Page, number: int) -> float:
    """Where the card of an issue begins, in the pane that scrolls."""
    return float(
        page.evaluate(
            "n => document.querySelectorAll('.card')[n].getBoundingClientRect().top"
            " - document.getElementById('reader-scroll').getBoundingClientRect().top",
            number,
        )
    )


def test_five_newsletters_open_without_a_jump_at_the_newest_unread(live: LiveMailbox, opened: Open) -> None:
    for number in range(5):
        live.mailbox.append(issue(number))
    page = opened()
    page.wait_for_selector(".row >> text=Weekly issue")
    expect(page.locator(".row .count")).to_have_text("5")
    address = page.locator(".row-link").first.get_attribute("href")
    page.add_init_script(SHIFTS)
    page.goto(live.url + str(address))
    expect(page.frame_locator(".card:last-child iframe.body-frame").locator("h1")).to_have_text("Issue 4")
    page.wait_for_function(
        "() => [...document.querySelectorAll('iframe.body-frame')].every(f => f.offsetHeight > 400)"
        " && !document.querySelector('.placing, .pending')"
    )
    assert -1 <= read_at(page, 4) < 600
    assert page.evaluate("shifts.reduce((sum, [value]) => sum + value, 0)") < 0.01, page.evaluate("shifts")
    shot(page, "five-newsletters")
    # Again, with the heights that are known by now; and in an order that shows the newest first.
    page.keyboard.press("u")
    page.locator(".row-link").first.click()
    page.wait_for_function("() => document.querySelector('.card') && !document.querySelector('.placing, .pending')")
    assert page.evaluate("document.querySelector('.card iframe').offsetHeight > 400")
    page.keyboard.press(":")
    expect(page.locator(".card[open]")).to_have_count(0)
    page.keyboard.press(";")
    expect(page.locator(".card[open]")).to_have_count(5)
    page.locator(".card-menu summary").first.click()
    accessible(page, ".conversation")
    shot(page, "card-menu")
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    expect(page.locator(".toast")).to_contain_text("Conversation muted")
    page.keyboard.press("z")
    expect(page.locator(".row .count")).to_have_text("5")
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator(".row-link").first.click()
    page.wait_for_function(
        "() => [...document.querySelectorAll('iframe.body-frame')].every(f => !f.offsetWidth ||"
        " f.contentDocument.documentElement.scrollWidth <= f.clientWidth + 1)"
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shot(page, "five-newsletters-phone")


SIMPLE = (
    '<div style="color:#000000;background-color:#ffffff">Black <b>on white</b>, '
    '<a href="https://example.test/">as ever</a></div>'
)
FOLLOWING = (
    '<html><head><meta name="color-scheme" content="light dark"><style>.page{background:#fafafa;color:#222222}'
    "@media (prefers-color-scheme: dark){.page{background:#101010!important;color:#eeeeee!important}}</style></head>"
    '<body><div class="page" style="padding:20px"><h2>Made for both</h2><p>Follows the theme.</p></div></body></html>'
)
COLOURS = "node => [getComputedStyle(node).color, getComputedStyle(node).backgroundColor]"


def test_in_the_dark_a_mail_is_shown_as_it_was_made_for_and_as_asked(live: LiveMailbox, opened: Open) -> None:
    live.mailbox.append(letter("Simple words", html=SIMPLE))
    live.mailbox.append(letter("Made for both", html=FOLLOWING))
    live.mailbox.append(letter("Design on white", html=NEWSLETTER.format(number=1, rows=ROW.format(n=1))))
    page = opened(color_scheme="dark")
    simple = read(page, "Simple words").locator("b")
    light, _ = simple.evaluate(COLOURS)
    assert light == "rgb(233, 233, 234)"
    shot(page, "dark-simple")
    follows = read(page, "Made for both").locator(".page")
    assert follows.evaluate(COLOURS) == ["rgb(238, 238, 238)", "rgb(16, 16, 16)"]
    shot(page, "dark-follows")
    page.locator(".card-menu summary").click()
    page.get_by_text("Show on white").click()
    page.wait_for_function(
        "() => document.querySelector('.body-frame').contentDocument?.documentElement?.dataset.ground === 'white'"
    )
    follows = page.frame_locator(".body-frame").locator(".page")
    assert follows.evaluate(COLOURS) == ["rgb(34, 34, 34)", "rgb(250, 250, 250)"]
    design = read(page, "Design on white")
    expect(design.locator("h1")).to_have_text("Issue 1")
    shot(page, "dark-design")
    page.locator(".card-menu summary").click()
    page.get_by_text("Show on dark").click()
    expect(page.frame_locator(".body-frame").locator("body.inverted h1")).to_have_text("Issue 1")
    shot(page, "dark-design-inverted")
    page.locator(".reader-menu summary").click()
    accessible(page, ".conversation")
    shot(page, "dark-reader-menu")

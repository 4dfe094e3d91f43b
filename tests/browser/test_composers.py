"""Several messages at once, in a browser, against the whole product and a real mail server."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.servers.live import LiveMailbox

pytestmark = [pytest.mark.browser, pytest.mark.mailserver]
WAIT_MS = 20_000


@pytest.fixture
def mail(live: LiveMailbox, page: Page) -> Page:
    page.set_default_timeout(WAIT_MS)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(live.url)
    page.locator("input[type=email], input[name=address]").first.fill(live.mailbox.address)
    page.locator("input[type=password]").first.fill(live.mailbox.password)
    page.locator("form button.primary").first.click()
    page.locator(".sidebar .compose-button").wait_for()
    return page


def write(page: Page, count: int) -> Locator:
    page.locator(".sidebar .compose-button").click()
    composers = page.locator("#composer-dock .composer")
    expect(composers).to_have_count(count)
    fresh = composers.nth(count - 1)
    fresh.locator(".composer-rich").wait_for()
    return fresh


def test_two_messages_stand_side_by_side_and_a_third_makes_one_a_bar(mail: Page) -> None:
    first = write(mail, 1)
    first.locator("input[name=subject]").fill("First")
    first.locator(".composer-rich").click()
    mail.keyboard.type("c and # are no keys here")
    second = write(mail, 2)
    second.locator("input[name=subject]").fill("Second")
    expect(first.locator(".composer-rich")).to_be_visible()
    for each in (first, second):
        expect(each.locator("[data-state]")).to_have_text(re.compile("Saved"), timeout=WAIT_MS)
    third = write(mail, 3)
    expect(first.locator(".composer-rich")).to_be_hidden()
    expect(third.locator(".composer-rich")).to_be_visible()
    third.locator(".composer-rich").click()
    mail.keyboard.press("Escape")
    expect(third.locator("[data-minimise]")).to_be_focused()
    third.locator("[data-close]").click()
    first.locator("[data-title]").click()
    expect(first.locator(".composer-rich")).to_have_text("c and # are no keys here")
    second.locator("[data-minimise]").click()
    mail.reload()
    expect(mail.locator("#composer-dock .composer")).to_have_count(2)
    expect(mail.locator(".composer:not(.minimised) [data-title]")).to_have_text("First")
    expect(mail.locator(".composer.minimised [data-title]")).to_have_text("Second")
    boxes = [each.bounding_box() for each in mail.locator("#composer-dock .composer").all()]
    assert all(box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 1440 for box in boxes)

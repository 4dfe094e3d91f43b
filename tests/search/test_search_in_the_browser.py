"""Searching in Chromium, on the running product with a real mail server behind it."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_mailbox import PHONE, START, Open, letter, opened, serious
from tests.servers.live import LiveMailbox

__all__ = ["opened"]

pytestmark = [pytest.mark.browser, pytest.mark.mailserver]
QUARTERS = ("first", "second", "third", "fourth")


def fill(live: LiveMailbox) -> None:
    client = live.mailbox.imap()
    client.create_folder("Clients")
    for number, quarter in enumerate(QUARTERS):
        when = START + timedelta(minutes=number)
        raw = letter(f"Report on the {quarter} quarter", text=f"The zebra of the {quarter} quarter.", number=number)
        client.append("Clients" if number == 0 else "INBOX", raw, (), when)
    client.append("INBOX", letter("Lunch", number=9), (), START + timedelta(minutes=9))
    client.logout()


def asked(page: Page, text: str) -> None:
    """Type it after pressing ``/``, as often as it takes until the indexer has come by."""
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.locator("#search").fill(text)
    page.keyboard.press("Enter")


def subjects(page: Page) -> list[str]:
    return page.locator(".row .subject").all_inner_texts()


def test_from_a_word_to_the_message_and_back(live: LiveMailbox, opened: Open) -> None:
    fill(live)
    page = opened()
    expect(page.locator(".row")).to_have_count(4)
    asked(page, "zeb")
    expect(page).to_have_url(re.compile(r"/search/\?q=zeb$"))
    expect(page.locator(".row")).to_have_count(4, timeout=30_000)
    assert page.locator(".row .preview mark").first.inner_text() == "zebra"
    # A suggestion becomes a chip, and the chip can be taken away.
    page.keyboard.press("/")
    page.locator("#search").fill("zebra in:cli")
    expect(page.locator("#search-list li").first).to_contain_text("Clients")
    assert serious(page) == []
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#search")).to_have_value("zebra in:Clients ")
    page.keyboard.press("Enter")
    expect(page.locator(".row")).to_have_count(1)
    page.locator(".search-chips .chip").click()
    expect(page.locator(".row")).to_have_count(4)
    expect(page.locator("#search")).to_have_value("zebra")
    # Reading, Back, an action and its undo.
    page.locator(".row-link").nth(1).click()
    expect(page.locator("#conversation-subject")).to_have_text("Report on the third quarter")
    expect(page).to_have_url(re.compile(r"/search/conversation/\d+-\d+/\?q=zebra$"))
    page.go_back()
    expect(page.locator(".conversation")).to_have_count(0)
    assert len(subjects(page)) == 4
    page.reload()
    expect(page.locator(".row")).to_have_count(4)
    page.locator(".row-link").first.hover()
    page.locator('.row [data-do="delete"]').click()
    expect(page.locator(".row")).to_have_count(3)
    page.locator("form[data-undo] button").click()
    expect(page.locator(".row")).to_have_count(4)
    assert serious(page) == []


def test_on_a_phone(live: LiveMailbox, opened: Open) -> None:
    fill(live)
    page = opened(PHONE)
    expect(page.locator(".row")).to_have_count(4)
    page.locator("#search").fill("lunch")
    page.locator("#search").press("Enter")
    expect(page.locator(".row")).to_have_count(1, timeout=30_000)
    page.locator(".row-link").click()
    expect(page.locator("#conversation-subject")).to_be_visible()
    page.locator(".reader-back").click()
    expect(page).to_have_url(re.compile(r"/search/\?q=lunch$"))

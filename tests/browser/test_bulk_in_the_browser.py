"""A whole folder moved and brought back in Chromium, on the running product."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.servers.live import LiveMailbox
from tests.servers.mailbox import Mailbox

pytestmark = [pytest.mark.browser, pytest.mark.mailserver]
MANY = 550
PATIENCE = 60_000


def fill(mailbox: Mailbox, count: int) -> None:
    client = mailbox.imap()
    client.create_folder("Work")
    letters = [
        f"From: Bob <bob@example.test>\r\nSubject: Number {number:05}\r\n"
        f"Message-ID: <many-{number}@example.test>\r\n\r\nText {number}.\r\n".encode()
        for number in range(count)
    ]
    for start in range(0, count, 500):
        client.multiappend("INBOX", letters[start : start + 500])
    client.logout()


@pytest.fixture
def page(live: LiveMailbox, browser: Browser) -> Iterator[Page]:
    errors: list[str] = []
    fill(live.mailbox, MANY)
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{live.url}/sign-in/")
    page.get_by_label("address", exact=False).first.fill(live.mailbox.address)
    page.locator("input[type=password]").first.fill(live.mailbox.password)
    page.locator("input[type=password]").first.press("Enter")
    page.wait_for_url(re.compile(r"/folder/\d+/$"), timeout=PATIENCE)
    yield page
    context.close()
    assert errors == []


def test_everything_is_read_moved_and_brought_back_with_a_line_of_progress(live: LiveMailbox, page: Page) -> None:
    rows, line = page.locator(".row"), page.locator(".bulk-card")
    expect(page.locator("[data-count]")).to_have_text(f"{MANY} unread", timeout=PATIENCE)
    page.get_by_role("button", name="Mark everything in Inbox as read").click()
    expect(page.locator(".row.unread")).to_have_count(0)
    expect(line).to_contain_text(f"{MANY} messages marked as read", timeout=PATIENCE)
    line.get_by_role("button", name="Dismiss").click()
    expect(line).to_have_count(0)

    page.locator("#select-all").check()
    page.get_by_label("Select everything in Inbox").check()
    page.get_by_role("button", name="Move to").click()
    page.locator("#palette-input").fill("Work")
    page.keyboard.press("Enter")
    expect(line).to_contain_text(re.compile(rf"{MANY} (messages )?moved to Work"))
    expect(rows).to_have_count(0)
    page.reload()
    expect(rows).to_have_count(0)
    expect(line).to_contain_text(f"{MANY} messages moved to Work", timeout=PATIENCE)
    assert (len(live.mailbox.uids()), len(live.mailbox.uids("Work"))) == (0, MANY)

    line.get_by_role("button", name="Undo").click()
    expect(line).to_contain_text(f"{MANY} messages put back", timeout=PATIENCE)
    expect(rows.first).to_be_visible()
    client = live.mailbox.imap()
    client.select_folder("INBOX", readonly=True)
    assert len(client.search("SEEN")) == MANY
    client.logout()

"""All inboxes in one list, with an IMAP and a POP3 account behind it, on the running product in Chromium."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.servers.live import LiveMailbox
from tests.servers.mailbox import Mailbox

pytestmark = [pytest.mark.browser, pytest.mark.mailserver]
PHONE = {"width": 390, "height": 844}


def letter(subject: str, key: str = "") -> bytes:
    key = key or re.sub("[^a-z0-9]", "", subject.lower())
    head = f"From: Bob Berg <bob@example.test>\r\nSubject: {subject}\r\nMessage-ID: <{key}@example.test>\r\n\r\n"
    return f"{head}This is {subject}.\r\n".encode()


@pytest.fixture
def old(live: LiveMailbox) -> Mailbox:
    server = live.mailbox.server
    mailbox = Mailbox(server, f"old-{live.mailbox.address}", "old-password")
    server.add_user(mailbox.address, mailbox.password)
    return mailbox


@pytest.fixture
def page_of_two(live: LiveMailbox, old: Mailbox, browser: Browser) -> Iterator[Page]:
    """Signed in, both accounts fetched: two letters each. An error in the page's script fails the test."""
    for number in (1, 2):
        live.mailbox.append(letter(f"New letter {number}"))
        old.deliver(letter(f"Old letter {number}"))
    errors: list[str] = []
    page = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce").new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{live.url}/sign-in/")
    page.get_by_label("Email address").fill(live.mailbox.address)
    page.get_by_label("Password", exact=True).fill(live.mailbox.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/folder/**")
    expect(page.locator(".all-inboxes")).to_have_count(0)
    page.goto(f"{live.url}/settings/accounts/add/pop3/")
    page.get_by_label("Email address").fill(old.address)
    page.get_by_label("Password", exact=True).fill(old.password)
    page.get_by_label("Label").fill("Old mailbox")
    page.get_by_label("Incoming server (POP3)").fill("localhost")
    page.locator("#id_pop_port").fill(str(old.server.ports.pop3s))
    page.get_by_role("button", name="Add account").click()
    expect(page.get_by_text("2 messages fetched so far.")).to_be_visible(timeout=20_000)
    page.goto(live.url)
    page.wait_for_url("**/inbox/")
    expect(page.locator(".row")).to_have_count(4)
    yield page
    page.context.close()
    assert errors == []


def row(page: Page, subject: str) -> str:
    found = page.locator(".row", has_text=subject)
    expect(found).to_have_count(1)
    return f"[id='{found.get_attribute('id')}']"


def test_one_list_for_an_imap_and_a_pop3_account(live: LiveMailbox, page_of_two: Page) -> None:
    page = page_of_two
    expect(page.locator(".all-inboxes .badge")).to_contain_text("4")
    expect(page.locator(".row .account-mark", has_text="Old mailbox")).to_have_count(2)

    # A selection across accounts: each to its own archive, and back together.
    for subject in ("New letter 1", "Old letter 1"):
        page.locator(f"{row(page, subject)} .pick input").check()
    page.keyboard.press("e")
    expect(page.locator(".row")).to_have_count(2)
    expect(page.locator(".toast", has_text="2 messages archived")).to_be_visible()
    page.keyboard.press("z")
    expect(page.locator(".row")).to_have_count(4)

    # To the other account: its own folders first, the inbox it lies in not among them.
    page.locator(f"{row(page, 'Old letter 1')} .pick input").check()
    page.keyboard.press("v")
    choices = page.locator("#palette-list li")
    expect(choices.filter(has_text="Trash")).to_have_count(2)
    expect(choices.filter(has_text="Inbox")).to_have_count(1)
    expect(choices.first).to_contain_text("Old mailbox")
    page.keyboard.type("archive")
    page.locator("#palette-list li", has_not_text="Old mailbox").click()
    expect(page.locator(".row")).to_have_count(3)
    expect(page.locator(".toast", has_text="1 message moved to Archive of")).to_be_visible()

    # Reading, the address of it, and the way back.
    page.locator(f"{row(page, 'New letter 1')} .row-link").click()
    expect(page.frame_locator(".body-frame").get_by_text("This is New letter 1.")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/inbox/conversation/\d+/$"))
    expect(page.locator(".all-inboxes .badge")).to_contain_text("2")
    page.reload()
    expect(page.locator(".row")).to_have_count(3)
    expect(page.locator('.row[aria-current="true"]')).to_have_count(1)
    page.locator(".tree-link[data-use=sent]").first.click()
    expect(page.locator(".list-title h1")).to_have_text("Sent")
    page.keyboard.press("g")
    page.keyboard.press("i")
    expect(page.locator(".list-title h1")).to_have_text("All inboxes")
    expect(page.locator(".all-inboxes")).to_have_attribute("aria-current", "page")
    page.go_back()
    expect(page.locator(".list-title h1")).to_have_text("Sent")
    page.go_back()
    expect(page.locator("h1", has_text="New letter 1")).to_be_visible()

    # New mail in any of the inboxes appears by itself.
    live.mailbox.deliver(letter("Brand new"))
    expect(page.locator(".row", has_text="Brand new")).to_be_visible(timeout=15_000)


def test_a_conversation_in_two_inboxes_is_two_rows_and_one_reading(
    live: LiveMailbox, old: Mailbox, page_of_two: Page
) -> None:
    page = page_of_two
    live.mailbox.deliver(letter("To both", key="both"))
    old.deliver(letter("To both", key="both"))
    page.goto(f"{live.url}/settings/accounts/")
    page.get_by_role("link", name=re.compile("Edit .*Old mailbox|Edit old-")).first.click()
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_text("3 messages fetched so far.")).to_be_visible(timeout=20_000)
    page.goto(f"{live.url}/inbox/")
    both = page.locator(".row", has_text="To both")
    expect(both).to_have_count(2, timeout=15_000)
    both.first.locator(".row-link").click()
    expect(page.locator(".card")).to_have_count(1)
    expect(page.locator(".row.unread", has_text="To both")).to_have_count(0)
    expect(page.locator(".all-inboxes .badge")).to_contain_text("4")

    # The keys step over the other row of what is open already, and come back to where they were.
    page.keyboard.press("j")
    expect(page.locator("h1", has_text="letter")).to_be_visible()
    page.keyboard.press("k")
    expect(page.locator("h1", has_text="To both")).to_be_visible()

    # In the reader it is the conversation that is archived, wherever it stands.
    page.locator(".reader-bar").get_by_role("button", name="Archive").click()
    expect(page.locator(".toast", has_text="2 messages archived")).to_be_visible()
    expect(both).to_have_count(0)
    expect(page.locator(".row")).to_have_count(4)
    page.keyboard.press("z")
    expect(both).to_have_count(2)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_and_a_phone_shows_all_of_it(page_of_two: Page, scheme: str) -> None:
    page = page_of_two
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for size in ({"width": 1440, "height": 900}, PHONE):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        found = Axe().run(page).response["violations"]
        assert [each["id"] for each in found if each["impact"] in {"serious", "critical"}] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator(".row-link").first.click()
    expect(page.locator(".conversation")).to_be_visible()
    page.get_by_role("link", name="Back to All inboxes").click()
    expect(page.locator(".list-title h1")).to_have_text("All inboxes")
    page.get_by_role("button", name="Folders", exact=True).click()
    page.locator(".tree-link[data-use=sent]").first.click()
    expect(page.locator(".list-title h1")).to_have_text("Sent")
    page.get_by_role("navigation", name="Quick access").get_by_role("link", name="Inbox").click()
    expect(page.locator(".list-title h1")).to_have_text("All inboxes")

"""The address book in Chromium: from a message into it, from it into the composer, from a file and back out of duplicates."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_mailbox import Open, letter, opened, serious
from tests.servers.live import LiveMailbox

__all__ = ["opened"]

pytestmark = [pytest.mark.browser, pytest.mark.mailserver]
SHOTS = os.environ.get("SHOTS", "")
CARDS = """BEGIN:VCARD
VERSION:3.0
FN:Zoë Ångström
EMAIL;TYPE=WORK:zoe@acme.example
ORG:Acme
END:VCARD
BEGIN:VCARD
VERSION:3.0
FN:Zoe Angstrom
EMAIL;TYPE=HOME:zoe@home.example
TEL;TYPE=CELL:+46 70 1
END:VCARD
"""


def looked_at(page: Page, name: str) -> None:
    """Without serious faults; kept as a picture in each width and scheme where a directory is named."""
    assert serious(page) == []
    size = page.viewport_size
    for width in (1440, 900, 390) if SHOTS else ():
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(path=f"{SHOTS}/{name}-{width}-{scheme}.png")
    if SHOTS and size:
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(size)


def shown(page: Page, selector: str, text: str) -> None:
    expect(page.locator(selector)).to_contain_text(text)


def test_from_a_message_to_the_contacts_and_into_the_composer(live: LiveMailbox, opened: Open) -> None:
    raw = letter("Lunch on Friday").replace(b"Bob Berg <bob@example.test>", b"Grace Hopper <grace@navy.example>")
    live.mailbox.append(raw)
    page = opened()
    page.locator(".row-link", has_text="Lunch on Friday").click()
    page.locator(".addresses summary").click()
    page.locator("[data-people]").click()
    page.get_by_role("button", name="Add Grace Hopper to contacts").click()
    added = page.get_by_role("link", name="In your contacts")
    expect(added).to_be_focused()
    looked_at(page, "message")
    page.locator("#reader").press("u")
    page.keyboard.press("g")
    page.keyboard.press("c")
    shown(page, ".contact-lines", "Grace Hopper")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    shown(page, ".contact-facts", "grace@navy.example")
    looked_at(page, "contact")
    page.get_by_role("link", name="Edit").click()
    page.locator("#organisation").fill("Navy")
    page.locator("input[name=address]").last.fill("hopper@home.example")
    expect(page.locator("input[name=address]")).to_have_count(3)
    looked_at(page, "form")
    page.get_by_role("button", name="Save").click()
    shown(page, ".contact-facts", "hopper@home.example")
    page.get_by_role("link", name="Mail", exact=True).click()
    page.locator(".sidebar .compose-button").click()
    page.locator("#composer-dock .composer-rich").wait_for()
    page.locator('[data-recipients="to"] [data-entry]').press_sequentially("nav hop")
    option = page.locator(".completion [role=option]").first
    expect(option).to_contain_text("Grace Hopper")
    page.keyboard.press("Enter")
    expect(page.locator(".chip")).to_contain_text("Grace Hopper")


def test_a_file_is_taken_in_and_its_duplicates_become_one(live: LiveMailbox, opened: Open, tmp_path: Path) -> None:
    page = opened()
    page.goto(f"{live.url}/contacts/import/")
    looked_at(page, "import")
    file = tmp_path / "contacts.vcf"
    file.write_text(CARDS)
    page.locator("#file").set_input_files(file)
    page.get_by_role("button", name="Look at the file").click()
    shown(page, ".import-numbers", "2")
    looked_at(page, "look")
    page.get_by_role("button", name="Import").click()
    page.get_by_role("link", name="Duplicates").click()
    page.get_by_role("link", name="Look at it").click()
    shown(page, ".merge-result", "zoe@home.example")
    looked_at(page, "merge")
    page.get_by_role("button", name="Merge").click()
    shown(page, ".toast", "2 contacts are now one")
    shown(page, ".contact-facts", "+46 70 1")
    expect(page.locator(".contact-line")).to_have_count(1)
    page.locator(".toast-action").click()
    expect(page.locator(".contact-line")).to_have_count(2)
    page.locator("#contacts-search").press_sequentially("angst acme")
    expect(page.locator(".contact-line")).to_have_count(1)
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator(".contact-line a").click()
    expect(page.locator(".contact-page h1")).to_be_visible()
    expect(page.locator(".contacts-list")).to_be_hidden()
    looked_at(page, "phone")
    page.locator(".contact-back").click()
    expect(page.locator(".contacts-list")).to_be_visible()

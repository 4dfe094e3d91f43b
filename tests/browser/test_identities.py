"""Writing as somebody else in a browser: the signature changes, what was written stays."""

import re
from email import message_from_bytes

import pytest
from playwright.sync_api import Page, expect

from tests.servers.live import LiveMailbox

pytestmark = [pytest.mark.browser, pytest.mark.mailserver]
WAIT_MS = 20_000
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c020000000b4944415478da6364f80f00010501012718e3660000"
    "000049454e44ae426082"
)


def test_another_sender_brings_another_signature(live: LiveMailbox, page: Page) -> None:
    page.set_default_timeout(WAIT_MS)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(live.url)
    page.locator("input[name=address]").first.fill(live.mailbox.address)
    page.locator("input[type=password]").first.fill(live.mailbox.password)
    page.locator("form button.primary").first.click()
    page.locator(".sidebar .compose-button").wait_for()
    page.goto(f"{live.url}/settings/identities/")
    page.get_by_role("link", name="Edit").click()
    page.locator(".signature-editor").click()
    page.keyboard.type("First signature")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Add").click()
    page.get_by_label("Your name").fill("Ada Second")
    page.locator(".signature-editor").click()
    page.keyboard.type("Second ")
    page.locator("[data-picture]").set_input_files({"name": "logo.png", "mimeType": "image/png", "buffer": PICTURE})
    page.locator(".signature-editor img").wait_for()
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(re.compile("identities/$"))

    page.goto(live.url)
    page.locator(".sidebar .compose-button").click()
    text = page.locator("#composer-dock .composer-rich")
    expect(text).to_contain_text("First signature")
    # Pressed in the empty space below, what is written stands above the signature all the same.
    text.click()
    page.keyboard.type("What I wrote")
    expect(text).to_have_text(re.compile(r"^\s*What I wrote\s*First signature"))
    sender = page.locator(".composer-from")
    sender.select_option(index=1)
    expect(text).to_contain_text("Second")
    expect(text).not_to_contain_text("First signature")
    expect(text).to_contain_text("What I wrote")
    expect(text.locator(".signature img")).to_have_attribute("src", re.compile("/compose/"))
    sender.select_option(index=0)
    expect(text).to_contain_text("First signature")
    sender.select_option(index=1)
    expect(text).to_contain_text("Second")

    page.locator("#composer-dock [data-options] summary").click()
    page.get_by_label("Ask for a receipt when it is read").check()
    page.locator("select[name=priority]").select_option("high")
    page.keyboard.press("Escape")
    page.locator('#composer-dock [data-recipients="to"] [data-entry]').fill(live.mailbox.address)
    page.locator("#composer-dock input[name=subject]").fill("As somebody else")
    page.locator("#composer-dock [data-send]").click()
    expect(page.locator("#toasts")).to_contain_text("Undo")
    page.goto(f"{live.url}/outbox/")
    expect(page.locator(".outbox-state b").first).to_have_text("Sent", timeout=WAIT_MS)
    page.wait_for_timeout(500)
    for _ in range(40):
        if uids := live.mailbox.uids("Sent"):
            break
        page.wait_for_timeout(250)
    message = message_from_bytes(live.mailbox.raw(uids[0], "Sent"))
    assert "Ada Second" in str(message["From"])
    assert (message["Importance"], message["X-Priority"]) == ("high", "1")
    assert message["Disposition-Notification-To"] == f"<{live.mailbox.address}>"
    html = next(part for part in message.walk() if part.get_content_type() == "text/html").get_payload(decode=True)
    assert isinstance(html, bytes)
    assert html.count(b"Second") == 1
    assert b"First signature" not in html
    picture = next(part for part in message.walk() if part.get_content_type() == "image/png")
    assert picture.get_payload(decode=True) == PICTURE
    assert f"cid:{picture['Content-ID'].strip('<>')}".encode() in html

"""Writing on two devices, in a tab that dies, past the end of a session, for later, and taking it back; in a browser."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.servers.live import LiveMailbox
from tests.views.test_compose_browser import mail, saved, sent, write  # noqa: F401 - mail is a fixture

pytestmark = [pytest.mark.browser, pytest.mark.mailserver]


def text_of(page: Page) -> str:
    return str(page.locator(".composer-rich").inner_text())


def begin(page: Page, subject: str, text: str, to: str = "bob@example.test") -> None:
    write(page)
    entry = page.locator('[data-recipients="to"] [data-entry]')
    entry.fill(to)
    entry.press("Enter")
    page.locator("input[name=subject]").fill(subject)
    page.locator(".composer-rich").click()
    page.keyboard.type(text)


def test_a_draft_on_two_devices_keeps_both_texts_and_says_so(
    mail: Page,  # noqa: F811
    context: BrowserContext,
    live: LiveMailbox,
) -> None:
    """F43"""
    begin(mail, "Two devices", "From the desk.")
    saved(mail)
    phone = context.new_page()
    phone.goto(live.url + str(mail.locator("[data-composer]").get_attribute("data-page")))
    phone.locator(".composer-rich").click()
    phone.keyboard.press("Control+End")
    phone.keyboard.type(" And from the phone.")
    saved(phone)
    bar = mail.locator(".composer-elsewhere")
    expect(bar).to_contain_text("This draft was changed elsewhere")
    assert "phone" not in text_of(mail)
    mail.locator(".composer-rich").click()
    mail.keyboard.press("Control+End")
    mail.keyboard.type(" More from the desk.")
    expect(mail.locator(".toast", has_text="kept as a new draft")).to_be_visible()
    expect(mail.locator(".composer-rich")).to_contain_text("From the desk. More from the desk.")
    expect(phone.locator(".composer-rich")).to_have_text("From the desk. And from the phone.")
    mail.locator(".toast-action", has_text="Show the other text").click()
    expect(mail.locator(".composer-rich").last).to_contain_text("And from the phone.")


def test_what_a_dead_tab_had_not_saved_is_saved_after_the_next_sign_in(
    mail: Page,  # noqa: F811
    context: BrowserContext,
    live: LiveMailbox,
) -> None:
    """F43: the session ends while somebody writes, then the tab is gone."""
    mail.goto(live.url)
    write(mail)
    address = live.url + str(mail.locator("[data-composer]").get_attribute("data-page"))
    mail.goto(address)
    mail.locator("input[name=subject]").fill("Interrupted")
    saved(mail)
    cookies = context.cookies()
    context.clear_cookies(name="sessionid")
    mail.locator(".composer-rich").click()
    mail.keyboard.type("Written after the session had ended.")
    expect(mail.locator(".composer-elsewhere")).to_contain_text("You have been signed out")
    expect(mail.get_by_role("link", name="Sign in again")).to_have_attribute("href", re.compile("/sign-in/"))
    mail.close(run_before_unload=False)
    context.add_cookies(cookies)  # type: ignore[arg-type]
    again = context.new_page()
    again.goto(f"{live.url}/outbox/")
    # As after another week: the dock does not open it again by itself.
    again.evaluate("localStorage.removeItem('webmail-open-' + document.body.dataset.user)")
    again.goto(live.url)
    offered = again.locator(".toast", has_text="“Interrupted” before the page was closed is saved")
    expect(offered).to_be_visible()
    offered.get_by_role("button", name="Open it").click()
    expect(again.locator(".composer-rich")).to_contain_text("Written after the session had ended.")
    saved(again)
    again.goto(live.url)
    again.locator('form[action="/sign-out/"] button').first.click()
    again.wait_for_url(re.compile("/sign-in/"))
    assert again.evaluate("Object.keys(localStorage).filter((k) => k.startsWith('webmail-draft-'))") == []


def test_sent_later_edited_and_sent_now(mail: Page, live: LiveMailbox) -> None:  # noqa: F811
    begin(mail, "Good morning", "A late letter", live.mailbox.address)
    mail.locator("[data-later] > summary").click()
    mail.locator('button[name=later][value="chosen"]').click()
    expect(mail.locator('[data-trouble-for="send_at"]')).to_have_text("Choose a day and a time.")
    mail.locator("[name=send_at]").fill("2020-01-01T08:00")
    mail.locator('button[name=later][value="chosen"]').click()
    expect(mail.locator('[data-trouble-for="send_at"]')).to_contain_text("has passed")
    mail.locator("button[name=later]", has_text="Tomorrow 8:00").click()
    expect(mail.locator(".toast", has_text="Scheduled for")).to_be_visible()
    mail.goto(f"{live.url}/outbox/")
    entry = mail.locator(".outbox-entry", has_text="Good morning")
    expect(entry.locator(".outbox-state")).to_contain_text("Scheduled for")
    entry.get_by_role("button", name="Edit").click()
    expect(mail.locator(".composer-rich")).to_contain_text("A late letter")
    mail.locator("[data-later] > summary").click()
    mail.locator("button[name=later]", has_text="As chosen before").click()
    mail.wait_for_url(re.compile("/outbox/$"))
    assert sent(live) == []
    entry.get_by_role("button", name="Send now").click()
    expect(entry.locator(".outbox-state b")).to_have_text("Sent")


def test_undo_counts_down_and_works_from_the_outbox(mail: Page, live: LiveMailbox) -> None:  # noqa: F811
    mail.goto(f"{live.url}/settings/writing/")
    mail.get_by_label("30 seconds").check()
    mail.locator("main .button.primary").first.click()
    mail.goto(live.url)
    begin(mail, "Wait a moment", "Not yet")
    mail.locator("[data-send]").click()
    expect(mail.locator(".toast-count")).to_have_text(re.compile(r"2\d|30"))
    mail.goto(f"{live.url}/outbox/")
    entry = mail.locator(".outbox-entry", has_text="Wait a moment")
    expect(entry.locator(".outbox-count")).to_have_text(re.compile(r"· \d+ s"))
    entry.get_by_role("button", name="Take back").click()
    expect(mail.locator(".composer-rich")).to_contain_text("Not yet")
    assert sent(live) == []


def test_a_version_comes_back_and_a_template_goes_in(mail: Page, live: LiveMailbox) -> None:  # noqa: F811
    mail.goto(f"{live.url}/settings/writing/templates/add/")
    mail.locator("input[name=name]").fill("Thanks")
    mail.locator("input[name=subject]").fill("Thank you")
    mail.locator(".signature-editor").click()
    mail.keyboard.type("Many thanks.")
    mail.locator("main .button.primary").click()
    mail.goto(live.url)
    begin(mail, "", "A long text that is precious. " * 12)
    saved(mail)
    mail.locator(".composer-rich").click()
    mail.keyboard.press("Control+a")
    with mail.expect_response(re.compile("/save/$")):
        mail.keyboard.type("Gone.")
    mail.locator("[data-options] > summary").click()
    mail.get_by_role("button", name="Earlier versions").click()
    mail.locator(".version summary").first.click()
    mail.get_by_role("button", name="Restore this version").first.click()
    expect(mail.locator(".composer-rich")).to_contain_text("A long text that is precious.")
    mail.locator("[data-options] > summary").click()
    mail.get_by_role("button", name="Templates").click()
    mail.locator(".template-item", has_text="Thanks").click()
    expect(mail.locator(".composer-rich")).to_contain_text("Many thanks.")
    expect(mail.locator("input[name=subject]")).to_have_value("Thank you")


def test_what_cannot_be_kept_is_said_and_what_is_not_shown_is_not_sent(
    mail: Page,  # noqa: F811
    live: LiveMailbox,
) -> None:
    """F44: a text that is too long, then a file of which this page knows nothing."""
    begin(mail, "Files", "See below.")
    saved(mail)
    mail.locator("[data-options] summary").click()
    mail.locator("[data-switch]").click()
    area = mail.locator("textarea[name=text]")
    area.evaluate(
        "(area) => { area.value = 'x'.repeat(2000001); area.dispatchEvent(new Event('input', { bubbles: true })); }"
    )
    expect(mail.locator("[data-trouble]")).to_contain_text("Not saved: The text is too long")
    mail.locator("[data-close]").click()
    expect(area).to_be_visible()
    area.fill("See below. Shorter.")
    saved(mail)
    expect(mail.locator("[data-trouble]")).to_be_hidden()

    attach = str(mail.locator("[data-composer]").get_attribute("data-attach"))
    token = next(cookie["value"] for cookie in mail.context.cookies() if cookie["name"] == "csrftoken")
    answer = mail.request.post(
        live.url + attach,
        headers={"X-CSRFToken": token, "Accept": "application/json"},
        multipart={"files": {"name": "twice.txt", "mimeType": "text/plain", "buffer": b"octets"}},
    )
    assert answer.ok
    mail.locator("[data-send]").click()
    expect(mail.locator(".toast", has_text="not those that were shown")).to_be_visible()
    expect(mail.locator("[data-files] .composer-file-name")).to_have_text("twice.txt")
    mail.locator("[data-send]").click()
    expect(mail.locator(".toast", has_text="Sending")).to_be_visible()

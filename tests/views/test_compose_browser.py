"""Writing in a browser, against the whole product and a real mail server."""

import re
from contextlib import suppress
from email import message_from_bytes
from email.message import EmailMessage, Message
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.servers.live import LiveMailbox

pytestmark = [pytest.mark.browser, pytest.mark.mailserver]
WAIT_MS = 20_000


def letter(subject: str = "Lunch on Friday") -> bytes:
    message = EmailMessage()
    message["From"], message["To"] = "Bob Frost <bob@example.test>", "me@example.test"
    message["Subject"], message["Message-ID"] = subject, "<lunch@example.test>"
    message.set_content("Shall we meet at noon?")
    message.add_alternative("<p>Shall we <b>meet</b> at noon?</p>", subtype="html")
    return message.as_bytes()


@pytest.fixture
def mail(live: LiveMailbox, page: Page) -> Page:
    """Signed in, with one message, on a wide window."""
    live.mailbox.deliver(letter())
    page.set_default_timeout(WAIT_MS)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(live.url)
    page.locator("input[type=email], input[name=address]").first.fill(live.mailbox.address)
    page.locator("input[type=password]").first.fill(live.mailbox.password)
    page.locator("form button.primary").first.click()
    page.locator(".row", has_text="Lunch on Friday").wait_for()
    return page


def write(page: Page) -> None:
    page.locator(".sidebar .compose-button").click()
    page.locator("#composer-dock .composer-rich").wait_for()


def sent(live: LiveMailbox) -> list[Message]:
    folders = live.mailbox.uids("Sent")
    return [message_from_bytes(live.mailbox.raw(uid, "Sent")) for uid in folders]


def saved(page: Page) -> None:
    expect(page.locator("[data-state]")).to_have_text(re.compile(r"Saved \d\d:\d\d"), timeout=WAIT_MS)


def arrives(live: LiveMailbox, page: Page, count: int = 1) -> list[Message]:
    """The outbox says so, then the mail stands in Sent."""
    page.goto(f"{live.url}/outbox/")
    expect(page.locator(".outbox-state b").first).to_have_text("Sent", timeout=WAIT_MS)
    page.goto(live.url)
    page.locator('.tree-link[data-use="sent"]').click()
    expect(page.locator(".row")).to_have_count(count, timeout=2 * WAIT_MS)
    return sent(live)


def test_a_mail_is_written_with_format_and_file_and_arrives(live: LiveMailbox, mail: Page, tmp_path: Path) -> None:
    file = tmp_path / "Plan für Mai.txt"
    file.write_text("Plan")
    write(mail)
    to = mail.locator('[data-recipients="to"] [data-entry]')
    to.fill(live.mailbox.address)
    to.press("Enter")
    expect(mail.locator(".chip")).to_have_count(1)
    mail.locator("input[name=subject]").fill("From the browser")
    mail.locator(".composer-rich").click()
    mail.keyboard.type("Dear me, ")
    mail.keyboard.press("Control+b")
    mail.keyboard.type("boldly")
    mail.locator("[data-input]").set_input_files(file)
    expect(mail.locator(".composer-file[data-attachment]")).to_have_count(1)
    saved(mail)
    mail.keyboard.press("Control+Enter")
    expect(mail.locator(".toast", has_text="Sending…")).to_be_visible()
    expect(mail.locator(".composer")).to_have_count(0)
    (message,) = arrives(live, mail)
    parts = {part.get_content_type(): part for part in message.walk() if not part.get_filename()}
    assert "<b>boldly</b>" in str(parts["text/html"].get_payload(decode=True))
    assert b"Dear me, boldly" in parts["text/plain"].get_payload(decode=True)
    assert [part.get_filename() for part in message.walk() if part.get_filename()] == ["Plan für Mai.txt"]


def test_undo_brings_the_text_back(mail: Page, live: LiveMailbox) -> None:
    write(mail)
    mail.locator('[data-recipients="to"] [data-entry]').fill("bob@example.test, ")
    mail.locator("input[name=subject]").fill("Too early")
    mail.locator(".composer-rich").click()
    mail.keyboard.type("Wait")
    mail.locator("[data-send]").click()
    # The key presses the button of the toast; whoever sent is where they were before they wrote.
    expect(mail.locator(".toast-action", has_text="Undo")).to_be_visible()
    mail.keyboard.press("z")
    expect(mail.locator(".composer-rich")).to_contain_text("Wait")
    expect(mail.locator(".chip")).to_contain_text("bob@example.test")
    assert sent(live) == []


def test_an_answer_quotes_and_the_chips_mark_what_is_no_address(mail: Page) -> None:
    mail.locator(".row", has_text="Lunch on Friday").locator(".row-link").click()
    mail.locator('.reply-bar [data-key="r"]').click()
    rich = mail.locator(".composer-rich")
    expect(rich.locator("blockquote")).to_contain_text("Shall we meet at noon?")
    expect(mail.locator("input[name=subject]")).to_have_value("Re: Lunch on Friday")
    expect(mail.locator(".chip")).to_have_text(re.compile("Bob Frost"))
    entry = mail.locator('[data-recipients="to"] [data-entry]')
    entry.fill("nonsense,")
    expect(mail.locator(".chip.bad")).to_have_text(re.compile("nonsense"))
    mail.locator("[data-send]").click()
    expect(mail.locator("[data-trouble]")).to_contain_text("“nonsense” is not a mail address")
    mail.locator(".chip.bad .chip-remove").click()
    expect(mail.locator(".chip")).to_have_count(1)


def test_completion_offers_people_from_the_mail(mail: Page) -> None:
    write(mail)
    entry = mail.locator('[data-recipients="to"] [data-entry]')
    option = mail.locator(".completion [role=option]")
    # The worker collects it a moment after the mail.
    for _ in range(40):
        entry.fill("")
        entry.press_sequentially("fro")
        with suppress(AssertionError):
            expect(option).to_contain_text("Bob Frost", timeout=500)
            break
    expect(option).to_contain_text("Bob Frost")
    entry.press("Enter")
    expect(mail.locator(".chip")).to_have_text(re.compile("Bob Frost"))
    mail.locator(".chip-remove").click()
    entry.press_sequentially("fro")
    option.locator(".completion-forget").click()
    expect(option).to_have_count(0)
    entry.fill("")
    with mail.expect_response(re.compile(r"/people/\?q=fro$")) as answer:
        entry.press_sequentially("fro")
    assert answer.value.json() == {"people": []}


def test_text_survives_a_lost_connection_and_a_crashed_tab(
    mail: Page, context: BrowserContext, live: LiveMailbox
) -> None:
    """F43"""
    write(mail)
    address = live.url + str(mail.locator("[data-composer]").get_attribute("data-page"))
    mail.locator(".composer-rich").click()
    mail.keyboard.type("Kept on the server. ")
    saved(mail)
    context.set_offline(True)
    mail.keyboard.type("Kept in the browser.")
    expect(mail.locator("[data-state]")).to_have_text(re.compile("Not saved — retrying"))
    mail.close(run_before_unload=False)
    context.set_offline(False)
    again = context.new_page()
    again.goto(address)
    expect(again.locator(".composer-rich")).to_have_text("Kept on the server. Kept in the browser.")
    saved(again)
    again.reload()
    expect(again.locator(".composer-rich")).to_have_text("Kept on the server. Kept in the browser.")


def test_the_connection_comes_back_and_the_text_is_saved_once(mail: Page, context: BrowserContext) -> None:
    write(mail)
    mail.locator(".composer-rich").click()
    context.set_offline(True)
    mail.keyboard.type("Written under ground")
    expect(mail.locator("[data-state]")).to_have_text(re.compile("Not saved"))
    mail.locator("[data-input]").set_input_files({"name": "plan.txt", "mimeType": "text/plain", "buffer": b"Plan"})
    expect(mail.locator(".composer-file.failed [data-retry]")).to_be_visible()
    context.set_offline(False)
    expect(mail.locator(".composer-file[data-attachment]")).to_have_text(re.compile("plan.txt"))
    expect(mail.locator(".composer-total")).to_have_text(re.compile(r"1 file, 1 kB of "))
    saved(mail)
    expect(mail.locator(".composer")).to_have_count(1)


def test_closing_keeps_the_draft_and_it_can_be_continued(mail: Page, live: LiveMailbox) -> None:
    write(mail)
    mail.locator("input[name=subject]").fill("Half a thought")
    mail.locator(".composer-rich").click()
    mail.keyboard.type("To be continued")
    mail.keyboard.press("Escape")
    expect(mail.locator(".composer-rich")).to_be_hidden()
    mail.locator("[data-close]").click()
    expect(mail.locator(".composer")).to_have_count(0)
    mail.locator('.tree-link[data-use="drafts"]').click()
    row = mail.locator(".row", has_text="Half a thought")
    row.wait_for(timeout=WAIT_MS)
    assert len(live.mailbox.uids("Drafts")) == 1
    row.locator(".row-link").click()
    mail.locator("button", has_text="Continue writing").click()
    expect(mail.locator(".composer-rich")).to_contain_text("To be continued")


def test_on_a_phone_the_composer_is_a_page(mail: Page, live: LiveMailbox) -> None:
    mail.set_viewport_size({"width": 390, "height": 800})
    mail.goto(live.url)
    mail.locator(".compose-fab button").click()
    mail.wait_for_url(re.compile(r"/compose/\d+/$"))
    expect(mail.locator(".compose-main .composer-rich")).to_be_visible()
    box = mail.locator(".composer").bounding_box()
    assert box is not None
    assert box["width"] <= 390


def test_nothing_in_the_composer_breaks_the_content_policy(mail: Page) -> None:
    broken: list[str] = []
    mail.on("console", lambda line: broken.append(line.text) if line.type == "error" else None)
    mail.on("pageerror", lambda error: broken.append(str(error)))
    write(mail)
    mail.locator("[data-options] summary").click()
    mail.locator(".composer-rich").click(position={"x": 5, "y": 5})
    mail.locator("input[name=subject]").click()
    mail.wait_for_timeout(1200)
    # Pressed, but nothing written: no draft.
    expect(mail.locator("[data-state]")).to_have_text("")
    mail.locator(".composer-rich").click()
    mail.keyboard.type("Text")
    for name in ("bold", "list", "quote", "clear"):
        mail.locator(f'[data-format="{name}"]').click()
    mail.emulate_media(color_scheme="dark")
    mail.locator('[aria-label="Colours"]').click()
    mail.locator('[data-format="color"][data-value="#1967d2"]').click()
    mail.keyboard.type(" blue")
    blue = mail.locator(".composer-rich .ed-color")
    assert "invert(1)" in blue.evaluate("span => getComputedStyle(span).filter")
    expect(blue).to_have_css("color", "rgb(25, 103, 210)")
    mail.locator("[data-options] summary").click()
    mail.locator("[data-switch]").click()
    mail.locator("[data-question] [data-yes]").click()
    expect(mail.locator("textarea[name=text]")).to_have_value(re.compile("Text"))
    mail.locator("[data-options] summary").click()
    mail.locator("[data-switch]").click()
    expect(mail.locator(".composer-rich")).to_contain_text("Text")
    saved(mail)
    assert broken == []

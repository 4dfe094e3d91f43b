"""The mailbox in Chromium, on the running product with a real mail server behind it."""

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from tests.servers.live import LiveMailbox
from tests.servers.mailbox import Mailbox

pytestmark = [pytest.mark.browser, pytest.mark.mailserver]
START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


def letter(subject: str, *, text: str = "Good morning.", html: str = "", answers: str = "", number: int = 0) -> bytes:
    message = EmailMessage()
    message["From"] = "Bob Berg <bob@example.test>"
    message["To"] = "ada@example.test"
    message["Subject"] = subject
    message["Date"] = format_datetime(START + timedelta(minutes=number))
    message["Message-ID"] = f"<{re.sub('[^a-z0-9]', '', subject.lower())}-{number}@example.test>"
    if answers:
        message["In-Reply-To"] = answers
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return bytes(message)


def fill(mailbox: Mailbox, count: int) -> None:
    client = mailbox.imap()
    for number in range(count):
        when = START + timedelta(minutes=number)
        client.append("INBOX", letter(f"Number {number:03}", text=f"Text {number}", number=number), (), when)
    client.logout()


Open = Callable[..., Page]


@pytest.fixture
def opened(live: LiveMailbox, browser: Browser) -> Iterator[Open]:
    """Sign in and wait for the newest message; an error in the page's script fails the test."""
    errors: list[str] = []
    contexts = []

    def open_mailbox(size: dict[str, int] = WIDE, **options: object) -> Page:
        context = browser.new_context(viewport=size, **options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{live.url}/sign-in/")
        page.get_by_label("address", exact=False).first.fill(live.mailbox.address)
        page.locator("input[type=password]").first.fill(live.mailbox.password)
        page.locator("input[type=password]").first.press("Enter")
        page.wait_for_url(re.compile(r"/folder/\d+/$"), timeout=30_000)
        return page

    yield open_mailbox
    for context in contexts:
        context.close()
    assert errors == []


def subjects(page: Page) -> list[str]:
    return page.locator(".row .subject").all_inner_texts()


def test_reading_marks_as_read_here_and_on_the_server(live: LiveMailbox, opened: Open) -> None:
    uid = live.mailbox.append(letter("Plan", text="The plan is good."))
    page = opened()
    page.locator(".row-link").click()
    expect(page.frame_locator(".body-frame").get_by_text("The plan is good.")).to_be_visible()
    expect(page.locator(".row.unread")).to_have_count(0)
    latest = time.monotonic() + 15
    while b"\\Seen" not in live.mailbox.flags(uid) and time.monotonic() < latest:
        page.wait_for_timeout(200)
    assert b"\\Seen" in live.mailbox.flags(uid)
    expect(page.locator(".row .mark")).to_have_count(0)


def test_new_mail_appears_by_itself_and_is_announced(live: LiveMailbox, opened: Open) -> None:
    live.mailbox.append(letter("First"))
    page = opened()
    expect(page.locator(".row")).to_have_count(1)
    live.mailbox.deliver(letter("Second", number=5))
    expect(page.locator(".row")).to_have_count(2, timeout=15_000)
    expect(page).to_have_title(re.compile(r"^\(2\) "))
    expect(page.locator("#announcer")).to_contain_text("new message")
    expect(page.locator("[data-count]")).to_have_text("2 unread")


# Until a page made now holds the second letter and nothing has changed since the last one.
SETTLED = """async () => {
    for (let before = "", turn = 0; turn < 40; turn++) {
        const html = await (await fetch(location.href)).text();
        const now = /data-revision="(\\d+)"/.exec(html)[1];
        if (html.includes("All there.") && before === now) return true;
        before = now;
        await new Promise((resolve) => setTimeout(resolve, 500));
    }
    return false;
}"""


def test_mail_that_came_before_the_stream_was_open_is_shown(live: LiveMailbox, opened: Open) -> None:
    live.mailbox.append(letter("First"))
    page = opened()
    expect(page.locator(".row")).to_have_count(1)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/events", hold)
    with page.expect_request("**/events"):
        page.reload()
    live.mailbox.deliver(letter("Second", text="All there.", number=5))
    assert page.evaluate(SETTLED)
    expect(page.locator(".row")).to_have_count(1)
    held[0].continue_()
    expect(page.locator(".row")).to_have_count(2)


def test_archiving_with_a_key_shows_at_once_and_undo_brings_it_back(live: LiveMailbox, opened: Open) -> None:
    fill(live.mailbox, 3)
    page = opened()
    expect(page.locator(".row")).to_have_count(3)
    page.keyboard.press("j")
    page.keyboard.press("e")
    expect(page.locator(".row")).to_have_count(2)
    expect(page.locator(".toast")).to_contain_text("1 message archived")
    page.keyboard.press("z")
    expect(page.locator(".row")).to_have_count(3)
    assert subjects(page) == ["Number 002", "Number 001", "Number 000"]


def test_archiving_in_the_reader_goes_on_to_the_next(live: LiveMailbox, opened: Open) -> None:
    fill(live.mailbox, 3)
    page = opened()
    page.locator(".row-link", has_text="Number 002").click()
    expect(page.locator("h1", has_text="Number 002")).to_be_visible()
    page.locator(".reader-bar").get_by_role("button", name="Archive").click()
    expect(page.locator("h1", has_text="Number 001")).to_be_visible()
    page.keyboard.press("e")
    page.keyboard.press("e")
    expect(page.locator(".list-empty")).to_be_visible()
    expect(page.get_by_text("No conversation selected")).to_be_visible()


def test_several_are_picked_with_shift_and_moved_with_the_keyboard(live: LiveMailbox, opened: Open) -> None:
    fill(live.mailbox, 5)
    client = live.mailbox.imap()
    client.create_folder("Projects")
    client.logout()
    page = opened()
    expect(page.locator('.tree-link[data-title="Projects"]')).to_be_visible(timeout=15_000)
    expect(page.locator(".row")).to_have_count(5)
    picks = page.locator(".pick input")
    picks.nth(1).click()
    picks.nth(3).click(modifiers=["Shift"])
    expect(page.locator("[data-selected]")).to_have_text("3 selected")
    page.keyboard.press("v")
    page.keyboard.type("proj")
    page.keyboard.press("Enter")
    expect(page.locator(".row")).to_have_count(2)
    page.keyboard.press("Control+k")
    page.keyboard.type("proj")
    page.keyboard.press("Enter")
    expect(page.locator(".list-title h1")).to_have_text("Projects")
    expect(page.locator(".row")).to_have_count(3)


def test_the_whole_folder_can_be_selected_beyond_what_is_loaded(live: LiveMailbox, opened: Open) -> None:
    fill(live.mailbox, 120)
    page = opened(size={"width": 1440, "height": 300})
    expect(page.locator("[data-count]")).to_contain_text("120")
    page.locator("#select-all").check()
    page.locator("input[name=all]").check()
    page.locator(".selection").get_by_role("button", name="Mark as read").click()
    expect(page.locator(".toast")).to_contain_text("120 messages marked as read")
    expect(page.locator(".row.unread")).to_have_count(0)


def test_back_returns_to_the_same_place_in_the_list(live: LiveMailbox, opened: Open) -> None:
    fill(live.mailbox, 120)
    page = opened(size=PHONE)
    scroll = page.locator("#list-scroll")
    for count in (50, 100, 120):
        expect(page.locator(".row")).to_have_count(count)
        scroll.evaluate("node => node.scrollTo(0, node.scrollHeight)")
    before = scroll.evaluate("node => { node.scrollTo(0, 4000); return node.scrollTop }")
    row_there = page.locator(".row-link").nth(55)
    row_there.click()
    expect(page.locator(".conversation")).to_be_visible()
    page.go_back()
    expect(page.locator(".conversation")).to_have_count(0)
    assert abs(scroll.evaluate("node => node.scrollTop") - before) < 900
    page.reload()
    expect(page.locator(".row").first).to_be_attached()


def test_mail_that_comes_while_the_next_rows_are_on_their_way_does_not_end_the_list(
    live: LiveMailbox, opened: Open
) -> None:
    fill(live.mailbox, 120)
    page = opened(size=PHONE)
    expect(page.locator(".more")).to_be_attached()
    held: list[Route] = []
    page.route("**/*after=*", lambda route: route.continue_() if held else held.append(route))
    scroll = page.locator("#list-scroll")
    with page.expect_request("**/*after=*"):
        scroll.evaluate("node => node.scrollTo(0, node.scrollHeight)")
    live.mailbox.deliver(letter("Brand new", number=500))
    expect(page.locator(".row", has_text="Brand new")).to_be_attached()
    held[0].continue_()
    expect(page.locator(".row")).to_have_count(100)


def test_every_state_has_an_address_that_works_on_reload(live: LiveMailbox, opened: Open) -> None:
    fill(live.mailbox, 2)
    page = opened()
    page.locator(".row-link", has_text="Number 001").click()
    expect(page.locator("h1", has_text="Number 001")).to_be_visible()
    page.reload()
    expect(page.locator("h1", has_text="Number 001")).to_be_visible()
    expect(page.locator(".row")).to_have_count(2)


def test_without_javascript_reading_and_archiving_work(live: LiveMailbox, opened: Open) -> None:
    fill(live.mailbox, 2)
    page = opened(java_script_enabled=False)
    page.locator(".row-link", has_text="Number 001").click()
    expect(page.frame_locator(".body-frame").get_by_text("Text 1")).to_be_visible()
    page.locator(".reader-bar").get_by_role("button", name="Archive").click()
    expect(page.get_by_text("1 message archived")).to_be_visible()
    expect(page.locator(".row")).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undone")).to_be_visible()


def test_a_hostile_mail_runs_nothing_and_reaches_nobody(live: LiveMailbox, opened: Open) -> None:
    html = (
        "<script>parent.document.title='owned'</script><img src=x onerror=\"parent.document.title='owned'\">"
        '<img src="http://tracker.example/p.gif"><p>Harmless</p><iframe src="http://tracker.example/"></iframe>'
        '<style>@import "http://tracker.example/a.css"; p{background:url(http://tracker.example/b.png)}</style>'
    )
    live.mailbox.append(letter("Attack <b>bold</b>", html=html))
    page = opened()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.locator(".row-link").click()
    expect(page.frame_locator(".body-frame").get_by_text("Harmless")).to_be_visible()
    expect(page.locator(".remote-note")).to_be_visible()
    assert "owned" not in page.title()
    assert not [url for url in requests if "tracker" in url]


def test_a_reply_opens_beside_the_mail_and_survives_what_arrives(live: LiveMailbox, opened: Open) -> None:
    live.mailbox.append(letter("Plan"))
    page = opened()
    page.locator(".row-link").click()
    page.locator('.reply-bar [data-key="r"]').click()
    text = page.locator("#composer-dock [contenteditable=true]").last
    text.press_sequentially("Half a sentence")
    live.mailbox.deliver(letter("Re: Plan", answers="<plan-0@example.test>", number=3))
    expect(page.locator(".card")).to_have_count(2, timeout=15_000)
    expect(text).to_contain_text("Half a sentence")


def test_rows_are_dragged_to_a_folder(live: LiveMailbox, opened: Open) -> None:
    fill(live.mailbox, 2)
    page = opened()
    expect(page.locator(".row")).to_have_count(2)
    page.locator(".row").first.drag_to(page.locator('.tree-link[data-use="archive"]'))
    expect(page.locator(".row")).to_have_count(1)
    # The list is not held back by a press that nobody ends.
    page.locator(".toast [data-undo] button").click()
    expect(page.locator(".row")).to_have_count(2, timeout=5_000)


def test_a_lost_connection_is_a_thin_banner_and_the_action_is_put_back(live: LiveMailbox, opened: Open) -> None:
    fill(live.mailbox, 2)
    page = opened()
    expect(page.locator(".row")).to_have_count(2)
    page.context.set_offline(True)
    page.keyboard.press("j")
    page.keyboard.press("e")
    expect(page.locator(".toast.error")).to_contain_text("put back")
    expect(page.locator(".row")).to_have_count(2)
    expect(page.locator("#offline")).to_be_visible(timeout=15_000)
    page.context.set_offline(False)
    expect(page.locator("#offline")).to_be_hidden(timeout=40_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing_serious(live: LiveMailbox, opened: Open, size: dict[str, int], scheme: str) -> None:
    fill(live.mailbox, 3)
    page = opened(size=size, color_scheme=scheme)
    expect(page.locator(".row")).to_have_count(3)
    assert serious(page) == []
    page.locator(".row-link").first.click()
    expect(page.frame_locator(".body-frame").get_by_text("Text 2")).to_be_visible()
    assert serious(page) == []


def test_axe_finds_nothing_serious_in_dialogs_and_folders(live: LiveMailbox, opened: Open) -> None:
    fill(live.mailbox, 1)
    page = opened()
    page.keyboard.press("?")
    assert serious(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    assert serious(page) == []
    page.keyboard.press("Escape")
    page.goto(live.url + (page.locator(".account-tool").get_attribute("href") or ""))
    assert serious(page) == []


def serious(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{item['id']}: {item['nodes'][0]['html'][:160]}" for item in found if item["impact"] in {"serious", "critical"}
    ]

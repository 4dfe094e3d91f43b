"""What comes in while something is being pressed, or was just done, in Chromium on the running product."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Response, Route, expect

from tests.browser.test_mailbox import Open, fill, letter, opened, subjects
from tests.servers.live import LiveMailbox

__all__ = ["opened"]
pytestmark = [pytest.mark.browser, pytest.mark.mailserver]
LIST = re.compile(r"[?&]rows=\d")
WATCH = """id => {
  window.returned = 0;
  new MutationObserver(records => {
    for (const record of records) for (const node of record.addedNodes) if (node.id === id) window.returned++;
  }).observe(document.getElementById("rows"), { childList: true });
}"""


def shows(subject: str) -> Any:
    def check(response: Response) -> bool:
        return bool(LIST.search(response.url)) and subject in response.text()

    return check


def middle(page: Page, subject: str) -> tuple[float, float]:
    box = page.locator(".row-link", has_text=subject).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_what_is_pressed_stays_under_the_pointer(live: LiveMailbox, opened: Open) -> None:
    live.mailbox.append(letter("The old one"))
    page = opened()
    page.mouse.move(*middle(page, "The old one"))
    page.mouse.down()
    with page.expect_response(shows("The new one")):
        live.mailbox.deliver(letter("The new one", number=9))
    page.wait_for_timeout(300)
    assert subjects(page) == ["The old one"]
    page.mouse.up()
    expect(page.locator("h1", has_text="The old one")).to_be_visible()
    expect(page.locator(".row")).to_have_count(2)


def test_a_list_asked_for_before_brings_nothing_back(live: LiveMailbox, opened: Open) -> None:
    fill(live.mailbox, 2)
    page = opened()
    expect(page.locator(".row")).to_have_count(2)
    held: list[tuple[Route, Any]] = []

    def hold(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append((route, route.fetch()))

    page.route(LIST, hold)
    with page.expect_request(LIST):
        live.mailbox.deliver(letter("Third", number=9))
    while not held:
        page.wait_for_timeout(50)
    assert "Number 001" in held[0][1].text()
    page.evaluate(WATCH, page.locator(".row", has_text="Number 001").get_attribute("id"))
    page.keyboard.press("j")
    with page.expect_response(re.compile("/archive/")):
        page.keyboard.press("e")
    route, answer = held[0]
    route.fulfill(response=answer)
    expect(page.locator(".row", has_text="Third")).to_be_visible()
    assert page.evaluate("window.returned") == 0
    assert subjects(page) == ["Third", "Number 000"]


def test_what_was_deleted_elsewhere_does_not_close_what_is_being_opened(live: LiveMailbox, opened: Open) -> None:
    fill(live.mailbox, 2)
    page = opened()
    expect(page.locator(".row")).to_have_count(2)
    page.locator(".row-link", has_text="Number 000").click()
    expect(page.locator("h1", has_text="Number 000")).to_be_visible()
    held: list[Route] = []
    other = page.locator(".row-link", has_text="Number 001")
    wanted = re.compile(re.escape(str(other.get_attribute("href"))) + "$")

    def hold(route: Route) -> None:
        held.append(route)

    page.route(wanted, hold)
    other.click()
    client = live.mailbox.imap()
    client.select_folder("INBOX")
    with page.expect_response(lambda response: response.status == 404):
        client.delete_messages(client.search(["SUBJECT", "Number 000"]))
        client.expunge()
    client.logout()
    page.wait_for_timeout(300)
    held[0].continue_()
    expect(page.locator("h1", has_text="Number 001")).to_be_visible()


def test_what_could_not_be_marked_as_read_is_marked_a_moment_later(live: LiveMailbox, opened: Open) -> None:
    live.mailbox.append(letter("Plan"))
    page = opened()
    refused: list[Route] = []

    def refuse_once(route: Route) -> None:
        if route.request.method != "POST" or refused:
            route.continue_()
            return
        refused.append(route)
        route.abort()

    page.route(re.compile("seen/$"), refuse_once)
    page.locator(".row-link").click()
    expect(page.locator(".row:not(.unread)")).to_have_count(1, timeout=10_000)
    assert refused

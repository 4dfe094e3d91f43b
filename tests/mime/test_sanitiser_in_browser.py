"""The sanitiser alone, without frame and policy, in a real browser: nothing runs, nothing is fetched."""

import pytest
from playwright.sync_api import Page, Request, Route

from tests.mime.attacks import ATTACKS, REMOTE_LOADS
from webmail.mime.html import sanitise

ORIGIN = "http://mail.invalid/"
PAGE = "<!doctype html><html><head><meta charset=utf-8></head><body>{}</body></html>"


def rendered(page: Page, markup: str) -> list[str]:
    """The addresses the page asked for beyond itself when ``markup`` stood in it."""
    asked: list[str] = []
    document = PAGE.format(markup)

    def answer(route: Route, request: Request) -> None:
        if request.url == ORIGIN:
            route.fulfill(status=200, content_type="text/html", body=document)
        else:
            asked.append(request.url)
            route.abort()

    page.route("**/*", answer)
    page.goto(ORIGIN, wait_until="load")
    # Whatever waits for a person: pointer, focus, toggling.
    page.evaluate(
        """() => {
            for (const element of document.querySelectorAll('*')) {
                for (const name of ['mouseover', 'focus', 'toggle', 'error', 'load', 'begin'])
                    element.dispatchEvent(new Event(name, {bubbles: true}));
            }
            return new Promise(done => requestAnimationFrame(() => setTimeout(done)));
        }"""
    )
    page.unroute("**/*")
    return asked


@pytest.mark.browser
def test_the_attacks_are_real_without_the_sanitiser(page: Page) -> None:
    rendered(page, "".join(ATTACKS[:6]))
    assert page.evaluate("window.pwned") == 1
    assert any("tracker.example" in url for url in rendered(page, REMOTE_LOADS[0][0]))


@pytest.mark.browser
def test_no_attack_runs_and_nothing_is_loaded(page: Page) -> None:
    for markup in [*ATTACKS, *(load for load, _ in REMOTE_LOADS)]:
        shown = sanitise(markup, cid_url=lambda _: None).html
        asked = rendered(page, shown)
        assert asked == [], markup
        assert page.evaluate("window.pwned === undefined"), markup
        scripts = page.evaluate(
            """() => [...document.querySelectorAll('a[href], area[href]')]
                .filter(link => !['http:', 'https:', 'mailto:', 'tel:'].includes(link.protocol)).length"""
        )
        assert scripts == 0, markup


@pytest.mark.browser
def test_the_browser_reads_the_tree_that_was_sanitised(page: Page) -> None:
    for markup in ATTACKS:
        shown = sanitise(markup, cid_url=lambda _: None).html
        rendered(page, f"<div id=probe>{shown}</div>")
        again = page.evaluate("document.getElementById('probe').innerHTML")
        assert sanitise(again, cid_url=lambda _: None).html == shown, markup

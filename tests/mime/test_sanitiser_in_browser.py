"""Two walls in a real browser, each alone: the sanitiser without frame and policy, frame and policy without it."""

import pytest
from playwright.sync_api import Dialog, Page, Request, Route

from tests.mime.attacks import ATTACKS, REMOTE_LOADS
from webmail.mime.html import sanitise
from webmail.views.frame import document
from webmail.views.policy import APP_POLICY, MESSAGE_POLICY

ORIGIN = "http://mail.invalid/"
SANDBOX = "allow-popups allow-popups-to-escape-sandbox allow-same-origin"
BARE = "<!doctype html><html><head><meta charset=utf-8></head><body>{}</body></html>"
HOSTILE = [*ATTACKS, *(load for load, _ in REMOTE_LOADS)]


class Seen:
    """What a page did that it should not: requests beyond its own documents, dialogs, other windows."""

    def __init__(self, page: Page, documents: list[str], *, walled: bool) -> None:
        self.page = page
        self.asked: list[str] = []
        self.said: list[str] = []
        self.documents = documents
        self.walled = walled
        page.on("dialog", self._dialog)
        page.on("popup", lambda popup: self.said.append(popup.url))
        page.route("**/*", self._answer)

    def _dialog(self, dialog: Dialog) -> None:
        self.said.append(dialog.message)
        dialog.dismiss()

    def _answer(self, route: Route, request: Request) -> None:
        name = request.url.removeprefix(ORIGIN)
        if request.url == ORIGIN:
            sandbox = f'sandbox="{SANDBOX}"' if self.walled else ""
            frames = "".join(f'<iframe {sandbox} src="/{at}"></iframe>' for at in range(len(self.documents)))
            policy = {"Content-Security-Policy": APP_POLICY} if self.walled else {}
            route.fulfill(status=200, content_type="text/html", body=BARE.format(frames), headers=policy)
        elif request.url.startswith(ORIGIN) and name.isdigit():
            policy = {"Content-Security-Policy": MESSAGE_POLICY} if self.walled else {}
            body = self.documents[int(name)]
            route.fulfill(status=200, content_type="text/html; charset=utf-8", body=body, headers=policy)
        else:
            self.asked.append(request.url)
            route.abort()

    def provoke(self) -> None:
        """Load all documents; then whatever waits for a person: pointer, focus, toggling."""
        self.page.goto(ORIGIN, wait_until="load")
        self.page.evaluate(
            """() => {
                for (const frame of document.querySelectorAll('iframe')) {
                    for (const element of frame.contentDocument?.querySelectorAll('*') ?? []) {
                        for (const name of ['mouseover', 'focus', 'toggle', 'error', 'load', 'begin'])
                            element.dispatchEvent(new Event(name, {bubbles: true}));
                    }
                }
                return new Promise(done => requestAnimationFrame(() => setTimeout(done)));
            }"""
        )

    def pwned(self) -> list[int]:
        """The documents in which something ran, or which went elsewhere."""
        return list(
            self.page.evaluate(
                """() => [...document.querySelectorAll('iframe')].flatMap((frame, at) => {
                    try {
                        const ran = window.pwned !== undefined || frame.contentWindow.pwned !== undefined;
                        return ran || new URL(frame.contentDocument.URL).pathname !== `/${at}` ? [at] : [];
                    } catch { return [at]; }
                })"""
            )
        )


def asked_off_origin(seen: Seen) -> list[str]:
    return [url for url in seen.asked if "tracker.example" in url]


@pytest.mark.browser
def test_the_attacks_are_real_without_either_wall(page: Page) -> None:
    seen = Seen(page, [BARE.format(markup) for markup in HOSTILE], walled=False)
    seen.provoke()
    assert len(seen.pwned()) > 15
    assert len(set(asked_off_origin(seen))) > 10


@pytest.mark.browser
def test_the_sanitiser_alone_lets_nothing_run_and_nothing_load(page: Page) -> None:
    clean = [sanitise(markup, cid_url=lambda _: None).html for markup in HOSTILE]
    seen = Seen(page, [BARE.format(markup) for markup in clean], walled=False)
    seen.provoke()
    assert (seen.asked, seen.said) == ([], [])
    assert [HOSTILE[at] for at in seen.pwned()] == []
    wrong = page.evaluate(
        """() => [...document.querySelectorAll('iframe')].flatMap((frame, at) =>
            [...frame.contentDocument.querySelectorAll('a[href], area[href]')]
                .filter(link => !['http:', 'https:', 'mailto:', 'tel:'].includes(link.protocol)).map(() => at))"""
    )
    assert [HOSTILE[at] for at in wrong] == []


@pytest.mark.browser
def test_frame_and_policy_alone_let_nothing_run_and_nothing_load(page: Page) -> None:
    unclean = [document(markup, "", remote=0, too_complex=False, theme="system") for markup in HOSTILE]
    seen = Seen(page, [str(each) for each in unclean], walled=True)
    seen.provoke()
    assert (asked_off_origin(seen), seen.said) == ([], [])
    assert [HOSTILE[at] for at in seen.pwned()] == []


@pytest.mark.browser
def test_the_browser_reads_the_tree_that_was_sanitised(page: Page) -> None:
    clean = [sanitise(markup, cid_url=lambda _: None).html for markup in ATTACKS]
    page.route("**/*", lambda route: route.fulfill(status=200, content_type="text/html", body=BARE.format("")))
    page.goto(ORIGIN)
    again = page.evaluate(
        """markups => markups.map(markup => {
            const probe = new DOMParser().parseFromString(`<div id=probe>${markup}</div>`, 'text/html');
            return probe.getElementById('probe').innerHTML;
        })""",
        clean,
    )
    for markup, shown, read in zip(ATTACKS, clean, again, strict=True):
        assert sanitise(read, cid_url=lambda _: None).html == shown, markup


FLAT = "<b>x</b>" * 9_000
STANDSTILLS = {
    "everything before it": "<style>"
    + "".join(f"b ~ b ~ b ~ i.c{n}{{color:red}}" for n in range(2_000))
    + f"</style>{FLAT}",
    "everything after it": "<style>"
    + "".join(f"b:has(~ i.c{n}){{color:red}}" for n in range(2_000))
    + f"</style>{FLAT}",
    "columns": '<div style="columns:1000;column-width:1px">' * 100 + "x" * 1_000,
    "hyphens": "<style>p{hyphens:auto;text-align:justify}</style><p lang=en style=width:9px>"
    + "incomprehensible " * 3_000,
    "shadows": "<style>b{text-shadow:" + ",".join(["0 0 900px red"] * 100) + f"}}</style>{FLAT}",
    "tables in lines": "<style>div{display:inline-table}</style>" + "<div>" * 400 + "x",
    "blocks in lines": '<div style="display:inline-block">' * 500 + "x",
    "wide cells": "<table><tr>" + "<td colspan=1000>x</td>" * 5_000 + "</table>",
}


@pytest.mark.browser
@pytest.mark.parametrize("markup", STANDSTILLS.values(), ids=STANDSTILLS)
def test_no_mail_makes_the_page_stand_still_or_die(page: Page, markup: str) -> None:
    """The frame of a mail shares its process with the page around it. These took minutes, or ended it."""
    clean = sanitise(markup, cid_url=lambda _: None)
    assert not clean.too_complex
    page.set_default_timeout(15_000)
    page.set_content(document(clean.html, "", remote=0, too_complex=False, theme="light"))
    assert page.evaluate("document.body.offsetHeight") > 0
    page.screenshot()

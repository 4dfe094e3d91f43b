"""What only a browser shows of POP3 accounts: choices that unfold, a test that leaves the form alone, progress by itself."""

from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import MailAccount
from accounts.register import new_person
from tests.accounts.conftest import found
from tests.servers.live import LiveMailbox
from tests.servers.mailbox import Mailbox
from webmail.models import Download, SyncState

pytestmark = [pytest.mark.browser, pytest.mark.mailserver, pytest.mark.django_db(transaction=True)]
SIZES = [(1280, 800), (390, 800)]


def serious(page: Page) -> list[str]:
    results = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {each['nodes'][0]['html']}" for each in results if each["impact"] in {"serious", "critical"}
    ]


def usable(page: Page) -> None:
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        assert serious(page) == [], page.url
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    page.set_viewport_size({"width": 1280, "height": 800})


@pytest.fixture
def settings_page(page: Page, live_server: Any, mailbox: Mailbox, trusted: Any, client: Any) -> Page:
    account = new_person(mailbox.address, found(mailbox), mailbox.password)
    client.force_login(account.user)
    page.context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
    )
    page.goto(f"{live_server.url}/settings/accounts/")
    return page


def test_a_pop3_account_is_tried_added_watched_and_removed(settings_page: Page, mailbox: Mailbox) -> None:
    page = settings_page
    page.get_by_role("link", name="Add account").click()
    page.get_by_role("link", name="POP3").click()
    warning = page.get_by_text("other programs no longer see it")
    expect(warning).to_be_hidden()
    expect(page.get_by_label("First day")).to_be_hidden()
    page.get_by_label("some days later").check()
    expect(warning).to_be_visible()
    expect(page.get_by_label("Days until they are deleted there")).to_be_visible()
    page.get_by_label("Fetch", exact=True).select_option("date")
    expect(page.get_by_label("First day")).to_be_visible()
    usable(page)
    page.get_by_label("Keep messages on the server").check()
    page.get_by_label("Fetch", exact=True).select_option("all")

    port = page.locator("#id_pop_port")
    expect(port).to_have_attribute("placeholder", "995")
    page.locator("#id_pop_security").select_option("starttls")
    expect(port).to_have_attribute("placeholder", "110")
    page.locator("#id_pop_security").select_option("tls")

    page.get_by_label("Email address").fill(mailbox.address)
    page.get_by_label("Password", exact=True).fill(mailbox.password)
    page.get_by_label("Incoming server (POP3)").fill("localhost")
    port.fill(str(mailbox.server.ports.pop3s))
    page.get_by_text("Outgoing server", exact=True).click()
    page.locator("#id_smtp_host").fill("localhost")
    page.locator("#id_smtp_port").fill(str(mailbox.server.ports.submissions))
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.locator("#results li.ok")).to_have_count(2)
    expect(page.get_by_label("Password", exact=True)).to_have_value(mailbox.password)
    page.get_by_role("button", name="Add account").click()

    expect(page.get_by_role("heading", name=mailbox.address)).to_be_visible()
    account = MailAccount.objects.get(kind="pop3")
    SyncState.objects.filter(account=account).update(lease_owner="w", lease_until=timezone.now() + timedelta(minutes=5))
    Download.objects.update(started_at=timezone.now(), messages_total=5000, messages_done=1000)
    expect(page.get_by_text("1,000 of 5,000 messages")).to_be_visible()
    usable(page)
    Download.objects.update(messages_done=2500)
    expect(page.get_by_text("2,500 of 5,000 messages")).to_be_visible()
    page.get_by_role("button", name="Check now").click()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused: nothing is fetched or sent.")).to_be_visible()
    page.get_by_role("button", name="Resume").click()

    page.get_by_role("link", name="Accounts").first.click()
    usable(page)
    page.get_by_role("link", name=f"Edit {mailbox.address}").last.click()
    page.get_by_role("link", name="Remove").click()
    usable(page)
    page.get_by_role("button", name="Remove").click()
    page.wait_for_url("**/settings/accounts/")
    assert not MailAccount.objects.filter(kind="pop3").exists()


def test_an_old_mailbox_is_pulled_in_and_read(page: Page, live: LiveMailbox) -> None:
    server, url = live.mailbox.server, live.product.url
    old = Mailbox(server, f"old-{live.mailbox.address}", "old-password")
    server.add_user(old.address, old.password)
    for number in range(3):
        old.deliver(
            b"From: Bob <bob@example.test>\r\nSubject: Old letter %d\r\nMessage-ID: <%d@old.example.test>\r\n\r\n"
            b"It has been a while.\r\n" % (number, number)
        )
    page.goto(f"{url}/sign-in/")
    page.get_by_label("Email address").fill(live.mailbox.address)
    page.get_by_label("Password", exact=True).fill(live.mailbox.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/folder/**")
    page.goto(f"{url}/settings/accounts/add/pop3/")
    page.get_by_label("Email address").fill(old.address)
    page.get_by_label("Password", exact=True).fill(old.password)
    page.get_by_label("Label").fill("Old mailbox")
    page.get_by_label("Incoming server (POP3)").fill("localhost")
    page.locator("#id_pop_port").fill(str(server.ports.pop3s))
    page.get_by_role("button", name="Add account").click()

    expect(page.get_by_text("3 messages fetched so far.")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("Next time: in")).to_be_visible()
    page.get_by_role("link", name="Mail", exact=True).click()
    page.get_by_role("region", name="Old mailbox").get_by_role("link", name="Inbox").click()
    page.locator(".row", has_text="Old letter 2").locator(".row-link").click()
    expect(page.frame_locator(".body-frame").get_by_text("It has been a while.")).to_be_visible()

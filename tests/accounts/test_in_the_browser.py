"""What only a browser shows: forms that arrive, ports that follow, pages everybody can use."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from playwright.sync_api import Page, expect

from accounts.models import MailAccount
from accounts.register import new_person
from tests.accounts.conftest import found
from tests.servers.mailbox import Mailbox

pytestmark = [pytest.mark.browser, pytest.mark.mailserver, pytest.mark.django_db(transaction=True)]


def serious(page: Page) -> list[str]:
    results = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {each['nodes'][0]['html']}" for each in results if each["impact"] in {"serious", "critical"}
    ]


def enter(page: Page, mailbox: Mailbox, password: str) -> None:
    page.get_by_label("Email address").fill(mailbox.address)
    page.get_by_label("Password", exact=True).fill(password)


def test_signing_in_with_typed_servers(page: Page, live_server: Any, mailbox: Mailbox, trusted: Any) -> None:
    page.goto(f"{live_server.url}/sign-in/")
    expect(page.get_by_label("Email address")).to_be_focused()
    assert serious(page) == []
    enter(page, mailbox, "wrong")
    page.get_by_text("More settings").click()
    page.locator("#id_imap_host").fill("localhost")
    page.locator("#id_imap_port").fill(str(trusted.ports.imaps))
    page.locator("#id_smtp_host").fill("localhost")
    page.locator("#id_smtp_port").fill(str(trusted.ports.submissions))
    page.get_by_role("button", name="Sign in").click()

    expect(page.locator("#id_password_error")).to_contain_text("refused this user name and password")
    expect(page.locator("#id_password")).to_have_value("")
    expect(page.locator("#id_password")).to_be_focused()
    expect(page.locator("#id_imap_host")).to_have_value("localhost")
    assert serious(page) == []

    page.locator("#id_password").fill(mailbox.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "sign-in" not in url)
    assert MailAccount.objects.get().address == mailbox.address


def test_the_port_follows_the_security_until_another_is_typed(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/sign-in/")
    page.get_by_text("More settings").click()
    port = page.locator("#id_imap_port")
    expect(port).to_have_attribute("placeholder", "993")
    page.locator("#id_imap_security").select_option("starttls")
    expect(port).to_have_attribute("placeholder", "143")
    port.fill("9143")
    page.locator("#id_imap_security").select_option("tls")
    expect(port).to_have_value("9143")


def test_settings_pages_are_usable_by_everybody(
    page: Page, live_server: Any, mailbox: Mailbox, trusted: Any, client: Any
) -> None:
    account = new_person(mailbox.address, found(mailbox), mailbox.password)
    client.force_login(account.user)
    page.context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
    )
    elsewhere = Client()
    elsewhere.force_login(account.user)
    identity = account.identities.get()
    for path in (
        "accounts/",
        "accounts/add/",
        f"accounts/{account.pk}/",
        f"accounts/{account.pk}/remove/",
        "identities/",
        f"identities/{identity.pk}/",
        "appearance/",
        "security/",
    ):
        page.goto(f"{live_server.url}/settings/{path}")
        assert serious(page) == [], path
        page.set_viewport_size({"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        page.set_viewport_size({"width": 1280, "height": 720})
    page.get_by_role("button", name="Sign out A browser, last seen").click()
    expect(page.get_by_text("was signed out.")).to_be_visible()
    assert elsewhere.get("/settings/security/").status_code == 302


def test_a_signature_is_written_as_it_will_look(
    page: Page, live_server: Any, mailbox: Mailbox, trusted: Any, client: Any
) -> None:
    account = new_person(mailbox.address, found(mailbox), mailbox.password)
    client.force_login(account.user)
    page.context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
    )
    identity = account.identities.get()
    page.goto(f"{live_server.url}/settings/identities/{identity.pk}/")
    editor = page.get_by_role("textbox", name="Signature")
    editor.click()
    page.get_by_role("button", name="Bold").click()
    page.keyboard.type("Ada")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/settings/identities/")
    identity.refresh_from_db()
    assert "<b>Ada</b>" in identity.signature_html

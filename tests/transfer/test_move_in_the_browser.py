"""The move to IMAP as a person does it, and an import: progress by itself, plain forms, nothing axe would object to."""

import zipfile
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from accounts.models import MailAccount
from tests.servers.mailbox import Mailbox
from tests.transfer.conftest import mail
from webmail.models import Download, Folder, Message, Transfer
from webmail.sync.account import Pass
from webmail.sync.foreground import open_connection
from webmail.transfer import run

pytestmark = [pytest.mark.browser, pytest.mark.mailserver, pytest.mark.django_db(transaction=True)]
SIZES = [(1280, 800), (390, 800)]


def usable(page: Page) -> None:
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        found = Axe().run(page).response["violations"]
        serious = [
            (each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in {"serious", "critical"}
        ]
        assert serious == [], page.url
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    page.set_viewport_size({"width": 1280, "height": 800})


@pytest.fixture
def signed_in(page: Page, live_server: Any, client: Any, user: Any) -> Page:
    client.force_login(user)
    page.context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
    )
    return page


@pytest.fixture
def known(remote: MailAccount) -> MailAccount:
    """The IMAP account, its folders mirrored."""
    connection = open_connection(remote)
    while Pass(connection, remote, lambda: False).run():
        pass
    connection.close()
    return remote


@pytest.fixture
def old(local: MailAccount, put: Any) -> MailAccount:
    Download.objects.create(account=local, host="pop.old.test")
    for number in range(3):
        put(mail(number))
    put(mail(8), folder="Archive")
    return local


def test_an_old_mailbox_is_moved_step_by_step(
    signed_in: Page, live_server: Any, old: MailAccount, known: MailAccount, mailbox: Mailbox
) -> None:
    page = signed_in
    current = page.locator("[aria-current=step] h3")
    page.goto(f"{live_server.url}/account/{old.pk}/move/")
    usable(page)
    expect(current).to_have_text("Back up")
    with page.expect_download() as started:
        page.get_by_role("link", name="Zip of .eml").click()
    with zipfile.ZipFile(started.value.path()) as archive:
        assert len([name for name in archive.namelist() if name.endswith(".eml")]) == 4

    page.reload()
    expect(page.get_by_text("4 messages downloaded")).to_be_visible()
    expect(current).to_have_text("Pause the old account")
    page.get_by_role("button", name="Pause").click()
    expect(current).to_have_text("Copy the mail")

    page.get_by_label("INBOX").select_option(label="INBOX")
    page.get_by_label("Archive").select_option(label="Archive")
    usable(page)
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_text("Waiting for its turn.")).to_be_visible()
    usable(page)
    run.run_due("worker", lambda: False)
    expect(page.get_by_text("Done.")).to_be_visible()
    expect(current).to_have_text("Remove the old account")
    expect(page.locator(".transfer-numbers")).to_contain_text("4")
    usable(page)
    assert len(mailbox.uids()) == 3
    assert len(mailbox.uids("Archive")) == 1
    page.get_by_role("link", name="Remove…").click()
    expect(page).to_have_url(f"{live_server.url}/settings/accounts/{old.pk}/remove/")


def test_a_file_is_imported_and_its_report_read(
    signed_in: Page, live_server: Any, inbox: Folder, tmp_path: Any
) -> None:
    page = signed_in
    file = tmp_path / "old mail.mbox"
    file.write_bytes(b"".join(b"From a Mon Nov  2 07:05:09 2026\n" + mail(number) + b"\n" for number in range(3)))
    page.goto(f"{live_server.url}/folder/{inbox.pk}/import/")
    usable(page)
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("Waiting for its turn.")).to_be_visible()
    run.run_due("worker", lambda: False)
    expect(page.get_by_text("Done.")).to_be_visible()
    usable(page)
    assert Message.objects.count() == 3
    assert Transfer.objects.get().filename == "old mail.mbox"

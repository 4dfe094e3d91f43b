"""Files in Chromium on the running product: looked at over the mail, stepped through, wound on; the original searched."""

import io
import math
import struct
import wave
from email.message import EmailMessage

import pytest
from playwright.sync_api import expect

from tests.browser.test_pictures_in_the_browser import png
from tests.browser.test_reading import Open, accessible, opened, read, shot
from tests.servers.live import LiveMailbox

pytestmark = [pytest.mark.browser, pytest.mark.mailserver]
__all__ = ["opened"]
SECONDS = 60


def song() -> bytes:
    """A minute of sound, too long to be kept whole: what is fetched of it is fetched by its place."""
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"".join(struct.pack("<h", int(9000 * math.sin(at / 5))) for at in range(8000 * SECONDS)))
    return stream.getvalue()


def letter() -> bytes:
    message = EmailMessage()
    message["From"] = "Bob Berg <bob@example.test>"
    message["To"] = "ada@example.test"
    message["Subject"] = "Garden"
    message["Date"] = "Fri, 20 Nov 2026 09:00:00 +0000"
    message["Message-ID"] = "<garden@example.test>"
    message.set_content("Here is everything.")
    message.add_attachment(png(60, 40), maintype="image", subtype="png", filename="photo.png")
    message.add_attachment(b"Item;Price\r\nRoses;48.00\r\n", maintype="text", subtype="csv", filename="costs.csv")
    message.add_attachment(song(), maintype="audio", subtype="x-wav", filename="birds.wav")
    return bytes(message)


def test_files_are_looked_at_over_the_mail_and_wound_on(live: LiveMailbox, opened: Open) -> None:
    live.mailbox.append(letter())
    page = opened()
    statuses: list[tuple[int, str]] = []
    page.on("response", lambda found: statuses.append((found.status, found.headers.get("content-range", ""))))
    read(page, "Garden")
    page.locator(".attachment", has_text="photo.png").locator("a[data-view]").click()
    viewer = page.locator(".viewer-dialog")
    expect(viewer.get_by_role("heading", name="photo.png")).to_be_visible()
    page.wait_for_function("() => document.querySelector('.viewer-stage img').naturalWidth === 60")
    accessible(page, ".viewer-dialog")
    shot(page, "viewer")
    page.keyboard.press("ArrowRight")
    expect(viewer.get_by_role("cell", name="Roses")).to_be_visible()
    accessible(page, ".viewer-dialog")
    page.keyboard.press("ArrowRight")
    expect(viewer.get_by_role("heading", name="birds.wav")).to_be_visible()
    ended = page.evaluate(
        """() => new Promise((done, failed) => {
            const audio = document.querySelector('.viewer-stage audio');
            audio.addEventListener('error', () => failed(new Error('no sound')));
            audio.addEventListener('seeked', () => done([Math.round(audio.duration), Math.round(audio.currentTime)]));
            const wind = () => { audio.currentTime = 50; };
            if (audio.readyState >= 1) wind(); else audio.addEventListener('loadedmetadata', wind);
        })"""
    )
    assert ended == [SECONDS, 50]
    assert any(status == 206 and place.endswith("/960044") for status, place in statuses)
    page.keyboard.press("Escape")
    expect(viewer).to_be_hidden()
    expect(page.locator(".attachment a[data-view]").first).to_be_focused()

    page.locator("a", has_text="Show original").first.evaluate("link => link.click()")
    page.get_by_role("searchbox", name="Filter the header").fill("message-id")
    expect(page.locator("#fields")).to_contain_text("1 of ")
    expect(page.locator("#fields dd")).to_contain_text("garden@example.test")
    expect(page.locator(".source-text")).to_contain_text("Here is everything.")
    accessible(page, "main")
    shot(page, "original")

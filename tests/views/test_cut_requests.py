"""F44: a request that is cut short while it comes in is none: no half text and no half file is taken for the whole."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.views.test_compose import account, begin, page
from webmail.asgi import application
from webmail.models import OutgoingMessage

__all__ = ["account", "page"]
pytestmark = pytest.mark.django_db(transaction=True)
EDGE = "edge"


def part(name: str, value: str, filename: str = "") -> bytes:
    file = f'; filename="{filename}"\r\nContent-Type: text/plain' if filename else ""
    return f'--{EDGE}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n{value}\r\n'.encode()


def post(page: Client, url: str, octets: bytes, whole: int) -> int:
    """What the server process makes of it when the connection ends after ``octets`` of ``whole``; return the status."""
    page.get("/")
    token = page.cookies["csrftoken"].value
    headers = {
        "host": "localhost",
        "accept": "application/json",
        "content-type": f"multipart/form-data; boundary={EDGE}",
        "content-length": str(whole),
        "cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in page.cookies.items()),
        "x-csrftoken": token,
    }
    scope = {
        "type": "http",
        "method": "POST",
        "path": url,
        "query_string": b"",
        "http_version": "1.1",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": octets, "more_body": len(octets) < whole}]
    said: list[int] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        said.extend([message["status"]] if "status" in message else [])

    # The main thread may have an event loop of its own: a browser driven in it keeps one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(application(scope, receive, send))).result()
    return said[0]


@pytest.mark.parametrize("cut", [True, False])
def test_a_file_is_attached_whole_or_not_at_all(page: Client, cut: bool) -> None:
    draft = begin(page)
    octets = part("files", "line\r\n" * 100_000, "Notes.txt") + f"--{EDGE}--\r\n".encode()
    sent = octets[: len(octets) // 2] if cut else octets
    status = post(page, reverse("draft-attach", args=[draft.pk]), sent, len(octets))
    assert (status, list(draft.attachments.values_list("size", flat=True))) == ((400, []) if cut else (200, [600_000]))


@pytest.mark.parametrize("cut", [True, False])
def test_a_text_is_saved_whole_or_not_at_all(page: Client, cut: bool) -> None:
    draft = begin(page)
    octets = (
        part("text", "one two three four") + part("plain", "1") + part("revision", "1") + f"--{EDGE}--\r\n".encode()
    )
    sent = octets[: octets.index(b"three")] if cut else octets
    status = post(page, reverse("draft-save", args=[draft.pk]), sent, len(octets))
    texts = list(OutgoingMessage.objects.values_list("text", flat=True))
    assert (status, texts) == ((400, [draft.text]) if cut else (200, ["one two three four"]))

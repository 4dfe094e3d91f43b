"""F51: many people open large mail at once. A few are read at a time, the others wait, and memory stays within bounds."""

import threading
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.sync.conftest import Arrive
from webmail.errors import Reason, RetryLater
from webmail.mime.parts import Part
from webmail.mime.transfer import decoded_stream
from webmail.models import Folder
from webmail.sync import bodies, foreground, room

MEGABYTE = 1024 * 1024


def test_f51_a_few_large_messages_are_read_at_once_and_the_others_wait() -> None:
    lock, inside, most = threading.Lock(), 0, 0

    def read(octets: int) -> None:
        nonlocal inside, most
        with room.room(octets), room.room(octets):
            with lock:
                inside += octets >= room.LARGE
                most = max(most, inside)
            time.sleep(0.01)
            with lock:
                inside -= octets >= room.LARGE

    with ThreadPoolExecutor(24) as pool:
        list(pool.map(read, [25 * MEGABYTE] * 40 + [1000] * 40))
    assert most == room.AT_ONCE


def test_f51_who_waits_too_long_is_told_to_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "WAIT_SECONDS", 0.05)
    leave = threading.Event()

    def stay() -> None:
        with room.room(MEGABYTE):
            leave.wait(10)

    with ThreadPoolExecutor(room.AT_ONCE) as pool:
        for _ in range(room.AT_ONCE):
            pool.submit(stay)
        time.sleep(0.1)
        with pytest.raises(RetryLater) as refused, room.room(MEGABYTE):
            pass
        leave.set()
    assert refused.value.reason == Reason.BUSY
    with room.room(MEGABYTE):
        pass


class Generous:
    """A server that gives of each section all that is asked for."""

    def __init__(self) -> None:
        self.asked = 0

    def open_and_fetch(
        self, folder: str, items: list[tuple[int, str]], most: int, *, uidvalidity: int | None
    ) -> dict[tuple[int, str], bytes]:
        self.asked = len(items) * most
        return dict.fromkeys(items, b"x" * 10)

    def __enter__(self) -> "Generous":
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.mark.django_db
@pytest.mark.parametrize(("count", "size"), [(1, 400 * MEGABYTE), (4, MEGABYTE), (50, MEGABYTE), (50, 25 * MEGABYTE)])
def test_f51_the_texts_of_a_message_are_fetched_up_to_a_bound(
    folders: dict[str, Folder], arrive: Arrive, monkeypatch: pytest.MonkeyPatch, count: int, size: int
) -> None:
    parts = [Part(f"{at}", "text/plain", size=size) for at in range(1, count + 1)]
    row = arrive(folders["INBOX"], structure=Part("", "multipart/mixed", children=parts))
    server = Generous()
    monkeypatch.setattr(foreground, "connection", lambda _: server)
    assert len(bodies.load_parts(row, parts)) == count
    assert server.asked <= bodies.LARGEST_WHOLE + bodies.LARGEST_TEXT


def test_f51_an_attachment_of_any_size_passes_through_in_pieces() -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(100):
            yield (b"QUJD" * 19 + b"\r\n") * (bodies.STREAM_CHUNK // 78)

    tracemalloc.start()
    try:
        octets = sum(len(piece) for piece in decoded_stream(pieces(), "base64"))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert octets > 18 * MEGABYTE
    assert most < 3 * MEGABYTE

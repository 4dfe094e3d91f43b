"""Large messages and large maildrops pass through; they are not held."""

import re
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.files.storage import default_storage

from tests.pop3.importing import fetch, letter
from webmail.models import Message, StoredContent
from webmail.sync.account import LocalPass

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
MEGABYTE = 1024 * 1024


def peak(work: Callable[[], object]) -> float:
    """Megabytes that were in use at once beyond those before."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        work()
        return (tracemalloc.get_traced_memory()[1] - before) / MEGABYTE
    finally:
        tracemalloc.stop()


def most_resident(work: Callable[[], object]) -> float:
    """Megabytes the process had at most, with the pages of mapped files, beyond those before."""
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark is the present from here on
    before = _resident("VmRSS")
    work()
    return _resident("VmHWM") - before


def _resident(kind: str) -> float:
    found = re.search(rf"^{kind}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


def test_a_message_of_200_megabytes_comes_in_with_a_few_in_memory(scripted, pop3_account):
    header = letter(1, b"").replace(b"\r\n\r\n", b'\r\nContent-Type: multipart/mixed; boundary="cut"\r\n\r\n')
    block = (b"QUJD" * 18 + b"\r\n") * 14_000
    blocks = 200 * MEGABYTE // len(block)

    def answer() -> Iterator[bytes]:
        yield b"+OK\r\n" + header + b"--cut\r\nContent-Type: text/plain\r\n\r\nSee the file.\r\n--cut\r\n"
        yield b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        for _ in range(blocks):
            yield block
        yield b"--cut--\r\n.\r\n"

    size = 200 * MEGABYTE
    server = scripted([b"", letter(2)], answers={"RETR 1": answer(), "LIST": b"+OK\r\n1 %d\r\n2 200\r\n.\r\n" % size})
    download = pop3_account(server)

    def everything() -> None:
        fetch(download)
        LocalPass(download.account, lambda: False).run()

    held: list[float] = []
    assert most_resident(lambda: held.append(peak(everything))) < 64
    assert held[0] < 24
    large = StoredContent.objects.get(message__subject="Letter 1")
    assert large.size > blocks * len(block)
    assert sorted(Message.objects.values_list("preview", flat=True)) == ["Hello.", "See the file."]
    default_storage.delete(large.file.name or "")


def test_many_messages_take_no_more_memory_than_few(scripted, pop3_account):
    def letters(count: int) -> list[bytes]:
        return [letter(number, b"Some words of text.\r\n" * 200) for number in range(count)]

    few, many = pop3_account(scripted(letters(100))), pop3_account(scripted(letters(800)), "eve")
    first = peak(lambda: fetch(few))
    assert peak(lambda: fetch(many)) < first + 4
    assert Message.objects.count() == 900

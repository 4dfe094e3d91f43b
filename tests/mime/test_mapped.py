"""A mapped file answers as the same octets in memory would, whatever lies across the edges of its windows."""

import mmap
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from webmail.mime import mapped
from webmail.mime.mapped import MappedFile
from webmail.mime.parts import from_bytes, locate


@contextmanager
def lying_in_a_file(octets: bytes) -> Iterator[MappedFile]:
    with tempfile.TemporaryFile() as stream:
        stream.write(octets)
        stream.flush()
        with MappedFile(stream.fileno(), 0, access=mmap.ACCESS_READ) as view:
            yield view


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped, "WINDOW", 8)


@pytest.mark.usefixtures("narrow")
def test_every_search_finds_what_it_finds_in_memory() -> None:
    chance = random.Random(7)
    octets = bytes(chance.choice(b"ab\n") for _ in range(300))
    with lying_in_a_file(octets) as view:
        for _ in range(3000):
            wanted = bytes(chance.choice(b"ab\n") for _ in range(chance.randint(1, 12)))
            start, end = chance.randint(0, 310), chance.choice([None, chance.randint(0, 310)])
            assert view.find(wanted, start, end) == octets.find(wanted, start, end)
            assert view[start:end] == octets[start:end]
        assert view[5] == octets[5]


@pytest.mark.usefixtures("narrow")
def test_a_message_is_taken_apart_where_it_lies() -> None:
    inner = b"".join(b"--edge\r\nX-Number: %d\r\n\r\nText %d\r\n" % (number, number) for number in range(40))
    raw = b'Subject: many\r\nContent-Type: multipart/mixed; boundary="edge"\r\n\r\n' + inner + b"--edge--\r\n"
    with lying_in_a_file(raw) as view:
        assert from_bytes(view).to_json() == from_bytes(raw).to_json()
        found = locate(view, "33")
        assert found is not None
        assert view[found[1] : found[2]] == b"Text 32"


@pytest.mark.parametrize("length", [10, 16 * 1024 - 20, 16 * 1024, 48 * 1024 - 19, 300_000])
@pytest.mark.parametrize("ending", [b"\n\n", b"\r\n\r\n"])
def test_the_end_of_a_header_is_found_at_any_distance(length: int, ending: bytes) -> None:
    for more in range(4):
        raw = b"Subject: " + b"x" * (length + more) + ending + b"Text."
        found = locate(raw, "1")
        assert found is not None
        assert raw[found[1] : found[2]] == b"Text."

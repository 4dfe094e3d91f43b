"""A slice of a part is the slice of the whole, or it is not given out at all."""

import base64
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webmail.mime import ranges
from webmail.mime.ranges import Unsatisfiable, asked_for, layout_of, tail_at
from webmail.mime.transfer import decode_transfer


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("bytes=0-", (0, 100)),
        ("bytes=0-0", (0, 1)),
        ("bytes=10-19", (10, 20)),
        ("bytes = 10 - 19 ", (10, 20)),
        ("bytes=90-200", (90, 100)),
        ("bytes=-1", (99, 100)),
        ("bytes=-200", (0, 100)),
        ("", None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=5-4", None),
        ("bytes=0-1,5-6", None),
        ("bytes=a-b", None),
        ("items=0-1", None),
        ("bytes=0-1\r\nX: y", None),
        ("bytes=" + "9" * 19 + "-", None),
    ],
)
def test_one_range_is_understood_and_anything_else_is_ignored(header: str, found: tuple[int, int] | None) -> None:
    assert asked_for(header, 100) == found


@pytest.mark.parametrize(("header", "size"), [("bytes=100-", 100), ("bytes=-0", 100), ("bytes=0-", 0), ("bytes=-5", 0)])
def test_what_lies_behind_the_end_cannot_be_had(header: str, size: int) -> None:
    with pytest.raises(Unsatisfiable):
        asked_for(header, size)


def probe(encoded: bytes, encoding: str) -> ranges.Layout | None:
    at = tail_at(len(encoded))
    return layout_of(encoding, len(encoded), encoded[: ranges.PROBE], encoded[at : at + ranges.PROBE + 100])


def wrapped(content: bytes, line: int, ending: str, *, last: bool) -> bytes:
    text = base64.b64encode(content).decode()
    lines = textwrap.wrap(text, line) if line else [text]
    return (ending.join(lines) + (ending if last else "")).encode()


CONTENT = st.binary(max_size=400) | st.binary(min_size=1, max_size=50).map(lambda piece: piece * 300)


@given(CONTENT, st.sampled_from([0, 4, 60, 72, 76, 1000]), st.sampled_from(["\r\n", "\n"]), st.booleans(), st.data())
def test_a_slice_of_base64_is_the_slice_of_the_whole(
    content: bytes, line: int, ending: str, last: bool, data: st.DataObject
) -> None:
    encoded = wrapped(content, line, ending, last=last)
    layout = probe(encoded, "base64")
    assert layout is not None
    assert layout.size == len(content)
    start = data.draw(st.integers(0, len(content)))
    stop = data.draw(st.integers(start, len(content)))
    first, end = layout.window(start, stop)
    assert layout.decode(encoded[first:end], start, stop) == content[start:stop]
    assert end - first <= (stop - start) * 2 + 2 * ((stop - start) // 3 + 2) * 2 + 8


@given(st.binary(max_size=10_000), st.data())
def test_a_slice_of_what_is_not_encoded_is_itself(content: bytes, data: st.DataObject) -> None:
    layout = probe(content, "8bit")
    assert layout is not None
    start = data.draw(st.integers(0, len(content)))
    stop = data.draw(st.integers(start, len(content)))
    first, end = layout.window(start, stop)
    assert layout.decode(content[first:end], start, stop) == content[start:stop]


@given(
    CONTENT,
    st.integers(0, 3000),
    st.sampled_from([b"\r\n", b"=", b"==", b"A", b"AA", b" ", b"\0", b"-- list"]),
    st.data(),
)
def test_what_is_damaged_gives_the_right_octets_or_none(
    content: bytes, where: int, junk: bytes, data: st.DataObject
) -> None:
    encoded = wrapped(content, 76, "\r\n", last=True)
    encoded = encoded[:where] + junk + encoded[where:]
    layout = probe(encoded, "base64")
    if layout is None:
        return
    start = data.draw(st.integers(0, layout.size))
    stop = data.draw(st.integers(start, layout.size))
    first, end = layout.window(start, stop)
    try:
        found = layout.decode(encoded[first:end], start, stop)
    except ValueError:
        return
    whole = decode_transfer(encoded, "base64")
    assert found in (whole[start:stop], content[start:stop])


@given(
    st.binary(max_size=6000), st.integers(0, 6000), st.sampled_from(["base64", "7bit", "quoted-printable", "x-uue", ""])
)
def test_any_octets_are_looked_at_without_an_error(octets: bytes, size: int, encoding: str) -> None:
    layout = layout_of(encoding, size, octets[:4096], octets[tail_at(size) :])
    if layout is not None and layout.size:
        layout.window(0, layout.size)


def test_a_server_that_lies_about_the_size_is_not_asked_for_pieces() -> None:
    encoded = wrapped(b"x" * 10_000, 76, "\r\n", last=True)
    for claimed in (len(encoded) - 10, len(encoded) + 10, 0, 5):
        at = tail_at(claimed)
        assert layout_of("base64", claimed, encoded[:4096], encoded[at : at + 4196]) is None
    assert layout_of("quoted-printable", len(encoded), encoded[:4096], encoded[tail_at(len(encoded)) :]) is None


def test_a_middle_that_is_written_otherwise_is_noticed() -> None:
    content = bytes(range(256)) * 400
    regular = wrapped(content, 76, "\r\n", last=True)
    line = 78 * 700
    shifted = regular[: line + 10] + b"\r\n" + regular[line + 10 : line + 778] + regular[line + 780 :]
    layout = probe(shifted, "base64")
    assert layout is not None
    first, end = layout.window(39_910, 40_200)
    with pytest.raises(ValueError, match="not written"):
        layout.decode(shifted[first:end], 39_910, 40_200)

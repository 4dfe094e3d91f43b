"""mbox files: what is written is read back, and what other programs wrote is read as they meant it."""

import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webmail.transfer import mbox

WHEN = datetime(2026, 11, 2, 7, 5, 9, tzinfo=UTC)


def read(content: bytes) -> list[bytes]:
    stream = io.BytesIO(content)
    return [b"".join(mbox.unquoted(stream, found)) for found in mbox.split(stream)]


def write(*messages: bytes) -> bytes:
    return b"".join(mbox.separator("bob@example.test", WHEN) + b"".join(mbox.quoted([message])) for message in messages)


def letter(body: bytes) -> bytes:
    return b"Subject: x\r\n\r\n" + body


body_lines = st.lists(
    st.one_of(
        st.sampled_from(
            [b"From here", b">From there", b">>From ", b"From ", b"", b"From bob Mon Nov  2 07:05:09 2026"]
        ),
        st.binary(max_size=40).map(lambda line: line.replace(b"\r", b"").replace(b"\n", b"")),
    ),
    max_size=12,
)


@given(st.lists(body_lines, min_size=1, max_size=4))
def test_what_is_written_is_read_back_exactly(bodies: list[list[bytes]]) -> None:
    messages = [letter(b"".join(line + b"\r\n" for line in lines)) for lines in bodies]
    assert read(write(*messages)) == messages


@given(st.binary(max_size=300), st.integers(1, 40))
def test_pieces_of_any_size_give_the_same(body: bytes, size: int) -> None:
    raw = letter(body)
    pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
    assert b"".join(mbox.quoted(pieces)) == b"".join(mbox.quoted([raw]))


def test_line_ends_of_either_kind_become_those_of_mail() -> None:
    unix = b"From a Mon Nov  2 07:05:09 2026\nSubject: 1\n\nx\n\nFrom b Mon Nov  2 07:05:09 2026\nSubject: 2\n\ny\n"
    assert read(unix) == read(unix.replace(b"\n", b"\r\n")) == [b"Subject: 1\r\n\r\nx\r\n", b"Subject: 2\r\n\r\ny\r\n"]


def test_a_missing_blank_line_does_not_hide_a_message() -> None:
    content = b"From a Mon Nov  2 07:05:09 2026\nSubject: 1\n\nx\nFrom b Mon Nov  2 07:05:09 2026\nSubject: 2\n\ny\n"
    assert len(read(content)) == 2


def test_a_sentence_that_begins_with_from_is_no_message() -> None:
    content = b"From a Mon Nov  2 07:05:09 2026\nSubject: 1\n\nHello\n\nFrom now on all is well.\nFrom Monday: not.\n"
    assert read(content) == [b"Subject: 1\r\n\r\nHello\r\n\r\nFrom now on all is well.\r\nFrom Monday: not.\r\n"]


def test_the_separators_of_thunderbird_are_understood() -> None:
    content = (
        b"From - Mon Nov 02 07:05:09 2026\r\nX-Mozilla-Status: 0001\r\nSubject: 1\r\n\r\nx\r\n\r\n"
        b"From \r\nX-Mozilla-Status: 0009\r\nX-Mozilla-Status2: 00000000\r\nSubject: 2\r\n\r\ny\r\n"
    )
    found = [mbox.without_status(iter([raw])) for raw in read(content)]
    assert [(flags, expunged) for flags, expunged, _ in found] == [({"\\Seen"}, False), ({"\\Seen"}, True)]
    assert b"".join(found[0][2]) == b"Subject: 1\r\n\r\nx\r\n"


def test_flags_travel_in_status_fields_and_leave_the_message_as_it_was() -> None:
    flags = {"\\Seen", "\\Flagged", "\\Answered", "\\Draft", "Work", "bad keyword"}
    raw = read(mbox.separator("a", WHEN) + mbox.status_fields(flags) + b"".join(mbox.quoted([letter(b"x\r\n")])))[0]
    kept, expunged, pieces = mbox.without_status(iter([raw]))
    assert (kept, expunged) == (flags - {"bad keyword"}, False)
    assert b"".join(pieces) == letter(b"x\r\n")


def test_a_hostile_sender_cannot_break_the_separator() -> None:
    line = mbox.separator("a\nFrom b@c\r\u202e x", WHEN)
    assert line.count(b"\n") == 1
    assert line.endswith(b" Mon Nov  2 07:05:09 2026\n")


@pytest.mark.parametrize(
    ("line", "date"),
    [
        (b"From a@b Mon Nov  2 07:05:09 2026", WHEN),
        (b"From a@b Mon Nov  2 07:05 2026", WHEN.replace(second=0)),
        (b"From a@b Mon Nov  2 08:05:09 2026 +0100", WHEN),
        (b"From a@b Mon Nov  2 07:05:09 GMT 2026", WHEN),
        (b"From a@b Mon Nov 32 07:05:09 2026", None),
        (b"From a@b Mon Nov  2 07:05:09 0000", None),
    ],
)
def test_dates_of_separators(line: bytes, date: datetime | None) -> None:
    found = next(mbox.split(io.BytesIO(line + b"\nSubject: x\n\n")))
    assert found.date == date


class Endless(io.RawIOBase):
    """A file of one gigabyte that exists only where it is read."""

    def __init__(self, size: int, unit: bytes) -> None:
        self.size, self.unit, self.at, self.largest = size, unit, 0, 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = offset if whence == 0 else self.size + offset
        return self.at

    def read(self, count: int = -1) -> bytes:
        count = min(count, self.size - self.at)
        self.largest = max(self.largest, count)
        begin = self.at % len(self.unit)
        self.at += count
        return (self.unit * (count // len(self.unit) + 2))[begin : begin + count]


def test_a_file_of_a_gigabyte_is_never_read_whole() -> None:
    message = write(letter(b"x" * 76 + b"\r\n") * 1) + b""
    unit = message[:-1] + (b"y" * 76 + b"\n") * 65_000 + b"\n"
    stream = Endless(1024**3 // len(unit) * len(unit), unit)
    count = sum(1 for _ in mbox.split(stream))  # type: ignore[arg-type, misc]
    assert count == stream.size // len(unit)
    assert stream.largest <= mbox.BLOCK


def test_a_line_without_end_does_not_pile_up() -> None:
    largest = max(len(piece) for piece in mbox.quoted(letter(b"")[:-2] + b"z" * 8192 for _ in range(200)))
    assert largest < 512 * 1024


def test_what_is_no_mbox_is_said() -> None:
    assert mbox.is_mbox(b"\n\nFrom a Mon Nov  2 07:05:09 2026\nSubject: x\n")
    assert not mbox.is_mbox(b"From: a@b\nSubject: x\n\nFrom a Mon Nov  2 07:05:09 2026\n")
    assert not mbox.is_mbox(b"")
    assert read(b"no mbox at all") == []

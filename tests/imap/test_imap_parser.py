"""The pure parts: cutting octets into responses, tokens, sets, structures. Linear, bounded, and never surprised."""

import contextlib
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from webmail.imap.bodystructure import structure
from webmail.imap.envelope import message
from webmail.imap.response import Unreadable, fetch_items, internaldate, parse
from webmail.imap.splitter import Nonsense, Response, Splitter
from webmail.imap.uidset import chunks, compact, contains, expand
from webmail.imap.uidset import parse as parse_set

TOKENS = st.recursive(
    st.one_of(st.none(), st.binary(max_size=20)), lambda inner: st.lists(inner, max_size=5), max_leaves=30
)


def written(value: object) -> bytes:
    """A token the way a server may write it: NIL, list, quoted where possible, else a literal."""
    if value is None:
        return b"NIL"
    if isinstance(value, list):
        return b"(" + b" ".join(written(each) for each in value) + b")"
    assert isinstance(value, bytes)
    if b"\r" in value or b"\n" in value or b"\0" in value:
        return b"{%d}\r\n%s" % (len(value), value)
    return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def split(octets: bytes, step: int = 1_000_000) -> list[Response]:
    splitter = Splitter()
    found: list[Response] = []
    for start in range(0, len(octets), step):
        splitter.feed(octets[start : start + step])
        while (response := splitter.take()) is not None:
            found.append(response)
    return found


@given(st.lists(TOKENS, max_size=5), st.integers(1, 50))
def test_what_is_written_is_read_back_however_it_arrives(values: list[object], step: int) -> None:
    octets = b"* X " + b" ".join(written(value) for value in values) + b"\r\n"
    responses = split(octets * 2, step)
    assert len(responses) == 2
    assert parse(responses[0], 4) == values
    assert responses[0] == responses[1]


@given(st.binary(max_size=300))
@example(b"* 1 FETCH (UID 1 BODY[ {3}\r\nabc)\r\n")
@example(b"* 1 FETCH ((((\r\n")
def test_no_octets_break_the_reader(octets: bytes) -> None:
    try:
        responses = split(octets + b"\r\n")
    except Nonsense:
        return
    for response in responses:
        try:
            answer = fetch_items(response)
        except Unreadable:
            continue
        if answer is not None:
            message(1, answer[1])


@given(TOKENS)
def test_no_structure_is_too_absurd(value: object) -> None:
    part = structure(value)
    assert all(isinstance(each.type, str) and "\0" not in each.filename for each in part.walk())


@given(st.dictionaries(st.sampled_from([b"ENVELOPE", b"BODYSTRUCTURE", b"FLAGS", b"INTERNALDATE", b"MODSEQ"]), TOKENS))
def test_no_row_is_too_absurd(items: dict[bytes, object]) -> None:
    row = message(5, items)
    assert row.uid == 5
    (row.subject + row.message_id).encode("utf-8")


@given(st.lists(TOKENS, min_size=10, max_size=10))
def test_no_envelope_is_too_absurd(envelope: list[object]) -> None:
    row = message(5, {b"ENVELOPE": envelope})
    for address in [*row.from_, *row.to]:
        assert "\0" not in address.name + address.address
        (address.name + address.address).encode("utf-8")


@pytest.mark.parametrize(
    "octets",
    [
        b"(" * 400_000,
        b")" * 400_000,
        b"[ " * 400_000,
        b'"' + b"\\" * 800_001,
        b"a[" * 400_000,
        b"a[b " * 200_000,
        b'"" ' * 200_000,
        b" " * 800_000,
        b"{1} " * 200_000,
    ],
)
def test_hostile_lines_cost_no_more_than_their_length(octets: bytes) -> None:
    started = time.process_time()
    for response in split(b"* 1 FETCH (" + octets + b")\r\n", 4096):
        with contextlib.suppress(Unreadable):
            fetch_items(response)
    assert time.process_time() - started < 3


def test_nested_parts_end_at_a_hundred_levels_and_parts_at_ten_thousand() -> None:
    leaf = '("text" "plain" NIL NIL NIL "7bit" 1 1)'
    deep = parse((("(" * 1000 + leaf + ' "mixed")' * 1000).encode(),))[0]
    assert 90 < max(part.section.count(".") for part in structure(deep).walk()) <= 100
    wide = parse((("(" + leaf * 20_000 + ' "mixed")').encode(),))[0]
    assert 9_990 <= sum(1 for _ in structure(wide).walk()) <= 10_000


def test_an_attachment_in_an_enclosed_message_has_the_section_a_server_means() -> None:
    text = '("text" "plain" ("charset" "utf-8") NIL NIL "quoted-printable" 12 1 NIL NIL NIL NIL)'
    pdf = (
        '("application" "pdf" ("name" "x.pdf") "<c@d>" NIL "base64" 400 NIL '
        '("attachment" ("filename*0*" "utf-8\'\'%C3%A4" "filename*1" ".pdf")) NIL NIL)'
    )
    enclosed = f'("message" "rfc822" NIL NIL NIL "7bit" 900 (NIL) ({text}{pdf} "mixed") 30 NIL NIL NIL NIL)'
    root = structure(parse((f'({text}{enclosed} "mixed" ("boundary" "b") NIL NIL NIL)'.encode(),))[0])
    parts = {part.section: part for part in root.walk()}
    assert list(parts) == ["", "1", "2", "2.1", "2.2"]
    assert parts["1"].charset == "utf-8"
    assert parts["2"].lines == 30
    assert (parts["2.2"].type, parts["2.2"].filename, parts["2.2"].size) == ("application/pdf", "ä.pdf", 400)
    assert (parts["2.2"].disposition, parts["2.2"].content_id) == ("attachment", "c@d")


def test_text_that_looks_like_a_literal_is_text() -> None:
    assert split(b"* OK see {5}\r\nW1 OK done {7}\r\n* 1 EXISTS\r\n") == [
        (b"* OK see {5}",),
        (b"W1 OK done {7}",),
        (b"* 1 EXISTS",),
    ]


@pytest.mark.parametrize("value", [b"99-Jun-2026 10:00:00 +0000", b"01-Foo-2026 10:00:00 +0000", b"x", None, []])
def test_an_impossible_internaldate_is_none(value: object) -> None:
    assert internaldate(value) is None


@given(st.sets(st.integers(1, 5000), min_size=1), st.integers(1, 50), st.integers(5, 60))
def test_a_set_survives_writing_and_cutting(uids: set[int], most: int, length: int) -> None:
    text = compact(uids)
    assert set(expand(parse_set(text))) == uids
    pieces = list(chunks(text, most, length))
    assert [uid for piece in pieces for uid in expand(parse_set(piece))] == sorted(uids)
    assert all(sum(1 for _ in expand(parse_set(piece))) <= most for piece in pieces)
    assert all(contains(parse_set(text), uid) for uid in uids)


def test_an_open_range_stays_open() -> None:
    assert list(chunks("1:2000,5000:*")) == ["1:1000", "1001:2000", "5000:*"]
    assert list(chunks("*")) == ["*"]

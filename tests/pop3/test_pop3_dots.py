"""Stored octets are sent octets, wherever the network cuts them."""

from hypothesis import given
from hypothesis import strategies as st

from tests.servers.scripted_pop3 import stuffed
from webmail.pop3.dots import Unstuffer

# Every string over what means something here, and some that means nothing.
CONTENT = st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"\r\n.", b"\0", b"a", b"\xff"]), max_size=30).map(
    b"".join
)
CUTS = st.lists(st.integers(1, 6), max_size=60)


def fed(octets: bytes, cuts: list[int], line_end: bytes) -> tuple[bytes, bytes | None]:
    unstuffer, content = Unstuffer(line_end), b""
    for cut in [*cuts, len(octets) + 1]:
        piece, rest = unstuffer.feed(octets[:cut])
        content += piece
        octets = octets[cut:]
        if rest is not None:
            return content, rest + octets
    return content, None


@given(CONTENT, CUTS)
def test_any_content_comes_out_as_it_went_in(content: bytes, cuts: list[int]) -> None:
    whole = content if content.endswith(b"\r\n") or not content else content + b"\r\n"
    assert fed(stuffed(content) + b"+OK next\r\n", cuts, b"\r\n") == (whole, b"+OK next\r\n")


@given(CONTENT, CUTS)
def test_servers_that_end_lines_in_lf_are_read_by_their_own_lines(content: bytes, cuts: list[int]) -> None:
    content = content.replace(b"\r", b"")
    whole = content if content.endswith(b"\n") or not content else content + b"\n"
    assert fed(stuffed(content, b"\n") + b"+OK next\n", cuts, b"\n") == (whole, b"+OK next\n")


@given(CONTENT, CUTS, st.integers(0, 400))
def test_nothing_that_was_cut_off_looks_whole(content: bytes, cuts: list[int], kept: int) -> None:
    octets = stuffed(content)
    assert fed(octets[: min(kept, len(octets) - 1)], cuts, b"\r\n")[1] is None

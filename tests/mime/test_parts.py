"""Trees of parts: ceilings, storage, and which part is which."""

import time

import pytest

from webmail.mime.body import TEXTS_SHOWN
from webmail.mime.parts import DEPTH_LIMIT, PART_LIMIT, Part, choose, decode_transfer, from_bytes, part_bytes


def test_nesting_stops_at_the_ceiling_without_recursion() -> None:
    raw = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(5_000))
    root = from_bytes(raw)
    assert 2 < sum(1 for _ in root.walk()) <= DEPTH_LIMIT + 1
    assert Part.from_json(root.to_json()) == root
    choose(root)


def test_enclosed_messages_nest_no_deeper() -> None:
    root = from_bytes(b"Content-Type: message/rfc822\r\n\r\n" * 5_000)
    assert sum(1 for _ in root.walk()) == DEPTH_LIMIT + 1


def test_parts_are_counted_to_the_ceiling() -> None:
    begin = time.process_time()
    root = from_bytes(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 30_000)
    assert sum(1 for _ in root.walk()) == PART_LIMIT
    assert len(choose(root).texts) == TEXTS_SHOWN
    assert len(choose(root).attachments) == PART_LIMIT - 1 - TEXTS_SHOWN
    assert time.process_time() - begin < 3


def test_a_body_of_almost_delimiters_takes_linear_time() -> None:
    begin = time.process_time()
    from_bytes(b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--aa\r\n" * 500_000)
    assert time.process_time() - begin < 3


def test_a_stored_tree_is_compact() -> None:
    assert Part("1", "text/plain", size=5).to_json() == {"s": "1", "n": 5}
    assert Part.from_json({"s": "1", "n": 5}) == Part("1", "text/plain", size=5)


def test_an_unknown_section_has_no_content() -> None:
    raw = b"Subject: x\r\n\r\nbody"
    assert part_bytes(raw, "2") is None
    assert part_bytes(raw, "1") == b"body"
    assert part_bytes(raw, "") == raw


@pytest.mark.parametrize(
    ("data", "encoding", "octets"),
    [
        (b"SGVsbG8", "base64", b"Hello"),
        (b"SGVsbG8=SGVsbG8=", "base64", b"HelloHello"),
        (b" SGVs\r\n*bG8=\r\n", "BASE64", b"Hello"),
        (b"____", "base64", b"\xff\xff\xff"),
        (b"A", "base64", b""),
        (b"a=3D=\r\nb=", "quoted-printable", b"a=b"),
        (b"=E4=ZZ", "quoted-printable", b"\xe4=ZZ"),
        (b"begin 644 x\n#0V%T\n`\nend\n", "x-uuencode", b"Cat"),
        (b"plain", "8bit", b"plain"),
        (b"plain", "", b"plain"),
    ],
)
def test_damaged_transfer_encodings_give_what_is_there(data: bytes, encoding: str, octets: bytes) -> None:
    assert decode_transfer(data, encoding) == octets


def leaf(section: str, kind: str, **fields: str) -> Part:
    return Part(section, kind, **fields)  # type: ignore[arg-type]


def test_pictures_are_inline_only_where_there_is_html() -> None:
    picture = leaf("2", "image/png", content_id="p")
    with_html = choose(Part("", "multipart/related", children=[leaf("1", "text/html"), picture]))
    assert list(with_html.inline) == ["p"]
    assert with_html.attachments == []
    assert with_html.unreferenced('<img src="cid:p">') == []
    assert with_html.unreferenced('<img src="CID:%70">') == []
    assert with_html.unreferenced("<p>") == [picture]
    without = choose(Part("", "multipart/mixed", children=[leaf("1", "text/plain"), picture]))
    assert without.attachments == [picture]


def test_a_picture_sent_as_attachment_is_listed_although_it_has_an_id() -> None:
    picture = leaf("2", "image/png", content_id="p", disposition="attachment")
    body = choose(Part("", "multipart/mixed", children=[leaf("1", "text/html"), picture]))
    assert body.attachments == [picture]
    assert body.inline == {"p": picture}
    assert body.unreferenced("<p>") == []


def test_a_text_file_after_the_text_is_an_attachment() -> None:
    named = leaf("2", "text/plain", filename="notes.txt")
    body = choose(Part("", "multipart/mixed", children=[leaf("1", "text/plain"), named]))
    assert [part.section for part in body.texts] == ["1"]
    assert body.attachments == [named]


def test_the_root_of_a_related_group_is_the_one_it_names() -> None:
    first, second = leaf("1", "text/html", content_id="a"), leaf("2", "text/html", content_id="b")
    body = choose(Part("", "multipart/related", params={"start": "<b>"}, children=[first, second]))
    assert body.html is second
    assert body.attachments == [first]


def test_of_alternatives_the_last_readable_one_is_shown() -> None:
    parts = [leaf("1", "text/plain"), leaf("2", "text/html"), leaf("3", "text/x-amp-html"), leaf("4", "text/html")]
    body = choose(Part("", "multipart/alternative", children=parts))
    assert (body.text, body.html, body.attachments) == (parts[0], parts[3], [])

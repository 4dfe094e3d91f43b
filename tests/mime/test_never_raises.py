"""Whatever the octets, the pure functions answer, and what they answer can be stored."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webmail.mime import build, headers, html, parts, subject, text
from webmail.mime.params import filename, parse_value

# A shared machine may be slow at any moment; what takes too long is measured in tests of its own.
settings.register_profile("mime", deadline=None)
settings.load_profile("mime")

PIECES = st.sampled_from(
    [
        *(
            b"=?utf-8?B?",
            b"=?utf-8?q?",
            b"=?x?b?",
            b"?=",
            b"=C3=A9",
            b"w6k=",
            b'"',
            b"\\",
            b"<",
            b">",
            b"(",
            b")",
            b",",
        ),
        *(b";", b":", b"@", b"\r\n", b"\n ", b"\x00", b"\xff", b"\xed\xa0\x80", b"\x1b$B", b"%E9", b"*0*=", b"a", b" "),
        *(b"Content-Type: multipart/mixed; boundary=b\r\n", b"--b\r\n", b"--b--", b"\r\n\r\n", b"filename*=utf-8''"),
        *(b"Content-Type: message/rfc822\r\n\r\n", b"Content-Transfer-Encoding: base64\r\n", b"=\r\n", b"Date: "),
        *(b"Mon, 1 Jan", b"2026", b"+9999", b"Re: ", b"[list]", b"From:", b"Subject:", b"\xe2\x80\xae", b"http://x.y"),
    ]
)
OCTETS = st.one_of(st.binary(max_size=300), st.lists(PIECES, max_size=40).map(b"".join))
CHARACTERS = st.text(st.characters(exclude_categories=[]), max_size=200)
TEXTS = st.one_of(CHARACTERS, OCTETS.map(lambda raw: raw.decode("utf-8", "surrogateescape")))
MARKUP_PIECES = st.sampled_from(
    [
        *(
            "<p>",
            "</p>",
            "<a href='http://x.y'>",
            "<a href=javascript:x>",
            "</a>",
            "<table>",
            "<tr>",
            "<td>",
            "</table>",
        ),
        *(
            "<svg>",
            "<math>",
            "<mi>",
            "<style>",
            "</style>",
            "a{color:red}",
            "a{background:url(x)}",
            "<!--",
            "-->",
            "<b>",
        ),
        *(
            "<blockquote type=cite>",
            "</blockquote>",
            "<img src=cid:x>",
            "<img src=//x/y>",
            "<form>",
            "<select>",
            "&lt;",
        ),
        *(
            "<p style='color:red;background:url(http://a/b)'>",
            "<p style='a:b;/*'>",
            "*/",
            "text",
            "On x wrote:",
            "<body a=b>",
        ),
        *(
            "<title>",
            "<noscript>",
            "<textarea>",
            "<plaintext>",
            "\x00",
            "\ud800",
            "<template>",
            "<dl><dd>",
            "<br/>",
            "<h1>",
        ),
    ]
)
MARKUP = st.one_of(CHARACTERS, st.lists(MARKUP_PIECES, max_size=25).map("".join))


def assert_storable(value: str) -> None:
    value.encode("utf-8")
    assert "\x00" not in value


@given(OCTETS)
def test_header_values_are_storable(raw: bytes) -> None:
    decoded = headers.decode(raw)
    assert_storable(decoded)
    assert not set(decoded) & set("\r\n")
    assert_storable(headers.display_text(decoded))
    for address in headers.addresses(raw):
        assert_storable(address.name + address.address)
        assert not set(address.name + address.address) & set("\r\n")
    for message_id in headers.message_ids(raw):
        assert_storable(message_id)
        assert 0 < len(message_id) <= 998
    headers.parse_date(raw)
    for name, value in headers.parse_header_block(raw):
        assert name.isascii()
        assert b"\n" not in value or b"\r" not in value


@given(TEXTS)
def test_header_text_is_storable(value: str) -> None:
    for result in (headers.decode(value), subject.base_subject(value), subject.reply_subject(value)):
        assert_storable(result)
    headers.addresses(value)
    headers.message_ids(value)
    headers.parse_date(value)


@given(TEXTS)
def test_one_reply_prefix_is_enough(value: str) -> None:
    once = subject.reply_subject(value)
    assert subject.reply_subject(once) == once
    assert subject.base_subject(once) == subject.base_subject(subject.reply_subject(once))


@given(OCTETS)
def test_file_names_hold_no_path(raw: bytes) -> None:
    _, params = parse_value(raw)
    name = filename(params, {"filename": raw.decode("utf-8", "surrogateescape")})
    assert_storable(name)
    assert not set(name) & set("/\\\r\n")
    assert len(name) <= 200
    assert name not in {".", ".."}


@given(OCTETS)
def test_any_octets_are_a_message(raw: bytes) -> None:
    root = parts.from_bytes(raw)
    body = parts.choose(root)
    for part in root.walk():
        content = parts.part_bytes(raw, part.section)
        assert content is not None
        assert_storable(text.decode_charset(content, part.charset))
        assert_storable(part.filename + part.content_id + "".join(part.params.values()))
    assert parts.Part.from_json(root.to_json()) == root
    assert body.text is None or body.text in body.texts
    draft = build.parse_draft(raw)
    assert_storable(draft.subject + draft.text + draft.html)


@given(
    OCTETS,
    st.sampled_from(["", "utf-8", "us-ascii", "base64", "zip", "utf-16", "utf-7", "idna", "x" * 99, "iso-2022-jp"]),
)
def test_every_charset_label_yields_text(raw: bytes, charset: str) -> None:
    assert_storable(text.decode_charset(raw, charset))


@given(OCTETS, st.sampled_from(["base64", "quoted-printable", "x-uuencode", "7bit", "nonsense"]))
def test_every_transfer_encoding_yields_octets(raw: bytes, encoding: str) -> None:
    assert isinstance(parts.decode_transfer(raw, encoding), bytes)


@given(st.one_of(TEXTS, MARKUP))
def test_plain_text_becomes_safe_html(value: str) -> None:
    for flowed in (False, True):
        shown = text.text_to_html(value, flowed=flowed)
        assert_storable(shown)
        assert html.sanitise(shown, cid_url=lambda _: None).html.count("<a ") == shown.count("<a ")
        assert shown.count("<blockquote") == shown.count("</blockquote>")
    assert_storable(text.preview(value))
    assert len(text.preview(value)) <= 160


@given(MARKUP)
def test_html_is_read_as_text(value: str) -> None:
    assert_storable(text.html_to_text(value))


@settings(max_examples=400)
@given(MARKUP)
def test_sanitising_twice_changes_nothing(value: str) -> None:
    once = html.sanitise(value, cid_url=lambda cid: f"cid:{cid}")
    twice = html.sanitise(once.html, cid_url=lambda cid: f"cid:{cid}")
    assert_storable(once.html)
    assert not once.too_complex
    assert twice.html == once.html
    assert twice.remote == 0
    own = html.clean_own(value)
    assert html.clean_own(own) == own


@given(MARKUP)
def test_splitting_a_quote_loses_nothing(value: str) -> None:
    clean = html.sanitise(value, cid_url=lambda _: None).html
    head, tail = html.split_quote(clean)
    words = "".join(text.html_to_text(clean).split()).replace(">", "")
    rest = "".join((text.html_to_text(head) + text.html_to_text(tail)).split()).replace(">", "")
    assert sorted(words) == sorted(rest)


@pytest.mark.parametrize(
    "obj", [None, 1, [], "x", {"k": 1}, {"k": [None, {"n": -1, "s": 2, "p": [1]}]}, {"p": {"a": 1}}]
)
def test_a_stored_tree_of_any_shape_is_read(obj: object) -> None:
    root = parts.Part.from_json(obj)
    assert root.type == "text/plain"
    assert all(part.size >= 0 for part in root.walk())

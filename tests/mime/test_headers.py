"""Header values: what the corpus does not show, and the ceilings."""

import time
from collections.abc import Callable

import pytest

from webmail.mime.headers import Address, addresses, decode, display_text, first, message_ids, parse_header_block
from webmail.mime.params import filename, parse_value, safe_filename
from webmail.mime.subject import base_subject, forward_subject, reply_subject


def test_at_most_two_thousand_addresses_are_read() -> None:
    raw = b", ".join(b"a%d@x.example" % number for number in range(5_000))
    assert len(addresses(raw)) == 2_000


def test_of_many_references_the_first_and_the_newest_are_kept() -> None:
    ids = message_ids(b" ".join(b"<%d@x>" % number for number in range(500)))
    assert len(ids) == 100
    assert (ids[0], ids[1], ids[-1]) == ("0@x", "401@x", "499@x")


def test_an_endless_message_id_is_no_id() -> None:
    assert message_ids(b"<" + b"a" * 999 + b"> <b@x>") == ["b@x"]


def test_the_first_field_of_a_name_counts_whatever_its_case() -> None:
    fields = parse_header_block(b"SUBJECT: one\r\n two\r\nSubject: three\r\n\r\nSubject: body")
    assert first(fields, "subject") == b"one two"
    assert first(fields, "x") is None
    assert len(fields) == 2


def test_a_header_is_read_for_256_kb() -> None:
    block = b"X: y\r\n" * 100_000
    assert len(parse_header_block(block)) == 5_000
    assert len(parse_header_block(b"A: " + b"x" * 1_000_000)[0][1]) < 262_144


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a\u2066b\u2069\u200ec\u00ad", "abc"),
        ("pay\u200bpal\ufeff", "paypal"),
        ("two\r\nlines\u2028three", "two lines three"),
        ("\U000e0041x\u3164", "x"),
        ("👩\u200d👩 é", "👩\u200d👩 é"),
        ("a" + "\u0300" * 50, "a" + "\u0300" * 4),
    ],
)
def test_text_for_our_pages_hides_no_tricks(text: str, shown: str) -> None:
    assert display_text(text) == shown


@pytest.mark.parametrize(
    ("subject", "base"),
    [
        ("Re: AW: [list] Fwd: Minutes (fwd)", "[list] minutes"),
        ("[list] Re: Minutes", "[list] minutes"),
        ("RE[2]: x", "x"),
        ("Re(3): x", "x"),
        ("回复：会议", "会议"),
        ("Antw: x", "x"),
        ("SV: VS: Odp: x", "x"),
        ("Reality: bites", "reality: bites"),
        ("[a] [b] x", "[a] [b] x"),
        ("[only]", "[only]"),
        ("  a   B ", "a b"),
        ("Re:", ""),
        (None, ""),
    ],
)
def test_the_base_subject_is_what_a_conversation_shares(subject: str | None, base: str) -> None:
    assert base_subject(subject) == base


def test_replies_and_forwards_get_one_prefix() -> None:
    assert reply_subject("AW: Re: x") == "Re: x"
    assert reply_subject("Fwd: x") == "Re: Fwd: x"
    assert forward_subject("WG: Fwd: x") == "Fwd: x"
    assert forward_subject("Re: x") == "Fwd: x"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a.txt", "a.txt"),
        ("..", ""),
        (".htaccess", "htaccess"),
        ("a\x00b\r\n.pdf", "ab .pdf"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
        ("photo\u202egpj.exe", "photogpj.exe"),
    ],
)
def test_file_names_are_names_only(name: str, safe: str) -> None:
    assert safe_filename(name) == safe


def test_parameters_of_either_form_are_read() -> None:
    kind, params = parse_value(
        b"text/plain; charset=UTF-8; NAME*0=a; name*1=\"b;c\"; x*=iso-8859-1'de'%FC; format = flowed"
    )
    assert kind == "text/plain"
    assert params == {"charset": "UTF-8", "name": "ab;c", "x": "ü", "format": "flowed"}
    assert filename({"name": "type.pdf"}, {"filename": "disposition.pdf"}) == "disposition.pdf"
    assert filename({"name": "type.pdf"}, {}) == "type.pdf"


def test_a_display_name_cannot_pretend_to_end() -> None:
    assert addresses('"boss@bank.example>" <thief@evil.example>') == [
        Address("boss@bank.example>", "thief@evil.example")
    ]


GROWING: list[Callable[[int], bytes]] = [
    lambda n: b"=?utf-8?q?" * (n // 10),
    lambda n: b"=?a?b?" + b"?" * n,
    lambda n: b"=?" * n,
    lambda n: b"(" * n,
    lambda n: b"<" * n,
    lambda n: b'"' * n,
    lambda n: b'"\\' * n,
    lambda n: b"<@a," * n,
    lambda n: b"a:" * n,
    lambda n: b"a@b " * n,
    lambda n: b"Re: " * n,
    lambda n: b"[a]" * n,
    lambda n: b';a="' * n,
    lambda n: b"; a*0*=x" * n,
    lambda n: b"\r\n " * n,
]


@pytest.mark.parametrize("make", GROWING)
def test_time_grows_with_the_header_and_no_faster(make: Callable[[int], bytes]) -> None:
    def seconds(size: int) -> float:
        raw = make(size)
        best = 9.0
        for _ in range(3):
            begin = time.process_time()
            decode(raw)
            addresses(raw)
            message_ids(raw)
            parse_value(raw)
            parse_header_block(raw)
            base_subject(raw.decode("latin-1"))
            best = min(best, time.process_time() - begin)
        return best

    assert seconds(40_000) < max(30 * seconds(5_000), 0.1)

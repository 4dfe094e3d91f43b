"""Senders that imitate, domains that look alike, lists and the way out of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webmail.mime import domains, sender
from webmail.mime.address import Address
from webmail.mime.headers import parse_header_block
from webmail.mime.mailing import Mailing, read

KNOWN = sender.Acquaintance(
    own={"ada@home.test", "ada@work.test"},
    own_names={sender.name_key("Ada Lovelace")},
    names={sender.name_key("Bob Berg"): {"bob@berg.test"}},
    addresses={"bob@berg.test", "info@modern.test"},
    domains=sender.domain_table(
        {"ada@home.test", "ada@work.test", "bob@berg.test", "info@modern.test", "x@paypal.com"}
    ),
)


@pytest.mark.parametrize(
    ("name", "address", "kinds"),
    [
        ("Carl", "carl@else.test", []),
        ("Bob Berg", "bob@berg.test", []),
        ("Ada Lovelace", "ada@work.test", []),
        ("info@bank.test", "x@evil.test", ["in-name"]),
        ("Bank <info@bank.test>", "x@evil.test", ["in-name"]),
        ("info @ bank . test", "x@evil.test", ["in-name"]),
        ("ｉｎｆｏ＠bank.test", "x@evil.test", ["in-name"]),
        ("news@shop.test", "bounce@mail.shop.test", []),
        ("Ada Lovelace", "ada@evil.test", ["own-name"]),
        ("Lovelace, Ada", "ada@evil.test", ["own-name"]),
        ("Аda Lovelace", "ada@evil.test", ["own-name"]),
        ("Ada", "ada@evil.test", []),
        ("Bob Berg", "bob@evil.test", ["known-name"]),
        ("BERG, BOB", "bob@evil.test", ["known-name"]),
        ("B0b Berg", "bob@evil.test", ["known-name"]),
        ("Bobby Berg", "bob@evil.test", []),
        ("Shop", "a@rnodern.test", ["looks-like"]),
        ("Shop", "a@mail.m0dern.test", ["looks-like"]),
        ("Shop", "a@modern.test", []),
        ("Shop", "a@sub.modern.test", []),
        ("Shop", "a@раураӏ.com", ["looks-like"]),
        ("Shop", "a@xn--80aa0cbo65f.com", ["looks-like"]),
        ("Shop", "a@pаypal.test", ["odd-domain"]),
        ("Shop", "a@müller.test", []),
        ("Shop", "a@почта.рф", []),
    ],
)
def test_what_is_noted_of_a_sender(name: str, address: str, kinds: list[str]) -> None:
    assert [note[0] for note in sender.notes([Address(name, address)], [], KNOWN)] == kinds


@pytest.mark.parametrize(
    ("senders", "kind"),
    [([], "nobody"), ([Address("Bob", "")], "nobody"), ([Address("", "a@b.test"), Address("", "c@d.test")], "several")],
)
def test_not_exactly_one_sender_is_noted(senders: list[Address], kind: str) -> None:
    assert sender.notes(senders, [], KNOWN) == [[kind]]


@pytest.mark.parametrize(
    ("reply_to", "noted"),
    [
        ([], False),
        ([Address("", "help@shop.test")], False),
        ([Address("", "help@mail.shop.test")], False),
        ([Address("", "bob@berg.test")], False),
        ([Address("", "ada@home.test")], False),
        ([Address("", "thief@evil.test")], True),
        ([Address("", "help@shop.test"), Address("", "thief@evil.test")], True),
        ([Address("Nobody", "")], False),
    ],
)
def test_answers_that_go_elsewhere_are_noted(reply_to: list[Address], noted: bool) -> None:
    found = sender.notes([Address("Shop", "info@shop.test")], reply_to, KNOWN)
    assert found == ([["reply-to", "thief@evil.test", "info@shop.test"]] if noted else [])


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("a.b.example.co.uk", "example.co.uk"),
        ("EXAMPLE.ORG.", "example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("a。example。org", "example.org"),
        ("user.github.io", "user.github.io"),
        ("github.io", ""),
        ("co.uk", ""),
        ("localhost", ""),
        ("192.0.2.1", ""),
        ("a..b", ""),
        ("", ""),
        ("x" * 300, ""),
        ("-a.test", ""),
    ],
)
def test_the_registered_domain(host: str, expected: str) -> None:
    assert domains.organisation(host) == expected


@pytest.mark.parametrize(
    ("host", "odd", "shown"),
    [
        ("example.org", False, "example.org"),
        ("xn--bcher-kva.example", False, "bücher.example"),
        ("почта.рф", False, "почта.рф"),
        ("日本語.jp", False, "日本語.jp"),
        ("テスト日本a.jp", False, "テスト日本a.jp"),
        ("раураӏ.com", True, "xn--80aa0cbo65f.com"),
        ("pаypal.com", True, "xn--pypal-4ve.com"),
        ("αpple.com", True, "xn--pple-zld.com"),
        ("xn--99999999.com", True, "xn--99999999.com"),
    ],
)
def test_names_that_could_deceive_are_shown_as_they_are_written(host: str, odd: bool, shown: str) -> None:
    assert domains.is_odd(host) is odd
    assert domains.shown(host) == shown


SIGNED = "DKIM-Signature: v=1; d=shop.test; s=a; h=from:list-unsubscribe:\r\n List-Unsubscribe-Post; b=x"
BOTH = "List-Unsubscribe: <https://shop.test/u?1>, <mailto:u@shop.test?subject=stop>"
POST = "List-Unsubscribe-Post: List-Unsubscribe=One-Click"


def mailing(*lines: str, signed: tuple[str, ...] = ("shop.test",)) -> Mailing:
    return read(parse_header_block("\r\n".join(lines).encode()), signed)


@pytest.mark.parametrize(
    ("lines", "signed", "one_click"),
    [
        ((SIGNED, BOTH, POST), ("shop.test",), True),
        ((SIGNED, BOTH, POST), ("other.test", "shop.test"), True),
        ((SIGNED, BOTH, POST), (), False),
        ((SIGNED, BOTH, POST), ("other.test",), False),
        ((SIGNED, BOTH), ("shop.test",), False),
        ((BOTH, POST), ("shop.test",), False),
        ((SIGNED, BOTH.replace("https", "http"), POST), ("shop.test",), False),
        ((SIGNED, BOTH, BOTH, POST), ("shop.test",), False),
        ((SIGNED, BOTH, POST, POST), ("shop.test",), False),
        ((SIGNED, BOTH, POST + "x"), ("shop.test",), False),
        ((SIGNED.replace("list-unsubscribe:", ""), BOTH, POST), ("shop.test",), False),
        ((SIGNED.replace(":\r\n List-Unsubscribe-Post", ""), BOTH, POST), ("shop.test",), False),
        ((SIGNED, SIGNED.replace("list-unsubscribe:", ""), BOTH, POST), ("shop.test",), False),
    ],
)
def test_one_click_needs_a_signature_that_covers_it(
    lines: tuple[str, ...], signed: tuple[str, ...], one_click: bool
) -> None:
    assert mailing(*lines, signed=signed).one_click is one_click


def test_what_a_list_says_of_itself() -> None:
    found = mailing(
        "List-Id: =?utf-8?q?B=C3=BCcher?= <books.lists.test>",
        "List-Archive: <https://lists.test/books/>",
        "List-Post: <mailto:books@lists.test?a=b>",
        "List-Unsubscribe: <mailto:leave@lists.test>,\r\n <javascript:alert(1)>, <ftp://x.test>",
    )
    assert found == Mailing(
        "books.lists.test", "Bücher", "https://lists.test/books/", "books@lists.test", "", "mailto:leave@lists.test"
    )
    assert Mailing.from_json(found.to_json()) == found
    assert not mailing("Subject: x")
    assert mailing("List-Post: NO", "List-Id: plain.test") == Mailing("plain.test", "plain.test")


@pytest.mark.parametrize("obj", [None, [], "x", {"id": 1, "one_click": "yes", "other": 2}, {"url": None}])
def test_a_stored_mailing_of_any_shape_is_read(obj: object) -> None:
    assert Mailing.from_json(obj).one_click is False


TEXTS = st.text(st.characters(exclude_categories=[]), max_size=100)


@given(TEXTS, TEXTS)
def test_any_name_and_host_is_answered(name: str, host: str) -> None:
    for text in (name, host, f"xn--{host}.test", f"{name}.{host}"):
        assert domains.ascii_form(text).isascii()
        assert isinstance(domains.organisation(text), str)
        domains.shown(text).encode()
        domains.is_odd(text)
        domains.skeleton(text)
    sender.notes([Address(name, f"a@{host}")], [Address("", f"{name}@x.test")], KNOWN)


@given(st.lists(TEXTS, max_size=4))
def test_any_list_field_is_read(values: list[str]) -> None:
    names = ("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "DKIM-Signature")
    fields = [(name, value.encode("utf-8", "replace")) for name in names for value in values]
    assert read(fields, ("a.test",)).one_click is False

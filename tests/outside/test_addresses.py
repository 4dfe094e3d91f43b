"""Which servers may be asked for a picture: the public Internet, however an address is written."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webmail import resolver
from webmail.outside import address
from webmail.outside.address import Refused, is_public, looked_up, target

PRIVATE = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.1.2.3"),  # noqa: S104
    *("169.254.1.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.170", "192.0.2.1"),
    *("192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.0.1", "192.175.48.1", "198.18.0.1", "198.19.255.255"),
    *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:2::1", "2001:10::1"),
    *("2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1", "2620:4f:8000::1", "3fff::1", "5f00::1"),
    *("fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1", "4000::1"),
]
PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "93.184.216.34",
    "172.32.0.1",
    "100.128.0.1",
    "192.0.1.1",
    "2606:4700::1111",
    "2a00:1450::1",
]


@pytest.mark.parametrize("each", PRIVATE)
def test_what_is_not_the_public_internet_is_refused(each: str) -> None:
    assert not is_public(each)


@pytest.mark.parametrize("each", PUBLIC)
def test_the_public_internet_is_allowed(each: str) -> None:
    assert is_public(each)


@given(st.ip_addresses(v=4, network="10.0.0.0/8") | st.ip_addresses(v=6, network="fc00::/7"))
def test_no_address_of_a_private_network_passes_in_any_form(each: object) -> None:
    assert not is_public(str(each))
    if getattr(each, "version", 0) == 4:
        number = int(each)  # type: ignore[call-overload]
        assert not is_public(f"::ffff:{each}")
        assert not is_public(f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}")
        assert not is_public(f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1")


@given(st.text(max_size=60))
def test_what_is_no_address_is_refused(each: str) -> None:
    is_public(each)
    assert not is_public(each + "x")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433.0/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://0177.0.0.01:80/x",
        "http://10.0.0.1.:8080/",
        "https://169.254.169.254/latest/meta-data/",
        "http://192.168.1.1:8443/",
    ],
)
def test_numbers_of_all_notations_are_judged_by_where_they_lead(url: str) -> None:
    with pytest.raises((Refused, OSError)):
        looked_up(target(url), 5.0)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/a.png",
        "file:///etc/passwd",
        "gopher://example.org/",
        "//example.org/a.png",
        "http:///a.png",
        "http://localhost/",
        "http://localhost./",
        "http://intranet/a.png",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[fe80::1%25eth0]/",
        "http://[::1/",
        "http://user:secret@example.org/",
        "http://user@example.org/",
        "http://example.org@127.0.0.1/",
        "http://example.org:22/",
        "http://example.org:25/",
        "http://example.org:6379/",
        "http://example.org:0/",
        "http://example.org:99999/",
        "http://exa mple.org/",
        "http://example..org/",
        "http://-.org/",
        "http://example.org\\@127.0.0.1/",
        "http://exam\x00ple.org/",
        "http://" + "a" * 300 + ".org/",
        "http://example.org/" + "a" * 2000,
    ],
)
def test_what_is_no_plain_address_of_a_public_server_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        target(url)


@given(st.text(max_size=200))
def test_any_text_is_refused_or_makes_a_safe_request(text: str) -> None:
    for url in (text, f"http://example.org/{text}", f"https://{text}.example.org/"):
        try:
            goal = target(url)
        except Refused:
            continue
        line = f"{goal.path} {goal.host} {goal.authority}"
        assert line.isascii()
        assert line.isprintable()
        assert goal.path.count(" ") == 0
        assert goal.path.startswith("/")


def test_a_name_of_another_alphabet_is_asked_for_in_its_own_spelling() -> None:
    goal = target("https://bücher.example/ä b?q=ö#frag")
    assert (goal.host, goal.path, goal.authority) == (
        "xn--bcher-kva.example",
        "/%C3%A4%20b?q=%C3%B6",
        "xn--bcher-kva.example",
    )
    assert target("http://example.org:8080/").authority == "example.org:8080"


def test_one_private_address_among_public_ones_is_a_trap(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 80)) for each in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(resolver, "addresses", lambda *_: answers)
    with pytest.raises(Refused, match=r"10\.0\.0\.1"):
        looked_up(target("http://rebind.example/"), 1.0)
    monkeypatch.setattr(resolver, "addresses", lambda *_: answers[:1])
    assert looked_up(target("http://fine.example/"), 1.0) == answers[:1]


def test_the_check_is_on_the_way_of_every_request() -> None:
    """Not only a function that exists: without any patch nothing on this machine can be reached."""
    from webmail.outside.pictures import fetch  # noqa: PLC0415

    for url in ("http://127.0.0.1:8080/", "http://127.1:8080/", "http://localtest.me.localhost:8080/"):
        with pytest.raises(Refused):
            fetch(url, limit=1000, seconds=2.0)
    assert address.is_public is is_public

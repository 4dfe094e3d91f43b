"""Whose word about a sender is believed. The heart are the forgeries: anybody can write such a field into a mail."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webmail.mime.authentication import NAMELESS, Trust, Verdict, judge, read, sender_domain, trusted_names
from webmail.mime.headers import parse_header_block

MX = Trust(("mx.example.net",))
LEARNED = Trust(("example.net", "*.example.net"), named=False)
GMAIL = Trust(("mx.google.com",), hosts=("google.com",))
MICROSOFT = Trust((NAMELESS,), hosts=("outlook.com",))
APPLE = Trust(("*.icloud.com",), several=True, hosts=("icloud.com",))

TAKEN = "Received: from out.bank.test (out.bank.test [192.0.2.1]) by mx.example.net (Postfix) with ESMTPS id 1; x"
LMTP = "Received: from mx.example.net by store.example.net with LMTP id 2 for <a@example.net>; x"
RELAY = "Received: from laptop by out.bank.test with ESMTPSA id 3; x"
FROM = "From: Bank <info@bank.test>"
FAKE = "Authentication-Results: mx.example.net; dmarc=pass header.from=bank.test"


EXCHANGE = (
    "Authentication-Results: spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=bank.test; dkim=pass (signature was "
    "verified)\r\n header.d=bank.test;dmarc=pass action=none\r\n header.from=bank.test;compauth=pass reason=100"
)


def results(said: str, server: str = "mx.example.net") -> str:
    return f"Authentication-Results: {server}; {said}"


def verdict(*lines: str, trust: Trust = MX) -> tuple[str, str, str]:
    found = judge(parse_header_block("\r\n".join(lines).encode() + b"\r\n\r\n"), trust)
    return found.result, found.method, found.domain


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("dmarc=pass header.from=bank.test", ("verified", "dmarc", "bank.test")),
        ("dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=bank.test", ("verified", "dmarc", "bank.test")),
        ("dkim=pass header.d=bank.test header.s=x header.b=abc+/==", ("verified", "dkim", "bank.test")),
        ("dkim=pass header.i=@mail.bank.test header.s=x", ("verified", "dkim", "mail.bank.test")),
        ("dkim=pass header.i=news@bank.test", ("verified", "dkim", "bank.test")),
        ("dkim/1=pass (2048-bit; good) header.d=bank.test", ("verified", "dkim", "bank.test")),
        ('dkim=pass reason="all; good" header.d=bank.test', ("verified", "dkim", "bank.test")),
        ("spf=pass smtp.mailfrom=bounce@mail.bank.test", ("verified", "spf", "mail.bank.test")),
        ("spf=pass smtp.mailfrom=bank.test", ("verified", "spf", "bank.test")),
        ('spf=pass smtp.mailfrom="a b"@bank.test', ("verified", "spf", "bank.test")),
        ("dkim=fail header.d=bank.test; dkim=pass header.d=bank.test", ("verified", "dkim", "bank.test")),
        ("dkim=pass header.d=list.test; dkim=pass header.d=bank.test", ("verified", "dkim", "bank.test")),
        ("DKIM=PASS HEADER.D=BANK.TEST", ("verified", "dkim", "bank.test")),
        ("dmarc=fail header.from=bank.test", ("failed", "dmarc", "bank.test")),
        ("dmarc=fail header.from=bank.test; dkim=pass header.d=bank.test", ("failed", "dmarc", "bank.test")),
        (
            "dmarc=fail action=none header.from=bank.test; spf=pass smtp.mailfrom=evil.test",
            ("failed", "dmarc", "bank.test"),
        ),
        ("dmarc=none header.from=bank.test; dkim=pass header.d=bank.test", ("verified", "dkim", "bank.test")),
        # Not enough.
        ("none", ("unknown", "unproven", "bank.test")),
        ("dkim=fail header.d=bank.test; spf=softfail smtp.mailfrom=bank.test", ("unknown", "unproven", "bank.test")),
        ("dkim=pass header.d=evil.test", ("unknown", "unproven", "bank.test")),
        ("dkim=pass header.d=test", ("unknown", "unproven", "bank.test")),
        ("dkim=pass", ("unknown", "unproven", "bank.test")),
        ("dkim=pass header.d=notbank.test", ("unknown", "unproven", "bank.test")),
        ("dkim=pass header.d=bank.test.evil.test", ("unknown", "unproven", "bank.test")),
        ("spf=pass smtp.helo=bank.test", ("unknown", "unproven", "bank.test")),
        ("spf=pass smtp.mailfrom=<> smtp.helo=bank.test", ("unknown", "unproven", "bank.test")),
        ("spf=pass smtp.mailfrom=bank.test@evil.test", ("unknown", "unproven", "bank.test")),
        ("dmarc=pass header.from=evil.test", ("unknown", "unproven", "bank.test")),
        ("dmarc=temperror header.from=bank.test", ("unknown", "unproven", "bank.test")),
        ("dmarc=bestguesspass header.from=bank.test", ("unknown", "unproven", "bank.test")),
        ("arc=pass header.d=bank.test", ("unknown", "unproven", "bank.test")),
        ("(dmarc=pass header.from=bank.test)", ("unknown", "unproven", "bank.test")),
        ('spf=fail smtp.mailfrom="; dmarc=pass header.from=bank.test"@evil.test', ("unknown", "unproven", "bank.test")),
        ("dmarc=fail header.from=bank.test; dmarc=pass header.from=bank.test", ("failed", "dmarc", "bank.test")),
    ],
)
def test_what_a_trusted_server_says(said: str, expected: tuple[str, str, str]) -> None:
    assert verdict(results(said), TAKEN, FROM) == expected


UNTRUSTED = ("unknown", "untrusted", "")
UNPROVEN = ("unknown", "unproven", "bank.test")
TRUE = ("verified", "dmarc", "bank.test")


@pytest.mark.parametrize(
    ("lines", "trust", "expected"),
    [
        # Another name, or none.
        ((TAKEN, results("dmarc=pass header.from=bank.test", "mx.evil.test"), FROM), MX, UNTRUSTED),
        ((TAKEN, results("dmarc=pass header.from=bank.test", "evil-mx.example.net"), FROM), MX, UNTRUSTED),
        ((TAKEN, results("dmarc=pass header.from=bank.test", "mx.example.net.evil.test"), FROM), MX, UNTRUSTED),
        ((TAKEN, results("dmarc=pass header.from=bank.test", '"mx.example.net evil"'), FROM), MX, UNTRUSTED),
        ((TAKEN, "Authentication-Results: dmarc=pass header.from=bank.test", FROM), MX, UNTRUSTED),
        ((TAKEN, FAKE, FROM), Trust(), UNTRUSTED),
        # The server says nothing good, the sender brought a better word along.
        ((results("none"), TAKEN, FAKE, FROM), MX, UNPROVEN),
        ((results("spf=fail smtp.mailfrom=evil.test"), TAKEN, FAKE, FROM), MX, UNPROVEN),
        ((TAKEN, results("none"), FAKE, FROM), MX, UNPROVEN),
        ((TAKEN, results("dmarc=fail header.from=bank.test"), FAKE, FROM), MX, ("failed", "dmarc", "bank.test")),
        ((LMTP, results("none"), TAKEN, FAKE, FROM), MX, UNPROVEN),
        ((TAKEN, results("spf=none"), results("dkim=pass header.d=bank.test"), FROM), MX, UNPROVEN),
        # Below the line with which somebody else took the mail.
        ((TAKEN, RELAY, FAKE, FROM), MX, UNTRUSTED),
        ((TAKEN, RELAY, LMTP, FAKE, FROM), MX, UNTRUSTED),
        ((TAKEN, FROM, RELAY, FAKE), MX, UNTRUSTED),
        # A name that was only learned counts above the server's own line alone.
        ((TAKEN, FAKE, FROM), LEARNED, UNTRUSTED),
        ((LMTP, TAKEN, FAKE, FROM), LEARNED, UNTRUSTED),
        ((TAKEN, FAKE, "Received: from a by mx.example.net with LMTP id 9; x", FROM), LEARNED, UNTRUSTED),
        (("Received: from x with LMTP by y (z) by mx.example.net with ESMTP; x", FAKE, FROM), LEARNED, UNTRUSTED),
        (
            ("Received: from (with LMTP) evil by mx.example.net with ESMTP (with LMTP); x", FAKE, FROM),
            LEARNED,
            UNTRUSTED,
        ),
        # Whom the sender writes to, or says he is, stands in the server's own line.
        (
            (
                'Received: from a (b) by mx.example.net with ESMTPS id 1 for <"ada+ with lmtp x"@example.net>; x',
                FAKE,
                FROM,
            ),
            LEARNED,
            UNTRUSTED,
        ),
        (
            (
                'Received: from a( (b) by mx.example.net with ESMTP for <"ada+ ) with lmtp x"@example.net>; x',
                FAKE,
                FROM,
            ),
            LEARNED,
            UNTRUSTED,
        ),
        (
            (
                'Received: from a by mx.example.net with esmtps (envelope-from <"x) with lmtp (y"@evil.test>); x',
                FAKE,
                FROM,
            ),
            LEARNED,
            UNTRUSTED,
        ),
        ((results("dmarc=pass header.from=bank.test", "example.net.evil.test"), TAKEN, FROM), LEARNED, UNTRUSTED),
        ((results("dmarc=pass header.from=bank.test", "badexample.net"), TAKEN, FROM), LEARNED, UNTRUSTED),
        # ARC and other fields that look like it.
        ((f"ARC-{FAKE}", TAKEN, FROM), MX, UNTRUSTED),
        ((f"X-{FAKE}", TAKEN, FROM), MX, UNTRUSTED),
        ((FAKE.replace("Results:", "Results-Original:"), TAKEN, FROM), MX, UNTRUSTED),
        # The server's own field is broken by what the sender said of himself; the next one is not believed instead.
        ((results('spf=fail smtp.mailfrom="x'), FAKE, TAKEN, FROM), MX, UNTRUSTED),
        ((results("spf=fail (x smtp.mailfrom=y"), FAKE, TAKEN, FROM), MX, UNTRUSTED),
        ((TAKEN, results("spf=fail x)"), FAKE, FROM), MX, UNTRUSTED),
        # Google adds its word below its own line; a second one is the sender's.
        (
            (
                "Received: by 2002:a05:6a10 with SMTP id 1; x",
                "Received: from evil by mx.google.com with ESMTPS id 2; x",
                results("spf=pass smtp.mailfrom=evil.test", "mx.google.com"),
                results("dkim=pass header.d=bank.test", "mx.google.com"),
                FROM,
            ),
            GMAIL,
            UNPROVEN,
        ),
        # Exchange Online names nobody; the sender's own field without a name stands below.
        (
            (
                "Received: from a.outlook.com by b.outlook.com with HTTPS; x",
                "Authentication-Results: spf=fail smtp.mailfrom=evil.test; dkim=none; dmarc=fail header.from=bank.test",
                "Received: from evil by c.outlook.com with Microsoft SMTP Server; x",
                "Authentication-Results: dmarc=pass header.from=bank.test",
                FROM,
            ),
            MICROSOFT,
            ("failed", "dmarc", "bank.test"),
        ),
        # Apple writes a field for each method; of a method the first counts.
        (
            (
                results("dmarc=fail header.from=bank.test", "dmarc.icloud.com"),
                results("spf=pass smtp.mailfrom=evil.test", "spf.icloud.com"),
                TAKEN,
                results("dmarc=pass header.from=bank.test", "dmarc.icloud.com"),
                FROM,
            ),
            APPLE,
            ("failed", "dmarc", "bank.test"),
        ),
    ],
)
def test_forgeries_are_not_believed(lines: tuple[str, ...], trust: Trust, expected: tuple[str, str, str]) -> None:
    assert verdict(*lines, trust=trust) == expected


@pytest.mark.parametrize(
    ("lines", "trust"),
    [
        ((FAKE, TAKEN, FROM), MX),
        ((TAKEN, FAKE, FROM), MX),
        ((LMTP, FAKE, TAKEN, FROM), MX),
        ((FAKE, TAKEN, FROM), LEARNED),
        ((LMTP, FAKE, TAKEN, FROM), LEARNED),
        ((FAKE.replace("net;", "net 1;"), TAKEN, FROM), MX),
        ((FAKE.replace("mx.example.net", "MX.Example.NET."), TAKEN, FROM), MX),
        ((FAKE.replace("mx.example.net", '"mx.example.net"'), TAKEN, FROM), MX),
        ((FAKE.replace(" mx", " (who (really)) mx"), TAKEN, FROM), MX),
        ((FAKE.replace("; ", ";\r\n\t"), TAKEN, FROM), MX),
        ((results("dkim=none", "mx.evil.test"), FAKE, TAKEN, FROM), MX),
        (
            (
                "Received: by 2002:a05 with SMTP id 1; x",
                "ARC-Authentication-Results: i=1; mx.google.com; dkim=fail",
                "Received: from out.bank.test by mx.google.com with ESMTPS id 2; x",
                results("dmarc=pass (p=NONE) header.from=bank.test", "mx.google.com"),
                RELAY,
                FROM,
            ),
            GMAIL,
        ),
        (
            (
                "Received: from a.outlook.com (2603::1) by b.prod.outlook.com with HTTPS; x",
                "Received: from c.outlook.com (2603::2) by d.prod.outlook.com with Microsoft SMTP Server; x",
                EXCHANGE,
                "Received: from out.bank.test by e.mail.protection.outlook.com with Microsoft SMTP Server; x",
                FROM,
            ),
            MICROSOFT,
        ),
        (
            (
                results("bimi=skipped reason=x", "bimi.icloud.com"),
                results("dmarc=pass header.from=bank.test", "dmarc.icloud.com"),
                TAKEN,
                FROM,
            ),
            APPLE,
        ),
    ],
)
def test_where_real_servers_put_it(lines: tuple[str, ...], trust: Trust) -> None:
    assert verdict(*lines, trust=trust) == TRUE


@pytest.mark.parametrize(
    "sender",
    [
        (),
        ("From:",),
        ("From: <>",),
        ("From: Bank",),
        ("From: info@bank.test, other@bank.test",),
        ("From: info@bank.test", "From: info@bank.test"),
        ("From: Bank: info@bank.test;",),
        ("From: undisclosed-recipients:;",),
        ("From: <=?utf-8?q?info=40bank=2Etest?=>",),
        ("From: info@localhost",),
        ("From: info@[192.0.2.1]",),
        ("From: @bank.test",),
    ],
)
def test_nobody_is_confirmed_where_not_exactly_one_sender_is_named(sender: tuple[str, ...]) -> None:
    found = verdict(results("dmarc=pass; dkim=pass header.d=bank.test"), TAKEN, *sender)
    assert found == ("unknown", "senders", "")


@pytest.mark.parametrize(
    ("sender", "domain"),
    [
        ("info@bank.test", "bank.test"),
        ('"Bank: the best; ever" <info@Bank.Test>', "bank.test"),
        ("=?utf-8?Q?Bank:_news?= <info@bank.test>", "bank.test"),
        ("<info@bücher.example>", "xn--bcher-kva.example"),
        ('"a:b"@bank.test', "bank.test"),
    ],
)
def test_the_domain_of_a_sender(sender: str, domain: str) -> None:
    assert sender_domain([("From", sender.encode())]) == domain


def test_domains_of_different_people_under_one_suffix_are_not_aligned() -> None:
    lines = (results("dkim=pass header.d=evil.github.io"), TAKEN, "From: a@good.github.io")
    assert verdict(*lines)[0] == "unknown"


def test_signatures_that_held_are_named() -> None:
    lines = [results("dkim=pass header.d=a.test; dkim=fail header.d=b.test; dkim=pass header.d=a.test"), TAKEN, FROM]
    found = judge(parse_header_block("\r\n".join(lines).encode()), MX)
    assert found == Verdict("unknown", "unproven", "bank.test", ("a.test",))


def test_names_that_can_be_trusted() -> None:
    assert trusted_names(" MX.example.org, *.example.net  - ") == ("mx.example.org", "*.example.net", "-")
    for wrong in (
        "*",
        "*.",
        "a b/c",
        "x" * 70,
        "mx.example.org;",
        "<script>",
        " ".join(f"a{n}.org" for n in range(11)),
    ):
        with pytest.raises(ValueError, match=r"\w"):
            trusted_names(wrong)


PIECES = st.sampled_from(
    [
        "mx.example.net",
        ";",
        "=",
        "(",
        ")",
        '"',
        "\\",
        " ",
        "dkim",
        "pass",
        "header.d",
        "bank.test",
        "/1",
        "\r\n ",
        "\x00",
        "é",
    ]
)


@given(st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=60).map("".join)))
def test_any_field_is_read_or_refused(value: str) -> None:
    found = read(value)
    assert found is None or isinstance(found[0], str)
    fields = [
        ("Received", value.encode("utf-8", "replace")),
        ("Authentication-Results", value.encode("utf-8", "replace")),
    ]
    assert judge([*fields, ("From", b"a@bank.test")], MX).result in {"verified", "failed", "unknown"}


@pytest.mark.parametrize("piece", ["(", '"a" ', "a=b ", "dkim=pass header.d=a.test;", "((((((((", ";", "=", "\\("])
def test_time_grows_with_the_field_and_no_faster(piece: str) -> None:
    def seconds(count: int) -> float:
        fields = [("Authentication-Results", ("mx.example.net; " + piece * count).encode())] * 30
        best = 9.0
        for _ in range(3):
            started = time.process_time()
            judge([*fields, ("From", b"a@bank.test")], MX)
            best = min(best, time.process_time() - started)
        return best

    assert seconds(8_000 // len(piece)) < max(0.05, 3 * seconds(4_000 // len(piece)))

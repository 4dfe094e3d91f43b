"""Whatever the octets, what is inside a message is read or passed over; work grows with the input and no faster."""

import struct
import sys
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webmail.mime import embedded, findings, invitation, pkcs7, recurrence, report, rtf, status, tnef, unpack, vcard
from webmail.mime.address import Address
from webmail.mime.parts import Part, choose, from_bytes, locate, part_bytes

settings.register_profile("inside", deadline=None)
settings.load_profile("inside")

TNEF_HEAD = struct.pack("<IH", tnef.SIGNATURE, 1)
PIECES = st.sampled_from(
    [
        *(
            b"begin 644 a.txt\n",
            b"begin-base64 644 b\n",
            b"end\n",
            b"`\n",
            b"#0V%T\n",
            b"=ybegin line=1 size=3 name=c\n",
        ),
        *(b"=ypart begin=1 end=3\n", b"=yend size=3 crc32=0\n", b"=", b"====\n", b"-----BEGIN PGP MESSAGE-----\n"),
        *(b"BEGIN:VCALENDAR\n", b"BEGIN:VEVENT\n", b"END:VEVENT\n", b"END:VCALENDAR\n", b"DTSTART:20261201T090000Z\n"),
        *(b"DTSTART;TZID=Europe/Berlin:00010101T000000\n", b"DTEND;VALUE=DATE:99991231\n", b"DURATION:P99999999D\n"),
        *(b"RRULE:FREQ=DAILY;COUNT=0;BYDAY=9XX\n", b'ATTENDEE;CN="x:y";ROLE=:z\n', b"ORGANIZER:mailto:\n", b"UID:1\n"),
        *(b"RECURRENCE-ID:x\n", b"METHOD:REQUEST\n", b"BEGIN:VTIMEZONE\nTZID:x\n", b"END:VTIMEZONE\n", b" folded\n"),
        *(
            b"BEGIN:VCARD\n",
            b"END:VCARD\n",
            b"FN:a\n",
            b"N;ENCODING=QUOTED-PRINTABLE:=C3=\n",
            b"ADR:;;;\n",
            b"ORG:\\;,\n",
        ),
        *(b"Final-Recipient: rfc822; a@b\n", b"Action: failed\n", b"Status: 5.1.1\n", b"Diagnostic-Code: smtp; 550\n"),
        *(
            b"Disposition: x/y; displayed\n",
            b"Feedback-Type: abuse\n",
            b"\n",
            b"\r\n",
            b"\x00",
            b"\xff\xfe",
            b"a",
            b":",
            b";",
        ),
        *(
            b"{\\rtf1\\ansi",
            b"{\\*\\htmltag ",
            b"\\htmlrtf ",
            b"\\u-10179 ?",
            b"\\'e9",
            b"\\uc9",
            b"}",
            b"\\fromhtml1 ",
        ),
        *(
            b"\x30\x80",
            b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02",
            b"\xa0\x80",
            b"\x24\x80",
            b"\x04\x03abc",
            b"\0\0",
        ),
        *(TNEF_HEAD, struct.pack("<BII", 1, 0x00069003, 8), struct.pack("<BII", 2, 0x00069002, 0), b"\x02\x10\x00\x00"),
        *(
            struct.pack("<BII", 2, 0x00069005, 99),
            struct.pack("<IHHI", 1, 0x1F, 0x3707, 1),
            struct.pack("<I", 0xFFFFFFFF),
        ),
    ]
)
OCTETS = st.one_of(st.binary(max_size=300), st.lists(PIECES, max_size=40).map(b"".join))


def storable(text: str) -> None:
    text.encode("utf-8")
    assert "\x00" not in text


@given(OCTETS)
def test_files_in_text_are_parted_from_it(raw: bytes) -> None:
    found = embedded.split(raw)
    assert len(found.text) <= len(raw)
    for file in found.files:
        storable(file.name)
        assert file.name
        # A line of uuencode promises up to 63 octets by its first.
        assert len(file.content) <= 32 * len(raw)
    embedded.armour(raw)


@given(OCTETS)
def test_reports_are_told_or_passed_over(raw: bytes) -> None:
    for read in report.READERS.values():
        told = read(raw)
        for each in told.deliveries if told else []:
            storable(each.recipient + each.reason + each.said + each.status + each.server)
            assert each.reason.endswith(".")
        for sentence in told.sentences if told else []:
            storable(sentence)


@given(st.text(max_size=20), st.text(max_size=5), st.text(max_size=10))
def test_every_status_has_a_sentence(code: str, reply: str, action: str) -> None:
    assert status.explained(code, reply, action).endswith(".")


@given(OCTETS, st.sampled_from(["accepted", "tentative", "declined"]))
def test_calendars_are_read_or_passed_over(raw: bytes, choice: str) -> None:
    text = raw.decode("utf-8", "replace")
    found = invitation.read(text)
    for event in found.events if found else []:
        storable(event.summary + event.location + event.repeats + event.uid + event.recurrence_id)
        try:
            reply = invitation.answer(text, event, Address("A", "a@b.example"), choice, now=datetime.now(UTC))
        except ValueError:
            continue
        assert b"METHOD:REPLY" in reply
        assert max(map(len, reply.split(b"\r\n"))) <= 75


RULES = st.dictionaries(
    st.sampled_from(["FREQ", "INTERVAL", "BYDAY", "BYMONTH", "BYMONTHDAY", "BYSETPOS", "COUNT", "UNTIL"]),
    st.lists(st.one_of(st.integers(), st.text(max_size=6), st.datetimes(), st.none()), max_size=20),
)


@given(st.one_of(st.none(), st.text(), RULES))
def test_every_rule_of_recurrence_has_words(rule: object) -> None:
    assert len(recurrence.in_words(rule)) < 2_000


@given(OCTETS, st.sampled_from(["", "utf-8", "utf-16", "x"]))
def test_cards_are_read_or_passed_over(raw: bytes, charset: str) -> None:
    for card in vcard.read(raw, charset):
        storable(card.name + card.organisation + "".join(label + value for label, value in card.lines))
        assert card.name


@given(OCTETS)
def test_wrappings_are_unpacked_or_passed_over(raw: bytes) -> None:
    assert len(pkcs7.unwrap(raw).content) <= len(raw)
    packed = tnef.unpack(TNEF_HEAD + raw)
    assert packed is not None
    storable(packed.text + "".join(file.name + file.type + file.content_id for file in packed.files))
    storable(rtf.content(raw)[0])
    storable(rtf.content(b"{\\rtf1\\fromhtml1 " + raw)[0])
    rtf.decompress(struct.pack("<IIII", 0, 5_000, 0x75465A4C, 0) + raw)
    for kind in ("application/pkcs7-mime", "application/ms-tnef", "text/plain", "image/png"):
        outer = Part(section="3", type=kind)
        found = unpack.unpack(outer, raw)
        if found is not None:
            for part, inner in zip(unpack.graft(outer, found).walk(), found.root.walk(), strict=True):
                assert part.section == f"3!{inner.section}"
                assert found.content(inner.section) is not None or inner.is_multipart


@given(OCTETS)
def test_what_can_be_explained_is_found_in_any_tree(raw: bytes) -> None:
    root = from_bytes(raw)
    assert findings.is_explained(root) == bool(findings.explained(root) or findings.remarks(root))
    for part in root.walk():
        assert (located := locate(raw, part.section)) is not None
        assert located[0].type == part.type


def calls(work: Callable[[], object]) -> int:
    """How many lines of Python run; what a C function does inside one line is not counted."""
    count = 0

    def trace(*_: object) -> object:
        nonlocal count
        count += 1
        return trace

    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        work()
    finally:
        sys.settrace(None)
    return count


HOSTILE: dict[str, Callable[[int], Callable[[], object]]] = {
    "beginnings of uuencode": lambda n: lambda: embedded.split(b"begin 644 a\n#0V%T\n" * n),
    "beginnings of yEnc": lambda n: lambda: embedded.split(b"=ybegin line=1 name=a\n=ypart \n" * n),
    "recipients of a report": lambda n: lambda: report.delivery(b"Final-Recipient: rfc822; a@b\n\n" * n),
    "events": lambda n: lambda: invitation.read("BEGIN:VCALENDAR\n" + "BEGIN:VEVENT\n" * n),
    "guests": lambda n: (
        lambda: invitation.read("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\n" + "ATTENDEE:mailto:a@b\n" * n + "END:VEVENT\n")
    ),
    "folds of a card": lambda n: lambda: vcard.read(b"BEGIN:VCARD\nNOTE:a" + b"\n b" * n),
    "cards": lambda n: lambda: vcard.read(b"BEGIN:VCARD\nFN:a\nEND:VCARD\n" * n),
    "nested elements of BER": lambda n: lambda: pkcs7.unwrap(b"\x30\x80" * n),
    "pieces of octets": lambda n: lambda: pkcs7.unwrap(b"\x24\x80" + b"\x04\x01a" * n),
    "attributes of TNEF": lambda n: lambda: tnef.unpack(TNEF_HEAD + struct.pack("<BIIH", 2, 0x00069002, 0, 0) * n),
    "properties of TNEF": lambda n: (
        lambda: tnef.unpack(
            TNEF_HEAD + struct.pack("<BII", 1, 0x00069003, 4 + 8 * n) + struct.pack("<I", n) + b"\x03\0\0\x10abcd" * n
        )
    ),
    "groups of RTF": lambda n: lambda: rtf.content(b"{\\rtf1 " + b"{" * n),
    "escapes of RTF": lambda n: lambda: rtf.content(b"{\\rtf1 " + b"\\'e9\\u8364?" * n),
    "parts of a message": lambda n: (
        lambda: choose(from_bytes(b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * n))
    ),
    "a part behind many": lambda n: (
        lambda: part_bytes(b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * n, str(n))
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_work_grows_with_the_input_and_no_faster(name: str) -> None:
    small, large = calls(HOSTILE[name](100)), calls(HOSTILE[name](200))
    assert large < 3 * small + 500

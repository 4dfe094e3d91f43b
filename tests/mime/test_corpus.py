"""Every message in mail/ is read as the file beside it says, and as the standard library and every prefix of it allow."""

import email
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from webmail.mime import embedded, findings, headers, invitation, pkcs7, report, unpack, vcard
from webmail.mime.build import parse_draft
from webmail.mime.charset import markup_charset
from webmail.mime.parts import Body, Part, choose, from_bytes, part_bytes
from webmail.mime.text import decode_charset, html_to_text, unflow

MAIL = Path(__file__).parent / "mail"
NAMES = sorted(path.stem for path in MAIL.glob("*.eml"))
PREFIXES = 60


def field(raw: bytes, name: str) -> bytes | None:
    return headers.first(headers.parse_header_block(raw), name)


def people(raw: bytes, name: str) -> list[list[str]]:
    return [list(address) for address in headers.addresses(field(raw, name))]


def iso_date(raw: bytes) -> str | None:
    moment = headers.parse_date(field(raw, "date"))
    return moment.isoformat() if moment else None


def joined(raw: bytes, parts: list[Part]) -> str:
    return "\n".join(decode_charset(part_bytes(raw, part.section) or b"", part.charset) for part in parts)


def text_of(raw: bytes, body: Body) -> str:
    return joined(raw, body.texts).replace("\r\n", "\n")


def content(raw: bytes, root: Part, part: Part) -> bytes:
    """Of a part that may lie inside another."""
    outer, inside, section = part.section.rpartition(unpack.INSIDE)
    if not inside:
        return part_bytes(raw, part.section) or b""
    around = root.find(outer)
    assert around is not None
    found = unpack.unpack(around, content(raw, root, around))
    assert found is not None
    return found.content(section) or b""


def opened(raw: bytes, root: Part) -> Part:
    """The tree with S/MIME unwrapped, and winmail.dat where nothing else can be read."""
    has_text = bool(choose(root).shown)
    whole = Part(section="", type="multipart/mixed", children=[Part.from_json(root.to_json())])
    for parent in whole.walk():
        for place, part in enumerate(parent.children):
            if unpack.kind_of(part) in ({"smime"} if has_text else {"smime", "tnef"}):
                found = unpack.unpack(part, content(raw, root, part))
                parent.children[place] = part if found is None else unpack.graft(part, found)
    return whole.children[0]


def words(raw: bytes, root: Part) -> str:
    """What a reader reads."""
    out = []
    for part in choose(opened(raw, root)).shown:
        data = content(raw, root, part)
        if part.type == "text/html":
            out.append(html_to_text(decode_charset(data, part.charset or markup_charset(data))))
            continue
        text = decode_charset(embedded.split(data).text, part.charset)
        flowed = part.params.get("format") == "flowed"
        out.append(unflow(text, delsp=part.params.get("delsp") == "yes") if flowed else text)
    return "\n".join(out)


def explained(raw: bytes, root: Part, kind: str) -> list[tuple[Part, bytes]]:
    return [(part, content(raw, root, part)) for part in findings.explained(root) if findings.kind(part) == kind]


def reports(raw: bytes, root: Part) -> list[report.Report]:
    read = [report.READERS[part.type](data) for part, data in explained(raw, root, "report")]
    return [each for each in read if each is not None]


def deliveries(raw: bytes, root: Part) -> list[list[Any]]:
    found = [each for told in reports(raw, root) for each in told.deliveries]
    return [[each.recipient, each.action, each.status, each.permanent, each.reason] for each in found]


def events(raw: bytes, root: Part) -> list[list[Any]]:
    out = []
    for part, data in explained(raw, root, "calendar"):
        read = invitation.read(decode_charset(data, part.charset), part.params.get("method", ""))
        for event in read.events if read else []:
            times = [moment.isoformat() if moment else None for moment in (event.start, event.end)]
            out.append([read.method if read else "", event.summary, *times, event.location, event.repeats])
    return out


def cards(raw: bytes, root: Part) -> list[list[Any]]:
    read = [card for part, data in explained(raw, root, "vcard") for card in vcard.read(data, part.charset)]
    return [[card.name, card.organisation, [list(line) for line in card.lines]] for card in read]


def enclosed(raw: bytes, root: Part) -> list[str]:
    return [headers.decode(field(data, "subject")) for _, data in explained(raw, root, "message")]


def packed(raw: bytes, root: Part) -> list[str]:
    read = [unpack.unpack(part, data) for part, data in explained(raw, root, "tnef")]
    return [part.filename for each in read if each for part in choose(each.root).attachments]


def files(raw: bytes, root: Part) -> list[embedded.Found]:
    plain = [part for part in choose(root).shown if part.type == "text/plain"]
    return [file for part in plain for file in embedded.split(content(raw, root, part)).files]


READINGS: dict[str, Callable[[bytes, Part, Body], Any]] = {
    "subject": lambda raw, _root, _body: headers.decode(field(raw, "subject")),
    "from_": lambda raw, _root, _body: people(raw, "from"),
    "to": lambda raw, _root, _body: people(raw, "to"),
    "date": lambda raw, _root, _body: iso_date(raw),
    "references": lambda raw, _root, _body: headers.message_ids(field(raw, "references")),
    "in_reply_to": lambda raw, _root, _body: headers.message_ids(field(raw, "in-reply-to")),
    "structure": lambda _raw, root, _body: [f"{part.section} {part.type}" for part in root.walk()],
    "text": lambda raw, _root, body: text_of(raw, body),
    "unflowed": lambda raw, _root, body: unflow(joined(raw, body.texts), delsp=True),
    "html": lambda raw, _root, body: joined(raw, [body.html]).replace("\r\n", "\n") if body.html else None,
    "shown": lambda _raw, _root, body: [part.section for part in body.shown],
    "attachments": lambda _raw, _root, body: [part.filename for part in body.attachments],
    "inline": lambda _raw, _root, body: list(body.inline),
    "sender": lambda raw, _root, _body: people(raw, "from"),
    "display": lambda raw, _root, _body: headers.display_text(headers.decode(field(raw, "subject"))),
    "files": lambda raw, root, _body: [file.name for file in files(raw, root)],
    "damaged": lambda raw, root, _body: [file.name for file in files(raw, root) if file.damaged],
    "armour": lambda raw, root, _body: embedded.armour(words(raw, root).encode()),
    "remarks": lambda _raw, root, _body: findings.remarks(root),
    "deliveries": lambda raw, root, _body: deliveries(raw, root),
    "sentences": lambda raw, root, _body: [each for told in reports(raw, root) for each in told.sentences],
    "events": lambda raw, root, _body: events(raw, root),
    "cards": lambda raw, root, _body: cards(raw, root),
    "enclosed": lambda raw, root, _body: enclosed(raw, root),
    "packed": lambda raw, root, _body: packed(raw, root),
    "opened": lambda raw, root, _body: [part.filename for part in choose(opened(raw, root)).attachments],
    "smime": lambda raw, root, _body: pkcs7.unwrap(content(raw, root, root)).kind,
}


def test_every_message_has_an_expectation() -> None:
    assert sorted(path.stem for path in MAIL.glob("*.json")) == NAMES
    assert len(NAMES) >= 150


@pytest.mark.parametrize("name", NAMES)
def test_a_message_is_read_as_expected(name: str) -> None:
    raw = (MAIL / f"{name}.eml").read_bytes()
    root = from_bytes(raw)
    body = choose(root)
    expected = json.loads((MAIL / f"{name}.json").read_text(encoding="utf-8"))
    assert expected, "says nothing"
    for section, octets in expected.pop("sections", {}).items():
        assert part_bytes(raw, section) == octets.encode()
    read = words(raw, root)
    assert expected.pop("excerpt", "") in read
    assert (absent := expected.pop("absent", None)) is None or absent not in read
    assert {key: READINGS[key](raw, root, body) for key in expected} == expected


@pytest.mark.parametrize("name", NAMES)
def test_no_prefix_of_a_message_raises(name: str) -> None:
    raw = (MAIL / f"{name}.eml").read_bytes()
    step = 7 if len(raw) < 7 * PREFIXES else len(raw) // (PREFIXES if len(raw) < 20_000 else 2)
    for end in range(0, len(raw), step):
        root = from_bytes(raw[:end])
        choose(root)
        words(raw[:end], root)
        parse_draft(raw[:end])
        assert Part.from_json(root.to_json()) == root


@pytest.mark.parametrize(
    "name", ["alternative", "related-picture", "mixed-texts", "apple-pdf-in-alternative", "signed"]
)
def test_the_tree_agrees_with_the_standard_library(name: str) -> None:
    raw = (MAIL / f"{name}.eml").read_bytes()
    theirs = [part.get_content_type() for part in email.message_from_bytes(raw).walk()]
    assert [part.type for part in from_bytes(raw).walk()] == theirs

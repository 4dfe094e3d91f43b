"""Every message in mail/ is read as expected.json says, and as the standard library and every prefix of it allow."""

import email
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from webmail.mime import headers
from webmail.mime.build import parse_draft
from webmail.mime.parts import Body, Part, choose, from_bytes, part_bytes
from webmail.mime.text import decode_charset, unflow

MAIL = Path(__file__).parent / "mail"
EXPECTED: dict[str, dict[str, Any]] = json.loads((MAIL / "expected.json").read_text(encoding="utf-8"))
NAMES = sorted(EXPECTED)


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
}


def test_every_message_has_an_expectation() -> None:
    assert sorted(path.stem for path in MAIL.glob("*.eml")) == NAMES
    assert len(NAMES) >= 40


@pytest.mark.parametrize("name", NAMES)
def test_a_message_is_read_as_expected(name: str) -> None:
    raw = (MAIL / f"{name}.eml").read_bytes()
    root = from_bytes(raw)
    body = choose(root)
    expected = dict(EXPECTED[name])
    for section, content in expected.pop("sections", {}).items():
        assert part_bytes(raw, section) == content.encode()
    assert {key: READINGS[key](raw, root, body) for key in expected} == expected


@pytest.mark.parametrize("name", NAMES)
def test_no_prefix_of_a_message_raises(name: str) -> None:
    raw = (MAIL / f"{name}.eml").read_bytes()
    for end in range(0, len(raw), 7):
        root = from_bytes(raw[:end])
        choose(root)
        parse_draft(raw[:end])
        assert Part.from_json(root.to_json()) == root


@pytest.mark.parametrize(
    "name", ["alternative", "related-picture", "mixed-texts", "apple-pdf-in-alternative", "signed"]
)
def test_the_tree_agrees_with_the_standard_library(name: str) -> None:
    raw = (MAIL / f"{name}.eml").read_bytes()
    theirs = [part.get_content_type() for part in email.message_from_bytes(raw).walk()]
    assert [part.type for part in from_bytes(raw).walk()] == theirs

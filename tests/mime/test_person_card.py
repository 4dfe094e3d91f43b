"""vCards of every kind into fields and back: nothing lost, nothing split, never raised."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webmail.mime.person_card import KINDS, PersonCard, as_birthday, as_kind, read
from webmail.mime.person_card_out import write
from webmail.mime.vcard_lines import Property


def one(text: str | bytes) -> PersonCard:
    [card] = read(text.encode() if isinstance(text, str) else text)
    return card


APPLE = """BEGIN:VCARD
VERSION:3.0
PRODID:-//Apple Inc.//macOS 14//EN
N:Müller;Anna;Maria;Dr.;
FN:Dr. Anna Maria Müller
ORG:Acme\\, Inc.;Sales
item1.EMAIL;type=INTERNET;type=pref:anna@home.example
EMAIL;type=INTERNET;type=WORK:anna@acme.example
item1.X-ABLabel:_$!<HomePage>!$_
TEL;type=CELL;type=VOICE;type=pref:+49 170 1
item2.ADR;type=HOME:;;Hauptstr. 1\\nHinterhaus;Köln;NRW;50667;Germany
item2.X-ABADR:de
BDAY;X-APPLE-OMIT-YEAR=1604:1604-04-12
NOTE:One\\nTwo\\, three
X-ABUID:ABC\\:ABPerson
PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQ
 SkZJRg==
UID:apple-1
END:VCARD
"""
GOOGLE = """BEGIN:VCARD
VERSION:3.0
FN:Bob Berg
N:Berg;Bob;;;
EMAIL;TYPE=INTERNET;TYPE=WORK:bob@berg.example
item1.EMAIL;TYPE=INTERNET:bob@boat.example
item1.X-ABLabel:Boat
CATEGORIES:myContacts,Choir
END:VCARD
"""
OUTLOOK = (
    b"BEGIN:VCARD\r\nVERSION:2.1\r\nN;LANGUAGE=de;CHARSET=Windows-1252;ENCODING=QUOTED-PRINTABLE:=D6zt=FCrk;Ay=FEe\r\n"
    b"FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=C3=96zt=C3=BCrk =\r\nAy=C5=9Fe\r\n"
    b"TEL;WORK;VOICE:+90 1\r\nTEL;CELL:+90 2\r\nADR;HOME;ENCODING=QUOTED-PRINTABLE:;;Line 1=0D=0ALine 2;Ankara\r\n"
    b"EMAIL;PREF;INTERNET:ayse@example.test\r\nPHOTO;TYPE=GIF;ENCODING=BASE64:\r\n R0lGODdh\r\n AQABAIAA\r\n\r\n"
    b"X-MS-OL-DEFAULT-POSTAL-ADDRESS:2\r\nREV:20240101T000000Z\r\nEND:VCARD\r\n"
)


def test_a_card_of_apple() -> None:
    card = one(APPLE)
    assert (card.name, card.given, card.middle, card.family, card.prefix) == (
        *("Dr. Anna Maria Müller", "Anna", "Maria", "Müller", "Dr."),
    )
    assert card.organisation == "Acme, Inc.; Sales"
    assert card.addresses == [("HomePage", "anna@home.example"), ("work", "anna@acme.example")]
    assert card.phones == [("mobile", "+49 170 1")]
    assert card.places == [("home", "Hauptstr. 1 Hinterhaus", "Köln", "NRW", "50667", "Germany")]
    assert (card.birthday, card.note, card.uid) == ("--04-12", "One\nTwo, three", "apple-1")
    assert {each.name for each in card.kept} == {"X-ABADR", "X-ABUID", "PHOTO"}


def test_a_card_of_google() -> None:
    card = one(GOOGLE)
    assert card.addresses == [("work", "bob@berg.example"), ("Boat", "bob@boat.example")]
    assert card.categories == ["myContacts", "Choir"]
    assert card.kept == []


def test_a_card_of_outlook_in_version_2_1() -> None:
    card = one(OUTLOOK)
    assert (card.family, card.name) == ("Öztürk", "Öztürk Ayşe")
    assert card.phones == [("work", "+90 1"), ("mobile", "+90 2")]
    assert card.places == [("home", "Line 1 Line 2", "Ankara", "", "", "")]
    assert card.addresses == [("", "ayse@example.test")]
    photo = next(each for each in card.kept if each.name == "PHOTO")
    assert (photo.value, photo.param("ENCODING"), photo.types) == ("R0lGODdhAQABAIAA", ("b",), ["gif"])


@pytest.mark.parametrize("text", [APPLE.encode(), GOOGLE.encode(), OUTLOOK])
@pytest.mark.parametrize("version", ["3.0", "4.0"])
def test_real_cards_come_back_as_they_were(text: bytes, version: str) -> None:
    card = one(text)
    again = one(write(card, version))
    assert replace(again, kept=[]) == replace(card, kept=[])
    assert one(write(again, "3.0")) == one(write(card, "3.0"))


def test_a_picture_changes_its_form_with_the_version() -> None:
    card = one(APPLE)
    assert b"PHOTO:data:image/jpeg;base64,/9j/4AAQSkZJRg==" in write(card, "4.0").replace(b"\r\n ", b"")
    back = one(write(one(write(card, "4.0")), "3.0"))
    photo = next(each for each in back.kept if each.name == "PHOTO")
    assert (photo.value, photo.param("TYPE")) == ("/9j/4AAQSkZJRg==", ("JPEG",))


def test_lines_are_folded_by_octets_between_characters() -> None:
    raw = write(PersonCard(name="Ж" * 120, note="山" * 200))
    assert all(len(each) <= 75 for each in raw.split(b"\r\n"))
    for each in raw.split(b"\r\n"):
        each.decode()
    assert one(raw).name == "Ж" * 120


def test_a_character_cut_by_a_fold_is_whole_again() -> None:
    assert one(b"BEGIN:VCARD\nFN:\xc3\n \xa4hre\nEND:VCARD\n").name == "ähre"


def test_what_is_written_cannot_break_out_of_its_line() -> None:
    card = PersonCard(name="A\r\nEND:VCARD", addresses=[("a\r\nTEL:1", "x@y.test")], note="N\nEND:VCARD")
    card.kept = [Property("X-A", "v\r\nEMAIL:evil@x.test", params=(("X-P", ('q"\r\nTEL:2',)),))]
    [again] = read(write(card))
    assert again.phones == []
    assert [address for _, address in again.addresses] == ["x@y.test"]
    assert again.note == "N\nEND:VCARD"


def test_a_group_names_its_members() -> None:
    group = PersonCard(uid="g", name="Choir", is_group=True, members=["urn:uuid:1", "2"])
    for version in ("3.0", "4.0"):
        again = one(write(group, version))
        assert (again.is_group, again.members) == (True, ["urn:uuid:1", "2"])


def test_several_cards_and_one_that_never_ends() -> None:
    text = GOOGLE + "BEGIN:VCARD\nFN:Open\nEMAIL:open@x.test\n" + GOOGLE
    assert [card.name for card in read(text.encode())] == ["Bob Berg", "Open", "Bob Berg"]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("1985-04-12", "1985-04-12"),
        ("19850412", "1985-04-12"),
        ("1985-04-12T00:00:00Z", "1985-04-12"),
        ("--0412", "--04-12"),
        ("--04-12", "--04-12"),
        ("1985-13-01", ""),
        ("circa 1800", ""),
        ("", ""),
    ],
)
def test_birthdays(text: str, day: str) -> None:
    assert as_birthday(text) == day


def test_a_day_that_is_none_is_kept_as_it_stands() -> None:
    card = one("BEGIN:VCARD\nFN:A\nBDAY;VALUE=text:circa 1800\nEND:VCARD\n")
    assert (card.birthday, [each.value for each in card.kept]) == ("", ["circa 1800"])


def test_what_is_too_large_is_named() -> None:
    card = one("BEGIN:VCARD\nFN:A\nPHOTO;ENCODING=b:" + "A" * 400_000 + "\nEND:VCARD\n")
    assert (card.kept, card.problems) == ([], ["A picture is too large and is left out."])


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp", "Mn", "Me"]), max_size=60).map(
    lambda text: " ".join(text.split())
)
FULL = TEXT.filter(bool)
KIND = st.one_of(st.just(""), st.sampled_from(sorted(KINDS)), st.just("fax home"), FULL.map(as_kind)).filter(
    lambda kind: (
        kind.lower() not in {"pref", "internet", "voice", "msg", "other", "dom", "intl", "postal", "parcel", "x400"}
        and not re.match(r"_\$!<", kind)
    )
)
ADDRESS = st.from_regex(r"[a-z0-9.]{1,20}@[a-z]{1,10}\.test", fullmatch=True)
PAIR = st.tuples(KIND, FULL)


def unique(pairs: st.SearchStrategy[tuple[str, ...]]) -> st.SearchStrategy[list[tuple[str, ...]]]:
    return st.lists(pairs, max_size=4, unique_by=lambda pair: pair[1:])


CARDS = st.builds(
    PersonCard,
    uid=TEXT,
    name=FULL,
    prefix=TEXT,
    given=TEXT,
    middle=TEXT,
    family=TEXT,
    suffix=TEXT,
    nickname=TEXT,
    organisation=TEXT.map(lambda text: "; ".join(filter(None, (part.strip() for part in text.split(";"))))),
    title=TEXT,
    birthday=st.sampled_from(["", "1985-04-12", "--02-29"]),
    note=st.lists(FULL, max_size=3).map("\n".join),
    addresses=unique(st.tuples(KIND, ADDRESS)),
    phones=unique(st.tuples(KIND, FULL.filter(lambda text: not text.lower().startswith("tel:")))),
    places=unique(st.tuples(KIND, TEXT, TEXT, TEXT, TEXT, TEXT).filter(lambda place: any(place[1:]))),
    links=unique(PAIR),
    categories=st.lists(FULL, max_size=3),
)


@settings(max_examples=60)
@given(CARDS, st.sampled_from(["3.0", "4.0"]))
def test_what_is_written_is_read_back(card: PersonCard, version: str) -> None:
    assert one(write(card, version)) == card


@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(st.sampled_from('BEGIN:VCARD\nEND;=,\\"^n TELADR-Ü:\r\t'), max_size=200).map(
            lambda text: f"BEGIN:VCARD\n{text}\nEND:VCARD\n".encode()
        ),
    )
)
def test_no_file_raises_and_whatever_is_read_is_stable(raw: bytes) -> None:
    for card in read(raw):
        for version in ("3.0", "4.0"):
            again = one(write(card, version))
            assert again.addresses == card.addresses
            assert again.note == card.note

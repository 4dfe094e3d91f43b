"""Files of thousands of contacts: in a few statements, nothing lost unsaid, and no file that keeps a request busy."""

import zlib
from time import process_time
from typing import Any

import pytest

from webmail.contacts import book, file, many, taking_in
from webmail.mime import person_card
from webmail.mime.person_card import PersonCard
from webmail.models import Contact, ContactAddress, ContactGroup, ContactImport

pytestmark = pytest.mark.database


def people(count: int, more: str = "") -> bytes:
    return "".join(
        f"BEGIN:VCARD\nUID:u{number}\nFN:Person {number}\nEMAIL;TYPE=WORK:p{number}@x.test\nTEL:+1 {number}\n"
        f"CATEGORIES:G{number % 3}\n{more}END:VCARD\n"
        for number in range(count)
    ).encode()


def take(person: Any, data: bytes) -> tuple[int, int]:
    return taking_in.take_in(person.user, taking_in.keep(person.user, data, "x"))


def own(person: Any) -> dict[str, PersonCard]:
    return {each.name: book.card_of(each) for each in Contact.objects.filter(user=person.user, removed_at__isnull=True)}


def test_many_known_people_are_completed_in_a_few_statements(ada: Any, django_assert_max_num_queries: Any) -> None:
    take(ada, people(600))
    before = {each.pk: (each.uid, each.created_at) for each in Contact.objects.all()}
    mine = Contact.objects.get(name="Person 7")
    book.save(ada.user, PersonCard(name="Only mine", addresses=[("", "P7@X.test")], categories=["Own"]), mine)
    kept = taking_in.keep(ada.user, people(600, "TEL;TYPE=FAX:+2\nNICKNAME:Pip\nCATEGORIES:New\n"), "x")
    with django_assert_max_num_queries(60):
        assert taking_in.take_in(ada.user, kept) == (0, 600)
    assert {each.pk: (each.uid, each.created_at) for each in Contact.objects.all()} == before
    assert ContactAddress.objects.count() == 600
    card = own(ada)["Only mine"]
    assert (card.addresses, card.nickname) == ([("", "P7@X.test")], "Pip")
    assert [number for _, number in card.phones] == ["+1 7", "+2"]
    assert set(card.categories) == {"Own", "G1", "New"}
    mine.refresh_from_db()
    assert mine.updated_at > mine.created_at
    assert " pip" in mine.search
    assert take(ada, people(600, "TEL;TYPE=FAX:+2\nNICKNAME:Pip\nCATEGORIES:New\n")) == (0, 0)


def test_looking_at_a_file_costs_as_many_statements_for_more_people(ada: Any, django_assert_num_queries: Any) -> None:
    take(ada, people(20))
    for count in (10, 20):
        kept = taking_in.keep(ada.user, people(count, "TITLE:Boss\n"), "x")
        with django_assert_num_queries(6):
            assert len(taking_in.plan(ada.user, kept).completed) == count


def test_what_is_read_once_is_what_the_file_says() -> None:
    data = people(1, "X-KEPT;A=1,2;B=x:v\nADR;TYPE=HOME:;;Weg 1;Köln;;50667;\nNOTE:a\\nb\nBDAY:--0412\n") + (
        b"BEGIN:VCARD\nKIND:group\nFN:All\nMEMBER:u0\nEND:VCARD\nBEGIN:VCARD\nFN:Bad\nEMAIL:none\nEND:VCARD\n"
    )
    contents = file.read(data)
    assert [card.name for card in contents.cards] == ["Person 0", "All", "Bad"]
    assert contents.problems == ["Bad: “none” is not a mail address and is left out."]
    assert file.unpacked(file.packed(contents)) == contents
    assert file.unpacked(zlib.compress(data)) == contents


def test_what_is_beyond_the_most_is_said(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(person_card, "MOST_CARDS", 3)
    plan = taking_in.plan(ada.user, taking_in.keep(ada.user, people(4), "x"))
    assert len(plan.new) == 3
    assert plan.problems == ["Only the first 3 entries are taken. Put the others into another file."]
    assert not taking_in.plan(ada.user, taking_in.keep(ada.user, people(3), "x")).problems


def test_a_quote_that_never_ends_takes_no_other_row_with_it(ada: Any) -> None:
    table = b'Name,E-mail,Notes\nAnn,a@x.test,\nBob,b@x.test,"' + b"x" * 140_000 + b"\nZoe,z@x.test,\n"
    plan = taking_in.plan(ada.user, taking_in.keep(ada.user, table, "x"))
    assert [each.card.name for each in plan.new] == ["Ann", "Zoe"]
    assert plan.problems == ["Entry 2: What ends in line 3 cannot be read and is left out."]


def test_more_groups_than_there_is_room_for_keep_nobody_out(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "MOST_GROUPS", 3)
    monkeypatch.setattr(taking_in, "MOST_GROUPS", 3)
    ContactGroup.objects.create(user=ada.user, name="Choir", key="choir")
    data = people(4, "CATEGORIES:choir\n") + b"BEGIN:VCARD\nKIND:group\nFN:All\nMEMBER:u0\nEND:VCARD\n"
    kept = taking_in.keep(ada.user, data, "x")
    told = taking_in.plan(ada.user, kept).problems
    assert told == [f"The group “{name}” is left out, because there can be 3 groups." for name in ("G2", "All")]
    assert taking_in.take_in(ada.user, kept) == (4, 0)
    assert {card.name: card.categories for card in own(ada).values()}["Person 2"] == ["Choir"]


def test_two_files_that_name_the_same_people_double_nobody(ada: Any) -> None:
    one, other = (taking_in.keep(ada.user, people(3), name) for name in "ab")
    assert taking_in.take_in(ada.user, one) == (3, 0)
    assert taking_in.take_in(ada.user, other) == (0, 0)
    assert len(own(ada)) == 3


def test_only_a_few_files_of_a_person_are_put_aside(ada: Any, bob: Any) -> None:
    theirs = taking_in.keep(bob.user, people(1), "bob")
    kept = [taking_in.keep(ada.user, people(1), str(number)) for number in range(taking_in.MOST_WAITING + 2)]
    left = set(ContactImport.objects.values_list("pk", flat=True))
    assert left == {theirs.pk, *(each.pk for each in kept[2:])}


@pytest.mark.parametrize(
    "data",
    [
        b"BEGIN:VCARD\nNOTE;ENCODING=QUOTED-PRINTABLE:" + b"x" * 1_500_000 + b"=\n" + b"=\n" * 60_000 + b"\nEND:VCARD",
        b"".join(
            b"BEGIN:VCARD\nFN:Same\nEMAIL:s@x.test\n%sEND:VCARD\n"
            % b"".join(b"TEL:%d\nX-A%d:1\n" % (n * 30 + k, n * 30 + k) for k in range(30))
            for n in range(1_500)
        ),
        b"BEGIN:VCARD\nFN:A\nCATEGORIES:" + b"\nCATEGORIES:".join(b"c%d" % n for n in range(60_000)) + b"\nEND:VCARD",
    ],
    ids=["soft line ends", "one person a thousand times", "categories"],
)
def test_hostile_files_take_no_longer_than_large_ones(ada: Any, data: bytes) -> None:
    begun = process_time()
    try:
        taking_in.plan(ada.user, taking_in.keep(ada.user, data, "x"))
    finally:
        assert process_time() - begun < 8


def test_what_one_person_has_too_much_of_is_said_and_what_was_here_stays(ada: Any) -> None:
    known = [("", f"a{number}@x.test") for number in range(150)]
    many.add_many(ada.user, [PersonCard(name="Ann", addresses=known)])
    data = b"BEGIN:VCARD\nFN:Ann\nEMAIL:a1@x.test\nEMAIL:new@x.test\nTITLE:Boss\nEND:VCARD\n"
    plan = taking_in.plan(ada.user, taking_in.keep(ada.user, data, "x"))
    [entry] = plan.completed
    assert (entry.card.addresses, entry.card.title) == (known, "Boss")
    assert plan.problems == ["Ann has very many addresses, numbers or other entries; not all are taken in."]


def test_a_form_drops_no_address_of_a_contact_that_has_many(ada: Any) -> None:
    addresses = [("", f"a{number}@x.test") for number in range(40)]
    contact = book.save(ada.user, PersonCard(name="Ann", addresses=addresses))
    form = {"name": "Ann B", "address": [each for _, each in addresses], "address_kind": [""] * 40}
    assert ada.client.post(f"/contacts/{contact.pk}/edit/", form).status_code == 302
    assert len(book.card_of(Contact.objects.get(pk=contact.pk)).addresses) == 40
    form["address"] = [*form["address"], "more@x.test"]
    answer = ada.client.post(f"/contacts/{contact.pk}/edit/", form)
    assert answer.status_code == 422
    assert "A contact can have 40 addresses." in answer.text

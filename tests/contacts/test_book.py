"""The address book itself: written, joined, taken away and put back, taken in from files twice without doubling."""

from typing import Any

import pytest

from tests.mime.test_person_card import APPLE, GOOGLE, OUTLOOK
from webmail.contacts import book, taking_in
from webmail.contacts.duplicates import duplicates
from webmail.contacts.joining import completed, joined
from webmail.errors import GiveUp
from webmail.mime.contact_table import read as read_table
from webmail.mime.person_card import PersonCard, read
from webmail.mime.vcard_lines import Property
from webmail.models import CollectedAddress, Contact, ContactAddress, ContactGroup, ContactImport


def own(person: Any) -> dict[str, PersonCard]:
    return {each.name: book.card_of(each) for each in Contact.objects.filter(user=person.user, removed_at__isnull=True)}


def take(person: Any, *files: str | bytes) -> tuple[int, int]:
    for each in files:
        data = each if isinstance(each, bytes) else each.encode()
        done = taking_in.take_in(person.user, taking_in.keep(person.user, data, "contacts.vcf"))
    return done


def test_a_contact_is_written_and_read_back(ada: Any) -> None:
    [card] = read(APPLE.encode())
    card.categories = ["Choir"]
    contact = book.save(ada.user, card)
    assert book.card_of(Contact.objects.get(pk=contact.pk)) == card
    assert contact.sort_key == "dr. anna maria muller"
    card.addresses = [("work", "New@x.test"), ("home", "new@X.test")]
    book.save(ada.user, card, contact)
    assert [each.address for each in contact.addresses.all()] == ["New@x.test"]


def test_addresses_weigh_what_their_mail_weighs(ada: Any, indexed: Any) -> None:
    ada.arrive(sender="Bob <bob@example.test>")
    indexed()
    book.save(ada.user, PersonCard(name="Bob", addresses=[("", "BOB@example.test")]))
    before = ContactAddress.objects.get().rank
    assert before == CollectedAddress.objects.get().rank > 0
    ada.arrive(sender="Bob <bob@example.test>")
    indexed()
    assert ContactAddress.objects.get().rank == CollectedAddress.objects.get().rank > before


def test_a_removed_contact_can_be_put_back(ada: Any, bob: Any) -> None:
    contact = book.save(ada.user, PersonCard(uid="1", name="Bob", addresses=[("", "b@x.test")]))
    book.remove(bob.user, [contact])
    assert set(own(ada)) == {"Bob"}
    batch = book.remove(ada.user, [contact])
    assert own(ada) == {}
    book.save(ada.user, PersonCard(uid="1", name="Bob again"))
    assert book.undo(bob.user, batch) is None
    assert book.undo(ada.user, batch) == "Contact put back"
    assert set(own(ada)) == {"Bob", "Bob again"}
    assert book.undo(ada.user, batch) is None


def test_joining_loses_nothing() -> None:
    one = PersonCard(uid="1", name="Ann Smith", title="Boss", addresses=[("work", "ann@x.test")], note="N1")
    two = PersonCard(
        *("2", "A. Smith"),
        title="Chair",
        nickname="Annie",
        addresses=[("home", "ANN@x.test"), ("home", "ann@home.test")],
        phones=[("", "+1 23")],
        note="N2",
        kept=[Property("X-A", "v")],
    )
    made = joined([one, two])
    assert (made.uid, made.name, made.title, made.nickname) == ("1", "Ann Smith", "Boss", "Annie")
    assert made.addresses == [("work", "ann@x.test"), ("home", "ann@home.test")]
    assert made.note == "N1\nN2\nName: A. Smith\nTitle: Chair"
    assert (made.phones, made.kept) == ([("", "+1 23")], [Property("X-A", "v")])
    assert completed(one, two).note == "N1"
    assert completed(completed(one, two), two) == completed(one, two)


def test_merging_can_be_undone_until_the_result_is_changed(ada: Any) -> None:
    def pair() -> list[Contact]:
        return [book.save(ada.user, PersonCard(name=name, addresses=[("", f"{name}@x.test")])) for name in ("a", "b")]

    made, batch = book.merge(ada.user, pair())
    assert [each.addresses for each in own(ada).values()] == [[("", "a@x.test"), ("", "b@x.test")]]
    assert book.undo(ada.user, batch) == "2 contacts put back"
    assert set(own(ada)) == {"a", "b"}
    book.remove(ada.user, Contact.objects.filter(user=ada.user))
    made, batch = book.merge(ada.user, pair())
    Contact.objects.filter(pk=made.pk).update(updated_at=made.created_at.replace(year=2030))
    with pytest.raises(GiveUp, match="changed since"):
        book.undo(ada.user, batch)
    assert len(own(ada)) == 1


def test_contacts_that_share_an_address_or_a_name_are_found(ada: Any, bob: Any) -> None:
    for name, address in (("Ann", "a@x.test"), ("Anna", "A@x.test"), ("ann", "b@x.test"), ("Zoe", "z@x.test")):
        book.save(ada.user, PersonCard(name=name, addresses=[("", address)]))
    book.save(bob.user, PersonCard(name="Zoe", addresses=[("", "z@x.test")]))
    assert [sorted(each.name for each in found) for found in duplicates(ada.user)] == [["Ann", "Anna", "ann"]]
    assert duplicates(bob.user) == []


def test_taking_in_twice_changes_nothing(ada: Any) -> None:
    assert take(ada, APPLE + GOOGLE + OUTLOOK.decode("latin-1")) == (3, 0)
    before = own(ada)
    assert {group.name for group in ContactGroup.objects.filter(user=ada.user)} == {"Choir"}
    assert take(ada, APPLE + GOOGLE + OUTLOOK.decode("latin-1")) == (0, 0)
    assert own(ada) == before
    assert not ContactImport.objects.exists()


def test_what_is_known_is_completed_and_never_overwritten(ada: Any) -> None:
    book.save(ada.user, PersonCard(name="Bobby", addresses=[("", "BOB@berg.example")]))
    assert take(ada, GOOGLE) == (0, 1)
    card = own(ada)["Bobby"]
    assert card.addresses == [("", "BOB@berg.example"), ("Boat", "bob@boat.example")]
    assert (card.family, card.categories) == ("Berg", ["Choir"])


def test_one_bad_card_keeps_no_other_out(ada: Any) -> None:
    bad = "BEGIN:VCARD\nFN:Bad\nEMAIL:nonsense\nEND:VCARD\nBEGIN:VCARD\nNOTE:nobody\nEND:VCARD\n"
    plan = taking_in.plan(ada.user, taking_in.keep(ada.user, (bad + GOOGLE).encode(), "x"))
    assert len(plan.new) == 2
    assert plan.problems == [
        "Bad: “nonsense” is not a mail address and is left out.",
        "Entry 2 has neither a name nor an address and is left out.",
    ]


def test_cards_that_are_groups_become_groups(ada: Any) -> None:
    text = (
        "BEGIN:VCARD\nVERSION:4.0\nFN:Ann\nUID:urn:uuid:A1\nEND:VCARD\n"
        "BEGIN:VCARD\nVERSION:4.0\nKIND:group\nFN:Friends\nMEMBER:urn:uuid:a1\nMEMBER:urn:uuid:zz\nEND:VCARD\n"
    )
    take(ada, text, text)
    group = ContactGroup.objects.get(user=ada.user)
    assert (group.name, [each.name for each in group.members.all()]) == ("Friends", ["Ann"])


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\0", b"nothing,here\n1,2\n", b"\0" * 100])
def test_a_file_without_contacts_is_refused_in_words(ada: Any, data: bytes) -> None:
    with pytest.raises(GiveUp, match="No contacts were found"):
        taking_in.keep(ada.user, data, "x")


GOOGLE_TABLE = (
    "First Name,Last Name,Organization Name,E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Value,"
    "Phone 1 - Label,Phone 1 - Value,Labels,Notes"
    """
Ann,Smith,Acme,* Work,ann@x.test ::: ann2@x.test,ann3@x.test,Mobile,+1 2,* myContacts ::: Choir,"Two
lines"
"""
)
OUTLOOK_TABLE = (
    "Title;First Name;Last Name;Company;Job Title;E-mail Address;E-mail 2 Address;Mobile Phone;Business Fax;"
    "Home Street;Home City;Home Country/Region;Birthday\n"
    "Dr.;Bob;Berg;Berg AG;Boss;bob@x.test;bob@y.test;+1;+2;Weg 1;Köln;Germany;1985-04-12\n"
)


def test_tables_of_google_and_outlook() -> None:
    [ann] = read_table(GOOGLE_TABLE.encode("utf-8-sig"))
    assert (ann.name, ann.organisation, ann.note) == ("Ann Smith", "Acme", "Two\nlines")
    assert ann.addresses == [("work", "ann@x.test"), ("work", "ann2@x.test"), ("", "ann3@x.test")]
    assert ann.phones == [("mobile", "+1 2")]
    [bob] = read_table(OUTLOOK_TABLE.encode("cp1252"))
    assert (bob.name, bob.title, bob.birthday) == ("Dr. Bob Berg", "Boss", "1985-04-12")
    assert bob.addresses == [("", "bob@x.test"), ("", "bob@y.test")]
    assert bob.phones == [("mobile", "+1"), ("work fax", "+2")]
    assert bob.places == [("home", "Weg 1", "Köln", "", "", "Germany")]


def test_a_table_is_taken_in_once(ada: Any) -> None:
    assert take(ada, GOOGLE_TABLE) == (1, 0)
    assert take(ada, GOOGLE_TABLE) == (0, 0)
    assert own(ada)["Ann Smith"].categories == ["Choir"]


def test_many_are_taken_in_with_few_statements(ada: Any, django_assert_max_num_queries: Any) -> None:
    text = "".join(
        f"BEGIN:VCARD\nFN:Person {number}\nEMAIL:p{number}@x.test\nCATEGORIES:G{number % 3}\nEND:VCARD\n"
        for number in range(600)
    )
    kept = taking_in.keep(ada.user, text.encode(), "x")
    with django_assert_max_num_queries(42):
        assert taking_in.take_in(ada.user, kept) == (600, 0)
    assert ContactGroup.objects.get(name="G1").members.count() == 200


def test_a_second_press_takes_nothing_in_twice(ada: Any) -> None:
    kept = taking_in.keep(ada.user, b"BEGIN:VCARD\nFN:Nameless number\nEND:VCARD", "x")
    again = ContactImport.objects.get(pk=kept.pk)
    taking_in.take_in(ada.user, kept)
    with pytest.raises(GiveUp, match="already"):
        taking_in.take_in(ada.user, again)
    assert len(own(ada)) == 1

"""The pages of the address book: plain forms, everything typed kept, one person's own, few questions."""

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.contacts.test_suggest import collect
from tests.mime.test_person_card import APPLE, GOOGLE
from tests.views.test_findings import MAIL, arrive
from webmail.contacts import book, many
from webmail.mime.headers import Address
from webmail.mime.person_card import PersonCard, read
from webmail.models import CollectedAddress, Contact, ContactGroup, ContactImport, OutgoingMessage


def add(person: Any, name: str, *addresses: str, **fields: Any) -> Contact:
    return book.save(person.user, PersonCard(name=name, addresses=[("", each) for each in addresses], **fields))


def names(html: str) -> list[str]:
    return re.findall(r'class="contact-name">([^<]*)<', html)


def page(person: Any, url: str) -> str:
    answer = person.client.get(url)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    return str(answer.text)


def own(person: Any) -> list[str]:
    rows = Contact.objects.filter(user=person.user, removed_at__isnull=True)
    return list(rows.order_by("sort_key").values_list("name", flat=True))


@pytest.mark.database
def test_the_list_is_in_order_and_is_searched_by_any_word(ada: Any) -> None:
    add(ada, "Özge Zorn", "oz@x.test")
    add(ada, "anna Bell", "anna@bell.test", phones=[("", "+49 123")])
    add(ada, "Zoe")
    add(ada, "王伟", "wang@x.test", organisation="Ada Works")
    html = page(ada, "/contacts/")
    assert names(html) == ["anna Bell", "Özge Zorn", "Zoe", "王伟"]
    assert re.findall(r'contact-letter"[^>]*>(.)<', html) == ["A", "O", "Z", "王"]
    for text, found in (
        ("OZGE", ["Özge Zorn"]),
        ("bell", ["anna Bell"]),
        ("works", ["王伟"]),
        ("伟", ["王伟"]),
        ("x.test z", ["Özge Zorn"]),
    ):
        assert names(page(ada, f"/contacts/?q={text}")) == found
    assert "Nobody fits “%&lt;”" in page(ada, "/contacts/?q=%25%3C")


@pytest.mark.database
def test_pages_of_the_list_join(ada: Any) -> None:
    many.add_many(ada.user, [PersonCard(name=f"Same {number % 7}") for number in range(130)])
    found, url = [], "/contacts/"
    while url:
        html = ada.fragment(url).text
        found += re.findall(r'name="id" value="(\d+)"', html)
        more = re.search(r'hx-get="([^"]+)"', html)
        url = more[1].replace("&amp;", "&") if more else ""
    assert len(found) == len(set(found)) == 130
    assert "Same 0" in page(ada, "/contacts/?after=x")
    assert "Same 0" in page(ada, f"/contacts/?after={2**70}")


def test_a_contact_is_written_shown_changed_and_deleted_with_undo(ada: Any) -> None:
    form = {
        "name": "Bob <b>Berg</b>",
        "address": ["bob@x.test", "", "bob@home.test"],
        "address_kind": ["Work", "", "Weekend"],
        "phone": ["+49 1"],
        "phone_kind": ["cell"],
        "place_street": ["Weg 1"],
        "place_city": ["Köln"],
        "link": ["javascript:alert(1)"],
        "birthday": "--04-12",
        "note": "One\r\nTwo",
    }
    answer = ada.client.post("/contacts/new/", form, follow=True)
    html = answer.text
    assert "Bob &lt;b&gt;Berg&lt;/b&gt;" in html
    assert "12 April" in html
    assert 'href="javascript' not in html
    contact = Contact.objects.get(user=ada.user)
    card = book.card_of(contact)
    assert card.addresses == [("work", "bob@x.test"), ("Weekend", "bob@home.test")]
    assert (card.phones, card.places[0][:3], card.note) == ([("mobile", "+49 1")], ("", "Weg 1", "Köln"), "One\nTwo")
    ada.client.post(f"/contacts/{contact.pk}/edit/", form | {"name": "Bob Berg", "address": ["bob@x.test"]})
    assert book.card_of(Contact.objects.get(pk=contact.pk)).addresses == [("work", "bob@x.test")]
    html = ada.client.post(f"/contacts/{contact.pk}/delete/", follow=True).text
    assert own(ada) == []
    undo = re.search(r'action="(/undo/[^"]+)"', html)
    assert undo is not None
    assert "Contact put back" in ada.client.post(undo[1], {"next": "/contacts/"}, follow=True).text
    assert own(ada) == ["Bob Berg"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "A", "address": "nonsense"}, "“nonsense” is not a mail address."),
        ({"name": "A", "birthday": "12.4.1985"}, "Write it as 1985-04-12"),
        ({"note": "Precious"}, "Say at least a name, an address or a number."),
    ],
)
def test_a_mistake_is_said_where_it_is_and_nothing_is_lost(ada: Any, fields: dict[str, str], said: str) -> None:
    answer = ada.client.post("/contacts/new/", {"note": "Precious"} | fields)
    assert answer.status_code == 422
    assert said in answer.text
    assert "Precious" in answer.text
    assert all(value in answer.text for value in fields.values())
    assert not Contact.objects.exists()


def test_what_came_from_a_vcard_survives_an_edit(ada: Any) -> None:
    [card] = read(APPLE.encode())
    contact = book.save(ada.user, card)
    html = page(ada, f"/contacts/{contact.pk}/edit/")
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input class="input[^"]*" id="[^"]+" name="([^"]+)" value="([^"]*)"', html):
        fields.setdefault(name, []).append(value)
    fields["note"] = [card.note]
    answer = ada.client.post(f"/contacts/{contact.pk}/edit/", fields)
    assert answer.status_code == 302
    assert book.card_of(Contact.objects.get(pk=contact.pk)) == card


def test_groups_are_made_filled_renamed_and_given_up(ada: Any) -> None:
    one, two = add(ada, "One", "one@x.test"), add(ada, "Two")
    ada.client.post("/contacts/groups/new/", {"name": " Choir "})
    group = ContactGroup.objects.get(user=ada.user)
    ada.client.post("/contacts/picked/", {"id": [one.pk, two.pk], "do": "group", "group": group.pk})
    assert names(page(ada, f"/contacts/?group={group.pk}")) == ["One", "Two"]
    action = re.search(r'action="(/compose/[^"]+)"', page(ada, f"/contacts/?group={group.pk}"))
    assert action is not None
    ada.client.post(action[1])
    assert OutgoingMessage.objects.get(user=ada.user).to == "One <one@x.test>"
    ada.client.post("/contacts/groups/new/", {"name": "Work"})
    refused = ada.client.post(f"/contacts/group/{group.pk}/rename/", {"name": "WORK"}, follow=True)
    assert "There is a group “WORK” already." in refused.text
    ada.client.post(f"/contacts/group/{group.pk}/rename/", {"name": "Singers"})
    assert "Singers" in page(ada, "/contacts/")
    ada.client.post(f"/contacts/{one.pk}/edit/", {"name": "One", "address": "one@x.test"})
    assert names(page(ada, f"/contacts/?group={group.pk}")) == ["Two"]
    ada.client.post(f"/contacts/group/{group.pk}/delete/")
    assert own(ada) == ["One", "Two"]


def test_several_are_deleted_at_once_and_put_back(ada: Any, bob: Any) -> None:
    mine, theirs = [add(ada, "A"), add(ada, "B")], add(bob, "C")
    html = ada.client.post(
        "/contacts/picked/", {"id": [*(each.pk for each in mine), theirs.pk, "x"], "do": "delete"}, follow=True
    ).text
    assert "2 contacts deleted" in html
    assert (own(ada), own(bob)) == ([], ["C"])


def test_duplicates_are_looked_at_before_they_become_one(ada: Any) -> None:
    one = add(ada, "Ann", "ann@x.test", title="Boss")
    two = add(ada, "ANN", "ann@home.test", title="Chair")
    html = page(ada, "/contacts/duplicates/")
    look = re.search(r'href="(/contacts/merge/[^"]+)"', html)
    assert look is not None
    html = page(ada, look[1].replace("&amp;", "&"))
    assert "ann@x.test" in html
    assert "ann@home.test" in html
    assert sorted(own(ada)) == ["ANN", "Ann"]
    answer = ada.client.post("/contacts/merge/", {"id": [one.pk, two.pk], "first": two.pk}, follow=True)
    card = book.card_of(Contact.objects.get(user=ada.user, removed_at__isnull=True))
    assert (card.name, card.title) == ("ANN", "Chair")
    assert card.note == "Name: Ann\nTitle: Boss"
    assert {address for _, address in card.addresses} == {"ann@x.test", "ann@home.test"}
    undo = re.search(r'action="(/undo/[^"]+)"', answer.text)
    assert undo is not None
    ada.client.post(undo[1])
    assert sorted(own(ada)) == ["ANN", "Ann"]
    assert "Choose two contacts" in ada.client.get(f"/contacts/merge/?id={one.pk}", follow=True).text


def test_whom_one_wrote_to_is_one_click_from_being_a_contact(ada: Any, indexed: Any) -> None:
    other = ada.another("ada@work.test")
    for person in (ada, other):
        person.arrive("Mine", "Sent", to=[Address("Carla", "carla@x.test")])
    ada.arrive("Mine", "Sent", to=[Address("", "dora@x.test")])
    ada.arrive(sender="Heard <heard@x.test>")
    indexed()
    assert sorted(names(page(ada, "/contacts/written/"))) == ["Carla", "dora@x.test"]
    carla = CollectedAddress.objects.filter(user=ada.user, key="carla@x.test").order_by("-last_written")[0]
    html = ada.client.post(f"/contacts/written/{carla.pk}/add/", {"next": "/contacts/written/"}, follow=True).text
    assert "“Carla” added to your contacts" in html
    assert names(html.partition("<main")[2]) == ["dora@x.test"]
    dora = CollectedAddress.objects.get(user=ada.user, key="dora@x.test")
    ada.client.post(f"/contacts/written/{dora.pk}/forget/")
    assert "Nobody yet" in page(ada, "/contacts/written/")
    assert own(ada) == ["Carla"]


def test_people_of_a_message_are_added_in_place(ada: Any) -> None:
    message = ada.arrive(
        sender="Bob Berg <bob@example.test>", to=[Address("", ada.account.address), Address("Eve", "eve@x.test")]
    )
    add(ada, "Evelyn", "EVE@x.test")
    html = ada.fragment(f"/message/{message.pk}/people/").text
    assert html.count("data-add-contact") == 1
    assert "In your contacts" in html
    assert ada.account.address not in html
    answer = ada.post("/contacts/add/", name="Bob Berg", address="bob@example.test")
    assert "In your contacts" in answer.text
    assert own(ada) == ["Bob Berg", "Evelyn"]
    assert "already" in ada.client.post("/contacts/add/", {"address": "BOB@example.test"}, follow=True).text
    assert "is not a mail address" in ada.client.post("/contacts/add/", {"address": "x\r\ny"}, follow=True).text
    assert len(own(ada)) == 2
    assert "Bob Berg" in page(ada, f"/message/{message.pk}/people/")


def test_a_card_in_mail_is_taken_in_like_a_file(ada: Any) -> None:
    message = arrive(ada, (MAIL / "vcard.eml").read_bytes())
    html = ada.client.get(f"/message/{message.pk}/findings/").text
    action = re.search(r'action="(/message/\d+/card/[^"]+)"', html)
    assert action is not None
    look = ada.client.post(action[1])
    assert look.status_code == 302
    assert ada.client.post(look["Location"]).status_code == 302
    assert len(own(ada)) == 1
    assert ada.client.post(f"/message/{message.pk}/card/1/").status_code in {302, 404}
    assert len(own(ada)) == 1


def test_a_file_is_looked_at_before_it_is_taken_in(ada: Any) -> None:
    file = SimpleUploadedFile("all.vcf", (APPLE + GOOGLE + "BEGIN:VCARD\nFN:Bad\nEMAIL:x\nEND:VCARD").encode())
    look = ada.client.post("/contacts/import/", {"file": file})
    html = page(ada, look["Location"])
    assert "Bob Berg" in html
    assert "“x” is not a mail address" in html
    assert own(ada) == []
    assert "Contacts: 3 added" in ada.client.post(look["Location"], follow=True).text
    assert not ContactImport.objects.exists()
    assert ada.client.get(look["Location"]).status_code == 404
    exported = b"".join(ada.client.get("/contacts/export/?version=3.0"))
    again = ada.client.post("/contacts/import/", {"file": SimpleUploadedFile("e.vcf", exported)})
    assert "Everybody in this file is in your contacts already" in page(ada, again["Location"])


@pytest.mark.parametrize("data", [b"", b"GIF89a"])
def test_a_file_that_is_none_is_said_next_to_the_field(ada: Any, data: bytes) -> None:
    answer = ada.client.post("/contacts/import/", {"file": SimpleUploadedFile("x.vcf", data)})
    assert answer.status_code == 422
    assert 'id="file-error"' in answer.text


def test_vcards_of_all_of_a_group_and_of_one(ada: Any, bob: Any) -> None:
    one = add(ada, "One", "one@x.test", categories=["Choir"])
    add(ada, "Two")
    add(bob, "Secret")
    group = ContactGroup.objects.get(user=ada.user)

    def told(url: str) -> list[str]:
        answer = ada.client.get(url)
        assert answer["Content-Type"].startswith("text/vcard")
        assert "attachment" in answer["Content-Disposition"]
        return [card.name for card in read(b"".join(answer))]

    assert told("/contacts/export/") == ["One", "Two"]
    assert told(f"/contacts/export/?group={group.pk}") == ["One"]
    assert told(f"/contacts/{one.pk}/card/") == ["One"]
    assert ada.client.get("/contacts/export/?group=0").status_code == 404


def test_write_to_opens_a_draft_for_the_contact(ada: Any) -> None:
    contact = add(ada, "Berg, Bob", "bob@x.test")
    action = re.search(r'action="(/compose/\?[^"]+)"', page(ada, f"/contacts/{contact.pk}/"))
    assert action is not None
    ada.client.post(action[1])
    assert OutgoingMessage.objects.get(user=ada.user).to == '"Berg, Bob" <bob@x.test>'


def test_what_belongs_to_somebody_else_is_not_touched(ada: Any, bob: Any) -> None:
    theirs, group = add(ada, "Secret", "s@x.test"), ContactGroup.objects.create(user=ada.user, name="G", key="g")
    mine = add(bob, "Mine", "m@x.test")
    collect(ada, "Hidden", "h@x.test", last_written=timezone.now(), written=1)
    bob.client.post("/contacts/picked/", {"id": [mine.pk], "do": "group", "group": group.pk})
    bob.client.post("/contacts/merge/", {"id": [mine.pk, theirs.pk]})
    bob.client.post(f"/contacts/{mine.pk}/edit/", {"name": "Mine", "group": group.pk})
    assert bob.client.get(f"/contacts/?group={group.pk}").status_code == 404
    assert not group.members.exists()
    assert own(ada) == ["Secret"]
    for url in ("/contacts/", "/contacts/written/", "/contacts/duplicates/", f"/contacts/?q=secret&after={theirs.pk}"):
        html = bob.client.get(url).text
        assert "Secret" not in html
        assert "Hidden" not in html


def test_pages_ask_the_same_for_few_and_many(
    ada: Any, indexed: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for count in (10, 20):
        for number in range(count):
            add(ada, f"Twin {number % 5}", f"p{number}@x{count}.test", categories=[f"Group {number % 3}"])
            ada.arrive("Mine", "Sent", to=[Address(f"W{number}", f"w{number}@x{count}.test")])
        message = ada.arrive(to=[Address("", f"t{number}@x{count}.test") for number in range(count)])
        indexed()
        one = Contact.objects.filter(user=ada.user)[0]
        for url, queries in (
            ("/contacts/", 5),
            (f"/contacts/{one.pk}/", 8),
            (f"/contacts/{one.pk}/edit/", 8),
            ("/contacts/written/", 6),
            ("/contacts/duplicates/", 9),
            (f"/message/{message.pk}/people/", 5),
        ):
            ada.client.get(url)
            with django_assert_num_queries(queries, info=url):
                assert ada.client.get(url).status_code == 200
    assert reverse("contacts") == "/contacts/"

"""Whom the composer offers: ranked, in any script, from contacts, groups and mail, of one person alone."""

import json
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Identity
from webmail.contacts import suggest as suggest_module
from webmail.contacts.suggest import suggest
from webmail.contacts.words import codes, of_address, searchable
from webmail.models import CollectedAddress, CollectedCode, Contact, ContactAddress, ContactGroup


def collect(person: Any, name: str, address: str, rank: float = 40, **fields: Any) -> CollectedAddress:
    made = CollectedAddress.objects.create(
        user=person.user,
        account=fields.pop("account", person.account),
        name=name,
        address=address,
        key=address.casefold(),
        rank=rank,
        search=of_address(name, address),
        **fields,
    )
    CollectedCode.objects.bulk_create(
        CollectedCode(user=person.user, code=code, collected=made) for code in codes(made.search)
    )
    return made


def contact(person: Any, name: str, *addresses: str, rank: float = 0, organisation: str = "") -> Contact:
    made = Contact.objects.create(
        user=person.user, uid=f"{name}-{person.user.pk}", name=name, organisation=organisation
    )
    for address in addresses:
        ContactAddress.objects.create(
            user=person.user,
            contact=made,
            address=address,
            key=address.casefold(),
            rank=rank,
            search=searchable(name, organisation, address),
        )
    return made


def offered(person: Any, text: str) -> list[str]:
    answer = person.client.get(reverse("compose-people"), {"q": text})
    assert "no-store" in answer["Cache-Control"]
    return [each["address"] or each["name"] for each in json.loads(answer.content)["people"]]


@pytest.mark.database
@pytest.mark.parametrize(
    ("name", "address", "typed"),
    [
        ("Björn Ångström", "b@x.test", "angstrom bjo"),
        ("Bjorn Angstrom", "b@x.test", "Ångst"),
        ("山田太郎", "t@x.test", "太郎"),
        ("Юлия Петрова", "u@x.test", "ПЕТР юл"),
        ("Jean-Luc O’Neil", "jl@x.test", "o'n luc"),
        ("", "sales.north@big-company.test", "company"),
        ("", "sales.north@big-company.test", "sales.north@big"),
        ("", "sales.north@big-company.test", "north big-co"),
        ("Ｆｕｌｌ", "f@x.test", "full"),
        ("Straße", "s@x.test", "STRASS"),
    ],
)
def test_words_in_any_script_and_order(ada: Any, name: str, address: str, typed: str) -> None:
    collect(ada, name, address)
    assert offered(ada, typed) == [address]


@pytest.mark.database
@pytest.mark.parametrize("typed", ["", " ", "%", "_", "\\", "'", "\0", "@", "öl", "ö" * 500, "x " * 90])
def test_what_fits_nobody_is_answered_with_nobody(ada: Any, typed: str) -> None:
    collect(ada, "Ann", "ann@y.test")
    assert offered(ada, typed) == []


def test_a_word_is_found_by_its_beginning_and_not_by_its_middle(ada: Any) -> None:
    collect(ada, "Hannah", "hannah@y.test")
    assert offered(ada, "anna") == []
    assert offered(ada, "hann") == ["hannah@y.test"]


def test_the_likeliest_first_contacts_weigh_and_oneself_comes_last(ada: Any) -> None:
    Identity.objects.filter(account=ada.account).update(name="Ada Ant")
    collect(ada, "Anton", "anton@x.test", 45)
    collect(ada, "Anne", "anne@x.test", 44)
    collect(ada, "Ada Ant", ada.account.address, 60)
    contact(ada, "Antje", "antje@x.test", rank=43)
    assert offered(ada, "an") == ["antje@x.test", "anton@x.test", "anne@x.test", ada.account.address]


def test_what_is_typed_may_begin_the_name(ada: Any) -> None:
    collect(ada, "Joe Berg", "joe@x.test", 40.5)
    collect(ada, "Bergit", "bergit@x.test", 40)
    assert offered(ada, "berg") == ["bergit@x.test", "joe@x.test"]


def test_an_address_comes_once_with_the_name_the_contact_has(ada: Any) -> None:
    other = ada.another("ada@work.test")
    collect(ada, "B", "bob@x.test", 40)
    collect(ada, "", "bob@x.test", 41, account=other.account)
    assert [each.name for each in suggest(ada.user.pk, "bob")] == ["B"]
    contact(ada, "Robert Berg", "bob@x.test", "robert@x.test", rank=41, organisation="Bergwerk")
    found = suggest(ada.user.pk, "bob")
    assert [(each.kind, each.name, each.address) for each in found] == [("contact", "Robert Berg", "bob@x.test")]
    assert set(offered(ada, "bergw")) == {"bob@x.test", "robert@x.test"}


def test_a_removed_contact_is_not_offered(ada: Any) -> None:
    gone = contact(ada, "Gone", "gone@x.test")
    Contact.objects.filter(pk=gone.pk).update(removed_at=timezone.now())
    assert offered(ada, "gone") == []


def test_a_group_opens_into_its_members(ada: Any) -> None:
    group = ContactGroup.objects.create(user=ada.user, name="Choir & friends", key="choir")
    group.members.add(
        contact(ada, "Zoe, Alt", "zoe@x.test", "zoe@home.test"),
        contact(ada, "Nobody"),
        contact(ada, "Bob", "bob@x.test"),
    )
    ContactGroup.objects.create(user=ada.user, name="Choir without anybody", key="empty")
    answer = json.loads(ada.client.get(reverse("compose-people"), {"q": "choir"}).content)["people"]
    assert [(each["kind"], each["name"], each["detail"]) for each in answer] == [
        ("group", "Choir & friends", "2 people")
    ]
    assert {each["address"] for each in answer[0]["members"]} == {"zoe@x.test", "bob@x.test"}
    assert '"Zoe, Alt" <zoe@x.test>' in answer[0]["text"]


def test_a_group_comes_first_only_by_its_whole_name(ada: Any) -> None:
    group = ContactGroup.objects.create(user=ada.user, name="Book club", key="book club")
    group.members.add(contact(ada, "Zoe", "zoe@x.test"))
    for number in range(9):
        collect(ada, f"Booker {number}", f"b{number}@x.test", 50 - number)
    assert [each.name for each in suggest(ada.user.pk, "book")] == [*(f"Booker {n}" for n in range(7)), "Book club"]
    assert suggest(ada.user.pk, "BOOK club")[0].kind == "group"


def test_forgetting_hides_what_was_collected_until_it_is_written_to_again(ada: Any, bob: Any) -> None:
    collect(ada, "Wrong", "Wrong@x.test")
    collect(bob, "Wrong", "Wrong@x.test")
    assert ada.client.post(reverse("compose-people-forget"), {"address": "wrong@x.test"}).status_code == 204
    assert offered(ada, "wrong") == []
    assert offered(bob, "wrong") == ["Wrong@x.test"]


def test_nobody_is_offered_the_people_of_somebody_else(ada: Any, bob: Any) -> None:
    collect(ada, "Secret", "secret@x.test")
    contact(ada, "Secret two", "secret2@x.test")
    ContactGroup.objects.create(user=ada.user, name="Secret three", key="s").members.add(
        contact(ada, "Secret four", "secret4@x.test")
    )
    assert offered(bob, "secret") == []
    assert len(offered(ada, "secret")) == 4


def test_what_is_typed_costs_the_same_for_few_and_many(
    ada: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for count in (10, 20):
        for number in range(count):
            collect(ada, f"Max {count}", f"max{number}@c{count}.test")
            contact(ada, f"Max {count} {number}", f"max{number}@k{count}.test")
        suggest(ada.user.pk, "max")
        with django_assert_num_queries(5):
            assert len(suggest(ada.user.pk, "max")) == 8


@pytest.mark.database
@pytest.mark.parametrize("many", [1, 300])
def test_what_many_begin_with_and_what_few_begin_with_is_found_alike(
    ada: Any, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suggest_module, "MANY", many)
    collect(ada, "Maximilian Berg", "max@x.test", 40)
    collect(ada, "Maxine Tal", "maxine@y.test", 39)
    collect(ada, "李 Max", "li@z.test", 38)
    assert offered(ada, "m") == ["max@x.test", "maxine@y.test", "li@z.test"]
    assert offered(ada, "max") == ["max@x.test", "maxine@y.test", "li@z.test"]
    assert offered(ada, "maxi") == ["max@x.test", "maxine@y.test"]
    assert offered(ada, "maximil") == offered(ada, "ber m") == offered(ada, "max@x") == ["max@x.test"]
    assert offered(ada, "max zzz") == []
    assert offered(ada, "李") == ["li@z.test"]

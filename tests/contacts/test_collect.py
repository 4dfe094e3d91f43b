"""Addresses collected from mail: each message once, the right ones, cheaply, and only for their own person."""

import importlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import MailAccount
from accounts.removal import remove_account
from webmail.contacts import collect, weight
from webmail.contacts.known import knows
from webmail.mime.headers import Address
from webmail.models import CollectedAddress, CollectedPast, Contact, ContactAddress, Message, OutgoingMessage

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def collected(person: Any) -> dict[str, CollectedAddress]:
    return {each.address: each for each in CollectedAddress.objects.filter(user=person.user).order_by("-rank")}


def write_to(person: Any, *people: Address, **fields: Any) -> Message:
    return person.arrive("Mine", "Sent", sender=f"Me <{person.account.address}>", to=list(people), **fields)


def test_who_wrote_and_who_was_written_to(ada: Any, indexed: Any) -> None:
    ada.arrive(sender="Bob Berg <bob@example.test>")
    ada.arrive(sender="Robert <Bob@Example.test>")
    write_to(ada, Address("", "bob@example.test"), Address("Carla", "carla@example.test"), cc=[Address("", "d@x.test")])
    indexed()
    found = collected(ada)
    assert {each.key for each in found.values()} == {"bob@example.test", "carla@example.test", "d@x.test"}
    bob = CollectedAddress.objects.get(user=ada.user, key="bob@example.test")
    assert (bob.heard, bob.written, bob.name) == (2, 1, "Robert")
    assert found["carla@example.test"].written == 1
    assert bob.rank > found["carla@example.test"].rank
    indexed()
    assert CollectedAddress.objects.get(pk=bob.pk).heard == 2


@pytest.mark.parametrize("folder", ["Junk", "Trash", "Drafts"])
def test_what_lies_aside_is_not_collected(ada: Any, indexed: Any, folder: str) -> None:
    ada.arrive(folder=folder)
    indexed()
    assert collected(ada) == {}


@pytest.mark.parametrize(
    "address",
    [
        "no-reply@shop.test",
        "noreply+1@shop.test",
        "info-noreply@shop.test",
        "mailer-daemon@x.test",
        "bounces+a=b@x.test",
    ],
)
def test_machines_are_collected_only_once_they_are_written_to(ada: Any, indexed: Any, address: str) -> None:
    ada.arrive(sender=f"Shop <{address}>")
    indexed()
    assert collected(ada) == {}
    write_to(ada, Address("", address))
    indexed()
    assert set(collected(ada)) == {address}


@pytest.mark.parametrize("address", ["renoreply@x.test", "newsome@x.test", "ann.requester@x.test"])
def test_people_are_no_machines(ada: Any, indexed: Any, address: str) -> None:
    ada.arrive(sender=f"X <{address}>")
    indexed()
    assert set(collected(ada)) == {address}


def test_a_forged_sender_does_not_put_words_into_ones_mouth(ada: Any, indexed: Any) -> None:
    """Only what lies in Sent was written; an address of one's own in From is anybody's to write."""
    ada.arrive(sender=f"Me <{ada.account.address}>", to=[Address("Evil", "evil@x.test")])
    indexed()
    assert collected(ada) == {}


@pytest.mark.parametrize("bad", ["", "no address", "a@b\r\nBcc: x@y.test", "a" * 400 + "@x.test", "a\0@x.test"])
def test_what_is_no_address_is_not_collected(ada: Any, indexed: Any, bad: str) -> None:
    write_to(ada, Address("X", bad), Address("Good", "good@x.test"))
    indexed()
    assert set(collected(ada)) == {"good@x.test"}


def test_a_date_in_the_future_brings_nobody_to_the_top(ada: Any, indexed: Any) -> None:
    ada.arrive(sender="Spam <spam@x.test>", internaldate=datetime(2100, 1, 1, tzinfo=UTC))
    write_to(ada, Address("Ann", "ann@x.test"), internaldate=timezone.now())
    indexed()
    assert list(collected(ada)) == ["ann@x.test", "spam@x.test"]


def test_weights_keep_their_order_for_ever() -> None:
    often = weight.NONE
    for day in range(30):
        often = weight.together(often, weight.of_mail(weight.HEARD, NOW - timedelta(days=400 + day), NOW))
    once = weight.of_mail(weight.HEARD, NOW - timedelta(days=2), NOW)
    assert once > often
    assert weight.of_mail(weight.WRITTEN, NOW - timedelta(days=60), NOW) > once
    assert weight.of_mail(1, datetime(1, 1, 1, tzinfo=UTC), NOW) < once
    both = weight.of_mail(1, NOW, NOW)
    assert weight.together(both, both) == pytest.approx(both + 1)


def test_what_is_sent_is_known_at_once_and_counted_once(ada: Any, indexed: Any) -> None:
    outgoing = OutgoingMessage.objects.create(user=ada.user, account=ada.account, to="Ann <ann@x.test>", bcc="b@x.test")
    collect.sent([outgoing])
    assert set(collected(ada)) == {"ann@x.test", "b@x.test"}
    assert collected(ada)["ann@x.test"].written == 0
    write_to(ada, Address("Ann", "ann@x.test"))
    indexed()
    assert collected(ada)["ann@x.test"].written == 1


def test_mail_from_before_is_gone_through_once_in_chunks(
    ada: Any, indexed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect, "CHUNK", 3)
    for number in range(7):
        ada.arrive(sender=f"P <p{number}@x.test>")
    indexed()
    CollectedAddress.objects.all().delete()
    last = Message.objects.order_by("-pk").values_list("pk", flat=True)[0]
    CollectedPast.objects.create(upto=last, cursor=last)
    ada.arrive(sender="New <new@x.test>")
    assert [collect.go_through_past() for _ in range(4)] == [True, True, True, False]
    indexed()
    assert {each.heard for each in collected(ada).values()} == {1}
    assert len(collected(ada)) == 8
    assert not CollectedPast.objects.exists()


def test_removing_an_account_takes_what_came_from_it(ada: Any, indexed: Any) -> None:
    work = ada.another("ada@work.test")
    work.arrive(sender="Boss <boss@work.test>")
    work.arrive(sender="Both <both@x.test>")
    ada.arrive(sender="Both <both@x.test>")
    indexed()
    remove_account(MailAccount.objects.get(pk=work.account.pk))
    assert set(collected(ada)) == {"both@x.test"}


def test_a_batch_asks_the_same_for_few_and_many(ada: Any, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    def messages(count: int) -> list[Message]:
        made = [ada.arrive(sender=f"P{number} <p{number}@x{count}.test>") for number in range(count)]
        return list(Message.objects.filter(pk__in=[each.pk for each in made]).select_related("account"))

    for count in (10, 20):
        batch = messages(count)
        with django_assert_num_queries(8):
            collect.indexed(batch)


def test_the_least_likely_go_where_there_are_too_many(ada: Any, indexed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "MOST_KEPT", 2)
    for number in range(4):
        ada.arrive(sender=f"P <p{number}@x.test>")
    indexed()
    collect.prune()
    assert list(collected(ada)) == ["p3@x.test", "p2@x.test"]


def test_known_are_contacts_and_whom_one_wrote_to(
    ada: Any, bob: Any, indexed: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ada.arrive(sender="Stranger <stranger@x.test>")
    write_to(ada, Address("", "Friend@x.test"))
    contact = Contact.objects.create(user=ada.user, uid="1", name="C")
    ContactAddress.objects.create(user=ada.user, contact=contact, address="c@x.test", key="c@x.test")
    indexed()
    asked = ["stranger@x.test", "friend@X.test", "C@x.test", "", "nobody@x.test"]
    knows(ada.user.pk, asked)
    with django_assert_num_queries(1):
        assert knows(ada.user.pk, asked) == {"friend@X.test", "C@x.test"}
    assert knows(bob.user.pk, asked) == set()
    assert knows(ada.user.pk, []) == set()


def test_the_migration_notes_mail_that_is_here_already(ada: Any) -> None:
    note_past = importlib.import_module("webmail.migrations.0018_contacts").note_past
    note_past(apps, None)
    assert not CollectedPast.objects.exists()
    message = ada.arrive()
    note_past(apps, None)
    assert CollectedPast.objects.values_list("upto", "cursor").get() == (message.pk, message.pk)

"""Prepared queries answer as the ORM would, with the values of each call, in every thread."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.db.models import Exists, OuterRef
from django.test.utils import CaptureQueriesContext

from webmail.models import Folder, Message, PendingAction
from webmail.models.prepared import Prepared, PreparedUpdate, Slot
from webmail.sync import actions

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def in_folder() -> Prepared[Message]:
    return Prepared(
        lambda: (
            Message.objects.select_related("account", "shown_in")
            .filter(folder_id=Slot("folder"), internaldate__gte=Slot("since"))
            .defer("structure")
            .order_by("-internaldate", "-id")
        )
    )


def test_models_come_whole_with_what_is_selected_beside_them(folders, arrive):
    old, new = arrive(folders["INBOX"], "Old"), arrive(folders["INBOX"], "New")
    arrive(folders["Sent"], "Elsewhere")
    query = in_folder()
    since = old.internaldate - timedelta(days=1)
    found = query(folder=folders["INBOX"].pk, since=since)
    assert {message.pk for message in found} == {old.pk, new.pk}
    with CaptureQueriesContext(connection) as queries:
        assert {message.account.address for message in found} == {"ada@example.test"}
        assert {message.shown_in.name for message in found if message.shown_in} == {"INBOX"}
    assert not queries.captured_queries
    assert found[0].recipients == Message.objects.get(pk=found[0].pk).recipients
    assert found[0].internaldate == Message.objects.get(pk=found[0].pk).internaldate
    assert found[0].get_deferred_fields() == {"structure"}
    assert found[0].structure == Message.objects.get(pk=found[0].pk).structure


def test_every_call_has_its_own_values_and_sees_what_is_there_now(folders, arrive):
    query = in_folder()
    message = arrive(folders["INBOX"])
    since = message.internaldate - timedelta(days=1)
    assert [each.pk for each in query(folder=folders["INBOX"].pk, since=since)] == [message.pk]
    assert query(folder=folders["Sent"].pk, since=since) == []
    assert query(folder=folders["INBOX"].pk, since=message.internaldate + timedelta(seconds=1)) == []
    later = arrive(folders["INBOX"])
    assert {each.pk for each in query(folder=folders["INBOX"].pk, since=since)} == {message.pk, later.pk}
    assert query.first(folder=folders["Sent"].pk, since=since) is None


def test_values_are_converted_as_the_orm_does(account, folders, arrive):
    message = arrive(folders["INBOX"])
    actions.store(account.user, [message], "flagged", value=True)
    waiting = PendingAction.objects.filter(message_id=OuterRef("pk"))
    columns = ("pk", "internaldate", "flagged", "recipients", "shown_in__name")
    query = Prepared(
        lambda: Message.objects.filter(pk=Slot("pk"), account__user_id=Slot("user")).values_list(
            *columns, Exists(waiting)
        )
    )
    expected = [(*row, True) for row in Message.objects.filter(pk=message.pk).values_list(*columns)]
    assert query(pk=message.pk, user=account.user_id) == expected
    assert query(pk=message.pk, user=account.user_id + 1) == []


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
def test_an_id_that_no_column_can_hold_is_nobodys(number):
    query = Prepared(lambda: Folder.objects.filter(pk=Slot("pk")))
    assert query(pk=number) == []
    assert PreparedUpdate(lambda: Folder.objects.filter(pk=Slot("pk")), name="x")(pk=number) == 0


def test_a_value_is_a_value_and_never_sql(folders):
    query = Prepared(lambda: Folder.objects.filter(name=Slot("name")).values_list("name"))
    assert query(name="x' OR '1'='1") == []
    assert query(name="%s") == []
    assert query(name="INBOX") == [("INBOX",)]


def test_an_update_changes_the_rows_it_names(folders):
    update = PreparedUpdate(lambda: Folder.objects.filter(pk=Slot("pk")), name=Slot("name"), total=Slot("total"))
    inbox, sent = folders["INBOX"], folders["Sent"]
    assert update(pk=inbox.pk, name="%s'", total=3) == 1
    assert update(pk=0, name="nobody's", total=3) == 0
    assert Folder.objects.filter(pk=inbox.pk, name="%s'", total=3).exists()
    assert Folder.objects.get(pk=sent.pk).name == "Sent"


@pytest.mark.django_db(transaction=True)
def test_threads_do_not_get_in_each_others_way(folders):
    query = Prepared(lambda: Folder.objects.filter(name=Slot("name")).values_list("name"))

    def ask(name: str) -> list[tuple[str]]:
        try:
            return [row for _ in range(30) for row in query(name=name)]
        finally:
            connections.close_all()

    names = ["INBOX", "Sent"] * 4
    with ThreadPoolExecutor(max_workers=4) as executor:
        for name, rows in zip(names, executor.map(ask, names), strict=True):
            assert rows == [(name,)] * 30


def test_a_list_has_any_length_and_an_empty_one_finds_nothing(folders):
    query = Prepared(lambda: Folder.objects.filter(pk__in=[Slot("ids")], name__startswith=Slot("start")))
    ids = [folder.pk for folder in folders.values()]
    for many in (ids, ids[:1], ids[:3], ids * 100):
        assert {folder.pk for folder in query(ids=many, start="")} == set(many)
    assert [folder.name for folder in query(ids=ids, start="INB")] == ["INBOX"]
    assert query(ids=[], start="") == []


def test_an_update_of_a_list_and_to_nothing(folders, arrive):
    message, other = arrive(folders["INBOX"]), arrive(folders["INBOX"])
    show = PreparedUpdate(lambda: Message.objects.filter(pk__in=[Slot("ids")]), shown_in=Slot("folder"))
    assert show(ids=[message.pk, other.pk], folder=folders["Sent"].pk) == 2
    assert show(ids=[message.pk], folder=None) == 1
    assert show(ids=[], folder=None) == 0
    assert list(Message.objects.order_by("pk").values_list("shown_in", flat=True)) == [None, folders["Sent"].pk]

"""Sessions: stored once, found by their key alone, and leading straight to the mail."""

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.landing import landing
from accounts.models import MailAccount, User
from accounts.sessions import SessionStore
from webmail.models import Folder, SpecialUse

pytestmark = pytest.mark.django_db


def test_a_new_session_is_stored_once_and_holds_what_was_put_in() -> None:
    store = SessionStore()
    store["before"] = 1
    with CaptureQueriesContext(connection) as queries:
        store.cycle_key()
        store["after"] = 2
        store.save()
    written = [query["sql"].split()[0] for query in queries if '"django_session"' in query["sql"]]
    assert [verb for verb in written if verb != "SELECT"] == ["INSERT"]
    assert dict(SessionStore(store.session_key).items()) == {"before": 1, "after": 2}
    store["later"] = 3
    store.save()
    assert Session.objects.count() == 1


def test_a_key_made_up_by_a_browser_becomes_nobodys_session() -> None:
    made_up = "m" * 32
    store = SessionStore(made_up)
    store["left"] = "something"
    store.save()
    assert store.session_key != made_up
    assert not Session.objects.filter(session_key=made_up).exists()


def test_who_signs_in_again_gets_another_key_and_the_old_one_ends() -> None:
    store = SessionStore()
    store["kept"] = 1
    store.save()
    before = store.session_key
    store.cycle_key()
    store.save()
    assert store.session_key != before
    assert SessionStore(store.session_key)["kept"] == 1
    assert not Session.objects.filter(session_key=before).exists()


def test_a_person_lands_in_the_inbox_or_in_that_of_all_accounts() -> None:
    user = User.objects.create(username="ada")
    assert landing(user.pk) == ""
    for number, expected in ((1, "/folder/"), (2, "/inbox/")):
        account = MailAccount.objects.create(user=user, address=f"{number}@example.test", username=str(number))
        Folder.objects.create(account=account, name="INBOX", special_use=SpecialUse.INBOX)
        assert landing(user.pk).startswith(expected)
    assert landing(user.pk + 1) == ""

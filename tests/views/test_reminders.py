"""An answer that is waited for: begun with the sending, cancelled by the answer, told once."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.views.conftest import Person
from webmail.models import Notice, OutgoingMessage, Reminder
from webmail.sync import reminders

State = Reminder.State
SENT = "sent-1@example.test"


def sent_row(ada: Person, **values: Any) -> OutgoingMessage:
    fields: dict[str, Any] = {
        "to": "Bob Berg <bob@example.test>",
        "subject": "Offer",
        "message_id": SENT,
        "state": "sent",
        "sent_at": timezone.now() - timedelta(days=4),
        "remind_after": 3,
    }
    return OutgoingMessage.objects.create(user=ada.user, account=ada.account, **(fields | values))


def file(ada: Person, row: OutgoingMessage) -> Any:
    """Its copy in Sent."""
    return ada.arrive("Offer", "Sent", message_id=SENT, sender=f"Ada <{ada.account.address}>", internaldate=row.sent_at)


def answer(ada: Person, **fields: Any) -> Any:
    values = {"references": [SENT], "in_reply_to": [SENT], "internaldate": timezone.now() - timedelta(days=1)}
    return ada.arrive(fields.pop("subject", "Re: Offer"), fields.pop("folder", "INBOX"), **(values | fields))


def test_it_begins_with_the_sending_and_is_told_once(ada: Person) -> None:
    row = sent_row(ada)
    file(ada, row)
    assert reminders.run_due() == 1
    assert reminders.run_due() == 0
    reminder = Reminder.objects.get()
    assert (reminder.state, reminder.to, reminder.sent_at) == (State.DUE, "Bob Berg", row.sent_at)
    notice = Notice.objects.get(user=ada.user)
    assert notice.reminder == reminder
    assert notice.text.startswith("No answer yet from Bob Berg to “Offer”, sent on ")


def test_what_is_not_sent_waits_for_no_answer(ada: Person) -> None:
    sent_row(ada, state="queued", sent_at=None)
    reminders.run_due()
    assert not Reminder.objects.exists()


def test_before_its_time_nothing_is_told(ada: Person) -> None:
    file(ada, sent_row(ada, sent_at=timezone.now() - timedelta(days=2)))
    assert reminders.run_due() == 0
    assert Reminder.objects.get().state == State.WAITING


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"subject": "Quite another subject"},
        {"folder": "Archive"},
        {"sender": "Carl <carl@elsewhere.test>"},
    ],
)
def test_an_answer_cancels_it(ada: Person, fields: dict[str, Any]) -> None:
    file(ada, sent_row(ada))
    answer(ada, **fields)
    assert reminders.run_due() == 0
    assert Reminder.objects.get().state == State.ANSWERED


def test_an_answer_in_another_account_cancels_it(ada: Person) -> None:
    file(ada, sent_row(ada))
    answer(ada.another("ada@work.test"))
    assert reminders.run_due() == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"sender": "Ada <ada@example.test>"},
        {"sender": "Mail <MAILER-DAEMON@example.test>"},
        {"folder": "Junk"},
        {"references": ["other@example.test"], "in_reply_to": [], "subject": "News"},
    ],
)
def test_what_is_no_answer_does_not(ada: Person, fields: dict[str, Any]) -> None:
    file(ada, sent_row(ada))
    answer(ada, **fields)
    assert reminders.run_due() == 1


def test_an_answer_of_somebody_elses_mailbox_does_not(ada: Person, bob: Person) -> None:
    file(ada, sent_row(ada))
    answer(bob)
    assert reminders.run_due() == 1


def test_an_answer_that_comes_late_takes_the_notice_away(ada: Person) -> None:
    file(ada, sent_row(ada))
    reminders.run_due()
    answer(ada)
    reminders.tidy()
    assert Reminder.objects.get().state == State.ANSWERED
    assert not Notice.objects.filter(dismissed_at__isnull=True).exists()


def test_names_as_a_person_says_them() -> None:
    assert reminders.names("Ada <a@x.test>, b@x.test") == "Ada and b@x.test"
    assert reminders.names("A <a@x.test>, B <b@x.test>, C <c@x.test>, D <d@x.test>") == "A, B and 2 more"


def test_the_sidebar_leads_to_what_is_waited_for_when_nothing_is_to_be_sent(ada: Person) -> None:
    file(ada, sent_row(ada, sent_at=timezone.now()))
    assert "/outbox/" not in ada.client.get("/sidebar/").text
    reminders.begin()
    html = ada.client.get("/sidebar/").text
    assert html.count('href="/outbox/"') == 1
    assert "not sent yet" not in html
    Reminder.objects.update(state=State.DISMISSED)
    assert "/outbox/" not in ada.client.get("/sidebar/").text

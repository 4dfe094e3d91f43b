"""The list: order, paging, what a row says, and what it costs."""

import base64
import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import BadRequest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from webmail.mime.headers import Address
from webmail.models import PendingAction
from webmail.sync import actions
from webmail.views.rows import Cursor
from webmail.views.when import Clock

MOST_QUERIES_PAGE = 9
MOST_QUERIES_FRAGMENT = 5


def subjects(html: str) -> list[str]:
    return re.findall(r'<span class="subject"[^>]*>([^<]*)</span>', html)


def test_newest_conversation_stands_first(ada: Any) -> None:
    for number in range(3):
        ada.arrive(f"Number {number}")
    assert subjects(ada.client.get(ada.url()).text) == ["Number 2", "Number 1", "Number 0"]


def test_pages_join_without_gap_or_repetition(ada: Any) -> None:
    for number in range(123):
        ada.arrive(f"Number {number}")
    url, seen = ada.url(), []
    while url:
        html = ada.fragment(url).text
        seen += subjects(html)
        more = re.search(r'href="([^"]+)" data-more', html)
        url = more[1] if more else ""
    assert seen == [f"Number {number}" for number in reversed(range(123))]


def test_messages_of_the_same_second_are_not_lost_between_pages(ada: Any) -> None:
    same = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
    for number in range(70):
        ada.arrive(f"Number {number}", internaldate=same)
    first = ada.fragment(ada.url()).text
    more = re.search(r'href="([^"]+)" data-more', first)
    assert more is not None
    second = ada.fragment(more[1]).text
    assert len(set(subjects(first)) | set(subjects(second))) == 70


def test_the_next_rows_come_alone_for_the_script_and_as_a_page_without(ada: Any) -> None:
    for number in range(60):
        ada.arrive(f"Number {number}")
    more = re.search(r'href="([^"]+)" data-more', ada.client.get(ada.url()).text)
    assert more is not None
    assert ada.fragment(more[1]).text.lstrip().startswith("<li")
    assert "<!doctype html>" in ada.client.get(more[1]).text
    assert subjects(ada.client.get(more[1]).text)[0] == "Number 9"


@pytest.mark.parametrize(
    "cursor", ["x", "%00", "MTIzLjQ", "Li4", "-" * 65, "é", "MS4wMDAwMDAwMDAwMDAwMDE", "==", "MTIz\n"]
)
def test_a_garbled_cursor_is_refused_and_never_an_error(ada: Any, cursor: str) -> None:
    ada.arrive()
    answer = ada.client.get(ada.url(), {"after": cursor})
    # One of them is well-formed: it names a moment in 1970, before all mail.
    assert answer.status_code == (200 if cursor == "MTIzLjQ" else 400)


@pytest.mark.parametrize(
    "text", ["9" * 25 + ".1", "1.99999999999999999999", "-99999999999999999.1", "1.0", "1.-1", "nan.1"]
)
def test_cursors_out_of_range_are_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        Cursor.decode(base64.urlsafe_b64encode(text.encode()).decode().rstrip("="))


def test_a_cursor_survives_the_way_through_the_address() -> None:
    cursor = Cursor(datetime(2026, 11, 22, 19, 4, 5, 123456, tzinfo=UTC), 42)
    assert Cursor.decode(cursor.encode()) == cursor


def test_a_page_costs_the_same_number_of_queries_for_10_and_20_rows(ada: Any) -> None:
    counts = []
    for _ in range(2):
        for number in range(10):
            message = ada.arrive(f"Number {number}")
        actions.store(ada.user, [message], "flagged", value=True)
        with CaptureQueriesContext(connection) as page:
            ada.client.get(ada.url())
        with CaptureQueriesContext(connection) as fragment:
            ada.fragment(ada.url())
        counts.append((len(page), len(fragment)))
    assert counts[0] == counts[1]
    assert counts[0][0] <= MOST_QUERIES_PAGE
    assert counts[0][1] <= MOST_QUERIES_FRAGMENT


def test_a_row_names_the_people_of_the_conversation_and_their_number(ada: Any) -> None:
    first = ada.arrive("Plan", sender="Alice Ash <alice@example.test>")
    ada.arrive("Re: Plan", folder="Sent", sender="Ada <ada@example.test>", in_reply_to=[first.message_id])
    ada.arrive("Re: Plan", sender="Berg, Bob <bob@example.test>", in_reply_to=[first.message_id])
    html = ada.client.get(ada.url()).text
    assert "Alice, me, Bob" in html
    assert '<span class="count" title="3 messages">3</span>' in html


def test_sent_shows_whom_it_went_to(ada: Any) -> None:
    ada.arrive("Out", folder="Sent", sender="Ada <ada@example.test>", to=[Address("Carol Coe", "carol@example.test")])
    assert "To: Carol Coe" in ada.client.get(ada.url("Sent")).text


def test_unread_attachment_star_and_answer_are_said_in_words_too(ada: Any) -> None:
    ada.arrive("Marked", flags=frozenset({"\\Flagged", "\\Answered"}))
    html = ada.client.get(ada.url()).text
    assert all(word in html for word in ("Unread. ", "Starred", "Answered"))


def test_what_the_server_has_not_confirmed_is_marked(ada: Any) -> None:
    message = ada.arrive()
    assert "Not confirmed yet" not in ada.client.get(ada.url()).text
    actions.store(ada.user, [message], "seen", value=True)
    assert "Not confirmed yet" in ada.client.get(ada.url()).text
    PendingAction.objects.update(state=PendingAction.State.DONE)
    assert "Not confirmed yet" not in ada.client.get(ada.url()).text


def test_hostile_names_and_subjects_are_text(ada: Any) -> None:
    attack = "<img src=x onerror=alert(1)>\"'&\u202egpj.exe"
    message = ada.arrive(attack, sender=f"{attack} <x@example.test>", text=attack)
    for url in (ada.url(), ada.conversation_url(message)):
        html = ada.client.get(url).text
        assert "<img src=x" not in html
        assert "\u202e" not in html


def test_a_refresh_is_limited_in_size(ada: Any) -> None:
    for number in range(60):
        ada.arrive(f"Number {number}")
    assert len(subjects(ada.fragment(f"{ada.url()}?rows=100").text)) == 60
    for odd in ("-5", "x", "", "0", "99999999999999999999"):
        assert len(subjects(ada.fragment(f"{ada.url()}?rows={odd}").text)) in {50, 60}


@pytest.mark.parametrize(
    ("moment", "short"),
    [
        (datetime(2026, 11, 22, 8, 5, tzinfo=UTC), "09:05"),
        (datetime(2026, 11, 21, 23, 30, tzinfo=UTC), "00:30"),
        (datetime(2026, 11, 20, 8, 5, tzinfo=UTC), "Fri"),
        (datetime(2026, 11, 15, 8, 5, tzinfo=UTC), "15 Nov"),
        (datetime(2025, 11, 22, 8, 5, tzinfo=UTC), "22 Nov 2025"),
        (datetime(2026, 11, 24, 8, 5, tzinfo=UTC), "24 Nov"),
    ],
)
def test_dates_are_those_of_the_persons_clock(moment: datetime, short: str) -> None:
    clock = Clock(ZoneInfo("Europe/Berlin"), datetime(2026, 11, 22, 19, 0, tzinfo=UTC))
    assert clock.label(moment).short == short


@pytest.mark.parametrize("zone", ["../../etc/passwd", "Nowhere/Land", "", "A" * 500, "."])
def test_a_nonsensical_time_zone_is_ignored(ada: Any, zone: str) -> None:
    ada.arrive()
    ada.client.cookies["tz"] = zone
    ada.client.cookies["panes"] = zone
    assert ada.client.get(ada.url()).status_code == 200


def test_a_refresh_brings_the_numbers_of_the_head_along(ada: Any) -> None:
    ada.arrive()
    assert 'data-summary="1 unread"' in ada.fragment(f"{ada.url()}?rows=50").text
    assert "data-summary" not in ada.client.get(ada.url()).text

"""The page of a search: its rows, what it costs, what can be done with them, what the field offers."""

import re
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from webmail.models import Message, RecentSearch

MOST_QUERIES_PAGE = 18
MOST_QUERIES_FRAGMENT = 13
MOST_QUERIES_REFRESH = 10
HOSTILE = [
    '"', "'", "%", "\\", "*", "a*", "(", ")", "NOT", "a AND",
    "NEAR(a b)", "subject : x", "{a b}: c", "^a", "a + b", "-",
    "--", "' OR 1=1 --", "a'); DROP TABLE webmail_message; --", ":",
    "a:b:c", "<script>alert(1)</script>", "\0", "a\0b", "%00", "∎",
    "a|b&!c", "<->", "a:*", "🦓", "\u202e", "ﷺ", "on:0001-01-01", "before:9999-12-31", "larger:99999999999999G",
    "in:" + "x" * 400, "x" * 5000,
]  # fmt: skip


def url_of(text: str, path: str = "") -> str:
    return f"/search/{path}?" + urlencode({"q": text})


def shown(html: str) -> list[str]:
    return [re.sub(r"<[^>]+>", "", each) for each in re.findall(r'<span class="subject"[^>]*>(.*?)</span>', html)]


def found(person: Any, text: str) -> list[str]:
    return shown(person.client.get(url_of(text)).text)


def key(message: Message) -> str:
    message.refresh_from_db()
    return f"{message.shown_in_id}-{message.conversation_id}"


@pytest.mark.database
def test_a_search_has_a_page_of_its_own(ada: Any, indexed: Any) -> None:
    ada.arrive("Invoice for October", text="Please <pay> soon.")
    ada.arrive("Lunch")
    indexed()
    html = ada.client.get("/search/?q=invoice").text
    assert found(ada, "invoice") == ["Invoice for October"]
    assert "<mark>Invoice</mark> for October" in html
    assert 'name="q" type="search" value="invoice"' in html
    assert "<title>invoice · Search</title>" in html
    assert "Please &lt;<mark>pay</mark>&gt;" in ada.client.get("/search/?q=pay").text


def test_every_page_of_the_mailbox_has_the_field(ada: Any) -> None:
    message = ada.arrive()
    for url in (ada.url(), "/inbox/", ada.conversation_url(message), "/search/"):
        assert 'role="search"' in ada.client.get(url).text


@pytest.mark.database
def test_every_character_is_safe(ada: Any, indexed: Any) -> None:
    ada.arrive("Innocent")
    indexed()
    for text in HOSTILE:
        answer = ada.fragment(url_of(text))
        assert (text, answer.status_code) == (text, 200)
        assert "<script>alert" not in answer.text
        assert ada.client.get(url_of(text, "suggest/")).status_code == 200
    page = ada.client.get(url_of('"><script>alert(1)</script>'))
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert Message.objects.filter(subject="Innocent").exists()


def test_a_page_costs_the_same_for_10_and_20_hits_and_for_two_accounts(ada: Any, indexed: Any) -> None:
    def cost() -> tuple[int, int, int]:
        counts = []
        for url, headers in (
            (url_of("number is:unread"), {}),
            (url_of("number is:unread"), {"HX-Request": "true"}),
            (url_of("number is:unread") + "&rows=100", {"HX-Request": "true"}),
        ):
            with CaptureQueriesContext(connection) as queries:
                ada.client.get(url, headers=headers)
            counts.append(len(queries))
        return counts[0], counts[1], counts[2]

    costs = set()
    for address in ("", "", "ada@work.test"):
        at = ada.another(address) if address else ada
        for number in range(10):
            at.arrive(f"Number {number}")
        indexed()
        costs.add(cost())
    assert len(costs) == 1
    page, fragment, refreshed = costs.pop()
    assert page <= MOST_QUERIES_PAGE
    assert fragment <= MOST_QUERIES_FRAGMENT
    assert refreshed <= MOST_QUERIES_REFRESH


def test_rows_say_where_they_stand_and_open_beside_the_results(ada: Any, indexed: Any) -> None:
    work = ada.another("ada@work.test", "Work")
    first = ada.arrive("Plan one", folder="Clients")
    work.arrive("Plan two")
    sent = ada.arrive("Plan three", folder="Sent", to=[])
    indexed()
    html = ada.client.get(url_of("plan")).text
    assert sorted(shown(html)) == ["Plan one", "Plan three", "Plan two"]
    assert "Clients · example.test" in html
    assert "Inbox · Work" in html
    assert "To: (no recipient)" in html
    url = f"/search/conversation/{key(first)}/?q=plan"
    assert url in html.replace("&amp;", "&")
    page = ada.client.get(url).text
    assert f'data-conversation="{key(first)}"' in page
    assert 'aria-current="true"' in page
    assert 'action="/search/archive/?q=plan"' in ada.fragment(url).text
    assert ada.fragment(f"/search/conversation/{key(sent)}/?q=plan").status_code == 200


def test_a_hit_deep_in_a_text_shows_the_line_it_stands_in(ada: Any, indexed: Any) -> None:
    deep = "Beginning. " + "Nothing of interest here. " * 30 + "At last the <b>zebra</b> comes & goes. " + "More. " * 50
    message = ada.arrive("Deep", text=deep)
    Message.objects.filter(pk=message.pk).update(preview=deep[:100])
    ada.arrive("Two", text=deep.replace("Beginning", "Other"))
    indexed()
    html = ada.client.get(url_of("zeb")).text
    assert "At last the &lt;b&gt;<mark>zebra</mark>&lt;/b&gt; comes &amp; goes." in html
    assert "Beginning" not in html


def test_actions_reach_the_folder_of_the_row_and_can_be_undone(ada: Any, indexed: Any) -> None:
    message = ada.arrive("Plan", folder="Clients")
    indexed()
    answer = ada.post(url_of("plan", "archive/"), conversation=[key(message)])
    assert answer.status_code == 200
    message.refresh_from_db()
    assert message.shown_in == ada.folders["Archive"]
    assert found(ada, "plan") == ["Plan"]
    batch = re.search(r"/undo/([0-9a-f-]{36})/", answer.text)
    assert batch is not None
    ada.post(f"/undo/{batch[1]}/")
    message.refresh_from_db()
    assert message.shown_in == ada.folders["Clients"]
    ada.post(url_of("plan", "move/"), conversation=[key(message)], target=ada.folders["INBOX"].pk)
    message.refresh_from_db()
    assert message.shown_in == ada.folders["INBOX"]
    assert "Clients" in ada.post(url_of("plan", "move/"), conversation=[key(message)]).text


def test_deleting_a_hit_in_the_trash_asks_first(ada: Any, indexed: Any) -> None:
    message = ada.arrive("Plan", folder="Trash")
    ada.arrive("Plan too")
    indexed()
    for text in ("plan in:anywhere", "plan in:trash"):
        answer = ada.post(url_of(text, "delete/"), conversation=[key(message)])
        assert "Delete for good?" in answer.text
        message.refresh_from_db()
        assert message.shown_in == ada.folders["Trash"]
        assert ada.client.get(url_of(text)).status_code == 200


def test_all_of_a_search_is_never_all_of_the_mailbox(ada: Any, indexed: Any) -> None:
    for number in range(3):
        ada.arrive(f"Number {number}")
    indexed()
    for verb in ("archive", "delete", "seen", "move"):
        assert ada.post(url_of("number", f"{verb}/"), all="1").status_code == 409
    assert Message.objects.filter(shown_in=ada.folders["INBOX"], seen=False).count() == 3
    assert 'name="all"' not in ada.client.get(url_of("number")).text


def test_chips_can_be_taken_away_and_problems_stand_by_the_field(ada: Any) -> None:
    html = ada.client.get(url_of("plan is:unread before:soon in:nowhere")).text
    assert 'href="/search/?q=plan+before%3Asoon+in%3Anowhere"' in html
    assert "“soon” is no date" in html
    assert "There is no folder “nowhere”." in html


def test_what_lies_in_trash_and_junk_is_one_click_away(ada: Any, indexed: Any) -> None:
    ada.arrive("Offer", folder="Junk")
    ada.arrive("Offer", folder="Trash")
    indexed()
    html = ada.client.get(url_of("offer")).text
    assert shown(html) == []
    assert "2 more in Trash and Junk" in html
    assert "Nothing found" in html
    assert len(found(ada, "offer in:anywhere")) == 2


def test_a_page_says_how_far_the_index_is(ada: Any, indexed: Any) -> None:
    ada.arrive("One")
    ada.arrive("Two")
    note = re.search(r'<p data-behind="(\d+)" data-mirrored="(\d+)"( hidden)?', ada.client.get(url_of("one")).text)
    assert note is not None
    assert note.groups() == ("2", "2", None)
    assert 'data-behind="2"' in ada.fragment(url_of("one") + "&rows=50").text
    indexed()
    note = re.search(r'<p data-behind="(\d+)" data-mirrored="(\d+)"( hidden)?', ada.client.get(url_of("one")).text)
    assert note is not None
    assert note.groups() == ("0", "2", " hidden")


@pytest.mark.parametrize("after", ["x", "-1", "9" * 30, "1e5", "٣"])
def test_a_cursor_that_is_none_is_refused(ada: Any, after: str) -> None:
    assert ada.client.get(url_of("plan") + "&after=" + after).status_code == 400


def test_pages_join(ada: Any, indexed: Any) -> None:
    for number in range(120):
        ada.arrive(f"Number {number}")
    indexed()
    url, seen = url_of("number"), []
    while url:
        html = ada.fragment(url).text
        seen += shown(html)
        more = re.search(r'href="([^"]+)" data-more', html)
        url = more[1].replace("&amp;", "&") if more else ""
    assert seen == [f"Number {number}" for number in reversed(range(120))]


# --- two people


def test_nothing_of_another_person_is_found_read_or_moved(ada: Any, bob: Any, indexed: Any) -> None:
    theirs = ada.arrive("Zebra of Ada")
    indexed()
    assert found(bob, "zebra") == found(bob, "in:anywhere -nothing") == []
    assert bob.client.get(f"/search/conversation/{key(theirs)}/?q=zebra").status_code == 404
    own = bob.folders["INBOX"].pk
    assert bob.client.get(f"/search/conversation/{own}-{theirs.conversation_id}/?q=zebra").status_code == 404
    bob.post(url_of("zebra", "delete/"), conversation=[key(theirs)], message=[theirs.pk])
    theirs.refresh_from_db()
    assert theirs.shown_in == ada.folders["INBOX"]


def test_what_was_searched_for_is_offered_to_its_own_person_and_can_be_forgotten(ada: Any, bob: Any) -> None:
    for number in range(25):
        assert ada.post("/search/remember/", q=f"secret  plan {number}").status_code == 204
    assert RecentSearch.objects.filter(user=ada.user).count() == 20
    html = ada.client.get("/search/suggest/?q=").text
    assert html.index("secret plan 24") < html.index("secret plan 23")
    assert "secret" not in bob.client.get("/search/suggest/?q=").text
    bob.post("/search/forget/", q="secret plan 24")
    assert "secret plan 24" in ada.client.get("/search/suggest/?q=").text
    ada.post("/search/forget/", q="secret plan 24")
    assert "secret plan 24" not in ada.client.get("/search/suggest/?q=").text
    ada.post("/search/forget/")
    assert not RecentSearch.objects.exists()


# --- suggestions


def offered(person: Any, text: str, at: str = "") -> list[str]:
    html = person.client.get("/search/suggest/?" + urlencode({"q": text, "at": at})).text
    return re.findall(r'data-value="([^"]*)"', html)


def test_operators_folders_and_people_are_completed(ada: Any, indexed: Any) -> None:
    ada.arrive("Hello", sender="Grace Hopper <grace@navy.test>")
    indexed()
    assert "plan from:" in offered(ada, "plan fro")
    assert "plan from:grace@navy.test " in offered(ada, "plan gra")
    assert offered(ada, "unrea") == ["is:unread "]
    assert offered(ada, "from:grac") == ["from:grace@navy.test "]
    assert offered(ada, "-in:cli") == ["-in:Clients ", "-in:Clients/North "]
    assert "is:unread " in offered(ada, "is:un")
    assert "account:ada@example.test " in offered(ada, "account:")
    assert "older_than:1y " in offered(ada, "older_than:1")
    assert f"in:{ada.folders['Clients'].name} " in offered(ada, "", str(ada.folders["Clients"].pk))
    assert offered(ada, 'subject:"open') == []


def test_folders_and_people_of_others_are_not_offered(ada: Any, bob: Any, indexed: Any) -> None:
    ada.arrive("Hello", sender="Grace Hopper <grace@navy.test>")
    indexed()
    assert offered(bob, "from:grac") == []
    assert not [each for each in offered(bob, "", str(ada.folders["Clients"].pk)) if each.startswith("in:")]

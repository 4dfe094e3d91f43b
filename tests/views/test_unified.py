"""All inboxes of a person in one list: what is in it, what it costs, and that its actions reach each account."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import MailAccount
from webmail.models import Message, PendingAction
from webmail.views.place import account_labels

URL = "/inbox/"
MOST_QUERIES_PAGE = 9
MOST_QUERIES_FRAGMENT = 5


@pytest.fixture
def work(ada: Any) -> Any:
    """Ada's second account."""
    return ada.another("ada@work.test")


def subjects(html: str) -> list[str]:
    return re.findall(r'<span class="subject"[^>]*>([^<]*)</span>', html)


def key(person: Any, message: Message) -> str:
    return f"{person.folders['INBOX'].pk}-{message.conversation_id}"


def place(message: Message) -> tuple[int, str] | None:
    folder = Message.objects.get(pk=message.pk).shown_in
    return (folder.account_id, folder.name) if folder else None


def cards(html: str) -> list[str]:
    return re.findall(r'<details class="card[^"]*" id="m(\d+)"', html)


def test_all_inboxes_and_nothing_else_newest_first(ada: Any, work: Any, bob: Any) -> None:
    ada.arrive("Home 1")
    ada.arrive("Filed", folder="Clients")
    ada.arrive("Home 2")
    work.arrive("Work 1")
    work.arrive("Sent away", folder="Sent")
    bob.arrive("Not hers")
    assert subjects(ada.client.get(URL).text) == ["Work 1", "Home 2", "Home 1"]


def test_pages_join_without_gap_or_repetition(ada: Any, work: Any) -> None:
    for number in range(60):
        ada.arrive(f"Home {number}")
        work.arrive(f"Work {number}")
    url, seen = URL, []
    while url:
        html = ada.fragment(url).text
        seen += subjects(html)
        more = re.search(r'href="([^"]+)" data-more', html)
        url = more[1] if more else ""
    assert len(seen) == len(set(seen)) == 120


def test_a_page_costs_the_same_for_10_and_20_rows_and_for_1_and_3_accounts(ada: Any) -> None:
    def cost() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as page:
            ada.client.get(URL)
        with CaptureQueriesContext(connection) as fragment:
            ada.fragment(URL)
        return len(page), len(fragment)

    costs = set()
    for address in ("", "", "ada@work.test", "ada@club.test"):
        at = ada.another(address) if address else ada
        for number in range(10):
            at.arrive(f"Number {number}")
        costs.add(cost())
    assert len(costs) == 1
    page, fragment = costs.pop()
    assert page <= MOST_QUERIES_PAGE
    assert fragment <= MOST_QUERIES_FRAGMENT


def test_a_list_is_read_from_its_index_alone(ada: Any, work: Any) -> None:
    ada.arrive()
    work.arrive()
    with CaptureQueriesContext(connection) as queries:
        ada.fragment(URL)
    listing = next(query["sql"] for query in queries if '"webmail_listrow"."inbox_of_id"' in query["sql"])
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {listing}")
            plan = " ".join(row[3] for row in cursor.fetchall())
        assert "unified_order" in plan
        assert "TEMP B-TREE" not in plan


def test_the_sidebar_offers_it_to_who_has_several_accounts(ada: Any) -> None:
    ada.arrive()
    assert "All inboxes" not in ada.client.get(ada.url()).text
    assert ada.client.get("/")["Location"] == ada.url()
    work = ada.another("ada@work.test")
    work.arrive("One")
    work.arrive("Two")
    html = ada.client.get(URL).text
    link = re.search(r'<a class="tree-link all-inboxes.*?</a>', html)
    assert link is not None
    assert '<span class="badge">3<' in link[0]
    assert 'aria-current="page"' in link[0]
    assert html.count('aria-current="page"') == 1
    assert ada.client.get("/")["Location"] == URL
    assert '<span class="muted" data-count>3 unread</span>' in html
    assert 'aria-current="page"' in ada.fragment("/sidebar/?folder=inbox").text


def test_a_row_says_which_account_it_is_of_only_here(ada: Any, work: Any) -> None:
    work.arrive()
    assert '<span class="sr-only">Account </span>work.test</span>' in ada.client.get(URL).text
    assert "account-mark" not in ada.client.get(work.url()).text


def test_an_account_is_marked_by_as_little_as_tells_it_from_the_others() -> None:
    def labels(*given: tuple[str, str]) -> list[str]:
        accounts = [MailAccount(pk=pk, address=address, name=name) for pk, (address, name) in enumerate(given)]
        return list(account_labels(accounts).values())

    assert labels(("ada@a.test", ""), ("ada@b.test", "")) == ["a.test", "b.test"]
    assert labels(("ada@a.test", ""), ("info@A.test", "")) == ["ada", "info"]
    assert labels(("ada@a.test", ""), ("ada@b.test", ""), ("info@a.test", "Shop")) == ["ada@a.test", "b.test", "Shop"]


def test_hostile_account_names_are_text(ada: Any) -> None:
    ada.another("ada@work.test", '"><img src=x>').arrive()
    assert "<img src=x>" not in ada.client.get(URL).text


@pytest.mark.parametrize(("verb", "target"), [("archive", "Archive"), ("delete", "Trash"), ("junk", "Junk")])
def test_each_message_goes_to_the_folder_of_its_own_account_and_undo_takes_all_back(
    ada: Any, work: Any, verb: str, target: str
) -> None:
    home, office = ada.arrive("Home"), work.arrive("Work")
    stays = ada.arrive("Stays")
    answer = ada.post(f"{URL}{verb}/", conversation=[key(ada, home), key(work, office)])
    assert "2 messages" in answer.text
    assert place(home) == (ada.account.pk, target)
    assert place(office) == (work.account.pk, target)
    assert place(stays) == (ada.account.pk, "INBOX")
    undo = re.search(r'action="(/undo/[^"]+)"', answer.text)
    assert undo is not None
    assert ada.post(undo[1]).status_code == 200
    assert place(home) == (ada.account.pk, "INBOX")
    assert place(office) == (work.account.pk, "INBOX")


@pytest.mark.parametrize(("verb", "field"), [("seen", "seen"), ("flag", "flagged")])
def test_flags_are_set_and_cleared_across_accounts(ada: Any, work: Any, verb: str, field: str) -> None:
    found = [ada.arrive("Home"), work.arrive("Work")]
    picks = [key(ada, found[0]), key(work, found[1])]
    ada.post(f"{URL}{verb}/", conversation=picks)
    assert [getattr(Message.objects.get(pk=message.pk), field) for message in found] == [True, True]
    ada.post(f"{URL}un{verb}/", conversation=picks)
    assert [getattr(Message.objects.get(pk=message.pk), field) for message in found] == [False, False]


def test_all_takes_every_inbox_and_nothing_else(ada: Any, work: Any, bob: Any) -> None:
    here = [ada.arrive("Home"), work.arrive("Work")]
    others = [work.arrive("Elsewhere", folder="Clients"), bob.arrive("Not hers")]
    before = [place(message) for message in others]
    assert "2 messages archived" in ada.post(f"{URL}archive/", all="1").text
    assert [name for _, name in filter(None, map(place, here))] == ["Archive", "Archive"]
    assert [place(message) for message in others] == before


def test_a_row_stands_for_the_conversation_in_its_inbox_and_the_reader_for_all_of_it(ada: Any, work: Any) -> None:
    home = ada.arrive("Plan", message_id="plan@example.test")
    office = work.arrive("Plan", message_id="plan@example.test")
    assert home.conversation_id == office.conversation_id
    assert subjects(ada.client.get(URL).text) == ["Plan", "Plan"]
    answer = ada.post(f"{URL}archive/", conversation=[key(ada, home)])
    assert (place(home), place(office)) == ((ada.account.pk, "Archive"), (work.account.pk, "INBOX"))
    ada.post(re.findall(r'action="(/undo/[^"]+)"', answer.text)[0])
    ada.post(f"{URL}archive/", conversation=[home.conversation_id])
    assert (place(home), place(office)) == ((ada.account.pk, "Archive"), (work.account.pk, "Archive"))


def test_a_message_in_two_inboxes_is_shown_once_and_read_in_both(ada: Any, work: Any) -> None:
    home = ada.arrive("Plan", message_id="plan@example.test")
    office = work.arrive("Plan", message_id="plan@example.test")
    html = ada.fragment(f"{URL}conversation/{home.conversation_id}/").text
    assert len(cards(html)) == 1
    unread = re.search(r'data-unread-ids="([^"]*)"', html)
    assert unread is not None
    assert set(unread[1].split(",")) == {str(home.pk), str(office.pk)}
    assert f'data-accounts="{ada.account.pk} {work.account.pk} "' in html


def test_a_copy_in_another_folder_is_shown_once_and_the_one_here_is_meant(ada: Any) -> None:
    first = ada.arrive("Plan", message_id="plan@example.test")
    copy = ada.arrive("Plan", folder="Archive", message_id="plan@example.test")
    answer = ada.arrive("Re: Plan", folder="Archive", in_reply_to=["plan@example.test"])
    assert cards(ada.client.get(ada.conversation_url(first)).text) == [str(first.pk), str(answer.pk)]
    assert cards(ada.client.get(ada.conversation_url(first, "Archive")).text) == [str(copy.pk), str(answer.pk)]


def test_a_conversation_has_an_address_of_its_own_here(ada: Any, work: Any) -> None:
    message = work.arrive("Plan")
    html = ada.client.get(f"{URL}conversation/{message.conversation_id}/").text
    assert f'href="{URL}conversation/{message.conversation_id}/"' in html
    assert 'aria-current="true"' in html
    assert "<title>Plan · All inboxes</title>" in html


def test_move_offers_the_folders_of_all_accounts_and_those_of_the_selected_one_first(ada: Any, work: Any) -> None:
    message = work.arrive()
    question = ada.client.post(f"{URL}move/", {"conversation": key(work, message)})
    assert f'name="target" value="{work.folders["Clients"].pk}"' in question.text
    assert f'name="target" value="{ada.folders["Clients"].pk}"' in question.text
    assert f'name="target" value="{work.folders["INBOX"].pk}"' not in question.text
    assert f'name="conversation" value="{key(work, message)}"' in question.text
    answer = ada.client.post(
        f"{URL}move/", {"conversation": key(work, message), "target": work.folders["Clients"].pk}, follow=True
    )
    assert place(message) == (work.account.pk, "Clients")
    assert answer.redirect_chain == [(URL, 302)]


def test_a_selection_of_several_accounts_is_brought_together_in_one_folder(ada: Any, work: Any) -> None:
    home, office = ada.arrive("Home"), work.arrive("Work")
    picks = [key(ada, home), key(work, office)]
    assert ada.client.post(f"{URL}move/", {"conversation": picks}).text.count("<h2>") == 2
    answer = ada.post(f"{URL}move/", conversation=picks, target=work.folders["Clients"].pk)
    assert "2 messages moved to Clients of" in answer.text
    assert place(home) == place(office) == (work.account.pk, "Clients")
    # Until it is there its own server is asked for it.
    assert Message.objects.get(pk=home.pk).account == ada.account
    assert set(PendingAction.objects.values_list("kind", flat=True)) == {"carry", "move"}


def test_what_is_gone_meanwhile_cannot_be_moved(ada: Any, work: Any) -> None:
    message = work.arrive()
    ada.post(f"{URL}archive/", conversation=[key(work, message)])
    assert ada.post(f"{URL}move/", conversation=[key(work, message)]).status_code == 409


def test_rows_of_another_person_are_neither_shown_nor_touched(ada: Any, work: Any, bob: Any) -> None:
    theirs = work.arrive("Theirs")
    own = bob.arrive("Own")
    assert subjects(bob.client.get(URL).text) == ["Own"]
    assert bob.client.get(f"{URL}conversation/{theirs.conversation_id}/").status_code == 404
    for pick in (key(work, theirs), str(theirs.conversation_id), f"{bob.folders['INBOX'].pk}-{theirs.conversation_id}"):
        bob.post(f"{URL}archive/", conversation=[pick], message=[theirs.pk])
    answer = bob.post(f"{URL}move/", conversation=[own.conversation_id], target=work.folders["Clients"].pk)
    assert answer.status_code == 404
    assert place(theirs) == (work.account.pk, "INBOX")


@pytest.mark.parametrize(
    "pick", ["x", "1-", "-1", "1-2-3", "٣-٣", "1" * 30, "9" * 18 + "-" + "9" * 18, "\x001-2", "1-2\n"]
)
def test_nonsense_instead_of_a_row_selects_nothing(ada: Any, work: Any, pick: str) -> None:
    message = work.arrive()
    assert ada.post(f"{URL}archive/", conversation=[pick]).status_code in {200, 409}
    assert place(message) == (work.account.pk, "INBOX")


def test_an_empty_inbox_says_so(ada: Any, work: Any) -> None:
    assert "All done" in ada.client.get(URL).text
    assert ada.post(f"{URL}archive/").status_code == 409

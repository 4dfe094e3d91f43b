"""The index follows the messages, and gives hits newest first, on either database."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import MailAccount
from accounts.removal import remove_account
from webmail.mime.parts import Part
from webmail.models import CachedPart, Folder, Message, SearchEntry, SearchQueue, StoredContent
from webmail.search import docid, find, index, plan, schema, store
from webmail.search.passage import passages
from webmail.search.query import parse
from webmail.sync import actions
from webmail.sync.local import LocalMailbox

pytestmark = pytest.mark.database
TODAY = date(2026, 11, 22)
DAY = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def planned(person: Any, text: str) -> plan.Plan:
    folders = [person.folder(name) for name in person.folders]
    return plan.make(parse(text, TODAY), person.user.pk, folders, UTC, {person.account.address})


def subjects(person: Any, text: str, size: int = 50) -> list[str]:
    hits = find.page(planned(person, text), size).hits
    found = Message.objects.in_bulk([hit.message_id for hit in hits])
    return [found[hit.message_id].subject for hit in hits]


def words_kept() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM webmail_searchwords")
        return int(cursor.fetchone()[0])


def test_words_of_subject_people_and_text_are_found(ada: Any, indexed: Any) -> None:
    ada.arrive("Invoice for October", sender="Grace Höpper <grace@navy.test>", text="The amount is due in thirty days.")
    ada.arrive("Lunch", text="Pizza?")
    indexed()
    for text in (
        "invoice", "INVOICE october", "hopper", "grace@navy.test", "thirty days", '"in thirty"', "amo",
        "from:grace", "from:hop", "subject:invoice thirty", "-pizza", "nothing OR invoice", "-nothing -lunch",
        "invoice -is:read", "thirty is:unread", "to:ada invoice", "to:me thirty", "from:grace OR from:nobody",
    ):  # fmt: skip
        assert (text, subjects(ada, text)) == (text, ["Invoice for October"])
    for text in (
        "nothing",
        '"days thirty"',
        "subject:thirty",
        "from:ada",
        "pizza -lunch",
        "from:me",
        '"october grace"',
    ):
        assert (text, subjects(ada, text)) == (text, [])
    assert subjects(ada, "ada") == subjects(ada, "is:unread") == ["Lunch", "Invoice for October"]


def test_names_of_attachments_and_texts_in_html_are_found(ada: Any, indexed: Any) -> None:
    html = Part(section="1", type="text/html", charset="utf-8", size=100)
    paper = Part(section="2", type="application/pdf", disposition="attachment", filename="Quarterly_Zebra.pdf", size=9)
    structure = Part(section="", type="multipart/mixed", children=[html, paper])
    ada.arrive("Papers", structure=structure, text="<p>Dear <b>reader</b><script>hidden</script></p>")
    ada.arrive("Other")
    indexed()
    assert subjects(ada, "zebra") == subjects(ada, "reader") == subjects(ada, "has:attachment") == ["Papers"]
    assert subjects(ada, "hidden") == []


def test_other_scripts_are_found_by_any_passage(ada: Any, indexed: Any) -> None:
    ada.arrive("東京都の会議について", text="مرحبا بالعالم")
    ada.arrive("Ünïcödé Straße")
    indexed()
    assert subjects(ada, "京都") == subjects(ada, "会議") == subjects(ada, "بالعالم") == ["東京都の会議について"]
    assert subjects(ada, "都京") == []
    assert subjects(ada, "unicode strasse") == ["Ünïcödé Straße"]


def test_filters_are_judged_on_the_message(ada: Any, indexed: Any) -> None:
    for number in range(4):
        ada.arrive(f"Plan {number}", internaldate=DAY + timedelta(days=number), size=1000 * (number + 1))
    ada.arrive("Plan filed", folder="Clients", internaldate=DAY)
    Message.objects.filter(subject="Plan 1").update(flagged=True, seen=True)
    indexed()
    assert subjects(ada, "plan is:flagged") == subjects(ada, "plan is:read") == ["Plan 1"]
    assert subjects(ada, "plan in:clients") == ["Plan filed"]
    assert subjects(ada, "plan -in:clients") == ["Plan 3", "Plan 2", "Plan 1", "Plan 0"]
    assert subjects(ada, "plan in:inbox after:2026-11-04") == ["Plan 3", "Plan 2"]
    assert subjects(ada, "plan in:inbox before:2026-11-04") == ["Plan 1", "Plan 0"]
    assert subjects(ada, "in:inbox -on:2026-11-03") == ["Plan 3", "Plan 2", "Plan 0"]
    assert subjects(ada, "plan larger:2500") == ["Plan 3", "Plan 2"]
    assert subjects(ada, "plan newer_than:18d in:inbox") == ["Plan 3", "Plan 2"]
    assert subjects(ada, f"plan account:{ada.account.address} in:inbox smaller:1001") == ["Plan 0"]
    assert planned(ada, "in:nowhere account:nobody").problems == (
        "There is no folder “nowhere”.",
        "There is no account “nobody”.",
    )


def test_trash_and_junk_are_left_out_unless_asked_for(ada: Any, indexed: Any) -> None:
    for folder in ("INBOX", "Trash", "Junk"):
        ada.arrive(f"Offer in {folder}", folder=folder)
    indexed()
    assert subjects(ada, "offer") == ["Offer in INBOX"]
    assert find.count(planned(ada, "offer").in_trash_and_junk()) == 2
    assert subjects(ada, "offer in:trash") == ["Offer in Trash"]
    assert len(subjects(ada, "offer in:anywhere")) == 3


def test_pages_join_without_gap_or_repetition_newest_first(ada: Any, indexed: Any) -> None:
    # In an order of arrival that is not that of the dates, several in one second.
    for number in range(40):
        ada.arrive(f"Number {number}", internaldate=DAY + timedelta(seconds=number * 7 % 20))
    ada.arrive("Re: Number 3", in_reply_to=["4@example.test"], internaldate=DAY + timedelta(hours=1))
    indexed()
    seen: list[find.Hit] = []
    after = None
    for _ in range(20):
        found = find.page(planned(ada, "number"), 7, after)
        seen += found.hits
        after = found.after
        if after is None:
            break
    lines = [(hit.folder_id, hit.conversation_id) for hit in seen]
    assert len(lines) == len(set(lines)) == 40
    dates = [Message.objects.get(pk=hit.message_id).internaldate for hit in seen]
    assert dates == sorted(dates, reverse=True)
    assert dates[0] == DAY + timedelta(hours=1)


def test_a_rare_filter_among_many_hits_is_found_page_by_page(
    ada: Any, indexed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find, "BATCHES", (3, 5))
    for number in range(30):
        ada.arrive(f"Note {number}")
    Message.objects.filter(subject="Note 1").update(flagged=True)
    indexed()
    found, after, pages = [], None, 0
    while True:
        page = find.page(planned(ada, "note is:flagged"), 10, after)
        found += page.hits
        pages, after = pages + 1, page.after
        if after is None:
            break
    assert len(found) == 1
    assert pages == 4  # of eight candidates each


def test_the_index_follows_moves_deletions_and_texts_that_come_later(ada: Any, indexed: Any) -> None:
    message = ada.arrive("Contract", text="")
    CachedPart.objects.all().delete()
    indexed()
    assert subjects(ada, "clause") == []
    CachedPart.objects.create(message=message, section="1", content=b"The third clause.", size=17)
    indexed()
    assert subjects(ada, "clause") == ["Contract"]
    Message.objects.filter(pk=message.pk).update(preview="A preview with lemons")
    CachedPart.objects.all().delete()
    indexed()
    assert subjects(ada, "lemons") == ["Contract"]
    actions.delete(ada.user, [Message.objects.get(pk=message.pk)])
    assert subjects(ada, "contract") == []
    assert subjects(ada, "contract in:trash") == ["Contract"]
    Message.objects.filter(pk=message.pk).delete()
    assert subjects(ada, "contract in:anywhere") == []
    indexed()
    assert (SearchEntry.objects.count(), SearchQueue.objects.count()) == (0, 0)
    assert subjects(ada, "contract in:anywhere") == []


def test_removing_an_account_takes_its_words_away(ada: Any, indexed: Any) -> None:
    work = ada.another("ada@work.test")
    work.arrive("Secret of work")
    ada.arrive("Secret of home")
    indexed()
    before = words_kept()
    remove_account(MailAccount.objects.get(pk=work.account.pk))
    assert subjects(ada, "secret") == ["Secret of home"]
    indexed()
    assert SearchEntry.objects.count() == 1
    assert words_kept() == before - 1


def test_nobody_finds_what_is_somebody_elses(ada: Any, bob: Any, indexed: Any) -> None:
    ada.arrive("Zebra of Ada")
    bob.arrive("Zebra of Bob")
    indexed()
    for text in ("zebra", "zebra OR ada", "-nothing", "is:unread", "in:anywhere zebra"):
        assert subjects(ada, text) == ["Zebra of Ada"]
        assert subjects(bob, text) == ["Zebra of Bob"]
    theirs = list(ada.folders.values())
    stolen = plan.make(parse("zebra", TODAY), bob.user.pk, theirs, UTC, set())
    assert find.page(stolen, 10).hits == []


def test_new_messages_are_counted_until_they_are_indexed_newest_first(ada: Any) -> None:
    for number in range(5):
        ada.arrive(f"Number {number}")
    CachedPart.objects.all().delete()
    SearchQueue.objects.filter(account_id=None).delete()
    twice = Message.objects.get(subject="Number 4").pk
    SearchQueue.objects.create(message_id=twice, newness=DAY - timedelta(days=9))
    assert index.still_to_come([ada.account.pk]) == 5
    assert index.batch(2) == 3
    assert not SearchQueue.objects.filter(message_id=twice).exists()
    assert index.still_to_come([ada.account.pk]) == 3
    assert subjects(ada, "number") == ["Number 4", "Number 3"]


def test_a_batch_that_another_worker_has_done_is_harmless(
    ada: Any, indexed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada.arrive("Once")
    real = index.words_of

    def meanwhile(message: Message, number: int) -> store.Words:
        monkeypatch.setattr(index, "words_of", real)
        index.batch()
        return real(message, number)

    monkeypatch.setattr(index, "words_of", meanwhile)
    indexed()
    assert SearchEntry.objects.count() == words_kept() == 1
    assert subjects(ada, "once") == ["Once"]


def test_a_text_that_cannot_be_read_leaves_the_rest_to_be_found(ada: Any, indexed: Any) -> None:
    message = ada.arrive("Broken")
    CachedPart.objects.filter(message=message).update(content=b"not deflated", deflated=True)
    indexed()
    assert subjects(ada, "broken") == ["Broken"]


def test_a_message_that_breaks_the_indexer_keeps_nobody_else_out(
    ada: Any, indexed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = ada.arrive("Poison")
    ada.arrive("Healthy")
    real = index.words_of

    def breaking(message: Message, number: int) -> store.Words:
        if message.pk == poison.pk:
            raise RecursionError
        return real(message, number)

    monkeypatch.setattr(index, "words_of", breaking)
    indexed()
    assert subjects(ada, "healthy") == ["Healthy"]
    assert subjects(ada, "poison") == []
    assert not SearchQueue.objects.exists()


def test_a_database_that_is_away_is_waited_for(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> int:
        raise OperationalError

    ada.arrive("Later")
    monkeypatch.setattr(index, "batch", away)
    rests: list[float] = []
    index.work(lambda: False, rest=rests.append)
    assert rests == [index.LONGEST_REST]
    assert SearchQueue.objects.exists()


def test_the_triggers_come_back_after_a_migration_that_dropped_them(ada: Any, indexed: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER search_new" + (" ON webmail_message" if connection.vendor == "postgresql" else ""))
    schema.after_migrate("default")
    ada.arrive("After all")
    indexed()
    assert subjects(ada, "after all") == ["After all"]


@given(
    st.lists(st.tuples(st.integers(1, 10**9), st.sampled_from([0, 1, 2**32, 10**11])), unique_by=lambda each: each[0])
)
def test_numbers_are_one_persons_own_and_never_given_twice(wanted: list[tuple[int, int]]) -> None:
    low, high = docid.span(5)
    given_before = {docid.at(5, datetime.fromtimestamp(0, UTC))}
    asked = [(pk, 5, datetime.fromtimestamp(min(second, 253402300799), UTC)) for pk, second in wanted]
    numbers = docid.assign(asked, lambda those: set(those) & given_before)
    assert len(set(numbers.values())) == len(wanted)
    assert all(low <= number < high for number in numbers.values())
    assert not set(numbers.values()) & given_before


def test_a_mailbox_without_dates_is_numbered_all_the_same() -> None:
    taken: set[int] = set()
    for start in range(1, 20_001, 200):
        numbers = docid.assign([(pk, 1, DAY) for pk in range(start, start + 200)], lambda those: set(those) & taken)
        assert len(numbers) == 200
        taken.update(numbers.values())
    assert len(taken) == 20_000
    assert max(taken) - docid.at(1, DAY) < docid.SPILL


def test_mail_that_lives_here_is_found_by_its_text(ada: Any, indexed: Any) -> None:
    raw = (
        b"From: Bob <bob@example.test>\r\nTo: ada@example.test\r\nSubject: Kept here\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\nContent-Type: text/html; charset=utf-8\r\n'
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>Sch=C3=B6ne Gr=C3=BC=C3=9Fe</p>\r\n--x\r\n"
        b'Content-Type: text/plain; name="minutes.txt"\r\nContent-Disposition: attachment\r\n\r\nnot shown\r\n--x--\r\n'
    )
    account = MailAccount.objects.create(
        user=ada.user, address="ada@pop.test", username="ada", kind=MailAccount.Kind.POP3, smtp_host="localhost"
    )
    here = LocalMailbox(account)
    here.append("INBOX", raw)
    indexed()
    folders = list(Folder.objects.filter(account=account).select_related("account"))
    for text, hits in (("grusse", 1), ("minutes", 1), ("subject:kept", 1), ('"schöne grüße"', 1), ("shown", 0)):
        wanted = plan.make(parse(text, TODAY), ada.user.pk, folders, UTC, set())
        assert (text, len(find.page(wanted, 10).hits)) == (text, hits)
    message = Message.objects.get(account=account)
    terms = parse("grusse", TODAY).terms
    assert passages([message.pk], terms) == {message.pk: "Schöne Grüße"}
    StoredContent.objects.get(message=message).file.delete(save=False)
    SearchQueue.objects.create(message_id=message.pk, newness=DAY)
    indexed()
    assert passages([message.pk], terms) == {}
    assert find.page(plan.make(parse("kept", TODAY), ada.user.pk, folders, UTC, set()), 10).hits


def test_what_was_shown_is_asked_for_once_for_many_messages(ada: Any, django_assert_max_num_queries: Any) -> None:
    for number in range(20):
        ada.arrive(f"Letter {number}")
    with django_assert_max_num_queries(60) as captured:
        index.batch()
    asked = [query for query in captured.captured_queries if '"webmail_renderedbody"' in query["sql"]]
    assert len(asked) == 1

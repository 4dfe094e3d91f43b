"""What a person types is understood or said to be not; nothing that can be typed raises or gets through as syntax."""

import sqlite3
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webmail.mime.folding import first_words, spans, words
from webmail.search.highlight import in_sight, marker
from webmail.search.query import Filter, Query, Term, parse
from webmail.search.store import fts5, tsquery

TODAY = date(2026, 11, 22)
TYPED = st.one_of(
    st.text(max_size=80),
    st.text(alphabet="ab\"-:*()^{}+'\\/ \0\n日ß", max_size=60),
    st.lists(
        st.sampled_from(
            [
                "OR",
                "AND",
                "NOT",
                "NEAR(a b)",
                "from:",
                'in:"x y"',
                "-is:unread",
                "before:2026-13",
                "larger:5M",
                '"',
                "a*",
                "(",
                "on:0001-01-01",
                "after:9999-12",
                "older_than:9999y",
                "日本",
                "-",
            ]
        )
    ).map(" ".join),
)


def read(text: str) -> Query:
    return parse(text, TODAY)


def said(text: str) -> list[list[tuple[str, ...]]]:
    return [[term.words for term in group] for group in read(text).alternatives]


def test_words_phrases_alternatives_and_exclusions() -> None:
    query = read('alpha "big deal" -spam one OR two')
    assert query.alternatives == (
        (Term(("alpha",), literal="alpha"),),
        (Term(("big", "deal"), literal="big deal"),),
        (Term(("spam",), negated=True, literal="spam"),),
        (Term(("one",), literal="one"), Term(("two",), prefix=True, literal="two")),
    )
    assert query.problems == ()


def test_only_the_last_word_may_go_on() -> None:
    assert [term.prefix for term in read("inv inv").terms] == [False, True]
    assert [term.prefix for term in read('inv "inv"').terms] == [False, False]
    assert [term.prefix for term in read("a").terms] == [False]
    assert [term.prefix for term in read("from:al").terms] == [True]


@pytest.mark.parametrize(
    ("text", "kind", "value", "negated"),
    [
        ("is:unread", "flag", ("seen", False), False),
        ("-is:starred", "flag", ("flagged", True), True),
        ("has:attachment", "attachment", True, False),
        ('in:"My Folder"', "folder", "My Folder", False),
        ("larger:1.5M", "larger", 1_500_000, False),
        ("smaller:10k", "smaller", 10_000, False),
        ("before:2026-02", "until", date(2026, 2, 1), False),
        ("after:2025", "since", date(2025, 1, 1), False),
        ("newer_than:2w", "since", date(2026, 11, 8), False),
        ("older_than:1y", "until", date(2025, 11, 22), False),
        ("on:yesterday", "day", (date(2026, 11, 21), date(2026, 11, 22)), False),
        ("account:work", "account", "work", False),
    ],
)
def test_filters(text: str, kind: str, value: object, negated: bool) -> None:
    query = read(f"word {text}")
    assert query.filters == (Filter(kind, value, negated),)  # type: ignore[arg-type]
    assert [(chip.text, chip.rest) for chip in query.chips] == [(text, "word")]
    assert query.problems == ()


@pytest.mark.parametrize(
    "text",
    ["before:tomorrow", "before:2026-13", "on:2026-02-30", "larger:big", "older_than:5", "is:nice", "has:luck",
     "from:", "foo:bar", "a OR", "is:unread OR", "from:...", "x" * 400, " ".join(["w"] * 60)],
)  # fmt: skip
def test_what_is_not_understood_is_said(text: str) -> None:
    assert len(read(text).problems) == 1


def test_an_address_of_a_page_is_no_operator() -> None:
    assert said("https://example.test/a") == [[("https", "example", "test", "a")]]
    assert read("https://example.test/a").problems == ()


def test_case_accents_and_scripts_without_blanks() -> None:
    assert list(words("Straße ÜNAL e\u0301tude ﬁne İzmir")) == ["strasse", "unal", "etude", "fine", "izmir"]
    assert list(words("日本語 abcテ")) == ["日", "本", "語", "abc", "テ"]
    assert list(words("under_score foo-bar a.b@c")) == ["under", "score", "foo", "bar", "a", "b", "c"]
    assert first_words("x" * 500, 3) == ["x" * 64]


def test_what_was_looked_for_is_marked_and_the_rest_is_text() -> None:
    mark = marker(read('"big deal" cafe <b>'))
    assert (
        mark("A Big deal, deal: Café <b>&")
        == "A <mark>Big deal</mark>, deal: <mark>Café</mark> &lt;<mark>b</mark>&gt;&amp;"
    )
    assert marker(read("from:ann lunch"), "subject")("Ann: lunch") == "Ann: <mark>lunch</mark>"
    assert marker(read("本語"))("日本語") == "日<mark>本語</mark>"
    assert marker(read("-secret"))("<secret>") == "&lt;secret&gt;"


def test_a_hit_far_behind_is_brought_into_sight() -> None:
    mark = marker(read("oak"))
    line = "A letter that begins with many words & only then has oak in it."
    assert in_sight(mark(line)) == "… &amp; only then has <mark>oak</mark> in it."
    for near in ("Oak at once", "no such word here at all, however long the line may be", "x" * 100 + " oak"):
        assert in_sight(mark(near)).removeprefix("… ") in mark(near)
    assert in_sight(mark("x" * 100 + "-oak")) == mark("x" * 100 + "-oak")


@settings(max_examples=400, deadline=None)
@given(TYPED)
def test_nothing_that_can_be_typed_raises_or_is_syntax(text: str) -> None:
    query = read(text)
    assert all(term.words for term in query.terms)
    mark = marker(query, "subject")
    marked = mark(text)
    assert marked.count("<mark>") == marked.count("</mark>")
    assert "<" not in marked.replace("<mark>", "").replace("</mark>", "")
    for chip in query.chips:
        read(chip.rest)
    list(spans(text))
    if query.alternatives:
        assert "\0" not in tsquery(query.alternatives)
        TABLE.execute("SELECT rowid FROM t WHERE t MATCH ?", (fts5(query.alternatives),)).fetchall()


TABLE = sqlite3.connect(":memory:")
TABLE.execute("CREATE VIRTUAL TABLE t USING fts5(subject, sender, recipients, text, tokenize='ascii')")

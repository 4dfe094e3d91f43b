"""The table of words in its two forms: FTS5 of SQLite, tsvector and GIN of PostgreSQL.

Words come from ``webmail.mime.folding`` and hold letters and digits only, so nothing a person types can be read as syntax.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from .query import Term

# In every message and in nothing that can be typed: "everything but" needs something to begin with.
EVERYWHERE = "∎"
WEIGHTS = {"subject": "A", "sender": "B", "recipients": "C", "text": "D"}
COLUMNS = tuple(WEIGHTS)
Alternatives = Sequence[Sequence[Term]]
# PostgreSQL counts no further than 16,383 positions in a text.
MOST_WORDS = {"subject": 400, "sender": 200, "recipients": 2_000, "text": 13_000}
_GAP = 4
# Of words and positions; more than 1,048,575 it refuses, and with them the whole batch.
MOST_OCTETS = 1_000_000
MOST_POSITIONS = 255


@dataclass(frozen=True, slots=True)
class Words:
    """One message's words by column."""

    docid: int
    subject: Sequence[str]
    sender: Sequence[str]
    recipients: Sequence[str]
    text: Sequence[str]

    @property
    def columns(self) -> tuple[Sequence[str], ...]:
        return self.subject, self.sender, self.recipients, self.text


def write(found: Iterable[Words]) -> None:
    """Put these in place of what stood there; inside a transaction. FTS5 wants ascending numbers to gather its writes."""
    rows = sorted(found, key=lambda each: each.docid)
    if not rows:
        return
    erase([row.docid for row in rows])
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.executemany(
                "INSERT INTO webmail_searchwords (docid, words) VALUES (%s, %s::tsvector)",
                [(row.docid, _tsvector(row)) for row in rows],
            )
        else:
            cursor.executemany(
                "INSERT INTO webmail_searchwords (rowid, subject, sender, recipients, text) VALUES (%s, %s, %s, %s, %s)",
                [
                    (row.docid, *(" ".join(column) for column in row.columns[:3]), " ".join([EVERYWHERE, *row.text]))
                    for row in rows
                ],
            )


def erase(docids: Iterable[int]) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("DELETE FROM webmail_searchwords WHERE docid = ANY(%s)", [list(docids)])
        else:
            cursor.executemany("DELETE FROM webmail_searchwords WHERE rowid = %s", [(each,) for each in sorted(docids)])


def newest(alternatives: Alternatives, low: int, high: int, limit: int) -> list[int]:
    """The numbers of the newest hits in [low, high), descending, at most ``limit``. Without words, of every message."""
    arguments: list[Any]
    if not alternatives:
        sql, arguments = "SELECT docid FROM webmail_searchentry WHERE docid >= %s AND docid < %s", [low, high]
    elif connection.vendor == "postgresql":
        sql = "SELECT docid FROM webmail_searchwords WHERE words @@ %s::tsquery AND docid >= %s AND docid < %s"
        arguments = [tsquery(alternatives), low, high]
    else:
        sql = (
            "SELECT rowid AS docid FROM webmail_searchwords "
            "WHERE webmail_searchwords MATCH %s AND rowid >= %s AND rowid < %s"
        )
        arguments = [fts5(alternatives), low, high]
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} ORDER BY docid DESC LIMIT %s", [*arguments, limit])
        return [docid for (docid,) in cursor.fetchall()]


def among(alternatives: Alternatives, docids: Collection[int]) -> set[int]:
    """Which of these numbers are hits."""
    if not alternatives or not docids:
        return set(docids)
    arguments: list[Any]
    if connection.vendor == "postgresql":
        sql = "SELECT docid FROM webmail_searchwords WHERE docid = ANY(%s) AND words @@ %s::tsquery"
        arguments = [list(docids), tsquery(alternatives)]
    else:
        sql = (
            "SELECT rowid FROM webmail_searchwords "
            "WHERE webmail_searchwords MATCH %s AND rowid IN (SELECT value FROM json_each(%s))"
        )
        arguments = [fts5(alternatives), json.dumps(sorted(docids))]
    with connection.cursor() as cursor:
        cursor.execute(sql, arguments)
        return {docid for (docid,) in cursor.fetchall()}


def fts5(alternatives: Alternatives) -> str:
    """The expression for MATCH. NOT takes two sides there, so what is excluded is taken from every message."""
    return " AND ".join(f"({' OR '.join(_fts5_term(term) for term in group)})" for group in alternatives)


def _fts5_term(term: Term) -> str:
    phrase = '"' + " ".join(term.words) + '"' + ("*" if term.prefix else "")
    said = f"{term.field} : {phrase}" if term.field else phrase
    return f'("{EVERYWHERE}" NOT {said})' if term.negated else said


def tsquery(alternatives: Alternatives) -> str:
    return " & ".join(f"({' | '.join(_tsquery_term(term) for term in group)})" for group in alternatives)


def _tsquery_term(term: Term) -> str:
    weight = WEIGHTS.get(term.field, "")
    last = len(term.words) - 1
    pieces = []
    for place, word in enumerate(term.words):
        marks = weight + ("*" if term.prefix and place == last else "")
        pieces.append(f"'{word}'" + (f":{marks}" if marks else ""))
    said = f"({' <-> '.join(pieces)})"
    return f"('{EVERYWHERE}' & !{said})" if term.negated else said


def _tsvector(row: Words) -> str:
    """In writing, positions and weights and all; a gap between columns keeps phrases inside of one."""
    places: dict[str, list[str]] = {EVERYWHERE: ["1"]}
    at = 1 + _GAP
    room = MOST_OCTETS
    for name, column in zip(COLUMNS, row.columns, strict=True):
        weight = WEIGHTS[name]
        for word in column:
            found = places.get(word)
            if found is None and (room := room - len(word.encode()) - 4) > 0:
                found = places[word] = []
            # A word that is said more often is found by these.
            if found is not None and len(found) < MOST_POSITIONS:
                found.append(f"{at}{weight}")
                room -= 2
            at += 1
        at += _GAP
    return " ".join(f"'{word}':{','.join(found)}" for word, found in places.items())

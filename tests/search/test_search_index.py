"""The index follows the messages, and gives hits newest first, on either database."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from webmail.models import CachedPart, Message, SearchEntry, SearchQueue
from webmail.models.mirror import change
from webmail.search import find, plan, store
from webmail.search.query import parse

pytestmark = pytest.mark.database
TODAY = date(2026, 11, 22)


def planned(person: Any, text: str) -> plan.Plan:
    folders = [folder for each in person.folders.values() for folder in [person.folder(each.name)]]
    return plan.make(parse(text, TODAY), person.user.pk, folders, UTC, {person.account.address})


def subjects(person: Any, text: str, size: int = 50) -> list[str]:
    hits = find.page(planned(person, text), size).hits
    found = Message.objects.in_bulk([hit.message_id for hit in hits])
    return [found[hit.message_id].subject for hit in hits]


def test_words_of_subject_people_and_text_are_found(ada: Any, indexed: Any) -> None:
    ada.arrive("Invoice for October", sender="Grace Höpper <grace@navy.test>", text="The amount is due in thirty days.")
    ada.arrive("Lunch", text="Pizza?")
    indexed()
    for text in ("invoice", "INVOICE october", "hopper", "grace@navy.test", "thirty days", '"in thirty"', "ada", "amo"):
        assert subjects(ada, text) == (["Lunch", "Invoice for October"] if text == "ada" else ["Invoice for October"])
    for text in ("nothing", '"days thirty"', "subject:thirty", "from:ada", "pizza -lunch"):
        assert subjects(ada, text) == []

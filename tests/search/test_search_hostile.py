"""What the index must survive, and find all the same: words of any length, messages that came again at another time."""

from datetime import timedelta
from typing import Any

import pytest

from tests.search.test_search_index import DAY, subjects
from tests.views.conftest import remote_message
from webmail.mime.parts import Part
from webmail.models import CachedPart, Message, RenderedBody, SearchEntry, SearchQueue
from webmail.models.mirror import change
from webmail.sync.insert import insert
from webmail.sync.part_cache import trim_cache
from webmail.sync.rendering import rendered

pytestmark = pytest.mark.database
PARTS = 8


def long_words(part: int, letters: str, count: int) -> str:
    """So many different words, each as long as words can be."""
    return " ".join(
        "".join(letters[number >> bit & 1] for bit in range(64)) for number in range(part << 20, (part << 20) + count)
    )


@pytest.mark.parametrize("letters", ["ab", "аб", "𐐨𐐩"], ids=["Latin", "Cyrillic", "Deseret"])
def test_a_text_of_very_long_words_keeps_nothing_out_of_the_index(ada: Any, indexed: Any, letters: str) -> None:
    parts = [Part(section=str(number), type="text/plain", charset="utf-8", size=9) for number in range(1, PARTS + 1)]
    structure = Part(section="", type="multipart/mixed", children=parts)
    poison = ada.arrive("Poison", structure=structure)
    CachedPart.objects.all().delete()
    for number in range(1, PARTS + 1):
        content = long_words(number, letters, 1700).encode()
        CachedPart.objects.create(message=poison, section=str(number), content=content, size=len(content))
    ada.arrive("Healthy")
    indexed()
    assert subjects(ada, "healthy") == ["Healthy"]
    assert subjects(ada, "poison") == subjects(ada, long_words(1, letters, 1)) == ["Poison"]
    assert not SearchQueue.objects.exists()


def test_a_message_that_came_again_at_another_time_is_found_by_it(ada: Any, indexed: Any) -> None:
    message = ada.arrive("Moved by another program", internaldate=DAY - timedelta(days=90))
    ada.arrive("Between", internaldate=DAY - timedelta(days=9))
    indexed()
    assert subjects(ada, "is:unread after:2026-10-01") == ["Between"]
    # Written into another folder with the time of that moment, and removed where it was.
    Message.objects.filter(pk=message.pk).update(uid=None, missing_since=DAY, shown_in=None)
    again = remote_message(
        1, message.subject, ada.account.address, internaldate=DAY, size=message.size,
        message_id=message.message_id, date=message.date,
    )  # fmt: skip
    with change(ada.user.pk) as changed:
        insert(changed, ada.folders["Clients"], 7, [again])
    message.refresh_from_db()
    assert (message.folder, message.internaldate) == (ada.folders["Clients"], DAY)
    indexed()
    assert subjects(ada, "is:unread after:2026-10-01") == ["Moved by another program", "Between"]
    assert subjects(ada, "moved before:2026-10-01") == []
    assert SearchEntry.objects.filter(message=message).count() == 1


def test_a_text_that_made_room_for_others_is_still_found_after_something_else_of_the_mail_was_kept(
    ada: Any, indexed: Any
) -> None:
    message = ada.arrive("Contract", text="Dear reader. " * 20 + "The third clause about Lemons & limes.")
    assert rendered(message).written
    ada.arrive("Never opened", text="The fourth clause.")
    indexed()
    assert subjects(ada, "clause") == ["Never opened", "Contract"]
    trim_cache(0)
    assert not CachedPart.objects.exists()
    # "Show original", or a picture in its text.
    CachedPart.objects.create(message=message, section="HEADER", content=b"Subject: Contract\r\n", size=19)
    indexed()
    assert subjects(ada, "clause") == ["Never opened", "Contract"]
    assert subjects(ada, '"third clause" lemons limes') == ["Contract"]
    RenderedBody.objects.update(html=b"damaged")
    CachedPart.objects.create(message=message, section="2", content=b"x", size=1)
    indexed()
    assert subjects(ada, "contract") == ["Contract"]

"""F43: what a draft said before stays, bounded, and comes back without the present being lost."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.outbox.conftest import Write
from tests.outbox.test_queue import fields_of
from webmail.models import DraftVersion, OutgoingMessage
from webmail.outbox import drafts, queue, versions


def save(row: OutgoingMessage, text: str, writer: str = "") -> OutgoingMessage:
    return drafts.save_draft(row, fields_of(row, text=text), row.revision, writer=writer).outgoing


def texts(row: OutgoingMessage) -> list[str]:
    return list(row.versions.values_list("text", flat=True))


def test_while_writing_a_version_is_kept_every_few_minutes(write: Write) -> None:
    row = write()
    save(row, "Second")
    assert texts(row) == []
    OutgoingMessage.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(minutes=4))
    row.refresh_from_db()
    save(row, "Third")
    save(row, "Fourth")
    assert texts(row) == ["Second"]


def test_before_much_is_removed_and_before_another_window_writes_a_version_is_kept(write: Write) -> None:
    row = write(text="word " * 100)
    save(row, "gone")
    assert texts(row) == ["word " * 100]
    save(row, "from the desk", writer="desk")
    save(row, "from the phone", writer="phone")
    assert texts(row) == ["from the desk", "word " * 100]


def test_as_it_was_sent_and_not_twice_the_same(write: Write) -> None:
    row = write()
    queue.enqueue(row, token=row.token)
    queue.undo(row)
    queue.enqueue(row, token=row.token)
    assert texts(row) == ["Good morning"]


def test_restoring_keeps_the_present_text_first(write: Write) -> None:
    row = write(text="Old")
    version = versions.keep(row, DraftVersion.Reason.WRITING)
    assert version is not None
    row = save(row, "New")
    known = row.revision
    assert versions.restore(row, version)
    assert (row.text, row.revision) == ("Old", known + 1)
    assert texts(row) == ["New", "Old"]


def test_nothing_is_restored_into_what_is_on_its_way(write: Write) -> None:
    row = write(text="Old")
    version = versions.keep(row, DraftVersion.Reason.WRITING)
    assert version is not None
    queue.enqueue(row, token=row.token)
    assert not versions.restore(row, version)


def test_the_newest_twenty_stay_and_large_ones_fewer(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    row = write()
    for number in range(25):
        row.text = f"Text {number}"
        versions.keep(row, DraftVersion.Reason.WRITING)
    assert len(texts(row)) == versions.MOST_VERSIONS
    assert texts(row)[0] == "Text 24"
    monkeypatch.setattr(versions, "MOST_CHARACTERS", 100)
    row.text = "x" * 200
    versions.keep(row, DraftVersion.Reason.WRITING)
    assert texts(row) == ["x" * 200]

"""What the tests of the import share: letters, runs to the end, and what is here afterwards."""

import hashlib
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from webmail.models import Download, LedgerEntry, Message, StoredContent
from webmail.pop3.importer import run_import


def letter(number: int, body: bytes = b"Hello.\r\n", when: str = "Fri, 20 Nov 2026 12:00:00 +0000") -> bytes:
    return (
        b"From: Bob <bob@example.test>\r\nTo: ada@example.test\r\nSubject: Letter %d\r\nDate: %b\r\n"
        b"Message-ID: <letter-%d@example.test>\r\n\r\n" % (number, when.encode(), number)
    ) + body


def fetch(download: Download, sessions: int = 20) -> Download:
    """Sessions until none is due at once."""
    Download.objects.filter(pk=download.pk).update(next_at=timezone.now())
    for _ in range(sessions):
        run_import(download, lambda: False)
        download.refresh_from_db()
        if download.next_at > timezone.now():
            return download
    raise AssertionError("it does not come to an end")


def contents() -> list[bytes]:
    """The bytes of every message here, in order, each held against what is recorded of it."""
    found = []
    for row in StoredContent.objects.all():
        with default_storage.open(str(row.file.name)) as stream:
            raw = stream.read()
        assert (hashlib.sha256(raw).hexdigest(), len(raw)) == (row.sha256, row.size)
        found.append(raw)
    assert len(found) == Message.objects.count()
    return sorted(found)


def stored() -> dict[str, bytes]:
    """The bytes by subject, no subject twice."""
    subjects = list(Message.objects.values_list("subject", flat=True))
    assert len(set(subjects)) == len(subjects) == len(contents())
    found = {}
    for row in StoredContent.objects.select_related("message"):
        with default_storage.open(str(row.file.name)) as stream:
            found[row.message.subject] = stream.read()
    return found


def states() -> list[str]:
    return sorted(LedgerEntry.objects.values_list("state", flat=True))


def answer_of_commit_lost(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commit that makes the first messages here is carried out, and said to have failed."""
    lost: list[str] = []
    really = BaseDatabaseWrapper._commit  # type: ignore[attr-defined]

    def commit(self: Any) -> None:
        really(self)
        cursor = self.connection.cursor()
        cursor.execute("SELECT count(*) FROM webmail_storedcontent")
        [count] = cursor.fetchone()
        self.connection.rollback()
        if count and not lost:
            lost.append("lost")
            raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(BaseDatabaseWrapper, "_commit", commit)
    return lost

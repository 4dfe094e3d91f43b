"""One message that a server cannot hand out keeps no other away, and nothing that stays on the server costs more each visit."""

from datetime import date
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import OperationalError
from django.utils import timezone

from accounts.models import MailAccount
from tests.pop3.importing import answer_of_commit_lost, contents, fetch, letter, stored
from tests.servers.scripted_pop3 import Cut
from webmail.errors import MailError
from webmail.models import Download, LedgerEntry, Message, StoredContent
from webmail.pop3.importer import FAILURES_BEFORE_PAUSE, run_import

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]
WITHOUT_PIPELINING = ("USER", "UIDL", "TOP")
BROKEN = {
    "hangs up": Cut(b""),
    "hangs up in the middle": Cut(b"+OK\r\nFrom: x\r\n"),
    "speaks nonsense": b"what?\r\n",
    "cannot read it now": b"-ERR [SYS/TEMP] Internal error occurred. Refer to server log for more information.\r\n",
    "cannot read it": b"-ERR internal server error\r\n",
}


def visits(download: Download, count: int) -> None:
    """As a worker makes them, whatever comes of each."""
    for _ in range(count):
        Download.objects.filter(pk=download.pk).update(next_at=timezone.now())
        try:
            run_import(download, lambda: False)
        except MailError:
            continue


@pytest.mark.parametrize(
    "capabilities", [WITHOUT_PIPELINING, (*WITHOUT_PIPELINING, "PIPELINING")], ids=["one by one", "many"]
)
@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_a_message_that_breaks_the_session_keeps_no_other_away(
    scripted: Any, pop3_account: Any, answer: Any, capabilities: Any
) -> None:
    letters = [letter(number) for number in range(1, 8)]
    server = scripted(letters, answers={"RETR 5": answer, "RETR 2": answer}, capabilities=capabilities)
    download = pop3_account(server, policy=Download.Policy.DELETE)
    visits(download, 8)
    assert sorted(stored()) == [f"Letter {number}" for number in (1, 3, 4, 6, 7)]
    download.refresh_from_db()
    assert not MailAccount.objects.get(pk=download.account_id).paused
    assert "2 messages could not be fetched" in download.remark
    assert server.deleted == {1, 3, 4, 6, 7}
    tried = len(server.commands("RETR 5")) + len(server.commands("RETR 2"))
    visits(download, FAILURES_BEFORE_PAUSE + 1)
    assert not MailAccount.objects.get(pk=download.account_id).paused
    assert len(server.commands("RETR 5")) + len(server.commands("RETR 2")) == tried


@pytest.mark.parametrize(
    ("uidls", "capabilities"),
    [(None, ("USER", "TOP")), ([b"same"] * 4, ("USER", "UIDL", "TOP")), (None, ("USER",)), (None, None)],
    ids=["no ids", "one id for all", "no ids and no TOP", "nothing"],
)
def test_what_stays_on_the_server_is_noted_once(
    scripted: Any, pop3_account: Any, monkeypatch: pytest.MonkeyPatch, uidls: Any, capabilities: Any
) -> None:
    monkeypatch.setattr("webmail.pop3.visit.MESSAGE_LIMIT", 2_000)
    old = [letter(number, when="Sun, 01 Nov 2020 12:00:00 +0000") for number in (1, 2)]
    large = letter(3, b"x" * 3_000 + b"\r\n")
    server = scripted([*old, large, letter(4)], uidls=uidls, capabilities=capabilities)
    download = fetch(pop3_account(server, since=date(2026, 1, 1)))
    assert list(stored()) == ["Letter 4"]
    before = LedgerEntry.objects.count()
    for _ in range(3):
        fetch(download)
    assert LedgerEntry.objects.count() == before == 4
    Download.objects.update(since=None)
    fetch(download)
    assert sorted(stored()) == ["Letter 1", "Letter 2", "Letter 4"]


def test_a_commit_whose_answer_was_lost_keeps_its_bytes(
    scripted: Any, pop3_account: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F33"""
    server = scripted([letter(1), letter(2)])
    download = pop3_account(server, policy=Download.Policy.DELETE)
    with monkeypatch.context() as patched:
        lost = answer_of_commit_lost(patched)
        with pytest.raises(OperationalError):
            run_import(download, lambda: False)
    assert lost
    assert Message.objects.count() == StoredContent.objects.count() == 2
    assert contents() == [letter(1), letter(2)]
    fetch(download)
    assert contents() == [letter(1), letter(2)]


def test_bytes_of_a_commit_that_failed_are_taken_away(
    scripted: Any, pop3_account: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = scripted([letter(1)])
    download = pop3_account(server)
    names: list[str] = []
    really = default_storage.save

    def save(*given: Any) -> str:
        names.append(really(*given))
        return names[-1]

    with monkeypatch.context() as patched:
        patched.setattr(default_storage, "save", save)
        patched.setattr("webmail.pop3.filing.file_letters", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run_import(download, lambda: False)
    assert names
    assert not any(default_storage.exists(name) for name in names)
    fetch(download)
    assert contents() == [letter(1)]

"""verifymail finds what is damaged, mends what can be mended, and removes nothing that might be the last copy."""

import os
import time
from datetime import timedelta
from io import BytesIO, StringIO

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.utils import timezone

from tests.pop3.importing import contents, fetch, letter, stored
from webmail.models import Download, LedgerEntry, Message, StoredContent, SyncState
from webmail.models.pop3 import content_path
from webmail.sync.local import delete_messages

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


@pytest.fixture(autouse=True)
def own_storage(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(default_storage, "base_location", str(tmp_path))
    monkeypatch.setattr(default_storage, "location", str(tmp_path))


def verify(*arguments: str) -> tuple[int, str]:
    """Exit code and what was said."""
    out = StringIO()
    try:
        call_command("verifymail", *arguments, stdout=out, stderr=StringIO())
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


def file_of(subject: str) -> str:
    return StoredContent.objects.get(message__subject=subject).file.name or ""


def overwrite(name: str, raw: bytes) -> None:
    default_storage.delete(name)
    assert default_storage.save(name, BytesIO(raw)) == name


def orphan(raw: bytes, *, days: int = 2) -> str:
    name = default_storage.save(content_path(StoredContent(), ""), BytesIO(raw))
    then = time.time() - days * 86400
    os.utime(default_storage.path(name), (then, then))
    return name


def test_whole_mail_is_said_to_be_whole(scripted, pop3_account):
    fetch(pop3_account(scripted([letter(1), letter(2)])))
    assert verify() == (0, "2 messages checked, 0 damaged or missing.\n")


@pytest.mark.parametrize("damage", ["missing", "changed", "shorter"])
def test_what_the_server_still_has_is_fetched_again_and_whole_afterwards(scripted, pop3_account, damage):
    server = scripted([letter(1), letter(2)])
    download = fetch(pop3_account(server))
    name = file_of("Letter 1")
    if damage == "missing":
        default_storage.delete(name)
    else:
        overwrite(name, letter(1)[:-4] if damage == "shorter" else letter(1).replace(b"Hello", b"HellO"))
    SyncState.objects.update(due_at=timezone.now() + timedelta(hours=1))
    code, said = verify()
    assert code == 1
    assert f"message {Message.objects.get(subject='Letter 1').pk} of account" in said
    assert "fetched again" in said
    assert SyncState.objects.get().due_at <= timezone.now()
    download.refresh_from_db()
    assert download.next_at <= timezone.now()
    fetch(download)
    assert contents() == [letter(1), letter(2)]
    assert len(server.commands("RETR")) == 3
    assert verify()[0] == 0


def test_what_no_server_has_any_more_stays_reported(scripted, pop3_account):
    fetch(pop3_account(scripted([letter(1)], removes=True), policy=Download.Policy.DELETE))
    default_storage.delete(file_of("Letter 1"))
    for _ in range(2):
        code, said = verify()
        assert code == 1
        assert "No server has it any more" in said
    assert StoredContent.objects.get().damaged == "missing"


def test_content_that_is_lying_about_mends_a_message(scripted, pop3_account):
    fetch(pop3_account(scripted([letter(1)], removes=True), policy=Download.Policy.DELETE))
    default_storage.delete(file_of("Letter 1"))
    orphan(letter(1))
    assert verify()[0] == 0
    assert stored() == {"Letter 1": letter(1)}


def test_files_that_nothing_refers_to_go_unless_they_may_be_the_last_copy(scripted, pop3_account):
    download = fetch(pop3_account(scripted([letter(1), letter(2)])))
    delete_messages(download.account, [Message.objects.get(subject="Letter 2").pk])
    copy, removed, young, unknown = (
        orphan(letter(1)),
        orphan(letter(2)),
        orphan(letter(1), days=0),
        orphan(b"nobody knows this"),
    )
    code, said = verify("--no-repair")
    assert (code, default_storage.exists(copy)) == (0, True)
    code, said = verify()
    assert code == 0
    assert "2 files that nothing refers to removed" in said
    assert "1 files are kept" in said
    assert [default_storage.exists(name) for name in (copy, removed, young, unknown)] == [False, False, True, True]
    verify("--remove-unknown")
    assert [default_storage.exists(name) for name in (young, unknown)] == [True, False]
    assert stored() == {"Letter 1": letter(1)}


def test_only_what_arrived_since_a_day_is_read(scripted, pop3_account):
    old = letter(1, when="Fri, 20 Nov 2020 12:00:00 +0000")
    fetch(pop3_account(scripted([old, letter(2)])))
    default_storage.delete(file_of("Letter 1"))
    assert verify("--since", "2026-01-01") == (0, "1 messages checked, 0 damaged or missing.\n")
    assert verify("--since", "2020-01-01", "--no-repair")[0] == 1
    assert not StoredContent.objects.exclude(damaged="").exists()
    assert verify()[0] == 1


def test_a_message_without_any_content_is_found_and_fetched_again(scripted, pop3_account):
    download = fetch(pop3_account(scripted([letter(1)])))
    StoredContent.objects.all().delete()
    code, said = verify()
    assert (code, "nothing is stored of it" in said) == (1, True)
    fetch(download)
    assert stored() == {"Letter 1": letter(1)}
    assert LedgerEntry.objects.count() == 1
    assert verify()[0] == 0

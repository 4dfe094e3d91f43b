"""Files that were uploaded become messages, here or on a server, each once."""

import io
import struct
import zipfile
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from django.core.files.storage import default_storage

from tests.pop3.importing import answer_of_commit_lost, contents
from tests.transfer.conftest import mail, numbers, settle_local, upload, work, zipped
from webmail.errors import GiveUp
from webmail.models import Folder, Message, StoredContent, Transfer
from webmail.sync import bodies
from webmail.transfer import batch, export, jobs, run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


def mbox_of(*messages: bytes) -> bytes:
    lines = [b"From bob@example.test Mon Nov  2 07:05:09 2026\n" + raw.replace(b"\r\n", b"\n") for raw in messages]
    return b"\n".join(lines)


def test_an_mbox_becomes_messages_with_their_flags_and_dates(user, inbox):
    seen = mail(1).replace(b"\r\n\r\n", b"\r\nStatus: RO\r\nX-Status: F\r\n\r\n", 1)
    transfer = work(upload(user, inbox, mbox_of(seen, mail(2), mail(3))))
    assert (transfer.state, numbers(transfer)) == ("done", [(3, 0, 0)])
    rows = Message.objects.filter(shown_in=inbox).order_by("message_id")
    assert [(row.subject, row.seen, row.flagged) for row in rows] == [
        ("Letter 1", True, True),
        ("Letter 2", False, False),
        ("Letter 3", False, False),
    ]
    assert rows[1].internaldate == datetime(2026, 11, 2, 7, 5, 9, tzinfo=UTC)
    assert b"".join(bodies.source(rows[0])) == mail(1)
    settle_local(inbox.account)
    assert Message.objects.get(subject="Letter 3").preview == "This is letter 3."


def test_importing_the_same_again_skips_everything(user, inbox):
    work(upload(user, inbox, mbox_of(mail(1), mail(2))))
    again = work(upload(user, inbox, mbox_of(mail(1), mail(2), mail(3), mail(3))))
    assert numbers(again) == [(1, 3, 0)]
    assert Message.objects.count() == 3


def test_equal_ids_with_other_content_are_both_kept(user, inbox):
    work(upload(user, inbox, mbox_of(mail(1), mail(1, "And a footer."))))
    assert Message.objects.count() == 2


def test_messages_without_an_id_are_told_apart_by_what_they_say(user, inbox):
    raw = mail(1).replace(b"Message-ID: <letter-1@example.test>\r\n", b"")
    other = raw.replace(b"Letter 1", b"Letter 2")
    assert numbers(work(upload(user, inbox, mbox_of(raw, other, raw)))) == [(2, 1, 0)]
    assert numbers(work(upload(user, inbox, mbox_of(raw, other)))) == [(0, 2, 0)]


def test_a_zip_of_messages_and_mboxes_is_imported_with_what_is_wrong_named(user, inbox):
    content = zipped(
        {
            "../../evil\r\n.eml": mail(1),
            "Work/2.eml": mail(2).replace(b"\r\n", b"\n"),
            "Work.mbox": mbox_of(mail(3), mail(4)),
            "__MACOSX/._2.eml": b"junk",
            "picture.jpg": b"\xff\xd8",
            "notes.txt": b"only notes",
            "bomb.eml": b"Subject: x\r\n\r\n" + b"\0" * 60_000_000,
        }
    )
    transfer = work(upload(user, inbox, content, "mail.zip"))
    assert (transfer.state, numbers(transfer)) == ("done", [(4, 0, 2)])
    assert [name for name, _ in transfer.failures] == ["notes.txt", "bomb.eml"]
    assert b"".join(bodies.source(Message.objects.get(subject="Letter 2"))) == mail(2)


def test_one_message_is_imported(user, inbox):
    assert numbers(work(upload(user, inbox, mail(7), "a.eml"))) == [(1, 0, 0)]


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff\xe0 a picture", b"PK\x03\x04 not an archive", b"hello"])
def test_what_is_no_mail_is_refused_at_once(user, inbox, content):
    with pytest.raises(GiveUp):
        upload(user, inbox, content)
    assert not Transfer.objects.exists()


@pytest.mark.parametrize("kind", ["zip", "mbox"])
def test_what_is_exported_can_be_imported_elsewhere(user, inbox, put, kind):
    put(mail(1), flags=("\\Seen", "Work"), when=datetime(2020, 1, 2, 3, 4, 6, tzinfo=UTC))
    put(mail(2, "\r\nFrom here on\r\n>From there"))
    content = b"".join(export.folder_archive(inbox, kind))
    other = Folder.objects.get(account=inbox.account, name="Archive")
    assert numbers(work(upload(user, other, content, "backup"))) == [(2, 0, 0)]
    for number in (1, 2):
        old = Message.objects.get(shown_in=inbox, subject=f"Letter {number}")
        new = Message.objects.get(shown_in=other, subject=f"Letter {number}")
        assert b"".join(bodies.source(new)) == b"".join(bodies.source(old))
        assert (new.seen, new.keywords, new.internaldate.replace(microsecond=0)) == (
            old.seen,
            old.keywords,
            old.internaldate.replace(microsecond=0),
        )


class Killed(BaseException):
    pass


@pytest.mark.parametrize("step", ["before_the_bytes", "after_the_bytes", "before_the_commit", "after_the_commit"])
def test_a_worker_killed_at_any_step_goes_on_without_doubles(user, inbox, monkeypatch, step):
    transfer = upload(user, inbox, mbox_of(*(mail(number) for number in range(6))))
    monkeypatch.setattr(batch, "MOST_LETTERS", 2)
    name = "add" if "bytes" in step else "commit"
    real = getattr(batch.Batch, name)
    calls = 0

    def killed(self, *arguments):
        nonlocal calls
        calls += 1
        if calls < 2:
            return real(self, *arguments)
        if step.startswith("after"):
            real(self, *arguments)
        raise Killed

    for _ in range(3):
        Transfer.objects.filter(state="running").update(lease_until="2026-01-01T00:00Z")
        calls = 0
        with monkeypatch.context() as patched, suppress(Killed):
            patched.setattr(batch.Batch, name, killed)
            run.run_due("worker", lambda: False)
    work(transfer)
    assert transfer.state == "done"
    assert sorted(Message.objects.values_list("subject", flat=True)) == [f"Letter {number}" for number in range(6)]
    assert numbers(transfer) == [(6, 0, 0)]
    for kept in StoredContent.objects.all():
        assert default_storage.exists(str(kept.file.name))


def test_the_file_goes_when_all_of_it_is_imported(user, inbox):
    transfer = upload(user, inbox, mbox_of(mail(1)))
    name = transfer.file.name
    assert default_storage.exists(str(name))
    work(transfer)
    assert not transfer.file
    assert not default_storage.exists(str(name))


def test_a_cancelled_import_stops_and_can_go_on(user, inbox, monkeypatch):
    transfer = upload(user, inbox, mbox_of(mail(1), mail(2), mail(3)))
    monkeypatch.setattr(batch, "MOST_LETTERS", 1)
    real = batch.Batch.commit

    def commit(self, record):
        real(self, record)
        jobs.cancel(transfer)

    monkeypatch.setattr(batch.Batch, "commit", commit)
    run.run_due("worker", lambda: False)
    transfer.refresh_from_db()
    assert (transfer.state, Message.objects.count()) == ("cancelled", 1)
    monkeypatch.setattr(batch.Batch, "commit", real)
    jobs.go_on(transfer)
    work(transfer)
    assert (transfer.state, Message.objects.count()) == ("done", 3)
    assert numbers(transfer) == [(3, 0, 0)]


def test_two_workers_do_not_take_the_same_transfer(user, inbox, monkeypatch):
    upload(user, inbox, mbox_of(mail(1)))
    assert run._claim("one") is not None
    assert run._claim("two") is None
    Transfer.objects.update(lease_until="2026-01-01T00:00Z")
    assert run._claim("two") is not None


def test_no_room_here_is_waited_out(user, inbox, monkeypatch):
    transfer = upload(user, inbox, mbox_of(mail(1)))
    real = batch.Batch.add

    def full(self, *arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(batch.Batch, "add", full)
    run.run_due("worker", lambda: False)
    transfer.refresh_from_db()
    assert (transfer.state, transfer.attempts) == ("waiting", 1)
    monkeypatch.setattr(batch.Batch, "add", real)
    assert numbers(work(transfer)) == [(1, 0, 0)]


def test_an_archive_that_unpacks_to_too_much_in_all_stops(user, inbox, settings):
    settings.MAX_IMPORT_BYTES = 100
    content = zipped({f"{number}.eml": mail(number) for number in range(10)})
    transfer = work(upload(user, inbox, content, "mail.zip"))
    assert transfer.state == "failed"
    assert "unpacks" in transfer.sentence
    assert Message.objects.count() < 10


def test_an_export_of_an_account_keeps_its_folders_and_is_noted(user, inbox, put):
    put(mail(1))
    put(mail(2), folder="Archive")
    local = inbox.account
    Folder.objects.create(
        account=local, name="a/../\u202eevil", delimiter="/", uidvalidity=1, uidnext=1, backfill_uid=1
    )
    put(mail(3, "\nx"), folder="a/../\u202eevil")
    content = b"".join(export.account_archive(local, "zip"))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert {name.rpartition("/")[0] for name in names} == {"INBOX", "Archive", "a/_/evil"}
    assert local.backups.get().messages == 3
    mboxes = zipfile.ZipFile(io.BytesIO(b"".join(export.account_archive(local, "mbox"))))
    assert set(mboxes.namelist()) >= {"INBOX.mbox", "Archive.mbox"}
    assert mboxes.read("INBOX.mbox").startswith(b"From bob@example.test ")


@pytest.mark.parametrize("kind", ["zip", "mbox"])
def test_an_export_names_what_it_could_not_have(inbox, put, kind):
    put(mail(1))
    put(mail(2))
    default_storage.delete(str(StoredContent.objects.order_by("pk")[0].file.name))
    content = b"".join(export.account_archive(inbox.account, kind))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert b"Letter 1" in archive.read("NOT-EXPORTED.txt")
    backup = inbox.account.backups.get()
    assert (backup.messages, backup.missing) == (1, 1)
    assert (b"Letter 1" in b"".join(export.folder_archive(inbox, "mbox"))) is True


def test_a_message_full_of_controls_is_imported_as_it_is(user, inbox):
    raw = b"Subject: a\0b\x1b\r\nMessage-ID: <\0x\r\n y@z>\r\nFrom: \xff\0 <\0@\0>\r\nDate: \0\r\n\r\n\0\xff\r\n"
    transfer = work(upload(user, inbox, mbox_of(raw, mail(1)), "a\0b\r\n.mbox"))
    assert (transfer.state, numbers(transfer)) == ("done", [(2, 0, 0)])
    assert b"\0\xff\r\n" in b"".join(bodies.source(Message.objects.exclude(subject="Letter 1").get()))


def test_mail_is_imported_into_a_paused_account_that_lives_here(user, inbox):
    type(inbox.account).objects.update(paused=True)
    assert numbers(work(upload(user, inbox, mail(1)))) == [(1, 0, 0)]


def test_what_was_filed_keeps_its_bytes_though_the_answer_of_the_commit_was_lost(user, inbox, monkeypatch):
    """F33"""
    transfer = upload(user, inbox, mbox_of(mail(1), mail(2)))
    with monkeypatch.context() as patched:
        lost = answer_of_commit_lost(patched)
        work(transfer)
    assert lost
    work(transfer)
    assert (transfer.state, numbers(transfer)) == ("done", [(2, 0, 0)])
    assert contents() == [mail(1), mail(2)]


def test_messages_alike_in_id_and_size_are_told_apart_by_their_content(user, inbox):
    """Drafts kept by other programs, and whatever was sent twice with one Message-ID."""
    one, other = mail(1), mail(1).replace(b"This is letter", b"That is letter")
    transfer = work(upload(user, inbox, mbox_of(one, other, one)))
    assert numbers(transfer) == [(2, 1, 0)]
    assert contents() == sorted([one, other])
    third = mail(1).replace(b"This is letter", b"What is letter")
    transfer = work(upload(user, inbox, mbox_of(third, other)))
    assert numbers(transfer) == [(1, 1, 0)]
    assert contents() == sorted([one, other, third])


def test_an_entry_that_lies_nowhere_keeps_no_other_out(user, inbox):
    archive = bytearray(zipped({"1.eml": mail(1), "2.eml": mail(2)}))
    first = archive.find(b"PK\x01\x02")
    name = archive.find(b"1.eml", first)
    extra = struct.pack("<HHQ", 1, 8, 2**64 - 9)
    archive[first + 42 : first + 46] = b"\xff" * 4
    archive[first + 30 : first + 32] = struct.pack("<H", len(extra))
    archive[name + 5 : name + 5] = extra
    end = archive.rfind(b"PK\x05\x06")
    archive[end + 12 : end + 16] = struct.pack("<I", end - first)
    transfer = work(upload(user, inbox, bytes(archive), "mail.zip"))
    assert (transfer.state, numbers(transfer)) == ("done", [(1, 0, 1)])
    assert contents() == [mail(2)]

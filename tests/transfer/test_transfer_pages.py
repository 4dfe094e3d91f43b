"""The pages: downloads that stream, uploads that are bounded, and the guided move."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import MailAccount, User
from tests.transfer.conftest import mail, numbers, upload, work, zipped
from tests.views.conftest import remote_message
from webmail.models import Backup, Download, Folder, Message, SpecialUse, SyncState, Transfer, TransferFolder
from webmail.models.mirror import change
from webmail.sync.insert import insert

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
def client(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def target(user) -> MailAccount:
    """An IMAP account whose folders are known; nobody asks its server."""
    account = MailAccount.objects.create(
        user=user, address="ada@new.test", username="ada", imap_host="localhost", smtp_host="localhost"
    )
    SyncState.objects.create(account=account)
    for name, use in (("INBOX", SpecialUse.INBOX), ("Sent Items", SpecialUse.SENT), ("All", SpecialUse.ALL)):
        Folder.objects.create(account=account, name=name, delimiter="/", special_use=use, uidvalidity=7)
    return account


def url(name: str, row: Any) -> str:
    return reverse(name, args=[row.pk])


def text(answer: Any) -> str:
    return answer.content.decode()


def test_a_folder_is_downloaded_under_a_safe_name_in_large_blocks(client, inbox, put):
    for number in range(40):
        put(mail(number, "x" * 40_000))
    Folder.objects.filter(pk=inbox.pk).update(name='a"\r\nX: y\u202e/..')
    answer = client.get(url("folder-export", inbox))
    blocks = list(answer.streaming_content)
    assert answer["Content-Type"] == "application/zip"
    assert answer["Content-Disposition"].startswith("attachment; filename=")
    assert not {"\r", "\n", "\u202e", "/"} & set(answer["Content-Disposition"])
    assert all(len(block) >= 64 * 1024 for block in blocks[:-1])
    with zipfile.ZipFile(io.BytesIO(b"".join(blocks))) as archive:
        assert len(archive.namelist()) == 40
    plain = b"".join(client.get(url("folder-export", inbox) + "?format=mbox").streaming_content)
    assert plain.count(b"\nFrom bob@example.test ") == 39


def test_an_unknown_format_does_not_exist(client, inbox, local):
    assert client.get(url("folder-export", inbox) + "?format=exe").status_code == 404
    assert client.get(url("account-export", local) + "?format=").status_code == 404


def test_a_download_costs_the_same_queries_for_each_message(client, inbox, put):
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            b"".join(client.get(url("folder-export", inbox)).streaming_content)
        return len(found)

    counts = []
    for round_ in range(3):
        for number in range(5):
            put(mail(round_ * 5 + number))
        counts.append(queries())
    assert counts[2] - counts[1] == counts[1] - counts[0]


def test_an_export_that_cannot_begin_is_a_page_and_not_half_a_file(client, target):
    folder = Folder.objects.get(account=target, name="INBOX")
    MailAccount.objects.filter(pk=target.pk).update(imap_port=1)

    with change(target.user_id) as changed:
        insert(changed, folder, 7, [remote_message(1, "Hello", target.address)])
    answer = client.get(url("folder-export", folder))
    assert answer.status_code == 503
    assert not answer.streaming


def test_a_file_is_uploaded_and_its_report_counts(client, inbox):
    content = zipped({"1.eml": mail(1), "2.eml": b"no mail"})
    answer = client.post(url("folder-import", inbox), {"file": SimpleUploadedFile("../x\r\n.zip", content)})
    transfer = Transfer.objects.get()
    assert answer["Location"] == url("transfer", transfer)
    page = text(client.get(url("transfer", transfer)))
    assert "Waiting for its turn." in page
    assert 'hx-trigger="every' in page
    work(transfer)
    page = text(client.get(url("transfer", transfer)))
    assert "Done, but not everything could be copied." in page
    assert "2.eml" in page
    assert 'hx-trigger="every' not in page
    assert Message.objects.get().shown_in == inbox
    assert str(transfer) in text(client.get(url("folder-import", inbox)))


def test_what_is_no_mail_and_what_is_missing_is_said_beside_the_field(client, inbox):
    for data in ({}, {"file": SimpleUploadedFile("x.mbox", b"\x89PNG")}):
        answer = client.post(url("folder-import", inbox), data)
        assert answer.status_code == 422
        assert "field-error" in text(answer)
    assert not Transfer.objects.exists()


def test_an_upload_beyond_the_limit_is_refused_before_it_is_read(client, inbox, settings):
    settings.MAX_IMPORT_BYTES = 1000

    class Unread:
        def read(self, *_: int) -> bytes:
            raise AssertionError("the body was read")

        readline = read

    answer = client.post(
        url("folder-import", inbox),
        **{"wsgi.input": Unread(), "CONTENT_LENGTH": str(10**9), "CONTENT_TYPE": "multipart/form-data; boundary=x"},
    )
    assert answer.status_code == 413


def test_an_upload_may_be_larger_than_an_attachment(client, inbox, settings):
    settings.MAX_UPLOAD_BYTES = -9 * 1024 * 1024
    content = b"From a Mon Nov  2 07:05:09 2026\n" + mail(1, "x" * 100_000)
    assert client.post(url("folder-import", inbox), {"file": SimpleUploadedFile("x", content)}).status_code == 302


def test_an_upload_needs_the_token_of_its_form(user, inbox):
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    file = SimpleUploadedFile("x.eml", mail(1))
    assert client.post(url("folder-import", inbox), {"file": file}).status_code == 403
    assert not Transfer.objects.exists()


def test_a_transfer_is_stopped_and_goes_on(client, user, inbox):
    transfer = upload(user, inbox, mail(1))
    client.post(url("transfer-cancel", transfer))
    assert "Stopped by you." in text(client.get(url("transfer", transfer)))
    client.post(url("transfer-resume", transfer))
    transfer.refresh_from_db()
    assert transfer.state == "waiting"
    assert numbers(work(transfer)) == [(1, 0, 0)]
    # All of it is here and the file is gone.
    assert client.post(url("transfer-resume", transfer)).status_code == 409


Steps = Callable[[], str]


@pytest.fixture
def current(client, local) -> Steps:
    def find() -> str:
        page = text(client.get(url("account-move", local)))
        return page.split('aria-current="step"', 1)[1].split("<h3>")[1].split("</h3>")[0]

    return find


def test_the_steps_of_a_move_follow_from_what_there_is(client, local, put, current, user):
    Download.objects.create(account=local, host="pop.old.test")
    put(mail(1))
    assert current() == "Back up"
    b"".join(client.get(url("account-export", local)).streaming_content)
    assert Backup.objects.get().messages == 1
    assert current() == "Pause the old account"
    client.post(url("account-move", local), {"action": "pause"})
    local.refresh_from_db()
    assert local.paused
    assert current() == "Add the new account"
    new = MailAccount.objects.create(user=user, address="a@new.test", username="a", imap_host="h", smtp_host="h")
    assert current() == "Copy the mail"
    assert "are being fetched" in text(client.get(url("account-move", local)))
    transfer = Transfer.objects.create(user=user, kind="copy", source=local, target=new, state="done")
    inbox = Folder.objects.get(account=local, name="INBOX")
    TransferFolder.objects.create(
        transfer=transfer, source_folder=inbox.pk, target_name="INBOX", total=1, copied=1, finished=True
    )
    assert current() == "Remove the old account"
    assert "not been copied" not in text(client.get(url("account-move", local)))
    put(mail(2))
    put(mail(3), folder="Sent")
    page = text(client.get(url("account-move", local)))
    assert "2 came since" in page
    assert "2 messages have not been copied" in page
    client.post(url("account-move", local), {"action": "resume"})
    assert current() == "Pause the old account"


def test_folders_are_offered_where_they_belong_and_copied_where_was_chosen(client, local, inbox, target, put):
    put(mail(1))
    put(mail(2), folder="Sent")
    put(mail(3), folder="Trash")
    put(mail(4), folder="Archive")
    page = text(client.get(url("account-move", local)))
    known = {folder.name: folder for folder in Folder.objects.filter(account=target)}
    assert f'<option value="f{known["INBOX"].pk}" selected>INBOX' in page
    assert f'<option value="f{known["Sent Items"].pk}" selected>Sent Items' in page
    assert '<option value="new" selected>New folder: Archive' in page
    assert "New folder: Trash" in page
    assert '<option value="new" selected>New folder: Trash' not in page
    assert ">All</option>" not in page
    own = {folder.name: folder.pk for folder in Folder.objects.filter(account=local)}
    data = {
        "action": "copy",
        "target": target.pk,
        f"folder-{own['INBOX']}": f"f{known['INBOX'].pk}",
        f"folder-{own['Archive']}": "new",
        f"folder-{own['Trash']}": "",
    }
    assert client.post(url("account-move", local), data)["Location"] == url("account-move", local)
    transfer = Transfer.objects.get()
    assert list(transfer.folders.values_list("source_name", "target_name", "total")) == [
        ("INBOX", "INBOX", 1),
        ("Archive", "Archive", 1),
    ]
    page = text(client.get(url("account-move", local)))
    assert 'id="steps" hx-get=' in page
    assert client.post(url("account-move", local), data).status_code == 422
    assert Transfer.objects.count() == 1


def test_folders_and_accounts_of_others_cannot_be_named(client, local, inbox, target):

    other = MailAccount.objects.create(
        user=User.objects.create(username="bob"), address="b@x.test", username="b", imap_host="h", smtp_host="h"
    )
    theirs = Folder.objects.create(account=other, name="INBOX", delimiter="/")
    move = url("account-move", local)
    data = {"action": "copy", "target": target.pk, f"folder-{inbox.pk}": f"f{theirs.pk}"}
    assert client.post(move, data).status_code == 404
    assert client.post(move, data | {"target": other.pk}).status_code == 404
    assert client.get(f"{move}?target={other.pk}").status_code == 404
    assert client.get(f"{move}?target=%00").status_code == 404
    assert client.post(move, {"action": "delete"}).status_code == 404
    assert client.get(url("account-move", target)).status_code == 404
    assert not Transfer.objects.exists()


def test_choosing_nothing_is_said(client, local, target):
    answer = client.post(url("account-move", local), {"action": "copy", "target": target.pk})
    assert answer.status_code == 422
    assert "Choose at least one folder." in text(answer)


def test_a_folder_of_a_hostile_name_gets_one_the_server_takes(client, local, target):
    Folder.objects.create(account=local, name="a\r\nb/*%\u202e", delimiter="/", total=1, uidvalidity=1)
    page = text(client.get(url("account-move", local)))
    assert "New folder: a b/__" in page


def test_the_move_page_costs_the_same_with_ten_and_with_twenty_folders(client, local, target, user):
    transfer = Transfer.objects.create(user=user, kind="copy", source=local, target=target, finished_at=timezone.now())
    counts = []
    for round_ in range(2):
        for number in range(10):
            name = f"F{round_}-{number}"
            Folder.objects.create(account=local, name=name, delimiter="/", total=1, uidvalidity=1)
            Folder.objects.create(account=target, name=name, delimiter="/", total=1, uidvalidity=1)
            TransferFolder.objects.create(transfer=transfer, source_name=name, target_name=name)
        Transfer.objects.update(state="done")
        with CaptureQueriesContext(connection) as found:
            assert client.get(url("account-move", local)).status_code == 200
        counts.append(len(found))
    assert counts[0] == counts[1] < 25

"""The running worker carries transfers out beside everything else, and finished ones are forgotten after a while."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.db import connections
from django.utils import timezone

from tests.transfer.conftest import mail, upload
from webmail.models import Folder, Message, Transfer
from webmail.transfer import jobs, run
from webmail.transfer.jobs import Route
from webmail.worker.service import Worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mailserver, pytest.mark.database]


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker(threads=2)

    def work() -> None:
        try:
            worker.run()
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    yield worker
    worker.stop()
    thread.join(20)
    assert not thread.is_alive()


def test_a_copy_reaches_the_server_and_its_mirror(local, remote, mailbox, put, worker):
    put(mail(1))
    route = Route(Folder.objects.get(account=local, name="INBOX"), "Old mail")
    transfer = jobs.copy_account(local.user, local, remote, [route])
    deadline = time.monotonic() + 30
    while not Message.objects.filter(account=remote, shown_in__name="Old mail").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    transfer.refresh_from_db()
    assert (transfer.state, transfer.lease_owner) == ("done", "")
    assert len(mailbox.uids("Old mail")) == 1


def test_finished_transfers_and_their_files_are_forgotten_in_time(user, inbox):
    transfer = upload(user, inbox, mail(1))
    name = transfer.file.name
    run.tidy()
    assert default_storage.exists(str(name))
    Transfer.objects.update(state="failed", finished_at=timezone.now() - run.FILE_KEPT - timedelta(hours=1))
    run.tidy()
    assert not default_storage.exists(str(name))
    assert not Transfer.objects.get().file
    Transfer.objects.update(finished_at=timezone.now() - run.KEPT - timedelta(hours=1))
    run.tidy()
    assert not Transfer.objects.exists()


def test_the_file_goes_with_its_account(user, inbox):
    transfer = upload(user, inbox, mail(1))
    name = transfer.file.name
    inbox.account.delete()
    assert not default_storage.exists(str(name))


def test_a_lease_that_is_renewed_is_not_taken(user, inbox):
    upload(user, inbox, mail(1))
    assert run._claim("one") is not None
    Transfer.objects.update(lease_until=timezone.now() + timedelta(seconds=1))
    run.renew("one")
    assert Transfer.objects.get().lease_until > timezone.now() + timedelta(seconds=50)  # type: ignore[operator]
    run.renew("two")
    assert run._claim("two") is None

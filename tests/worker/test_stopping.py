"""F52: the worker is told to stop while it sends, mirrors and imports. It ends soon and says what is not sure."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.utils import timezone

from accounts.models import Identity, MailAccount, Security, User
from tests.servers.fault_proxy import FaultProxy
from tests.servers.mailbox import Mailbox
from tests.servers.smtp_sink import Script, SmtpSink
from tests.worker.test_service import mail, wait_until
from webmail.demo.supervisor import BASE_DIR
from webmail.models import Folder, Message, OutgoingMessage, SyncState, Transfer
from webmail.outbox import deliver, drafts, queue
from webmail.sync.local import ensure_folders
from webmail.transfer import jobs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mailserver]

LETTERS = 400
STOPS_WITHIN = 12.0  # seconds: what supervisors wait before they kill
State = OutgoingMessage.State
Start = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path, smtp_sink: SmtpSink) -> Iterator[Start]:
    """The process itself, on the database of the test."""
    if connection.vendor != "sqlite":
        pytest.skip("the second process is told of a file")
    running: list[subprocess.Popen[bytes]] = []
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "webmail.settings",
        "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
        "TRUSTED_CA_FILE": str(smtp_sink.ca_file),
        "ALLOW_PLAINTEXT": "true",
    }

    def start_one() -> subprocess.Popen[bytes]:
        with (tmp_path / "worker.log").open("ab") as log:
            command = [sys.executable, "manage.py", "worker"]
            running.append(subprocess.Popen(command, cwd=BASE_DIR, env=environment, stdout=log, stderr=log))
        return running[-1]

    yield start_one
    for process in running:
        process.kill()
        process.wait()


@pytest.fixture
def proxy(mailbox: Mailbox) -> Iterator[FaultProxy]:
    with FaultProxy("127.0.0.1", mailbox.server.ports.imap) as proxy:
        yield proxy


@pytest.fixture
def account(mailbox: Mailbox, proxy: FaultProxy, smtp_sink: SmtpSink) -> MailAccount:
    account = MailAccount.objects.create(
        user=User.objects.create(username="ada"),
        address=mailbox.address,
        username=mailbox.address,
        password=mailbox.password,
        imap_host=proxy.host,
        imap_port=proxy.port,
        imap_security=Security.PLAIN,
        smtp_host=smtp_sink.host,
        smtp_port=smtp_sink.port,
        smtp_security=Security.STARTTLS,
    )
    Identity.objects.create(account=account, name="Ada", address=mailbox.address, is_default=True)
    SyncState.objects.create(account=account)
    return account


def import_of(user: User) -> Transfer:
    local = MailAccount.objects.create(
        user=user, kind=MailAccount.Kind.POP3, address="ada@old.test", username="ada", smtp_host="localhost"
    )
    SyncState.objects.create(account=local)
    ensure_folders(local)
    letters = b"".join(
        b"From bob@example.test Mon Nov  2 07:05:00 2026\n" + mail(number).replace(b"\r\n", b"\n") + b"\n"
        for number in range(LETTERS)
    )
    return jobs.import_file(user, Folder.objects.get(account=local, name="INBOX"), ContentFile(letters), "mail.mbox")


def written(account: MailAccount) -> OutgoingMessage:
    draft = drafts.new_draft(account.user, account, drafts.Fields())
    fields = drafts.Fields(to="bob@example.test", subject="Hello", text="Good morning", plain=True)
    row = drafts.save_draft(draft, fields, draft.revision).outgoing
    queue.send(row, fields, row.revision, token=row.token)
    OutgoingMessage.objects.filter(pk=row.pk).update(send_after=timezone.now())
    return row


def test_f52_told_to_stop_it_ends_soon_and_nothing_is_lost_sent_twice_or_half_there(
    account: MailAccount, mailbox: Mailbox, proxy: FaultProxy, smtp_sink: SmtpSink, start: Start
) -> None:
    for number in range(3):
        mailbox.append(mail(number), folder="Work")
    smtp_sink.script = Script(delays={"reply": 60.0})
    row, transfer = written(account), import_of(account.user)
    # The server falls silent in the middle of the first sync.
    proxy.rule("FETCH", "hold", occurrence=2)
    process = start()
    wait_until(lambda: Message.objects.filter(account__address="ada@old.test").count() > 20, 60)
    wait_until(lambda: OutgoingMessage.objects.get(pk=row.pk).state == State.SENDING, 60)
    proxy.wait_for("FETCH", 2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(STOPS_WITHIN) == 0
    proxy.rules.clear()
    smtp_sink.script = Script()
    assert not SyncState.objects.exclude(lease_owner="").exists()

    OutgoingMessage.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    Transfer.objects.filter(lease_until__isnull=False).update(lease_until=timezone.now())
    process = start()
    wait_until(lambda: OutgoingMessage.objects.get(pk=row.pk).state == State.UNCLEAR, 60)
    wait_until(lambda: Transfer.objects.get(pk=transfer.pk).state == "done", 60)
    wait_until(lambda: Message.objects.filter(shown_in__name="Work").count() == 3, 60)
    process.send_signal(signal.SIGTERM)
    assert process.wait(STOPS_WITHIN) == 0
    ids = list(Message.objects.filter(account__address="ada@old.test").values_list("message_id", flat=True))
    assert sorted(ids) == sorted(f"letter-{number}@example.test" for number in range(LETTERS))
    deliver.settle_abandoned()
    assert OutgoingMessage.objects.get(pk=row.pk).state == State.UNCLEAR
    assert len(smtp_sink.received) <= 1


def test_f52_what_is_answered_while_it_stops_counts(account: MailAccount, smtp_sink: SmtpSink, start: Start) -> None:
    smtp_sink.script = Script(delays={"reply": 1.5})
    row = written(account)
    process = start()
    wait_until(lambda: OutgoingMessage.objects.get(pk=row.pk).state == State.SENDING, 60)
    process.send_signal(signal.SIGTERM)
    assert process.wait(STOPS_WITHIN) == 0
    assert OutgoingMessage.objects.get(pk=row.pk).state in {State.SENT, State.QUEUED}

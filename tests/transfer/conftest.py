"""A person with an account that lives here and one on the private server, and the worker's hand."""

import io
import zipfile
from collections.abc import Callable, Iterator

import pytest
from django.core.files.base import ContentFile

from accounts.models import MailAccount, Security, User
from tests.servers.fault_proxy import FaultProxy
from tests.servers.mailbox import Mailbox
from webmail.models import Folder, SyncState, Transfer
from webmail.sync.account import LocalPass
from webmail.sync.local import LocalMailbox, ensure_folders
from webmail.transfer import jobs, run


def mail(number: int, text: str = "") -> bytes:
    return (
        f"From: Bob <bob@example.test>\r\nTo: ada@example.test\r\nSubject: Letter {number}\r\n"
        f"Message-ID: <letter-{number}@example.test>\r\nDate: Mon, 02 Nov 2026 07:05:{number % 60:02} +0000\r\n\r\n"
        f"This is letter {number}.{text}\r\n"
    ).encode()


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create(username="ada")


@pytest.fixture
def local(user: User) -> MailAccount:
    account = MailAccount.objects.create(
        user=user, kind=MailAccount.Kind.POP3, address="ada@old.test", username="ada", smtp_host="localhost"
    )
    SyncState.objects.create(account=account)
    ensure_folders(account)
    return account


@pytest.fixture
def hidden() -> tuple[str, ...]:
    return ()


@pytest.fixture
def proxy(mailbox: Mailbox, hidden: tuple[str, ...]) -> Iterator[FaultProxy]:
    with FaultProxy("127.0.0.1", mailbox.server.ports.imap, hide=hidden) as proxy:
        yield proxy


@pytest.fixture
def remote(user: User, mailbox: Mailbox, proxy: FaultProxy) -> MailAccount:
    account = MailAccount.objects.create(
        user=user,
        address=mailbox.address,
        username=mailbox.address,
        password=mailbox.password,
        imap_host=proxy.host,
        imap_port=proxy.port,
        imap_security=Security.PLAIN,
        smtp_host="localhost",
    )
    SyncState.objects.create(account=account)
    return MailAccount.objects.get(pk=account.pk)


@pytest.fixture
def inbox(local: MailAccount) -> Folder:
    return Folder.objects.get(account=local, name="INBOX")


Put = Callable[..., None]


@pytest.fixture
def put(local: MailAccount) -> Put:
    def put_one(raw: bytes, folder: str = "INBOX", flags: tuple[str, ...] = (), when: object = None) -> None:
        LocalMailbox(local).append(folder, raw, flags, when)  # type: ignore[arg-type]

    return put_one


def settle_local(account: MailAccount) -> None:
    while LocalPass(account, lambda: False).run():
        pass


def work(transfer: Transfer, rounds: int = 20) -> Transfer:
    """As a worker that looks again and again, without the waiting in between."""
    for _ in range(rounds):
        Transfer.objects.filter(pk=transfer.pk, state="waiting").update(next_at="2026-01-01T00:00Z")
        Transfer.objects.filter(pk=transfer.pk, state="running").update(lease_until="2026-01-01T00:00Z")
        run.run_due("worker", lambda: False)
        transfer.refresh_from_db()
        if transfer.state not in {"waiting", "running"}:
            break
    return transfer


def upload(user: User, folder: Folder, content: bytes, name: str = "mail.mbox") -> Transfer:
    return jobs.import_file(user, folder, ContentFile(content), name)


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def numbers(transfer: Transfer) -> list[tuple[int, int, int]]:
    return list(transfer.folders.values_list("copied", "skipped", "failed"))

"""The mirror compared with the server: whatever made it wrong is found, said and repaired; a right one stays untouched."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import MailAccount, User
from tests.servers.mailbox import Mailbox
from webmail.imap.connection import MailConnection
from webmail.models import Folder, ListRow, Message, SyncState
from webmail.sync import actions, verify
from webmail.sync.account import Pass
from webmail.sync.foreground import open_connection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mailserver, pytest.mark.database]

Sync = Callable[[], None]


def mail(number: int) -> bytes:
    return (
        f"From: Bob <bob@example.test>\r\nTo: ada@example.test\r\nSubject: Letter {number}\r\n"
        f"Message-ID: <letter-{number}@example.test>\r\n\r\nThis is letter {number}.\r\n"
    ).encode()


@pytest.fixture
def account(mailbox: Mailbox, settings) -> MailAccount:
    settings.TRUSTED_CA_FILE = str(mailbox.server.ca_file)
    account = MailAccount.objects.create(
        user=User.objects.create(username="ada"),
        address=mailbox.address,
        username=mailbox.address,
        password=mailbox.password,
        imap_host="localhost",
        imap_port=mailbox.server.ports.imaps,
        smtp_host="localhost",
    )
    SyncState.objects.create(account=account)
    return MailAccount.objects.get(pk=account.pk)


@pytest.fixture
def connection(account: MailAccount) -> Iterator[MailConnection]:
    connection = open_connection(account)
    yield connection
    connection.close()


@pytest.fixture
def sync(account: MailAccount, connection: MailConnection) -> Sync:
    def run() -> None:
        for _ in range(50):
            if not Pass(connection, account, lambda: False).run():
                return
        pytest.fail("the passes do not come to an end")

    return run


@pytest.fixture
def damaged(mailbox: Mailbox, sync: Sync) -> None:
    """A ghost, a message that no row shows, a wrong flag, a row of another UIDVALIDITY, counts that do not add up."""
    client = mailbox.imap()
    for number in range(12):
        client.append("INBOX", mail(number))
    client.logout()
    sync()
    inbox = Folder.objects.get(name="INBOX")
    rows = {row.subject: row for row in Message.objects.filter(folder=inbox)}
    Message.objects.filter(pk=rows["Letter 1"].pk).update(uid=500, message_id="ghost", message_key=1)
    Message.objects.filter(pk=rows["Letter 2"].pk).update(seen=True, keywords=["$Odd"])
    Message.objects.filter(pk=rows["Letter 3"].pk).update(uidvalidity=1)
    Message.objects.filter(pk=rows["Letter 4"].pk).update(uid=4000)
    Folder.objects.filter(pk=inbox.pk).update(uidnext=1000, total=99)
    ListRow.objects.filter(folder=inbox, latest=rows["Letter 5"].pk).delete()


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("verifyfolder", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def assert_whole(mailbox: Mailbox) -> None:
    inbox = Folder.objects.get(name="INBOX")
    rows = Message.objects.filter(shown_in=inbox)
    assert sorted(uid or 0 for uid in rows.values_list("uid", flat=True)) == mailbox.uids()
    assert sorted(rows.values_list("subject", flat=True)) == sorted(f"Letter {number}" for number in range(12))
    assert not rows.exclude(uidvalidity=inbox.uidvalidity).exists()
    assert not rows.filter(seen=True).exists()
    assert not rows.exclude(keywords=[]).exists()
    assert (inbox.total, inbox.unread) == (12, 12)
    assert ListRow.objects.filter(folder=inbox).count() == 12


def test_a_right_mirror_is_said_to_be_right_and_left_alone(mailbox, sync, account):
    mailbox.append(mail(1))
    mailbox.append(mail(2), folder="Work")
    sync()
    stamp = account.user.stamp.revision
    before = list(Message.objects.values())
    assert "0 differed" in run("--repair")
    assert list(Message.objects.values()) == before
    account.user.stamp.refresh_from_db()
    assert account.user.stamp.revision == stamp


def test_what_differs_is_said_and_fails_the_command(damaged, account):
    out = StringIO()
    before = list(Message.objects.order_by("pk").values())
    with pytest.raises(CommandError) as failure:
        call_command("verifyfolder", "--account", account.address, stdout=out)
    assert failure.value.returncode == 1
    assert (
        "INBOX: 3 shown here and not on the server, 3 on the server and not here, 1 with other flags" in out.getvalue()
    )
    assert "counts that do not add up" in out.getvalue()
    assert list(Message.objects.order_by("pk").values()) == before


def test_repair_makes_it_what_the_server_is(damaged, mailbox, monkeypatch):
    monkeypatch.setattr(verify, "WINDOW", 5)
    assert "1 differed, repaired" in run("--folder", "INBOX", "--repair")
    assert_whole(mailbox)
    assert "0 differed" in run("--folder", "INBOX")


def test_what_is_shown_where_it_is_not_is_shown_where_it_is(mailbox, sync, account):
    for number in range(12):
        mailbox.append(mail(number))
    mailbox.append(mail(20), folder="Work")
    sync()
    work = Folder.objects.get(name="Work")
    Message.objects.filter(subject="Letter 1").update(shown_in=None)
    Message.objects.filter(subject="Letter 2").update(shown_in=work)
    assert "INBOX: 2 shown where they are not" in run("--repair")
    assert_whole(mailbox)
    assert "0 differed" in run()


def test_what_the_person_did_and_the_server_was_not_told_is_no_damage(mailbox, sync, account):
    mailbox.append(mail(1))
    mailbox.append(mail(2))
    sync()
    actions.store(account.user, Message.objects.filter(subject="Letter 1"), "flagged", True)
    actions.archive(account.user, Message.objects.filter(subject="Letter 2"))
    assert "0 differed" in run("--repair")
    assert Message.objects.get(subject="Letter 1").flagged
    assert Message.objects.filter(subject="Letter 2", shown_in__name="Archive").exists()


def test_another_uidvalidity_is_left_to_the_next_pass(mailbox, sync, account):
    mailbox.append(mail(1), folder="Work")
    sync()
    Folder.objects.filter(name="Work").update(uidvalidity=5)
    Message.objects.filter(folder__name="Work").update(uidvalidity=5)
    with pytest.raises(CommandError):
        run("--folder", "Work")
    run("--folder", "Work", "--repair")
    sync()
    assert "0 differed" in run("--folder", "Work")


def test_the_command_says_what_it_cannot_ask(mailbox, sync, account):
    with pytest.raises(CommandError, match="no IMAP account"):
        run("--account", "nobody@example.test")
    sync()
    with pytest.raises(CommandError, match="no mirrored folder"):
        run("--folder", "Nowhere")
    MailAccount.objects.update(imap_port=1)
    with pytest.raises(CommandError) as failure:
        run()
    assert failure.value.returncode == 2


def test_the_worker_compares_a_little_at_a_time_and_repairs(damaged, mailbox, sync, monkeypatch, caplog):
    monkeypatch.setattr(verify, "WINDOW", 400)
    # Newly mirrored folders count as compared.
    assert not Folder.objects.filter(selectable=True, uidvalidity__isnull=False, verified_at__isnull=True).exists()
    Folder.objects.filter(name="INBOX").update(verified_at=timezone.now() - verify.EVERY)
    for _ in range(3):
        sync()
    assert_whole(mailbox)
    assert "repaired" in caplog.text
    assert Folder.objects.filter(name="INBOX", verified_at__gt=timezone.now() - timedelta(hours=1)).exists()


def test_the_worker_does_not_compare_while_the_person_is_there(damaged, sync, account):
    SyncState.objects.update(watched_until=timezone.now() + timedelta(minutes=5))
    Folder.objects.filter(name="INBOX").update(verified_at=None)
    sync()
    assert Folder.objects.get(name="INBOX").verified_at is None

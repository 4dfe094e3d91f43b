"""What the demonstration registers, again and again, without piling up."""

import os
import socket
from pathlib import Path

import pytest
from django.utils import timezone

from accounts.models import Identity, MailAccount, ProviderPreset, User
from accounts.register import new_person
from accounts.servers import Typed, find_servers
from tests.servers.mailbox import server_directory
from webmail.contacts.duplicates import duplicates
from webmail.demo import furnish, provision
from webmail.demo.content import desk
from webmail.demo.content.people import DOMAIN, OWNER
from webmail.demo.dovecot import Dovecot, Ports
from webmail.demo.launch import CannotStart, choose_port
from webmail.demo.secrets import DemoState
from webmail.models import Contact, OutgoingMessage, Reminder

pytestmark = pytest.mark.django_db


def server_on(imaps: int) -> Dovecot:
    """Never started: only its numbers are asked for."""
    server = Dovecot(Path("/nonexistent"))
    server.ports = Ports(imaps=imaps, submissions=imaps + 1)
    return server


def test_the_preset_follows_the_ports_and_takes_existing_accounts_along() -> None:
    provision.register_preset(server_on(2000))
    user = User.objects.create(username="ida")
    demo = MailAccount.objects.create(user=user, address=OWNER.address, username=OWNER.address, imap_host="localhost")
    other = MailAccount.objects.create(
        user=user, address="ida@elsewhere.example", username="ida", imap_host="imap.elsewhere"
    )
    provision.register_preset(server_on(3000))
    preset = ProviderPreset.objects.get(domain=DOMAIN)
    demo.refresh_from_db()
    other.refresh_from_db()
    assert (preset.imap_port, preset.smtp_port) == (3000, 3001)
    assert (demo.imap_port, demo.smtp_port) == (3000, 3001)
    assert (other.imap_host, other.imap_port) == ("imap.elsewhere", 993)


def test_the_administrator_is_made_once_and_a_changed_password_is_left_alone(tmp_path: Path) -> None:
    state = DemoState(tmp_path / "demo.json")
    password = provision.register_administrator(state)
    admin = User.objects.get(username=provision.ADMINISTRATOR)
    assert admin.is_superuser
    assert admin.check_password(password)
    assert provision.register_administrator(state) == password
    admin.set_password("another")
    admin.save()
    assert provision.register_administrator(state) == ""
    assert User.objects.filter(is_superuser=True).count() == 1


@pytest.mark.mailserver
def test_the_server_comes_back_with_its_ports_and_the_mailbox_is_written_once() -> None:
    directory = server_directory()
    state = DemoState(directory / "demo.json")
    first = provision.demo_server(directory / "mail", state)
    count = first.doveadm("mailbox", "status", "-u", OWNER.address, "messages", "INBOX")
    ports = first.ports
    first.stop()
    second = provision.demo_server(directory / "mail", DemoState(directory / "demo.json"))
    assert second.ports == ports
    assert second.doveadm("mailbox", "status", "-u", OWNER.address, "messages", "INBOX") == count
    provision.register_preset(second)
    for _ in range(2):
        furnish.register_owner(second, DemoState(directory / "demo.json"))
    second.stop()
    account = MailAccount.objects.get()
    assert (account.address, account.signs_in) == (OWNER.address, True)
    assert Identity.objects.get().name == OWNER.name
    assert Contact.objects.filter(user=account.user).count() == len(desk.KNOWN)
    assert len(duplicates(account.user)) == 1
    assert account.user.templates.count() == len(desk.TEMPLATES)
    assert account.user.contact_groups.count() == 4
    waiting = Reminder.objects.order_by("due_at")
    assert [each.to for each in waiting] == [person.name for _, person, _ in desk.WAITED]
    assert all(each.message_id.startswith("<") for each in waiting)
    assert waiting[0].due_at < timezone.now() < waiting[1].due_at
    letter = OutgoingMessage.objects.get()
    assert letter.state == OutgoingMessage.State.QUEUED
    assert letter.send_at
    assert letter.send_at > timezone.now()


def test_who_is_there_already_is_left_alone(tmp_path: Path) -> None:
    server = server_on(2000)
    provision.register_preset(server)
    state = DemoState(tmp_path / "demo.json")
    account = new_person(OWNER.address, find_servers(OWNER.address, Typed()), "secret")
    furnish.register_owner(server, state)
    assert MailAccount.objects.get() == account
    assert not Contact.objects.exists()
    # And who removed the account is not given it again.
    account.user.delete()
    furnish.register_owner(server, state)
    assert not MailAccount.objects.exists()


def test_a_taken_port_is_passed_over_unless_it_was_asked_for() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = holder.getsockname()[1]
        with pytest.raises(CannotStart, match=str(taken)):
            choose_port("127.0.0.1", str(taken))
    assert choose_port("127.0.0.1", "") >= 8000


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as somebody else")
def test_a_directory_closed_to_others_is_not_used_for_roots_mail_server(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert provision.mail_directory(closed).parent == Path("/var/lib")
    opened = server_directory()
    assert provision.mail_directory(opened) == opened / "mailserver"

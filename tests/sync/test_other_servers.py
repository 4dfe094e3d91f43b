"""The same days in a mailbox on three real servers: Dovecot, Cyrus and Courier. Each ends with the mirror like the server."""

import secrets
import shutil
from collections.abc import Iterator

import pytest

from tests.servers.any_mailbox import AnyMailbox
from tests.servers.courier import Courier
from tests.servers.cyrus import Cyrus
from tests.servers.mailbox import server_directory
from tests.sync.any_server import Person, assert_like_the_server, mail, name_of
from webmail.demo.dovecot import Dovecot
from webmail.models import Folder, Message, Notice, OutgoingMessage
from webmail.sync import actions, bodies, folder_actions

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mailserver]
SERVERS = ("dovecot", "cyrus", "courier")


@pytest.fixture(scope="session")
def cyrus() -> Iterator[Cyrus]:
    directory = server_directory()
    server = Cyrus(directory)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def courier() -> Iterator[Courier]:
    directory = server_directory()
    server = Courier(directory)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(params=SERVERS)
def mailbox(request: pytest.FixtureRequest) -> AnyMailbox:
    """A fresh user on each server in turn."""
    server: Dovecot | Cyrus | Courier = request.getfixturevalue(request.param)
    address, password = f"user-{secrets.token_hex(4)}@example.test", secrets.token_urlsafe(9)
    server.add_user(address, password)
    port = server.ports.imap if isinstance(server, Dovecot) else server.port
    return AnyMailbox(server.host, port, address, password, "INBOX." if request.param == "courier" else "")


@pytest.fixture
def person(mailbox: AnyMailbox) -> Iterator[Person]:
    person = Person(mailbox)
    yield person
    person.close()


def test_the_first_pass_finds_folders_with_their_purposes_and_every_message(mailbox: AnyMailbox, person: Person):
    mailbox.append(*(mail(number) for number in range(30)), flags=(b"\\Seen",))
    mailbox.append(*(mail(number) for number in range(30, 60)))
    with mailbox.imap() as other:
        other.create_folder(mailbox.named("Work & Grün"))
        other.subscribe_folder(mailbox.named("Work & Grün"))
    mailbox.append(mail(99), folder="Work & Grün")
    person.sync()
    uses = {folder.special_use: folder.name for folder in Folder.objects.exclude(special_use="")}
    assert uses["inbox"] == "INBOX"
    assert {use: uses[use] for use in ("sent", "drafts", "trash")} == {
        "sent": mailbox.named("Sent"),
        "drafts": mailbox.named("Drafts"),
        "trash": mailbox.named("Trash"),
    }
    assert person.message(59).preview == "This is letter 59."
    assert person.place(99) == mailbox.named("Work & Grün")
    assert_like_the_server(person)
    shown = (
        list(Message.objects.values()),
        list(Folder.objects.values("name", "revision", "total", "unread", "uidnext")),
    )
    person.sync()
    again = (
        list(Message.objects.values()),
        list(Folder.objects.values("name", "revision", "total", "unread", "uidnext")),
    )
    assert again == shown


def test_what_another_client_does_is_followed(mailbox: AnyMailbox, person: Person):
    mailbox.append(*(mail(number) for number in range(6)))
    person.sync()
    moved = person.message(1).pk
    with mailbox.imap("INBOX") as other:
        uids = {number: mailbox.uid(other, name_of(number)) for number in range(6)}
        other.add_flags([uids[0]], [b"\\Seen", b"\\Flagged"])
        other.copy([uids[1]], mailbox.named("Trash"))
        other.delete_messages([uids[1], uids[2]])
        other.expunge()
        other.append("INBOX", mail(7))
    person.sync()
    assert_like_the_server(person)
    assert (person.message(1).pk, person.place(1)) == (moved, mailbox.named("Trash"))
    assert not Message.objects.filter(message_id=name_of(2), shown_in__isnull=False).exists()
    assert person.place(7) == "INBOX"
    with mailbox.imap("INBOX") as other:
        other.remove_flags([uids[0]], [b"\\Seen"])
    person.sync()
    assert (person.message(0).seen, person.message(0).flagged) == (False, True)
    assert_like_the_server(person)


def test_what_the_person_does_reaches_the_server(mailbox: AnyMailbox, person: Person):
    mailbox.append(*(mail(number) for number in range(6)))
    person.sync()
    keys = {number: person.message(number).pk for number in range(6)}
    actions.store(person.user, [person.message(0)], "flagged", True)
    actions.store(person.user, [person.message(1)], "seen", True)
    actions.move(person.user, [person.message(2), person.message(5)], person.folder("Sent"))
    actions.delete(person.user, [person.message(3)])
    actions.expunge(person.user, [person.message(4)])
    person.sync()
    assert mailbox.content() == {name_of(0): {"\\Flagged"}, name_of(1): {"\\Seen"}}
    assert set(mailbox.content("Sent")) == {name_of(2), name_of(5)}
    assert set(mailbox.content("Trash")) == {name_of(3)}
    assert_like_the_server(person)
    person.sync()
    assert {number: person.message(number).pk for number in (0, 1, 2, 3, 5)} == {
        number: keys[number] for number in (0, 1, 2, 3, 5)
    }
    assert not Notice.objects.exists()
    assert b"".join(bodies.source(person.message(2))) == mail(2)


def test_archive_makes_its_folder_where_the_server_has_none(mailbox: AnyMailbox, person: Person):
    mailbox.append(mail(1))
    person.sync()
    actions.archive(person.user, [person.message(1)])
    person.sync()
    assert set(mailbox.content("Archive")) == {name_of(1)}
    assert mailbox.content() == {}
    assert_like_the_server(person)


def test_a_mark_of_another_client_survives_our_delete(mailbox: AnyMailbox, person: Person):
    mailbox.append(*(mail(number) for number in range(2)))
    person.sync()
    with mailbox.imap("INBOX") as other:
        other.add_flags([mailbox.uid(other, name_of(0))], [b"\\Deleted"])
    actions.expunge(person.user, [person.message(1)])
    person.sync()
    assert mailbox.content() == {name_of(0): {"\\Deleted"}}


def test_a_draft_stands_on_the_server_once_in_its_newest_form(mailbox: AnyMailbox, person: Person):
    person.sync()
    row = person.write_draft("First words")
    person.sync()
    person.write_more(OutgoingMessage.objects.get(pk=row.pk), "Second words")
    person.sync()
    with mailbox.imap("Drafts") as other:
        [data] = other.fetch(other.search("ALL"), ["BODY.PEEK[]", "FLAGS"]).values()
    assert b"Second words" in data[b"BODY[]"]
    assert b"\\Draft" in data[b"FLAGS"]
    assert_like_the_server(person)


def test_folders_are_made_renamed_and_removed_by_either_side(mailbox: AnyMailbox, person: Person):
    mailbox.append(mail(1))
    person.sync()
    folder = folder_actions.create_folder(person.user, person.account, "Plans é")
    person.sync()
    actions.move(person.user, [person.message(1)], folder)
    folder_actions.rename_folder(person.user, folder, "Deeds")
    person.sync()
    assert set(mailbox.content("Deeds")) == {name_of(1)}
    kept = person.message(1).pk
    with mailbox.imap() as other:
        other.rename_folder(mailbox.named("Deeds"), mailbox.named("Done"))
        other.create_folder(mailbox.named("Elsewhere"))
    person.sync()
    assert (person.place(1), person.message(1).pk) == (mailbox.named("Done"), kept)
    assert_like_the_server(person)
    folder_actions.delete_folder(person.user, person.folder("Elsewhere"))
    with mailbox.imap() as other:
        other.delete_folder(mailbox.named("Done"))
    person.sync()
    assert not {mailbox.named("Done"), mailbox.named("Elsewhere")} & mailbox.folders()
    assert_like_the_server(person)
    assert not Message.objects.filter(shown_in__isnull=False).exists()


def test_a_folder_made_anew_under_the_old_name_is_another_folder(mailbox: AnyMailbox, person: Person):
    """F08: after another UIDVALIDITY nothing is addressed by the old uids."""
    with mailbox.imap() as other:
        other.create_folder(mailbox.named("Work"))
    mailbox.append(*(mail(number) for number in range(3)), folder="Work")
    person.sync()
    actions.store(person.user, [person.message(0)], "flagged", True)
    kept = person.message(2).pk
    before = person.folder("Work").uidvalidity
    with mailbox.imap() as other:
        other.delete_folder(mailbox.named("Work"))
        while True:
            # A UIDVALIDITY made of the time in seconds is another one in the next second.
            other.create_folder(mailbox.named("Work"))
            if other.folder_status(mailbox.named("Work"), ["UIDVALIDITY"])[b"UIDVALIDITY"] != before:
                break
            other.delete_folder(mailbox.named("Work"))
    mailbox.append(mail(5), mail(2), folder="Work")
    person.sync()
    assert mailbox.content("Work") == {name_of(5): set(), name_of(2): set()}
    assert person.message(2).pk == kept
    assert_like_the_server(person)
    assert "flag" in Notice.objects.get().text


def test_an_action_on_what_another_client_took_away_ends_like_the_server(mailbox: AnyMailbox, person: Person):
    """F10: gone between the list and the click; the others of the same bulk are carried out."""
    mailbox.append(*(mail(number) for number in range(4)))
    person.sync()
    actions.move(person.user, [person.message(number) for number in range(3)], person.folder("Trash"))
    with mailbox.imap("INBOX") as other:
        taken, sent = (mailbox.uid(other, name_of(number)) for number in (0, 1))
        other.copy([sent], mailbox.named("Sent"))
        other.delete_messages([taken, sent])
        other.expunge()
    person.sync()
    assert set(mailbox.content()) == {name_of(3)}
    assert set(mailbox.content("Trash")) == {name_of(2)}
    assert set(mailbox.content("Sent")) == {name_of(1)}
    person.sync()
    assert_like_the_server(person)


def test_new_mail_wakes_the_parked_connection(mailbox: AnyMailbox, person: Person):
    person.sync()
    connection = person.connected()
    connection.begin_idle()
    mailbox.append(mail(1))
    hints = connection.read_idle(30.0)
    assert {"exists", "folder"} & {hint.kind for hint in hints}
    connection.end_idle()
    person.sync()
    assert_like_the_server(person)

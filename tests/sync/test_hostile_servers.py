"""Servers that lie, interrupt and misname (F09, F11, F12, F14, F17, F53, F56, F59): the right message, and no stop."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from imapclient import imap_utf7

from tests.servers.any_mailbox import AnyMailbox
from tests.servers.personalities import Personality
from tests.servers.personality_imap import PersonalityServer
from tests.servers.personality_mail import Copy
from tests.sync.any_server import Person, assert_like_the_server, mail, name_of
from webmail.models import Folder, Message, Notice, PendingAction
from webmail.sync import actions

pytestmark = [pytest.mark.django_db(transaction=True)]

At = Callable[[Personality], tuple[PersonalityServer, AnyMailbox, Person]]


@pytest.fixture
def at() -> Iterator[At]:
    """A person's account at a server of this kind."""
    with ExitStack() as stack:

        def started(personality: Personality) -> tuple[PersonalityServer, AnyMailbox, Person]:
            server = stack.enter_context(PersonalityServer(personality))
            mailbox = AnyMailbox(server.host, server.port, "ada", server.password)
            person = Person(mailbox)
            stack.callback(person.close)
            return server, mailbox, person

        yield started


class Usual(Personality):
    """What most servers offer."""

    after = "IMAP4rev1 IDLE UIDPLUS MOVE ID NAMESPACE"


class Noisy(Usual):
    """Tells of other folders' changes, of numbers and of flags nobody asked for, before every answer."""

    def refusal(self, session: Any, name: str, arguments: list[Any]) -> bytes | None:
        if session.box is not None and name not in {"SELECT", "LOGOUT", "IDLE"}:
            there = len(session.view)
            session.send(b"* OK still here")
            session.send(b"* %d EXISTS" % (there + 5))
            session.send(b"* %d EXISTS" % there)
            session.send(b"* 1 FETCH (FLAGS (\\Deleted \\Seen $Odd))")
            session.send(b"* 0 RECENT")
            session.send(b'* STATUS "Trash" (MESSAGES 12)')
            session.send(b"* SEARCH 4711")
        return super().refusal(session, name, arguments)


class NoMove(Usual):
    """Offers MOVE and does not know it."""

    def refusal(self, session: Any, name: str, arguments: list[Any]) -> bytes | None:
        return b"BAD unknown command" if name == "MOVE" else super().refusal(session, name, arguments)


class NothingOffered(Personality):
    """No capabilities at all, not even those every server has."""

    before = after = ""


def test_f09_a_folder_without_uidvalidity_is_left_alone_and_the_others_are_read(at: At) -> None:
    server, mailbox, person = at(Usual())
    mailbox.append(mail(1), folder="Sent")
    server.personality.mail.create("Broken")
    mailbox.append(mail(2), folder="Broken")
    server.personality.mail.boxes["Broken"].uidvalidity = 0
    person.sync()
    assert person.place(1) == "Sent"
    assert not Message.objects.filter(folder__name="Broken").exists()


def test_f09_a_uidvalidity_that_goes_back_is_another_folder(at: At) -> None:
    """A restored backup: the same uids may name other messages."""
    server, mailbox, person = at(Usual())
    mailbox.append(mail(1), mail(2))
    person.sync()
    kept = person.message(2).pk
    actions.delete(person.user, [person.message(1)])
    with server.personality.mail.changed:
        box = server.personality.mail.boxes["INBOX"]
        box.uidvalidity -= 500
        box.copies.reverse()
        for uid, copy in enumerate(box.copies, 1):
            copy.uid = uid
    person.sync()
    assert (person.message(2).pk, person.place(1)) == (kept, "INBOX")
    assert_like_the_server(person)
    assert "Letter 1" in Notice.objects.get().text


def test_f09_a_uidnext_below_the_highest_uid_hides_nothing_new(at: At) -> None:
    server, mailbox, person = at(Usual())
    mailbox.append(*(mail(number) for number in range(5)))
    box = server.personality.mail.boxes["INBOX"]
    box.uidnext = 3
    person.sync()
    assert Folder.objects.get(name="INBOX").total == 5
    with server.personality.mail.changed:
        box.uidnext = 50
        server.personality.mail.append(box, mail(9), set())
        box.uidnext = 3
    person.sync()
    person.sync()
    assert person.place(9) == "INBOX"


def test_f09_two_messages_under_one_uid_stop_nothing(at: At) -> None:
    server, mailbox, person = at(Usual())
    mailbox.append(*(mail(number) for number in range(4)))
    box = server.personality.mail.boxes["INBOX"]
    box.copies[1].uid = box.copies[0].uid
    mailbox.append(mail(8), folder="Sent")
    person.sync()
    assert {person.place(2), person.place(3)} == {"INBOX"}
    assert person.place(8) == "Sent"


def test_f11_news_nobody_asked_for_are_not_taken_for_answers(at: At) -> None:
    server, _mailbox, person = at(Noisy())
    with server.personality.mail.changed:
        for number in range(6):
            server.personality.mail.append(server.personality.mail.boxes["INBOX"], mail(number), set())
    person.sync()
    actions.store(person.user, [person.message(3)], "flagged", True)
    actions.delete(person.user, [person.message(4)])
    actions.expunge(person.user, [person.message(5)])
    person.sync()
    inbox = server.personality.mail.boxes["INBOX"]
    assert {copy.uid: copy.flags for copy in inbox.copies} == {1: set(), 2: set(), 3: set(), 4: {"\\Flagged"}}
    shown = {row.uid: row.flagged for row in Message.objects.filter(shown_in__name="INBOX")}
    assert shown == {1: False, 2: False, 3: False, 4: True}
    assert person.place(4) == "Trash"


@pytest.mark.parametrize("kind", [NoMove, NothingOffered])
def test_f14_a_server_that_offers_what_it_cannot_or_nothing_at_all_gives_the_same_results(
    kind: type[Personality], at: At
) -> None:
    server, _, person = at(kind())
    boxes = server.personality.mail.boxes
    with server.personality.mail.changed:
        for number in range(3):
            server.personality.mail.append(boxes["INBOX"], mail(number), set())
    person.sync()
    actions.delete(person.user, [person.message(1)])
    actions.store(person.user, [person.message(2)], "seen", True)
    person.sync()
    person.sync()
    assert [(copy.letter.raw, copy.flags) for copy in boxes["INBOX"].copies] == [
        (mail(0), set()),
        (mail(2), {"\\Seen"}),
    ]
    assert [copy.letter.raw for copy in boxes["Trash"].copies] == [mail(1)]
    assert (person.place(0), person.place(1), person.message(2).seen) == ("INBOX", "Trash", True)
    assert not PendingAction.objects.filter(state__in=["pending", "running"]).exists()


NAMES = [
    "Späße",
    "a & b",
    "日本語",
    "📬 Post",
    "ends with a space ",
    "INBOX/below",
    "x" * 200,
    "Inbox2",
    "e\u0301te\u0301",
]


@pytest.mark.parametrize("delimiter", ["/", ".", None])
def test_f12_f56_folders_of_any_name_are_listed_read_and_moved_to(delimiter: str | None, at: At) -> None:
    personality = Usual()
    personality.delimiter = delimiter  # type: ignore[assignment]
    server, mailbox, person = at(personality)
    for name in NAMES:
        server.personality.mail.create(imap_utf7.encode(name).decode())
    mailbox.append(*(mail(number) for number in range(len(NAMES))))
    person.sync()
    for number, name in enumerate(NAMES):
        actions.move(person.user, [person.message(number)], Folder.objects.get(name=name))
    person.sync()
    assert {person.place(number) for number in range(len(NAMES))} == set(NAMES)
    assert_like_the_server(person)


def test_f12_f56_names_no_server_should_have_stop_nothing(at: At) -> None:
    """8-bit octets, half a shift sequence, an empty name; INBOX twice, two folders for sent mail."""
    personality = Usual()
    personality.folders = (*Usual.folders, ("inbox", ()), ("Outgoing", ("\\Sent",)), ("Sent Items", ("\\Sent",)))
    server, mailbox, person = at(personality)
    for name in ("&-&BB", "&", "sp&AOQ", ""):
        server.personality.mail.create(name)
    mailbox.append(mail(1))
    person.sync()
    assert person.place(1) == "INBOX"
    assert Folder.objects.filter(special_use="sent").count() == 1
    assert Folder.objects.filter(special_use="inbox").count() == 1
    person.sync()
    assert not PendingAction.objects.exists()


def test_f12_a_folder_that_can_no_longer_be_opened_costs_its_messages_and_nothing_else(at: At) -> None:
    server, mailbox, person = at(Usual())
    server.personality.mail.create("Work")
    mailbox.append(mail(1), folder="Work")
    mailbox.append(mail(2))
    person.sync()
    actions.move(person.user, [person.message(2)], Folder.objects.get(name="Work"))
    server.personality.mail.boxes["Work"].attributes = ("\\Noselect",)
    server.personality.mail.boxes["Work"].copies.clear()
    person.sync()
    assert person.place(2) == "INBOX"
    assert not Folder.objects.get(name="Work").selectable
    assert "Letter 2" in Notice.objects.get().text
    assert name_of(2) in mailbox.content()


class Misdated(Usual):
    """Dates of no calendar, sizes of no message, flags of no standard."""

    def written(self, copy: Copy, item: str, usual: bytes) -> bytes:
        wrong = {
            "INTERNALDATE": b'"99-Foo-0000 99:99:99 +9999"',
            "RFC822.SIZE": b"99999999999999999999",
            "FLAGS": b"(\\Seen \\Whatever $\xc3\xa4 NonJunk [odd])",
        }
        return wrong.get(item, usual) if copy.uid == 2 else usual


def test_f17_f53_one_message_with_absurd_answers_stands_among_the_others(at: At) -> None:
    server, _mailbox, person = at(Misdated())
    absurd = mail(2).replace(b"Fri, 20 Nov 2026", b"Fri, 31 Feb 9999").replace(b"+0000", b"+9999")
    early = mail(3).replace(b"Fri, 20 Nov 2026", b"Thu, 1 Jan 1970")
    late = mail(4).replace(b"Fri, 20 Nov 2026", b"Tue, 19 Jan 2038")
    nul = mail(5).replace(b"Subject: Letter 5", b"Subject: A\0B =?utf-8?q?=00=ED=A0=80?=")
    with server.personality.mail.changed:
        for raw in (mail(1), absurd, early, late, nul, mail(6)):
            server.personality.mail.append(server.personality.mail.boxes["INBOX"], raw, set())
    person.sync()
    rows = list(Message.objects.filter(shown_in__name="INBOX").order_by("uid"))
    assert [row.uid for row in rows] == [1, 2, 3, 4, 5, 6]
    assert rows[1].seen
    assert all("\0" not in row.subject for row in rows)
    actions.delete(person.user, [person.message(4)])
    person.sync()
    assert person.place(4) == "Trash"


def test_f59_hundreds_of_new_messages_and_events_in_any_order_are_only_a_hint(at: At) -> None:
    server, _mailbox, person = at(Usual())
    person.sync()
    connection = person.connected()
    connection.begin_idle()
    mail_here = server.personality.mail
    with mail_here.changed:
        box = mail_here.boxes["INBOX"]
        for number in range(400):
            mail_here.append(box, mail(number), set())
        mail_here.remove(box, box.copies[200])
    while "exists" not in {hint.kind for hint in connection.read_idle(30.0)}:
        pass
    connection.end_idle()
    person.sync()
    assert Folder.objects.get(name="INBOX").total == 399
    assert {row.uid for row in Message.objects.filter(shown_in__name="INBOX")} == {copy.uid for copy in box.copies}

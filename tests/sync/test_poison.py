"""One thing that a server stumbles over never holds up the rest of the account (invariant I8)."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.servers.any_mailbox import AnyMailbox
from tests.servers.personalities import Personality
from tests.servers.personality_imap import PersonalityServer
from tests.sync.any_server import Person, assert_like_the_server, mail
from webmail.models import Folder, Message, Notice, PendingAction
from webmail.sync import actions, stumbling

pytestmark = [pytest.mark.django_db(transaction=True)]

INTERNAL = b"NO [SERVERBUG] Internal error occurred. Refer to server log for more information."
BREAKS = b"* BYE Internal error occurred. Refer to server log for more information."
At = Callable[[], tuple["Sick", AnyMailbox, Person]]


class Sick(Personality):
    """Has something damaged: ``says`` gives the answer to a command that touches it, None to all others."""

    after = "IMAP4rev1 IDLE UIDPLUS MOVE ID NAMESPACE"
    says: Callable[[str, list[Any]], bytes | None] = staticmethod(lambda name, arguments: None)

    def refusal(self, session: Any, name: str, arguments: list[Any]) -> bytes | None:
        return self.says(name, arguments) or super().refusal(session, name, arguments)


@pytest.fixture
def at() -> Iterator[At]:
    with ExitStack() as stack:
        stack.callback(stumbling.forget)

        def started() -> tuple[Sick, AnyMailbox, Person]:
            stumbling.forget()
            server = stack.enter_context(PersonalityServer(Sick()))
            mailbox = AnyMailbox(server.host, server.port, "ada", server.password)
            person = Person(mailbox)
            stack.callback(person.close)
            return server.personality, mailbox, person  # type: ignore[return-value]

        yield started


def names_uid(written: bytes, uid: int) -> bool:
    """Whether a set of uids holds this one."""
    for piece in written.split(b","):
        low, _, high = piece.partition(b":")
        first, last = (10**9 if end == b"*" else int(end) for end in (low, high or low))
        if min(first, last) <= uid <= max(first, last):
            return True
    return False


@pytest.mark.parametrize("command", ["MOVE", "STORE"])
def test_an_action_that_the_server_cannot_carry_out_holds_up_nothing_else(at: At, command: str) -> None:
    """Dovecot answers so to a message whose file is damaged: it is shown as under way, and all else goes on."""
    server, mailbox, person = at()
    mailbox.append(*(mail(number) for number in range(1, 6)))
    person.sync()
    server.says = lambda name, words: INTERNAL if name == command and names_uid(words[0], 3) else None
    if command == "MOVE":
        actions.delete(person.user, Message.objects.filter(uid__in=[2, 3, 4]))
    else:
        actions.store(person.user, Message.objects.filter(uid__in=[2, 3, 4]), "flagged", True)
    mailbox.append(mail(9))
    person.sync()
    assert person.place(9) == "INBOX"
    waiting = PendingAction.objects.get(state=PendingAction.State.PENDING)
    assert waiting.message is not None
    assert waiting.message.uid == 3
    assert not Notice.objects.exists()
    # It is tried again with every pass; when that has been so for long, it is taken back and said.
    PendingAction.objects.filter(pk=waiting.pk).update(created_at=timezone.now() - timedelta(hours=2))
    person.sync()
    assert "Letter 3" in Notice.objects.get().text
    person.sync()
    assert_like_the_server(person)
    if command == "MOVE":
        assert person.place(3) == "INBOX"
        assert Folder.objects.get(name="Trash").total == 2


def test_a_folder_that_the_server_cannot_open_holds_up_nothing_else(at: At) -> None:
    server, mailbox, person = at()
    with mailbox.imap() as other:
        other.create_folder("Damaged")
    mailbox.append(mail(1))
    mailbox.append(mail(2), folder="Trash")
    server.says = lambda name, words: INTERNAL if name == "SELECT" and words[0] == b"Damaged" else None
    person.sync()
    assert (person.place(1), person.place(2)) == ("INBOX", "Trash")
    # Once it is repaired it is read.
    server.says = lambda name, words: None
    mailbox.append(mail(3), folder="Damaged")
    stumbling.forget()
    person.sync()
    assert person.place(3) == "Damaged"
    assert_like_the_server(person)


@pytest.mark.parametrize("answer", [INTERNAL, BREAKS], ids=["refuses", "breaks off"])
def test_a_text_that_the_server_cannot_read_holds_up_nothing_else(at: At, answer: bytes) -> None:
    server, mailbox, person = at()
    mailbox.append(*(mail(number) for number in range(1, 8)))
    mailbox.append(mail(20), folder="Sent")

    def says(name: str, words: list[Any]) -> bytes | None:
        text = (
            name == "FETCH" and b"BODY" in repr(words[1]).encode() and b"HEADER.FIELDS" not in repr(words[1]).encode()
        )
        return answer if text and names_uid(words[0], 4) and not names_uid(b"20", 4) else None

    server.says = says
    with mailbox.imap("Sent") as other:
        assert other.search("ALL") == [1]
    person.sync()
    shown = Message.objects.filter(folder__name="INBOX")
    assert set(shown.filter(preview_known=True).values_list("uid", flat=True)) == {1, 2, 3, 5, 6, 7}
    assert Message.objects.get(folder__name="Sent").preview_known
    assert_like_the_server(person)


@pytest.mark.parametrize("already", [0, 6], ids=["on the first page", "among what is new"])
def test_a_row_at_which_the_server_breaks_off_costs_one_row(at: At, already: int) -> None:
    server, mailbox, person = at()
    if already:
        mailbox.append(*(mail(number) for number in range(1, already + 1)))
        person.sync()
    mailbox.append(*(mail(number) for number in range(already + 1, 13)))

    def says(name: str, words: list[Any]) -> bytes | None:
        row = name == "FETCH" and b"ENVELOPE" in repr(words[1]).encode()
        return BREAKS if row and names_uid(words[0], 9) else None

    server.says = says
    person.sync()
    inbox = Folder.objects.get(name="INBOX")
    assert inbox.total == 12
    damaged = Message.objects.get(folder=inbox, uid=9)
    assert damaged.subject == ""
    assert "cannot be read" in damaged.preview
    assert person.place(8) == person.place(10) == "INBOX"

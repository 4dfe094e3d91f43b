"""One day in a mailbox at each provider, and what each is known for. Every day ends with the mirror like the server."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.servers import personalities
from tests.servers.any_mailbox import AnyMailbox
from tests.servers.personalities import Personality
from tests.servers.personality_imap import PersonalityServer
from tests.sync.any_server import Person, assert_like_the_server, mail, name_of
from webmail.models import Folder, Notice, OutgoingMessage
from webmail.sync import actions, bodies

pytestmark = [pytest.mark.django_db(transaction=True)]

Start = Callable[[Personality], tuple[PersonalityServer, AnyMailbox]]


@pytest.fixture
def start() -> Iterator[Start]:
    with ExitStack() as stack:

        def started(personality: Personality) -> tuple[PersonalityServer, AnyMailbox]:
            server = stack.enter_context(PersonalityServer(personality))
            mailbox = AnyMailbox(server.host, server.port, "ada", server.password, personality.prefix)
            return server, mailbox

        yield started


@pytest.fixture
def persons() -> Iterator[Callable[[AnyMailbox], Person]]:
    made: list[Person] = []

    def person(mailbox: AnyMailbox) -> Person:
        made.append(Person(mailbox))
        return made[-1]

    yield person
    for each in made:
        each.close()


EVERY = pytest.mark.parametrize("provider", personalities.ALL, ids=lambda each: each.__name__)


@EVERY
def test_a_day_in_the_mailbox(provider: type[Personality], start: Start, persons: Callable[[AnyMailbox], Person]):
    server, mailbox = start(provider())
    mailbox.append(*(mail(number) for number in range(12)))
    person = persons(mailbox)
    person.sync()
    assert_like_the_server(person)
    uses = {folder.special_use for folder in Folder.objects.all()}
    assert {"inbox", "sent", "drafts", "trash", "junk"} <= uses
    trash = Folder.objects.get(special_use="trash")
    sent = Folder.objects.get(special_use="sent")
    assert person.message_in_inbox(11).preview == "This is letter 11."
    assert b"".join(bodies.source(person.message_in_inbox(3))) == mail(3)

    actions.store(person.user, [person.message_in_inbox(0)], "seen", True)
    actions.store(person.user, [person.message_in_inbox(1)], "flagged", True)
    actions.move(person.user, [person.message_in_inbox(2), person.message_in_inbox(3)], sent)
    actions.delete(person.user, [person.message_in_inbox(4), person.message_in_inbox(5)])
    person.sync()
    content = mailbox.content()
    assert set(content) == {name_of(number) for number in (0, 1, 6, 7, 8, 9, 10, 11)}
    assert (content[name_of(0)], content[name_of(1)]) == ({"\\Seen"}, {"\\Flagged"})
    assert set(mailbox.content(mailbox.bare(trash.name))) == {name_of(4), name_of(5)}
    assert set(mailbox.content(mailbox.bare(sent.name))) == {name_of(2), name_of(3)}
    person.sync()
    assert_like_the_server(person)

    with mailbox.imap("INBOX") as other:
        uids = {number: mailbox.uid(other, name_of(number)) for number in range(6, 10)}
        other.add_flags([uids[6]], [b"\\Seen"])
        other.copy([uids[7]], trash.name)
        other.delete_messages([uids[7], uids[8]])
        other.expunge()
        other.append("INBOX", mail(20))
    actions.store(person.user, [person.message_in_inbox(6)], "flagged", True)
    actions.archive(person.user, [person.message_in_inbox(8), person.message_in_inbox(9)])
    person.sync()
    person.sync()
    assert mailbox.content()[name_of(6)] == {"\\Seen", "\\Flagged"}
    assert set(mailbox.content()) == {name_of(number) for number in (0, 1, 6, 10, 11, 20)}
    assert_like_the_server(person)

    row = person.write_draft("First words")
    person.sync()
    person.write_more(OutgoingMessage.objects.get(pk=row.pk), "Second words")
    person.sync()
    drafts = Folder.objects.get(special_use="drafts")
    [copy] = server.personality.mail.boxes[mailbox.wire(drafts.name)].copies
    assert b"Second words" in copy.letter.raw
    assert_like_the_server(person)
    assert not Notice.objects.exists()

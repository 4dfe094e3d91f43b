"""The person marks a message that another client moves at that moment: the mark arrives where the message is now."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.convergence.canaries import letter, snapshot
from tests.convergence.checks import counts_agree, nothing_waits, same_as_server
from tests.convergence.steps import Stop
from tests.convergence.world import World
from webmail.models import BulkAction, Folder, Message, PendingAction
from webmail.sync import actions, bulk
from webmail.worker import upkeep

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mailserver]
Worlds = Callable[..., World]


@pytest.fixture
def begin(dovecot, sink) -> Iterator[Worlds]:
    worlds: list[World] = []

    def begin(*hide: str) -> World:
        worlds.append(world := World(dovecot, sink, hide=hide, alone=True))
        for number in range(1, 4):
            world.ada.mailbox.append(letter(f"canary-000{number}"), folder="Work")
        world.turn()
        return world

    yield begin
    for world in worlds:
        world.close()


def row_of(number: int) -> Message:
    return Message.objects.get(subject=f"Letter canary-000{number}")


def move_by_other(world: World, row: Message) -> None:
    other = world.ada.mailbox.imap()
    other.select_folder("Work")
    other.move([row.uid], "Archive")
    other.logout()


def assert_marked(world: World, pk: int, flag: bytes = b"\\Flagged") -> None:
    there = snapshot(world.ada.mailbox)
    assert [found.flags for found in there["Archive"].values()] == [{flag}]
    row = Message.objects.get(pk=pk)
    assert (row.folder.name, row.shown_in and row.shown_in.name) == ("Archive", "Archive")
    nothing_waits(world)
    same_as_server(world, there)
    counts_agree(world, there)


@pytest.mark.parametrize(
    "hidden", [(), ("CONDSTORE", "QRESYNC", "NOTIFY"), ("ESEARCH", "CONDSTORE", "QRESYNC")], ids=str
)
@pytest.mark.parametrize("moment", ["before", "in between"])
def test_a_mark_follows_a_message_that_another_client_moves(begin, hidden, moment):
    world = begin(*hidden)
    row = row_of(2)
    actions.store(world.ada.user, [row, row_of(3)], "flagged", value=True)
    plan = []
    if moment == "before":
        move_by_other(world, row)
    else:
        plan = [Stop(1, lambda: move_by_other(world, row), kind="wire", after="SELECT")]
    world.turn(plan=plan, whole=False)
    assert world.turn()
    assert_marked(world, row.pk)
    assert world.ada.mailbox.flags(3, "Work") == {b"\\Flagged"}


def test_a_mark_that_waits_for_its_message_is_not_taken_for_a_new_click(begin):
    """A click cuts the look into all folders short; this one is what the look is for."""
    world = begin()
    row = row_of(2)
    world.ada.mailbox.append(letter("canary-0004"))
    actions.store(world.ada.user, [row], "flagged", value=True)
    move_by_other(world, row)
    world.turn()
    assert PendingAction.objects.get(message=row).attempts <= 2
    assert world.turn()
    assert_marked(world, row.pk)


def test_a_mark_on_what_was_seen_elsewhere_first_arrives_there(begin):
    """The folder it was moved to is looked into before the one it left."""
    world = begin()
    row = row_of(2)
    move_by_other(world, row)
    Folder.objects.filter(name="Archive").update(server_messages=0)
    actions.store(world.ada.user, [row], "$Label1", value=True)
    world.turn()
    world.settle()
    assert_marked(world, row.pk, b"$Label1")


def test_a_mark_on_what_turns_up_nowhere_goes_with_it(begin):
    world = begin()
    other = world.ada.mailbox.imap()
    other.select_folder("Work")
    other.delete_messages([2])
    other.uid_expunge([2])
    other.logout()
    marked = bulk.begin(world.ada.user, "flag", [Folder.objects.get(account=world.ada.account, name="Work")])
    bulk.step(marked.pk, world.ada.user.pk)
    world.turn()
    waiting = PendingAction.objects.get(state=PendingAction.State.PENDING)
    assert waiting.message is not None
    assert waiting.message.shown_in is None
    nothing_waits(world)
    Message.objects.filter(missing_since__isnull=False).update(missing_since=timezone.now() - timedelta(hours=2))
    upkeep.run()
    assert not PendingAction.objects.filter(state=PendingAction.State.PENDING).exists()
    found = BulkAction.objects.get()
    assert (found.applied, found.confirmed, found.missed) == (3, 2, 1)


def test_a_server_whose_search_finds_nothing_is_believed_when_it_says_ok(begin, monkeypatch):
    """No message is taken for gone, and no mark is sent for ever."""
    world = begin("CONDSTORE", "QRESYNC")
    row = row_of(2)
    actions.store(world.ada.user, [row], "flagged", value=True)
    world.turn()
    monkeypatch.setattr("webmail.imap.reading.Reading.uids", lambda *_: set())
    actions.store(world.ada.user, [row], "flagged", value=False)
    for _ in range(3):
        world.turn()
    monkeypatch.undo()
    assert world.turn()
    assert world.ada.mailbox.flags(2, "Work") == set()
    nothing_waits(world)
    same_as_server(world, snapshot(world.ada.mailbox))

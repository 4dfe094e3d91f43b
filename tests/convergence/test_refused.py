"""I4: what the server refuses is shown as it is there, and said."""

from collections.abc import Iterator

import pytest

from tests.convergence.canaries import letter, snapshot
from tests.convergence.checks import counts_agree, nothing_waits, same_as_server
from tests.convergence.world import World
from webmail.models import Folder, Message, Notice
from webmail.sync import actions, folder_actions

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mailserver]
REFUSED = b"{tag} NO [OVERQUOTA] Not here\r\n"


@pytest.fixture
def world(dovecot, sink) -> Iterator[World]:
    world = World(dovecot, sink, alone=True)
    world.ada.mailbox.append(letter("canary-0001"))
    assert world.turn(), world.state
    yield world
    world.close()


def move(world: World, row: Message) -> None:
    actions.move(world.ada.user, [row], Folder.objects.get(account=world.ada.account, name="Archive"))


def flag(world: World, row: Message) -> None:
    actions.store(world.ada.user, [row], "flagged", value=True)


def delete(world: World, row: Message) -> None:
    actions.expunge(world.ada.user, [row])


@pytest.mark.parametrize(("act", "command"), [(move, "MOVE"), (flag, "STORE"), (delete, "STORE")])
def test_what_the_server_refuses_is_shown_as_it_is_there_and_said(world, act, command):
    row = Message.objects.get(account=world.ada.account)
    act(world, row)
    world.proxy.rule(command, "answer", text=REFUSED)
    world.turn()
    world.settle()
    there = snapshot(world.ada.mailbox)
    assert [found.flags for found in there["INBOX"].values()] == [frozenset()]
    nothing_waits(world)
    same_as_server(world, there)
    counts_agree(world, there)
    assert Notice.objects.filter(user=world.ada.user).count() == 1


@pytest.fixture
def work(world: World) -> Folder:
    world.ada.mailbox.append(letter("canary-0002"), folder="Work")
    assert world.turn()
    return Folder.objects.get(account=world.ada.account, name="Work")


def still_there(world: World, count: int, why: str) -> None:
    world.settle()
    there = snapshot(world.ada.mailbox)
    assert len(there["Work"]) == count
    same_as_server(world, there)
    counts_agree(world, there)
    nothing_waits(world)
    assert why in Notice.objects.filter(user=world.ada.user).latest("pk").text


def test_a_folder_into_which_mail_came_that_was_not_shown_is_not_deleted(world, work):
    """DELETE takes everything along: what a filter put there a moment ago, too."""
    world.ada.mailbox.append(letter("canary-0003"), folder="Work")
    folder_actions.delete_folder(world.ada.user, work)
    world.turn()
    still_there(world, 2, "“Work” was not deleted: A message that was not shown yet came into it.")
    folder_actions.delete_folder(world.ada.user, work)
    world.settle()
    assert "Work" not in snapshot(world.ada.mailbox)


def test_a_folder_out_of_which_a_message_could_not_be_moved_is_not_deleted(world, work):
    row = Message.objects.get(subject="Letter canary-0002")
    actions.archive(world.ada.user, [row])
    folder_actions.delete_folder(world.ada.user, work)
    world.proxy.rule("MOVE", "answer", text=REFUSED)
    world.turn()
    still_there(world, 1, "“Work” was not deleted: Messages that were to be moved out of it are still there.")


@pytest.mark.parametrize("hidden", [(), ("UIDPLUS", "MOVE")], ids=str)
def test_what_the_person_moved_into_a_folder_goes_with_it(dovecot, sink, hidden):
    world = World(dovecot, sink, hide=hidden, alone=True)
    for number, folder in ((1, "INBOX"), (2, "Work")):
        world.ada.mailbox.append(letter(f"canary-000{number}"), folder=folder)
    assert world.turn()
    work = Folder.objects.get(account=world.ada.account, name="Work")
    actions.move(world.ada.user, [Message.objects.get(subject="Letter canary-0001")], work)
    folder_actions.delete_folder(world.ada.user, work)
    world.settle()
    assert "Work" not in snapshot(world.ada.mailbox)
    world.close()

"""I4: what the server refuses is shown as it is there, and said."""

from collections.abc import Iterator

import pytest

from tests.convergence.canaries import letter, snapshot
from tests.convergence.checks import counts_agree, nothing_waits, same_as_server
from tests.convergence.world import World
from webmail.models import Folder, Message, Notice
from webmail.sync import actions

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

"""Another client deletes a folder and makes it anew, or leaves its mere name: every letter is where the server has it."""

import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from imapclient.exceptions import IMAPClientError

from tests.convergence.canaries import letter, snapshot
from tests.convergence.checks import WRITES, counts_agree, nothing_waits, same_as_server
from tests.convergence.steps import Stop
from tests.convergence.world import World
from webmail.models import Folder, Message

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mailserver]


@pytest.fixture
def world(dovecot, sink) -> Iterator[World]:
    world = World(dovecot, sink, alone=True)
    for number, folder in enumerate(["Work", "Work", "Work", "Work/Deep"], start=1):
        world.ada.mailbox.append(letter(f"canary-{number:04}"), folder)
    world.turn()
    yield world
    world.close()


def rows(world: World) -> dict[str, int]:
    return dict(Message.objects.filter(account=world.ada.account, uid__gt=0).values_list("subject", "pk"))


def assert_true(world: World) -> None:
    there = snapshot(world.ada.mailbox)
    nothing_waits(world)
    same_as_server(world, there)
    counts_agree(world, there)


def make_anew(world: World, folder: str) -> None:
    other = world.ada.mailbox.imap()
    other.select_folder(folder, readonly=True)
    kept = other.fetch(other.search("ALL"), ["BODY.PEEK[]", "INTERNALDATE"])
    other.unselect_folder()
    other.delete_folder(folder)
    other.create_folder(folder)
    for _, data in sorted(kept.items()):
        other.append(folder, data[b"BODY[]"], (), data[b"INTERNALDATE"])
    other.logout()


def test_a_folder_made_anew_while_it_is_open_is_found_again(world):
    """I1: Dovecot 2.3 loses the new folder when the session that has the old one open says anything more."""
    before = rows(world)
    world.ada.mailbox.append(letter("canary-0005"), "Work")
    # The server tells two folders of one name apart by the second in which they were made.
    time.sleep(1.05)
    world.proxy.commands.clear()
    world.turn(plan=[Stop(1, lambda: make_anew(world, "Work"), kind="wire", after='SELECT "Work"')])
    world.settle()
    assert not [name for name in world.proxy.commands if name in WRITES]
    there = snapshot(world.ada.mailbox)
    assert {found.name for found in there["Work"].values()} == {f"canary-000{number}" for number in (1, 2, 3, 5)}
    assert before.items() <= rows(world).items()
    assert_true(world)


def test_the_server_that_spoilt_a_folder_that_was_made_anew_is_repaired(world):
    """So that a loss which the comparison finds is one of ours: two plain clients suffice for this one."""
    mailbox = world.ada.mailbox
    idle = mailbox.imap()
    idle.select_folder("Work")
    time.sleep(1.05)
    make_anew(world, "Work")
    with suppress(IMAPClientError, OSError):
        idle.noop()
    idle.shutdown()
    deadline = time.monotonic() + 2
    while len(mailbox.uids("Work")) == 0 and not mailbox.repair() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert {found.name for found in snapshot(mailbox)["Work"].values()} == {"canary-0001", "canary-0002", "canary-0003"}


def test_a_folder_of_which_the_mere_name_is_left_holds_nothing(world):
    """Others are below it: it is listed as before, but cannot be opened."""
    before = rows(world)
    other = world.ada.mailbox.imap()
    other.select_folder("Work")
    other.move([1], "Archive")
    other.unselect_folder()
    other.delete_folder("Work")
    other.logout()
    world.settle()
    assert not Folder.objects.get(account=world.ada.account, name="Work").selectable
    assert rows(world) == {f"Letter canary-000{number}": before[f"Letter canary-000{number}"] for number in (1, 4)}
    assert_true(world)

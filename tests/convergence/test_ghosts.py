"""What another client took away while the person moved it: no row stays behind, and the counts stay true."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.urls import reverse

from tests.convergence.canaries import letter, snapshot
from tests.convergence.checks import counts_agree, nothing_waits, same_as_server
from tests.convergence.steps import Stop, die
from tests.convergence.world import World
from webmail.models import Folder, Message
from webmail.sync import actions

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mailserver]


@pytest.fixture
def world(dovecot, sink) -> Iterator[World]:
    world = World(dovecot, sink)
    yield world
    world.close()


def assert_true(world: World) -> None:
    there = snapshot(world.ada.mailbox)
    nothing_waits(world)
    same_as_server(world, there)
    counts_agree(world, there)


@pytest.mark.parametrize("killed", [False, True])
def test_moving_what_another_client_expunged_leaves_no_ghost(world, killed):
    """The server says OK to a MOVE of uids it does not have."""
    uid = world.ada.mailbox.append(letter("canary-0001"))
    world.turn()
    other = world.ada.mailbox.imap()
    other.select_folder("INBOX")
    other.delete_messages([uid])
    other.uid_expunge([uid])
    other.logout()
    row = Message.objects.get(subject="Letter canary-0001")
    archive = Folder.objects.get(account=world.ada.account, name="Archive")
    actions.move(world.ada.user, [row], archive)
    actions.store(world.ada.user, [row], "flagged", value=True)
    if killed:
        # After the move was recorded, before the folder it went to is looked into.
        assert not world.turn(plan=[Stop(1, die, after="UID MOVE", kind="wire")])
    world.settle()
    assert not Message.objects.filter(shown_in__isnull=False, account=world.ada.account).exists()
    assert_true(world)


def test_a_copy_that_becomes_the_message_leaves_the_counts_true(world):
    """Another client copies a message and deletes the original: the row takes the copy's place."""
    uid = world.ada.mailbox.append(letter("canary-0001"), folder="Work")
    world.turn()
    row = Message.objects.get(subject="Letter canary-0001")
    other = world.ada.mailbox.imap()
    other.select_folder("Work")
    other.copy([uid], "Archive")
    world.turn()
    other.select_folder("Work")
    other.delete_messages([uid])
    other.uid_expunge([uid])
    other.logout()
    world.turn()
    assert [each.pk for each in Message.objects.filter(shown_in__isnull=False, account=world.ada.account)] == [row.pk]
    assert_true(world)


@pytest.mark.parametrize("envelope", ["another", "the same"])
def test_a_row_never_stands_for_another_message_with_its_message_id(world, envelope):
    """I6: somebody can send what bears the Message-ID, and has the size, of a message that went away."""
    first, second = letter("canary-0001"), letter("canary-0002", message_id="canary-0001")
    if envelope == "the same":
        second = letter("canary-0001").replace(b"The text of canary-0001", b"The text of canary-0002")
    assert len(first) == len(second)
    uid = world.ada.mailbox.append(first)
    world.turn()
    other = world.ada.mailbox.imap()
    other.select_folder("INBOX")
    other.delete_messages([uid])
    other.uid_expunge([uid])
    world.turn()
    other.append("INBOX", second, msg_time=datetime(2026, 1, 1, 12, 0, tzinfo=UTC))
    other.logout()
    world.turn()
    row = Message.objects.get(account=world.ada.account, shown_in__isnull=False)
    assert row.subject == ("Letter canary-0002" if envelope == "another" else "Letter canary-0001")
    assert "The text of canary-0002" in row.preview
    shown = world.ada.get(reverse("message-body", args=[row.pk])).text_seen
    assert "The text of canary-0002" in shown
    assert "The text of canary-0001" not in shown

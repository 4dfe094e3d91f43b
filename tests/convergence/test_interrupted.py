"""F03–F07, F12, F38, F45: every flow that writes, killed at every step or cut at every command, ends as if nothing had been.

A step is whatever leaves the process (see ``steps``): killed before it, and so also after the one before and with its answer
lost. A cut comes before the server sees the command, or after it was carried out and before its answer; an APPEND may also be
carried out when everybody has given up on it. By default a part of all places is tried, another part with each commit;
``EXHAUSTIVE=1`` tries all.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from tests.convergence.canaries import letter, snapshot
from tests.convergence.checks import counts_agree, nothing_waits, same_as_server
from tests.convergence.draw import of_this_commit
from tests.convergence.steps import Plan, Stop, die
from tests.convergence.world import World
from tests.servers.fault_proxy import Action
from tests.servers.smtp_sink import SmtpSink
from webmail.demo.dovecot import Dovecot
from webmail.models import BulkAction, Folder, Message, OutgoingMessage
from webmail.sync import actions, bulk, bulk_undo, folder_actions

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mailserver, pytest.mark.timeout(1800)]

EXHAUSTIVE = os.environ.get("EXHAUSTIVE") == "1"
PLACES = 2
MESSAGES = 4
CUTS: tuple[Action, ...] = ("cut_before", "cut_after")
NO_CONDSTORE = ("CONDSTORE", "QRESYNC", "ENABLE", "NOTIFY")
End = dict[str, object]


@dataclass(frozen=True)
class Flow:
    """``click`` is what the person does; ``hide`` what the server lacks; ``sends``: the outbox's worker has its turn first;
    ``says``: what the draft or the message says in the end."""

    name: str
    click: Callable[[World], object]
    hide: tuple[str, ...] = ()
    sends: bool = False
    says: str = ""

    def work(self, world: World, plan: Plan = ()) -> None:
        world.age()
        if self.sends:
            world.deliver()
        world.turn(plan=plan)


def rows(world: World, count: int = MESSAGES) -> list[Message]:
    return list(Message.objects.filter(account=world.ada.account, shown_in__name="INBOX").order_by("uid")[:count])


def work_folder(world: World) -> Folder:
    return Folder.objects.get(account=world.ada.account, name="Work")


def write(world: World, *, file: bool = False, send: bool = False, later: str = "") -> None:
    began = world.ada.post(reverse("compose"))
    draft = OutgoingMessage.objects.get(pk=int(re.findall(r"\d+", began["Location"])[0]))
    given: dict[str, object] = {
        "to": "bob@example.test",
        "subject": "Writing canary-0100",
        "text": "The text of canary-0100 and of no other.",
        "plain": "1",
        "identity": draft.identity_id,
        "revision": draft.revision,
        "token": str(draft.token),
    }
    if later:
        given["later"] = later
    if file:
        upload = SimpleUploadedFile("notes.txt", b"What canary-0100 carries.", "text/plain")
        world.ada.post(reverse("draft-attach", args=[draft.pk]), given | {"files": upload})
        draft.refresh_from_db()
        given["revision"] = draft.revision
    world.ada.post(reverse("draft-send" if send else "draft-save", args=[draft.pk]), given)


def rewrite(world: World) -> None:
    """A draft that stands on the server already is written on."""
    write(world)
    world.age()
    world.turn()
    draft = OutgoingMessage.objects.get(account=world.ada.account)
    values = {name: getattr(draft, name) for name in ("to", "subject", "revision", "token")}
    given = {**values, "identity": draft.identity_id, "plain": "1", "text": "The new text of canary-0100."}
    world.ada.post(reverse("draft-save", args=[draft.pk]), given)


def schedule(world: World) -> None:
    """Sent later, and the time has come."""
    write(world, file=True, send=True, later="2030-01-01T08:00")
    OutgoingMessage.objects.filter(account=world.ada.account).update(send_at=timezone.now())


def edit_elsewhere(world: World) -> None:
    """Another program puts a text of its own in the place of a draft that stands on the server."""
    write(world)
    world.age()
    assert world.turn()
    assert world.turn()
    draft = OutgoingMessage.objects.get(account=world.ada.account)
    raw = world.ada.mailbox.raw(draft.draft_uid or 0, "Drafts").replace(b"The text of", b"Another text of")
    client = world.ada.mailbox.imap()
    client.append("Drafts", raw, [b"\\Draft"])
    client.select_folder("Drafts")
    client.delete_messages([draft.draft_uid])
    client.uid_expunge([draft.draft_uid])
    client.logout()


def flag(world: World) -> None:
    actions.store(world.ada.user, rows(world, 2), "flagged", value=True)


def move(world: World) -> None:
    actions.move(world.ada.user, rows(world, 2), work_folder(world))


def sweep(world: World) -> None:
    """More than the click itself does: the worker applies the rest in pieces."""
    bulk.begin(world.ada.user, "archive", [Folder.objects.get(account=world.ada.account, name="INBOX")])


def sweep_and_undo(world: World) -> None:
    sweep(world)
    world.turn()
    bulk_undo.undo(world.ada.user, BulkAction.objects.get(user=world.ada.user).batch)


FLOWS = [
    Flow("flag", flag),
    Flow("flag without CONDSTORE", flag, NO_CONDSTORE),
    Flow("move", move),
    Flow("move without CONDSTORE", move, NO_CONDSTORE),
    Flow("move without UIDPLUS", move, ("UIDPLUS",)),
    Flow("move without MOVE", lambda world: actions.archive(world.ada.user, rows(world, 2)), ("MOVE",)),
    Flow(
        "move without MOVE and UIDPLUS",
        lambda world: actions.archive(world.ada.user, rows(world, 2)),
        ("MOVE", "UIDPLUS"),
    ),
    Flow("delete for good", lambda world: actions.expunge(world.ada.user, rows(world, 2))),
    Flow(
        "delete for good without UIDPLUS", lambda world: actions.expunge(world.ada.user, rows(world, 1)), ("UIDPLUS",)
    ),
    Flow("move a whole folder", sweep),
    Flow("move a whole folder without MOVE and UIDPLUS", sweep, ("MOVE", "UIDPLUS")),
    Flow("undo the move of a whole folder", sweep_and_undo),
    Flow("move all", lambda world: actions.delete(world.ada.user, rows(world))),
    Flow("rename a folder", lambda world: folder_actions.rename_folder(world.ada.user, work_folder(world), "Play")),
    Flow("delete a folder", lambda world: folder_actions.delete_folder(world.ada.user, work_folder(world))),
    Flow("create a folder", lambda world: folder_actions.create_folder(world.ada.user, world.ada.account, "New")),
    Flow("save a draft", write),
    Flow("save a draft again", rewrite),
    Flow("save a draft without UIDPLUS", rewrite, ("UIDPLUS",)),
    Flow("attach a file", lambda world: write(world, file=True)),
    Flow("send", lambda world: write(world, send=True), sends=True),
    Flow("send later", schedule, sends=True),
    Flow("edit a draft elsewhere", edit_elsewhere, says="Another text of canary-0100"),
    Flow("send without UIDPLUS", lambda world: write(world, send=True), ("UIDPLUS",), sends=True),
]


@pytest.fixture
def begun(dovecot: Dovecot, sink: SmtpSink, monkeypatch: pytest.MonkeyPatch) -> Callable[[Flow], World]:
    """A mailbox with a few messages in it, mirrored, and the person's click done."""

    monkeypatch.setattr(bulk, "AT_ONCE", 1)
    monkeypatch.setattr(bulk, "CHUNK", 2)

    def begin(flow: Flow) -> World:
        sink.reset()
        world = World(dovecot, sink, hide=flow.hide, alone=True)
        other = world.ada.mailbox.imap()
        other.create_folder("Work")
        for number in range(MESSAGES):
            other.append("INBOX", letter(f"canary-{number:04d}"))
        # Marked by somebody else: no EXPUNGE of ours may take it.
        other.select_folder("INBOX")
        other.add_flags([MESSAGES], [b"\\Deleted"])
        other.logout()
        assert world.turn(), world.state
        flow.click(world)
        return world

    return begin


def end_of(world: World) -> End:
    """What must not depend on where it was interrupted."""
    world.settle()
    there = snapshot(world.ada.mailbox)
    nothing_waits(world)
    same_as_server(world, there)
    counts_agree(world, there)
    # EXPUNGE takes all that is marked, so without UIDPLUS marks of others are lifted meanwhile; killed then, they stay so.
    lifted = {b"\\Deleted"} if "UIDPLUS" in world.hidden else set()
    end: End = {
        folder: sorted((found.name, sorted(found.flags - lifted)) for found in messages.values())
        for folder, messages in there.items()
    }
    written = OutgoingMessage.objects.filter(account=world.ada.account)
    end["written"] = list(written.values_list("state", "sent_copy", "text"))
    done = BulkAction.objects.filter(user=world.ada.user).order_by("pk")
    end["bulk"] = list(done.values_list("state", "applied", "confirmed", "missed", "refused"))
    end["handed in"] = len(world.sink.received)
    return end


def cuts(flow: Flow, command: str) -> tuple[Action, ...]:
    # A second copy in Sent goes only where the server deletes exactly what is named.
    late = command == "APPEND" and not (flow.sends and "UIDPLUS" in flow.hide)
    return (*CUTS, "late") if late else CUTS


def places(count: int, rng: Random) -> list[int]:
    everything = range(1, count + 1)
    return list(everything) if EXHAUSTIVE or count <= PLACES else sorted(rng.sample(everything, PLACES))


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_a_flow_cut_short_anywhere_ends_as_one_that_was_not(
    flow: Flow, begun: Callable[[Flow], World], record_property: Callable[[str, object], None]
) -> None:
    seed = int(os.environ.get("INTERRUPTED_SEED") or of_this_commit(flow.name))
    rng = Random(seed)
    world = begun(flow)
    world.proxy.commands.clear()
    flow.work(world)
    steps, commands = list(world.steps.names), list(world.proxy.commands)
    ways = [cuts(flow, command) for command in commands]
    record_property("runs", len(steps) + sum(map(len, ways)))
    expected = end_of(world)
    if flow.says:
        assert OutgoingMessage.objects.get(account=world.ada.account).text.startswith(flow.says)
    world.close()

    attempts: list[tuple[int, Action | None]] = [(step, None) for step in places(len(steps), rng)]
    for place in places(len(commands), rng):
        several = ways[place - 1]
        attempts += [(place, cut) for cut in (several if EXHAUSTIVE else rng.sample(several, 1))]
    for place, cut in attempts:
        world = begun(flow)
        rule = world.proxy.rule("*", cut, occurrence=place) if cut is not None else None
        flow.work(world, [Stop(place, die)] if cut is None else ())
        if rule is not None and cut == "late":
            world.settle()
            rule.release()
        where = (
            f"{cut or 'killed'} at {place} ({(steps if cut is None else commands)[place - 1]}), INTERRUPTED_SEED={seed}"
        )
        try:
            assert end_of(world) == expected, where
        except AssertionError as problem:
            problem.add_note(where)
            raise
        finally:
            world.close()

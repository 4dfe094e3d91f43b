"""F13: servers that lack any two of the extensions show the same and lose nothing."""

from itertools import combinations

import pytest

from tests.convergence.canaries import letter, snapshot
from tests.convergence.checks import a_second_turn_changes_nothing, counts_agree, nothing_waits, same_as_server
from tests.convergence.world import World
from tests.servers.smtp_sink import SmtpSink
from webmail.demo.dovecot import Dovecot
from webmail.models import Folder, Message
from webmail.sync import actions, folder_actions

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mailserver]

EXTENSIONS = (
    "CONDSTORE",
    "QRESYNC",
    "UIDPLUS",
    "MOVE",
    "SPECIAL-USE",
    "IDLE",
    "LITERAL+",
    "ESEARCH",
    "LIST-STATUS",
    "LIST-EXTENDED",
    "ENABLE",
    "NAMESPACE",
)
# More than the first page holds, so that the rest is found behind it.
MESSAGES = 6


@pytest.mark.parametrize("hidden", list(combinations(EXTENSIONS, 2)), ids="+".join)
def test_a_server_without_two_of_the_extensions_shows_the_same(
    hidden: tuple[str, str], dovecot: Dovecot, sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webmail.sync.messages.FIRST_PAGE", MESSAGES - 2)
    world = World(dovecot, sink, hide=hidden, alone=True)
    other = world.ada.mailbox.imap()
    try:
        other.create_folder("Work")
        for number in range(MESSAGES):
            other.append("INBOX", letter(f"canary-{number:04d}"), (b"\\Seen",) if number % 2 else ())
        assert world.turn(), world.state

        other.select_folder("INBOX")
        other.add_flags([1], [b"\\Flagged", b"$Label1"])
        other.move([2], "Work")
        other.delete_messages([3])
        other.uid_expunge([3])
        other.append("INBOX", letter("canary-0090"))
        rows = {row.subject: row for row in Message.objects.filter(account=world.ada.account)}
        actions.store(world.ada.user, [rows["Letter canary-0003"]], "flagged", value=True)
        actions.archive(world.ada.user, [rows["Letter canary-0004"]])
        actions.delete(world.ada.user, [rows["Letter canary-0005"]])
        folder_actions.rename_folder(world.ada.user, Folder.objects.get(account=world.ada.account, name="Work"), "Play")
        assert world.turn(), world.state

        there = snapshot(world.ada.mailbox)
        found = {name: {each.name for each in messages.values()} for name, messages in there.items()}
        assert found["INBOX"] == {"canary-0000", "canary-0003", "canary-0090"}
        assert (found["Archive"], found["Trash"]) == ({"canary-0004"}, {"canary-0005"})
        assert found["Play"] == {"canary-0001"}
        nothing_waits(world)
        same_as_server(world, there)
        counts_agree(world, there)
        kept = Message.objects.filter(account=world.ada.account, missing_since__isnull=True)
        assert {row.subject: row.pk for row in kept if row.subject in rows} == {
            subject: row.pk for subject, row in rows.items() if subject != "Letter canary-0002"
        }, "a row is another than before"
        a_second_turn_changes_nothing(world)
    finally:
        other.logout()
        world.close()

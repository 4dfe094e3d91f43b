"""Actions and folders caught between two clients, a lost answer and a restart: the right message, no click lost, no stop."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.servers.any_mailbox import AnyMailbox
from tests.servers.fault_proxy import FaultProxy
from tests.servers.personalities import Personality
from tests.servers.personality_imap import PersonalityServer
from tests.sync.any_server import Person, assert_like_the_server, mail, name_of
from webmail.errors import RetryLater
from webmail.models import CachedPart, Folder, Message, Notice, PendingAction
from webmail.models.mirror import change
from webmail.sync import actions, bodies, folder_actions
from webmail.sync.account import Pass
from webmail.sync.recover import settle_cut_short

pytestmark = [pytest.mark.django_db(transaction=True)]


class Usual(Personality):
    after = "IMAP4rev1 IDLE UIDPLUS MOVE ID NAMESPACE"

    def __init__(self) -> None:
        super().__init__()
        self.listed: list[bytes] | None = None

    def refusal(self, session: Any, name: str, arguments: list[Any]) -> bytes | None:
        if name == "LIST" and self.listed is not None and arguments[1] == b"*":
            for line in self.listed:
                session.send(b'* LIST () "/" ' + line)
            return b"OK done"
        return super().refusal(session, name, arguments)


class WithoutUidplus(Usual):
    after = "IMAP4rev1 IDLE MOVE ID NAMESPACE"


class WithoutMove(Usual):
    after = "IMAP4rev1 IDLE UIDPLUS ID NAMESPACE"


class At:
    """A server, a proxy in front of it, the other client, and a person."""

    def __init__(self, stack: ExitStack, personality: Personality) -> None:
        self.server = stack.enter_context(PersonalityServer(personality))
        self.personality = personality
        self.mail = personality.mail
        self.proxy = stack.enter_context(FaultProxy(self.server.host, self.server.port))
        self.other = AnyMailbox(self.server.host, self.server.port, "ada", self.server.password)
        self.person = Person(AnyMailbox(self.proxy.host, self.proxy.port, "ada", self.server.password))
        stack.callback(self.person.close)

    def break_once(self, command: str, action: Any) -> None:
        """A pass that ends where this command is sent."""
        self.proxy.rule(command, action)
        with pytest.raises(RetryLater):
            self.pass_over()
        self.person.close()

    def pass_over(self, should_stop: Callable[[], bool] = lambda: False) -> None:
        while Pass(self.person.connected(), self.person.account, should_stop).run():
            pass


@pytest.fixture
def at() -> Iterator[Callable[[Personality], At]]:
    with ExitStack() as stack:
        yield lambda personality: At(stack, personality)


def test_f04_another_message_with_the_same_id_is_not_taken_for_the_copy(at) -> None:
    """A copy that was never made: what stands in the target under that Message-ID is another letter, and stays beside it."""
    it = at(WithoutMove())
    it.other.append(mail(1))
    it.person.sync()
    actions.delete(it.person.user, Message.objects.all())
    it.other.append(mail(1, "The same name, and another letter."), folder="Trash")
    it.break_once("COPY", "cut_before")
    it.person.sync()
    kept = sorted(copy.letter.raw for copy in it.mail.boxes["Trash"].copies)
    assert kept == sorted([mail(1), mail(1, "The same name, and another letter.")])
    assert not it.mail.boxes["INBOX"].copies


@pytest.mark.parametrize("action", ["cut_before", "cut_after"])
def test_f07_a_mark_whose_answer_was_lost_is_taken_back_on_the_server_too(at, action) -> None:
    """It may have been set: that the person took it back before it was repeated does not make it undone."""
    it = at(Usual())
    it.other.append(mail(1))
    it.person.sync()
    actions.store(it.person.user, Message.objects.all(), "seen", True)
    it.break_once("STORE", action)
    # Looked after by the next pass, and the person is faster than the repetition.
    settle_cut_short(it.person.connected(), it.person.account)
    actions.store(it.person.user, Message.objects.all(), "seen", False)
    it.person.sync()
    assert not Message.objects.get().seen
    assert_like_the_server(it.person)


def test_f12_messages_moved_out_of_a_folder_that_is_gone_are_refused_at_once(at) -> None:
    it = at(Usual())
    with it.other.imap() as other:
        other.create_folder("Work")
    it.other.append(mail(1), mail(2), folder="Work")
    it.person.sync()
    with it.other.imap() as other:
        other.delete_folder("Work")
    actions.delete(it.person.user, Message.objects.all())
    it.pass_over()
    assert "no longer there" in Notice.objects.get().text
    assert not Folder.objects.filter(name="Work").exists()


def test_f12_a_rename_that_is_refused_after_its_old_name_was_used_again_holds_up_nothing(at) -> None:
    it = at(Usual())
    with it.other.imap() as other:
        other.create_folder("Work")
    it.other.append(mail(1), folder="Work")
    it.person.sync()
    kept = it.person.message(1).pk
    with it.other.imap() as other:
        other.create_folder("Done")
    it.other.append(mail(2), folder="Done")
    folder_actions.rename_folder(it.person.user, it.person.folder("Work"), "Done")
    folder_actions.create_folder(it.person.user, it.person.account, "Work")
    it.person.sync()
    it.person.sync()
    assert "Done" in Notice.objects.get().text
    assert (it.person.message(1).pk, it.person.place(1), it.person.place(2)) == (kept, "Work", "Done")
    assert_like_the_server(it.person)


def test_f12_where_all_folders_have_one_uidvalidity_a_new_one_is_not_the_one_that_went(at) -> None:
    """DavMail numbers every folder alike: nothing says that one was renamed."""
    it = at(Usual())
    with it.other.imap() as other:
        other.create_folder("Work")
    it.other.append(mail(1), mail(2), folder="Work")
    for box in it.mail.boxes.values():
        box.uidvalidity = 1
    it.person.sync()
    with it.other.imap() as other:
        other.delete_folder("Work")
        other.create_folder("Other")
    it.other.append(mail(11), mail(12), mail(13), folder="Other")
    it.mail.boxes["Other"].uidvalidity = 1
    it.person.sync()
    assert_like_the_server(it.person)
    assert not Message.objects.filter(message_id=name_of(1), shown_in__isnull=False).exists()


def test_f12_folders_that_one_list_leaves_out_are_asked_for_before_they_go(at) -> None:
    """Servers under strain have listed a part of the folders: what still answers is still there."""
    it = at(Usual())
    it.other.append(mail(1), folder="Sent")
    it.other.append(mail(2))
    it.person.sync()
    before = set(Folder.objects.values_list("pk", "name"))
    it.personality.listed = [b"INBOX", b"Trash"]
    it.person.sync()
    assert set(Folder.objects.values_list("pk", "name")) == before
    assert it.person.place(1) == "Sent"
    it.personality.listed = None
    it.person.sync()
    assert_like_the_server(it.person)


def test_a_mark_on_what_is_being_carried_to_another_account_waits_without_asking_the_server_again_and_again(at) -> None:
    it = at(Usual())
    it.other.append(mail(1))
    it.person.sync()
    message = Message.objects.get()
    carried = PendingAction.objects.create(
        account=it.person.account,
        kind=PendingAction.Kind.CARRY,
        message=message,
        target=it.person.folder("Trash"),
        state=PendingAction.State.RUNNING,
        lease_until=timezone.now() + timedelta(seconds=90),
    )
    actions.store(it.person.user, [message], "flagged", True)
    asked = it.server.commands.count("LIST")
    it.person.sync()
    assert it.server.commands.count("LIST") == asked + 1
    carried.delete()
    it.person.sync()
    assert_like_the_server(it.person)


def test_f50_a_click_on_a_copy_outlives_the_message_it_was_copied_from(at) -> None:
    """The older row takes the place of the newer one, and everything that was to be done to it."""
    it = at(Usual())
    it.other.append(mail(1))
    it.person.sync()
    with it.other.imap("INBOX") as other:
        other.copy([1], "Sent")
    it.person.sync()
    copy = Message.objects.get(folder__name="Sent")
    with it.other.imap("INBOX") as other:
        other.delete_messages([1])
        other.expunge()

    def clicking() -> bool:
        # Between the push and the look of one pass.
        if not PendingAction.objects.exists() and it.server.commands[-1] == "STATUS":
            actions.store(it.person.user, [copy], "flagged", True)
        return False

    it.pass_over(clicking)
    it.person.sync()
    assert PendingAction.objects.exists()
    assert it.other.content("Sent") == {name_of(1): {"\\Flagged"}}
    assert_like_the_server(it.person)


def test_a_click_does_not_wait_until_all_folders_have_been_looked_into(at) -> None:
    it = at(Usual())
    it.other.append(mail(1))
    with it.other.imap() as other:
        for number in range(20):
            other.create_folder(f"Work {number}")
            other.append(f"Work {number}", mail(100 + number))
    clicked: list[int] = []

    def clicking() -> bool:
        if not clicked and Message.objects.count() > 4:
            actions.store(it.person.user, Message.objects.filter(folder__name="INBOX"), "flagged", True)
            clicked.append(len(it.proxy.commands))
        return False

    it.pass_over(clicking)
    between = it.proxy.commands[clicked[0] : it.proxy.commands.index("STORE", clicked[0])]
    assert between.count("SELECT") <= 3
    assert_like_the_server(it.person)


def test_f52_many_messages_that_are_missing_here_are_fetched_in_pieces_and_can_be_stopped(at, monkeypatch) -> None:
    """As after the database was restored: a worker told to stop, or a click, does not wait for all of it."""
    monkeypatch.setattr("webmail.sync.messages.CHUNK", 5)
    it = at(Usual())
    it.other.append(*(mail(number) for number in range(1, 41)))
    it.person.sync()
    with change(it.person.user.pk) as changed:
        gone = Message.objects.filter(uid__lte=35)
        changed.delete(gone.values_list("pk", flat=True))
    Folder.objects.update(compared_at=None)
    mailbox_changed = it.other
    mailbox_changed.append(mail(50))
    before = Message.objects.count()
    Pass(it.person.connected(), it.person.account, lambda: Message.objects.count() > before + 6).run()
    assert Message.objects.count() < 25
    it.person.sync()
    assert_like_the_server(it.person)


def test_what_most_of_a_folder_is_gone_is_believed_where_a_server_allows_one_connection_only(at) -> None:
    """The next connection has to do for the second one."""
    it = at(Usual())
    it.other.append(*(mail(number) for number in range(1, 41)))
    it.person.sync()
    with it.other.imap("INBOX") as other:
        other.delete_messages(list(range(1, 36)))
        other.expunge()
    it.personality.connections = 1
    it.person.sync()
    assert Folder.objects.get(name="INBOX").total == 40
    it.person.close()
    it.server.wait_until_alone()
    it.person.sync()
    assert Folder.objects.get(name="INBOX").total == 5
    it.person.close()
    it.personality.connections = 0
    assert_like_the_server(it.person)


@pytest.mark.parametrize("told", [True, False], ids=["to a known uid", "to an unknown uid"])
def test_a_message_that_is_moved_while_its_page_is_made_is_read_where_it_is_now(at, told: bool) -> None:
    it = at(Usual() if told else WithoutUidplus())
    it.other.append(mail(1))
    it.person.sync()
    CachedPart.objects.all().delete()
    asked = Message.objects.select_related("account__user", "folder").get()
    actions.delete(it.person.user, [asked])
    it.person.sync()
    assert it.person.place(1) == "Trash"
    assert bodies.text_parts(asked)[0][1].strip() == "This is letter 1."
    CachedPart.objects.all().delete()
    asked = Message.objects.select_related("account__user", "folder").get()
    actions.not_junk(it.person.user, [asked])
    it.person.sync()
    assert b"".join(bodies.source(asked)) == mail(1)


@pytest.mark.parametrize("elsewhere", ["Sent", "Trash"])
def test_f12_a_move_out_of_a_folder_that_another_client_takes_apart_at_that_moment_is_made(at, elsewhere: str) -> None:
    """The click falls between two steps of a pass: the message is followed to where the other client has put it."""
    it = at(Usual())
    with it.other.imap() as other:
        other.create_folder("Work")
    it.other.append(mail(1), mail(2), folder="Work")
    it.person.sync()
    kept = it.person.message(1).pk
    with it.other.imap("Work") as other:
        other.move([1, 2], elsewhere)
        other.delete_folder("Work")

    def clicking() -> bool:
        if not PendingAction.objects.exists():
            actions.delete(it.person.user, Message.objects.filter(pk=kept))
        return False

    listing = it.person.connected().list_folders

    def listed(*arguments: Any) -> Any:
        clicking()
        return listing(*arguments)

    it.person.connected().list_folders = listed  # type: ignore[method-assign]
    it.pass_over()
    it.person.close()
    it.person.sync()
    assert (it.person.message(1).pk, it.person.place(1), it.person.place(2)) == (kept, "Trash", elsewhere)
    assert it.proxy.commands.count("MOVE") == (1 if elsewhere == "Sent" else 0)
    assert_like_the_server(it.person)

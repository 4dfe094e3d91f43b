"""F15: a server that is silent in the middle of a pass holds neither the database nor anybody's click."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection as database

from accounts.models import User
from tests.servers.any_mailbox import AnyMailbox
from tests.servers.personalities import Personality
from tests.servers.personality_imap import PersonalityServer
from tests.sync.any_server import Person, assert_like_the_server, mail
from webmail.models import PendingAction
from webmail.sync import actions

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]
PATIENCE = 60.0


class Holding(Personality):
    """Answers ``held`` not before it is released."""

    after = "IMAP4rev1 IDLE UIDPLUS MOVE"
    held = ""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()
        self.released = threading.Event()

    def refusal(self, session: Any, name: str, arguments: list[Any]) -> bytes | None:
        if name == self.held and not self.released.is_set():
            self.reached.set()
            self.released.wait(PATIENCE)
        return super().refusal(session, name, arguments)


@pytest.fixture
def server() -> Iterator[PersonalityServer]:
    with PersonalityServer(Holding()) as server:
        yield server


@pytest.mark.parametrize("command", ["SELECT", "FETCH", "STATUS", "STORE", "MOVE", "APPEND", "NOOP"])
def test_f15_whatever_is_waited_for_the_database_is_free(command: str, server: PersonalityServer) -> None:
    mailbox = AnyMailbox(server.host, server.port, "ada", server.password)
    mailbox.append(*(mail(number) for number in range(4)))
    person = Person(mailbox)
    person.sync()
    mailbox.append(mail(9))
    actions.store(person.user, [person.message(0)], "seen", True)
    actions.delete(person.user, [person.message(1)])
    person.write_draft("Words")
    holding = server.personality
    assert isinstance(holding, Holding)
    holding.held = command

    def sync() -> None:
        try:
            person.sync()
        finally:
            database.close()

    worker = threading.Thread(target=sync)
    worker.start()
    try:
        assert holding.reached.wait(PATIENCE)
        # Another person's write, and a click of this one.
        User.objects.create(username="bob")
        actions.store(person.user, [person.message(2)], "flagged", True)
        assert worker.is_alive()
        assert not holding.released.is_set()
        assert PendingAction.objects.filter(flag="flagged", state=PendingAction.State.PENDING).count() == 1
    finally:
        holding.released.set()
        worker.join()
    person.sync()
    assert person.message(2).flagged
    assert_like_the_server(person)
    person.close()

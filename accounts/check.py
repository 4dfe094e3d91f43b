"""Trying a mailbox's servers: can they be reached privately, and do they accept this user name and password?"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.conf import settings

from webmail.errors import AskUser, MailError, Reason
from webmail.imap.connection import MailConnection
from webmail.imap.types import Endpoint
from webmail.outbox import smtp
from webmail.outbox.place import note_offers

from .models import Security

CONNECT_SECONDS = 6.0
ANSWER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Checked:
    """One server's result: a line in words, and the error behind it if there was one."""

    sentence: str
    error: MailError | None = None

    @property
    def ok(self) -> bool:
        return self.error is None


def in_lines(checks: tuple[Checked, Checked]) -> list[tuple[bool, str]]:
    """A line for each server, incoming first, which says of itself which it is about."""
    lines = []
    for checked, kind in zip(checks, ("Incoming mail: ", "Outgoing mail: "), strict=True):
        sentence = checked.sentence if checked.sentence.startswith(kind) else kind + checked.sentence
        lines.append((checked.ok, sentence))
    return lines


def check_incoming(endpoint: Endpoint, username: str, password: str) -> Checked:
    return _checked(f"Incoming mail: signed in at {endpoint.host}.", lambda: _read(endpoint, username, password))


def check_outgoing(endpoint: Endpoint | None, username: str, password: str) -> Checked:
    """An endpoint of None means that no outgoing server is known."""
    if endpoint is None:
        return _checked("", _no_outgoing_server)
    return _checked(f"Outgoing mail: signed in at {endpoint.host}.", lambda: _hand_in(endpoint, username, password))


def check_both(
    incoming: tuple[Endpoint, str, str], outgoing: tuple[Endpoint | None, str, str]
) -> tuple[Checked, Checked]:
    """Both at the same time; each takes (endpoint, user name, password)."""
    return at_once(lambda: check_incoming(*incoming), lambda: check_outgoing(*outgoing))


def at_once(one: Callable[[], Checked], other: Callable[[], Checked]) -> tuple[Checked, Checked]:
    """``one`` in a thread, which leaves the database alone; ``other`` in this one, where what a server offers is noted."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="check") as executor:
        first = executor.submit(one)
        second = other()
        return first.result(), second


def _checked(success: str, attempt: Callable[[], None]) -> Checked:
    try:
        attempt()
    except MailError as error:
        return Checked(error.sentence, error)
    return Checked(success)


def _read(endpoint: Endpoint, username: str, password: str) -> None:
    refuse_plain_text(endpoint)
    MailConnection.open(endpoint, username, password, timeout=ANSWER_SECONDS, connect_timeout=CONNECT_SECONDS).close()


def _hand_in(endpoint: Endpoint, username: str, password: str) -> None:
    refuse_plain_text(endpoint)
    note_offers(endpoint, smtp.check(endpoint, username, password, timeout=ANSWER_SECONDS))


def _no_outgoing_server() -> None:
    raise AskUser(Reason.HOST, "No outgoing server was found. Enter it under “More settings”.")


def refuse_plain_text(endpoint: Endpoint, *, allowed: bool | None = None) -> None:
    """``allowed``: what holds for this kind of server, where that is not what the environment says."""
    if endpoint.security == Security.PLAIN and not (settings.ALLOW_PLAINTEXT if allowed is None else allowed):
        raise AskUser(
            Reason.NO_TLS,
            f"{endpoint.host} is set up without encryption, which is not allowed here; nothing was sent to it.",
        )

"""Trying a POP3 server: does it accept the password, what lies there, and what it cannot do that matters here."""

from django.template.defaultfilters import filesizeformat

from webmail.errors import GiveUp, MailError, Reason, RetryLater
from webmail.imap.types import Endpoint
from webmail.models import Download
from webmail.pop3.client import PopConnection

from .check import ANSWER_SECONDS, CONNECT_SECONDS, Checked, refuse_plain_text

Policy = Download.Policy


def check_maildrop(
    endpoint: Endpoint, username: str, password: str, policy: str, *, plain_text: bool = False
) -> Checked:
    """One line about the server. A maildrop that is in use or asks for patience is an error of type RetryLater.

    ``plain_text``: whether a server without TLS may be asked.
    """
    try:
        refuse_plain_text(endpoint, allowed=plain_text)
        return Checked(_looked_at(endpoint, username, password, policy))
    except MailError as error:
        return Checked(f"Incoming mail: {error.sentence}" if put_off(error) else error.sentence, error)


def put_off(error: MailError | None) -> bool:
    """The server is there and wants to be asked later: no word yet about the password."""
    return isinstance(error, RetryLater) and error.reason in {Reason.BUSY, Reason.LIMIT}


def _looked_at(endpoint: Endpoint, username: str, password: str, policy: str) -> str:
    connection = PopConnection.open(
        endpoint, username, password, timeout=ANSWER_SECONDS, connect_timeout=CONNECT_SECONDS
    )
    try:
        count, octets = connection.stat()
        said = [f"Incoming mail: signed in at {endpoint.host}, {_amount(count, octets)}."]
        said += _shortcomings(connection, count, policy)
        connection.quit()
    finally:
        connection.close()
    return " ".join(said)


def _amount(count: int, octets: int) -> str:
    if not count:
        return "no messages there"
    return f"{count:,} message{'' if count == 1 else 's'} there ({filesizeformat(octets)})".replace("\xa0", " ")


def _shortcomings(connection: PopConnection, count: int, policy: str) -> list[str]:
    said = []
    stays = policy != Policy.DELETE
    if not _has_uidl(connection) and stays:
        said.append(
            "The server cannot tell messages apart (no UIDL), so keeping them there costs more: every run looks into"
            " each of them."
        )
    if not _has_top(connection, count) and stays:
        said.append("It cannot show headers alone (no TOP), so older messages have to be fetched to see their date.")
    days = connection.expire_days
    if days is not None and stays:
        when = f"after {days} day{'' if days == 1 else 's'}" if days else "once they have been fetched"
        said.append(f"The server says that it deletes messages by itself {when}, whatever is chosen here.")
    return said


def _has_uidl(connection: PopConnection) -> bool:
    if "UIDL" in connection.capabilities:
        return True
    if connection.has_uidl is None:
        connection.listing()
    return bool(connection.has_uidl)


def _has_top(connection: PopConnection, count: int) -> bool:
    if connection.has_top is not None or not count:
        return connection.has_top is not False
    try:
        connection.top(1)
    except GiveUp:
        return connection.has_top is not False
    return True

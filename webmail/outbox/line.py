"""The connection to an outgoing server, kept for the messages of an account that follow each other.

Only a connection on which the last message was taken without a doubt carries another one. If it breaks before DATA of that
one has begun, a fresh connection is tried at once: the server may only have had enough of the old one.
"""

from collections.abc import Callable
from types import TracebackType
from typing import BinaryIO, Self

from webmail.errors import MailError, RetryLater
from webmail.imap.types import Endpoint

from . import smtp
from .place import Place, note_offers
from .smtp_message import Envelope


class Line:
    """At most one open connection, closed at the end of ``with``."""

    def __init__(self) -> None:
        self._session: smtp.Session | None = None
        self._place: Place | None = None
        self._offers: tuple[Endpoint, dict[str, str]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.drop()

    def drop(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = self._place = None

    def hand_in(
        self, place: Place, envelope: Envelope, stream: BinaryIO, *, before_data: Callable[[], None]
    ) -> list[smtp.RecipientResult]:
        """As ``smtp.Session.hand_in``."""
        begun = False

        def begin() -> None:
            nonlocal begun
            before_data()
            begun = True

        session, reused = self._to(place)
        try:
            return session.hand_in(envelope, stream, before_data=begin)
        except RetryLater:
            self.drop()
            if begun or not reused:
                raise
        except MailError:
            self.drop()
            raise
        stream.seek(0)
        session, _ = self._to(place)
        return session.hand_in(envelope, stream, before_data=begin)

    def note(self) -> None:
        """Remember what the server offers. Only once what became of the message is recorded."""
        if self._offers is not None:
            note_offers(*self._offers)
            self._offers = None

    def _to(self, place: Place) -> tuple[smtp.Session, bool]:
        """A session with this server, and whether it carried a message before."""
        if self._session is not None and self._session.fit and self._place == place:
            return self._session, True
        self.drop()
        self._session = smtp.open_session(place.endpoint, place.username, place.password)
        self._place = place
        self._offers = place.endpoint, self._session.offers
        return self._session, False

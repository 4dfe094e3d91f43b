"""A signed-in connection to one account's IMAP server, with every command the stages above need."""

import base64
from collections.abc import Callable

from webmail.errors import AskUser, MailError, Reason
from webmail.imap import problems
from webmail.imap.arguments import astring
from webmail.imap.bodies import Bodies
from webmail.imap.changes import Changes
from webmail.imap.client import Client, Reply
from webmail.imap.push import Push
from webmail.imap.reading import Reading
from webmail.imap.search import Searching
from webmail.imap.splitter import Nonsense
from webmail.imap.types import Endpoint

_LOGOUT_SECONDS = 2.0
# NetEase opens no folder before it knows who asks; Gmail recommends it (RFC 2971).
_ID = b'ID ("name" "Webmail" "version" "0.1")'


class MailConnection(Bodies, Reading, Changes, Searching, Push):
    """Not for two threads at a time. After any doubt ``broken`` is True and the owner drops it."""

    @classmethod
    def open(
        cls, endpoint: Endpoint, username: str, password: str, *, timeout: float = 30.0, connect_timeout: float = 8.0
    ) -> "MailConnection":
        """Connect, encrypt, sign in. ``timeout``: longest silence in seconds; ``connect_timeout``: for the connection.

        Raises AskUser or RetryLater, each with the sentence to show. Without TLS where TLS was asked for, nothing of
        the credentials leaves this process.
        """
        client = _connected(endpoint, timeout, connect_timeout)
        try:
            _greeted(client, endpoint, connect_timeout, timeout)
            _signed_in(client, endpoint, username, password)
            connection = cls(client, endpoint)
            client.on_news = connection._note
            connection._introduce()
        except BaseException:
            client.wire.close()
            raise
        return connection

    def _introduce(self) -> None:
        """The capabilities as they are after the sign-in: proxies and providers show others before it."""
        self._run_many([[b"CAPABILITY"], *([[_ID]] if self.has("ID") else [])])
        if self.has("ENABLE") and self._condstore:
            self._run(b"ENABLE CONDSTORE")

    def compress(self) -> bool:
        """COMPRESS (RFC 4978) from here on, where it is offered: worth its memory on both sides where much is to come."""
        if not self.has("COMPRESS=DEFLATE") or not self._run(b"COMPRESS DEFLATE").ok:
            return False
        with self._guarded():
            self._client.wire.start_deflate()
        return True

    @property
    def alive(self) -> bool:
        """False once the connection is of no use; looks whether the server has hung up, and waits for nothing."""
        if not self.broken and self._idle_tag is None and self._client.wire.closed_by_server():
            self._drop()
        return not self.broken

    def fileno(self) -> int:
        """The descriptor to watch while idling."""
        return self._client.wire.fileno()

    def close(self) -> None:
        """LOGOUT, within two seconds; never raises."""
        if not self.broken:
            self._client.wire.limit(_LOGOUT_SECONDS)
            try:
                if self._idle_tag is not None:
                    self.end_idle()
                self._run(b"LOGOUT")
            except MailError:
                pass
        self._drop()


def _connected(endpoint: Endpoint, timeout: float, connect_timeout: float) -> Client:
    try:
        return Client(endpoint, timeout=timeout, connect_timeout=connect_timeout)
    except (OSError, ValueError, OverflowError) as error:
        # What is no host name, or no port number, shows as one of the latter two.
        raise problems.unreachable(error, endpoint) from error


def _greeted(client: Client, endpoint: Endpoint, connect_timeout: float, timeout: float) -> None:
    def exchange(step: Callable[[], Reply]) -> Reply:
        try:
            return step()
        except (OSError, Nonsense) as error:
            if client.farewell is not None:
                raise problems.farewell(client.farewell) from error
            raise problems.unreachable(error, endpoint, stage="greeting") from error

    client.wire.limit(connect_timeout)
    greeting = exchange(client.greeting)
    if greeting.status == "BYE":
        raise problems.farewell(greeting)
    if greeting.status != "OK":
        # Signed in as whom? Before STARTTLS it is also how an attacker avoids the encryption (RFC 9051 section 11.1).
        raise problems.signed_in_unasked(endpoint)
    client.wire.limit(timeout)
    if not client.capabilities or endpoint.security == "starttls":
        exchange(lambda: client.run(b"CAPABILITY"))
    if endpoint.security != "starttls":
        return
    if not client.has("STARTTLS") or not exchange(lambda: client.run(b"STARTTLS")).ok:
        raise problems.no_starttls(endpoint)
    try:
        client.wire.start_tls()
    except (OSError, Nonsense) as error:
        raise problems.unreachable(error, endpoint, stage="tls") from error
    # What was said before the encryption may have been said by anybody (RFC 3501 section 6.2.1).
    client.capabilities = frozenset()
    exchange(lambda: client.run(b"CAPABILITY"))


def _signed_in(client: Client, endpoint: Endpoint, username: str, password: str) -> None:
    if "\0" in username + password or not username:
        raise AskUser(Reason.PASSWORD, "User name and password must not be empty or hold control characters.")
    name, secret = astring(username), astring(password)
    try:
        if not client.has("LOGINDISABLED"):
            reply = client.run(b"LOGIN", name, secret)
        elif client.wire.private and client.has("AUTH=PLAIN") and client.has("SASL-IR"):
            token = base64.b64encode(b"\0" + username.encode() + b"\0" + password.encode())
            reply = client.run(b"AUTHENTICATE PLAIN", token)
        elif client.wire.private:
            sentence = f"{endpoint.host} does not accept passwords; its provider wants another kind of sign-in."
            raise AskUser(Reason.NEEDS_PROVIDER, sentence, detail="LOGINDISABLED")
        else:
            sentence = f"{endpoint.host} accepts passwords over encrypted connections only."
            raise AskUser(Reason.NO_TLS, sentence, detail="LOGINDISABLED")
    except (OSError, Nonsense) as error:
        if client.farewell is not None:
            raise problems.farewell(client.farewell) from error
        raise problems.lost(error, None) from error
    if not reply.ok:
        raise problems.sign_in(reply, endpoint)

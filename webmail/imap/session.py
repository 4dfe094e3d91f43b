"""What all commands share: one client, typed errors, and the rule that a connection in any doubt is not used again."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from webmail.errors import AskUser, MailError, OutcomeUnknown, Reason, RetryLater
from webmail.imap import problems
from webmail.imap.client import Client, Command, Reply
from webmail.imap.news import hint
from webmail.imap.splitter import Nonsense, Response
from webmail.imap.types import Endpoint, Hint, Selected

FETCHED = frozenset({b"FETCH"})
LISTED = frozenset({b"LIST", b"STATUS"})
OPENED = LISTED | {b"EXISTS", b"EXPUNGE", b"FETCH", b"VANISHED"}
_NEWS_LIMIT = 20_000
_NOTHING: frozenset[bytes] = frozenset()


class Session:
    """A signed-in client. ``broken`` means: drop it. Not for two threads at a time."""

    def __init__(self, client: Client, endpoint: Endpoint) -> None:
        self._client = client
        self._endpoint = endpoint
        self._idle_tag: bytes | None = None
        self._idled = False
        self._outstanding = False
        self._news: dict[Hint, None] = {}
        self.opened_at = datetime.now(UTC)
        self.selected: Selected | None = None
        self.broken = False

    @property
    def host(self) -> str:
        return self._endpoint.host

    @property
    def capabilities(self) -> frozenset[str]:
        """In upper case, as offered after the sign-in."""
        return self._client.capabilities

    def has(self, capability: str) -> bool:
        return self._client.has(capability.upper())

    @property
    def _condstore(self) -> bool:
        return self.has("CONDSTORE") or self.has("QRESYNC")

    @property
    def has_news(self) -> bool:
        """Whether the server has told something, between other answers, that nobody has taken yet."""
        return bool(self._news)

    def take_news(self) -> list[Hint]:
        """What was told since the last call; hints of other kinds than "folder" are of the selected folder."""
        news, self._news = list(self._news), {}
        return news

    def _note(self, response: Response) -> None:
        told = hint(response)
        if told is not None and len(self._news) < _NEWS_LIMIT:
            self._news[told] = None

    @contextmanager
    def _guarded(self, *, write: bool = False) -> Iterator[None]:
        """Whatever interrupts an exchange leaves unread answers behind, so the connection ends with it."""
        if self.broken:
            raise RetryLater(Reason.LOST, "The connection to the server was lost; it will be tried again.")
        try:
            yield
        except (OSError, Nonsense) as error:
            self._drop()
            problem = problems.lost(error, self._client.farewell)
            if write and self._client.sent_whole:
                sentence = "The connection broke before the server confirmed the change; it will be checked."
                raise OutcomeUnknown(problem.reason, sentence, detail=problem.detail) from error
            raise problem from error
        except MailError:
            raise
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        self.broken = True
        self._client.wire.close()

    def _run(
        self,
        *command: bytes,
        write: bool = False,
        expected: frozenset[bytes] = _NOTHING,
        on_response: Callable[[Response], None] | None = None,
    ) -> Reply:
        """One command. ``write``: the server may have carried it out although no answer came. ``expected``: the kinds of
        responses that are its answer and no news."""
        self._check_not_idle()
        with self._guarded(write=write), self._expecting(expected):
            return self._client.run(*command, on_response=on_response)

    def _run_many(
        self,
        commands: Sequence[Command],
        *,
        write: bool = False,
        expected: frozenset[bytes] = _NOTHING,
        on_response: Callable[[Response], None] | None = None,
    ) -> list[Reply]:
        """Several in flight. Servers begin one while the one before is under way: answers may stand with a neighbour's."""
        self._check_not_idle()
        with self._guarded(write=write), self._expecting(expected):
            return self._client.run_many(commands, on_response=on_response)

    @property
    def _at_once(self) -> int:
        """How many messages one command may name: some servers cut what is larger (RFC 9738)."""
        limited = any(each.startswith(("MESSAGELIMIT", "XYMHIGHESTMODSEQ")) for each in self.capabilities)
        return 1000 if limited else 10_000

    @contextmanager
    def _expecting(self, expected: frozenset[bytes]) -> Iterator[None]:
        before, self._client.expected = self._client.expected, expected
        try:
            yield
        finally:
            self._client.expected = before

    def _need(self, reply: Reply, what: str) -> Reply:
        """The reply if it is OK; otherwise raises what it means. ``what``: the sentence for a refusal without reason.

        A server that says it cannot at the moment (RetryLater, BUSY) may mean the one message or folder, and is in step.
        """
        if reply.ok:
            return reply
        found = problems.refused(reply, what)
        limited = isinstance(found, (RetryLater, AskUser)) and found.reason != Reason.BUSY
        if self._client.farewell is not None or limited:
            self._drop()
        raise found

    def _check_not_idle(self) -> None:
        if self._idle_tag is not None:
            raise RuntimeError("end_idle() comes before the next command")
        if self._outstanding:
            # Whoever asked was interrupted before the answer: it would be taken for that of another question.
            self._drop()
            raise RetryLater(Reason.LOST, "The connection to the server was lost; it will be tried again.")

    def _folder(self) -> Selected:
        if self.selected is None:
            raise RuntimeError("no folder is selected")
        return self.selected

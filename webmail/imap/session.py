"""What all commands share: one client, typed errors, and the rule that a connection in any doubt is not used again."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from webmail.errors import AskUser, MailError, OutcomeUnknown, Reason, RetryLater
from webmail.imap import problems
from webmail.imap.client import Client, Command, Reply
from webmail.imap.splitter import Nonsense, Response
from webmail.imap.types import Endpoint, Hint, Selected


class Session:
    """A signed-in client. ``broken`` means: drop it. Not for two threads at a time."""

    def __init__(self, client: Client, endpoint: Endpoint) -> None:
        self._client = client
        self._endpoint = endpoint
        self._idle_tag: bytes | None = None
        self._news: dict[Hint, None] = {}
        self.selected: Selected | None = None
        self.broken = False

    @property
    def capabilities(self) -> frozenset[str]:
        """In upper case, as offered after the sign-in."""
        return self._client.capabilities

    def has(self, capability: str) -> bool:
        return self._client.has(capability.upper())

    @property
    def _condstore(self) -> bool:
        return self.has("CONDSTORE") or self.has("QRESYNC")

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
        expected: bool = False,
        on_response: Callable[[Response], None] | None = None,
    ) -> Reply:
        """One command. ``write``: the server may have carried it out although no answer came. ``expected``: what it
        answers looks like news and is none."""
        self._check_not_idle()
        with self._guarded(write=write), self._expecting(expected):
            return self._client.run(*command, on_response=on_response)

    def _run_many(self, commands: Sequence[Command], *, write: bool = False, expected: bool = False) -> list[Reply]:
        self._check_not_idle()
        with self._guarded(write=write), self._expecting(expected):
            return self._client.run_many(commands)

    @contextmanager
    def _expecting(self, expected: bool) -> Iterator[None]:
        listener = self._client.on_news
        if expected:
            self._client.on_news = None
        try:
            yield
        finally:
            self._client.on_news = listener

    def _need(self, reply: Reply, what: str) -> Reply:
        """The reply if it is OK; otherwise raises what it means. ``what``: the sentence for a refusal without reason."""
        if reply.ok:
            return reply
        found = problems.refused(reply, what)
        if self._client.farewell is not None or isinstance(found, (RetryLater, AskUser)):
            self._drop()
        raise found

    def _check_not_idle(self) -> None:
        if self._idle_tag is not None:
            raise RuntimeError("end_idle() comes before the next command")

    def _folder(self) -> Selected:
        if self.selected is None:
            raise RuntimeError("no folder is selected")
        return self.selected

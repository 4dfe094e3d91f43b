"""News without asking: IDLE (RFC 2177) for the selected folder, NOTIFY (RFC 5465) for all of them."""

import re

from webmail.errors import GiveUp, Reason
from webmail.imap.arguments import RAW, folder_name
from webmail.imap.client import Reply
from webmail.imap.response import Unreadable, parse
from webmail.imap.session import Session
from webmail.imap.splitter import Response
from webmail.imap.types import Hint

_NUMBERED = re.compile(rb"\* \d{1,10} (EXISTS|EXPUNGE|FETCH)\b", re.IGNORECASE)
_NAMED = re.compile(rb"\* (STATUS|LIST|LSUB) ", re.IGNORECASE)
_KINDS = {b"EXISTS": "exists", b"EXPUNGE": "expunge", b"FETCH": "flags"}
_NEWS_LIMIT = 20_000
_EVENTS = b"MessageNew MessageExpunge FlagChange"
_REQUESTS = (
    b"NOTIFY SET (selected (" + _EVENTS + b")) (personal (" + _EVENTS + b" MailboxName SubscriptionChange))",
    b"NOTIFY SET (selected (" + _EVENTS + b")) (personal (" + _EVENTS + b" MailboxName))",
    b"NOTIFY SET (selected (" + _EVENTS + b")) (personal (" + _EVENTS + b"))",
    b"NOTIFY SET (selected (MessageNew MessageExpunge)) (personal (MessageNew MessageExpunge))",
)


class Push(Session):
    """Between begin_idle and end_idle the connection may be watched by a selector through ``fileno()``."""

    def start_notify(self) -> bool:
        """Ask once per connection for news of all folders; they arrive as hints of kind "folder". False: not offered."""
        if not self.has("NOTIFY"):
            return False
        return any(self._run(request).ok for request in _REQUESTS)

    def begin_idle(self) -> None:
        """IDLE; GiveUp(UNSUPPORTED) where the server cannot. Renew it within 29 minutes (RFC 2177 section 3).

        What the server told since the last SELECT between other answers is told by the first read_idle().
        """
        self._check_not_idle()
        if not self.has("IDLE"):
            raise GiveUp(Reason.UNSUPPORTED, "This server does not report news by itself.")
        with self._guarded():
            started = self._client.start(b"IDLE", on_response=self._note)
        if isinstance(started, Reply):
            self._need(started, "This server does not report news by itself.")
        else:
            self._idle_tag = started

    def read_idle(self, timeout: float = 0.0) -> list[Hint]:
        """What changed since the last call; waits at most ``timeout`` seconds. RetryLater(LOST) when the server left."""
        if self._idle_tag is None:
            raise RuntimeError("begin_idle() comes first")
        with self._guarded():
            if self._news:
                timeout = 0.0
            self._client.waiting(timeout, self._note)
        return self._taken()

    def end_idle(self) -> list[Hint]:
        """DONE; the hints that came since the last read_idle()."""
        if self._idle_tag is None:
            return []
        tag, self._idle_tag = self._idle_tag, None
        with self._guarded():
            self._client.end(tag, b"DONE\r\n", self._note)
        return self._taken()

    def _taken(self) -> list[Hint]:
        news, self._news = list(self._news), {}
        return news

    def _keep(self, hint: Hint) -> None:
        if len(self._news) < _NEWS_LIMIT:
            self._news[hint] = None

    def _note(self, response: Response) -> None:
        if (counted := _NUMBERED.match(response[0])) is not None:
            self._keep(Hint(_KINDS[counted[1].upper()]))  # type: ignore[arg-type]
        elif response[0][:11].upper() == b"* VANISHED ":
            self._keep(Hint("expunge"))
        elif (named := _NAMED.match(response[0])) is not None:
            try:
                tokens = parse(response, named.end())
            except Unreadable:
                return
            position = 0 if named[1].upper() == b"STATUS" else 2
            if len(tokens) > position and isinstance(tokens[position], bytes):
                self._keep(Hint("folder", _hinted(tokens[position])))


def _hinted(raw: bytes) -> str:
    """Dovecot 2.3 leaves names in its notifications as UTF-8, with a bare "&"."""
    name = folder_name(raw)
    if not name.startswith(RAW):
        return name
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return name

"""News without asking: IDLE (RFC 2177) for the selected folder, NOTIFY (RFC 5465) for all of them."""

from webmail.errors import GiveUp, Reason
from webmail.imap.client import Reply
from webmail.imap.session import Session
from webmail.imap.types import Hint

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
        """Ask for news of all folders; they arrive as hints of kind "folder", until ``notify_ended``. False: not offered."""
        if not self.has("NOTIFY"):
            return False
        self._client.overflowed = False
        return any(self._run(request).ok for request in _REQUESTS)

    @property
    def notify_ended(self) -> bool:
        """Whether the server, with too much to tell, tells nothing of other folders any more (NOTIFICATIONOVERFLOW)."""
        return self._client.overflowed

    def begin_idle(self) -> None:
        """IDLE; GiveUp(UNSUPPORTED) where the server cannot. Renew it within 29 minutes (RFC 2177 section 3).

        What the server told since the last SELECT between other answers is told by the first read_idle(). Where IDLE was
        accepted once on this connection its go-ahead is not waited for.
        """
        self._check_not_idle()
        if not self.has("IDLE"):
            raise GiveUp(Reason.UNSUPPORTED, "This server does not report news by itself.")
        with self._guarded():
            started = self._client.start(b"IDLE", on_response=self._note, wait=not self._idled)
        if isinstance(started, Reply):
            self._need(started, "This server does not report news by itself.")
        else:
            self._idle_tag, self._idled = started, True

    def read_idle(self, timeout: float = 0.0) -> list[Hint]:
        """What changed since the last call; waits at most ``timeout`` seconds. RetryLater(LOST) when the server left."""
        if self._idle_tag is None:
            raise RuntimeError("begin_idle() comes first")
        with self._guarded():
            if self._news:
                timeout = 0.0
            self._client.waiting(timeout, self._note)
        return self.take_news()

    def end_idle(self) -> list[Hint]:
        """DONE; the hints that came since the last read_idle()."""
        if self._idle_tag is None:
            return []
        tag, self._idle_tag = self._idle_tag, None
        with self._guarded():
            self._client.end(tag, b"DONE\r\n", self._note)
        return self.take_news()

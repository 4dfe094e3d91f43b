"""Typed errors, named for what the caller does next.

Every error that leaves ``imap/``, ``outbox/smtp`` or ``mime/`` towards the stages above is one of these. ``sentence`` is
shown to the person as it stands: what happened, what it means, what to do. ``detail`` is the server's own wording for the
log and the administrator; it is untrusted text and never holds a secret.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why a mail server could not be used; pages place the sentence next to the field it belongs to."""

    HOST = "host"  # the name does not resolve
    PORT = "port"  # nothing answers there
    TIMEOUT = "timeout"
    CERTIFICATE = "certificate"  # expired, self-signed, wrong name
    NO_TLS = "no_tls"  # the server offers no STARTTLS; plain text is never the fallback
    PROTOCOL = "protocol"  # what answered does not speak the protocol
    PASSWORD = "password"  # noqa: S105 - the name of a field
    NEEDS_PROVIDER = "needs_provider"  # app password, web sign-in, licence: only the provider's page helps
    LIMIT = "limit"  # too many connections, throttled
    BUSY = "busy"  # temporarily unavailable
    LOST = "lost"  # the connection broke
    REFUSED = "refused"  # the server said no to this one thing
    QUOTA = "quota"
    GONE = "gone"  # the folder or message is no longer there
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    ADDRESS = "address"


class MailError(Exception):
    """Base of all; carries the reason, a sentence for the person and the server's words."""

    def __init__(self, reason: Reason, sentence: str, *, detail: str = "") -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence
        # PostgreSQL keeps no text with a NUL in it.
        self.detail = detail[:1000].replace("\0", "")


class RetryLater(MailError):
    """Nothing is wrong with the request: try again, after ``retry_after`` seconds if the server named a time."""

    def __init__(self, reason: Reason, sentence: str, *, detail: str = "", retry_after: float | None = None) -> None:
        super().__init__(reason, sentence, detail=detail)
        self.retry_after = retry_after


class OutcomeUnknown(RetryLater):
    """The connection broke after a command was sent: it may have been carried out. Look before repeating it."""


class AskUser(MailError):
    """Repeating is useless until the person (or the administrator) changes something."""


class GiveUp(MailError):
    """The server refused this one operation for good: put the local change back and say so."""


class FolderReset(GiveUp):
    """UIDVALIDITY changed (RFC 3501 section 2.3.1.1): every UID known for this folder is dead."""

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(
            Reason.GONE, "The folder was rebuilt on the server.", detail=f"UIDVALIDITY {expected} → {found}"
        )
        self.found = found

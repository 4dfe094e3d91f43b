"""What went wrong with a maildrop, in sentences: connections, sign-in, refusals (RFC 2449 section 8, RFC 3206).

Many servers have no response codes; the tables of wordings keep a locked maildrop or a limit from being taken for a wrong
password, which would make people change passwords that are right.
"""

import re
import ssl

from webmail.errors import AskUser, GiveUp, MailError, OutcomeUnknown, Reason, RetryLater
from webmail.imap import problems as common
from webmail.imap.splitter import Nonsense
from webmail.imap.types import Endpoint
from webmail.pop3.answers import Reply

# Where the server names no delay; those that have one ask for five to fifteen minutes.
LOGIN_DELAY_SECONDS = 600.0

_PROVIDER = re.compile(
    r"application.specific|app.?password|web login|log ?in via|browser|basic ?auth|"
    r"pop3? ?(?:access |service )?(?:is |has been )?(?:disabled|not enabled|turned off|deactivated)|enable pop|"
    r"not (?:enabled|activated|allowed) for pop|licen[cs]e|subscription|unsafe login|two.factor|2fa|"
    r"authori[sz]ation code|reqcode|service is not open|usersuspend|"
    r"(?:account|user) (?:is |has been |was )?(?:permanently )?locked(?! by)|"
    r"(?:account|user|mailbox) (?:is |has been |was )?(?:permanently )?(?:disabled|suspended|blocked|deactivated)",
    re.IGNORECASE,
)
_LIMIT = re.compile(
    r"too many|too (?:often|frequent|soon)|maximum number of|simultaneous|concurrent|throttl|rate.?limit|bandwidth|"
    r"connections? (?:limit|per)|login (?:limit|frequency|rate)|reduce the frequency|connection is closed\. \d|"
    r"exceed.{0,40}(?:connection|login|limit|rate)|(?:connection|login|rate|limit).{0,40}exceeded|minimum.{0,40}delay",
    re.IGNORECASE,
)
_LOCKED = re.compile(
    r"\bin use\b|\block(?:ed)? by\b|(?:maildrop|mailbox|mail ?drop|mail ?box|spool|inbox|account).{0,60}"
    r"(?:\block|busy|already|in use)|(?:cannot|can't|could not|couldn't|unable to|failed to|can not).{0,40}\block|"
    r"lock (?:busy|failed|file|error|timeout)|exclusive lock|already (?:logged|locked|connected|open|active)|"
    r"another (?:pop3? )?(?:session|client|connection|process|user|login|program)|session (?:is )?(?:already )?active",
    re.IGNORECASE,
)
_BUSY = re.compile(
    r"unavailable|try again|try later|again later|temporar|internal (?:server )?error|server error|server (?:is )?busy|"
    r"system (?:is )?busy|overload|maintenance|timed? ?out|not ready",
    re.IGNORECASE,
)
_ENDED = re.compile(
    r"inactiv|auto ?log(?:ged )?out|idle.{0,20}(?:time|long)|disconnect|shutting down|session (?:has )?(?:expired|ended)|"
    r"closing (?:the )?(?:connection|session)|timeout",
    re.IGNORECASE,
)
_NEEDS_TLS = re.compile(
    r"plain.?text auth|clear.?text|not (?:valid|allowed) in this state|encrypt|(?:ssl|tls|stls|secure connection).{0,30}"
    r"(?:required|needed|first|only|must)|(?:requires?|must (?:use|issue)|need).{0,30}(?:ssl|tls|stls)",
    re.IGNORECASE,
)
UNKNOWN_COMMAND = re.compile(
    r"(?:unknown|unrecogni[sz]ed|invalid|unsupported|unimplemented|bad|illegal) (?:pop3? )?(?:command|keyword|verb)|"
    r"command (?:is )?(?:not|un)|not (?:implemented|supported|understood|recogni[sz]ed)|unimplemented|syntax error",
    re.IGNORECASE,
)
_GONE = re.compile(
    r"no such message|not exist|doesn't exist|out of range|(?:invalid|bad) message|message.{0,20}(?:deleted|expunged)|"
    r"no message|already (?:been )?deleted|marked (?:for|as) delet",
    re.IGNORECASE,
)
_WRONG = re.compile(
    r"(?:bad|invalid|incorrect|wrong|unknown).{0,40}(?:password|user|login|credential|mailbox)|"
    r"(?:password|credentials?|login).{0,40}(?:incorrect|invalid|wrong|not accepted|match)|"
    r"(?:authentication|authori[sz]ation|login|logon|sign.?in) (?:fail|error|denied)",
    re.IGNORECASE,
)
# Said to the person who mistyped; with a time it is said to a program.
_TRY_AGAIN = re.compile(r"try again(?! later| in\b| after)", re.IGNORECASE)
_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"})
_UNAVAILABLE = (Reason.BUSY, "The server is unavailable at the moment; it will be tried again.")
_IN_USE = (Reason.BUSY, "The mailbox is in use by another program at the moment; it will be tried again.")
_TOO_OFTEN = (
    Reason.LIMIT,
    "The server allows no more connections or requests at the moment; it will be tried again.",
)
_SESSION_ENDED = (Reason.LOST, "The server ended the session; it will be opened again.")
_BY_CODE = {"IN-USE": _IN_USE, "SYS/TEMP": _UNAVAILABLE}
_BY_WORDS = ((_LIMIT, _TOO_OFTEN), (_LOCKED, _IN_USE), (_BUSY, _UNAVAILABLE), (_ENDED, _SESSION_ENDED))


def unreachable(error: Exception, endpoint: Endpoint, *, stage: str = "connect") -> MailError:
    """For a connection that was never established. ``stage`` is connect, tls or greeting."""
    host, port = endpoint.host, endpoint.port
    if isinstance(error, Nonsense):
        sentence = f"What answers at {host}, port {port} is not a POP3 server. Check the port."
        return AskUser(Reason.PROTOCOL, sentence, detail=str(error))
    if isinstance(error, ssl.SSLError) and error.reason in _NOT_TLS:
        sentence = f"{host} does not speak TLS on port {port}. Check the port, or choose STARTTLS (usually port 110)."
        return AskUser(Reason.NO_TLS, sentence, detail=str(error))
    return common.unreachable(error, endpoint, stage=stage)


def lost(error: Exception) -> RetryLater:
    """An established connection broke, or can no longer be trusted."""
    return common.lost(error, None)


def closed() -> RetryLater:
    return RetryLater(Reason.LOST, "The connection to the server is closed; it will be opened again.")


def no_stls(endpoint: Endpoint, detail: str = "") -> MailError:
    sentence = f"{endpoint.host} offers no encryption (STARTTLS) on port {endpoint.port}; nothing was sent to it."
    return AskUser(Reason.NO_TLS, sentence, detail=detail)


def not_private(host: str, detail: str = "") -> MailError:
    return AskUser(Reason.NO_TLS, f"{host} accepts passwords over encrypted connections only.", detail=detail)


def no_password_sign_in(host: str, detail: str) -> MailError:
    sentence = f"{host} does not accept passwords; its provider wants another kind of sign-in."
    return AskUser(Reason.NEEDS_PROVIDER, sentence, detail=detail)


def temporary(reply: Reply, login_delay: int | None = None) -> RetryLater | None:
    """Locks, limits and outages, whatever they answer; None for anything else. ``login_delay`` is in seconds."""
    if reply.code == "SYS/PERM":
        return None
    if reply.code == "LOGIN-DELAY":
        sentence = "The server wants more time between two visits; it will be tried again."
        delay = float(login_delay or LOGIN_DELAY_SECONDS)
        return RetryLater(Reason.LIMIT, sentence, detail=reply.detail, retry_after=delay)
    if (found := _BY_CODE.get(reply.code)) is None:
        # [AUTH] says that the credentials were judged (RFC 3206 section 5); only a limit on that is no verdict.
        tables = _BY_WORDS[:1] if reply.code == "AUTH" else _BY_WORDS
        found = next((verdict for pattern, verdict in tables if pattern.search(reply.text)), None)
    return None if found is None else RetryLater(*found, detail=reply.detail)


def greeting(reply: Reply, endpoint: Endpoint) -> MailError:
    """The connection was answered with -ERR."""
    if (found := temporary(reply)) is not None:
        return found
    sentence = f"{endpoint.host} does not let this machine in at the moment; it will be tried again."
    return RetryLater(Reason.REFUSED, sentence, detail=reply.detail)


def sign_in(reply: Reply, endpoint: Endpoint, login_delay: int | None, *, private: bool) -> MailError:
    """USER, PASS or AUTH was answered with -ERR. A lock or a limit is never taken for a wrong password."""
    host, detail = endpoint.host, reply.detail
    if reply.code == "SYS/PERM":
        sentence = f"{host} has closed this mailbox to other programs. Its provider's settings or help desk know why."
        return AskUser(Reason.NEEDS_PROVIDER, sentence, detail=detail)
    if not reply.code or reply.code == "AUTH":
        if _PROVIDER.search(reply.text):
            sentence = (
                f"{host} does not accept this kind of sign-in. It may need an app password, or POP3 has to be allowed in"
                " the settings of the mail provider."
            )
            return AskUser(Reason.NEEDS_PROVIDER, sentence, detail=detail)
        if not private and _NEEDS_TLS.search(reply.text):
            return not_private(host, detail)
    judged = reply
    if not reply.code and _WRONG.search(reply.text):
        judged = Reply(reply.ok, reply.code, _TRY_AGAIN.sub("", reply.text))
    if (found := temporary(judged, login_delay)) is not None:
        return found
    if not reply.code and UNKNOWN_COMMAND.search(reply.text):
        return AskUser(Reason.PROTOCOL, f"{host} does not understand the sign-in.", detail=detail)
    return AskUser(Reason.PASSWORD, f"{host} refused this user name and password.", detail=detail)


def refused(reply: Reply, what: str) -> MailError:
    """A command after the sign-in was answered with -ERR. ``what`` says what the server would not do, as a sentence."""
    if reply.code == "AUTH":
        return AskUser(Reason.PASSWORD, "The server no longer accepts the password.", detail=reply.detail)
    if not reply.code and _GONE.search(reply.text):
        return GiveUp(Reason.GONE, "The message is no longer there.", detail=reply.detail)
    return temporary(reply) or GiveUp(Reason.REFUSED, what, detail=reply.detail)


def too_large(limit: int) -> MailError:
    sentence = "The message is larger than what is taken in here."
    return GiveUp(Reason.TOO_LARGE, sentence, detail=f"more than {limit} octets")


def unsupported(command: str) -> MailError:
    return GiveUp(Reason.UNSUPPORTED, f"The server has no command {command}.")


def unconfirmed(error: Exception) -> MailError:
    """QUIT was sent and its answer never came: the marked messages may be deleted, or all still there."""
    sentence = "The connection broke while messages were deleted on the server; it will be looked at again."
    return OutcomeUnknown(Reason.LOST, sentence, detail=f"{type(error).__name__}: {error}")


def not_all_deleted(reply: Reply) -> MailError:
    """QUIT was answered with -ERR: some messages were not removed (RFC 1939 section 6), and not said which."""
    sentence = "The server did not delete all messages it was asked to; it will be looked at again."
    return OutcomeUnknown(Reason.REFUSED, sentence, detail=reply.detail)

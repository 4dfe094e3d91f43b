"""What went wrong, in sentences: sockets, TLS, greetings, sign-in, refused commands (response codes of RFC 5530)."""

import re
import socket
import ssl

from webmail.errors import AskUser, GiveUp, MailError, Reason, RetryLater
from webmail.imap.client import Reply
from webmail.imap.splitter import Nonsense
from webmail.imap.types import Endpoint
from webmail.imap.wire import Disconnected

_BACKOFF = re.compile(r"backoff time: ?(\d{1,9}) ?(milliseconds|seconds)?", re.IGNORECASE)
_LIMIT = re.compile(
    r"too many|maximum number of|simultaneous|concurrent|throttl|rate.?limit|bandwidth|not connected|"
    r"connection limit|exceeded.*(?:connection|command|limit)",
    re.IGNORECASE,
)
_BUSY = re.compile(
    r"unavailable|try again|temporar|internal error|server error|timed? ?out|in use|locked", re.IGNORECASE
)
_PROVIDER = re.compile(
    r"application.specific|app.?password|web login|log ?in via|browser|basic ?auth|imap (?:access )?(?:is )?"
    r"(?:disabled|not enabled|turned off)|enable imap|not enabled for imap|licen[cs]e|subscription|unsafe login|two.factor|"
    r"authorization code",
    re.IGNORECASE,
)
_TRAFFIC = re.compile(r"bandwidth|command", re.IGNORECASE)
_FULL = re.compile(r"quota|mailbox is full|disk full|no space", re.IGNORECASE)
_TOO_LARGE = re.compile(r"too (?:large|big)|exceeds .*size", re.IGNORECASE)
_UNAVAILABLE = "The server is unavailable at the moment; it will be tried again."
_EXPIRED = re.compile(r"token ?expired|session (?:has )?expired|accesstokenexpired", re.IGNORECASE)
_EXPIRED_CERTIFICATE, _NOT_YET_VALID = 10, 9
_SELF_SIGNED = frozenset({18, 19})
_WRONG_NAME = frozenset({62, 64})


def unreachable(error: Exception, endpoint: Endpoint, *, stage: str = "connect") -> MailError:
    """For a connection that was never established. ``stage`` is connect, tls or greeting."""
    host = endpoint.host
    place = f"{host}, port {endpoint.port}"
    kind: type[AskUser | RetryLater] = RetryLater
    if isinstance(error, ssl.SSLError):
        return _tls(error, endpoint)
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        reason, sentence = Reason.HOST, f"The name {host} cannot be looked up at the moment."
    elif isinstance(error, (socket.gaierror, ValueError)):
        kind, reason, sentence = AskUser, Reason.HOST, f"There is no server called {host}. Check the spelling."
    elif isinstance(error, OverflowError):
        kind, reason, sentence = AskUser, Reason.PORT, f"There is no port {endpoint.port}; ports go up to 65535."
    elif isinstance(error, Nonsense):
        kind, reason = AskUser, Reason.PROTOCOL
        sentence = f"What answers at {place} is not an IMAP server. Check the port."
    elif isinstance(error, TimeoutError) and stage == "connect":
        reason, sentence = Reason.TIMEOUT, f"{place} does not answer. Check server and port."
    elif isinstance(error, TimeoutError):
        reason = Reason.TIMEOUT
        sentence = f"{place} accepts the connection but says nothing. Check whether port and security belong together."
    elif isinstance(error, FileNotFoundError):
        kind, reason = AskUser, Reason.CERTIFICATE
        sentence = "The file of trusted certificate authorities set up here cannot be read; tell the administrator."
    elif isinstance(error, ConnectionRefusedError):
        reason, sentence = Reason.PORT, f"Nothing answers at {place}. Check the port."
    elif isinstance(error, ConnectionError) and stage != "connect":
        reason = Reason.LOST
        sentence = f"{place} closed the connection at once. Check whether port and security belong together."
    else:
        reason, sentence = Reason.PORT, f"{place} cannot be reached."
    return kind(reason, sentence, detail=f"{type(error).__name__}: {error}")


def _tls(error: ssl.SSLError, endpoint: Endpoint) -> MailError:
    host = endpoint.host
    detail = str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code == _EXPIRED_CERTIFICATE:
            sentence = f"The certificate of {host} has expired. Its operator has to renew it."
        elif error.verify_code == _NOT_YET_VALID:
            sentence = f"The certificate of {host} is not valid yet. Check the clock of this machine."
        elif error.verify_code in _SELF_SIGNED:
            sentence = f"The certificate of {host} is self-signed, so nobody vouches that this is the right server."
        elif error.verify_code in _WRONG_NAME:
            sentence = f"The certificate belongs to another server than {host}. Check the name of the server."
        else:
            sentence = f"The certificate of {host} comes from an authority that is not trusted here."
        return AskUser(Reason.CERTIFICATE, sentence, detail=detail)
    if error.reason in {"WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"}:
        sentence = (
            f"{host} does not speak TLS on port {endpoint.port}. Check the port, or choose STARTTLS (usually port 143)."
        )
        return AskUser(Reason.NO_TLS, sentence, detail=detail)
    if error.reason in {"UNSUPPORTED_PROTOCOL", "NO_SHARED_CIPHER", "TLSV1_ALERT_PROTOCOL_VERSION", "DH_KEY_TOO_SMALL"}:
        sentence = f"{host} offers only outdated encryption, which is not used here."
        return AskUser(Reason.NO_TLS, sentence, detail=detail)
    return RetryLater(Reason.LOST, f"The encrypted connection to {host} broke while it was set up.", detail=detail)


def no_starttls(endpoint: Endpoint) -> MailError:
    sentence = f"{endpoint.host} offers no encryption (STARTTLS) on port {endpoint.port}; nothing was sent to it."
    return AskUser(Reason.NO_TLS, sentence)


def signed_in_unasked(endpoint: Endpoint) -> MailError:
    sentence = f"{endpoint.host} claims a sign-in that never happened. The connection was not used."
    return AskUser(Reason.PROTOCOL, sentence, detail="PREAUTH")


def temporary(reply: Reply) -> MailError | None:
    """Limits, throttles and outages, whatever command they answer; None for anything else."""
    text = f"[{reply.code}] {reply.text}" if reply.code else reply.text
    if (found := _BACKOFF.search(text)) is not None:
        seconds = int(found[1]) / (1000 if (found[2] or "milliseconds").lower() == "milliseconds" else 1)
        sentence = "The server asks for fewer requests; it will be tried again in a while."
        return RetryLater(Reason.LIMIT, sentence, detail=text, retry_after=seconds)
    if reply.code in {"LIMIT", "THROTTLED"} or _LIMIT.search(reply.text):
        sentence = "The server allows no more connections or requests at the moment; it will be tried again."
        return RetryLater(Reason.LIMIT, sentence, detail=text)
    if reply.code in {"UNAVAILABLE", "INUSE", "SERVERBUG"}:
        return RetryLater(Reason.BUSY, _UNAVAILABLE, detail=text)
    return None


def farewell(reply: Reply) -> MailError:
    """BYE (RFC 3501 section 7.1.5), in the greeting or in the middle of things."""
    if (found := temporary(reply)) is not None:
        return found
    if _EXPIRED.search(reply.text):
        return RetryLater(Reason.LOST, "The server ended the session; it will be opened again.", detail=reply.text)
    if _BUSY.search(reply.text):
        sentence = _UNAVAILABLE
        return RetryLater(Reason.BUSY, sentence, detail=reply.text)
    return RetryLater(Reason.LOST, "The server closed the connection; it will be tried again.", detail=reply.text)


def sign_in(reply: Reply, endpoint: Endpoint) -> MailError:
    """LOGIN or AUTHENTICATE was answered with NO or BAD. A limit is never taken for a wrong password."""
    if (found := temporary(reply)) is not None:
        return found
    detail = f"[{reply.code}] {reply.text}" if reply.code else reply.text
    host = endpoint.host
    reason, sentence = Reason.PASSWORD, f"{host} refused this user name and password."
    if reply.code == "PRIVACYREQUIRED":
        reason, sentence = Reason.NO_TLS, f"{host} accepts passwords over encrypted connections only."
    elif reply.code in {"CONTACTADMIN", "AUTHORIZATIONFAILED", "WEBALERT"} or _PROVIDER.search(reply.text):
        reason = Reason.NEEDS_PROVIDER
        sentence = (
            f"{host} does not accept this kind of sign-in. It may need an app password, or IMAP has to be allowed in"
            " the settings of the mail provider."
        )
    elif reply.code == "EXPIRED":
        sentence = f"The password for {host} has expired. Set a new one there."
    elif reply.code != "AUTHENTICATIONFAILED" and _BUSY.search(reply.text):
        return RetryLater(Reason.BUSY, _UNAVAILABLE, detail=detail)
    elif reply.status == "BAD":
        reason, sentence = Reason.PROTOCOL, f"{host} does not understand the sign-in."
    return AskUser(reason, sentence, detail=detail)


_REFUSALS = {
    "OVERQUOTA": (Reason.QUOTA, "The mailbox is full."),
    "TRYCREATE": (Reason.GONE, "The folder is no longer there."),
    "NONEXISTENT": (Reason.GONE, "The folder is no longer there."),
    "EXPUNGEISSUED": (Reason.GONE, "The message is no longer there."),
    "TOOBIG": (Reason.TOO_LARGE, "The message is too large for the server."),
    "APPENDLIMIT": (Reason.TOO_LARGE, "The message is too large for the server."),
    "ALREADYEXISTS": (Reason.REFUSED, "There is already a folder of this name."),
    "NOPERM": (Reason.REFUSED, "The server does not permit this."),
    "CANNOT": (Reason.REFUSED, "The server cannot do this."),
    "HASCHILDREN": (Reason.REFUSED, "The folder has folders below it."),
    "READ-ONLY": (Reason.REFUSED, "The folder is read-only."),
}


def refused(reply: Reply, what: str) -> MailError:
    """A command was answered with NO or BAD. ``what`` says what the server would not do, as a whole sentence."""
    detail = f"{reply.status} [{reply.code}] {reply.text}"
    reason, sentence = _REFUSALS.get(reply.code, (Reason.REFUSED, what))
    # Gmail has one code for a full mailbox and for a day's traffic that is used up.
    spent = reply.code == "OVERQUOTA" and _TRAFFIC.search(reply.text)
    if reply.code in _REFUSALS and not spent:
        return GiveUp(reason, sentence, detail=detail)
    if (found := temporary(reply)) is not None:
        return found
    if reply.code in {"AUTHENTICATIONFAILED", "EXPIRED"}:
        return AskUser(Reason.PASSWORD, "The server no longer accepts the password.", detail=detail)
    if _PROVIDER.search(reply.text):
        sentence = "The mail provider wants this program to be allowed in its settings first."
        return AskUser(Reason.NEEDS_PROVIDER, sentence, detail=detail)
    if _FULL.search(reply.text):
        reason, sentence = _REFUSALS["OVERQUOTA"]
    elif _TOO_LARGE.search(reply.text):
        reason, sentence = _REFUSALS["TOOBIG"]
    elif not reply.code and _BUSY.search(reply.text):
        return RetryLater(Reason.BUSY, _UNAVAILABLE, detail=detail)
    return GiveUp(reason, sentence, detail=detail)


def lost(error: Exception, goodbye: Reply | None) -> RetryLater:
    """An established connection broke, or can no longer be trusted."""
    if goodbye is not None and isinstance(said := farewell(goodbye), RetryLater):
        return said
    detail = f"{type(error).__name__}: {error}"
    if isinstance(error, TimeoutError):
        return RetryLater(Reason.TIMEOUT, "The server took too long to answer; it will be tried again.", detail=detail)
    if isinstance(error, Nonsense):
        sentence = "The server's answer made no sense, so the connection was closed; it will be tried again."
        return RetryLater(Reason.PROTOCOL, sentence, detail=detail)
    if isinstance(error, Disconnected):
        return RetryLater(Reason.LOST, "The server closed the connection; it will be tried again.", detail=detail)
    return RetryLater(Reason.LOST, "The connection to the server was lost; it will be tried again.", detail=detail)

"""What went wrong while handing in mail, in sentences: sockets, TLS, replies (RFC 5321 section 4.2, RFC 4954)."""

import re
import socket
import ssl

from webmail.errors import AskUser, GiveUp, MailError, Reason, RetryLater

LIMIT = re.compile(
    r"too many|maximum number of|simultaneous|concurrent|throttl|rate.?limit|exceeded.{0,60}(?:connection|rate|limit)|"
    r"(?:rate|limit).{0,40}exceeded|sending limit|slow down",
    re.IGNORECASE,
)
PROVIDER = re.compile(
    r"application.specific|app.?password|web login|log ?in via|browser|basic ?auth|smtp ?auth|smtpclientauth|"
    r"authenticat\w* .{0,30}disabled|not enabled|licen[cs]e|two.factor|authorization code",
    re.IGNORECASE,
)
TOO_LARGE = re.compile(r"too (?:large|big)|size.{0,30}exceed|exceed.{0,40}size|message size", re.IGNORECASE)
_EXPIRED, _NOT_YET_VALID = 10, 9
_SELF_SIGNED = frozenset({18, 19})
_WRONG_NAME = frozenset({62, 64})
_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"})
_OUTDATED = frozenset({"UNSUPPORTED_PROTOCOL", "NO_SHARED_CIPHER", "TLSV1_ALERT_PROTOCOL_VERSION", "DH_KEY_TOO_SMALL"})


def unreachable(error: Exception, host: str, port: int, *, connected: bool) -> MailError:
    """For a connection that was not established; ``connected``: the socket was, the greeting or TLS was not."""
    place, detail = f"{host}, port {port}", f"{type(error).__name__}: {error}"
    if isinstance(error, ssl.SSLError):
        return _tls(error, host, port)
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return _no_such_name(error, host, detail)
    if isinstance(error, FileNotFoundError):
        sentence = "The file of trusted certificate authorities set up here is missing; tell the administrator."
        return AskUser(Reason.CERTIFICATE, sentence, detail=detail)
    if connected:
        return _dumb(error, place, detail)
    if isinstance(error, TimeoutError):
        return RetryLater(Reason.TIMEOUT, f"{place} does not answer. Check server and port.", detail=detail)
    answers = "Nothing answers at" if isinstance(error, ConnectionRefusedError) else "There is no way to"
    return RetryLater(Reason.PORT, f"{answers} {place}. Check the port.", detail=detail)


def _no_such_name(error: Exception, host: str, detail: str) -> MailError:
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return RetryLater(Reason.HOST, f"The name {host} cannot be looked up at the moment.", detail=detail)
    return AskUser(Reason.HOST, f"There is no server called {host}. Check the spelling.", detail=detail)


def _dumb(error: Exception, place: str, detail: str) -> MailError:
    check = "Check whether port and security belong together."
    if isinstance(error, TimeoutError):
        return RetryLater(Reason.TIMEOUT, f"{place} accepts the connection but says nothing. {check}", detail=detail)
    return RetryLater(Reason.LOST, f"{place} closed the connection at once. {check}", detail=detail)


def _tls(error: ssl.SSLError, host: str, port: int) -> MailError:
    detail = str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code == _EXPIRED:
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
    if error.reason in _NOT_TLS:
        sentence = f"{host} does not speak TLS on port {port}. Check the port, or choose STARTTLS (usually port 587)."
        return AskUser(Reason.NO_TLS, sentence, detail=detail)
    if error.reason in _OUTDATED:
        sentence = f"{host} offers only outdated encryption, which is not used here."
        return AskUser(Reason.NO_TLS, sentence, detail=detail)
    return RetryLater(Reason.LOST, f"The encrypted connection to {host} broke while it was set up.", detail=detail)


def not_smtp(host: str, port: int, detail: str) -> MailError:
    sentence = f"What answers at {host}, port {port} is not a server for outgoing mail. Check the port."
    return AskUser(Reason.PROTOCOL, sentence, detail=detail)


def no_starttls(host: str, port: int) -> MailError:
    sentence = f"{host} offers no encryption (STARTTLS) on port {port}; nothing was sent to it."
    return AskUser(Reason.NO_TLS, sentence)


def no_sign_in(host: str, offered: str) -> MailError:
    if offered:
        sentence = f"{host} does not accept passwords for outgoing mail; its provider wants another kind of sign-in."
        return AskUser(Reason.NEEDS_PROVIDER, sentence, detail=f"AUTH {offered}")
    sentence = f"{host} offers no sign-in on this port. Check port and security of the outgoing server."
    return AskUser(Reason.UNSUPPORTED, sentence)


def lost(error: Exception) -> RetryLater:
    """An established connection broke before the message had been handed over."""
    detail = f"{type(error).__name__}: {error}"
    if isinstance(error, TimeoutError):
        return RetryLater(Reason.TIMEOUT, "The outgoing server took too long to answer.", detail=detail)
    return RetryLater(Reason.LOST, "The connection to the outgoing server was lost.", detail=detail)


def temporary(code: int, text: str) -> RetryLater:
    """A reply 4yz."""
    detail = f"{code} {text}"
    if LIMIT.search(text):
        return RetryLater(Reason.LIMIT, "The outgoing server takes no more mail at the moment.", detail=detail)
    return RetryLater(Reason.BUSY, "The outgoing server put this off for now.", detail=detail)


def greeting(host: str, port: int, code: int, text: str) -> MailError:
    """The connection was answered with anything but 220."""
    if 400 <= code < 500:
        return temporary(code, text)
    if code == 554 or code >= 500:
        if LIMIT.search(text):
            return temporary(code, text)
        sentence = f"{host} does not take mail from this machine: “{text[:200]}”"
        return AskUser(Reason.REFUSED, sentence, detail=f"{code} {text}")
    return not_smtp(host, port, f"{code} {text}")


def sign_in(host: str, code: int, text: str) -> MailError:
    """AUTH was not answered with 235. A limit is never taken for a wrong password."""
    detail = f"{code} {text}"
    if LIMIT.search(text) or 400 <= code < 500:
        return temporary(code, text)
    if code in {530, 538}:
        return AskUser(Reason.NO_TLS, f"{host} accepts passwords over encrypted connections only.", detail=detail)
    if code == 534 or PROVIDER.search(text):
        sentence = (
            f"{host} does not accept this kind of sign-in. It may need an app password, or sending from other programs"
            " has to be allowed in the settings of the mail provider."
        )
        return AskUser(Reason.NEEDS_PROVIDER, sentence, detail=detail)
    if code in {500, 501, 502, 503, 504}:
        return AskUser(Reason.UNSUPPORTED, f"{host} does not understand the sign-in.", detail=detail)
    return AskUser(Reason.PASSWORD, f"{host} refused this user name and password.", detail=detail)


def refused(code: int, text: str, what: str) -> MailError:
    """A reply other than the one hoped for; ``what`` says what was refused, the server's own words follow."""
    detail = f"{code} {text}"
    if 400 <= code < 500:
        return temporary(code, text)
    if code == 530:
        return AskUser(
            Reason.PASSWORD, "The outgoing server wants another sign-in before it takes mail.", detail=detail
        )
    if code == 523 or (code == 552 and not re.search(r"\bquota|mailbox full", text, re.IGNORECASE)):
        return GiveUp(Reason.TOO_LARGE, "The message is too large for the outgoing server.", detail=detail)
    if TOO_LARGE.search(text):
        return GiveUp(Reason.TOO_LARGE, "The message is too large for the outgoing server.", detail=detail)
    said = f": “{text[:300]}”" if text else "."
    return GiveUp(Reason.REFUSED, f"{what}{said}", detail=detail)

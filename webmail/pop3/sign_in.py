"""From an open socket to the transaction state: greeting, STLS, USER and PASS or AUTH PLAIN."""

import base64
import re

from webmail.errors import AskUser, Reason
from webmail.imap.types import Endpoint
from webmail.pop3 import problems
from webmail.pop3.answers import Capabilities, Reply, capabilities
from webmail.pop3.wire import Broken, Wire

_FORBIDDEN = re.compile("[\x00\r\n]")
_ORDINARY = re.compile("[!-~]+")


def check_credentials(username: str, password: str) -> None:
    """POP3 commands end at a line end; nobody's password may become one. Raises AskUser."""
    if not username or not password or _FORBIDDEN.search(username + password):
        raise AskUser(Reason.PASSWORD, "User name and password must not be empty or hold control characters.")


def greet(wire: Wire, endpoint: Endpoint) -> Capabilities:
    """Up to where a password may be sent; returns what is offered there. Raises AskUser or RetryLater."""
    try:
        return _greeted(wire, endpoint)
    except Broken as error:
        raise problems.unreachable(error.cause, endpoint, stage="greeting") from error


def _greeted(wire: Wire, endpoint: Endpoint) -> Capabilities:
    reply = wire.reply()
    if not reply.ok:
        raise problems.greeting(reply, endpoint)
    wire.settle()
    offered = probe(wire)
    if endpoint.security != "starttls":
        return offered
    if offered.known and "STLS" not in offered.names:
        raise problems.no_stls(endpoint)
    reply = wire.run(b"STLS")
    if not reply.ok:
        raise problems.temporary(reply) or problems.no_stls(endpoint, reply.detail)
    wire.start_tls()
    # What was said before the encryption may have been said by anybody (RFC 2595 section 4).
    return probe(wire)


def probe(wire: Wire) -> Capabilities:
    """CAPA (RFC 2449 section 5); a server that has no such command may still have any extension."""
    if not wire.run(b"CAPA").ok:
        return Capabilities()
    return capabilities(wire.lines())


def sign_in(wire: Wire, endpoint: Endpoint, offered: Capabilities, username: str, password: str) -> None:
    """Raises AskUser or RetryLater, each with its own sentence; the password is in none of them."""
    try:
        if _by_mechanism(offered, username, password):
            token = base64.b64encode(b"\0" + username.encode() + b"\0" + password.encode())
            reply = _mechanism(wire, token)
        else:
            _must_be_acceptable(wire, endpoint, offered)
            token = b""
            reply = wire.run(b"USER " + username.encode())
            if reply.ok:
                reply = wire.run(b"PASS " + password.encode())
    except Broken as error:
        raise problems.lost(error.cause) from error
    if not reply.ok:
        clean = _without(reply, password, token.decode("ascii"))
        raise problems.sign_in(clean, endpoint, offered.login_delay, private=wire.private)


def _by_mechanism(offered: Capabilities, username: str, password: str) -> bool:
    """USER and PASS are understood everywhere, except that spaces and letters beyond ASCII are a matter of luck."""
    if "AUTH=PLAIN" not in offered.names:
        return False
    ordinary = _ORDINARY.fullmatch(username) and _ORDINARY.fullmatch(password)
    return "USER" not in offered.names or not ordinary


def _must_be_acceptable(wire: Wire, endpoint: Endpoint, offered: Capabilities) -> None:
    if not offered.known or "USER" in offered.names:
        return
    mechanisms = " ".join(sorted(name for name in offered.names if name.startswith("AUTH=")))
    if not wire.private:
        raise problems.not_private(endpoint.host, mechanisms)
    if mechanisms:
        raise problems.no_password_sign_in(endpoint.host, mechanisms)


def _mechanism(wire: Wire, token: bytes) -> Reply:
    """AUTH PLAIN (RFC 5034) in two steps: an initial response is unknown to older servers, and limited in length."""
    wire.send(b"AUTH PLAIN\r\n")
    reply = wire.go_ahead()
    return wire.run(token) if reply is None else reply


def _without(reply: Reply, *secrets: str) -> Reply:
    """Some servers repeat the command they did not like."""
    text = reply.text
    for secret in filter(None, secrets):
        text = text.replace(secret, "…")
    return Reply(reply.ok, reply.code, text)


def opened(endpoint: Endpoint, timeout: float, connect_timeout: float) -> Wire:
    """The socket, and TLS from the start where the endpoint says so. Raises AskUser or RetryLater."""
    if not endpoint.host or re.search(r"[\x00-\x20\x7f]", endpoint.host):
        raise AskUser(Reason.HOST, "The name of the server is not one.")
    try:
        return Wire(endpoint, timeout=timeout, connect_timeout=connect_timeout)
    except (OSError, ValueError) as error:
        raise problems.unreachable(error, endpoint) from error

"""A password the incoming server has accepted, kept for the next press of the button while only sending still fails.

It is sealed in the session for a few minutes and counts only for exactly the same servers and names: whoever sits down at
the screen meanwhile cannot have it sent to a server of their own.
"""

import time
from typing import Any, NamedTuple

from django.http import HttpRequest

from .sealed import CredentialsUnreadable, seal, unseal

KEY = "accepted_password"
SECONDS = 300
BOUND_TO = (
    "address",
    "imap_host",
    "imap_security",
    "imap_port",
    "username",
    "smtp_host",
    "smtp_security",
    "smtp_port",
    "smtp_username",
    "pop_host",
    "pop_security",
    "pop_port",
)


class Kept(NamedTuple):
    password: str
    smtp_password: str


def keep(request: HttpRequest, password: str, smtp_password: str) -> None:
    request.session[KEY] = {
        "entered": _entered(request),
        "password": seal(password),
        "smtp_password": seal(smtp_password),
        "until": time.time() + SECONDS,
    }


def recall(request: HttpRequest) -> Kept | None:
    """What was kept, if this request is about the same servers and names and not too late."""
    value: dict[str, Any] | None = request.session.get(KEY)
    if value is None:
        return None
    if value["until"] < time.time() or value["entered"] != _entered(request):
        forget(request)
        return None
    try:
        return Kept(unseal(value["password"]), unseal(value["smtp_password"]))
    except CredentialsUnreadable:
        return None


def forget(request: HttpRequest) -> None:
    request.session.pop(KEY, None)


def _entered(request: HttpRequest) -> list[str]:
    """The page counts, too: each asks other servers for the same address."""
    return [request.path, *(str(request.POST.get(name, "")).strip() for name in BOUND_TO)]

"""The servers an address was last signed in with, in a signed cookie of this device. Host data only, never a password."""

import json
from typing import Any

from django.conf import settings
from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse

from .models import Security
from .servers import Found, Origin, endpoint

COOKIE = "servers"
SECONDS = 365 * 24 * 3600
ADDRESSES = 5


def recall(request: HttpRequest, address: str) -> Found | None:
    return _found(_read(request).get(address.casefold()))


def remember(request: HttpRequest, response: HttpResponse, address: str, found: Found) -> None:
    """Keep the newest few addresses. What an administrator's preset says is not kept: the preset will say it again."""
    known = _read(request)
    known.pop(address.casefold(), None)
    if found.origin != Origin.PRESET:
        smtp = [found.smtp.host, found.smtp.port, found.smtp.security] if found.smtp is not None else None
        known[address.casefold()] = {
            "imap": [found.imap.host, found.imap.port, found.imap.security],
            "smtp": smtp,
            "username": found.username,
            "smtp_username": found.smtp_username,
            "saves_sent": found.saves_sent,
        }
    value = json.dumps(dict(list(known.items())[-ADDRESSES:]), separators=(",", ":"))
    response.set_signed_cookie(
        COOKIE,
        value,
        salt=COOKIE,
        max_age=SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _read(request: HttpRequest) -> dict[str, Any]:
    try:
        value = json.loads(request.get_signed_cookie(COOKIE, default="{}", salt=COOKIE, max_age=SECONDS) or "{}")
    except (BadSignature, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _found(entry: Any) -> Found | None:
    """A cookie of an older version may look different; then there is nothing to recall."""
    try:
        imap = endpoint(*entry["imap"])
        smtp = endpoint(*entry["smtp"]) if entry["smtp"] else None
        found = Found(
            Origin.REMEMBERED, imap, smtp, entry["username"], entry["smtp_username"], bool(entry["saves_sent"])
        )
    except (KeyError, TypeError):
        return None
    return found if imap.security in Security.values else None

"""Leaving a list with one request (RFC 8058): for addresses that a signature vouches for, see webmail.mime.mailing."""

import time

from .address import Refused
from .request import asked

_BODY = b"List-Unsubscribe=One-Click"
_HEADERS = {
    "User-Agent": "Mozilla/5.0 (compatible; one-click unsubscribe of a mail server)",
    "Content-Type": "application/x-www-form-urlencoded",
}


def leave(url: str, *, seconds: float) -> None:
    """Ask once, over TLS alone; a redirect is not followed (section 3.1). Raise Refused unless the server agrees."""
    if not url.lower().startswith("https://"):
        raise Refused("not by TLS")
    with asked(url, time.monotonic() + seconds, _HEADERS, method="POST", body=_BODY) as answer:
        if not 200 <= answer.status < 300:
            raise Refused(f"status {answer.status}")

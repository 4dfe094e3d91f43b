"""Servers that refused a connection because there were too many: for a while none of theirs is parked.

Limits count per person or per address of the client; the latter would let the accounts that came first keep all others out.
"""

import time

SECONDS = 900.0
_until: dict[str, float] = {}


def note(host: str) -> None:
    _until[host.lower()] = time.monotonic() + SECONDS


def at(host: str) -> bool:
    """Whether connections to this server are scarce."""
    return bool(_until) and _until.get(host.lower(), 0.0) > time.monotonic()

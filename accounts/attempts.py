"""How often somebody may try a password: counted per address and network address in the cache."""

import hashlib

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

WINDOW_SECONDS = 300
TOO_MANY = "There were too many attempts. Wait five minutes, then try again."


def may_try(request: HttpRequest, address: str) -> bool:
    """Count this attempt; False once SIGN_IN_ATTEMPTS within five minutes are used up."""
    key = _key(request, address)
    cache.add(key, 0, WINDOW_SECONDS)
    try:
        return cache.incr(key) <= settings.SIGN_IN_ATTEMPTS
    except ValueError:
        # The entry ran out between the two calls, so this is the first attempt of a new window.
        cache.set(key, 1, WINDOW_SECONDS)
        return True


def forget(request: HttpRequest, address: str) -> None:
    cache.delete(_key(request, address))


def network_address(request: HttpRequest) -> str:
    """The browser's address; behind the configured proxy the one that this proxy itself has added."""
    if settings.SECURE_PROXY_SSL_HEADER:
        forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        if forwarded:
            return forwarded
    return str(request.META.get("REMOTE_ADDR", ""))


def _key(request: HttpRequest, address: str) -> str:
    digest = hashlib.sha256(f"{network_address(request)} {address.casefold()}".encode()).hexdigest()
    return f"sign-in:{digest}"

"""Where people are signed in: in which browser, from which network, and when it was last seen. One row per session.

Noted at most every few minutes, so that a click costs nothing: the process remembers what it has noted.
"""

import ipaddress
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.contrib.sessions.models import Session
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from .attempts import network_address
from .models import Browser, User

NOTED_SECONDS = 300.0
REMEMBERED = 10_000
BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox": "Firefox",
    "FxiOS": "Firefox",
    "Chrome": "Chrome",
    "CriOS": "Chrome",
    "Safari": "Safari",
}
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "CrOS": "ChromeOS",
    "Macintosh": "Mac",
    "Linux": "Linux",
}
_noted: dict[str, float] = {}
_lock = threading.Lock()


class SeenMiddleware:
    """Stands after the authentication. Notes the session of whoever was recognised while the page was made."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        session = request.session
        due = session.accessed and SESSION_KEY in session and session.session_key and _due(session.session_key)
        # To ask for the person empties a session that has ended, before it is noted.
        if due and isinstance(request.user, User):
            note(request, request.user)
        return response


def note(request: HttpRequest, user: User) -> None:
    """This browser is signed in as ``user``, now."""
    if not (key := request.session.session_key):
        return
    with _lock:
        if len(_noted) >= REMEMBERED:
            _noted.clear()
        _noted[key] = time.monotonic()
    values = {
        "name": browser_name(request.headers.get("User-Agent", "")),
        "network": network_of(network_address(request)),
        "seen_at": timezone.now(),
    }
    if not Browser.objects.filter(session_key=key, user=user).update(**values):
        try:
            with transaction.atomic():
                Browser.objects.create(session_key=key, user=user, **values)
        except IntegrityError:
            pass  # another request of the same browser was quicker


def browsers_of(user: User) -> list[Browser]:
    """Those that are signed in, last seen first. Rows of sessions that have ended go."""
    rows = Browser.objects.filter(user=user)
    living = Session.objects.filter(session_key__in=rows.values("session_key"), expire_date__gt=timezone.now())
    found = set(living.values_list("session_key", flat=True))
    browsers = list(rows)
    ended = [each.pk for each in browsers if each.session_key not in found]
    if ended:
        # What has just begun may not be visible in the other table yet.
        rows.filter(pk__in=ended, created_at__lt=timezone.now() - timedelta(minutes=1)).delete()
    return [each for each in browsers if each.session_key in found]


def forget_ended() -> None:
    """Sessions whose time is over, and browsers that nobody can be signed in with any more."""
    now = timezone.now()
    Session.objects.filter(expire_date__lt=now).delete()
    longest = timedelta(seconds=settings.SESSION_COOKIE_AGE, days=1)
    Browser.objects.filter(seen_at__lt=now - longest).exclude(
        session_key__in=Session.objects.values("session_key")
    ).delete()


def end(browser: Browser) -> None:
    """Sign this browser out; it notices at its next request."""
    engine = import_module(settings.SESSION_ENGINE)
    engine.SessionStore(browser.session_key).delete()
    browser.delete()


def browser_name(user_agent: str) -> str:
    """As people call it: "Firefox on Linux". Only names that are known; "" for all others."""
    text = user_agent[:500]
    browser = next((name for mark, name in BROWSERS.items() if mark in text), "")
    system = next((name for mark, name in SYSTEMS.items() if mark in text), "")
    if not browser:
        return f"A browser on {system}" if system else ""
    return f"{browser} on {system}" if system else browser


def network_of(address: str) -> str:
    """The network an address is in, /24 or /48: enough to recognise a place by, too little to follow somebody."""
    try:
        found = ipaddress.ip_address(address.strip("[]").partition("%")[0])
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return str(ipaddress.ip_network(f"{found}/{24 if found.version == 4 else 48}", strict=False))


def _due(key: str) -> bool:
    noted = _noted.get(key)
    return noted is None or time.monotonic() - noted > NOTED_SECONDS


def _signed_in(sender: Any, request: HttpRequest | None, user: Any, **_: Any) -> None:
    if request is not None and isinstance(user, User):
        note(request, user)


def _signed_out(sender: Any, request: HttpRequest | None, **_: Any) -> None:
    if request is not None and request.session.session_key:
        Browser.objects.filter(session_key=request.session.session_key).delete()


user_logged_in.connect(_signed_in, dispatch_uid="accounts.browsers")
user_logged_out.connect(_signed_out, dispatch_uid="accounts.browsers")

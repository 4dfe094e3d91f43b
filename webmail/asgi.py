"""One port: ``/events`` as raw ASGI, every page through WSGI in a pool of threads.

Django's own ASGI handler is several times slower for pages, and an event stream through it would hold a thread.
"""

import gc
import os
from contextlib import suppress

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webmail.settings")

from a2wsgi import WSGIMiddleware

from webmail.wsgi import application as pages

from django.conf import settings  # isort: skip
from django.core.exceptions import BadRequest  # isort: skip
from django.template.loader import get_template  # isort: skip
from django.urls import resolve  # isort: skip

from webmail.events.stream import Message, Receive, Scope, Send, events  # isort: skip
from webmail.icons import icon  # isort: skip
from webmail.mime import clock, domains  # isort: skip
from webmail.tls import tls_context  # isort: skip

THREADS = 24
FIRST_PAGES = ("accounts/sign_in.html", "mailbox/page.html", "mailbox/_list.html", "mailbox/_reader.html")
_pages = WSGIMiddleware(pages, workers=THREADS)  # type: ignore[arg-type]


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http" and scope["path"] == "/events":
        await events(scope, receive, send)
    else:
        await _pages(scope, _whole(receive), send)  # type: ignore[arg-type]


def _whole(receive: Receive) -> Receive:
    """a2wsgi takes the end of the connection for that of the request: half a text would be saved as if it were the whole."""

    async def next_piece() -> Message:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadRequest("the request was cut short")
        return message

    return next_piece


def _warm() -> None:
    """Read now what the first click would wait for: addresses and their views, templates, authorities to trust,
    the list of public suffixes."""
    resolve("/")
    for name in FIRST_PAGES:
        get_template(name)
    icon("inbox")
    domains.warm()
    clock.warm()
    with suppress(OSError):
        # A file that is missing has its own sentence where a connection is tried.
        tls_context(settings.TRUSTED_CA_FILE)
    # What stands until the end need not be looked at again and again by the garbage collector.
    gc.collect()
    gc.freeze()


_warm()

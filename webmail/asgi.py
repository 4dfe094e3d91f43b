"""One port: ``/events`` as raw ASGI, every page through WSGI in a pool of threads.

Django's own ASGI handler is several times slower for pages, and an event stream through it would hold a thread.
"""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webmail.settings")

from a2wsgi import WSGIMiddleware

from webmail.wsgi import application as pages

from webmail.events.stream import Receive, Scope, Send, events  # isort: skip

THREADS = 24
_pages = WSGIMiddleware(pages, workers=THREADS)  # type: ignore[arg-type]


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http" and scope["path"] == "/events":
        await events(scope, receive, send)
    else:
        await _pages(scope, receive, send)  # type: ignore[arg-type]

"""``/events``: the stream that tells open browsers to look again (Server-Sent Events), as a raw ASGI callable.

It holds no thread and no database connection. One task per process waits for the database to change and hands each
connected person what changed. Events are hints; a page that misses one reads the same state with the next.
"""

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from datetime import timedelta
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.db import connections
from django.http import HttpRequest
from django.utils import timezone

from webmail.models import BulkAction, Folder, Notice, SyncState, UserStamp

from .signal import DatabaseSignal

logger = logging.getLogger(__name__)
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

POLL_SECONDS = 0.06
HEARTBEAT_SECONDS = 20.0
WATCH_SECONDS = 90
MOST_PER_PERSON = 30
QUEUE_LENGTH = 20


class Hub:
    """Who is connected, and what each of them was last told."""

    def __init__(self) -> None:
        self.queues: dict[int, set[asyncio.Queue[str]]] = defaultdict(set)
        self.known: dict[int, tuple[int, dict[int, int]]] = {}
        self.task: asyncio.Task[None] | None = None

    async def join(self, user_id: int) -> asyncio.Queue[str]:
        queue: asyncio.Queue[str] = asyncio.Queue(QUEUE_LENGTH)
        if user_id not in self.known:
            self.known.update(await asyncio.to_thread(_read_stamps, [user_id]))
        self.queues[user_id].add(queue)
        revision = self.known.get(user_id, (0, {}))[0]
        queue.put_nowait(_event("hello", {"revision": revision}))
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._watch())
        return queue

    def leave(self, user_id: int, queue: asyncio.Queue[str]) -> None:
        self.queues[user_id].discard(queue)
        if not self.queues[user_id]:
            del self.queues[user_id]
            self.known.pop(user_id, None)

    async def _watch(self) -> None:
        signal = await asyncio.to_thread(DatabaseSignal)
        try:
            while self.queues:
                await asyncio.sleep(POLL_SECONDS)
                try:
                    if signal.changed():
                        await self._tell()
                except Exception:
                    logger.exception("events could not be read")
                    await asyncio.sleep(1)
        finally:
            signal.close()

    async def _tell(self) -> None:
        users = list(self.queues)
        stamps = await asyncio.to_thread(_read_stamps, users)
        noticed = await asyncio.to_thread(_with_notices, users)
        for user_id, (revision, folders) in stamps.items():
            before, seen = self.known.get(user_id, (-1, {}))
            if revision == before or user_id not in self.queues:
                continue
            changed = [pk for pk, number in folders.items() if seen.get(pk) != number]
            gone = seen.keys() - folders.keys()
            self.known[user_id] = revision, folders
            hint = {"revision": revision, "folders": changed, "tree": bool(gone), "notices": user_id in noticed}
            event = _event("change", hint)
            for queue in list(self.queues[user_id]):
                _put(queue, event)


def _put(queue: asyncio.Queue[str], event: str) -> None:
    """A browser that does not read gets the newest hint when it does; the older ones say nothing more."""
    while True:
        try:
            queue.put_nowait(event)
        except asyncio.QueueFull:
            queue.get_nowait()
        else:
            return


def _read_stamps(user_ids: list[int]) -> dict[int, tuple[int, dict[int, int]]]:
    try:
        revisions = dict.fromkeys(user_ids, 0)
        revisions |= dict(UserStamp.objects.filter(user_id__in=user_ids).values_list("user_id", "revision"))
        folders: dict[int, dict[int, int]] = defaultdict(dict)
        rows = Folder.objects.filter(account__user_id__in=user_ids, hidden=False)
        for user_id, pk, revision in rows.values_list("account__user_id", "pk", "revision"):
            folders[user_id][pk] = revision
        return {user_id: (revision, folders[user_id]) for user_id, revision in revisions.items()}
    finally:
        connections.close_all()


def _with_notices(user_ids: list[int]) -> set[int]:
    try:
        waiting = Notice.objects.filter(user_id__in=user_ids, dismissed_at__isnull=True)
        telling = BulkAction.objects.filter(user_id__in=user_ids, dismissed_at__isnull=True)
        return {*waiting.values_list("user_id", flat=True), *telling.values_list("user_id", flat=True)}
    finally:
        connections.close_all()


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


def _person(cookie: str) -> int | None:
    """The signed-in person behind a Cookie header."""
    jar: SimpleCookie = SimpleCookie()
    with suppress(CookieError):
        jar.load(cookie)
    morsel = jar.get(settings.SESSION_COOKIE_NAME)
    if morsel is None:
        return None
    try:
        request = HttpRequest()
        request.session = import_module(settings.SESSION_ENGINE).SessionStore(morsel.value)
        user = get_user(request)
        return user.pk if user.is_authenticated and user.is_active else None
    finally:
        connections.close_all()


def _present(user_id: int, *, arriving: bool) -> None:
    """A browser of this person is open: the worker keeps the folders it does not look at fresh, too."""
    now = timezone.now()
    states = SyncState.objects.filter(account__user_id=user_id)
    try:
        states.update(watched_until=now + timedelta(seconds=WATCH_SECONDS))
        if arriving:
            resting = states.filter(status__in=[SyncState.Status.OK, SyncState.Status.NEW], due_at__gt=now)
            resting.exclude(due_at=SyncState.UNDER_WAY).update(due_at=now)
    finally:
        connections.close_all()


hub = Hub()


async def events(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application. A person who signed out keeps a stream of bare revision numbers until the next heartbeat."""
    headers = dict(scope["headers"])
    cookie = headers.get(b"cookie", b"").decode("latin-1")
    user_id = await asyncio.to_thread(_person, cookie) if scope["method"] == "GET" else None
    if user_id is None:
        await _refuse(send, 403 if scope["method"] == "GET" else 405)
        return
    if len(hub.queues.get(user_id, ())) >= MOST_PER_PERSON:
        await _refuse(send, 429)
        return
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [
                (b"content-type", b"text/event-stream; charset=utf-8"),
                (b"cache-control", b"no-store, private"),
                (b"x-accel-buffering", b"no"),
                (b"x-content-type-options", b"nosniff"),
            ],
        }
    )
    queue = await hub.join(user_id)
    gone = asyncio.create_task(_disconnected(receive))
    try:
        await asyncio.to_thread(_present, user_id, arriving=True)
        await send({"type": "http.response.body", "body": b"retry: 2000\n\n", "more_body": True})
        while not gone.done():
            text = await _next(queue, gone)
            if text is None:
                if await asyncio.to_thread(_person, cookie) != user_id:
                    break
                await asyncio.to_thread(_present, user_id, arriving=False)
                text = ": still here\n\n"
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    except OSError:
        logger.debug("a browser went away")
    finally:
        gone.cancel()
        hub.leave(user_id, queue)


async def _next(queue: asyncio.Queue[str], gone: asyncio.Task[None]) -> str | None:
    """The next event, or None when a heartbeat is due."""
    waiting = asyncio.create_task(queue.get())
    done, _ = await asyncio.wait({waiting, gone}, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    if waiting in done:
        return waiting.result()
    waiting.cancel()
    return None


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b""})

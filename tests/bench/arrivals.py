"""How soon new mail shows in an open browser, and a change by another client; run with ``pytest -s tests/bench/arrivals.py``.

The product runs as it does (web, worker, events); a message counts as shown when the list that the event made the browser
read again holds it.
"""

import http.client
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.conf import LazySettings
from django.db import connections

from accounts.models import MailAccount, Security, User
from tests.bench.visitor import Visitor
from tests.servers.fault_proxy import FaultProxy
from tests.servers.live import LiveMailbox
from tests.servers.mailbox import Mailbox
from webmail.models import Message, SyncState
from webmail.worker.service import Worker

ARRIVALS = 20
FOLDER = "Projects"
LONGEST = 60.0


def mail(number: int) -> bytes:
    return (
        f"From: Bob <bob@example.test>\r\nTo: ada@example.test\r\nSubject: Arrival {number:04d}\r\n"
        f"Message-ID: <arrival-{number}@example.test>\r\n\r\nThis is letter {number}.\r\n"
    ).encode()


def say(name: str, seconds: list[float]) -> None:
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    print(f"| {name} | {1000 * ordered[len(ordered) // 2]:,.0f} ms | {1000 * p95:,.0f} ms |", flush=True)


@contextmanager
def listening(visitor: Visitor) -> Iterator[threading.Event]:
    """Set whenever the open browser is told that something changed."""
    told = threading.Event()
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(visitor.origin).netloc, timeout=LONGEST)
    connection.request("GET", "/events", headers={"Cookie": visitor.cookie, "Accept": "text/event-stream"})
    response = connection.getresponse()
    assert response.status == 200

    def read() -> None:
        try:
            while line := response.readline():
                if line.startswith(b"data:"):
                    told.set()
        except (OSError, ValueError, AttributeError):
            pass

    threading.Thread(target=read, daemon=True).start()
    yield told
    connection.close()


def shown(visitor: Visitor, url: str, told: threading.Event, subject: str) -> float:
    began = time.monotonic()
    while time.monotonic() - began < LONGEST:
        told.clear()
        if subject in visitor.fragment(f"{url}?rows=50").text:
            return time.monotonic() - began
        told.wait(1.0)
    raise AssertionError(f"{subject} is not shown")


@pytest.mark.mailserver
def test_new_mail_in_an_open_browser(live: LiveMailbox) -> None:
    live.mailbox.append(mail(0), folder=FOLDER)
    visitor = Visitor(live.url)
    visitor.get("/sign-in/")
    visitor.submit("/sign-in/", [("address", live.mailbox.address), ("password", live.mailbox.password)])
    client = live.mailbox.imap()
    print("\n| new mail, until shown | median | p95 |\n|---|---:|---:|")
    urls = {name: folder_url(visitor, name) for name in ("Inbox", FOLDER)}
    with listening(visitor) as told:
        for name, deliver in (
            ("Inbox", live.mailbox.deliver),
            (FOLDER, lambda raw: client.append(FOLDER, raw)),
        ):
            seconds = []
            for number in range(ARRIVALS):
                time.sleep(0.7)
                subject = f"{name} {number:04d}"
                deliver(mail(number).replace(f"Arrival {number:04d}".encode(), subject.encode()))
                seconds.append(shown(visitor, urls[name], told, subject))
            say(name, seconds)
    client.logout()


def folder_url(visitor: Visitor, title: str) -> str:
    began = time.monotonic()
    while time.monotonic() - began < LONGEST:
        text = visitor.follow("/").text
        at = text.find(f">{title}<")
        start = text.rfind('href="/folder/', 0, at)
        if at > 0 and start > 0:
            return text[start + 6 : text.index('"', start + 6)]
        time.sleep(0.3)
    raise AssertionError(f"there is no folder {title}")


@pytest.mark.django_db(transaction=True)
@pytest.mark.mailserver
def test_other_folders_without_notify_and_flags_without_condstore(mailbox: Mailbox, settings: LazySettings) -> None:
    settings.ALLOW_PLAINTEXT = True
    uid = mailbox.append(mail(0), folder=FOLDER)
    with FaultProxy("127.0.0.1", mailbox.server.ports.imap, hide=("NOTIFY", "CONDSTORE", "QRESYNC")) as proxy:
        account = MailAccount.objects.create(
            user=User.objects.create(username="ada"),
            address=mailbox.address,
            username=mailbox.address,
            password=mailbox.password,
            imap_host=proxy.host,
            imap_port=proxy.port,
            imap_security=Security.PLAIN,
            smtp_host="localhost",
        )
        SyncState.objects.create(account=account, watched_until="2099-01-01T00:00Z")
        worker = Worker(threads=2)
        thread = threading.Thread(target=_run, args=(worker,))
        thread.start()
        client = mailbox.imap()
        client.select_folder(FOLDER)
        try:
            until(lambda: Message.objects.filter(shown_in__name=FOLDER).exists())
            arrivals, flags = [], []
            for number in range(6):
                time.sleep(3.1 * number % 7)
                client.append(FOLDER, mail(100 + number))
                arrivals.append(until(Message.objects.filter(subject=f"Arrival {100 + number:04d}").exists))
                change = client.add_flags if number % 2 == 0 else client.remove_flags
                change([uid], [b"\\Flagged"])
                flags.append(
                    until(Message.objects.filter(uid=uid, folder__name=FOLDER, flagged=number % 2 == 0).exists)
                )
        finally:
            worker.stop()
            thread.join(20)
        print("\n| without NOTIFY and CONDSTORE, another folder | median | p95 |\n|---|---:|---:|")
        say("new mail", arrivals)
        say("a flag", flags)


def _run(worker: Worker) -> None:
    worker.run()
    connections.close_all()


def until(condition: Callable[[], object]) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < LONGEST
        time.sleep(0.02)
    return time.monotonic() - began

"""F20, F21: mail made to break programs lies in the open folder. It shows, it opens, and nothing beside it suffers."""

import time
from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.urls import reverse

from tests.convergence.world import World
from tests.servers.smtp_sink import SmtpSink
from webmail.demo.dovecot import Dovecot
from webmail.models import Folder, Message

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.mailserver]

HEAD = "From: Bob <bob@example.test>\r\nTo: Ada <ada@example.test>\r\nMessage-ID: <{0}@example.test>\r\nMIME-Version: 1.0\r\n"
PLAIN = "Content-Type: text/plain\r\n\r\n"
SECONDS = 5.0  # of processor time, for a page


def letter(subject: str, rest: str) -> bytes:
    return f"{HEAD.format(subject.replace(' ', '-'))}Subject: {subject}\r\n{rest}".encode("utf-8", "surrogateescape")


def nested(depth: int) -> str:
    opened = "".join(f'Content-Type: multipart/mixed; boundary="b{at}"\r\n\r\n--b{at}\r\n' for at in range(depth))
    return f"{opened}{PLAIN}The innermost text.\r\n" + "".join(f"--b{at}--\r\n" for at in reversed(range(depth)))


BOMBS = {
    "a thousand nested parts": nested(1000),
    "a hundred thousand empty parts": 'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    + "--b\r\n\r\n\r\n" * 100_000
    + "--b--\r\n",
    "ten thousand recipients": "Cc: "
    + ",\r\n ".join(f"Person {at} <person-{at}@example.test>" for at in range(10_000))
    + f"\r\n{PLAIN}Dear all.\r\n",
    "five thousand segments": 'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Disposition: attachment;\r\n '
    + ";\r\n ".join(f"filename*{at}*=utf-8''%41" for at in range(5000))
    + "\r\nContent-Type: application/octet-stream\r\n\r\nx\r\n--b--\r\n",
    "a header of five megabytes": f"X-Long: {'y' * 5_000_000}\r\n{PLAIN}After the header.\r\n",
    "a subject of a megabyte in words": "X: y\r\nSubject: "
    + "\r\n ".join("=?utf-8?q?=F0=9F=98=80?=" for _ in range(40_000))
    + f"\r\n{PLAIN}Hello.\r\n",
    "a table a hundred thousand deep": "Content-Type: text/html\r\n\r\n" + "<table><tr><td>" * 100_000,
}


@pytest.fixture
def world(dovecot: Dovecot, smtp_sink: SmtpSink, settings: LazySettings) -> Iterator[World]:
    settings.ALLOW_PLAINTEXT = True
    world = World(dovecot, smtp_sink, alone=True)
    yield world
    world.close()


def test_f20_bombs_in_the_open_folder_show_and_open_and_leave_the_others_alone(world: World) -> None:
    usual = [f"Letter {number}" for number in range(3)]
    for subject in usual[:2]:
        world.ada.mailbox.append(letter(subject, f"{PLAIN}This is {subject}.\r\n"))
    for subject, rest in BOMBS.items():
        world.ada.mailbox.append(letter(subject, rest))
    world.ada.mailbox.append(letter(usual[2], f"{PLAIN}This is {usual[2]}.\r\n"))
    began = time.process_time()
    while not world.turn():
        pass
    assert time.process_time() - began < 60
    inbox = Folder.objects.get(account=world.ada.account, name="INBOX")
    assert (inbox.total, inbox.shown_total) == (len(BOMBS) + 3, len(BOMBS) + 3)
    rows = {row.message_id.partition("@")[0]: row for row in Message.objects.filter(shown_in=inbox)}
    for subject in usual:
        row = rows[subject.replace(" ", "-")]
        assert (row.subject, row.preview) == (subject, f"This is {subject}.")
    assert usual[2] in quick(world, reverse("folder", args=[inbox.pk]))
    for subject in BOMBS:
        row = rows[subject.replace(" ", "-")]
        quick(world, reverse("conversation", args=[inbox.pk, row.conversation_id]))
        quick(world, reverse("message-body", args=[row.pk]))
        source = world.ada.get(reverse("message-source", args=[row.pk]) + "?download=1")
        assert source.status_code == 200
        assert len(source.text_seen) > 50_000


def quick(world: World, url: str) -> str:
    began = time.process_time()
    response = world.ada.get(url)
    assert response.status_code == 200, url
    assert time.process_time() - began < SECONDS, url
    return str(response.text_seen)

"""Films and other large files: wound on at once, streamed in flat memory, from a server and from a mailbox that lives here."""

import base64
import hashlib
import tracemalloc
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from accounts.models import MailAccount, User
from tests.servers.mailbox import Mailbox
from tests.sync.any_server import Person
from tests.views.test_files import got
from webmail.errors import RetryLater
from webmail.mime.parts import Part
from webmail.models import Folder, Message, SyncState
from webmail.sync import bodies, pieces
from webmail.sync.local import LocalMailbox, ensure_folders

MEGABYTE = 1024 * 1024


def large_mail(encoding: str, size: int = 8 * MEGABYTE) -> tuple[bytes, bytes]:
    """A message with a file of pseudo-random octets, and that file."""
    content = b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(size // 32))
    if encoding == "base64":
        written = base64.encodebytes(content).replace(b"\n", b"\r\n")
    else:
        content = content.hex().encode()[:size]
        content = b"\r\n".join(content[at : at + 900] for at in range(0, len(content), 900))
        written = content + b"\r\n"
    head = (
        "From: Bob <bob@example.test>\r\nTo: ada@example.test\r\nSubject: Film\r\nMessage-ID: <letter-1@example.test>\r\n"
        "Date: Fri, 20 Nov 2026 12:00:00 +0000\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSee the film.\r\n'
        f'--b\r\nContent-Type: video/mp4; name="film.mp4"\r\nContent-Transfer-Encoding: {encoding}\r\n'
        "Content-Disposition: attachment\r\n\r\n"
    ).encode()
    return head + written + b"\r\n--b--\r\n", content if encoding == "base64" else written


def wound(client: Client, message: Message, content: bytes) -> None:
    url = f"/message/{message.pk}/part/2/?inline=1"
    for start, stop in (
        (0, 99),
        (len(content) // 2, len(content) // 2 + 1_000_000),
        (len(content) - 5, len(content) - 1),
    ):
        answer = client.get(url, headers={"Range": f"bytes={start}-{stop}"})
        assert answer.status_code == 206
        assert answer["Content-Range"] == f"bytes {start}-{stop}/{len(content)}"
        assert got(answer) == content[start : stop + 1]


@pytest.mark.mailserver
@pytest.mark.parametrize(("encoding", "size"), [("base64", 32 * MEGABYTE), ("8bit", 8 * MEGABYTE)])
def test_f19_a_film_of_any_size_is_wound_on_and_streamed_in_flat_memory(
    db: None, mailbox: Mailbox, encoding: str, size: int
) -> None:
    raw, content = large_mail(encoding, size)
    mailbox.append(raw)
    del raw
    where = {"address": mailbox.address, "password": mailbox.password, "host": "127.0.0.1"}
    person = Person(SimpleNamespace(**where, port=mailbox.server.ports.imap))  # type: ignore[arg-type]
    person.sync()
    message = person.message(1)
    client = Client()
    client.force_login(person.user)
    wound(client, message, content)
    digest, received = hashlib.sha256(), 0
    tracemalloc.start()
    answer: Any = client.get(f"/message/{message.pk}/part/2/")
    assert answer["Content-Length"] == str(len(content))
    for piece in answer.streaming_content:
        digest.update(piece)
        received += len(piece)
    archive = hashlib.sha256()
    answer = client.get(f"/message/{message.pk}/files/zip/")
    for piece in answer.streaming_content:
        archive.update(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (received, digest.digest()) == (len(content), hashlib.sha256(content).digest())
    assert peak < 16 * MEGABYTE
    person.close()


def test_a_film_in_a_mailbox_that_lives_here_is_wound_on_as_well(db: None) -> None:
    user = User.objects.create(username="ada")
    account = MailAccount.objects.create(user=user, kind="pop3", address="ada@old.test", username="a", smtp_host="x")
    SyncState.objects.create(account=account)
    ensure_folders(account)
    raw, content = large_mail("base64")
    LocalMailbox(account).append("INBOX", raw)
    message = Message.objects.get(folder=Folder.objects.get(account=account, name="INBOX"))
    client = Client()
    client.force_login(user)
    wound(client, message, content)
    assert got(client.get(f"/message/{message.pk}/part/2/")) == content


def test_what_is_wrongly_written_comes_whole(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    part = Part(section="2", type="video/mp4", encoding="quoted-printable", size=3_000_000, filename="a.mp4")
    message = ada.arrive(
        structure=Part(
            section="", type="multipart/mixed", children=[Part(section="1", type="text/plain", size=5), part]
        )
    )
    monkeypatch.setattr(pieces, "_layout", lambda *_: None)
    monkeypatch.setattr(bodies, "open_part", lambda *_: (part, iter([b"a" * 1000, b"b" * 1000])))
    answer = ada.client.get(f"/message/{message.pk}/part/2/?inline=1", headers={"Range": "bytes=0-9"})
    assert answer.status_code == 200
    assert "Accept-Ranges" not in answer
    assert got(answer) == b"a" * 1000 + b"b" * 1000


def test_a_file_written_otherwise_in_its_middle_comes_whole_when_it_is_tried_again(db: None) -> None:
    user = User.objects.create(username="ada")
    account = MailAccount.objects.create(user=user, kind="pop3", address="ada@old.test", username="a", smtp_host="x")
    SyncState.objects.create(account=account)
    ensure_folders(account)
    raw, content = large_mail("base64")
    # One line is four characters longer, the next as many shorter: nothing at the ends tells of it.
    middle = raw.index(b"\r\n", len(raw) // 2)
    raw = raw[:middle] + raw[middle + 2 : middle + 6] + b"\r\n" + raw[middle + 6 :]
    LocalMailbox(account).append("INBOX", raw)
    message = Message.objects.get(folder=Folder.objects.get(account=account, name="INBOX"))
    client = Client()
    client.force_login(user)
    with pytest.raises(RetryLater, match="Try again"):
        got(client.get(f"/message/{message.pk}/part/2/"))
    assert got(client.get(f"/message/{message.pk}/part/2/")) == content

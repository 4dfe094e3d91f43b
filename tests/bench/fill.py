"""Mailboxes of given sizes on a private Dovecot, kept between runs so that the second run starts at once."""

import hashlib
import shutil
import socket
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tests.bench import letters
from tests.bench.letters import Letter, Writer
from webmail.demo.dovecot import Dovecot

PASSWORD = "bench-bench"
FOLDERS = 30
PER_FOLDER = 60
BATCH = 200
NAMES = ["Archive", "Sent", "Drafts", "Junk", "Trash"]
# Nothing here has to survive a power cut, and a mailbox in daily use has its envelopes cached by the server.
WHILE_FILLING = """
mail_fsync = never
mail_always_cache_fields = flags date.received date.sent size.virtual imap.envelope imap.bodystructure hdr.references
"""


def address(size: int) -> str:
    return f"bench-{size}@example.test"


def fill(directory: Path, sizes: list[int]) -> None:
    """Fill what is not filled yet. Raises MailServerError where Dovecot cannot run."""
    missing = [size for size in sizes if not _stamp(directory, size).exists()]
    if not missing:
        return
    server = Dovecot(directory, settings=WHILE_FILLING)
    server.start()
    try:
        for size in missing:
            started = time.monotonic()
            octets = _fill_one(server, size)
            seconds = time.monotonic() - started
            _stamp(directory, size).touch()
            print(f"filled a mailbox of {size:,} messages, {octets / 1e6:,.0f} MB in {seconds:.0f} s", flush=True)
    finally:
        server.stop()


def _stamp(directory: Path, size: int) -> Path:
    """Another generator makes other mailboxes, so its text is part of the name."""
    made_by = hashlib.sha256(Path(letters.__file__).read_bytes() + Path(__file__).read_bytes()).hexdigest()[:12]
    return directory / f"filled-{size}-{made_by}"


def _fill_one(server: Dovecot, size: int) -> int:
    user = address(size)
    shutil.rmtree(server.directory / "mail" / user, ignore_errors=True)
    server.add_user(user, PASSWORD)
    intake = Intake(server.ports.imap, user)
    octets = intake.take("INBOX", Writer(f"inbox-{size}", user).letters(size, probes=True))
    writer = Writer(f"folders-{size}", user)
    for number in range(FOLDERS):
        name = NAMES[number] if number < len(NAMES) else f"Projects {number % 4}/Folder {number}"
        octets += intake.take(name, writer.letters(PER_FOLDER))
    intake.close()
    return octets


class Intake:
    """APPENDs in bulk: MULTIAPPEND (RFC 3502) with non-synchronizing literals (RFC 7888), one command always in flight."""

    def __init__(self, port: int, user: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self._answers = self._socket.makefile("rb")
        self._tag = 0
        self._answers.readline()
        self._run(f"LOGIN {user} {PASSWORD}")

    def take(self, folder: str, mail: Iterator[Letter]) -> int:
        """Append all of it, in order; return the octets."""
        self._run(f'CREATE "{folder}"', accept=(b"OK", b"NO"))
        self._run(f'SUBSCRIBE "{folder}"')
        octets, in_flight = 0, b""
        while batch := list(islice(mail, BATCH)):
            tag = self._next_tag()
            pieces = [f'{tag} APPEND "{folder}"'.encode()]
            for letter in batch:
                date = letter.date.strftime("%d-%b-%Y %H:%M:%S +0000")
                pieces.append(f' ({" ".join(letter.flags)}) "{date}" {{{len(letter.raw)}+}}\r\n'.encode())
                pieces.append(letter.raw)
                octets += len(letter.raw)
            if in_flight:
                self._finish(in_flight)
            self._socket.sendall(b"".join(pieces) + b"\r\n")
            in_flight = tag.encode()
        if in_flight:
            self._finish(in_flight)
        return octets

    def close(self) -> None:
        self._run("LOGOUT")
        self._socket.close()

    def _next_tag(self) -> str:
        self._tag += 1
        return f"f{self._tag}"

    def _run(self, command: str, accept: tuple[bytes, ...] = (b"OK",)) -> None:
        tag = self._next_tag()
        self._socket.sendall(f"{tag} {command}\r\n".encode())
        self._finish(tag.encode(), accept)

    def _finish(self, tag: bytes, accept: tuple[bytes, ...] = (b"OK",)) -> None:
        while not (line := self._answers.readline()).startswith(tag + b" "):
            if not line:
                raise ConnectionError("Dovecot closed the connection while it was filled")
        if not line[len(tag) + 1 :].startswith(accept):
            raise RuntimeError(f"Dovecot refused what fills it: {line!r}")

"""The floor: what one warm TLS connection to the mail server needs for the same, without parsing any of it.

No client of that server can be faster without having the answer already; the product's times stand beside these.
"""

import re
import socket
import ssl
import time
from functools import partial
from pathlib import Path

from tests.bench.fill import PASSWORD, address
from tests.bench.letters import LAST_WORD, PROBES
from tests.bench.side import Side
from tests.bench.timing import Times, repeat

PAGE = 50
ENVELOPES = "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)"
STATUS = "(MESSAGES UNSEEN UIDNEXT UIDVALIDITY HIGHESTMODSEQ)"
LITERAL = re.compile(rb"\{(\d+)\}\r\n$")
SEARCH_KEYS = {
    "search, rare in subjects": "SUBJECT Probe",
    "search, common": "SUBJECT invoice",
    "search, in texts": f"TEXT {LAST_WORD}",
}
TEXT_SECTION = {"small": "1", "newsletter": "2"}


class Wire:
    """IMAP without parsing: sends a command, reads up to its tagged answer."""

    def __init__(self, port: int, user: str, ca_file: Path) -> None:
        context = ssl.create_default_context(cafile=str(ca_file))
        plain = socket.create_connection(("127.0.0.1", port), timeout=60)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = context.wrap_socket(plain, server_hostname="localhost")
        self._answers = self._socket.makefile("rb", buffering=1 << 18)
        self._tag = 0
        self._answers.readline()
        self.run(f"LOGIN {user} {PASSWORD}")

    def run(self, command: str) -> bytes:
        self._tag += 1
        tag = f"b{self._tag} ".encode()
        self._socket.sendall(tag + command.encode() + b"\r\n")
        got = []
        while True:
            line = self._answers.readline()
            got.append(line)
            if literal := LITERAL.search(line):
                got.append(self._answers.read(int(literal.group(1))))
            elif line.startswith(tag):
                if not line.startswith(tag + b"OK"):
                    raise RuntimeError(f"{command}: {line!r}")
                return b"".join(got)
            elif not line:
                raise ConnectionError(f"{command}: the connection ended")

    def timed(self, *commands: str) -> float:
        started = time.perf_counter()
        for command in commands:
            self.run(command)
        return time.perf_counter() - started

    def close(self) -> None:
        self.run("LOGOUT")
        self._socket.close()


def measure(port: int, size: int, ca_file: Path, side: Side, repetitions: int) -> dict[str, Times]:
    """Times by the names of report.CLICKS. ``port`` is the one at the distance measured, TLS from the start."""
    user = address(size)
    wire = Wire(port, user, ca_file)
    exists = int(re.findall(rb"\* (\d+) EXISTS", wire.run("SELECT INBOX"))[0])
    newest = f"{max(1, exists - PAGE + 1)}:{exists}"
    middle = f"{exists // 2 - PAGE + 1}:{exists // 2}"
    probes = {kind: side.probes(kind) for kind in PROBES}
    movable = side.movable(repetitions + 3)

    def sign_in(_: int) -> float:
        started = time.perf_counter()
        fresh = Wire(port, user, ca_file)
        fresh.timed(f'LIST "" "*" RETURN (SPECIAL-USE STATUS {STATUS})', "SELECT INBOX", f"FETCH {newest} {ENVELOPES}")
        seconds = time.perf_counter() - started
        fresh.close()
        return seconds

    def first_page(_: int) -> float:
        wire.run('SELECT "Archive"')
        return wire.timed("SELECT INBOX", f"FETCH {newest} {ENVELOPES}")

    def open_message(kind: str, number: int) -> float:
        uid = probes[kind][number % len(probes[kind])]
        return wire.timed(
            f"UID FETCH {uid} (FLAGS ENVELOPE BODYSTRUCTURE)", f"UID FETCH {uid} BODY.PEEK[{TEXT_SECTION[kind]}]"
        )

    def open_again(kind: str, _: int) -> float:
        return open_message(kind, 0)

    times = {
        "first usable inbox": repeat(sign_in, min(5, repetitions), warm_up=1),
        "folder list": repeat(
            lambda _: wire.timed(f'LIST "" "*" RETURN (SUBSCRIBED SPECIAL-USE STATUS {STATUS})'), repetitions
        ),
        "first page": repeat(first_page, repetitions),
        "deep page": repeat(lambda _: wire.timed(f"FETCH {middle} {ENVELOPES}"), repetitions),
    }
    for kind in PROBES:
        times[f"open {kind}, cold"] = repeat(partial(open_message, kind), repetitions)
        times[f"open {kind}, warm"] = repeat(partial(open_again, kind), repetitions)

    def search(keys: str, _: int) -> float:
        """Ask for the numbers, then for the rows of the newest page of them."""
        started = time.perf_counter()
        found = [
            int(uid)
            for line in re.findall(rb"\* SEARCH([ 0-9]*)", wire.run(f"UID SEARCH {keys}"))
            for uid in line.split()
        ]
        wire.run(f"UID FETCH {','.join(map(str, found[-PAGE:]))} {ENVELOPES}")
        return time.perf_counter() - started

    for name, keys in SEARCH_KEYS.items():
        # Reading every text of a large mailbox takes so long that the difference between two times is of no interest.
        times[name] = repeat(partial(search, keys), min(2, repetitions), warm_up=1)
    uid = probes["small"][0]
    times["mark read"] = repeat(
        lambda number: wire.timed(f"UID STORE {uid} {'+-'[number % 2]}FLAGS.SILENT (\\Seen)"), repetitions
    )
    times["move"] = repeat(lambda number: wire.timed(f'UID MOVE {movable[number]} "Archive"'), repetitions)
    wire.close()
    return times

"""What the commands of a session share."""

import socket
from typing import Any, BinaryIO

from tests.servers.personalities import Personality
from tests.servers.personality_mail import Box, Copy, Mail


class Commands:
    """One connection. ``view`` is the selected folder as this session has been told it."""

    who: Personality
    mail: Mail
    connection: socket.socket
    reader: BinaryIO
    signed_in = False
    identified = False
    errors = 0
    box: Box | None = None
    view: list[Copy]
    told: dict[int, set[str]]

    def send(self, line: bytes) -> None:
        self.connection.sendall(line + b"\r\n")


def listed(words: set[str] | tuple[str, ...]) -> bytes:
    return b"(" + " ".join(sorted(words)).encode() + b")"


def items_of(words: Any) -> list[str]:
    """FETCH items; the reader keeps a section with its name."""
    found = words if isinstance(words, list) else [words]
    return [each.decode().replace("BODY.PEEK", "BODY") if each[:4] == b"BODY" else each.decode() for each in found]
